//! Whose a connection is, from the SYN to the end: whoever accepted it, not whoever closes it.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::net::UnixStream},
    time::Instant,
};

use anyhow::{Result, bail, ensure};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use sockwatch_tests::{
    PATIENCE,
    flows::{LOOPBACK, Pair, expect_end},
    json::Watch,
    netns::Netns,
    process::Process,
    role::{Role, own_comm, send_descriptor},
    story::{POSITIVE, exactly, in_order, path, span, with},
    trial::NotHere,
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        who_accepts_owns_it_whoever_listened,
        nobody_owns_it_before_it_is_accepted,
        passed_on_and_closed_by_another,
        first_use_may_be_a_write,
    ]
}

const PASSIVE: [&str; 6] = [
    "listening",
    "syn-recv",
    "established",
    "close-wait",
    "last-ack",
    "closed",
];

fn owner(pid: u32, how: &str) -> Value {
    json!({"pid": pid, "how": how})
}

fn own(how: &str) -> Value {
    owner(std::process::id(), how)
}

/// The life of a connection that its peer closes first; of `owners` the one of each line.
fn passive(owners: [&Value; 5], closer: &Value, last: Value) -> Vec<Value> {
    let mut steps = path(&PASSIVE, last);
    for (at, (step, owner)) in steps.iter_mut().zip(owners).enumerate() {
        step["owner"] = owner.clone();
        let closes = at == 3;
        step["closer"] = if closes { closer.clone() } else { json!(null) };
        if at != 2 {
            step["accept_wait_ns"] = json!(null);
        }
    }
    steps
}

/// Reads or writes: before that nobody is known to have accepted a connection.
fn use_it(pair: &mut Pair) -> Result<()> {
    pair.client.write_all(b"!")?;
    pair.server.read_exact(&mut [0])?;
    Ok(())
}

/// The listener goes to a child; the connection waits until that has begun.
fn who_accepts_owns_it_whoever_listened(netns: &Netns) -> Result<()> {
    let mut watch = Watch::start(netns, &[])?;
    let listener = TcpListener::bind(LOOPBACK)?;
    let port = listener.local_addr()?.port();
    let connecting = Instant::now();
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    client.set_read_timeout(Some(PATIENCE))?;
    let from = client.local_addr()?.port();
    watch.wait_for(&json!({"dport": from, "new": "established"}), 1)?;
    let waiting = Instant::now();
    let mut command = Role::Acceptor.command("sw-acceptor")?;
    command.stdin(OwnedFd::from(listener));
    let mut acceptor = Process::start(command)?;
    let at_least = waiting.elapsed();
    client.write_all(b"!")?;
    client.read_exact(&mut [0])?;
    let at_most = connecting.elapsed();
    drop(client);
    ensure!(acceptor.wait()?.success(), "{:?}", acceptor.stderr());
    watch.wait_for(&json!({"dport": from, "new": "closed"}), 1)?;
    let record = watch.finish()?;
    let (waiting, accepted) = (own("unaccepted"), owner(acceptor.id(), "accept"));
    let closer = json!({"pid": acceptor.id(), "comm": "sw-acceptor"});
    let mut story = passive(
        [&waiting, &waiting, &accepted, &accepted, &accepted],
        &closer,
        json!({"cause": "finished"}),
    );
    story[2]["accept_wait_ns"] = span(at_least, at_most);
    exactly(&record.of_end(port, from), &story)
}

/// accept() alone leaves no trace; close() then shows that somebody has it.
fn nobody_owns_it_before_it_is_accepted(netns: &Netns) -> Result<()> {
    let mut watch = Watch::start(netns, &[])?;
    let listener = TcpListener::bind(LOOPBACK)?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (port, from) = (listener.local_addr()?.port(), client.local_addr()?.port());
    drop(client);
    watch.wait_for(&json!({"dport": from, "new": "close-wait"}), 1)?;
    let (server, _) = listener.accept()?;
    drop(server);
    watch.wait_for(&json!({"dport": from, "new": "closed"}), 1)?;
    let record = watch.finish()?;
    let (waiting, accepted) = (own("unaccepted"), own(record.accepted_without_use()?));
    let mut story = passive(
        [&waiting, &waiting, &waiting, &accepted, &accepted],
        &json!({"pid": std::process::id(), "comm": own_comm()?}),
        json!({"cause": "finished"}),
    );
    story[2]["accept_wait_ns"] = json!(null);
    exactly(&record.of_end(port, from), &story)
}

/// Who closes it is told as such; its owner stays who accepted it.
fn passed_on_and_closed_by_another(netns: &Netns) -> Result<()> {
    let mut watch = Watch::start(netns, &[])?;
    let mut pair = Pair::open()?;
    use_it(&mut pair)?;
    let (giver, taker) = UnixStream::pair()?;
    let mut command = Role::Keeper.command("sw-keeper")?;
    command.stdin(OwnedFd::from(taker));
    let mut keeper = Process::start(command)?;
    send_descriptor(&giver, &pair.server)?;
    drop(pair.server);
    // Which the keeper takes for a sign to close what it keeps.
    drop(giver);
    ensure!(keeper.wait()?.success(), "{:?}", keeper.stderr());
    expect_end(pair.client)?;
    watch.wait_until(&pair.server_sk, "time-wait")?;
    let record = watch.finish()?;
    let closed = json!({
        "old": "established", "new": "fin-wait-1", "accept_wait_ns": POSITIVE,
        "closer": {"pid": keeper.id(), "comm": "sw-keeper"}, "owner": own("accept"),
    });
    let later = json!({"closer": null, "owner": own("accept")});
    let later = with(
        path(&["fin-wait-1", "fin-wait-2", "time-wait"], json!({})),
        &later,
    );
    let events = record.of_socket(&pair.server_sk);
    exactly(&events[1..], &[vec![closed], later].concat())
}

/// Who writes first has accepted it just as well.
fn first_use_may_be_a_write(netns: &Netns) -> Result<()> {
    let mut watch = Watch::start(netns, &[])?;
    let mut pair = Pair::open()?;
    pair.server.write_all(b"!")?;
    pair.client.read_exact(&mut [0])?;
    let server = pair.server_sk.clone();
    pair.close_by_client()?;
    watch.wait_until_closed(&[&server])?;
    let record = watch.finish()?;
    let probes = &record.start()?["probes"];
    if !probes.to_string().contains("tcp_sendmsg_locked") {
        bail!(NotHere(
            "needs a kernel with the tracepoint tcp_sendmsg_locked"
        ));
    }
    let accepted = json!({"accept_wait_ns": POSITIVE, "owner": own("accept")});
    in_order(&record.of_socket(&server), &[accepted])
}
