//! What is learnt by looking, where no probe tells of minisockets, and what was there before the
//! probes.

use std::{thread, time::Duration};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use sockwatch_tests::{
    flows::{Pair, expect_end},
    json::{Record, Watch},
    netns::Netns,
    ss,
    story::{KNOWN, POSITIVE, exactly, path},
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        without_probes_a_life_goes_on_to_its_end,
        without_probes_many_lives_end_together,
        a_fin_for_what_was_there_before_is_told,
        without_probes_what_was_there_before_is_looked_at,
        what_is_missing_is_said,
    ]
}

/// How late a look may be, nanoseconds.
const LATE_NS: u64 = 1_000_000_000;
/// How long the peer holds its end.
const HELD: Duration = Duration::from_millis(300);

/// Closes by the client; the server's end is closed after `HELD`.
fn close_after_a_while(pair: Pair) -> Result<()> {
    drop(pair.client);
    thread::sleep(HELD);
    expect_end(pair.server)
}

/// When the line with these states of this socket happened.
fn moment(record: &Record, sk: &str, old: &str, new: &str) -> Result<u64> {
    let lines = record.of_socket(sk);
    let line = lines
        .iter()
        .find(|line| line["old"] == old && line["new"] == new);
    let at = line.and_then(|line| line["mono_ns"].as_u64());
    at.ok_or_else(|| anyhow::anyhow!("no {old} to {new}: {lines:#?}"))
}

fn polled(old: &str, new: &str, more: Value) -> Value {
    let mut line = json!({"old": old, "new": new, "observed": "poll"});
    if let (Value::Object(line), Value::Object(more)) = (&mut line, more) {
        line.extend(more);
    }
    line
}

fn without_probes_a_life_goes_on_to_its_end(netns: &Netns) -> Result<()> {
    let mut watch = Watch::start(netns, &["--no-minisock"])?;
    let pair = Pair::open()?;
    let (client, server) = (pair.client_sk.clone(), pair.server_sk.clone());
    close_after_a_while(pair)?;
    watch.wait_for(&json!({"sk": client, "new": "time-wait"}), 1)?;
    ss::kill("state time-wait")?;
    watch.wait_until_closed(&[&client, &server])?;
    let record = watch.finish()?;

    let full = [
        "closed",
        "syn-sent",
        "established",
        "fin-wait-1",
        "fin-wait-2",
    ];
    let mut story = path(&full, json!({"observed": "event"}));
    story.push(polled(
        "fin-wait-2",
        "time-wait",
        json!({"dwell_ns": POSITIVE}),
    ));
    story.push(polled("time-wait", "closed", json!({"errno": null})));
    exactly(&record.of_socket(&client), &story)?;
    let fin = moment(&record, &server, "close-wait", "last-ack")?;
    let seen = moment(&record, &client, "fin-wait-2", "time-wait")?;
    ensure!(
        (fin..fin + LATE_NS).contains(&seen),
        "the FIN came at {fin} and was seen at {seen}"
    );
    let began = moment(&record, &client, "fin-wait-1", "fin-wait-2")?;
    ensure!(
        u128::from(seen - began) >= HELD.as_nanos(),
        "seen too early: {began} to {seen}"
    );
    Ok(())
}

fn without_probes_many_lives_end_together(netns: &Netns) -> Result<()> {
    const LIVES: usize = 300;
    let mut watch = Watch::start(netns, &["--no-minisock"])?;
    let mut clients = Vec::new();
    for _ in 0..LIVES {
        let pair = Pair::open()?;
        clients.push(pair.client_sk.clone());
        pair.close_by_client()?;
    }
    watch.wait_for(&json!({"new": "time-wait"}), LIVES)?;
    ss::kill("state time-wait")?;
    watch.wait_for(&json!({"old": "time-wait", "new": "closed"}), LIVES)?;
    let record = watch.finish()?;
    for client in &clients {
        let lines = record.of_socket(client);
        let last = lines.last().copied().into_iter().collect::<Vec<_>>();
        exactly(&last, &[polled("time-wait", "closed", json!({}))])?;
    }
    Ok(())
}

/// A pair of which the client's end is a minisocket in FIN-WAIT-2 when the trace begins.
fn orphaned_before(netns: &Netns, args: &[&str]) -> Result<(Watch, Orphaned)> {
    let Pair {
        listener,
        client,
        server,
        client_sk,
        server_sk,
    } = Pair::open()?;
    drop(client);
    ss::wait_for("fin-wait-2")?;
    let watch = Watch::start(netns, args)?;
    let rest = Orphaned {
        _listener: listener,
        server,
        client_sk,
        server_sk,
    };
    Ok((watch, rest))
}

/// What is left of such a pair.
struct Orphaned {
    _listener: std::net::TcpListener,
    server: std::net::TcpStream,
    client_sk: String,
    server_sk: String,
}

fn a_fin_for_what_was_there_before_is_told(netns: &Netns) -> Result<()> {
    let (mut watch, pair) = orphaned_before(netns, &[])?;
    expect_end(pair.server)?;
    watch.wait_for(&json!({"sk": pair.client_sk, "new": "time-wait"}), 1)?;
    let record = watch.finish()?;
    let story = json!({
        "old": "fin-wait-2", "new": "time-wait", "observed": "timer", "dwell_ns": null,
    });
    exactly(&record.of_socket(&pair.client_sk), &[story])?;
    // The segment is told of while the server's end waits for its answer.
    let sent = moment(&record, &pair.server_sk, "close-wait", "last-ack")?;
    let told = moment(&record, &pair.client_sk, "fin-wait-2", "time-wait")?;
    let answered = moment(&record, &pair.server_sk, "last-ack", "closed")?;
    ensure!(sent < told && told < answered, "{sent} {told} {answered}");
    Ok(())
}

fn without_probes_what_was_there_before_is_looked_at(netns: &Netns) -> Result<()> {
    let (mut watch, pair) = orphaned_before(netns, &["--no-minisock"])?;
    expect_end(pair.server)?;
    watch.wait_for(&json!({"sk": pair.client_sk, "new": "time-wait"}), 1)?;
    let record = watch.finish()?;
    exactly(
        &record.of_socket(&pair.client_sk),
        &[polled("fin-wait-2", "time-wait", json!({"dwell_ns": null}))],
    )?;
    let sent = moment(&record, &pair.server_sk, "close-wait", "last-ack")?;
    let seen = moment(&record, &pair.client_sk, "fin-wait-2", "time-wait")?;
    ensure!(seen < sent + LATE_NS, "sent {sent}, seen {seen}");
    Ok(())
}

fn what_is_missing_is_said(netns: &Netns) -> Result<()> {
    let record = Watch::start(netns, &["--no-minisock"])?.finish()?;
    let starts: Vec<_> = record.of_type("start").collect();
    exactly(&starts, &[json!({"degraded": KNOWN})])?;
    let degraded = starts[0]["degraded"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let why = |what: &str| {
        let found = degraded.iter().find(|degraded| degraded["what"] == what);
        found.and_then(|degraded| degraded["why"].as_str())
    };
    for what in ["half-open connections", "time-wait"] {
        let why = why(what).unwrap_or_default();
        ensure!(why.starts_with("--no-minisock"), "{what}: {degraded:?}");
    }
    Ok(())
}
