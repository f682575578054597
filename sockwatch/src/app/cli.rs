//! The command line: options and words as the user types them. `config` checks them.

mod details;
mod later;
mod list;
mod live;
mod mistake;
mod select;
mod shared;
mod values;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub(super) use list::ListArgs;
pub(super) use live::LiveArgs;
pub(super) use mistake::one_line;
pub(super) use select::{Chosen, family_words};
pub(super) use shared::{ColorArg, SharedArgs};

/// Every TCP state change, as it happens: ss for the live stream.
#[derive(Debug, Parser)]
#[command(
    name = "sockwatch",
    version,
    propagate_version = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    infer_long_args = true,
    args_override_self = true,
    after_help = "Exit status: 0, 1 runtime error, 2 usage or filter, 3 not permitted or not \
                  supported here."
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) live: LiveArgs,
}

/// What to do instead of tracing.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the sockets that there are, as ss does
    List(Box<ListArgs>),
    /// Say what this kernel and this user can do, and the cure for what they can't
    Doctor,
}

/// The definitions. What a transition has none of, the live trace takes, and says so, but does not
/// offer. Rows of `list` have no colours.
pub(super) fn command() -> clap::Command {
    let live = Cli::command().mut_args(|arg| match arg.get_help_heading() {
        Some(details::HEADING) => arg.hide(true),
        _ => arg,
    });
    live.mut_subcommand("list", |list| {
        list.mut_arg("color", |arg| arg.help("Colour messages"))
            .after_help(
                "Exit status: 0, 1 something could not be read, 2 usage or filter, 3 not permitted \
                 or not supported here.",
            )
    })
}

/// Reads the command line of this process.
pub(super) fn read() -> Result<Cli, clap::Error> {
    let matches = command().try_get_matches()?;
    Cli::from_arg_matches(&matches)
}

impl Cli {
    /// The live trace of what `list -E` was told.
    pub(super) fn events(list: ListArgs) -> Self {
        let live = Self::parse_from(["sockwatch"]).live;
        Self {
            command: None,
            live: LiveArgs {
                processes: list.processes,
                shared: list.shared,
                ..live
            },
        }
    }
}

impl Command {
    /// The command that `word` looks like, if any.
    pub(super) fn like(word: &str) -> Option<&'static str> {
        /// As clap judges its own suggestions.
        const ALIKE: f64 = 0.8;
        let commands = ["list", "doctor"].into_iter();
        commands
            .map(|command| (command, strsim::jaro(command, word)))
            .filter(|&(_, alike)| alike >= ALIKE)
            .max_by(|(_, one), (_, other)| one.total_cmp(other))
            .map(|(command, _)| command)
    }
}

#[cfg(test)]
mod tests;
