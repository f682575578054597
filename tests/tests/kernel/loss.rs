//! What can't be shown is counted: in the kernel, where the ring is full, and at the output, where
//! the reader stands still.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use rustix::process::Signal;
use serde_json::{Value, json};
use sockwatch_tests::{
    flows,
    json::{Record, Watch},
    netns::Netns,
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        small_ring_overflow_is_exact,
        small_ring_overflow_is_counted_with_minisockets,
        stopped_reader_does_not_stall
    ]
}

/// A second trace, with room enough, knows what others on this machine do meanwhile. Both without
/// what tells of minisockets: of that it takes more than one record to make a line.
fn small_ring_overflow_is_exact(netns: &Netns) -> Result<()> {
    const CONNECTIONS: usize = 1_000;
    let own = 3 * flows::churn_events(CONNECTIONS);
    let mut reference = Watch::start(netns, &["--no-minisock", "--ring-size", "64M"])?;
    let small = Watch::start(netns, &["--no-minisock", "--ring-size", "16384"])?;
    flows::churn(CONNECTIONS)?;
    // However slow this machine is: nobody empties the ring for a while.
    small.signal(Signal::STOP)?;
    flows::churn(CONNECTIONS)?;
    small.signal(Signal::CONT)?;
    flows::churn(CONNECTIONS)?;
    reference.wait_for(&json!({"type": "transition"}), own)?;
    let small = small.finish_lossy()?;
    let reference = reference.finish()?;

    ensure!(
        reference.transitions().len() == own,
        "{}",
        reference.transitions().len()
    );
    let lost = small.told_lost("kernel");
    ensure!(lost > 0, "16 KiB were enough: {}", small.stop()?);
    ensure!(small.transitions().len() < own);
    let own = records(&reference.transitions());
    let expected = own + records(&foreign(&reference, netns, &small)?);
    let read = small.total("emitted")? + small.total("merged")?;
    ensure!(
        read + lost == expected,
        "{read} read and {lost} lost are not the {expected} there were: {}",
        small.stop()?
    );
    Ok(())
}

/// What is lost may have belonged together with what is not; each is counted once.
fn small_ring_overflow_is_counted_with_minisockets(netns: &Netns) -> Result<()> {
    let small = Watch::start(netns, &["--ring-size", "16384"])?;
    for _ in 0..3 {
        flows::churn(300)?;
        small.signal(Signal::STOP)?;
        flows::churn(300)?;
        small.signal(Signal::CONT)?;
    }
    let record = small.finish_lossy()?;
    let lost = record.told_lost("kernel");
    ensure!(lost > 0, "16 KiB were enough: {}", record.stop()?);
    let shown = record.transitions().len();
    ensure!(shown < 6 * flows::churn_events(300), "{shown}");
    Ok(())
}

/// How many records of the ring make these lines: why a reset was sent is one more.
fn records(lines: &[&Value]) -> u64 {
    let records = |line: &&Value| if line["reset_reason"].is_null() { 1 } else { 2 };
    lines.iter().map(records).sum()
}

/// The transitions in other namespaces that `reference` saw while `other` was tracing.
fn foreign<'a>(reference: &'a Record, netns: &Netns, other: &Record) -> Result<Vec<&'a Value>> {
    let time = |line: &Value| line["mono_ns"].as_u64().context("a line without a time");
    let traced = time(other.start()?)?..time(other.stop()?)?;
    let lines = reference.lines.iter();
    let foreign = lines.filter(|line| line["type"] == "transition" && line["netns"] != netns.inode);
    let timed = foreign.map(|line| Ok((time(line)?, line)));
    let timed = timed.collect::<Result<Vec<_>>>()?;
    let meanwhile = timed.into_iter().filter(|(time, _)| traced.contains(time));
    Ok(meanwhile.map(|(_, line)| line).collect())
}

fn stopped_reader_does_not_stall(netns: &Netns) -> Result<()> {
    const CONNECTIONS: usize = 10_000;
    const LIMIT_KIB: u64 = 200 << 10;
    let unread = Watch::start_unread(netns, &[])?;
    flows::churn(CONNECTIONS)?;
    let resident = resident_kib(unread.id())?;
    ensure!(resident < LIMIT_KIB, "{resident} KiB in memory");
    let record = unread.read()?.finish_lossy()?;

    let lost = record.told_lost("output");
    ensure!(lost > 0, "nothing was lost: {}", record.stop()?);
    ensure!(
        record.total("lost_kernel")? == 0,
        "the ring was not read: {}",
        record.stop()?
    );
    let shown = record.transitions().len();
    let own = flows::churn_events(CONNECTIONS);
    ensure!(
        shown < own && shown + usize::try_from(lost)? >= own,
        "{shown} and {lost} of {own}"
    );
    Ok(())
}

fn resident_kib(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .context("no VmRSS")?
        .parse()
        .context("VmRSS is a number")
}
