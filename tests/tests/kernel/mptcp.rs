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
    story::in_order,
    trial::NotHere,
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        connection_and_subflows_are_told_apart,
        option_m_leaves_the_subflows_out
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
