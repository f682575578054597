//! Options of `ss` that have no meaning here yet: known, so that a person who types one is told.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, parser::ValueSource};

/// Short, long, whether it takes a value.
const OPTIONS: &[(Option<char>, &str, bool)] = &[
    (Some('T'), "threads", false),
    (Some('Z'), "context", false),
    (Some('z'), "contexts", false),
    (Some('b'), "bpf", false),
    (None, "bpf-maps", false),
    (None, "bpf-map-id", true),
    (None, "tipcinfo", false),
    (Some('s'), "summary", false),
    (Some('K'), "kill", false),
    (Some('D'), "diag", true),
];

/// `-E`: what the live trace is for.
const EVENTS: &str = "events";

/// The first such option that was given.
#[derive(Clone, Debug, Default)]
pub(in crate::app) struct LaterArgs {
    /// What to say about it.
    pub said: Option<String>,
}

impl Args for LaterArgs {
    fn augment_args(command: Command) -> Command {
        let hidden = |short: Option<char>, long: &'static str, value: bool| {
            let arg = Arg::new(long).long(long).hide(true);
            let arg = match short {
                Some(short) => arg.short(short),
                None => arg,
            };
            if value {
                arg.num_args(0..=1).action(ArgAction::Append)
            } else {
                arg.action(ArgAction::SetTrue)
            }
        };
        let command = OPTIONS
            .iter()
            .fold(command, |command, &(short, long, value)| {
                command.arg(hidden(short, long, value))
            });
        command.arg(hidden(Some('E'), EVENTS, false))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for LaterArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut later = Self::default();
        later.update_from_arg_matches(matches)?;
        Ok(later)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let given = |long: &str| matches.value_source(long) == Some(ValueSource::CommandLine);
        let later = OPTIONS.iter().find(|(_, long, _)| given(long));
        self.said = match later {
            Some((Some(short), long, _)) => Some(not_yet(&format!("-{short} (--{long})"))),
            Some((None, long, _)) => Some(not_yet(&format!("--{long}"))),
            None if given(EVENTS) => Some(
                "-E (--events) is not there yet; sockwatch without a command shows sockets as they \
                 change"
                    .to_owned(),
            ),
            None => None,
        };
        Ok(())
    }
}

/// What is said about an option that will have a meaning.
pub(in crate::app) fn not_yet(option: &str) -> String {
    format!("{option} is not there yet")
}
