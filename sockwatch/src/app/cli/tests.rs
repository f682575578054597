use clap::CommandFactory as _;

use super::{select::SelectArgs, *};
use crate::{
    filter::{Choice, Tables, tables::StateOption},
    model::{AddressFamily, Netid},
};

fn parse(args: &[&str]) -> Cli {
    Cli::try_parse_from(["sockwatch"].iter().chain(args)).unwrap()
}

fn list(args: &[&str]) -> ListArgs {
    match parse(&[&["list"], args].concat()).command {
        Some(Command::List(list)) => *list,
        other => panic!("{other:?}"),
    }
}

fn chosen(select: &SelectArgs) -> Vec<Choice> {
    select.chosen.iter().map(|one| one.choice.clone()).collect()
}

#[test]
fn the_definitions_are_sound() {
    Cli::command().debug_assert();
}

#[test]
fn the_live_trace_offers_what_it_can_do() {
    let command = command();
    let shown = |command: &clap::Command| -> Vec<String> {
        let args = command.get_arguments().filter(|arg| !arg.is_hide_set());
        args.map(|arg| arg.get_id().to_string()).collect()
    };
    let live = shown(&command);
    let list = shown(command.find_subcommand("list").unwrap());
    for only_listed in ["udp", "unix", "packet", "bound-inactive", "timers"] {
        let is_it = |id: &String| id == only_listed;
        assert!(
            !live.iter().any(is_it) && list.iter().any(is_it),
            "{only_listed}"
        );
    }
    for both in ["tcp", "sctp", "ipv6", "listening"] {
        assert!(
            live.iter().chain(&list).filter(|id| *id == both).count() == 2,
            "{both}"
        );
    }
}

#[test]
fn words_stand_anywhere_among_the_options() {
    let args = parse(&["-nt", "dst", ":443", "or", "-H", "dst", ":80", "--json"])
        .live
        .shared;
    assert_eq!(args.words, ["dst", ":443", "or", "dst", ":80"]);
    assert!(args.numeric && args.no_header && args.json);
    let args = list(&["-tan", "sport = :22", "-H", "not", "dst", "::1", "--", "-1"]);
    assert_eq!(
        args.shared.words,
        ["sport = :22", "not", "dst", "::1", "-1"]
    );
    assert!(args.shared.no_header);
    let args = parse(&["state", "established", "!", "(", "src", "*", ")"])
        .live
        .shared;
    assert_eq!(args.words.len(), 7);
}

#[test]
fn every_command_tells_the_version() {
    for args in [["sockwatch", "-V"].as_slice(), &["sockwatch", "list", "-V"]] {
        let told = Cli::try_parse_from(args).unwrap_err();
        assert_eq!(told.kind(), clap::error::ErrorKind::DisplayVersion);
    }
}

#[test]
fn a_command_is_the_first_word_or_a_word() {
    assert!(matches!(parse(&["doctor"]).command, Some(Command::Doctor)));
    let late = parse(&["-n", "list"]);
    assert!(late.command.is_none());
    assert_eq!(late.live.shared.words, ["list"]);
    assert_eq!(parse(&["lst"]).live.shared.words, ["lst"]);
    assert_eq!(Command::like("lst"), Some("list"));
    assert_eq!(Command::like("doctr"), Some("doctor"));
    assert_eq!(Command::like("state"), None);
    assert_eq!(list(&["doctor"]).shared.words, ["doctor"]);
}

#[test]
fn choices_keep_their_order() {
    let args = list(&["-t", "-A", "udp,!raw", "-4", "-f", "unix", "-at", "-6l"]);
    let choices = chosen(&args.shared.select);
    let mut kinds = choices.iter();
    assert_eq!(kinds.next(), Some(&Choice::Table(Netid::Tcp)));
    assert!(matches!(kinds.next(), Some(Choice::Query(_))));
    let rest: Vec<_> = kinds.cloned().collect();
    assert_eq!(
        rest,
        [
            Choice::Family(AddressFamily::Inet),
            Choice::Family(AddressFamily::Unix),
            Choice::States(StateOption::All),
            Choice::Table(Netid::Tcp),
            Choice::Family(AddressFamily::Inet6),
            Choice::States(StateOption::Listening),
        ]
    );
    let shown: Vec<_> = args
        .shared
        .select
        .chosen
        .iter()
        .map(|one| one.shown.as_str())
        .collect();
    assert_eq!(shown, ["-t", "-A", "-4", "-f unix", "-a", "-t", "-6", "-l"]);
    let tables = Tables::of(&choices);
    assert_eq!(tables.preferred, None);
}

#[test]
fn an_option_may_be_given_twice() {
    let twice = list(&["-n", "-nH", "-H", "-t", "-t", "-A", "tcp", "-A", "udp"]);
    assert_eq!(twice.shared.select.chosen.len(), 4);
    let color = list(&["--color", "never", "--color", "always"])
        .shared
        .color;
    assert!(matches!(color, ColorArg::Always));
    let files = parse(&["-F", "a", "-F", "b"]).live.shared.filter;
    assert_eq!(files.len(), 2, "the second is refused, not ignored");
}

#[test]
fn long_options_may_be_cut_short() {
    let args = list(&["--tc", "--al", "--numer", "--socket", "udp"]).shared;
    assert!(args.numeric);
    assert_eq!(args.select.chosen.len(), 3);
    assert!(Cli::try_parse_from(["sockwatch", "list", "--no"]).is_err());
}

#[test]
fn what_comes_later_is_known() {
    let said = |args: &[&str]| list(args).shared.later.said;
    assert_eq!(said(&["-tan"]), None);
    assert_eq!(said(&["-tanoemib", "--tos", "--tipcinfo"]), None);
    for storage in [&["--bpf-maps"][..], &["--bpf-map-id=7"]] {
        assert!(said(storage).unwrap().contains("is not shown"));
    }
    assert_eq!(said(&["-D", "FILE", "-K"]), None);
    assert_eq!(said(&["-s"]), None);
    assert!(list(&["-E"]).shared.events);
    assert!(list(&["-p"]).processes);
}

#[test]
fn families_can_be_asked_for() {
    assert!(list(&["-f", "help"]).shared.select.families_asked);
    assert_eq!(
        family_words(),
        "inet inet6 unix link netlink vsock tipc xdp"
    );
}
