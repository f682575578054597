//! The connection generator: a process with a network namespace of its own, ordered over stdin.
//!
//! Every connection is made by one thread and accepted by another, which sends a byte; then the client
//! resets it, so that no TIME-WAIT is left behind. The byte keeps the two in step: no connection is
//! reset before it was accepted, and the listen queue can't overflow, which would cost a second each. In the kernel that is six state changes: `closed→syn-sent→established→
//! closed` at the client, `listen→syn-recv→established→closed` at the server.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::net::sockopt;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::command;

/// State changes of one connection of this generator, as the kernel's tracepoint tells them.
pub(super) const EVENTS_PER_CONNECTION: u64 = 6;

/// No order takes longer, however many connections it asks for; what is left is not made.
pub(super) const TIME_CAP: Duration = Duration::from_mins(1);

/// Each order has a port of its own, so that a tracer's output can be told apart by it. Below the
/// range of client ports.
const FIRST_PORT: u16 = 20_000;

/// What the generator says first.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Hello {
    /// Inode of its network namespace.
    pub(super) netns: u64,
}

/// What it is told to do.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Order {
    /// Connections to make, one after the other.
    pub(super) connections: u64,
    /// Time from one's begin to the next one's; 0 for as fast as they go.
    pub(super) gap_us: u64,
}

/// What it did.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Done {
    /// The listener's port.
    pub(super) port: u16,
    /// Connections made.
    pub(super) connections: u64,
    /// Wall time from the first connect to the last one's acceptance.
    pub(super) elapsed_ns: u64,
    /// CPU time of the generator in that time, softirqs on its behalf included.
    pub(super) cpu_ns: u64,
}

/// Serves orders from stdin, one JSON object a line, until it is closed.
///
/// # Errors
/// When loopback can't be brought up, an order is no order, or a connection fails.
pub fn generate() -> anyhow::Result<()> {
    command::output(Command::new("ip").args(["link", "set", "lo", "up"]))?;
    let netns = std::fs::metadata("/proc/self/ns/net")
        .context("/proc/self/ns/net")?
        .ino();
    say(&Hello { netns })?;
    for (port, line) in (FIRST_PORT..).zip(io::stdin().lines()) {
        let order = serde_json::from_str(&line.context("stdin")?).context("order")?;
        say(&churn(order, port)?)?;
    }
    Ok(())
}

fn say(message: &impl Serialize) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    serde_json::to_writer(&mut stdout, message)?;
    stdout.write_all(b"\n")?;
    Ok(stdout.flush()?)
}

fn churn(order: Order, port: u16) -> anyhow::Result<Done> {
    let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
    let listener = TcpListener::bind(address).with_context(|| format!("bind {address}"))?;
    let total = Arc::new(AtomicU64::new(order.connections));
    let (began, cpu_began_ns) = (Instant::now(), cpu_ns());
    let server = {
        let total = Arc::clone(&total);
        thread::spawn(move || accept_all(&listener, &total))
    };
    let made = connect_all(address, order, began)?;
    if made < order.connections {
        // The server waits in accept(): one more connection lets it see the new total.
        total.store(made + 1, Ordering::Release);
        connect_and_reset(address)?;
    }
    let Ok(served) = server.join() else {
        bail!("the accepting thread panicked")
    };
    Ok(Done {
        port,
        connections: served?,
        elapsed_ns: u64::try_from(began.elapsed().as_nanos())?,
        cpu_ns: cpu_ns() - cpu_began_ns,
    })
}

/// Makes the connections of `order`, or as many as fit into the time cap, and returns how many.
fn connect_all(address: SocketAddrV4, order: Order, began: Instant) -> anyhow::Result<u64> {
    let gap = Duration::from_micros(order.gap_us);
    let mut next = began;
    for made in 0..order.connections {
        if made % 64 == 0 && began.elapsed() > TIME_CAP {
            return Ok(made);
        }
        connect_and_reset(address)?;
        if !gap.is_zero() {
            next += gap;
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }
    Ok(order.connections)
}

fn connect_and_reset(address: SocketAddrV4) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(address).with_context(|| format!("connect {address}"))?;
    stream.read_exact(&mut [0]).context("the server's byte")?;
    // Lingering for no time at all turns close() into a reset.
    sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).context("SO_LINGER")?;
    Ok(())
}

/// Accepts connections until there were `total`, and returns how many there were.
fn accept_all(listener: &TcpListener, total: &AtomicU64) -> anyhow::Result<u64> {
    let mut accepted = 0;
    while accepted < total.load(Ordering::Acquire) {
        let (mut stream, _) = listener.accept().context("accept")?;
        accepted += 1;
        stream.write_all(&[0]).context("the server's byte")?;
        // Wait for the reset. Closing before it comes would be another sequence of states.
        match stream.read(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            Err(error) => return Err(error).context("read"),
            Ok(length) => bail!("read {length} bytes where a reset was due"),
        }
    }
    Ok(accepted)
}

fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // Never negative, and 64 bits of nanoseconds last for 584 years.
    (time.tv_sec.unsigned_abs()) * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}
