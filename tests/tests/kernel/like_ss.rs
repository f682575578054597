//! `sockwatch list` against the installed `ss`: the same words, the same sockets.

use std::{collections::BTreeSet, process::Command};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use sockwatch_tests::{
    binary,
    expressions::{INET, PACKET, SELECTIONS, STATES, UNIX, random},
    netns::Netns,
    population::PORTID,
};

use super::both::Both;

/// Generated expressions that are tried.
const RANDOM: u64 = 600;

pub(super) fn trials() -> Vec<Trial> {
    trials![
        options_select_the_sockets_that_ss_selects,
        state_words_mean_what_they_mean_to_ss,
        inet_expressions_mean_what_they_mean_to_ss,
        unix_and_packet_expressions_mean_what_they_mean_to_ss,
        random_expressions_mean_what_they_mean_to_ss,
    ]
}

/// Gives the same words to both.
fn compare(both: &mut Both, words: &str) -> Result<()> {
    let words = both.in_place(words)?;
    let words: Vec<&str> = words.split_whitespace().collect();
    let ss = rows(Command::new("ss").args(["-H", "-n"]).args(&words))?;
    let ours = rows(&mut binary::command(
        &[&["list", "-H", "-n"][..], &words].concat(),
    )?)?;
    let differing = match (ss, ours) {
        (Some(ss), Some(ours)) if ss != ours => {
            let missing: Vec<_> = ss.difference(&ours).collect();
            let beyond: Vec<_> = ours.difference(&ss).collect();
            Some(format!("missing {missing:#?}, too many {beyond:#?}"))
        }
        (Some(_), None) => Some("refused by us".to_owned()),
        (None, Some(_)) => Some("refused by ss".to_owned()),
        (Some(_), Some(_)) | (None, None) => None,
    };
    both.tell(&words.join(" "), differing);
    Ok(())
}

/// What is listed, spaces aside; `None` where the words are refused. Netlink sockets come and go with
/// every tool that runs: of those only the population's counts.
fn rows(command: &mut Command) -> Result<Option<BTreeSet<String>>> {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_ours = |line: &String| !is_netlink(line) || line.contains(&PORTID.to_string());
    let done = command.output()?;
    if !done.status.success() {
        ensure!(
            done.stdout.is_empty(),
            "{command:?} lists something and fails"
        );
        return Ok(None);
    }
    let text = String::from_utf8(done.stdout)?;
    let listed = text.lines().filter(|line| !line.is_empty());
    Ok(Some(listed.map(words).filter(is_ours).collect()))
}

/// `nl ...` where tables are mixed, `0:1234` as the local end where not.
fn is_netlink(row: &str) -> bool {
    let words: Vec<&str> = row.split(' ').collect();
    let is_number = |text: &str| text.parse::<i64>().is_ok();
    let is_end = |word: &&str| {
        word.split_once(':')
            .is_some_and(|(protocol, portid)| is_number(protocol) && is_number(portid))
    };
    words.first() == Some(&"nl") || words.iter().any(is_end)
}

fn options_select_the_sockets_that_ss_selects(_netns: &Netns) -> Result<()> {
    let mut both = Both::settle()?;
    for selection in SELECTIONS {
        compare(&mut both, selection)?;
        compare(&mut both, &format!("{selection} sport = :5000"))?;
    }
    both.agree(2 * SELECTIONS.len())
}

fn state_words_mean_what_they_mean_to_ss(_netns: &Netns) -> Result<()> {
    let mut both = Both::settle()?;
    for state in STATES {
        for table in ["-t", "-u", "-x", "-tx"] {
            compare(&mut both, &format!("{table} state {state}"))?;
        }
        compare(&mut both, &format!("-t exclude {state}"))?;
    }
    for words in [
        "-t state established state listening",
        "-t state connected exclude established",
        "-t exclude listening exclude established",
        "-t state all exclude connected",
        "-t -a state time-wait",
        "-t state established exclude established",
        "-t state established excl fin-wait-1 sport = :5000",
    ] {
        compare(&mut both, words)?;
    }
    both.agree(STATES.len() * 5)
}

fn inet_expressions_mean_what_they_mean_to_ss(_netns: &Netns) -> Result<()> {
    let mut both = Both::settle()?;
    for expression in INET {
        compare(&mut both, &format!("-ta {expression}"))?;
    }
    for expression in INET.iter().step_by(3) {
        compare(&mut both, &format!("-ua {expression}"))?;
        compare(&mut both, &format!("-t4 {expression}"))?;
    }
    both.agree(INET.len())
}

fn unix_and_packet_expressions_mean_what_they_mean_to_ss(_netns: &Netns) -> Result<()> {
    let mut both = Both::settle()?;
    for expression in UNIX {
        compare(&mut both, &format!("-xa {expression}"))?;
    }
    for expression in PACKET {
        compare(&mut both, &format!("-0a {expression}"))?;
    }
    both.agree(UNIX.len() + PACKET.len())
}

fn random_expressions_mean_what_they_mean_to_ss(_netns: &Netns) -> Result<()> {
    let mut both = Both::settle()?;
    for seed in 0..RANDOM {
        compare(&mut both, &format!("-ta {}", random(seed)))?;
    }
    both.agree(600)
}
