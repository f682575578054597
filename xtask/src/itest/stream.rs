//! `sockwatch --json --snapshot` at work: its lines, taken as they come, and the table they make.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::net::sockopt;
use rustix::process::Signal;
use serde::Deserialize;
use sockwatch_tests::PATIENCE;
use sockwatch_tests::lines::{Lines, Taken};
use sockwatch_tests::process::Process;

use super::churn::listener;
use super::rebuild::{Key, Line, Table};
use super::site::Place;

/// Lines that are kept, to be shown where there is a difference: those of the last minute or two.
const KEPT: usize = 300_000;

/// A running trace; killed when dropped.
pub(super) struct Stream {
    process: Process,
    lines: Lines,
    kept: VecDeque<Vec<u8>>,
    /// Number of the last line.
    seq: u64,
    /// The table that all lines so far make.
    pub(super) table: Table,
    /// Transitions so far.
    pub(super) transitions: u64,
}

/// What the last line tells.
#[derive(Debug, Deserialize)]
struct Totals {
    lost_kernel: u64,
    lost_output: u64,
    malformed_ring: u64,
    malformed_netlink: u64,
    evicted: u64,
}

impl Stream {
    /// Starts it, over all namespaces, and waits until it traces.
    pub(super) fn start(program: &Path, args: &[String]) -> Result<Self> {
        let mut command = Command::new(program);
        command
            .args(["--json", "--snapshot", "--verbose"])
            .args(args)
            .stdin(Stdio::null());
        let mut process = Process::start(command)?;
        process.wait_for_stderr("probes:")?;
        let lines = Lines::read(process.stdout()?);
        Ok(Self {
            process,
            lines,
            kept: VecDeque::new(),
            seq: 0,
            table: Table::default(),
            transitions: 0,
        })
    }

    /// Takes lines until then.
    pub(super) fn follow(&mut self, until: Instant) -> Result<()> {
        while Instant::now() < until {
            match self.lines.take(until) {
                Taken::Lines(lines) => lines
                    .into_iter()
                    .try_for_each(|it| self.add(it).map(drop))?,
                Taken::Ended => bail!("sockwatch ended: {:?}", self.process.stderr()),
                Taken::Late => {}
            }
        }
        Ok(())
    }

    /// Takes all lines about what has happened up to now: a socket is made to listen, and its line
    /// waited for.
    pub(super) fn catch_up(&mut self, aside: &Place) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let marker = Marker::set(aside)?;
        let mut seen = false;
        while !seen {
            match self.lines.take(deadline) {
                Taken::Lines(lines) => {
                    for line in lines {
                        seen |= self.add_and_look(line, &marker)?;
                    }
                }
                Taken::Ended => bail!("sockwatch ended: {:?}", self.process.stderr()),
                Taken::Late => bail!("sockwatch does not show that a socket listens"),
            }
        }
        Ok(())
    }

    fn add_and_look(&mut self, line: Vec<u8>, marker: &Marker) -> Result<bool> {
        let line = self.add(line)?;
        Ok(line.sk == Some(&*marker.sk) && line.new == Some("listening"))
    }

    fn add(&mut self, line: Vec<u8>) -> Result<Line<'_>> {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(line);
        let bytes = self.kept.back().context("it was just put there")?;
        let line: Line<'_> = serde_json::from_slice(bytes)
            .with_context(|| format!("no line: {}", bytes.escape_ascii()))?;
        self.seq += 1;
        ensure!(line.seq == self.seq, "a gap in seq before {}", line.seq);
        ensure!(
            line.kind != "lost",
            "the stream is not whole: {}",
            bytes.escape_ascii()
        );
        self.transitions += u64::from(line.kind == "transition");
        self.table.apply(&line);
        Ok(line)
    }

    /// The last lines about a socket, or about its addresses, which are `local peer`.
    pub(super) fn last_lines(&self, key: &Key, addresses: &str) -> Vec<String> {
        const LAST: usize = 8;
        // Without a local port many sockets have the same.
        let telling = !addresses.contains(":0 ");
        let mut found = VecDeque::new();
        for bytes in &self.kept {
            // All were understood when they came.
            let Ok(line) = serde_json::from_slice::<Line<'_>>(bytes) else {
                continue;
            };
            let (Key::Sk(place, _) | Key::Tuple(place, ..)) = key;
            let tuple = line.tuple();
            let same_addresses = match &tuple {
                Key::Tuple(its, local, peer) => {
                    telling && its == place && format!("{local} {peer}") == addresses
                }
                Key::Sk(..) => false,
            };
            if line.key() == *key || same_addresses {
                if found.len() == LAST {
                    found.pop_front();
                }
                found.push_back(String::from_utf8_lossy(bytes).into_owned());
            }
        }
        found.into()
    }

    /// Ends it; nothing may have been lost.
    pub(super) fn end(mut self) -> Result<()> {
        self.process.signal(Signal::TERM)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.take(deadline) {
                Taken::Lines(lines) => lines
                    .into_iter()
                    .try_for_each(|it| self.add(it).map(drop))?,
                Taken::Ended => break,
                Taken::Late => bail!("sockwatch does not end"),
            }
        }
        let status = self.process.wait()?;
        ensure!(
            status.success(),
            "sockwatch: {status}: {:?}",
            self.process.stderr()
        );
        let last = self.kept.back().context("there are no lines")?;
        let totals: Totals = serde_json::from_slice(last).context("the last line is no stop")?;
        let missing = totals.lost_kernel + totals.lost_output + totals.evicted;
        let malformed = totals.malformed_ring + totals.malformed_netlink;
        ensure!(
            missing + malformed == 0,
            "the stream is not whole: {totals:?}"
        );
        Ok(())
    }
}

/// A socket that listens where nothing else happens.
struct Marker {
    sk: String,
    _listener: OwnedFd,
}

impl Marker {
    fn set(aside: &Place) -> Result<Self> {
        let listener = listener(aside, std::net::Ipv4Addr::LOCALHOST.into(), 0, 1)?;
        let sk = format!("{:x}", sockopt::socket_cookie(&listener)?);
        Ok(Self {
            sk,
            _listener: listener,
        })
    }
}
