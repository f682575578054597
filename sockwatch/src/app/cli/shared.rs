//! What the live trace and `list` have in common.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{details::DetailArgs, later::LaterArgs, select::SelectArgs};

/// Options of every command that shows sockets. Short flags mean what they mean in ss.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(in crate::app) struct SharedArgs {
    /// Which sockets: words of ss's filter language, e.g. state established dst :443
    #[arg(value_name = "FILTER")]
    pub words: Vec<String>,
    /// Read more of the filter from FILE, `-` for standard input
    #[arg(
        short = 'F',
        long,
        value_name = "FILE",
        action = clap::ArgAction::Append,
        help_heading = "Selection"
    )]
    pub filter: Vec<PathBuf>,
    #[command(flatten)]
    pub select: SelectArgs,
    /// Show one network namespace: a name of `ip netns`, or a path
    #[arg(short = 'N', long, value_name = "NAME", help_heading = "Selection")]
    pub net: Option<String>,

    /// Print JSON lines
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Don't look up service names
    #[arg(short, long, help_heading = "Output")]
    pub numeric: bool,
    /// Look up host names
    #[arg(short, long, help_heading = "Output")]
    pub resolve: bool,
    /// Print no header
    #[arg(short = 'H', long, help_heading = "Output")]
    pub no_header: bool,
    #[command(flatten)]
    pub details: DetailArgs,
    /// Print one line for each socket, whatever is shown of it; the live trace always does
    #[arg(short = 'O', long, help_heading = "Output", hide_short_help = true)]
    pub oneline: bool,
    /// Colour the text
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Output"
    )]
    pub color: ColorArg,
    /// Show sockets as they change: the live trace, also after `list`
    #[arg(short = 'E', long, hide_short_help = true, help_heading = "Run")]
    pub events: bool,
    /// Say more on standard error
    #[arg(short, long, help_heading = "Output")]
    pub verbose: bool,

    #[command(flatten)]
    pub later: LaterArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::app) enum ColorArg {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}
