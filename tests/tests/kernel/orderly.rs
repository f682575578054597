//! Connections that end in order, by one side or the other.

use anyhow::Result;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use sockwatch_tests::{
    flows::Pair,
    json::Watch,
    netns::Netns,
    story::{exactly, path},
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        finished_by_the_client,
        finished_by_the_server,
        closed_listener
    ]
}

const ACTIVE: [&str; 4] = ["established", "fin-wait-1", "fin-wait-2", "time-wait"];
const PASSIVE: [&str; 4] = ["established", "close-wait", "last-ack", "closed"];

fn finished_by_the_client(netns: &Netns) -> Result<()> {
    finished(netns, Pair::close_by_client, (ACTIVE, PASSIVE))
}

fn finished_by_the_server(netns: &Netns) -> Result<()> {
    finished(netns, Pair::close_by_server, (PASSIVE, ACTIVE))
}

fn finished(
    netns: &Netns,
    close: fn(Pair) -> Result<()>,
    (client_end, server_end): ([&str; 4], [&str; 4]),
) -> Result<()> {
    let mut watch = Watch::start(netns, &[])?;
    let pair = Pair::open()?;
    let (client, server) = (pair.client_sk.clone(), pair.server_sk.clone());
    let (from, to) = pair.ports()?;
    close(pair)?;
    watch.wait_until(&client, client_end[3])?;
    watch.wait_until(&server, server_end[3])?;
    let record = watch.finish()?;
    let states = [&["closed", "syn-sent"][..], &client_end].concat();
    exactly(&record.of_end(from, to), &path(&states, last(client_end)))?;
    let states = [&["listening", "syn-recv"][..], &server_end].concat();
    exactly(&record.of_end(to, from), &path(&states, last(server_end)))
}

/// What the last line says: who closed first has TIME-WAIT to come.
fn last(end: [&str; 4]) -> Value {
    let cause = (end[3] == "closed").then_some("finished");
    json!({"cause": cause, "errno": null})
}

fn closed_listener(netns: &Netns) -> Result<()> {
    let mut watch = Watch::start(netns, &[])?;
    let Pair { listener, .. } = Pair::open()?;
    drop(listener);
    let end = json!({"old": "listening", "new": "closed"});
    watch.wait_for(&end, 1)?;
    let record = watch.finish()?;
    let told = json!({
        "cause": "listener-closed", "errno": null, "src": "127.0.0.1", "dst": "0.0.0.0",
        "dport": null,
    });
    exactly(&record.matching(&end), &[told])
}
