//! `sockwatch --json` at work. Every line it prints is checked: the schema, `seq` without a gap, the
//! totals.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    PATIENCE, binary,
    lines::{Lines, Taken},
    netns::Netns,
    process::Process,
    schema,
    story::matches,
};

/// A running trace; killed when dropped.
pub struct Watch {
    process: Process,
    lines: Lines,
    record: Record,
    may_lose: bool,
}

/// What a trace has printed.
#[derive(Debug)]
pub struct Record {
    /// All lines, in order.
    pub lines: Vec<Value>,
    /// The lines of standard error; complete after the end.
    pub stderr: Vec<String>,
    netns: u32,
}

impl Watch {
    /// Starts `sockwatch --json ARGS` in the namespace and waits until it traces.
    pub fn start(netns: &Netns, args: &[&str]) -> Result<Self> {
        let mut watch = Self::start_unread(netns, args)?.read()?;
        watch.wait_for(&json!({"type": "start"}), 1)?;
        Ok(watch)
    }

    /// Starts it and leaves its output alone: it comes to a halt when the pipe is full. Whether it
    /// traces already is told by standard error.
    pub fn start_unread(netns: &Netns, args: &[&str]) -> Result<Unread> {
        let mut command = binary::command(&["--json", "--verbose"])?;
        command.args(args);
        Self::start_command(netns, command)
    }

    /// Likewise with a command of one's own, which has to say `--json --verbose`.
    pub fn start_command(netns: &Netns, command: Command) -> Result<Unread> {
        let mut process = Process::start(command)?;
        process.wait_for_stderr("probes:")?;
        Ok(Unread {
            process,
            netns: netns.inode,
        })
    }

    /// Sends sockwatch a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// Waits no less for what comes behind a loss.
    pub fn expect_loss(&mut self) {
        self.may_lose = true;
    }

    /// Waits until `count` lines match `expected`; a loss is a failure, unless one is expected. Of transitions and sockets
    /// only those of the test's own namespace are looked at.
    pub fn wait_for(&mut self, expected: &Value, count: usize) -> Result<()> {
        self.wait_long_for(expected, count, PATIENCE)
    }

    /// Likewise, for what the kernel takes its time to do.
    pub fn wait_long_for(
        &mut self,
        expected: &Value,
        count: usize,
        patience: Duration,
    ) -> Result<()> {
        let deadline = Instant::now() + patience;
        let mut looked_at = 0;
        let mut found = 0;
        loop {
            let news = self.record.lines[looked_at..].iter();
            found += news
                .filter(|line| self.record.is_own(line) && matches(expected, line))
                .count();
            looked_at = self.record.lines.len();
            if found >= count {
                return Ok(());
            }
            ensure!(
                self.may_lose || self.record.of_type("lost").next().is_none(),
                "something was lost, with {found} of {count} lines like {expected}:\n{}",
                self.record.text()
            );
            match self.lines.take(deadline) {
                // Others on this machine may keep the lines coming.
                Taken::Lines(lines) if Instant::now() < deadline => self.record.add(&lines)?,
                _ => bail!(
                    "{found} instead of {count} lines like {expected}:\n{}",
                    self.record.text()
                ),
            }
        }
    }

    /// Waits until each of these sockets (by `sk`) has been closed.
    pub fn wait_until_closed(&mut self, sockets: &[&str]) -> Result<()> {
        sockets
            .iter()
            .try_for_each(|sk| self.wait_until(sk, "closed"))
    }

    /// Waits until a socket (by `sk`) has entered `state`.
    pub fn wait_until(&mut self, sk: &str, state: &str) -> Result<()> {
        self.wait_for(&json!({"sk": sk, "new": state}), 1)
    }

    /// Ends the trace with SIGTERM; nothing may have been lost.
    pub fn finish(self) -> Result<Record> {
        self.finish_by(Signal::TERM)
    }

    /// Ends the trace with a signal; nothing may have been lost.
    pub fn finish_by(self, signal: Signal) -> Result<Record> {
        self.signal(signal)?;
        self.wait()
    }

    /// Waits for the end of a trace that ends by itself.
    pub fn wait(self) -> Result<Record> {
        let record = self.wait_lossy()?;
        record.check_lossless()?;
        Ok(record)
    }

    /// Ends a trace that may have lost something.
    pub fn finish_lossy(self) -> Result<Record> {
        self.signal(Signal::TERM)?;
        self.wait_lossy()
    }

    fn wait_lossy(mut self) -> Result<Record> {
        self.lines.take_rest(|lines| self.record.add(&lines))?;
        self.process.wait_for_success()?;
        self.record.stderr = self.process.stderr().to_vec();
        self.record.check_totals()?;
        Ok(self.record)
    }
}

/// A trace whose output nobody reads.
pub struct Unread {
    process: Process,
    netns: u32,
}

impl Unread {
    /// The process id of sockwatch.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Begins to read.
    pub fn read(mut self) -> Result<Watch> {
        let lines = Lines::read(self.process.stdout()?);
        let record = Record {
            lines: Vec::new(),
            stderr: Vec::new(),
            netns: self.netns,
        };
        Ok(Watch {
            process: self.process,
            lines,
            record,
            may_lose: false,
        })
    }
}

