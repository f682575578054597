//! `cargo xtask bench --list`: `sockwatch list` beside `ss`, the same words among the same sockets.
//!
//! The two take turns, so that what else the machine does meets both. `ss` before 6.8 does not look at
//! sockets that are bound and nothing else, which `sockwatch` does: the report names its version.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::crowd::Crowd;
use super::report::median;
use crate::command;

/// What is asked for, and the words.
type Question = (&'static str, &'static [&'static str]);

/// Among few sockets.
const AMONG_FEW: Question = ("holders, few descriptors", &["-Htanp"]);

/// Among many.
const AMONG_MANY: [Question; 7] = [
    ("no row, by port", &["-Hnt", "sport", "=", ":9"]),
    ("no row, by peer port", &["-Hnt", "dport", "=", ":1"]),
    (
        "no row, by address and port",
        &["-Hnt", "dst", "192.0.2.0/24", "or", "dport", "<", ":100"],
    ),
    ("no row, by state", &["-Hnt", "state", "syn-sent"]),
    ("every row", &["-Hnta"]),
    ("every row, with holders", &["-Hntap"]),
    ("listeners, with holders", &["-Hntlp"]),
];

/// Measures and prints the table.
///
/// # Errors
/// When ss is not installed, or one of the two fails.
#[expect(clippy::print_stdout, reason = "the report is what was asked for")]
pub(super) fn run(sockwatch: &Path, sockets: u64, rounds: u32) -> anyhow::Result<()> {
    let ss = command::find("ss").context("ss is not installed (package iproute2)")?;
    let both = Both {
        ss: &ss,
        sockwatch,
        rounds,
    };
    let few = both.measure(&Crowd::gather(2)?, AMONG_FEW)?;
    eprintln!("gathering {sockets} sockets");
    let crowd = Crowd::gather(sockets)?;
    println!("# cargo xtask bench --list");
    let version = command::output(Command::new(&ss).arg("-V"))?;
    println!("{version}");
    println!("{sockets} established sockets in a network namespace, {rounds} rounds, medians");
    println!(
        "{:<28} {:>9} {:>13} {:>7}",
        "question", "ss", "sockwatch", "ratio"
    );
    for question in AMONG_MANY {
        println!("{}", both.measure(&crowd, question)?);
    }
    println!("{few}");
    Ok(())
}

/// The two.
struct Both<'a> {
    ss: &'a Path,
    sockwatch: &'a Path,
    rounds: u32,
}

impl Both<'_> {
    /// The line of a question.
    fn measure(&self, crowd: &Crowd, (name, words): Question) -> anyhow::Result<String> {
        let (mut theirs, mut ours, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            let ss = time(crowd, Command::new(self.ss).args(words))?;
            let sockwatch = time(crowd, Command::new(self.sockwatch).arg("list").args(words))?;
            ratios.push(sockwatch.as_secs_f64() / ss.as_secs_f64());
            theirs.push(ss.as_secs_f64() * 1e3);
            ours.push(sockwatch.as_secs_f64() * 1e3);
        }
        Ok(format!(
            "{name:<28} {:>6.1} ms {:>10.1} ms {:>7.2}",
            median(&theirs),
            median(&ours),
            median(&ratios)
        ))
    }
}

/// How long `command` takes in the crowd's namespace, its output thrown away.
fn time(crowd: &Crowd, command: &Command) -> anyhow::Result<Duration> {
    let mut inside = Command::new("nsenter");
    inside
        .arg(format!("--net=/proc/{}/ns/net", crowd.id()))
        .arg("--")
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let began = Instant::now();
    let status = inside.status().context("nsenter (package util-linux)")?;
    let took = began.elapsed();
    ensure!(status.success(), "{command:?}: {status}");
    Ok(took)
}
