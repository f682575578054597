//! How a trace begins and ends.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, ExitStatus},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use rustix::process::Signal;
use serde_json::json;
use sockwatch_tests::{
    binary, flows,
    json::Watch,
    netns::Netns,
    process::{Process, output},
    story::matches,
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        term_flushes_and_writes_stop,
        int_flushes_and_writes_stop,
        count_is_exact,
        duration_ends_the_trace,
        start_tells_what_is_in_use,
        closed_pipe_ends_a_quiet_trace,
        closed_pipe_ends_a_busy_trace,
        output_goes_to_a_file,
        output_that_cannot_be_opened_is_named,
        full_output_ends_the_trace,
        two_capabilities_are_enough,
        doctor_finds_that_tracing_works,
    ]
}

fn term_flushes_and_writes_stop(netns: &Netns) -> Result<()> {
    ends_whole(netns, Signal::TERM)
}

fn int_flushes_and_writes_stop(netns: &Netns) -> Result<()> {
    ends_whole(netns, Signal::INT)
}

/// What happened before the signal is all there, though nobody waited for it.
fn ends_whole(netns: &Netns, signal: Signal) -> Result<()> {
    const CONNECTIONS: usize = 300;
    let watch = Watch::start(netns, &[])?;
    flows::churn(CONNECTIONS)?;
    let record = watch.finish_by(signal)?;
    let (seen, expected) = (record.transitions().len(), flows::churn_events(CONNECTIONS));
    ensure!(seen == expected, "{seen} of {expected} transitions");
    Ok(())
}

fn count_is_exact(netns: &Netns) -> Result<()> {
    let watch = Watch::start(netns, &["-N", netns.path()?, "--count", "7"])?;
    flows::churn(50)?;
    let record = watch.wait()?;
    ensure!(record.transitions().len() == 7);
    ensure!(record.total("emitted")? == 7);
    Ok(())
}

fn duration_ends_the_trace(netns: &Netns) -> Result<()> {
    let begun = Instant::now();
    let record = Watch::start(netns, &["--duration", "250ms"])?.wait()?;
    ensure!(begun.elapsed() >= Duration::from_millis(250));
    record.stop().map(drop)
}

fn start_tells_what_is_in_use(netns: &Netns) -> Result<()> {
    let record = Watch::start(netns, &["-t4"])?.finish()?;
    let kernel = output(Command::new("uname").arg("-r"))?;
    let start = record.start()?;
    let expected = json!({"kernel": kernel.trim(), "filter": "--tcp --ipv4", "seq": 1, "v": 1});
    ensure!(matches(&expected, start), "{start}");
    ensure!(
        !start["probes"].as_array().is_none_or(Vec::is_empty),
        "{start}"
    );
    Ok(())
}

/// Reads the first line, closes the pipe, lets `then` happen, and returns how sockwatch ended and
/// what it said on standard error, but for its notes on what works in a lesser way here.
fn behead(args: &[&str], then: fn() -> Result<()>) -> Result<(ExitStatus, Vec<String>)> {
    let mut process = Process::start(binary::command(args)?)?;
    let mut head = BufReader::new(process.stdout()?);
    ensure!(
        head.read_line(&mut String::new())? > 0,
        "no line: {:?}",
        process.stderr()
    );
    drop(head);
    then()?;
    let status = process.wait()?;
    let more_than_notes = |line: &&String| !line.starts_with("sockwatch: note: ");
    Ok((
        status,
        process
            .stderr()
            .iter()
            .filter(more_than_notes)
            .cloned()
            .collect(),
    ))
}

/// Nothing happens that could be written: the closed pipe itself has to be noticed.
fn closed_pipe_ends_a_quiet_trace(netns: &Netns) -> Result<()> {
    for format in [&["--json", "-N", netns.path()?][..], &["-N", netns.path()?]] {
        let (status, stderr) = behead(format, || Ok(()))?;
        ensure!(
            status.success() && stderr.is_empty(),
            "{format:?}: {status}: {stderr:?}"
        );
    }
    Ok(())
}

fn closed_pipe_ends_a_busy_trace(_: &Netns) -> Result<()> {
    for format in [&["--json"][..], &[]] {
        let (status, stderr) = behead(format, || flows::churn(200))?;
        ensure!(
            status.success() && stderr.is_empty(),
            "{format:?}: {status}: {stderr:?}"
        );
    }
    Ok(())
}

fn output_goes_to_a_file(netns: &Netns) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("events.jsonl");
    let path = file.display().to_string();
    let args = [
        "--json",
        "-N",
        netns.path()?,
        "--count",
        "6",
        "--output",
        &path,
        "--verbose",
    ];
    let mut process = Process::start(binary::command(&args)?)?;
    process.wait_for_stderr("probes:")?;
    flows::churn(10)?;
    ensure!(process.wait()?.success(), "{:?}", process.stderr());
    let text = std::fs::read_to_string(&file)?;
    ensure!(text.lines().count() == 8 && text.ends_with('\n'), "{text}");
    for line in text.lines() {
        sockwatch_tests::schema::check(&serde_json::from_str(line)?)?;
    }
    Ok(())
}

/// Runs a trace that fails; returns its status and what it said, but for its notes.
fn failure(args: &[&str]) -> Result<(Option<i32>, String)> {
    let mut process = Process::start(binary::command(args)?)?;
    let status = process.wait()?.code();
    let lines = process
        .stderr()
        .iter()
        .filter(|line| !line.starts_with("sockwatch: note: "));
    Ok((status, lines.cloned().collect::<Vec<_>>().join("\n")))
}

fn output_that_cannot_be_opened_is_named(_: &Netns) -> Result<()> {
    let (status, said) = failure(&["--json", "--output", "/nowhere/events.jsonl"])?;
    ensure!(status == Some(1), "{status:?}: {said}");
    ensure!(
        said.contains("/nowhere/events.jsonl") && said.contains("No such file"),
        "{said}"
    );
    ensure!(said.lines().count() == 1, "{said}");
    Ok(())
}

fn full_output_ends_the_trace(_: &Netns) -> Result<()> {
    let (status, said) = failure(&["--json", "--output", "/dev/full"])?;
    ensure!(status == Some(1), "{status:?}: {said}");
    ensure!(
        said.contains("/dev/full") && said.contains("No space left"),
        "{said}"
    );
    ensure!(said.lines().count() == 1, "{said}");
    Ok(())
}

fn two_capabilities_are_enough(netns: &Netns) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut command = binary::with_two_capabilities(directory.path())?;
    command.args(["--json", "--verbose"]);
    let mut watch = Watch::start_command(netns, command)?.read()?;
    let pair = flows::Pair::open()?;
    let (client, server) = (pair.client_sk.clone(), pair.server_sk.clone());
    pair.close_by_client()?;
    watch.wait_until(&client, "fin-wait-2")?;
    watch.wait_until_closed(&[&server])?;
    watch.finish().map(drop)
}

fn doctor_finds_that_tracing_works(_: &Netns) -> Result<()> {
    let text = output(&mut binary::command(&["doctor"])?)?;
    ensure!(text.to_lowercase().contains("btf"), "{text}");
    Ok(())
}
