//! Lives that their own side ends first: what becomes of FIN-WAIT-1 and FIN-WAIT-2.

use std::{
    io::Write as _,
    net::{Shutdown, SocketAddrV4, TcpListener, UdpSocket},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use rustix::net::sockopt::set_socket_linger;
use serde_json::{Value, json};
use sockwatch_tests::{
    flows::{Pair, expect_end},
    json::{Record, Watch},
    netns::{FAR, Netns, link_to_nobody, pretend_far_is_known, sysctl},
    process::output,
    role::own_comm,
    ss,
    story::{KNOWN, POSITIVE, exactly, path, span, with},
    unanswered::{appear, vanish},
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        held_by_the_peer,
        left_by_the_peer,
        cut_by_the_peer,
        ended_by_data_that_nobody_reads,
        killed_in_fin_wait_2,
        shut_down_and_closed_later,
        shut_down_and_never_closed_before_the_end,
        longer_than_a_minisocket,
        both_at_once,
        orphaned_for_good,
        no_room_for_a_minisocket,
        no_room_after_the_end,
    ]
}

/// Up to where the peer has acknowledged the FIN.
const TO_FIN_WAIT_2: [&str; 5] = [
    "closed",
    "syn-sent",
    "established",
    "fin-wait-1",
    "fin-wait-2",
];

/// Through these states and further to `end`; each step owned by this process.
fn through(end: &str, last: Value) -> Result<Vec<Value>> {
    let mut steps = path(&[&TO_FIN_WAIT_2[..], &[end]].concat(), last);
    // Who closes is told where close() or shutdown() did it, and nowhere else.
    for (at, step) in steps.iter_mut().enumerate() {
        step["closer"] = if at == 2 {
            json!({"pid": std::process::id(), "comm": own_comm()?})
        } else {
            json!(null)
        };
    }
    let owner = json!({"pid": std::process::id(), "how": "connect"});
    Ok(with(
        steps,
        &json!({"owner": owner, "cause": null, "errno": null}),
    ))
}

/// What is told of a client that closes, and whose minisocket `then` ends.
fn closed_first(
    netns: &Netns,
    then: impl FnOnce(&mut Watch, &str, u16, std::net::TcpStream) -> Result<()>,
    (end, last): (&str, Value),
) -> Result<Record> {
    let mut watch = Watch::start(netns, &[])?;
    let pair = Pair::open()?;
    let (port, _) = pair.ports()?;
    drop(pair.client);
    watch.wait_until(&pair.client_sk, "fin-wait-2")?;
    then(&mut watch, &pair.client_sk, port, pair.server)?;
    watch.wait_until(&pair.client_sk, end)?;
    let record = watch.finish()?;
    exactly(&record.of_socket(&pair.client_sk), &through(end, last)?)?;
    Ok(record)
}

/// What the peer takes its time for.
const HELD: Duration = Duration::from_secs(2);

fn held_by_the_peer(netns: &Netns) -> Result<()> {
    let hold = |watch: &mut Watch, sk: &str, _: u16, server| {
        thread::sleep(HELD);
        ensure!(
            ss::state_of(sk)?.as_deref() == Some("fin-wait-2"),
            "{:?}",
            ss::rows()?
        );
        expect_end(server)?;
        watch.wait_until(sk, "time-wait")?;
        ensure!(
            ss::state_of(sk)?.as_deref() == Some("time-wait"),
            "{:?}",
            ss::rows()?
        );
        Ok(())
    };
    let dwell = span(HELD, HELD + Duration::from_secs(1));
    let last = json!({"dwell_ns": dwell, "observed": "timer"});
    closed_first(netns, hold, ("time-wait", last)).map(drop)
}

/// The kernel waits for the peer no longer than `tcp_fin_timeout`, once nobody has the socket.
fn left_by_the_peer(netns: &Netns) -> Result<()> {
    sysctl("net.ipv4.tcp_fin_timeout", "1")?;
    let last = json!({
        "cause": "timed-out", "dwell_ns": span(Duration::from_millis(800), Duration::from_secs(4)),
        "observed": "timer", "tcp": KNOWN,
    });
    let mut kept = None;
    let keep = |_: &mut Watch, _: &str, _: u16, server| {
        kept = Some(server);
        Ok(())
    };
    closed_first(netns, keep, ("closed", last)).map(drop)
}

fn cut_by_the_peer(netns: &Netns) -> Result<()> {
    let cut = |_: &mut Watch, _: &str, _: u16, server| {
        set_socket_linger(&server, Some(Duration::ZERO))?;
        drop(server);
        Ok(())
    };
    let last = json!({"cause": "reset-by-peer", "observed": "timer", "tcp": KNOWN});
    closed_first(netns, cut, ("closed", last)).map(drop)
}

fn ended_by_data_that_nobody_reads(netns: &Netns) -> Result<()> {
    let write = |_: &mut Watch, _: &str, _: u16, mut server: std::net::TcpStream| {
        server.write_all(b"for nobody")?;
        Ok(())
    };
    let last = json!({"cause": "aborted", "observed": "timer"});
    closed_first(netns, write, ("closed", last)).map(drop)
}

fn killed_in_fin_wait_2(netns: &Netns) -> Result<()> {
    let mut kept = None;
    let kill = |_: &mut Watch, _: &str, port: u16, server| {
        kept = Some(server);
        ss::kill(&format!("state fin-wait-2 sport = :{port}"))
    };
    let last = json!({"cause": "killed", "observed": "timer"});
    closed_first(netns, kill, ("closed", last)).map(drop)
}

