//! The begin of a connection that this machine asks for: its port is known at once, also where
//! nobody answers, and no other line is out of its place for that.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use rustix::{
    net::getsockname,
    time::{ClockId, clock_gettime},
};
use serde_json::{Value, json};
use sockwatch_tests::{
    flows::{Pair, begin_to_connect_far, churn, churn_events, sk, tcp4},
    json::Watch,
    netns::{Netns, link_to_nobody, pretend_far_is_known},
    story::{POSITIVE, exactly},
};
use std::net::SocketAddrV4;

pub(super) fn trials() -> Vec<Trial> {
    trials![
        port_is_told_with_the_first_line,
        port_is_told_though_nobody_answers,
        lines_are_in_the_order_of_time,
    ]
}

fn port_is_told_with_the_first_line(netns: &Netns) -> Result<()> {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let mut watch = Watch::start(netns, &[])?;
        let listener = std::net::TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let pair = Pair::between(listener, address)?;
        let (client, server) = pair.ports()?;
        watch.wait_until(&pair.client_sk, "established")?;
        let record = watch.finish()?;
        let ip = address.ip().to_string();
        let ends = json!({"src": ip, "sport": client, "dst": ip, "dport": server});
        exactly(&record.of_socket(&pair.client_sk), &[ends.clone(), ends])?;
    }
    Ok(())
}

/// The kernel would send the SYN again after a second: the line does not wait for that, nor for
/// anything else.
fn port_is_told_though_nobody_answers(netns: &Netns) -> Result<()> {
    const TIMES: usize = 21;
    /// A line is meant to be there after 10 ms; this machine may have other things to do.
    const LATE: Duration = Duration::from_millis(100);
    link_to_nobody()?;
    pretend_far_is_known()?;
    let mut watch = Watch::start(netns, &[])?;
    let mut sockets = Vec::new();
    let mut delays = Vec::new();
    for _ in 0..TIMES {
        let socket = tcp4()?;
        let sk = sk(&socket)?;
        begin_to_connect_far(&socket)?;
        let began = Duration::try_from(clock_gettime(ClockId::Monotonic))?;
        watch.wait_until(&sk, "syn-sent")?;
        let shown = Duration::try_from(clock_gettime(ClockId::Monotonic))?;
        delays.push(shown.saturating_sub(began));
        sockets.push((socket, sk));
    }
    let record = watch.finish()?;
    for (socket, sk) in &sockets {
        let port = SocketAddrV4::try_from(getsockname(socket)?)?.port();
        let begun = json!({
            "old": "closed", "new": "syn-sent", "src": "10.231.0.1", "sport": port,
            "dst": "10.231.0.2", "observed": "event",
        });
        exactly(&record.of_socket(sk), &[begun])?;
    }
    delays.sort_unstable();
    ensure!(delays[TIMES / 2] < LATE, "{delays:?}");
    Ok(())
}

fn time(event: &Value) -> Result<u64> {
    event["mono_ns"].as_u64().context("a line without a time")
}

/// All that this test does, one thing after the other: also where lines wait for a port.
fn lines_are_in_the_order_of_time(netns: &Netns) -> Result<()> {
    const CONNECTIONS: usize = 200;
    link_to_nobody()?;
    pretend_far_is_known()?;
    let mut watch = Watch::start(netns, &[])?;
    let mut unanswered = Vec::new();
    for _ in 0..20 {
        let socket = tcp4()?;
        begin_to_connect_far(&socket)?;
        unanswered.push(socket);
        churn(CONNECTIONS / 20)?;
    }
    let own = 20 * (churn_events(CONNECTIONS / 20) + 1);
    watch.wait_for(&json!({"type": "transition"}), own)?;
    let record = watch.finish()?;
    let events = record.transitions();
    ensure!(events.len() == own, "{} lines, not {own}", events.len());
    for pair in events.windows(2) {
        ensure!(
            time(pair[0])? <= time(pair[1])?,
            "{}\nbefore\n{}",
            pair[0],
            pair[1]
        );
    }
    let begun = record.matching(&json!({"new": "syn-sent"}));
    exactly(&begun, &vec![json!({"sport": POSITIVE}); 20 + CONNECTIONS])
}
