//! The same lives with more or less of the kernel's own: `--raw`, `--no-minisock`.

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use sockwatch_tests::{
    flows::{Pair, expect_end},
    json::{Record, Watch},
    netns::Netns,
    story::{exactly, path, with},
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        raw_shows_what_is_merged,
        without_minisockets_no_end_is_made_up,
        what_is_merged_is_counted,
    ]
}

/// A connection that the client closes and that the server closes later.
fn recorded(netns: &Netns, args: &[&str], until: &str) -> Result<(Record, [String; 2], [u16; 2])> {
    let mut watch = Watch::start(netns, args)?;
    let pair = Pair::open()?;
    let (client, server) = pair.ports()?;
    let sks = [pair.client_sk.clone(), pair.server_sk.clone()];
    drop(pair.client);
    watch.wait_until(&sks[0], "fin-wait-2")?;
    expect_end(pair.server)?;
    watch.wait_until(&sks[0], until)?;
    watch.wait_until_closed(&[&sks[1]])?;
    Ok((watch.finish()?, sks, [client, server]))
}

fn raw(old: &str, new: &str, sk: &str) -> Value {
    json!({"old": old, "new": new, "sk": sk, "observed": "raw"})
}

fn raw_shows_what_is_merged(netns: &Netns) -> Result<()> {
    let (record, [client, server], [from, to]) = recorded(netns, &["--raw"], "time-wait")?;
    let event = |old, new| json!({"old": old, "new": new, "observed": "event"});
    let steps = [
        event("closed", "syn-sent"),
        event("syn-sent", "established"),
        event("established", "fin-wait-1"),
        event("fin-wait-1", "fin-wait-2"),
        // The socket goes, its minisocket stays.
        raw("fin-wait-2", "closed", &client),
        json!({"old": "fin-wait-2", "new": "time-wait", "observed": "timer"}),
    ];
    exactly(&record.of_socket(&client), &steps)?;
    let steps = [
        json!({"old": "listening", "new": "syn-recv", "sk": null, "observed": "timer"}),
        raw("listening", "syn-recv", &server),
        event("syn-recv", "established"),
        event("established", "close-wait"),
        event("close-wait", "last-ack"),
        event("last-ack", "closed"),
    ];
    exactly(&record.of_end(to, from), &steps)
}

/// What became of the client's end is for looks to say; the kernel's `closed` does not mean it.
fn without_minisockets_no_end_is_made_up(netns: &Netns) -> Result<()> {
    let (record, [client, server], [from, to]) = recorded(netns, &["--no-minisock"], "fin-wait-2")?;
    let states = [
        "closed",
        "syn-sent",
        "established",
        "fin-wait-1",
        "fin-wait-2",
    ];
    let told = record.matching(&json!({"sk": client, "observed": "event"}));
    exactly(&told, &path(&states, json!({})))?;
    let states = [
        "listening",
        "syn-recv",
        "established",
        "close-wait",
        "last-ack",
        "closed",
    ];
    let told = json!({"sk": server, "observed": "event"});
    exactly(
        &record.of_end(to, from),
        &with(path(&states, json!({})), &told),
    )?;
    let probes = record.start()?["probes"].to_string();
    ensure!(!probes.contains("timer"), "{probes}");
    Ok(())
}

/// `--raw` adds what is merged and takes nothing away.
fn what_is_merged_is_counted(netns: &Netns) -> Result<()> {
    let (record, [client, _], [from, to]) = recorded(netns, &[], "time-wait")?;
    let (lives, ..) = recorded(netns, &["--raw"], "time-wait")?;
    // Nine changes of two sockets, of which the listener's are not counted.
    let own = record.of_socket(&client).len() + record.of_end(to, from).len();
    ensure!(own == 10, "{own}");
    ensure!(record.total("merged")? > 0, "{}", record.stop()?);
    let raw = |record: &Record| record.matching(&json!({"observed": "raw"})).len();
    ensure!(
        (raw(&record), raw(&lives)) == (0, 2),
        "{} {}",
        raw(&record),
        raw(&lives)
    );
    Ok(())
}