impl Record {
    fn add(&mut self, lines: &[Vec<u8>]) -> Result<()> {
        for line in lines {
            let shown = || String::from_utf8_lossy(line).into_owned();
            let line: Value =
                serde_json::from_slice(line).with_context(|| format!("no JSON: {}", shown()))?;
            schema::check(&line)?;
            self.lines.push(line);
            let line = &self.lines[self.lines.len() - 1];
            ensure!(
                line["seq"] == self.lines.len(),
                "a gap in seq before {line}"
            );
        }
        Ok(())
    }

    /// Whether a line is about the test's own namespace, or about no socket.
    fn is_own(&self, line: &Value) -> bool {
        line.get("netns").is_none_or(|netns| netns == self.netns)
    }

    /// The lines of one type; of sockets those of the test's own namespace.
    pub fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.lines
            .iter()
            .filter(move |line| line["type"] == kind && self.is_own(line))
    }

    /// The transitions in the test's own namespace.
    pub fn transitions(&self) -> Vec<&Value> {
        self.of_type("transition").collect()
    }

    /// The transitions in the test's own namespace that match.
    pub fn matching(&self, expected: &Value) -> Vec<&Value> {
        self.of_type("transition")
            .filter(|event| matches(expected, event))
            .collect()
    }

    /// The transitions of one socket.
    pub fn of_socket(&self, sk: &str) -> Vec<&Value> {
        self.matching(&json!({"sk": sk}))
    }

    /// The transitions of one end of a connection, those among them, too, that tell of no `sk`.
    pub fn of_end(&self, sport: u16, dport: u16) -> Vec<&Value> {
        self.matching(&json!({"sport": sport, "dport": dport}))
    }

    /// The first line.
    pub fn start(&self) -> Result<&Value> {
        self.lines.first().context("nothing was printed")
    }

    /// How the owner of a connection is known once it was accepted and not used yet: only some
    /// kernels let programs in at the end of accept().
    pub fn accepted_without_use(&self) -> Result<&'static str> {
        let probes = self.start()?["probes"].to_string();
        let told = probes.contains("inet_csk_accept");
        Ok(if told { "accept" } else { "inherited" })
    }

    /// The last line.
    pub fn stop(&self) -> Result<&Value> {
        let last = self.lines.last().context("nothing was printed")?;
        ensure!(last["type"] == "stop", "the last line is no stop: {last}");
        Ok(last)
    }

    /// A number of the stop line.
    pub fn total(&self, key: &str) -> Result<u64> {
        self.stop()?[key]
            .as_u64()
            .with_context(|| format!("stop has no {key}"))
    }

    /// How many transitions the `lost` lines tell of.
    pub fn told_lost(&self, place: &str) -> u64 {
        let lost = self.of_type("lost").filter(|line| line["where"] == place);
        lost.filter_map(|line| line["count"].as_u64()).sum()
    }

    fn check_lossless(&self) -> Result<()> {
        let stop = self.stop()?;
        let lossless = json!({"lost_kernel": 0, "lost_output": 0, "evicted": 0});
        ensure!(matches(&lossless, stop), "something was lost: {stop}");
        Ok(())
    }

    /// What every trace has to fulfil at its end.
    fn check_totals(&self) -> Result<()> {
        let stop = self.stop()?;
        ensure!(
            self.start()?["type"] == "start",
            "the first line is no start"
        );
        let total = |key| self.total(key);
        let parts =
            total("emitted")? + total("filtered")? + total("lost_kernel")? + total("lost_output")?;
        ensure!(total("events")? == parts, "the parts do not add up: {stop}");
        let printed = self
            .lines
            .iter()
            .filter(|line| line["type"] == "transition")
            .count();
        ensure!(
            stop["emitted"] == printed,
            "{printed} transitions were printed: {stop}"
        );
        for (place, key) in [("kernel", "lost_kernel"), ("output", "lost_output")] {
            let told = self.told_lost(place);
            ensure!(
                stop[key] == told,
                "lost lines tell of {told} in {place}: {stop}"
            );
        }
        let sound = json!({"malformed_ring": 0, "malformed_netlink": 0});
        ensure!(
            matches(&sound, stop),
            "something was not understood: {stop}"
        );
        Ok(())
    }

    /// The last lines of the test's own namespace and all losses, for a failure.
    fn text(&self) -> String {
        const KEYS: [&str; 12] = [
            "seq", "type", "sk", "src", "sport", "dst", "dport", "old", "new", "cause", "owner",
            "count",
        ];
        let own: Vec<_> = self.lines.iter().filter(|line| self.is_own(line)).collect();
        let tail = own.iter().skip(own.len().saturating_sub(12));
        let essence = |line: &Value| -> Value {
            let known = KEYS
                .iter()
                .filter_map(|key| Some((key.to_string(), line.get(key)?.clone())));
            known.collect()
        };
        let shown = tail.copied().chain(self.of_type("lost")).map(essence);
        shown
            .map(|line| line.to_string())
            .collect::<Vec<_>>()
            .join("\n")
    }
}
