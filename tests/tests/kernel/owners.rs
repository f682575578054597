//! Who owns a socket: never merely who was running.

use std::{
    net::{TcpListener, TcpStream},
    os::fd::OwnedFd,
};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use serde_json::json;
use sockwatch_tests::{
    flows::{LOOPBACK, expect_end, sk},
    json::Watch,
    netns::Netns,
    process::Process,
    role::Role,
    story::{in_order, matches},
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        both_sides_have_their_own_owner,
        owner_is_the_process_and_not_its_thread,
        who_closes_an_inherited_connection_does_not_own_it,
        child_of_an_existing_listener_inherits_its_owner,
    ]
}

fn both_sides_have_their_own_owner(netns: &Netns) -> Result<()> {
    let mut watch = Watch::start(netns, &[])?;
    let listener = TcpListener::bind(LOOPBACK)?;
    let mut client = Process::start(Role::Client(listener.local_addr()?).command("sw-client")?)?;
    let (server, _) = listener.accept()?;
    let server_sk = sk(&server)?;
    expect_end(server)?;
    ensure!(client.wait()?.success(), "{:?}", client.stderr());
    watch.wait_for(&json!({"new": "time-wait"}), 1)?;
    watch.wait_until_closed(&[&server_sk])?;
    let record = watch.finish()?;
    let port = listener.local_addr()?.port();
    let owner = json!({"pid": client.id(), "comm": "sw-client", "how": "connect"});
    let client_side = record.matching(&json!({"dport": port}));
    ensure!(client_side.len() == 5, "{client_side:?}");
    for event in client_side {
        ensure!(matches(&json!({"owner": owner}), event), "{event}");
    }
    for event in record.of_socket(&server_sk) {
        ensure!(event["owner"]["pid"] == std::process::id(), "{event}");
    }
    Ok(())
}

fn owner_is_the_process_and_not_its_thread(netns: &Netns) -> Result<()> {
    let watch = Watch::start(netns, &[])?;
    // This body runs on a thread that is not the first of its process.
    rustix::thread::set_name(c"sw-thread")?;
    let listener = TcpListener::bind(LOOPBACK)?;
    drop(TcpStream::connect(listener.local_addr()?)?);
    let record = watch.finish()?;
    let owner = json!({"pid": std::process::id(), "comm": sockwatch_tests::role::own_comm()?});
    for event in record.transitions() {
        ensure!(matches(&json!({"owner": owner}), event), "{event}");
    }
    ensure!(!record.transitions().is_empty());
    Ok(())
}

fn who_closes_an_inherited_connection_does_not_own_it(netns: &Netns) -> Result<()> {
    let mut watch = Watch::start(netns, &[])?;
    let listener = TcpListener::bind(LOOPBACK)?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    let server_sk = sk(&server)?;
    let mut command = Role::Heir.command("sw-heir")?;
    command.stdin(OwnedFd::from(server));
    let mut heir = Process::start(command)?;
    drop(client);
    ensure!(heir.wait()?.success(), "{:?}", heir.stderr());
    watch.wait_until_closed(&[&server_sk])?;
    let record = watch.finish()?;
    let own = |how| json!({"pid": std::process::id(), "how": how});
    let how = record.accepted_without_use()?;
    let closer = json!({"pid": heir.id(), "comm": "sw-heir"});
    in_order(
        &record.of_socket(&server_sk),
        &[
            json!({"new": "established", "owner": own("unaccepted"), "closer": null}),
            json!({"new": "last-ack", "owner": own(how), "closer": closer}),
            json!({"new": "closed", "owner": own(how), "closer": null}),
        ],
    )
}

fn child_of_an_existing_listener_inherits_its_owner(netns: &Netns) -> Result<()> {
    let listener = TcpListener::bind(LOOPBACK)?;
    let mut watch = Watch::start(netns, &[])?;
    let _client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    let server_sk = sk(&server)?;
    watch.wait_for(&json!({"sk": server_sk, "new": "established"}), 1)?;
    let record = watch.finish()?;
    let owner = json!({"pid": std::process::id(), "how": "unaccepted"});
    in_order(
        &record.of_socket(&server_sk),
        &[json!({"new": "established", "owner": owner})],
    )
}
