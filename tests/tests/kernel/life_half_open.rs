//! Lives that begin half-open: what comes of a SYN, and what does not.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use sockwatch_tests::{
    flows::Pair,
    json::Watch,
    netns::{Netns, sysctl},
    ss,
    story::{POSITIVE, exactly, span, with},
    unanswered::{Door, Knock, appear},
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        begins_with_the_syn_and_goes_on_as_the_child,
        lasts_until_the_answer_comes,
        keeps_its_begin_when_ss_has_looked,
        never_answered,
        reset_by_the_peer,
        killed_half_open,
        listener_closed_before_the_answer,
        queue_overflow_with_a_reset,
        queue_overflow_in_silence,
        syn_cookies_leave_no_half_open_connection,
    ]
}

/// What the first line of a connection that comes in says.
fn begun() -> Value {
    json!({
        "old": "listening", "new": "syn-recv", "sk": null, "observed": "timer",
        "proto": "tcp", "dwell_ns": null, "cause": null, "closer": null,
        "owner": {"pid": std::process::id(), "how": "unaccepted"},
    })
}

/// The line that tells of its end, where it ends half-open.
fn ended(cause: &str, dwell: &Value) -> Value {
    json!({
        "old": "syn-recv", "new": "closed", "sk": null, "observed": "timer", "cause": cause,
        "errno": null, "closer": null, "dwell_ns": dwell, "tcp": null,
    })
}

fn seconds(from: f64, to: f64) -> Value {
    span(Duration::from_secs_f64(from), Duration::from_secs_f64(to))
}

fn number(event: &Value, key: &str) -> u64 {
    event[key].as_u64().unwrap_or(0)
}

/// The second line is that of the child, which lasted since the SYN.
fn check_times(events: &[&Value]) -> Result<()> {
    let since_syn = number(events[1], "mono_ns") - number(events[0], "mono_ns");
    for key in ["dwell_ns", "age_ns"] {
        ensure!(number(events[1], key) == since_syn, "{key}: {}", events[1]);
    }
    Ok(())
}

fn begins_with_the_syn_and_goes_on_as_the_child(netns: &Netns) -> Result<()> {
    for (listening, family) in [
        ("127.0.0.1:0", "inet"),
        ("[::1]:0", "inet6"),
        ("[::]:0", "inet6"),
    ] {
        let mut watch = Watch::start(netns, &[])?;
        let listener = TcpListener::bind(listening)?;
        let mut address = listener.local_addr()?;
        if address.ip().is_unspecified() {
            // An IPv4-mapped connection.
            address = SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()));
        }
        let pair = Pair::between(listener, address)?;
        let (client, server) = pair.ports()?;
        watch.wait_until(&pair.server_sk, "established")?;
        let record = watch.finish()?;
        let events = record.of_end(server, client);
        let established = json!({
            "old": "syn-recv", "new": "established", "sk": pair.server_sk, "observed": "event",
            "owner": {"pid": std::process::id(), "how": "unaccepted"}, "synack_retrans": 0,
        });
        let ip = address.ip().to_string();
        let both = json!({"family": family, "src": ip, "dst": ip});
        exactly(&events, &with(vec![begun(), established], &both))?;
        check_times(&events)?;
    }
    Ok(())
}

/// Begins a connection and waits until it is shown half-open.
fn knock(watch: &mut Watch, door: &Door) -> Result<Knock> {
    let knock = door.knock()?;
    watch.wait_for(&json!({"dport": knock.port, "new": "syn-recv"}), 1)?;
    Ok(knock)
}

/// The first SYN-ACK is lost, the second one is not.
fn answered_late(netns: &Netns, meanwhile: fn() -> Result<()>) -> Result<()> {
    let door = Door::open()?;
    let mut watch = Watch::start(netns, &[])?;
    let knock = knock(&mut watch, &door)?;
    meanwhile()?;
    appear()?;
    knock.wait()?;
    let (server, _) = door.listener.accept()?;
    let server_sk = sockwatch_tests::flows::sk(&server)?;
    watch.wait_until(&server_sk, "established")?;
    let record = watch.finish()?;
    let events = record.of_end(door.port()?, knock.port);
    let established = json!({
        "old": "syn-recv", "new": "established", "sk": server_sk, "synack_retrans": POSITIVE,
        "dwell_ns": seconds(0.8, 3.0),
    });
    exactly(&events, &[begun(), established])?;
    check_times(&events)
}

fn lasts_until_the_answer_comes(netns: &Netns) -> Result<()> {
    answered_late(netns, || Ok(()))
}

/// Whoever looks makes the kernel give a half-open connection the cookie that its child will have.
fn keeps_its_begin_when_ss_has_looked(netns: &Netns) -> Result<()> {
    answered_late(netns, || ss::wait_for("syn-recv"))
}

