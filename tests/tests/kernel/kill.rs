//! `sockwatch list -K` and `-D`, beside ss.

use std::{
    collections::BTreeSet,
    net::{TcpListener, UdpSocket},
    process::{Command, Output},
};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use serde_json::Value;
use sockwatch_tests::{
    binary,
    flows::{LOOPBACK, Pair, sk},
    netns::Netns,
    process::output,
    schema, ss,
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        what_matches_is_closed_and_nothing_else,
        every_one_of_many_is_closed,
        udp_sockets_are_closed_once,
        what_the_kernel_cannot_close_is_told,
        ss_reads_what_is_stored,
    ]
}

fn list(args: &str) -> Result<Output> {
    let words = ["list"].into_iter().chain(args.split_whitespace());
    Ok(binary::command(&words.collect::<Vec<_>>())?.output()?)
}

/// What was closed, by cookie; it has to end with `status`, and to say `said`.
fn killed(args: &str, (status, said): (i32, &str)) -> Result<BTreeSet<String>> {
    let done = list(&format!("-K --json {args}"))?;
    let stderr = String::from_utf8_lossy(&done.stderr);
    ensure!(
        done.status.code() == Some(status) && stderr.contains(said),
        "{args}: {}: {stderr}",
        done.status
    );
    let mut closed = BTreeSet::new();
    for line in String::from_utf8(done.stdout)?.lines() {
        let line: Value = serde_json::from_str(line)?;
        schema::check(&line)?;
        ensure!(line["killed"] == true, "{line}");
        let sk = line["sk"].as_str().context("no cookie")?;
        ensure!(closed.insert(sk.to_owned()), "twice: {line}");
    }
    Ok(closed)
}

fn set(cookies: &[&str]) -> BTreeSet<String> {
    cookies.iter().map(|&cookie| cookie.to_owned()).collect()
}

fn what_matches_is_closed_and_nothing_else(_netns: &Netns) -> Result<()> {
    let (meant, other, waiting) = (Pair::open()?, Pair::open()?, Pair::open()?);
    let waiting_sk = waiting.client_sk.clone();
    waiting.close_by_client()?;
    ss::wait_until(&waiting_sk, "time-wait")?;
    let (port, _) = meant.ports()?;

    let closed = killed(&format!("-t sport = :{port}"), (0, "closed 1 socket\n"))?;
    ensure!(closed == set(&[&meant.client_sk]), "{closed:?}");
    ensure!(ss::state_of(&meant.client_sk)?.is_none());
    for pair in [&other.client_sk, &other.server_sk] {
        ensure!(ss::state_of(pair)?.as_deref() == Some("established"));
    }

    let closed = killed("-t state time-wait", (0, "closed 1 socket\n"))?;
    ensure!(closed == set(&[&waiting_sk]), "{closed:?}");
    let listener = sk(&other.listener)?;
    let port = other.listener.local_addr()?.port();
    let closed = killed(&format!("-tl sport = :{port}"), (0, "closed 1 socket\n"))?;
    ensure!(closed == set(&[&listener]), "{closed:?}");

    let closed = killed("-t state all", (0, "closed "))?;
    // The other end goes with it, as a reset tells it to.
    ensure!(closed.contains(&other.client_sk) || closed.contains(&other.server_sk));
    ensure!(ss::rows()?.is_empty(), "{:?}", ss::rows()?);
    let none = killed("-t state all", (0, "closed 0 sockets\n"))?;
    ensure!(none.is_empty());
    Ok(())
}

/// Closing takes sockets out of the chains that are being walked.
fn every_one_of_many_is_closed(_netns: &Netns) -> Result<()> {
    const PAIRS: usize = 2_000;
    let listener = TcpListener::bind(LOOPBACK)?;
    let address = listener.local_addr()?;
    let mut ends = Vec::new();
    for _ in 0..PAIRS {
        ends.push(std::net::TcpStream::connect(address)?);
        ends.push(listener.accept()?.0);
    }
    let closed = killed("-t state established", (0, "closed "))?;
    // The other end of one that is closed may go with it.
    ensure!(closed.len() >= PAIRS, "{}", closed.len());
    let states: BTreeSet<_> = ss::rows()?.into_iter().map(|row| row.state).collect();
    ensure!(states == set(&["listening"]), "{states:?}");
    Ok(())
}

