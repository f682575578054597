//! The options that select tables, families and states, in the order in which they were given.
//!
//! What they select together is `filter::tables`' to say.

use clap::{
    Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches,
    builder::{TypedValueParser, ValueParser},
    parser::ValueSource,
};

use crate::{
    filter::tables::{Choice, Query, StateOption},
    model::{AddressFamily, Netid},
};

/// A flag, and what it chooses.
struct Flag {
    short: Option<char>,
    long: &'static str,
    help: &'static str,
    choice: Choice,
}

const fn flag(short: Option<char>, long: &'static str, help: &'static str, choice: Choice) -> Flag {
    Flag {
        short,
        long,
        help,
        choice,
    }
}

const fn table(short: char, long: &'static str, help: &'static str, table: Netid) -> Flag {
    flag(Some(short), long, help, Choice::Table(table))
}

const fn family(
    short: Option<char>,
    long: &'static str,
    help: &'static str,
    family: AddressFamily,
) -> Flag {
    flag(short, long, help, Choice::Family(family))
}

const fn states(short: char, long: &'static str, help: &'static str, option: StateOption) -> Flag {
    flag(Some(short), long, help, Choice::States(option))
}

const FLAGS: [Flag; 16] = [
    table('t', "tcp", "TCP sockets", Netid::Tcp),
    table('u', "udp", "UDP sockets", Netid::Udp),
    table('w', "raw", "Raw sockets", Netid::Raw),
    table('M', "mptcp", "MPTCP sockets", Netid::Mptcp),
    table('S', "sctp", "SCTP sockets", Netid::Sctp),
    table('d', "dccp", "DCCP sockets", Netid::Dccp),
    family(Some('x'), "unix", "Unix sockets", AddressFamily::Unix),
    family(Some('0'), "packet", "Packet sockets", AddressFamily::Link),
    family(None, "vsock", "Vsock sockets", AddressFamily::Vsock),
    family(None, "xdp", "XDP sockets", AddressFamily::Xdp),
    family(None, "tipc", "TIPC sockets", AddressFamily::Tipc),
    family(Some('4'), "ipv4", "IPv4 sockets", AddressFamily::Inet),
    family(Some('6'), "ipv6", "IPv6 sockets", AddressFamily::Inet6),
    states('a', "all", "Every state", StateOption::All),
    states(
        'l',
        "listening",
        "Listening sockets",
        StateOption::Listening,
    ),
    states(
        'B',
        "bound-inactive",
        "Sockets bound to a port that neither listen nor connect",
        StateOption::BoundInactive,
    ),
];

const FAMILY: &str = "family";
const QUERY: &str = "query";

/// An option of the selection, as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::app) struct Chosen {
    pub choice: Choice,
    /// For messages: `-t`, `-f unix`.
    pub shown: String,
}

/// The value of `-f`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FamilyArg {
    One(AddressFamily),
    /// `-f help`
    Help,
}

/// The options of the selection.
#[derive(Clone, Debug, Default)]
pub(in crate::app) struct SelectArgs {
    /// In the order of the command line.
    pub chosen: Vec<Chosen>,
    /// `-f help`: the families are asked for.
    pub families_asked: bool,
}

impl Args for SelectArgs {
    fn augment_args(command: Command) -> Command {
        // The live trace refuses what is not traced, and does not offer it; its `--raw` is another.
        let live = command.get_name() != "list";
        let command = FLAGS.iter().fold(command, |command, flag| {
            let long = (!live || flag.long != "raw").then_some(flag.long);
            let arg = Arg::new(flag.long)
                .long(long)
                .help(flag.help)
                // Not SetTrue, which knows the place of the last one only.
                .action(ArgAction::Append)
                .num_args(0)
                .default_missing_value("")
                .hide(live && !flag.choice.is_traced())
                .help_heading("Selection");
            command.arg(match flag.short {
                Some(short) => arg.short(short),
                None => arg,
            })
        });
        command
            .arg(
                Arg::new(FAMILY)
                    .short('f')
                    .long(FAMILY)
                    .value_name("FAMILY")
                    .help(if live {
                        "Sockets of a family: inet or inet6"
                    } else {
                        "Sockets of a family; `-f help` names them"
                    })
                    .value_parser(ValueParser::new(family_named))
                    .action(ArgAction::Append)
                    .help_heading("Selection"),
            )
            .arg(
                Arg::new(QUERY)
                    .short('A')
                    .long(QUERY)
                    .visible_alias("socket")
                    .value_name("TABLES")
                    .help(if live {
                        "Sockets of these tables: tcp,mptcp"
                    } else {
                        "Sockets of these tables: tcp,udp or all,!unix"
                    })
                    .value_parser(
                        clap::builder::StringValueParser::new().try_map(|v| Query::parse(&v)),
                    )
                    .action(ArgAction::Append)
                    .help_heading("Selection"),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn family_named(word: &str) -> Result<FamilyArg, String> {
    if word == "help" {
        return Ok(FamilyArg::Help);
    }
    let named = AddressFamily::ALL
        .into_iter()
        .find(|family| family.word() == word);
    named
        .map(FamilyArg::One)
        .ok_or_else(|| format!("it takes {}", family_words()))
}

/// The words that `-f` takes.
pub(in crate::app) fn family_words() -> String {
    AddressFamily::ALL.map(AddressFamily::word).join(" ")
}

impl FromArgMatches for SelectArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut select = Self::default();
        select.update_from_arg_matches(matches)?;
        Ok(select)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let mut placed: Vec<(usize, Chosen)> = Vec::new();
        for flag in &FLAGS {
            let shown = match flag.short {
                Some(short) => format!("-{short}"),
                None => format!("--{}", flag.long),
            };
            placed.extend(places(matches, flag.long).map(|place| {
                let choice = flag.choice.clone();
                (
                    place,
                    Chosen {
                        choice,
                        shown: shown.clone(),
                    },
                )
            }));
        }
        let families = matches.get_many::<FamilyArg>(FAMILY).into_iter().flatten();
        for (place, family) in places(matches, FAMILY).zip(families) {
            match family {
                FamilyArg::Help => self.families_asked = true,
                FamilyArg::One(family) => {
                    let shown = format!("-f {}", family.word());
                    let choice = Choice::Family(*family);
                    placed.push((place, Chosen { choice, shown }));
                }
            }
        }
        let queries = matches.get_many::<Query>(QUERY).into_iter().flatten();
        for (place, query) in places(matches, QUERY).zip(queries) {
            let choice = Choice::Query(query.clone());
            placed.push((
                place,
                Chosen {
                    choice,
                    shown: "-A".to_owned(),
                },
            ));
        }
        placed.sort_by_key(|(place, _)| *place);
        self.chosen = placed.into_iter().map(|(_, chosen)| chosen).collect();
        Ok(())
    }
}

/// Where an option stands in the command line.
fn places<'a>(matches: &'a ArgMatches, id: &str) -> impl Iterator<Item = usize> + use<'a> {
    let given = matches.value_source(id) == Some(ValueSource::CommandLine);
    let places = given.then(|| matches.indices_of(id)).flatten();
    places.into_iter().flatten()
}
