//! Text for people: columns, names, nothing that a terminal would obey.

use std::{
    ffi::OsStr,
    net::{SocketAddrV4, TcpListener},
    os::unix::ffi::OsStrExt as _,
};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use sockwatch_tests::{
    flows::{LOOPBACK, Pair, expect_end},
    netns::Netns,
    process::Process,
    role::Role,
    text::TextWatch,
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        columns_and_state_names_of_ss,
        header_can_be_left_out,
        services_have_names_unless_numeric,
        pipes_get_no_colour,
        hostile_process_name_is_escaped,
    ]
}

/// What is printed about a connection that its client closes.
fn printed(args: &[&str]) -> Result<Vec<String>> {
    let mut watch = TextWatch::start(args)?;
    Pair::open()?.close_by_client()?;
    watch.wait_for(&["LAST-ACK→UNCONN"])?;
    watch.finish()
}

fn columns_and_state_names_of_ss(_: &Netns) -> Result<()> {
    let lines = printed(&["-n"])?;
    let header = lines.first().context("nothing was printed")?;
    let columns = [
        "Time",
        "Netid",
        "Transition",
        "Local",
        "Peer",
        "Dwell",
        "Process",
        "Cause",
    ];
    let places: Vec<_> = columns
        .iter()
        .filter_map(|column| header.find(column))
        .collect();
    ensure!(
        places.len() == columns.len() && places.is_sorted(),
        "{header}"
    );
    let transitions = [
        "UNCONN→LISTEN",
        "UNCONN→SYN-SENT",
        "SYN-SENT→ESTAB",
        "LISTEN→SYN-RECV",
        "SYN-RECV→ESTAB",
        "ESTAB→FIN-WAIT-1",
        "ESTAB→CLOSE-WAIT",
        "FIN-WAIT-1→FIN-WAIT-2",
        "FIN-WAIT-2→TIME-WAIT",
        "CLOSE-WAIT→LAST-ACK",
        "LAST-ACK→UNCONN",
        "LISTEN→UNCONN",
    ];
    for transition in transitions {
        let found = lines
            .iter()
            .filter(|line| line.contains(transition))
            .count();
        ensure!(found == 1, "{found} times {transition}: {lines:#?}");
    }
    let process = format!("/{}", std::process::id());
    let finished = lines.iter().find(|line| line.contains("LAST-ACK→UNCONN"));
    let finished = finished.context("just found")?;
    ensure!(
        finished.contains(" tcp ") && finished.contains(" 127.0.0.1:"),
        "{finished}"
    );
    ensure!(
        finished.contains(&process) && finished.ends_with(" finished"),
        "{finished}"
    );
    Ok(())
}

fn header_can_be_left_out(_: &Netns) -> Result<()> {
    let lines = printed(&["-H", "-n"])?;
    ensure!(lines.iter().all(|line| line.contains('→')), "{lines:#?}");
    Ok(())
}

fn services_have_names_unless_numeric(_: &Netns) -> Result<()> {
    let address: SocketAddrV4 = "127.0.0.1:80".parse()?;
    for (args, shown, hidden) in [(&["-n"][..], ":80 ", ":http "), (&[], ":http ", ":80 ")] {
        let mut watch = TextWatch::start(args)?;
        Pair::between(TcpListener::bind(address)?, address.into())?.reset_by_client()?;
        watch.wait_for(&["SYN-SENT→ESTAB", shown])?;
        let lines = watch.finish()?;
        ensure!(
            !lines.iter().any(|line| line.contains(hidden)),
            "{args:?}: {lines:#?}"
        );
    }
    Ok(())
}

fn pipes_get_no_colour(_: &Netns) -> Result<()> {
    for (args, coloured) in [(&[][..], false), (&["--color", "always"], true)] {
        let mut watch = TextWatch::start(args)?;
        Pair::open()?.reset_by_client()?;
        watch.wait_for(&["SYN-SENT"])?;
        let lines = watch.finish()?;
        let found = lines.iter().any(|line| line.contains('\x1b'));
        ensure!(found == coloured, "{args:?}: {lines:#?}");
    }
    Ok(())
}

fn hostile_process_name_is_escaped(_: &Netns) -> Result<()> {
    let mut watch = TextWatch::start(&["-n"])?;
    let listener = TcpListener::bind(LOOPBACK)?;
    let name = OsStr::from_bytes(b"\x1b[31mbad\n\xff\xc2\x9b");
    let mut client = Process::start(Role::Client(listener.local_addr()?).command(name)?)?;
    let (server, _) = listener.accept()?;
    expect_end(server)?;
    ensure!(client.wait()?.success(), "{:?}", client.stderr());
    let process = format!("/{}", client.id());
    let line = watch.wait_for(&["UNCONN→SYN-SENT", &process])?;
    ensure!(line.contains(r"\u{1b}[31mbad\n\xff\u{9b}"), "{line:?}");
    let lines = watch.finish()?;
    let controls = |c: char| c.is_control();
    ensure!(
        !lines.iter().any(|line| line.contains(controls)),
        "{lines:#?}"
    );
    Ok(())
}
