//! `sockwatch list -p` against the installed `ss -p`: the same holders of the same sockets, in the same
//! order; and what `ss` does not tell, the other ends.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader},
    net::{TcpListener, TcpStream, UdpSocket},
    os::{
        fd::OwnedFd,
        unix::{
            ffi::OsStrExt as _,
            net::{UnixListener, UnixStream},
        },
    },
    process::{self, Command},
};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use sockwatch_tests::{
    binary,
    flows::LOOPBACK,
    netns::Netns,
    population::Population,
    process::{Process, output},
    role::{Role, own_comm},
    story::matches,
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        holders_are_those_of_ss,
        a_name_is_shown_to_its_end,
        json_tells_every_holder,
        without_privilege_only_own_processes_are_told,
        each_end_of_a_connection_tells_of_the_other,
    ]
}

/// Names of processes, and how they are shown: `ss` before 7.0 shows them as they are.
const NAMES: [(&[u8], &str); 6] = [
    (b"a b", "a b"),
    (b"q\"u'", "q\"u'"),
    (b"n\xff\xfe", r"n\xff\xfe"),
    (b"back\\sl", r"back\\sl"),
    (b"e\x1b[31m", r"e\u{1b}[31m"),
    (b"x,pid=1", "x,pid=1"),
];

/// A process called `comm` that has `socket` by three descriptors and two threads.
fn holder(comm: &[u8], socket: OwnedFd) -> Result<Process> {
    let mut command = Role::Holder.command(OsStr::from_bytes(comm))?;
    command.stdin(socket);
    let mut process = Process::start(command)?;
    let mut line = String::new();
    BufReader::new(process.stdout()?).read_line(&mut line)?;
    ensure!(line == "held\n", "{line}");
    Ok(process)
}

/// What `command` lists, spaces aside.
fn rows(command: &mut Command) -> Result<Vec<String>> {
    let done = command.output()?;
    ensure!(done.status.success(), "{command:?}: {done:?}");
    let mut text = done.stdout;
    for (name, shown) in NAMES {
        let (name, shown) = ([b"(\"", name, b"\""].concat(), format!("(\"{shown}\""));
        text = replaced(&text, &name, shown.as_bytes());
    }
    let text = String::from_utf8(text)?;
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(text.lines().map(words).collect())
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut rest = text;
    let mut out = Vec::new();
    while let Some((&first, behind)) = rest.split_first() {
        if let Some(behind) = rest.strip_prefix(from) {
            out.extend(to);
            rest = behind;
        } else {
            out.push(first);
            rest = behind;
        }
    }
    out
}

/// Without this /proc does not show the descriptors of those that have it.
const HIDDEN: &str = "-sys_ptrace";

/// The program by way of each source: /proc, for there are few descriptors; the iterator, for /proc may
/// hide some; /proc, for the iterator takes privileges.
fn by_each_source() -> Result<[(&'static str, Command); 3]> {
    let ways = ["+sys_ptrace", HIDDEN, "-bpf,-perfmon,-sys_admin"];
    let program = binary::path()?;
    Ok(ways.map(|way| {
        let mut command = Command::new("setpriv");
        command.arg(format!("--bounding-set={way}")).arg(&program);
        (way, command)
    }))
}

fn holders_are_those_of_ss(_: &Netns) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let _population = Population::settle(directory.path())?;
    let listener = TcpListener::bind(LOOPBACK)?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    let datagrams = UdpSocket::bind(LOOPBACK)?;
    let (one, _other) = UnixStream::pair()?;
    let mut shared = Vec::<OwnedFd>::from([
        listener.try_clone()?.into(),
        listener.into(),
        client.into(),
        server.into(),
        datagrams.into(),
        one.into(),
    ]);
    let copies: Vec<OwnedFd> = shared
        .iter()
        .map(OwnedFd::try_clone)
        .collect::<Result<_, _>>()?;
    let mut holders = Vec::new();
    for (name, _) in NAMES {
        let socket = shared.pop().context("a socket for each name")?;
        holders.push(holder(name, socket)?);
    }
    for options in [
        "-tanp", "-lntup", "-xanp", "-uanp", "-tnp", "-0anp", "-tanop", "-tanpT", "-xanpT",
    ] {
        let mut ss = Command::new("ss");
        ss.args(["-H", options]);
        let expected = rows(&mut ss)?;
        let held = expected
            .iter()
            .filter(|row| row.contains("users:(("))
            .count();
        ensure!(held > 0, "{options}: {expected:#?}");
        for (way, mut command) in by_each_source()? {
            // Threads are told by /proc alone.
            if options.contains('T') && way == HIDDEN {
                continue;
            }
            command.args(["list", "-H", options]);
            let found = rows(&mut command)?;
            // Timers run on.
            let users = |row: &String| row.split(" timer:").next().map(str::to_owned);
            let differing = expected
                .iter()
                .zip(&found)
                .find(|(one, other)| users(one) != users(other));
            ensure!(
                differing.is_none() && found.len() == expected.len(),
                "{options}, {command:?}: {differing:#?}"
            );
        }
    }
    drop((holders, copies));
    Ok(())
}

