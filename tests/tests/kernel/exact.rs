//! Every transition, once each, with all that belongs to it.

use std::{collections::HashMap, net::TcpStream};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use sockwatch_tests::{
    flows,
    json::{Record, Watch},
    netns::{Netns, sysctl},
    role::{Server, own_comm},
    story::{KNOWN, POSITIVE, exactly, path, with},
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        thousand_connections_exactly_once,
        lines_are_in_the_order_of_events_of_each_socket,
        closed_sockets_are_forgotten,
    ]
}

const CONNECTIONS: usize = 1_000;
/// Fewer than the listener's queue takes, so that nothing has to be sent again.
const AT_ONCE: usize = 50;
const SERVER: &str = "sw-server";

fn thousand_connections_exactly_once(netns: &Netns) -> Result<()> {
    // Else connect() takes the place of a TIME-WAIT once it is a second old; and where a delayed
    // acknowledgement of the server comes behind its FIN, what it is answered with is reset (RFC 1337).
    sysctl("net.ipv4.tcp_tw_reuse", "0")?;
    sysctl("net.ipv4.tcp_rfc1337", "1")?;
    let mut watch = Watch::start(netns, &["--duration", "120"])?;
    let server = Server::start(SERVER)?;
    let mut clients = Vec::new();
    while clients.len() < CONNECTIONS {
        for _ in 0..AT_ONCE {
            let client = TcpStream::connect(server.address)?;
            clients.push(flows::sk(&client)?);
        }
        watch.wait_for(&json!({"new": "time-wait"}), clients.len())?;
        watch.wait_for(&json!({"new": "closed"}), clients.len())?;
    }
    let server_id = server.id();
    drop(server);
    watch.wait_for(&json!({"old": "listening", "new": "closed"}), 1)?;
    let record = watch.finish()?;
    let sockets = by_socket(&record);
    ensure!(
        sockets.len() == 2 * CONNECTIONS + 1,
        "{} sockets",
        sockets.len()
    );
    ensure!(
        record.transitions().len() == 10 * CONNECTIONS + 2,
        "{}: {:#?}",
        record.transitions().len(),
        unusual(&sockets)
    );
    for client in &clients {
        exactly(&sockets[client.as_str()], &client_story()?)?;
    }
    let accepted = record.accepted_without_use()?;
    let mut passive = 0;
    for (sk, events) in &sockets {
        if events[0]["old"] == "listening" {
            exactly(events, &server_story(server_id, accepted))?;
            passive += 1;
        } else if events[0]["new"] == "listening" {
            exactly(events, &listener_story(server_id))?;
        } else {
            ensure!(
                clients.iter().any(|client| client == sk),
                "nobody's socket: {}",
                events[0]
            );
        }
    }
    ensure!(passive == CONNECTIONS, "{passive} passive sockets");
    Ok(())
}

/// Lives of another length than that of a connection.
fn unusual(sockets: &HashMap<&str, Vec<&Value>>) -> Vec<String> {
    let told =
        |event: &&Value| format!("{} {} {}", event["new"], event["cause"], event["dwell_ns"]);
    let told = |(sk, life): (&&str, &Vec<&Value>)| {
        let steps: Vec<_> = life.iter().map(told).collect();
        format!("{sk}: {}", steps.join(", "))
    };
    let lives = sockets.iter().filter(|(_, life)| life.len() != 5);
    lives.map(told).collect()
}

/// The lives: by `sk`, which a half-open connection has not; what follows under the same ends has.
fn by_socket(record: &Record) -> HashMap<&str, Vec<&Value>> {
    let mut sockets: HashMap<&str, Vec<&Value>> = HashMap::new();
    let mut half_open = HashMap::new();
    for event in record.transitions() {
        let ends = (event["sport"].as_u64(), event["dport"].as_u64());
        let Some(sk) = event["sk"].as_str() else {
            half_open.insert(ends, event);
            continue;
        };
        let life = sockets.entry(sk).or_default();
        if event["old"] == "syn-recv" {
            life.extend(half_open.remove(&ends));
        }
        life.push(event);
    }
    // What is left never got a socket.
    sockets
        .entry("")
        .or_default()
        .extend(half_open.into_values());
    sockets.retain(|_, life| !life.is_empty());
    sockets
}

