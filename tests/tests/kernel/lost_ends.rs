//! Minisockets whose end is lost in the kernel, because the ring is full: a look tells it, and what
//! the lines say is what `ss` shows.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use rustix::process::Signal;
use serde_json::{Value, json};
use sockwatch_tests::{
    PATIENCE,
    flows::{self, Pair, expect_end},
    json::{Record, Watch},
    netns::Netns,
    ss,
    story::{POSITIVE, exactly, path, span},
    unanswered::{Door, appear},
};

pub(super) fn trials() -> Vec<Trial> {
    trials![half_open_connections, orphans_and_time_wait]
}

/// With a ring that is soon full.
const SMALL: [&str; 2] = ["--ring-size", "16384"];

/// Has nobody read the ring, and fills it.
fn halt(watch: &mut Watch) -> Result<()> {
    watch.expect_loss();
    watch.signal(Signal::STOP)?;
    flows::churn(300)
}

/// The last line about each of these sockets says what `ss` shows.
fn check_against_ss(record: &Record, sockets: &[&str]) -> Result<()> {
    for sk in sockets {
        let lines = record.of_socket(sk);
        let told = lines.last().and_then(|line| line["new"].as_str());
        let shown = ss::state_of(sk)?;
        ensure!(
            told == Some(shown.as_deref().unwrap_or("closed")),
            "{sk} is {shown:?}: {lines:#?}"
        );
    }
    Ok(())
}

/// What a look told.
fn seen(old: &str, new: &str, cause: Option<&str>, dwell: &Value) -> Value {
    json!({
        "old": old, "new": new, "observed": "poll", "cause": cause, "errno": null,
        "dwell_ns": dwell, "closer": null,
    })
}

fn half_open_connections(netns: &Netns) -> Result<()> {
    let door = Door::open()?;
    let port = door.port()?;
    let mut watch = Watch::start(netns, &SMALL)?;
    let (killed, answered) = (door.knock()?, door.knock()?);
    watch.wait_for(&json!({"sport": port, "new": "syn-recv"}), 2)?;
    halt(&mut watch)?;
    // Or it would send its SYN again.
    drop(killed.client);
    ss::kill(&format!("state syn-recv dport = :{}", killed.port))?;
    appear()?;
    answered.wait()?;
    let (server, _) = door.listener.accept()?;
    let server_sk = flows::sk(&server)?;
    watch.signal(Signal::CONT)?;
    watch.wait_until(&server_sk, "established")?;
    watch.wait_for(&json!({"dport": killed.port, "new": "closed"}), 1)?;
    // What follows is heard of, and known to be of the same connection.
    drop(answered.client);
    expect_end(server)?;
    watch.wait_until_closed(&[&server_sk])?;
    let record = watch.finish_lossy()?;

    let dwell = span(Duration::ZERO, PATIENCE);
    let begun = json!({"old": "listening", "new": "syn-recv", "observed": "timer", "sk": null});
    let end = seen("syn-recv", "closed", None, &dwell);
    exactly(&record.of_end(port, killed.port), &[begun.clone(), end])?;
    let established = seen("syn-recv", "established", None, &dwell);
    let rest = path(
        &["established", "close-wait", "last-ack", "closed"],
        json!({"cause": "finished", "age_ns": POSITIVE, "observed": "event"}),
    );
    let story = [vec![begun, established], rest].concat();
    exactly(&record.of_end(port, answered.port), &story)?;
    ensure!(record.told_lost("kernel") > 0, "nothing was lost");
    ensure!(
        ss::rows()?.iter().all(|row| row.state != "syn-recv"),
        "{:?}",
        ss::rows()?
    );
    check_against_ss(&record, &[&server_sk])
}

/// Nobody reads for a minute; then those that nothing was heard of for long enough are looked at.
fn orphans_and_time_wait(netns: &Netns) -> Result<()> {
    /// What the kernel makes of a minute, at most, and what is waited beyond.
    const LONG: Duration = Duration::from_secs(75);
    let before = Pair::open()?;
    let before_sk = before.client_sk.clone();
    before.close_by_client()?;
    // In a minute others may do more than a table holds.
    let mut watch = Watch::start(netns, &[&SMALL[..], &["-N", netns.path()?]].concat())?;
    let pair = Pair::open()?;
    let ends = [pair.client_sk.clone(), pair.server_sk.clone()];
    pair.close_by_client()?;
    let orphan = Pair::open()?;
    drop(orphan.client);
    watch.wait_until(&orphan.client_sk, "fin-wait-2")?;
    for sk in [&before_sk, &ends[0]] {
        ss::wait_until(sk, "time-wait")?;
    }
    watch.wait_until_closed(&[&ends[1]])?;
    halt(&mut watch)?;
    wait_until_gone(&[&before_sk, &ends[0], &orphan.client_sk], LONG)?;
    watch.signal(Signal::CONT)?;
    for sk in [&before_sk, &ends[0], &orphan.client_sk] {
        watch.wait_long_for(&json!({"sk": sk, "new": "closed"}), 1, LONG)?;
    }
    let record = watch.finish_lossy()?;

    let minute = span(Duration::from_secs(67), LONG);
    let over = |dwell| seen("time-wait", "closed", Some("finished"), dwell);
    let last = |sk: &str| record.of_socket(sk).last().copied().cloned();
    exactly(&record.of_socket(&before_sk), &[over(&json!(null))])?;
    for (sk, end) in [
        (&ends[0], over(&minute)),
        (
            &orphan.client_sk,
            seen("fin-wait-2", "closed", None, &minute),
        ),
    ] {
        exactly(&last(sk).iter().collect::<Vec<_>>(), &[end])?;
    }
    ensure!(record.told_lost("kernel") > 0, "nothing was lost");
    check_against_ss(
        &record,
        &[
            &before_sk,
            &ends[0],
            &ends[1],
            &orphan.client_sk,
            &orphan.server_sk,
        ],
    )
}

/// Waits until `ss` shows none of these.
fn wait_until_gone(sockets: &[&String], patience: Duration) -> Result<()> {
    const LOOK: Duration = Duration::from_millis(200);
    let deadline = Instant::now() + patience;
    while ss::rows()?.iter().any(|row| sockets.contains(&&row.sk)) {
        ensure!(Instant::now() < deadline, "{:?}", ss::rows()?);
        thread::sleep(LOOK);
    }
    Ok(())
}
