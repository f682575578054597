//! `sockwatch` at work, printing text.

use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;

use crate::{
    PATIENCE, binary,
    lines::{Lines, Taken},
    process::Process,
};

/// A running trace; killed when dropped.
pub struct TextWatch {
    process: Process,
    lines: Lines,
    seen: Vec<String>,
}

impl TextWatch {
    /// Starts `sockwatch ARGS` and waits until it traces.
    pub fn start(args: &[&str]) -> Result<Self> {
        let mut command = binary::command(&["--verbose"])?;
        command.args(args);
        let mut process = Process::start(command)?;
        process.wait_for_stderr("probes:")?;
        let lines = Lines::read(process.stdout()?);
        Ok(Self {
            process,
            lines,
            seen: Vec::new(),
        })
    }

    /// Waits for a line of the own namespace that has all of `parts` in it, in this order.
    pub fn wait_for(&mut self, parts: &[&str]) -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self
                .seen
                .iter()
                .find(|line| is_own(line) && has_in_order(line, parts));
            if let Some(line) = found {
                return Ok(line.clone());
            }
            match self.lines.take(deadline) {
                Taken::Lines(lines) => add(&mut self.seen, lines)?,
                Taken::Ended | Taken::Late => {
                    let stderr = self.process.stderr();
                    bail!(
                        "no line with {parts:?}: {:#?}\nstderr: {stderr:?}",
                        own(&self.seen)
                    );
                }
            }
        }
    }

    /// Ends the trace; returns the header, if there is one, and the lines of the own namespace.
    pub fn finish(self) -> Result<Vec<String>> {
        self.process.signal(Signal::TERM)?;
        let Self {
            mut process,
            lines,
            mut seen,
        } = self;
        lines.take_rest(|lines| add(&mut seen, lines))?;
        process.wait_for_success()?;
        Ok(own(&seen))
    }
}

fn add(seen: &mut Vec<String>, lines: Vec<Vec<u8>>) -> Result<()> {
    for line in lines {
        seen.push(String::from_utf8(line).context("the output is not UTF-8")?);
    }
    Ok(())
}

fn own(lines: &[String]) -> Vec<String> {
    lines.iter().filter(|line| is_own(line)).cloned().collect()
}

/// Sockets of other namespaces are marked.
fn is_own(line: &str) -> bool {
    !line.contains(" netns:")
}

fn has_in_order(line: &str, parts: &[&str]) -> bool {
    let mut rest = line;
    parts.iter().all(|part| match rest.split_once(part) {
        Some((_, behind)) => {
            rest = behind;
            true
        }
        None => false,
    })
}