/// The client shuts down and keeps its socket. Returns its story once it is in `time-wait`.
fn shut_down(netns: &Netns, then: fn(Pair) -> Result<()>, last: Value) -> Result<()> {
    let mut watch = Watch::start(netns, &[])?;
    let pair = Pair::open()?;
    let sk = pair.client_sk.clone();
    pair.client.shutdown(Shutdown::Write)?;
    watch.wait_until(&sk, "fin-wait-2")?;
    then(pair)?;
    watch.wait_until(&sk, "time-wait")?;
    let record = watch.finish()?;
    exactly(&record.of_socket(&sk), &through("time-wait", last)?)
}

/// close() makes a minisocket of it, which is no change.
fn shut_down_and_closed_later(netns: &Netns) -> Result<()> {
    let close = |pair: Pair| {
        drop(pair.client);
        expect_end(pair.server)
    };
    shut_down(
        netns,
        close,
        json!({"observed": "timer", "dwell_ns": POSITIVE}),
    )
}

/// The peer's FIN makes a minisocket of it; close() finds nothing to do.
fn shut_down_and_never_closed_before_the_end(netns: &Netns) -> Result<()> {
    let close = |pair: Pair| {
        expect_end(pair.server)?;
        expect_end(pair.client)
    };
    shut_down(
        netns,
        close,
        json!({"observed": "event", "dwell_ns": POSITIVE}),
    )
}

/// With more than a minute to wait the orphan stays a socket.
fn longer_than_a_minisocket(netns: &Netns) -> Result<()> {
    sysctl("net.ipv4.tcp_fin_timeout", "120")?;
    let end = |_: &mut Watch, sk: &str, _: u16, server| {
        ensure!(
            ss::state_of(sk)?.as_deref() == Some("fin-wait-2"),
            "{:?}",
            ss::rows()?
        );
        expect_end(server)
    };
    closed_first(netns, end, ("time-wait", json!({"observed": "event"}))).map(drop)
}

/// Both FINs are under way at the same time, in a queue that is not empty.
fn both_at_once(netns: &Netns) -> Result<()> {
    let mut watch = Watch::start(netns, &[])?;
    let pair = Pair::open()?;
    let (client, server) = (pair.client_sk.clone(), pair.server_sk.clone());
    let slow = "qdisc add dev lo root tbf rate 16kbit burst 1600 limit 100000";
    output(Command::new("tc").args(slow.split(' ')))?;
    let filler = UdpSocket::bind("127.0.0.1:0")?;
    for _ in 0..2 {
        filler.send_to(&[0; 1_400], filler.local_addr()?)?;
    }
    drop((pair.client, pair.server));
    for sk in [&client, &server] {
        watch.wait_until(sk, "time-wait")?;
    }
    let record = watch.finish()?;
    let end = ["established", "fin-wait-1", "closing", "time-wait"];
    for sk in [&client, &server] {
        let events = record.of_socket(sk);
        let ended = json!({"old": "closing", "dwell_ns": POSITIVE, "observed": "event"});
        exactly(&events[events.len() - 3..], &path(&end, ended))?;
        ensure!(
            ss::state_of(sk)?.as_deref() == Some("time-wait"),
            "{:?}",
            ss::rows()?
        );
    }
    Ok(())
}

/// The peer is gone, and nobody holds the socket: the kernel gives up soon.
fn orphaned_for_good(netns: &Netns) -> Result<()> {
    link_to_nobody()?;
    pretend_far_is_known()?;
    sysctl("net.ipv4.tcp_orphan_retries", "1")?;
    appear()?;
    let mut watch = Watch::start(netns, &[])?;
    let listener = TcpListener::bind(SocketAddrV4::new(FAR.into(), 0))?;
    let address = listener.local_addr()?;
    let pair = Pair::between(listener, address)?;
    vanish()?;
    drop(pair.client);
    watch.wait_until_closed(&[&pair.client_sk])?;
    let record = watch.finish()?;
    let last = json!({
        "cause": "timed-out", "errno": "ETIMEDOUT", "closer": null, "observed": "event",
        "dwell_ns": POSITIVE, "owner": {"pid": std::process::id(), "how": "connect"},
    });
    let states = ["closed", "syn-sent", "established", "fin-wait-1", "closed"];
    exactly(&record.of_socket(&pair.client_sk), &path(&states, last))
}

fn no_room_for_a_minisocket(netns: &Netns) -> Result<()> {
    sysctl("net.ipv4.tcp_max_tw_buckets", "0")?;
    let reset = |watch: &mut Watch, sk: &str, _: u16, server| {
        watch.wait_until_closed(&[sk])?;
        ensure!(ss::state_of(sk)?.is_none(), "{:?}", ss::rows()?);
        expect_end(server)
    };
    let last = json!({"cause": "overflow", "observed": "event", "tcp": KNOWN});
    closed_first(netns, reset, ("closed", last)).map(drop)
}

/// The peer's FIN has come: all is done but waiting.
fn no_room_after_the_end(netns: &Netns) -> Result<()> {
    sysctl("net.ipv4.tcp_max_tw_buckets", "0")?;
    let mut watch = Watch::start(netns, &[])?;
    let pair = Pair::open()?;
    pair.client.shutdown(Shutdown::Write)?;
    watch.wait_until(&pair.client_sk, "fin-wait-2")?;
    expect_end(pair.server)?;
    watch.wait_until_closed(&[&pair.client_sk, &pair.server_sk])?;
    let record = watch.finish()?;
    let last = json!({"cause": "overflow", "observed": "event"});
    exactly(
        &record.of_socket(&pair.client_sk),
        &through("closed", last)?,
    )
}
