//! Every type of line, byte for byte and against the schema.

mod others;

use serde_json::Value;

use super::*;
use crate::{
    model::{
        Cause, Comm, Endpoint, Family, How, Nanos, Netid, Observed, Owner, Peer, Row,
        holders::{Gathering, Task},
    },
    sink::samples::{self, Sample},
};

fn lines() -> String {
    let mut jsonl = Jsonl::new();
    let mut out = Vec::new();
    samples::each(|event| jsonl.write(event, samples::WALL, &mut out));
    let summary = SummaryEvent {
        at: MonoNs(9),
        netns: Some(samples::OWN_NETNS),
        summary: &samples::SUMMARY,
    };
    jsonl.write_summary(&summary, samples::WALL, &mut out);
    String::from_utf8(out).unwrap()
}

fn validator() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// The one line that `sample` gives.
fn line_of(sample: &Sample) -> String {
    let mut out = Vec::new();
    Jsonl::new().write(&sample.event(), samples::WALL, &mut out);
    assert_eq!(out.pop(), Some(b'\n'));
    String::from_utf8(out).unwrap()
}

fn connection() -> Sample {
    let tuple = samples::tuple(Family::Inet, ("10.0.0.1", 50000), ("10.0.0.2", 80));
    Sample::new(1, tuple, TcpState::Established, TcpState::Close)
}

#[test]
fn every_line_byte_for_byte() {
    insta::assert_snapshot!(lines());
}

#[test]
fn every_line_matches_the_schema() {
    let validator = validator();
    for line in lines().lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        if let Err(error) = validator.validate(&value) {
            panic!("{error}\n{line}");
        }
    }
}

#[test]
fn sequence_numbers_begin_at_one_and_have_no_gaps() {
    for (number, line) in (1..).zip(lines().lines()) {
        let value: Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["seq"], number);
    }
}

#[test]
fn every_word_of_the_model_is_in_the_schema() {
    let validator = validator();
    let mut samples = vec![];
    for number in 0..=14 {
        let mut sample = connection();
        sample.transition.old = TcpState::from_kernel(number);
        sample.transition.new = TcpState::from_kernel(14 - number);
        samples.push(sample);
    }
    for cause in Cause::ALL {
        let mut sample = connection();
        sample.cause = Some(cause);
        samples.push(sample);
    }
    for number in [6, 33, 132, 262, 1] {
        let mut sample = connection();
        sample.transition.proto = crate::model::Proto::from_kernel(number);
        samples.push(sample);
    }
    for how in [
        How::Connect,
        How::Listen,
        How::Accept,
        How::Close,
        How::Scan,
        How::Inherited,
        How::Unaccepted,
    ] {
        let mut sample = connection();
        sample.owner = Some(samples::owner(b"x", how));
        samples.push(sample);
    }
    for observed in [
        Observed::Event,
        Observed::Timer,
        Observed::Poll,
        Observed::Raw,
    ] {
        let mut sample = connection();
        sample.transition.observed = observed;
        samples.push(sample);
    }
    for sample in &samples {
        let line = line_of(sample);
        let value: Value = serde_json::from_str(&line).unwrap();
        assert!(validator.is_valid(&value), "{line}");
    }
}

#[test]
fn a_comm_of_any_bytes_makes_one_valid_printable_line() {
    let validator = validator();
    for high in 0..=255 {
        let mut sample = connection();
        sample.owner = Some(Owner {
            pid: 1,
            comm: Comm::from_bytes(&[b'a', high, b'"', high.wrapping_add(1), b'\\']),
            how: How::Connect,
        });
        sample.closer = sample.owner;
        let line = line_of(&sample);
        assert!(
            line.bytes().all(|byte| (b' '..0x7f).contains(&byte)),
            "{line}"
        );
        let value: Value = serde_json::from_str(&line).unwrap();
        assert!(validator.is_valid(&value), "{line}");
    }
}

