//! Filters that nobody would write. `BOLERO_RANDOM_ITERATIONS` says how many.

use super::*;
use crate::filter::lookup::fake::FakeLookup;
use crate::model::{AddressFamily, Netid};

const TOKENS: [&str; 104] = [
    "and",
    "or",
    "not",
    "(",
    ")",
    "!",
    "&&",
    "||",
    "|",
    "=",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "eq",
    "ne",
    "src",
    "dst",
    "sport",
    "dport",
    "dev",
    "fwmark",
    "cgroup",
    "autobound",
    "pid",
    "comm",
    "uid",
    "user",
    "netns",
    "container",
    "dwell",
    "age",
    "rtt",
    "retrans",
    "cause",
    "state",
    "exclude",
    "established",
    "all",
    "closed",
    "listen",
    ":22",
    "22",
    ":ssh",
    ":80,443",
    ":8000-8099",
    ":-1",
    "*",
    ":*",
    "*:22",
    "0x16",
    "-1--1",
    ":bootps/udp",
    ":ambig",
    "99999999999999999999",
    "10.0.0.1",
    "10.1/16",
    "127.0.0.1:22",
    "[::1]:22",
    "::1:22",
    "fd00::/64:22",
    "[10.0.0.1,fd00::1/64]:80",
    "localhost",
    "localhost:ssh",
    "nowhere",
    "any",
    "inet:",
    "inet6:[::1]",
    "inet::22",
    "unix:",
    "unix:/run/*",
    "unix:a\\ b",
    "link:arp:lo",
    "link:*:2",
    "netlink:rtnl:kernel",
    "netlink:*:-5",
    "vsock:3:*",
    "xdp:5",
    "lo",
    "0",
    "0x1/0xff",
    "-1",
    "/a/b",
    "^/a",
    "^/",
    "root",
    "www-data,5-9",
    "blue",
    "1s",
    "1.5h",
    "500",
    "0ns",
    "refused",
    "refused,error",
    "ngin*",
    "\\and",
    "\\=",
    "\\",
    "\\\\",
    "é",
    "#",
    "\u{1b}[0m",
    "SPORT",
];

/// A character that makes a new token of two, and those that change one.
const GLUE: [&str; 12] = [" ", " ", " ", " ", "\t", "", ":", ",", "-", "/", "\\", "\n"];

fn context(choice: u8) -> Context {
    let families = AddressFamily::ALL;
    let tables = [Netid::Tcp, Netid::Udp, Netid::Raw];
    Context {
        tables: tables[usize::from(choice & 3).min(2)..].to_vec(),
        preferred: families.get(usize::from(choice >> 2)).copied(),
    }
}

/// Nothing panics; an error can be shown; what is read is printed and read again as the same.
fn check(words: &[String], file: Option<&str>, choice: u8) {
    let file = file.map(|text| FilterFile { name: "file", text });
    let context = context(choice);
    let result = parse(
        &Source { words, file },
        &context,
        &mut FakeLookup::default(),
    );
    let filter = match result {
        Ok(filter) => filter,
        Err(error) => {
            let shown = error.render(false);
            assert!(
                !shown.chars().any(|c| c.is_control() && c != '\n'),
                "{shown:?}"
            );
            return;
        }
    };
    let printed = [filter.expr.to_string()];
    // What is printed means itself where no family is preferred.
    let tables = vec![Netid::Tcp];
    let context = Context {
        tables,
        preferred: None,
    };
    let mut lookup = FakeLookup {
        no_hosts: true,
        ..FakeLookup::default()
    };
    match parse(
        &Source {
            words: &printed,
            file: None,
        },
        &context,
        &mut lookup,
    ) {
        Ok(again) => assert_eq!(again.expr, filter.expr, "{printed:?}"),
        Err(error) => panic!("{printed:?}: {error}"),
    }
}

#[test]
fn any_bytes() {
    bolero::check!()
        .with_iterations(10_000)
        .with_max_len(256)
        .for_each(|bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            let choice = bytes.first().copied().unwrap_or_default();
            let words: Vec<String> = text.split('\0').map(str::to_owned).collect();
            let (file, words) = words.split_last().unwrap();
            check(
                words,
                (choice & 1 == 1).then_some(file.as_str()),
                choice >> 1,
            );
            check(&[text.into_owned()], None, choice >> 1);
        });
}

#[test]
fn any_tokens() {
    bolero::check!()
        .with_iterations(20_000)
        .with_max_len(96)
        .for_each(|bytes: &[u8]| {
            let choice = bytes.first().copied().unwrap_or_default();
            let mut words = vec![String::new()];
            for pair in bytes.chunks_exact(2) {
                let [token, glue] = [pair[0], pair[1]].map(usize::from);
                let word = words.last_mut().unwrap();
                word.push_str(TOKENS[token % TOKENS.len()]);
                word.push_str(GLUE[glue % 12]);
                // Words of states, and now and then another, are words of the command line.
                if matches!(word.trim_end(), "state" | "exclude" | "closed" | "all") || glue >= 250
                {
                    *word = word.trim_end().to_owned();
                    words.push(String::new());
                }
            }
            check(&words, None, choice);
        });
}

/// Whole predicates, so that most of what is made is a filter.
#[test]
fn any_predicates() {
    const VALUES: [&[&str]; 12] = [
        &[
            "src 10.0.0.1",
            "dst = [fd00::/8]:80",
            "src localhost:22",
            "dst *",
            "src unix:a",
            "dst link:arp:lo",
        ],
        &[
            "sport = :22",
            "dport != :80,90-99",
            "sport < 5",
            "dport ge :ssh",
            "sport = link:lo",
            "sport :ambig",
        ],
        &[
            "dev lo",
            "dev != 3",
            "fwmark 1/3",
            "fwmark != 0x10",
            "autobound",
            "cgroup ^/a",
        ],
        &[
            "pid 1",
            "comm \\and",
            "uid root",
            "user != 5",
            "netns blue",
            "container a*",
        ],
        &[
            "dwell > 1s",
            "age < 5m",
            "rtt >= 1us",
            "retrans 1-3",
            "cause refused",
            "cause != error",
        ],
        &["( ", "( ( ", "not ( ", "not not ", "not ", "( not "],
        &[" )", " ) )", " )", " )", " ) and", " ) or"],
        &[" and ", " and ", " && ", " & ", " and not ", " and ( "],
        &[" or ", " or ", " || ", " | ", " or not ", " or ( "],
        &[
            "src 10.0.0.1",
            "sport 1",
            "sport 2",
            "sport 3",
            "sport 4",
            "sport 5",
        ],
        &[" or ", " and ", " ", " ", " or ", " and "],
        &[" or ", " and ", " ", " ", " or ", " and "],
    ];
    bolero::check!()
        .with_iterations(20_000)
        .with_max_len(64)
        .for_each(|bytes: &[u8]| {
            let mut text = String::new();
            let mut open: usize = 0;
            for &byte in bytes {
                let kind = usize::from(byte) % 12;
                let piece = VALUES[kind][usize::from(byte) / 12 % 6];
                text.push_str(piece);
                text.push(' ');
                open += piece.matches('(').count();
                open = open.saturating_sub(piece.matches(')').count());
            }
            text.push_str(&" )".repeat(open));
            check(&[text], None, 0);
        });
}
