//! Both ways into the kernel tell the same.

use std::{
    fs,
    net::{Ipv4Addr, TcpStream},
    path::Path,
};

use anyhow::{Result, bail, ensure};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use sockwatch_tests::{flows::Pair, json::Watch, netns::Netns, trial::NotHere};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        typed_hook_is_the_first_choice,
        classic_hook_tells_the_same,
        classic_hook_alone_takes_no_socket_for_another
    ]
}

const TYPED: &str = "tp_btf/inet_sock_set_state";

fn typed_hook_is_the_first_choice(netns: &Netns) -> Result<()> {
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        bail!(NotHere("needs a kernel with BTF"));
    }
    let record = Watch::start(netns, &[])?.finish()?;
    let probes = record.start()?["probes"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    ensure!(probes.contains(&json!(TYPED)), "{probes:?}");
    Ok(())
}

fn need_tracefs() -> Result<()> {
    const FORMAT: &str = "/sys/kernel/tracing/events/sock/inet_sock_set_state/format";
    if fs::read(FORMAT).is_err() {
        bail!(NotHere("needs tracefs mounted"));
    }
    Ok(())
}

/// Alone, for another trace would give the sockets their cookies: without them only the address
/// tells sockets apart, and the kernel uses an address again at once.
fn classic_hook_alone_takes_no_socket_for_another(netns: &Netns) -> Result<()> {
    need_tracefs()?;
    let mut watch = Watch::start(netns, &["--hook", "tracepoint"])?;
    for _ in 0..20 {
        let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, 1));
        ensure!(refused.is_err(), "nobody listens there");
    }
    watch.wait_for(&json!({"cause": "refused"}), 20)?;
    let record = watch.finish()?;
    for event in record.transitions() {
        let begins = event["old"] == "closed";
        ensure!(
            !begins || event["dwell_ns"].is_null(),
            "a new socket was taken for an old one: {event}"
        );
    }
    Ok(())
}

fn classic_hook_tells_the_same(netns: &Netns) -> Result<()> {
    need_tracefs()?;
    // Which alone has the timers.
    let mut typed = Watch::start(netns, &["--hook", "tp_btf", "--no-minisock"])?;
    let mut classic = Watch::start(netns, &["--hook", "tracepoint"])?;
    for close in [
        Pair::close_by_client,
        Pair::close_by_server,
        Pair::reset_by_client,
    ] {
        close(Pair::open()?)?;
    }
    for watch in [&mut typed, &mut classic] {
        watch.wait_for(&json!({"new": "closed", "observed": "event"}), 7)?;
    }
    let (typed, classic) = (typed.finish()?, classic.finish()?);
    let probes = &classic.start()?["probes"];
    ensure!(
        !probes.to_string().contains(TYPED),
        "the typed hook is in use: {probes}"
    );
    let events = |record: &sockwatch_tests::json::Record| -> Vec<Value> {
        let told = record.matching(&json!({"observed": "event"}));
        told.into_iter().map(essence).collect()
    };
    let (typed, classic) = (events(&typed), events(&classic));
    ensure!(typed == classic, "typed: {typed:#?}\nclassic: {classic:#?}");
    Ok(())
}

/// What both ways have to agree on.
fn essence(event: &Value) -> Value {
    let keys = [
        "proto", "family", "src", "sport", "dst", "dport", "old", "new", "cause", "owner",
    ];
    keys.iter()
        .map(|key| ((*key).to_owned(), event[key].clone()))
        .collect()
}
