//! A crowd: a process, and children of it, that hold established connections and do nothing.
//!
//! A process may not hold as many descriptors as a large crowd needs, so it is shared out.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::command;

/// Connections that one process holds, each with two descriptors.
const SHARE: u64 = 8_000;

/// What a crowd says when it is complete.
const COMPLETE: &str = "complete";

/// A crowd, as its maker sees it. It leaves when dropped.
pub(super) struct Crowd {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Crowd {
    /// Makes `sockets` sockets in a network namespace of their own.
    pub(super) fn gather(sockets: u64) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("own executable")?;
        // unshare(1) replaces itself by the program: the child is the crowd.
        let mut command = Command::new("unshare");
        command.args(["--net", "--"]).arg(program);
        Self::start(command, sockets / 2)
    }

    /// The process whose namespace it is.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    fn start(mut command: Command, connections: u64) -> anyhow::Result<Self> {
        let mut child = command
            .args(["crowd", &connections.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{command:?}"))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("the crowd's stdout")?;
        let crowd = Self { child, stdin };
        let mut said = String::new();
        BufReader::new(stdout).read_line(&mut said)?;
        ensure!(said.trim() == COMPLETE, "the crowd is not complete");
        Ok(crowd)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // At end of file it leaves.
        drop(self.stdin.take());
        let _gone = self.child.wait();
    }
}

/// Holds `connections` connections over loopback until stdin is closed.
///
/// # Errors
/// When loopback can't be brought up or a connection fails.
#[expect(clippy::print_stdout, reason = "whoever started it waits for the word")]
pub fn hold(connections: u64) -> anyhow::Result<()> {
    command::output(Command::new("ip").args(["link", "set", "lo", "up"]))?;
    let mut others = Vec::new();
    let own = connections.min(SHARE);
    let mut rest = connections - own;
    while rest > 0 {
        let share = rest.min(SHARE);
        others.push(Crowd::start(Command::new(std::env::current_exe()?), share)?);
        rest -= share;
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let mut held = Vec::new();
    for _ in 0..own {
        let client = TcpStream::connect(address).context("connect")?;
        held.push((client, listener.accept().context("accept")?.0));
    }
    println!("{COMPLETE}");
    let _end_of_file = io::stdin().read(&mut [0])?;
    drop(others);
    Ok(())
}
