//! Connections that are cut off: by a reset from either side, by the system, by their listener.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use libtest_mimic::Trial;
use rustix::net::connect_unspec;
use serde_json::{Value, json};
use sockwatch_tests::{
    flows::{LOOPBACK, Pair, expect_reset},
    json::{Record, Watch},
    netns::Netns,
    ss,
    story::{exactly, path},
};
use std::net::{TcpListener, TcpStream};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        aborted_by_linger,
        aborted_with_unread_data,
        reset_while_in_close_wait,
        disconnected,
        killed,
        unaccepted,
    ]
}

const CLIENT: [&str; 4] = ["closed", "syn-sent", "established", "closed"];
const SERVER: [&str; 4] = ["listening", "syn-recv", "established", "closed"];

fn reset_by_peer() -> Value {
    json!({"cause": "reset-by-peer", "errno": "ECONNRESET"})
}

/// Cuts a connection and checks how both of its ends tell of it.
fn cut(netns: &Netns, how: fn(Pair) -> Result<()>, client_end: Value) -> Result<Record> {
    let mut watch = Watch::start(netns, &[])?;
    let pair = Pair::open()?;
    let (client, server) = (pair.client_sk.clone(), pair.server_sk.clone());
    let (from, to) = pair.ports()?;
    how(pair)?;
    watch.wait_until_closed(&[&client, &server])?;
    let record = watch.finish()?;
    exactly(&record.of_end(from, to), &path(&CLIENT, client_end))?;
    exactly(&record.of_end(to, from), &path(&SERVER, reset_by_peer()))?;
    Ok(record)
}

fn aborted_by_linger(netns: &Netns) -> Result<()> {
    cut(
        netns,
        Pair::reset_by_client,
        json!({"cause": "aborted", "errno": null}),
    )
    .map(drop)
}

fn aborted_with_unread_data(netns: &Netns) -> Result<()> {
    cut(
        netns,
        Pair::abandon_unread,
        json!({"cause": "aborted", "errno": null}),
    )
    .map(drop)
}

fn disconnected(netns: &Netns) -> Result<()> {
    let disconnect = |pair: Pair| {
        connect_unspec(&pair.client)?;
        expect_reset(pair.server)
    };
    cut(
        netns,
        disconnect,
        json!({"cause": "disconnected", "errno": null}),
    )
    .map(drop)
}

fn killed(netns: &Netns) -> Result<()> {
    let kill = |pair: Pair| {
        let port = pair.client.local_addr()?.port();
        ss::kill(&format!("sport = :{port}"))?;
        expect_reset(pair.server)
    };
    cut(
        netns,
        kill,
        json!({"cause": "killed", "errno": "ECONNABORTED"}),
    )
    .map(drop)
}

/// The peer has closed and its socket is gone: data for it is answered with a reset.
fn reset_while_in_close_wait(netns: &Netns) -> Result<()> {
    let mut watch = Watch::start(netns, &[])?;
    let mut pair = Pair::open()?;
    drop(pair.server);
    watch.wait_for(&json!({"sk": pair.client_sk, "new": "close-wait"}), 1)?;
    pair.client.write_all(b"for nobody")?;
    watch.wait_until_closed(&[&pair.client_sk])?;
    let record = watch.finish()?;
    let states = ["closed", "syn-sent", "established", "close-wait", "closed"];
    let end = json!({"cause": "reset-by-peer", "errno": "EPIPE"});
    exactly(&record.of_socket(&pair.client_sk), &path(&states, end))
}

fn unaccepted(netns: &Netns) -> Result<()> {
    let mut watch = Watch::start(netns, &[])?;
    let listener = TcpListener::bind(LOOPBACK)?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let port = client.local_addr()?.port();
    watch.wait_for(&json!({"dport": port, "new": "established"}), 1)?;
    drop(listener);
    expect_reset(client).context("the client was not reset")?;
    watch.wait_for(&json!({"new": "closed"}), 3)?;
    let record = watch.finish()?;
    let end = json!({"cause": "unaccepted", "errno": null});
    exactly(
        &record.matching(&json!({"dport": port})),
        &path(&SERVER, end),
    )?;
    let client_ends = record.matching(&json!({"sport": port, "new": "closed"}));
    exactly(&client_ends, &[reset_by_peer()])
}