/// `ss` takes the first parenthesis for the end of a name.
fn a_name_is_shown_to_its_end(_: &Netns) -> Result<()> {
    let listener = TcpListener::bind(LOOPBACK)?;
    let process = holder(b"p)x\n(", listener.into())?;
    let found = rows(&mut binary::command(&["list", "-Hltnp"])?)?;
    let (pid, shown) = (process.id(), r"p)x\n(");
    let expected = format!(
        r#"users:(("{shown}",pid={pid},fd=200),("{shown}",pid={pid},fd=3),("{shown}",pid={pid},fd=0))"#
    );
    ensure!(
        found.len() == 1 && found[0].ends_with(&expected),
        "{found:?}"
    );
    Ok(())
}

/// The lines of `sockwatch list --json ARGS`.
fn lines(args: &[&str]) -> Result<Vec<Value>> {
    let text = output(&mut binary::command(&[&["list", "--json"], args].concat())?)?;
    let lines = text.lines().map(serde_json::from_str);
    Ok(lines.collect::<Result<_, _>>()?)
}

fn json_tells_every_holder(_: &Netns) -> Result<()> {
    let listener = TcpListener::bind(LOOPBACK)?;
    let process = holder(b"a b", listener.try_clone()?.into())?;
    let user = |fd: u32| json!({"pid": process.id(), "tid": null, "comm": "a b", "fd": fd});
    let [row] = &lines(&["-tlp"])?[..] else {
        anyhow::bail!("one socket listens");
    };
    let users = row["users"].as_array().context("no list")?;
    let theirs: Vec<_> = users
        .iter()
        .filter(|user| user["pid"] == process.id())
        .collect();
    ensure!(theirs.len() == 3 && users.len() == 4, "{row}");
    for (fd, user_shown) in [200, 3, 0].into_iter().zip(theirs) {
        ensure!(matches(&user(fd), user_shown), "{user_shown}");
    }
    let first = process::id().min(process.id());
    ensure!(row["owner"]["pid"] == first, "{row}");
    ensure!(lines(&["-tl"])?[0]["users"].is_null());
    let threads = lines(&["-tlT"])?;
    let users = threads[0]["users"].as_array().context("no list")?;
    let named = |comm: &str| users.iter().filter(|user| user["comm"] == comm).count();
    ensure!((named("a b"), named("a thread")) == (3, 3), "{users:?}");
    Ok(())
}

fn without_privilege_only_own_processes_are_told(_: &Netns) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let program = binary::copy_for_everybody(directory.path())?;
    let _ours = TcpListener::bind(LOOPBACK)?;
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .args(["--inh-caps=-all", "--bounding-set=-all"])
        .arg(program)
        .args(["list", "-Hltnp"]);
    let done = command.output()?;
    let [told, said] = [done.stdout, done.stderr].map(String::from_utf8);
    let (told, said) = (told?, said?);
    ensure!(
        done.status.success() && told.contains("LISTEN"),
        "{told}{said}"
    );
    ensure!(!told.contains("users:"), "{told}");
    ensure!(said.lines().count() == 1, "{said}");
    ensure!(said.contains("processes that do not show"), "{said}");
    Ok(())
}

fn each_end_of_a_connection_tells_of_the_other(_: &Netns) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("x.sock");
    let listener = UnixListener::bind(&path)?;
    let unix_client = UnixStream::connect(&path)?;
    let (unix_server, _) = listener.accept()?;
    let tcp = TcpListener::bind(LOOPBACK)?;
    let client = TcpStream::connect(tcp.local_addr()?)?;
    let port = client.local_addr()?.port();
    let udp = [UdpSocket::bind(LOOPBACK)?, UdpSocket::bind(LOOPBACK)?];
    udp[0].connect(udp[1].local_addr()?)?;
    udp[1].connect(udp[0].local_addr()?)?;
    // Nobody has accepted it yet: the other end has no holder.
    let row = lines(&["-tp", "--loopback-peers", "sport", "=", &port.to_string()])?;
    let unheld = json!({"peer": {"inode": null, "name": null, "users": []}});
    ensure!(row.len() == 1 && matches(&unheld, &row[0]), "{row:?}");
    let (server, _) = tcp.accept()?;
    let process = holder(b"server", server.into())?;
    let row = lines(&["-t", "--loopback-peers", "sport", "=", &port.to_string()])?;
    let user = json!({"pid": process.id(), "comm": "server"});
    let users = row[0]["peer"]["users"].as_array().context("no list")?;
    ensure!(users.len() == 3 && matches(&user, &users[0]), "{row:?}");
    ensure!(row[0]["users"].is_null(), "{row:?}");
    for row in lines(&["-u", "--loopback-peers"])? {
        let own = json!({"pid": process::id(), "comm": own_comm()?});
        ensure!(matches(&own, &row["peer"]["users"][0]), "{row}");
    }
    let name = path.to_str().context("a path of ours")?;
    let named = lines(&["-x", "--loopback-peers"])?;
    let names: Vec<&Value> = named.iter().map(|row| &row["peer"]["name"]).collect();
    ensure!(
        names.iter().filter(|shown| **shown == name).count() == 1,
        "{names:?}"
    );
    let text = output(&mut binary::command(&["list", "-Hx", "--loopback-peers"])?)?;
    let expected = format!(r#"peer:("{name}",("{}",pid="#, own_comm()?);
    ensure!(text.contains(&expected), "{text}");
    drop((unix_client, unix_server));
    Ok(())
}
