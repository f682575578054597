//! The predicates that `ss` does not have.

use super::{expr, read, tcp};
use crate::filter::expr::{Compare, Expr, Glob, HostTest, Term};
use crate::model::{Cause, Nanos};

fn glob(text: &str) -> Glob {
    Glob {
        pattern: text.as_bytes().to_vec(),
    }
}

#[test]
fn each_has_values_of_its_own() {
    let cases = [
        ("pid 1", Term::Pid(Compare::Eq, vec![1..=1])),
        (
            "pid != 1,5-0x10",
            Term::Pid(Compare::Ne, vec![1..=1, 5..=16]),
        ),
        ("pid ge 1000", Term::Pid(Compare::Ge, vec![1000..=1000])),
        ("comm = ngin*", Term::Comm(Compare::Eq, glob("ngin*"))),
        (
            "comm tmux:\\ server",
            Term::Comm(Compare::Eq, glob("tmux: server")),
        ),
        ("comm \\and", Term::Comm(Compare::Eq, glob("and"))),
        ("comm \\=", Term::Comm(Compare::Eq, glob("="))),
        ("comm = pid", Term::Comm(Compare::Eq, glob("pid"))),
        (
            "uid root,1000-1999",
            Term::Uid(Compare::Eq, vec![0..=0, 1000..=1999]),
        ),
        ("user != www-data", Term::Uid(Compare::Ne, vec![33..=33])),
        ("uid < 1000", Term::Uid(Compare::Lt, vec![1000..=1000])),
        (
            "netns 7,blue",
            Term::Netns(Compare::Eq, vec![7..=7, 4_026_531_840..=4_026_531_840]),
        ),
        (
            "netns /run/netns/blue",
            Term::Netns(Compare::Eq, vec![4_026_531_840..=4_026_531_840]),
        ),
        ("container 3f4a", Term::Container(Compare::Eq, glob("3f4a"))),
        ("dwell > 1s", Term::Dwell(Compare::Gt, Nanos(1_000_000_000))),
        (
            "age le 1.5h",
            Term::Age(Compare::Le, Nanos(5_400_000_000_000)),
        ),
        ("rtt >= 500us", Term::Rtt(Compare::Ge, Nanos(500_000))),
        ("retrans > 0", Term::Retrans(Compare::Gt, vec![0..=0])),
        (
            "cause refused,timed-out",
            Term::Cause(Compare::Eq, vec![Cause::Refused, Cause::TimedOut]),
        ),
    ];
    for (word, term) in cases {
        assert_eq!(expr(word), Expr::Term(term), "{word}");
    }
    let refused = [
        "pid x",
        "pid -1",
        "pid 5-1",
        "pid > 1,2",
        "pid 1,,2",
        "comm > a",
        "comm and",
        "uid nobody",
        "user > root",
        "netns red",
        "container",
        "dwell 5",
        "dwell > soon",
        "cause reset",
        "cause > refused",
        "retrans",
        "pid 99999999999999999999",
    ];
    for word in refused {
        assert!(read(word, &tcp()).is_err(), "{word}");
    }
}

#[test]
fn in_the_place_of_a_value_they_are_values() {
    let host = |word: &str| read(word, &tcp()).unwrap_err().to_string();
    assert!(host("src pid").starts_with("there is no host `pid`"));
    let glob = Glob {
        pattern: b"age".to_vec(),
    };
    let named = HostTest::Unix(glob);
    assert!(matches!(expr("src unix:age"), Expr::Term(Term::Host { host, .. }) if host == named));
}
