use clap::Parser as _;

use super::{
    super::cli::{Cli, Command},
    *,
};
use crate::model::Proto;

fn live(args: &[&str]) -> Result<Selection, String> {
    let args = ["sockwatch"].iter().chain(args);
    let args = Cli::try_parse_from(args).unwrap().live;
    match Config::new(args) {
        Ok(config) => Ok(config.selection),
        Err(failure) => Err(format!("{failure:?}")),
    }
}

fn list(args: &[&str]) -> Result<ListConfig, String> {
    let args = ["sockwatch", "list"].iter().chain(args);
    match Cli::try_parse_from(args).unwrap().command {
        Some(Command::List(args)) => {
            ListConfig::new(&args).map_err(|failure| format!("{failure:?}"))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn live_shows_every_state_of_what_changes_state() {
    let all = live(&[]).unwrap();
    assert_eq!(all, Selection::default());
    let narrow = live(&["-tl", "-6"]).unwrap();
    assert_eq!(narrow.protos, [Proto::Tcp]);
    assert_eq!(narrow.families, [Family::Inet6]);
    assert_eq!(narrow.states, StateSet::of(&[TcpState::Listen]));
    assert_eq!(live(&["-4"]).unwrap().protos, []);
    assert_eq!(live(&["-M", "-S", "-d"]).unwrap().protos.len(), 3);
    assert_eq!(live(&["-A", "inet,!tcp"]).unwrap().protos.len(), 3);
    assert_eq!(live(&["-l", "-a"]).unwrap().states, StateSet::ALL);
    assert_eq!(live(&["-f", "inet"]).unwrap().families, [Family::Inet]);
    let nothing = live(&["-l", "exclude", "all"]).unwrap();
    assert_eq!(nothing.states, StateSet::ALL);
}

#[test]
fn live_refuses_what_it_cannot_show() {
    for (option, shown) in [
        (
            &["-u"][..],
            "-u: not traced live; `sockwatch list -u` shows",
        ),
        (&["-x"], "-x: not"),
        (&["-t", "-0"], "-0: not"),
        (&["-f", "netlink"], "-f netlink: not"),
        (&["-A", "tcp,udp"], "-A: not"),
        (&["--vsock"], "--vsock: not"),
        (&["-B"], "-B: not"),
        (&["-F", "a", "-F", "b"], "more than one filter file"),
        (&["-A", "!tcp"], "no socket tables"),
        (&["-A", "all,!inet"], "no socket tables"),
    ] {
        let failure = live(option).unwrap_err();
        assert!(failure.contains(shown), "{option:?}: {failure}");
    }
}

#[test]
fn list_takes_the_usual_states() {
    let tables = list(&["-t"]).unwrap().tables;
    assert!(tables.states.contains(TcpState::Established));
    assert!(!tables.states.contains(TcpState::Listen));
    // Words that leave no state put `-a` and `-l` out of force all the same.
    for option in ["-ta", "-tl"] {
        let nothing = list(&[option, "exclude", "all"]).unwrap().tables;
        assert_eq!(nothing.states, tables.states, "{option}");
    }
    assert!(list(&["-A", "!tcp"]).unwrap().tables.netids.is_empty());
}
