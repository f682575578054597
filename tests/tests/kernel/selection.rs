//! Options that select: they narrow what is shown, and what they leave out is counted.

use std::{net::TcpListener, process::Command};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use sockwatch_tests::{
    flows::{Pair, churn, churn_events},
    json::{Record, Watch},
    netns::{Named, Netns},
    process::output,
    role::Role,
    story::{POSITIVE, exactly},
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        option_4_and_6_select_the_family,
        option_t_selects_tcp,
        option_l_selects_listeners,
        on_selects_the_side,
        option_n_selects_a_named_namespace,
        what_is_left_out_is_still_remembered,
    ]
}

/// What is shown with these options of an IPv4 and an IPv6 connection, each closed by its client.
fn shown(netns: &Netns, args: &[&str]) -> Result<Record> {
    let watch = Watch::start(netns, args)?;
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        Pair::between(listener, address)?.reset_by_client()?;
    }
    watch.finish()
}

fn all(record: &Record, key: &str, value: &str) -> Result<()> {
    let others: Vec<&Value> = record
        .transitions()
        .into_iter()
        .filter(|event| event[key] != value)
        .collect();
    ensure!(others.is_empty(), "{others:?}");
    Ok(())
}

fn option_4_and_6_select_the_family(netns: &Netns) -> Result<()> {
    for (args, families) in [
        (&["-4"][..], &["inet"][..]),
        (&["-6"], &["inet6"]),
        (&["-4", "-6"], &["inet", "inet6"]),
        (&["-a"], &["inet", "inet6"]),
    ] {
        let record = shown(netns, args)?;
        let count = record.transitions().len();
        ensure!(
            count == families.len() * churn_events(1),
            "{args:?}: {count}"
        );
        if let [family] = families {
            all(&record, "family", family)?;
        }
    }
    Ok(())
}

fn option_t_selects_tcp(netns: &Netns) -> Result<()> {
    let record = shown(netns, &["-t"])?;
    ensure!(record.transitions().len() == 2 * churn_events(1));
    all(&record, "proto", "tcp")
}

/// Children of a listener come from its state, but do not listen.
fn option_l_selects_listeners(netns: &Netns) -> Result<()> {
    let record = shown(netns, &["-l"])?;
    let begin = json!({"old": "closed", "new": "listening"});
    let end = json!({"old": "listening", "new": "closed"});
    exactly(
        &record.transitions(),
        &[begin.clone(), end.clone(), begin, end],
    )
}

fn on_selects_the_side(netns: &Netns) -> Result<()> {
    let entered = shown(netns, &["-l", "--on", "enter"])?;
    let begin = json!({"old": "closed", "new": "listening"});
    exactly(&entered.transitions(), &[begin.clone(), begin])?;
    let left = shown(netns, &["-l", "--on", "leave"])?;
    all(&left, "old", "listening")?;
    ensure!(left.transitions().len() >= 2);
    Ok(())
}

fn option_n_selects_a_named_namespace(netns: &Netns) -> Result<()> {
    let other = Named::new("chosen")?;
    let watch = Watch::start(netns, &["-N", &other.name, "--snapshot"])?;
    output(&mut Role::Soliloquy.command_in(&other.name, "sw-other")?)?;
    churn(2)?;
    let record = watch.finish()?;
    let inode = output(
        Command::new("ip")
            .args(["netns", "exec", &other.name])
            .args(["stat", "--dereference", "--format=%i", "/proc/self/ns/net"]),
    )?;
    let inode: u64 = inode.trim().parse()?;
    let transitions = record
        .lines
        .iter()
        .filter(|line| line["type"] == "transition");
    let namespaces: Vec<_> = transitions.map(|line| line["netns"].as_u64()).collect();
    ensure!(
        namespaces == vec![Some(inode); 12],
        "not {inode}: {namespaces:?}"
    );
    ensure!(record.total("filtered")? >= churn_events(2) as u64);
    Ok(())
}

fn what_is_left_out_is_still_remembered(netns: &Netns) -> Result<()> {
    let record = shown(netns, &["-l", "--on", "leave"])?;
    let end = json!({"new": "closed", "dwell_ns": POSITIVE});
    exactly(
        &record.matching(&json!({"new": "closed"})),
        &[end.clone(), end],
    )
}