#[test]
fn an_unknown_peer_is_null_unless_the_socket_listens() {
    let tuple = samples::tuple(Family::Inet, ("0.0.0.0", 80), ("0.0.0.0", 0));
    for (old, new, dst) in [
        (TcpState::Close, TcpState::Listen, "\"0.0.0.0\""),
        (TcpState::Listen, TcpState::Close, "\"0.0.0.0\""),
        // The child of a listener, before Linux 6.15.
        (TcpState::Listen, TcpState::SynRecv, "null"),
        (TcpState::SynSent, TcpState::Close, "null"),
    ] {
        let line = line_of(&Sample::new(1, tuple, old, new));
        let expected = format!("\"dst\":{dst},\"dport\":null,");
        assert!(line.contains(&expected), "{line}");
    }
}

#[test]
fn a_half_open_connection_has_no_cookie_and_the_socket_that_comes_of_it_has() {
    let tuple = samples::tuple(Family::Inet, ("10.0.0.1", 80), ("10.0.0.2", 40000));
    let (listen, half_open) = (TcpState::Listen, TcpState::SynRecv);
    for (old, new, observed, shown) in [
        (listen, half_open, Observed::Timer, "null"),
        (half_open, TcpState::Close, Observed::Timer, "null"),
        (half_open, TcpState::Close, Observed::Poll, "null"),
        (listen, half_open, Observed::Event, "\"204a\""),
        (listen, half_open, Observed::Raw, "\"204a\""),
        (half_open, TcpState::Close, Observed::Event, "\"204a\""),
        (
            half_open,
            TcpState::Established,
            Observed::Event,
            "\"204a\"",
        ),
        (
            TcpState::TimeWait,
            TcpState::Close,
            Observed::Timer,
            "\"204a\"",
        ),
    ] {
        let mut sample = Sample::new(1, tuple, old, new);
        sample.transition.observed = observed;
        let line = line_of(&sample);
        assert!(line.contains(&format!("\"sk\":{shown},")), "{line}");
    }
}

#[test]
fn numbers_keep_every_digit() {
    let mut sample = connection();
    sample.dwell = Some(Nanos(u64::MAX));
    sample.transition.key.cookie = std::num::NonZeroU64::new(u64::MAX);
    let line = line_of(&sample);
    assert!(line.contains("\"dwell_ns\":18446744073709551615,"));
    assert!(line.contains("\"sk\":\"ffffffffffffffff\","));
}

#[test]
fn the_schema_refuses_what_version_1_does_not_have() {
    let validator = validator();
    let good: Value = serde_json::from_str(&line_of(&connection())).unwrap();
    for (key, bad) in [
        ("v", Value::from(2)),
        ("seq", Value::from(0)),
        ("ts", Value::from("2026-01-31 23:59:58")),
        ("old", Value::from("ESTAB")),
        ("sport", Value::from(0)),
        ("ifindex", Value::from(0)),
        ("sk", Value::from("0x2a")),
        ("sk", Value::from("02a")),
        ("observed", Value::from("guess")),
        ("accept_wait_ns", Value::from("1ms")),
        ("synack_retrans", Value::from(0)),
        (
            "closer",
            serde_json::json!({"pid": 1, "comm": "x", "how": "close"}),
        ),
        ("new_key", Value::Null),
    ] {
        let mut value = good.clone();
        value[key] = bad;
        assert!(!validator.is_valid(&value), "{key}");
    }
    for key in ["cause", "closer", "accept_wait_ns", "synack_retrans"] {
        let mut value = good.clone();
        value.as_object_mut().unwrap().remove(key);
        assert!(!validator.is_valid(&value), "{key}");
    }
}

