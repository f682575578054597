//! Who holds the sockets that exist already: told by the kernel's iterator over open files, and by
//! /proc where that can't be used.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    process::{self, Command},
};

use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::Trial;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use sockwatch_tests::{
    binary,
    flows::{LOOPBACK, sk},
    json::{Record, Watch},
    netns::{Named, Netns},
    privilege,
    process::{Process, output},
    role::{Role, Server, own_comm, send_descriptor},
    story::matches,
    trial::NotHere,
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        existing_sockets_belong_to_the_leader,
        of_two_holders_the_lowest_owns,
        who_was_handed_a_socket_owns_it,
        other_namespaces_processes_have_ids_of_the_first,
        two_thousand_sockets_of_one_process,
        without_ptrace_others_sockets_have_owners,
        without_bpf_proc_tells,
        in_another_pid_namespace_proc_tells,
    ]
}

const PROBE: &str = "iter/task_file";

fn need_iterator() -> Result<()> {
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        bail!(NotHere("needs a kernel with BTF"));
    }
    if !privilege::in_initial_pid_namespace()? {
        bail!(NotHere("needs the initial pid namespace"));
    }
    Ok(())
}

/// A trace of nothing but the sockets that exist; their owners are the iterator's.
fn snapshot(netns: &Netns) -> Result<Record> {
    need_iterator()?;
    let record = Watch::start(netns, &["--snapshot"])?.finish()?;
    ensure!(names_probe(record.start()?), "{}", record.start()?);
    Ok(record)
}

fn names_probe(start: &Value) -> bool {
    let probes = start["probes"].as_array();
    probes.is_some_and(|probes| probes.contains(&json!(PROBE)))
}

/// The owner of an existing socket.
fn owner_of(record: &Record, sk: &str) -> Result<Value> {
    let mut rows = record.of_type("socket");
    let row = rows.find(|row| row["sk"] == sk);
    Ok(row.with_context(|| format!("no socket {sk}"))?["owner"].clone())
}

fn expect_owner(record: &Record, sk: &str, pid: u32, comm: &str) -> Result<()> {
    let owner = owner_of(record, sk)?;
    let expected = json!({"pid": pid, "comm": comm, "how": "scan"});
    ensure!(matches(&expected, &owner), "{owner} is not {expected}");
    Ok(())
}

fn existing_sockets_belong_to_the_leader(netns: &Netns) -> Result<()> {
    // This body runs on a thread that is not the first of its process.
    rustix::thread::set_name(c"sw-thread")?;
    let listener = TcpListener::bind(LOOPBACK)?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let record = snapshot(netns)?;
    let comm = own_comm()?;
    ensure!(comm != "sw-thread", "the test runs on its first thread");
    for sk in [sk(&listener)?, sk(&client)?] {
        expect_owner(&record, &sk, process::id(), &comm)?;
    }
    Ok(())
}

/// What `sockwatch list --json ARGS` says of one socket, and its standard error.
fn listed(mut command: Command, args: &[&str], sk: &str) -> Result<(Option<Value>, String)> {
    let said = command
        .args(["list", "--json", "-vv", "-a", "-t"])
        .args(args)
        .output()?;
    let stderr = String::from_utf8(said.stderr)?;
    ensure!(said.status.success(), "{stderr}");
    for line in String::from_utf8(said.stdout)?.lines() {
        let line: Value = serde_json::from_str(line)?;
        if line["sk"] == sk {
            return Ok((Some(line), stderr));
        }
    }
    Ok((None, stderr))
}

fn of_two_holders_the_lowest_owns(netns: &Netns) -> Result<()> {
    let listener = TcpListener::bind(LOOPBACK)?;
    let _client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    let server_sk = sk(&server)?;
    let mut command = Role::Heir.command("sw-heir")?;
    command.stdin(OwnedFd::from(server.try_clone()?));
    let heir = Process::start(command)?;
    let owner = owner_of(&snapshot(netns)?, &server_sk)?;
    let holders = [process::id(), heir.id()];
    ensure!(owner["pid"] == holders[0].min(holders[1]), "{owner}");
    for pid in holders {
        let (row, said) = listed(
            binary::command::<&str>(&[])?,
            &["pid", "=", &pid.to_string()],
            &server_sk,
        )?;
        ensure!(row.is_some(), "{pid} does not hold it");
        ensure!(said.contains(PROBE), "{said}");
    }
    let nobodys = ["pid", "=", "1"];
    let (row, _) = listed(binary::command::<&str>(&[])?, &nobodys, &server_sk)?;
    ensure!(row.is_none(), "{row:?}");
    Ok(())
}

