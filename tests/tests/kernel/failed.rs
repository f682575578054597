//! Connections that never come about.

use std::net::{SocketAddrV4, TcpListener, TcpStream};

use anyhow::{Result, bail, ensure};
use libtest_mimic::Trial;
use rustix::{
    io::Errno,
    net::{connect, sockopt},
};
use serde_json::{Value, json};
use sockwatch_tests::{
    flows::{LOOPBACK, begin_to_connect_far, expect_failure, far, sk, tcp4},
    json::Watch,
    netns::{Netns, link_to_nobody, pretend_far_is_known, sysctl},
    story::{POSITIVE, exactly, path, with},
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        refused,
        refused_and_tried_again,
        unreachable,
        timed_out,
        gave_up,
        no_port_left,
    ]
}

const NEVER: [&str; 3] = ["closed", "syn-sent", "closed"];

/// An address on which nobody listens.
fn nobody() -> Result<SocketAddrV4> {
    let listener = TcpListener::bind(LOOPBACK)?;
    match listener.local_addr()? {
        std::net::SocketAddr::V4(address) => Ok(address),
        std::net::SocketAddr::V6(address) => bail!("not IPv4: {address}"),
    }
}

/// What is told of a socket that fails to connect.
fn check(mut watch: Watch, sk: &str, end: Value) -> Result<()> {
    watch.wait_until_closed(&[sk])?;
    let record = watch.finish()?;
    exactly(&record.of_socket(sk), &path(&NEVER, end))
}

fn refused(netns: &Netns) -> Result<()> {
    let address = nobody()?;
    let watch = Watch::start(netns, &[])?;
    let socket = tcp4()?;
    ensure!(connect(&socket, &address) == Err(Errno::CONNREFUSED));
    let end = json!({
        "cause": "refused", "errno": "ECONNREFUSED", "dport": address.port(), "dst": "127.0.0.1",
        "owner": {"pid": std::process::id(), "how": "connect"},
    });
    check(watch, &sk(&socket)?, end)
}

/// The same socket once more: the same cookie, and times of its own.
fn refused_and_tried_again(netns: &Netns) -> Result<()> {
    let address = nobody()?;
    let mut watch = Watch::start(netns, &[])?;
    let socket = tcp4()?;
    let sk = sk(&socket)?;
    for _ in 0..2 {
        ensure!(connect(&socket, &address) == Err(Errno::CONNREFUSED));
    }
    watch.wait_for(&json!({"sk": sk, "new": "closed"}), 2)?;
    let record = watch.finish()?;
    let once = path(&NEVER, json!({"cause": "refused", "errno": "ECONNREFUSED"}));
    let once = with(once, &json!({"sport": POSITIVE}));
    let events = record.of_socket(&sk);
    exactly(&events, &[once.clone(), once].concat())?;
    let number = |at: usize, key: &str| events[at][key].as_u64().unwrap_or(0);
    ensure!(events[0]["sport"] == events[1]["sport"], "{events:?}");
    ensure!(events[2]["sport"] == events[3]["sport"], "{events:?}");
    ensure!(
        number(3, "age_ns") == number(3, "mono_ns") - number(2, "mono_ns"),
        "{}",
        events[3]
    );
    ensure!(
        number(2, "dwell_ns") == number(2, "mono_ns") - number(1, "mono_ns"),
        "{}",
        events[2]
    );
    Ok(())
}

fn unreachable(netns: &Netns) -> Result<()> {
    link_to_nobody()?;
    sysctl("net.ipv4.neigh.near.retrans_time_ms", "100")?;
    let watch = Watch::start(netns, &[])?;
    let socket = tcp4()?;
    begin_to_connect_far(&socket)?;
    ensure!(expect_failure(&socket)? == Errno::HOSTUNREACH);
    let end = json!({"cause": "unreachable", "errno": "EHOSTUNREACH"});
    check(watch, &sk(&socket)?, end)
}

fn timed_out(netns: &Netns) -> Result<()> {
    link_to_nobody()?;
    pretend_far_is_known()?;
    let watch = Watch::start(netns, &[])?;
    let socket = tcp4()?;
    sockopt::set_tcp_user_timeout(&socket, 100)?;
    begin_to_connect_far(&socket)?;
    ensure!(expect_failure(&socket)? == Errno::TIMEDOUT);
    check(
        watch,
        &sk(&socket)?,
        json!({"cause": "timed-out", "errno": "ETIMEDOUT"}),
    )
}

fn gave_up(netns: &Netns) -> Result<()> {
    link_to_nobody()?;
    pretend_far_is_known()?;
    let watch = Watch::start(netns, &[])?;
    let socket = tcp4()?;
    let sk = sk(&socket)?;
    begin_to_connect_far(&socket)?;
    drop(socket);
    let end = json!({
        "cause": "gave-up", "errno": null, "src": "10.231.0.1", "dst": far().ip().to_string(),
        "dport": far().port(),
    });
    check(watch, &sk, end)
}

fn no_port_left(netns: &Netns) -> Result<()> {
    let listener = TcpListener::bind(LOOPBACK)?;
    let address: SocketAddrV4 = listener.local_addr()?.to_string().parse()?;
    sysctl("net.ipv4.ip_local_port_range", "30001 30001")?;
    let _the_only_port = TcpStream::connect(address)?;
    let watch = Watch::start(netns, &[])?;
    let socket = tcp4()?;
    ensure!(connect(&socket, &address) == Err(Errno::ADDRNOTAVAIL));
    check(
        watch,
        &sk(&socket)?,
        json!({"cause": "connect-failed", "errno": null, "sport": null}),
    )
}
