//! Options of `list`.

use clap::Args;

use super::shared::SharedArgs;

/// Options of `list`, with those of ss.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
pub(in crate::app) struct ListArgs {
    #[command(flatten)]
    pub shared: SharedArgs,
    /// Leave out the columns Recv-Q and Send-Q
    #[arg(short = 'Q', long, help_heading = "Output")]
    pub no_queues: bool,
    #[arg(short, long, hide = true)]
    pub processes: bool,
    /// How many sockets there are; the sockets themselves only with options or words that select some
    #[arg(short, long)]
    pub summary: bool,
}