#[test]
fn the_schema_knows_which_transitions_can_tell_what() {
    let validator = validator();
    let tuple = samples::tuple(Family::Inet, ("10.0.0.1", 80), ("10.0.0.2", 40000));
    let mut left = Sample::new(1, tuple, TcpState::Established, TcpState::CloseWait);
    left.accept_wait = Some(Nanos(0));
    let mut opened = Sample::new(1, tuple, TcpState::SynRecv, TcpState::Established);
    opened.synack_retrans = Some(0);
    let mut half_open = Sample::new(1, tuple, TcpState::SynRecv, TcpState::Close);
    half_open.transition.observed = Observed::Timer;
    for (sample, key, bad) in [
        (left, "old", "close-wait"),
        (opened, "old", "listening"),
        (half_open, "sk", "204a"),
    ] {
        let mut value: Value = serde_json::from_str(&line_of(&sample)).unwrap();
        assert!(validator.is_valid(&value), "{value}");
        value[key] = bad.into();
        assert!(!validator.is_valid(&value), "{value}");
    }
}

#[test]
fn holders_and_peers_match_the_schema() {
    let mut found = Gathering::default();
    let context = found.context(b"user_u:user_r:x_t:s0");
    for (fd, tid) in [(3, None), (200, Some(12))] {
        found.descriptor(5, fd, context);
        found.task(Task {
            pid: 11,
            tid,
            comm: Comm::from_bytes(b"a\xff\""),
            context,
        });
    }
    let holders = found.finish();
    let end = |inode| Endpoint::Unix { name: b"", inode };
    let state = TcpState::Established;
    let row = Row::new(Netid::UnixStream, state, end(5), end(6));
    let validator = validator();
    for (users, peer) in [(5, None), (6, Some(5)), (6, Some(6))] {
        let event = RowEvent {
            at: MonoNs(1),
            row: &row,
            owner: None,
            cgroup: None,
            device: None,
            killed: false,
            users: Some(holders.users(users)),
            peer: peer.map(|inode| Peer {
                inode: (inode == 5).then_some(inode),
                cookie: Some(77),
                name: if inode == 5 { b"@x" } else { b"" },
                users: holders.users(inode),
            }),
        };
        let mut out = Vec::new();
        Jsonl::new().write_row(&event, samples::WALL, &mut out);
        let value: Value = serde_json::from_slice(&out).unwrap();
        assert!(validator.is_valid(&value), "{value}");
        let count = |users: &Value| users.as_array().map(Vec::len);
        assert_eq!(count(&value["users"]), Some(if users == 5 { 2 } else { 0 }));
        let shown = &value["peer"];
        assert_eq!(shown.is_null(), peer.is_none());
        assert_eq!(shown["name"] == "@x", peer == Some(5));
    }
}

fn deep() -> Vec<String> {
    let mut jsonl = Jsonl::new();
    let mut lines = Vec::new();
    samples::deep::each(|row| {
        let event = RowEvent {
            at: MonoNs(1),
            killed: false,
            row,
            owner: None,
            cgroup: None,
            device: None,
            users: None,
            peer: None,
        };
        let mut out = Vec::new();
        jsonl.write_row(&event, samples::WALL, &mut out);
        lines.push(String::from_utf8(out).unwrap());
    });
    lines
}

#[test]
fn details_byte_for_byte() {
    insta::assert_snapshot!(deep().concat());
}

#[test]
fn details_match_the_schema_which_knows_every_key() {
    let validator = validator();
    for line in deep() {
        let value: Value = serde_json::from_str(&line).unwrap();
        assert!(validator.is_valid(&value), "{line}");
        for key in ["timer", "memory", "tcp_info", "congestion", "ulp", "mptcp"] {
            let Some(inner) = value[key].as_object() else {
                continue;
            };
            for name in inner.keys() {
                let mut less = value.clone();
                less[key].as_object_mut().unwrap().remove(name);
                assert!(!validator.is_valid(&less), "{key} without {name}");
            }
            let mut more = value.clone();
            more[key]["more"] = Value::Null;
            assert!(!validator.is_valid(&more), "{key} with more");
        }
    }
}
