//! The generator's process as seen by the benchmark: started, ordered, ended.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;

use super::churn::{Done, Hello, Order, TIME_CAP};

/// A running generator. Dropping it closes its stdin, which ends it, and waits.
pub(super) struct Generator {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    netns: u64,
}

impl Generator {
    /// Starts it in a new network namespace.
    pub(super) fn start() -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("own executable")?;
        // unshare(1) replaces itself by the program: the child is the generator.
        let mut child = Command::new("unshare")
            .args(["--net", "--"])
            .arg(program)
            .arg("churn")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("unshare (package util-linux)")?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("generator's stdout")?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut generator = Self {
            child,
            stdin,
            lines,
            netns: 0,
        };
        let hello: Hello = serde_json::from_str(&generator.line()?).context("hello")?;
        generator.netns = hello.netns;
        Ok(generator)
    }

    /// Inode of the namespace that the connections are in.
    pub(super) fn netns(&self) -> u64 {
        self.netns
    }

    /// Makes `connections` connections as fast as they go.
    pub(super) fn burst(&mut self, connections: u64) -> anyhow::Result<Done> {
        self.order(Order {
            connections,
            gap_us: 0,
        })?;
        serde_json::from_str(&self.line()?).context("generator's answer")
    }

    /// Gives an order and does not wait; its answer comes from [`Generator::done_within`].
    pub(super) fn order(&mut self, order: Order) -> anyhow::Result<()> {
        let stdin = self.stdin.as_mut().context("generator's stdin")?;
        let mut line = serde_json::to_string(&order)?;
        line.push('\n');
        stdin
            .write_all(line.as_bytes())
            .context("generator's stdin")
    }

    /// The answer to the last order if it comes within `wait`.
    pub(super) fn done_within(&mut self, wait: Duration) -> anyhow::Result<Option<Done>> {
        match self.lines.recv_timeout(wait) {
            Ok(line) => Ok(Some(
                serde_json::from_str(&line).context("generator's answer")?,
            )),
            Err(mpsc::RecvTimeoutError::Timeout) => Ok(None),
            Err(error) => Err(error).context("the generator ended"),
        }
    }

    fn line(&self) -> anyhow::Result<String> {
        self.lines
            .recv_timeout(TIME_CAP + Duration::from_secs(10))
            .context("the generator does not answer")
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // An idle generator leaves at end of file; one in the middle of an order is not waited for.
        if !matches!(
            self.lines.recv_timeout(Duration::from_secs(2)),
            Err(mpsc::RecvTimeoutError::Disconnected)
        ) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
