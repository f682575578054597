//! `sockwatch list -s` beside `ss -s`.

use std::{
    io::Write as _,
    net::{TcpListener, UdpSocket},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use rustix::io::Errno;
use serde_json::{Value, json};
use sockwatch_tests::{
    binary, flows::Pair, netns::Netns, process::output, schema, ss, story::matches,
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        counts_are_those_of_ss,
        orphans_are_counted_in_their_namespace,
        sockets_are_listed_only_when_asked_for,
    ]
}

/// Sockets of both families in many states; kept open by whoever has them.
fn population() -> Result<impl Sized> {
    let waiting = Pair::open()?;
    let waiting_sk = waiting.client_sk.clone();
    waiting.close_by_client()?;
    ss::wait_until(&waiting_sk, "time-wait")?;
    let half_closed = Pair::open()?;
    half_closed.client.shutdown(std::net::Shutdown::Write)?;
    ss::wait_until(&half_closed.server_sk, "close-wait")?;
    let udp = ["127.0.0.1:0", "[::1]:0", "[::]:0"].map(UdpSocket::bind);
    let listener = TcpListener::bind("[::1]:0")?;
    Ok((Pair::open()?, half_closed, udp, listener))
}

fn list(args: &[&str]) -> Result<String> {
    output(&mut binary::command(&[&["list"][..], args].concat())?)
}

fn record(args: &[&str]) -> Result<Value> {
    let text = list(&[&["-s", "--json"][..], args].concat())?;
    let first = text.lines().next().context("nothing was printed")?;
    let record = serde_json::from_str(first)?;
    schema::check(&record)?;
    Ok(record)
}

/// The words of the table, and what ss counts of the namespace alone of the line above it.
fn comparable(text: &str) -> Result<Vec<&str>> {
    let (lines, table) = text.split_once("\n\n").context("no table")?;
    let (_, tcp) = lines.split_once("(estab ").context("no TCP line")?;
    let (established, _) = tcp.split_once(',').context("no number")?;
    let (_, time_wait) = tcp.split_once("timewait ").context("no timewait")?;
    let counted = [established, time_wait].into_iter();
    Ok(counted.chain(table.split_whitespace()).collect())
}

fn counts_are_those_of_ss(_netns: &Netns) -> Result<()> {
    let _population = population()?;
    let (theirs, ours) = (output(Command::new("ss").arg("-s"))?, list(&["-s"])?);
    ensure!(comparable(&ours)? == comparable(&theirs)?, "{theirs}{ours}");
    let expected = json!({
        "type": "summary",
        "tcp": {"established": 3, "orphaned": 0, "time_wait": 1},
        "udp": {"inet": 1, "inet6": 2},
        "raw": {"inet": 0, "inet6": 0},
    });
    let record = record(&[])?;
    ensure!(matches(&expected, &record), "{record}");
    Ok(())
}

fn orphans_are_counted_in_their_namespace(_netns: &Netns) -> Result<()> {
    let mut pair = Pair::open()?;
    let sk = pair.client_sk.clone();
    pair.client.set_nonblocking(true)?;
    // More than the peer has room for: it can't be sent before somebody reads.
    let full = loop {
        if let Err(error) = pair.client.write(&[0; 1 << 12]) {
            break error;
        }
    };
    ensure!(Errno::from_io_error(&full) == Some(Errno::AGAIN), "{full}");
    drop(pair.client);
    ss::wait_until(&sk, "fin-wait-1")?;
    let waiting = Pair::open()?;
    let waiting_sk = waiting.client_sk.clone();
    drop(waiting.client);
    ss::wait_until(&waiting_sk, "fin-wait-2")?;
    let record = record(&[])?;
    let expected = json!({"tcp": {"orphaned": 1, "time_wait": 1}});
    ensure!(matches(&expected, &record), "{record}");
    Ok(())
}

fn sockets_are_listed_only_when_asked_for(_netns: &Netns) -> Result<()> {
    let _listener = TcpListener::bind("127.0.0.1:0")?;
    ensure!(!list(&["-s"])?.contains("127.0.0.1"), "{}", list(&["-s"])?);
    for asked in [&["-s", "-t", "-a"][..], &["-s", "state", "listening"]] {
        let text = list(asked)?;
        let (summary, rows) = text.split_once("\n\n").context("no summary")?;
        ensure!(summary.starts_with("Total: "), "{text}");
        ensure!(
            rows.contains("LISTEN") || rows.contains("127.0.0.1"),
            "{text}"
        );
    }
    Ok(())
}
