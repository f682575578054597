//! A child process that never outlives its test and is never waited for without a deadline.

use std::{
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, bail};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open},
};

use crate::{
    PATIENCE,
    lines::{Lines, Taken},
};

/// A running child; killed when dropped.
pub struct Process {
    name: String,
    child: Child,
    stderr: Lines,
    told: Vec<String>,
}

impl Process {
    /// Starts it with all three streams piped unless `command` says otherwise for stdin.
    pub fn start(mut command: Command) -> Result<Self> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let name = format!("{command:?}");
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let stderr = Lines::read(child.stderr.take().context("stderr is piped")?);
        Ok(Self {
            name,
            child,
            stderr,
            told: Vec::new(),
        })
    }

    /// Its standard input, once, if it is a pipe.
    pub fn stdin(&mut self) -> Result<ChildStdin> {
        self.child.stdin.take().context("stdin is taken")
    }

    /// Its standard output, once.
    pub fn stdout(&mut self) -> Result<ChildStdout> {
        self.child.stdout.take().context("stdout is taken")
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(Pid::from_child(&self.child), signal).context("cannot send a signal")
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        let pidfd = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty())?;
        let timeout = Timespec::try_from(PATIENCE)?;
        let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
        if poll(&mut fds, Some(&timeout))? == 0 {
            bail!("{} does not end; stderr: {:?}", self.name, self.told);
        }
        self.child.wait().context("cannot wait")
    }

    /// Waits for its end, which has to be a success.
    pub fn wait_for_success(&mut self) -> Result<()> {
        let status = self.wait()?;
        if !status.success() {
            let stderr = self.stderr().to_vec();
            bail!("{}: {status}: {stderr:?}", self.name);
        }
        Ok(())
    }

    /// Waits for a line on standard error that has `text` in it.
    pub fn wait_for_stderr(&mut self, text: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.told.iter().any(|line| line.contains(text)) {
            match self.stderr.take(deadline) {
                Taken::Lines(lines) => self.hear(&lines),
                Taken::Ended | Taken::Late => {
                    bail!("{}: no {text:?} on stderr: {:?}", self.name, self.told)
                }
            }
        }
        Ok(())
    }

    /// All of standard error; for a process that has ended.
    pub fn stderr(&mut self) -> &[String] {
        let deadline = Instant::now() + PATIENCE;
        while let Taken::Lines(lines) = self.stderr.take(deadline) {
            self.hear(&lines);
        }
        &self.told
    }

    fn hear(&mut self, lines: &[Vec<u8>]) {
        let text = lines
            .iter()
            .map(|line| String::from_utf8_lossy(line).into_owned());
        self.told.extend(text);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Runs a command to its end and returns its standard output.
pub fn output(command: &mut Command) -> Result<String> {
    let name = format!("{command:?}");
    let output = command
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    if !output.status.success() {
        bail!(
            "{name}: {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