/// The first step's begin was not seen; every later one's was.
fn dated(mut steps: Vec<Value>) -> Vec<Value> {
    for (at, step) in steps.iter_mut().enumerate() {
        step["dwell_ns"] = if at == 0 {
            json!(null)
        } else {
            json!(POSITIVE)
        };
        if at > 0 {
            step["age_ns"] = json!(POSITIVE);
        }
    }
    steps
}

fn client_story() -> Result<Vec<Value>> {
    let states = [
        "closed",
        "syn-sent",
        "established",
        "fin-wait-1",
        "fin-wait-2",
        "time-wait",
    ];
    let owner = json!({"pid": std::process::id(), "comm": own_comm()?, "how": "connect"});
    let all = json!({
        "proto": "tcp", "family": "inet", "src": "127.0.0.1", "dst": "127.0.0.1",
        "sport": POSITIVE, "dport": POSITIVE, "owner": owner, "uid": 0, "errno": null,
        "cause": null,
    });
    let mut steps = dated(with(path(&states, json!({})), &all));
    steps[2]["tcp"] = json!({"segs_out": POSITIVE, "segs_in": POSITIVE, "cwnd": POSITIVE});
    steps[2]["closer"] = json!({"pid": std::process::id(), "comm": own_comm()?});
    Ok(steps)
}

fn server_story(server: u32, accepted: &str) -> Vec<Value> {
    let states = [
        "listening",
        "syn-recv",
        "established",
        "close-wait",
        "last-ack",
        "closed",
    ];
    let all = json!({
        "proto": "tcp", "family": "inet", "src": "127.0.0.1", "dst": "127.0.0.1",
        "sport": KNOWN, "dport": KNOWN, "errno": null, "cause": null,
    });
    let mut steps = dated(with(path(&states, json!({"cause": "finished"})), &all));
    for step in &mut steps {
        step["owner"] = json!({"pid": server, "comm": SERVER});
    }
    // It only waits for the end: no use tells that it has accepted before it closes.
    for (step, how) in [
        (0, "unaccepted"),
        (1, "unaccepted"),
        (3, accepted),
        (4, accepted),
    ] {
        steps[step]["owner"]["how"] = json!(how);
    }
    steps[3]["closer"] = json!({"pid": server, "comm": SERVER});
    // Some FINs are sent again: one that meets the client's socket as it becomes a minisocket is lost.
    steps[4]["tcp"] = json!({"segs_out": POSITIVE, "segs_in": POSITIVE, "retrans": KNOWN});
    steps
}

fn listener_story(server: u32) -> Vec<Value> {
    let owner = json!({"pid": server, "comm": SERVER, "how": "listen"});
    let last = json!({"cause": "listener-closed", "dwell_ns": POSITIVE});
    with(
        path(&["closed", "listening", "closed"], last),
        &json!({"owner": owner, "dport": null}),
    )
}

fn lines_are_in_the_order_of_events_of_each_socket(netns: &Netns) -> Result<()> {
    let watch = Watch::start(netns, &[])?;
    flows::churn(200)?;
    let record = watch.finish()?;
    for events in by_socket(&record).values() {
        let times: Vec<_> = events
            .iter()
            .filter_map(|event| event["mono_ns"].as_u64())
            .collect();
        ensure!(times.is_sorted(), "out of order: {events:?}");
    }
    ensure!(record.transitions().len() == flows::churn_events(200));
    Ok(())
}

fn closed_sockets_are_forgotten(netns: &Netns) -> Result<()> {
    let watch = Watch::start(netns, &["--snapshot"])?;
    flows::churn(CONNECTIONS)?;
    let record = watch.finish()?;
    let existing = record
        .lines
        .iter()
        .filter(|line| line["type"] == "socket")
        .count();
    let known = record.total("sockets")?;
    // Others on this machine open sockets, too, but not by the hundred.
    ensure!(
        known < existing as u64 + 100,
        "{known} sockets known, {existing} at the start"
    );
    Ok(())
}
