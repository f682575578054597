//! Options of `ss` that have no meaning here, or none in the live trace: known, so that a person who
//! types one is told.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, parser::ValueSource};

/// An option, known by its long name only.
struct Known {
    /// For clap: another than that of an option of the same name in another command.
    id: &'static str,
    short: Option<char>,
    long: &'static str,
    takes_value: bool,
}

const fn known(short: Option<char>, long: &'static str) -> Known {
    Known {
        id: long,
        short,
        long,
        takes_value: false,
    }
}

const fn with_value(short: Option<char>, long: &'static str) -> Known {
    Known {
        takes_value: true,
        ..known(short, long)
    }
}

/// What BPF programs keep with a socket (`SK_BPF_STORAGES`) is theirs: only their BTF says what it means.
const NEVER: &[Known] = &[known(None, "bpf-maps"), with_value(None, "bpf-map-id")];

/// What only `list` does.
const ONLY_LIST: &[Known] = &[
    Known {
        id: "only-list-summary",
        ..known(Some('s'), "summary")
    },
    Known {
        id: "only-list-kill",
        ..known(Some('K'), "kill")
    },
    Known {
        id: "only-list-diag",
        ..with_value(Some('D'), "diag")
    },
];

/// The first such option that was given.
#[derive(Clone, Debug, Default)]
pub(in crate::app) struct LaterArgs {
    /// What to say about it.
    pub said: Option<String>,
}

impl Args for LaterArgs {
    fn augment_args(command: Command) -> Command {
        let only_list = if command.get_name() == "list" {
            &[]
        } else {
            ONLY_LIST
        };
        let all = NEVER.iter().chain(only_list);
        all.fold(command, |command, known| command.arg(hidden(known)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn hidden(known: &Known) -> Arg {
    let arg = Arg::new(known.id).long(known.long).hide(true);
    let arg = match known.short {
        Some(short) => arg.short(short),
        None => arg,
    };
    if known.takes_value {
        arg.num_args(0..=1).action(ArgAction::Append)
    } else {
        arg.action(ArgAction::SetTrue)
    }
}

impl FromArgMatches for LaterArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut later = Self::default();
        later.update_from_arg_matches(matches)?;
        Ok(later)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let given = |known: &&Known| {
            matches.try_contains_id(known.id).is_ok()
                && matches.value_source(known.id) == Some(ValueSource::CommandLine)
        };
        let only_list = |known: &Known| format!("{}: only sockwatch list has it", shown(known));
        let only_list = ONLY_LIST.iter().find(given).map(only_list);
        let never = NEVER.iter().find(given).map(|known| {
            let shown = shown(known);
            format!(
                "{shown}: what BPF programs keep with a socket is not shown; ss does, since 6.9"
            )
        });
        self.said = never.or(only_list);
        Ok(())
    }
}

fn shown(known: &Known) -> String {
    match known.short {
        Some(short) => format!("-{short} (--{})", known.long),
        None => format!("--{}", known.long),
    }
}