fn who_was_handed_a_socket_owns_it(netns: &Netns) -> Result<()> {
    let listener = TcpListener::bind(LOOPBACK)?;
    let _client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    let server_sk = sk(&server)?;
    let (ours, theirs) = UnixStream::pair()?;
    let mut command = Role::Keeper.command("sw-keeper")?;
    command.stdin(OwnedFd::from(theirs));
    let mut keeper = Process::start(command)?;
    send_descriptor(&ours, &server)?;
    let mut line = String::new();
    BufReader::new(keeper.stdout()?).read_line(&mut line)?;
    ensure!(line == "kept\n", "{line:?}: {:?}", keeper.stderr());
    drop(server);
    expect_owner(&snapshot(netns)?, &server_sk, keeper.id(), "sw-keeper")
}

fn other_namespaces_processes_have_ids_of_the_first(netns: &Netns) -> Result<()> {
    let other = Named::new("holders")?;
    let way = [
        "ip",
        "netns",
        "exec",
        &other.name,
        "unshare",
        "--pid",
        "--fork",
        "--kill-child",
    ];
    let server = Server::start_command(Role::Server.command_through(&way, "sw-inside")?)?;
    let unshare = server.id();
    let children = fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children"))?;
    let inside: u32 = children.trim().parse().context(children.clone())?;
    let record = snapshot(netns)?;
    let expected = json!({
        "sport": server.address.port(),
        "owner": {"pid": inside, "comm": "sw-inside", "how": "scan"},
    });
    let mut rows = record.lines.iter().filter(|line| line["type"] == "socket");
    ensure!(rows.any(|row| matches(&expected, row)), "no {expected}");
    Ok(())
}

fn two_thousand_sockets_of_one_process(netns: &Netns) -> Result<()> {
    const COUNT: usize = 2_000;
    let limit = getrlimit(Resource::Nofile);
    let more = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, more)?;
    let listeners = (0..COUNT)
        .map(|_| TcpListener::bind(LOOPBACK))
        .collect::<Result<Vec<_>, _>>()
        .context("cannot open the listeners")?;
    let record = snapshot(netns)?;
    setrlimit(Resource::Nofile, limit)?;
    let ours = json!({"state": "listening", "owner": {"pid": process::id()}});
    let found = record.of_type("socket").filter(|row| matches(&ours, row));
    let found = found.count();
    ensure!(found == listeners.len(), "{found} of {COUNT}");
    Ok(())
}

/// /proc would not show the descriptors of this process to somebody else.
fn without_ptrace_others_sockets_have_owners(netns: &Netns) -> Result<()> {
    need_iterator()?;
    let listener = TcpListener::bind(LOOPBACK)?;
    let directory = tempfile::tempdir()?;
    let mut command = binary::with_two_capabilities(directory.path())?;
    command.args(["--json", "--verbose", "--snapshot"]);
    let mut watch = Watch::start_command(netns, command)?.read()?;
    watch.wait_for(&json!({"type": "socket"}), 1)?;
    let record = watch.finish()?;
    expect_owner(&record, &sk(&listener)?, process::id(), &own_comm()?)?;
    let degraded = record.start()?["degraded"].to_string();
    ensure!(!degraded.contains("owners"), "{degraded}");
    Ok(())
}

/// Root without what loading programs takes.
fn without_bpf_proc_tells(_: &Netns) -> Result<()> {
    let listener = TcpListener::bind(LOOPBACK)?;
    let mut command = Command::new("setpriv");
    command
        .arg("--bounding-set=-bpf,-perfmon,-sys_admin")
        .arg(binary::path()?);
    let comm = own_comm()?;
    let (row, said) = listed(command, &["comm", "=", &comm], &sk(&listener)?)?;
    let row = row.context("the listener is not in the list")?;
    let owner = json!({"owner": {"pid": process::id(), "comm": comm, "how": "scan"}});
    ensure!(matches(&owner, &row), "{row}");
    ensure!(
        said.contains("by /proc") && said.contains("CAP_BPF"),
        "{said}"
    );
    Ok(())
}

/// The iterator would give ids of the initial namespace, which nobody here knows.
fn in_another_pid_namespace_proc_tells(_: &Netns) -> Result<()> {
    let listener = TcpListener::bind(LOOPBACK)?;
    let way = ["--pid", "--fork", "--kill-child", "--mount-proc"];
    let inside = || -> Result<Command> {
        let mut command = Command::new("unshare");
        command.args(way).arg(binary::path()?);
        Ok(command)
    };
    let (row, said) = listed(inside()?, &[], &sk(&listener)?)?;
    let row = row.context("the listener is not in the list")?;
    ensure!(row["owner"].is_null(), "{row}");
    ensure!(said.contains("by /proc"), "{said}");
    let doctor = output(inside()?.arg("doctor"))?;
    ensure!(doctor.contains("--pid=host"), "{doctor}");
    Ok(())
}
