//! The command line as it is shown: what is hidden from `--help` is in no other file either.

use clap::{Arg, Command, builder::PossibleValuesParser};

/// `sockwatch` and its commands without their hidden options, built.
pub(crate) fn command() -> Command {
    let mut command = sockwatch::app::command();
    // What a command inherits is known to it only then.
    command.build();
    let mut shown = visible(&command);
    shown.build();
    shown
}

/// The generators of completions know no hidden options, and a command forgets none: so another is
/// made from what is left. Of the rest only what a page or a
/// script shows is taken along.
fn visible(command: &Command) -> Command {
    let mut shown = Command::new(kept(command.get_name()))
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .args_conflicts_with_subcommands(command.is_args_conflicts_with_subcommands_set())
        .subcommand_help_heading("COMMANDS")
        .args(
            command
                .get_arguments()
                .filter(|arg| !arg.is_hide_set())
                // A page has room for what only the short help leaves out.
                .map(|arg| arg.clone().hide_short_help(false)),
        )
        .subcommands(
            command
                .get_subcommands()
                .filter(|sub| !sub.is_hide_set())
                .map(visible),
        );
    if let Some(about) = command.get_about() {
        shown = shown.about(about.clone());
    }
    if let Some(version) = command.get_version() {
        shown = shown.version(kept(version));
    }
    shown
}

/// Without its feature `string` clap takes names that live as long as the program; here that is not
/// long, and they are few.
fn kept(name: &str) -> &'static str {
    name.to_owned().leak()
}

/// `command` with the words of the filter language for the words that it takes, so that a shell can
/// offer them.
pub(crate) fn with_vocabulary(command: &Command) -> Command {
    let offer = |arg: Arg| {
        if arg.is_positional() {
            arg.value_parser(PossibleValuesParser::new(sockwatch::filter::vocabulary()))
        } else {
            arg
        }
    };
    command
        .clone()
        .mut_args(offer)
        .mut_subcommands(|sub| sub.mut_args(offer))
}