/// What is told of a connection whose peer goes away at once, and which then ends half-open.
fn ends(
    netns: &Netns,
    then: fn(Door) -> Result<Option<Door>>,
    cause: &str,
    dwell: &Value,
) -> Result<Value> {
    let door = Door::open()?;
    let port = door.port()?;
    let mut watch = Watch::start(netns, &[])?;
    let Knock { client, port: from } = knock(&mut watch, &door)?;
    drop(client);
    let _stays = then(door)?;
    let end = json!({"dport": from, "new": "closed"});
    watch.wait_for(&end, 1)?;
    let record = watch.finish()?;
    let events = record.of_end(port, from);
    exactly(&events, &[begun(), ended(cause, dwell)])?;
    check_times(&events)?;
    Ok(events[1].clone())
}

/// One retry, one second after the SYN; two more seconds for its answer.
fn never_answered(netns: &Netns) -> Result<()> {
    sysctl("net.ipv4.tcp_synack_retries", "1")?;
    let wait = |door| ss::wait_for("syn-recv").map(|()| Some(door));
    let end = ends(netns, wait, "timed-out", &seconds(2.8, 5.0))?;
    ensure!(end["synack_retrans"] == 1, "{end}");
    Ok(())
}

/// The second SYN-ACK meets a port that nobody has any more.
fn reset_by_the_peer(netns: &Netns) -> Result<()> {
    let answer = |door| appear().map(|()| Some(door));
    let end = ends(netns, answer, "reset-by-peer", &seconds(0.8, 3.0))?;
    ensure!(end["synack_retrans"] == 1, "{end}");
    Ok(())
}

fn killed_half_open(netns: &Netns) -> Result<()> {
    let kill = |door: Door| {
        let port = door.port()?;
        ss::kill(&format!("state syn-recv sport = :{port}"))?;
        Ok(Some(door))
    };
    ends(netns, kill, "dropped", &seconds(0.0, 0.8)).map(drop)
}

/// The kernel notices when it would send the SYN-ACK again.
fn listener_closed_before_the_answer(netns: &Netns) -> Result<()> {
    ends(netns, |_closed| Ok(None), "unaccepted", &seconds(0.5, 3.0)).map(drop)
}

/// While the answer is under way another connection takes the only place.
fn overflow(netns: &Netns, cause: &str, dwell: &Value) -> Result<Knock> {
    let door = Door::open()?;
    let port = door.port()?;
    // Room for one half-open connection and for one that waits. Another comes in by a SYN cookie.
    door.keep_waiting(0)?;
    let mut watch = Watch::start(netns, &[])?;
    let knock = knock(&mut watch, &door)?;
    let _waits = TcpStream::connect(door.listener.local_addr()?)?;
    appear()?;
    watch.wait_for(&json!({"dport": knock.port, "new": "closed"}), 1)?;
    let record = watch.finish()?;
    let events = record.of_end(port, knock.port);
    exactly(&events, &[begun(), ended(cause, dwell)])?;
    ensure!(number(events[1], "synack_retrans") > 0, "{}", events[1]);
    Ok(knock)
}

fn queue_overflow_with_a_reset(netns: &Netns) -> Result<()> {
    sysctl("net.ipv4.tcp_abort_on_overflow", "1")?;
    let refused = overflow(netns, "dropped", &seconds(0.8, 3.0))?;
    refused.wait_for_reset()
}

/// The kernel takes no notice of the answer, and sends the SYN-ACK again.
fn queue_overflow_in_silence(netns: &Netns) -> Result<()> {
    sysctl("net.ipv4.tcp_synack_retries", "1")?;
    overflow(netns, "timed-out", &seconds(2.5, 8.0))?.wait()
}

fn syn_cookies_leave_no_half_open_connection(netns: &Netns) -> Result<()> {
    sysctl("net.ipv4.tcp_syncookies", "2")?;
    let mut watch = Watch::start(netns, &[])?;
    let pair = Pair::open()?;
    let (client, server) = pair.ports()?;
    watch.wait_until(&pair.server_sk, "established")?;
    let record = watch.finish()?;
    let born = json!({"old": "listening", "new": "syn-recv", "dwell_ns": null});
    let established = json!({
        "old": "syn-recv", "new": "established", "dwell_ns": POSITIVE, "synack_retrans": null,
    });
    let of_child = json!({
        "sk": pair.server_sk, "observed": "event",
        "owner": {"pid": std::process::id(), "how": "unaccepted"},
    });
    let events = record.of_end(server, client);
    exactly(&events, &with(vec![born, established], &of_child))
}
