//! MPTCP: one connection above, its TCP subflows below, each told of as its own.

use std::{fs, net::SocketAddrV4};

use anyhow::{Result, bail, ensure};
use libtest_mimic::Trial;
use rustix::net::{AddressFamily, accept, bind, connect, getsockname, ipproto, listen};
use serde_json::json;
use sockwatch_tests::{
    flows::{LOOPBACK, sk, socket},
    json::Watch,
    netns::Netns,
    story::{exactly, in_order, path},
    trial::NotHere,
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        connection_and_subflows_are_told_apart,
        subflows_have_whole_lives,
        option_m_leaves_the_subflows_out,
    ]
}

fn talk() -> Result<String> {
    let listener = socket(AddressFamily::INET, Some(ipproto::MPTCP))?;
    bind(&listener, &LOOPBACK.parse::<SocketAddrV4>()?)?;
    listen(&listener, 8)?;
    let client = socket(AddressFamily::INET, Some(ipproto::MPTCP))?;
    let sk = sk(&client)?;
    connect(&client, &SocketAddrV4::try_from(getsockname(&listener)?)?)?;
    let server = accept(&listener)?;
    drop(client);
    ensure!(rustix::io::read(&server, &mut [0; 8])? == 0);
    Ok(sk)
}

fn need_mptcp() -> Result<()> {
    if fs::read_to_string("/proc/sys/net/mptcp/enabled").is_ok_and(|text| text.trim() == "1") {
        return Ok(());
    }
    bail!(NotHere("needs a kernel with MPTCP"))
}

fn connection_and_subflows_are_told_apart(netns: &Netns) -> Result<()> {
    need_mptcp()?;
    let mut watch = Watch::start(netns, &[])?;
    let sk = talk()?;
    watch.wait_for(&json!({"proto": "mptcp", "sk": sk, "new": "closed"}), 1)?;
    let record = watch.finish()?;
    let upper = record.matching(&json!({"proto": "mptcp", "sk": sk}));
    let began = json!({"old": "closed", "new": "syn-sent"});
    in_order(
        &upper,
        &[
            began.clone(),
            json!({"old": "syn-sent", "new": "established"}),
        ],
    )?;
    let lower = record.matching(&json!({"proto": "tcp"}));
    in_order(
        &lower,
        &[began, json!({"old": "syn-sent", "new": "established"})],
    )?;
    ensure!(
        lower.iter().all(|event| event["sk"] != sk),
        "a subflow has its connection's cookie"
    );
    Ok(())
}

/// Which end closes its subflow first is for the kernel to choose; both have their half-open begin
/// and their TIME-WAIT, which MPTCP itself has not.
fn subflows_have_whole_lives(netns: &Netns) -> Result<()> {
    need_mptcp()?;
    let mut watch = Watch::start(netns, &["-t"])?;
    talk()?;
    watch.wait_for(&json!({"new": "time-wait"}), 1)?;
    watch.wait_for(&json!({"old": "last-ack", "new": "closed"}), 1)?;
    let record = watch.finish()?;
    let active = ["established", "fin-wait-1", "fin-wait-2", "time-wait"];
    let passive = ["established", "close-wait", "last-ack", "closed"];
    let connected = record.matching(&json!({"old": "closed", "new": "syn-sent"}));
    ensure!(connected.len() == 1, "{connected:?}");
    let port = |key: &str| u16::try_from(connected[0][key].as_u64().unwrap_or(0));
    let (from, to) = (port("sport")?, port("dport")?);
    let client = record.of_end(from, to);
    let client_is_first = client.iter().any(|event| event["new"] == "fin-wait-1");
    let (client_end, server_end) = if client_is_first {
        (active, passive)
    } else {
        (passive, active)
    };
    let states = [&["closed", "syn-sent"][..], &client_end].concat();
    exactly(&client, &path(&states, json!({})))?;
    let states = [&["listening", "syn-recv"][..], &server_end].concat();
    let server = record.of_end(to, from);
    exactly(&server, &path(&states, json!({})))?;
    let begun = json!({"sk": null, "observed": "timer", "proto": "tcp"});
    exactly(&server[..1], &[begun])
}

fn option_m_leaves_the_subflows_out(netns: &Netns) -> Result<()> {
    need_mptcp()?;
    let mut watch = Watch::start(netns, &["-M"])?;
    let sk = talk()?;
    watch.wait_for(&json!({"proto": "mptcp", "sk": sk, "new": "closed"}), 1)?;
    let record = watch.finish()?;
    ensure!(
        record
            .transitions()
            .iter()
            .all(|event| event["proto"] == "mptcp")
    );
    ensure!(record.total("filtered")? > 0);
    Ok(())
}
