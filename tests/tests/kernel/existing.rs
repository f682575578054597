//! Sockets that exist before sockwatch starts.

use std::{
    net::{Shutdown, TcpListener},
    time::Instant,
};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use rustix::fs::{Uid, fchown};
use serde_json::json;
use sockwatch_tests::{
    PATIENCE,
    flows::{LOOPBACK, Pair, begin_to_connect_far, expect_end, sk, tcp4},
    json::{Record, Watch},
    netns::{Netns, link_to_nobody, pretend_far_is_known},
    role::own_comm,
    ss::{self, Row},
    story::{POSITIVE, exactly, matches, path},
    unanswered::{Door, appear},
};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        snapshot_equals_ss,
        snapshot_knows_owners,
        without_snapshot_no_socket_is_shown,
        begin_of_an_existing_connection_is_unknown,
        existing_time_wait_is_followed,
        existing_half_open_connection_is_followed,
    ]
}

/// Whom the first listener belongs to.
const SOMEBODY: u32 = 4242;

/// Sockets in many states, for as long as this is kept.
struct Gallery {
    _kept: Vec<Pair>,
    _listener: TcpListener,
    _dual: TcpListener,
    _connecting: std::os::fd::OwnedFd,
    owned: Vec<String>,
}

impl Gallery {
    fn open() -> Result<Self> {
        link_to_nobody()?;
        pretend_far_is_known()?;
        let established = Pair::open()?;
        let half_closed = Pair::open()?;
        half_closed.client.shutdown(Shutdown::Write)?;
        let mut kept = vec![established, half_closed];
        kept.push({
            let listener = TcpListener::bind("[::1]:0")?;
            let address = listener.local_addr()?;
            Pair::between(listener, address)?
        });
        Pair::open()?.close_by_client()?;
        let connecting = tcp4()?;
        begin_to_connect_far(&connecting)?;
        let mut owned = vec![sk(&connecting)?];
        owned.extend(
            kept.iter()
                .flat_map(|pair| [pair.client_sk.clone(), pair.server_sk.clone()]),
        );
        let listener = TcpListener::bind(LOOPBACK)?;
        fchown(&listener, Some(Uid::from_raw(SOMEBODY)), None)?;
        let gallery = Self {
            _kept: kept,
            _listener: listener,
            _dual: TcpListener::bind("[::]:0")?,
            _connecting: connecting,
            owned,
        };
        Self::settle()?;
        Ok(gallery)
    }

    /// Waits until `ss` shows every state that is meant to be here.
    fn settle() -> Result<()> {
        const STATES: [&str; 6] = [
            "listening",
            "established",
            "close-wait",
            "fin-wait-2",
            "time-wait",
            "syn-sent",
        ];
        let deadline = Instant::now() + PATIENCE;
        loop {
            let rows = ss::rows()?;
            let missing = STATES
                .iter()
                .find(|state| !rows.iter().any(|row| row.state == **state));
            let Some(state) = missing else { return Ok(()) };
            ensure!(Instant::now() < deadline, "ss shows no {state}: {rows:#?}");
        }
    }
}

/// What a trace shows while nothing happens: the rows come with the start.
fn at_rest(netns: &Netns, args: &[&str]) -> Result<Record> {
    Watch::start(netns, args)?.finish()
}

fn snapshot_equals_ss(netns: &Netns) -> Result<()> {
    let _gallery = Gallery::open()?;
    let expected = ss::rows()?;
    let record = at_rest(netns, &["--snapshot"])?;
    let mut rows = record
        .of_type("socket")
        .map(ss::row_of)
        .collect::<Result<Vec<Row>>>()?;
    rows.sort();
    ensure!(
        rows.iter().any(|row| row.uid == u64::from(SOMEBODY)),
        "{rows:#?}"
    );
    ensure!(rows == expected, "sockwatch: {rows:#?}\nss: {expected:#?}");
    for line in record.of_type("socket") {
        ensure!(
            matches(&json!({"observed": "poll", "dwell_ns": null}), line),
            "{line}"
        );
    }
    Ok(())
}

fn snapshot_knows_owners(netns: &Netns) -> Result<()> {
    let gallery = Gallery::open()?;
    let record = at_rest(netns, &["--snapshot"])?;
    let owner = json!({"pid": std::process::id(), "comm": own_comm()?, "how": "scan"});
    for sk in &gallery.owned {
        let row: Vec<_> = record
            .of_type("socket")
            .filter(|line| line["sk"] == **sk)
            .collect();
        exactly(&row, &[json!({"owner": owner})])?;
    }
    Ok(())
}

fn without_snapshot_no_socket_is_shown(netns: &Netns) -> Result<()> {
    let _pair = Pair::open()?;
    let record = at_rest(netns, &[])?;
    ensure!(record.lines.iter().all(|line| line["type"] != "socket"));
    Ok(())
}

fn existing_time_wait_is_followed(netns: &Netns) -> Result<()> {
    let pair = Pair::open()?;
    let (sk, (port, _)) = (pair.client_sk.clone(), pair.ports()?);
    pair.close_by_client()?;
    ss::wait_until(&sk, "time-wait")?;
    let mut watch = Watch::start(netns, &[])?;
    ss::kill(&format!("state time-wait sport = :{port}"))?;
    watch.wait_until_closed(&[&sk])?;
    let record = watch.finish()?;
    let end = json!({
        "old": "time-wait", "new": "closed", "cause": "killed", "errno": null, "dwell_ns": null,
        "age_ns": null, "observed": "timer",
    });
    exactly(&record.of_socket(&sk), &[end])
}

/// Its SYN-ACK was lost; the second one is not.
fn existing_half_open_connection_is_followed(netns: &Netns) -> Result<()> {
    let door = Door::open()?;
    let knock = door.knock()?;
    ss::wait_for("syn-recv")?;
    let mut watch = Watch::start(netns, &[])?;
    appear()?;
    knock.wait()?;
    let (server, _) = door.listener.accept()?;
    watch.wait_until(&sk(&server)?, "established")?;
    let record = watch.finish()?;
    let established = json!({
        "old": "syn-recv", "new": "established", "dwell_ns": null, "age_ns": null,
        "owner": {"pid": std::process::id(), "how": "unaccepted"},
    });
    exactly(&record.of_end(door.port()?, knock.port), &[established])
}

fn begin_of_an_existing_connection_is_unknown(netns: &Netns) -> Result<()> {
    let pair = Pair::open()?;
    let mut watch = Watch::start(netns, &[])?;
    drop(pair.client);
    expect_end(pair.server)?;
    watch.wait_until(&pair.client_sk, "time-wait")?;
    let record = watch.finish()?;
    let owner = json!({"pid": std::process::id(), "how": "scan"});
    let states = ["established", "fin-wait-1", "fin-wait-2", "time-wait"];
    let mut story = path(
        &states,
        json!({"cause": null, "age_ns": null, "owner": owner}),
    );
    story[0]["dwell_ns"] = json!(null);
    story[1]["dwell_ns"] = json!(POSITIVE);
    exactly(&record.of_socket(&pair.client_sk), &story)
}
