//! TIME-WAIT: how long it lasts, and what cuts it short.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use sockwatch_tests::{
    PATIENCE,
    flows::{LOOPBACK, Pair, close_in_order, sk},
    json::Watch,
    netns::Netns,
    ss,
    story::{KNOWN, exactly, in_order, path, span},
    trial::NotHere,
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        lasts_a_minute,
        reused_by_connect,
        reused_by_a_syn,
        reset_in_time_wait,
        killed_in_time_wait,
    ]
}

const MINUTE: Duration = Duration::from_mins(1);

/// Of the client and of the server that closes first.
const WHOLE: [&str; 7] = [
    "closed",
    "syn-sent",
    "established",
    "fin-wait-1",
    "fin-wait-2",
    "time-wait",
    "closed",
];

fn lasts_a_minute(netns: &Netns) -> Result<()> {
    // In a minute others may do more than a table holds.
    let mut watch = Watch::start(netns, &["-N", netns.path()?])?;
    let mut clients = Vec::new();
    for listening in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
        let listener = TcpListener::bind(listening)?;
        let mut address = listener.local_addr()?;
        if address.ip().is_unspecified() {
            // An IPv4-mapped connection.
            address = SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()));
        }
        let pair = Pair::between(listener, address)?;
        clients.push(pair.client_sk.clone());
        pair.close_by_client()?;
    }
    let passive = Pair::open()?;
    let server = passive.server_sk.clone();
    passive.close_by_server()?;
    for sk in clients.iter().chain([&server]) {
        watch.wait_until(sk, "time-wait")?;
        ensure!(
            ss::state_of(sk)?.as_deref() == Some("time-wait"),
            "{:?}",
            ss::rows()?
        );
    }
    let over = json!({"old": "time-wait", "new": "closed"});
    watch.wait_long_for(&over, 4, MINUTE + PATIENCE)?;
    ensure!(ss::rows()?.is_empty(), "{:?}", ss::rows()?);
    let record = watch.finish()?;
    let end = |how: &str| {
        let long = span(Duration::from_secs(59), Duration::from_secs(66));
        json!({
            "cause": "finished", "errno": null, "observed": "timer", "dwell_ns": long,
            "age_ns": long, "tcp": KNOWN, "closer": null,
            "owner": {"pid": std::process::id(), "how": how},
        })
    };
    for sk in &clients {
        exactly(&record.of_socket(sk), &path(&WHOLE, end("connect")))?;
    }
    let passive = path(&WHOLE[2..], end(record.accepted_without_use()?));
    exactly(&record.of_socket(&server)[1..], &passive)
}

/// The last line of a TIME-WAIT that did not last.
fn cut(cause: &str) -> Value {
    json!({
        "old": "time-wait", "new": "closed", "cause": cause, "errno": null, "observed": "timer",
        "dwell_ns": span(Duration::ZERO, PATIENCE), "closer": null,
    })
}

/// A socket that may be bound to the port of a TIME-WAIT, bound to `port`.
fn bound(port: u16) -> Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    socket.bind(&address.into()).context("cannot bind")?;
    Ok(socket)
}

/// A connection from `port`, 0 for any.
fn connect(listener: &TcpListener, port: u16) -> Result<(TcpStream, TcpStream)> {
    let client = bound(port)?;
    let address = listener.local_addr()?;
    client.connect(&address.into()).context("cannot connect")?;
    let (server, _) = listener.accept()?;
    server.set_read_timeout(Some(PATIENCE))?;
    client.set_read_timeout(Some(PATIENCE))?;
    Ok((client.into(), server))
}

fn reused_by_connect(netns: &Netns) -> Result<()> {
    reused(netns, close_in_order, 0)
}

/// At the server's end: the client's socket has gone.
fn reused_by_a_syn(netns: &Netns) -> Result<()> {
    reused(netns, |client, server| close_in_order(server, client), 1)
}

/// The same two ports connect again. Of (client, server) the one at `waiting` is in TIME-WAIT.
fn reused(
    netns: &Netns,
    close: fn(TcpStream, TcpStream) -> Result<()>,
    waiting: usize,
) -> Result<()> {
    let mut watch = Watch::start(netns, &[])?;
    let listener = TcpListener::bind(LOOPBACK)?;
    let (client, server) = connect(&listener, 0)?;
    let port = client.local_addr()?.port();
    let first = [sk(&client)?, sk(&server)?];
    close(client, server)?;
    watch.wait_until(&first[waiting], "time-wait")?;
    let (client, server) = connect(&listener, port)?;
    let second = [sk(&client)?, sk(&server)?];
    watch.wait_until_closed(&[&first[waiting]])?;
    watch.wait_until(&second[1], "established")?;
    let record = watch.finish()?;
    let old = record.of_socket(&first[waiting]);
    exactly(&old[old.len() - 1..], &[cut("reused")])?;
    for sk in &second {
        in_order(
            &record.of_socket(sk),
            &[json!({"new": "established", "cause": null})],
        )?;
        ensure!(
            ss::state_of(sk)?.as_deref() == Some("established"),
            "{:?}",
            ss::rows()?
        );
    }
    let half_open = json!({"dport": port, "new": "syn-recv"});
    ensure!(
        record.matching(&half_open).len() == 2,
        "{:?}",
        record.matching(&half_open)
    );
    Ok(())
}

/// A connection from the peer's port back to that of the TIME-WAIT: what it answers looks like
/// nonsense to the peer, which resets it (RFC 1337).
fn reset_in_time_wait(netns: &Netns) -> Result<()> {
    let mut watch = Watch::start(netns, &[])?;
    let listener = TcpListener::bind(LOOPBACK)?;
    let (client, server) = connect(&listener, 0)?;
    let (from, to) = (listener.local_addr()?.port(), client.local_addr()?);
    let sk = sk(&client)?;
    close_in_order(client, server)?;
    drop(listener);
    watch.wait_until(&sk, "time-wait")?;
    let refused = bound(from)?.connect(&to.into());
    ensure!(refused.is_err(), "nobody listens there");
    watch.wait_until_closed(&[&sk])?;
    let record = watch.finish()?;
    let events = record.of_socket(&sk);
    exactly(&events, &path(&WHOLE, cut("reset-by-peer")))
}

fn killed_in_time_wait(netns: &Netns) -> Result<()> {
    let mut watch = Watch::start(netns, &[])?;
    let pair = Pair::open()?;
    let (port, _) = pair.ports()?;
    let sk = pair.client_sk.clone();
    pair.close_by_client()?;
    watch.wait_until(&sk, "time-wait")?;
    ss::kill(&format!("state time-wait sport = :{port}"))?;
    if ss::state_of(&sk)?.is_some() {
        bail!(NotHere("this kernel destroys no TIME-WAIT"));
    }
    watch.wait_until_closed(&[&sk])?;
    let record = watch.finish()?;
    exactly(&record.of_socket(&sk), &path(&WHOLE, cut("killed")))
}