fn udp_sockets_are_closed_once(_netns: &Netns) -> Result<()> {
    let bound = UdpSocket::bind(LOOPBACK)?;
    let connected = UdpSocket::bind(LOOPBACK)?;
    connected.connect(bound.local_addr()?)?;
    let port = connected.local_addr()?.port();
    let closed = killed(&format!("-ua sport = :{port}"), (0, "closed 1 socket\n"))?;
    ensure!(closed == set(&[&sk(&connected)?]), "{closed:?}");
    let error = connected.send(b"x").err().context("still connected")?;
    ensure!(error.raw_os_error().is_some(), "{error}");
    Ok(())
}

fn what_the_kernel_cannot_close_is_told(_netns: &Netns) -> Result<()> {
    // Merely bound, it is in no table that the kernel looks into.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    let address: std::net::SocketAddr = LOOPBACK.parse()?;
    socket.bind(&address.into())?;
    let listed = list("-tanBH")?;
    if !listed.stdout.is_empty() {
        let none = killed(
            "-B sport gt :0",
            (1, "1 socket not closed: 1 gone, or not found"),
        )?;
        ensure!(none.is_empty());
    }
    for (args, said) in [
        ("-K -w state all", "-K closes no sockets of these tables"),
        ("-K -t -F /dev/null", "and there is none"),
        (
            "-K -t state listening exclude listening",
            "and there is none",
        ),
        (
            "-K",
            "-K closes every socket that the filter wants, and there is none",
        ),
        ("-K -x src *", "-K closes no sockets of these tables"),
        ("-K -D file -t sport = :1", "-K and -D exclude each other"),
    ] {
        let refused = list(args)?;
        let stderr = String::from_utf8_lossy(&refused.stderr);
        ensure!(
            refused.status.code() == Some(2) && stderr.contains(said),
            "{stderr}"
        );
        ensure!(stderr.lines().count() == 1, "{stderr}");
    }
    Ok(())
}

fn ss_reads_what_is_stored(_netns: &Netns) -> Result<()> {
    let (first, second) = (Pair::open()?, Pair::open()?);
    let v6 = TcpListener::bind("[::1]:0")?;
    let address = v6.local_addr()?;
    let v6 = Pair::between(v6, address)?;
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("stored");
    let (port, _) = first.ports()?;
    for filter in [
        "-ta".to_owned(),
        format!("-ta sport = :{port} or dport = :{port}"),
        "-t state listening".to_owned(),
        "-ta src 127.0.0.0/8".to_owned(),
    ] {
        let words = format!("-D {} {filter}", file.display());
        let done = list(&words)?;
        ensure!(done.status.success() && done.stdout.is_empty(), "{done:?}");
        let shown = |command: &mut Command| -> Result<BTreeSet<String>> {
            let text = output(command.args(["-H", "-n", "-t", "-a", "-e", "-O"]))?;
            let cookie = |line: &str| {
                line.split("sk:").nth(1).map(|rest| {
                    rest.split_whitespace()
                        .next()
                        .unwrap_or_default()
                        .to_owned()
                })
            };
            Ok(text.lines().filter_map(cookie).collect())
        };
        let read = shown(Command::new("ss").env("TCPDIAG_FILE", &file))?;
        let words: Vec<_> = filter.split_whitespace().collect();
        let wanted = shown(Command::new("ss").args(words))?;
        ensure!(
            read == wanted && !read.is_empty(),
            "{filter}: {read:?} {wanted:?}"
        );
    }
    drop((first, second, v6));
    let missing = list("-D /no/such/folder/file -t")?;
    let stderr = String::from_utf8_lossy(&missing.stderr);
    ensure!(
        missing.status.code() == Some(1) && stderr.contains("/no/such/folder"),
        "{stderr}"
    );
    Ok(())
}
