//! Recorded input through the whole pipeline: the same bytes from the kernel give the same bytes
//! of output. `fixtures/lives.ring` holds what a 6.18 kernel told of connections that ended in
//! every way: those of `fixtures/lives.py`, recorded by `examples/capture.rs`.

#![allow(clippy::unwrap_used, reason = "a test that meets an error fails")]

use std::collections::HashMap;

use jiff::tz::TimeZone;
use serde_json::Value;
use sockwatch::{
    app::pipeline::{Out, Parts, Pipeline},
    enrich::names::Names,
    filter::{
        Expr, Prefilter, Selection,
        expr::{Compare, End, Ports, Term},
    },
    model::{MonoNs, WallClock, event::Totals},
    sink::{Jsonl, Sink, Text, TextOptions},
    source::{
        diag::SeedSocket,
        ebpf::{Malformed, Minis, Record, ResetReasons, Told, decode},
        replay,
    },
    table::{Followed, Table},
};

#[path = "replay/looks.rs"]
mod looks;

static LIVES: &[u8] = include_bytes!("fixtures/lives.ring");

/// 2026-01-01T00:00:00Z, less about the uptime of the machine that was recorded.
const WALL: WallClock = WallClock {
    offset_ns: 1_767_225_600_000_000_000,
};

/// What is asked of the recording.
struct Asked {
    sink: Sink,
    filter: Expr,
    count: Option<u64>,
    has_room: bool,
    minis: Minis,
    raw_events: bool,
}

impl Asked {
    fn all(sink: Sink) -> Self {
        Self {
            sink,
            filter: Expr::EVERYTHING,
            count: None,
            has_room: true,
            minis: Minis::ALL,
            raw_events: false,
        }
    }

    /// As a kernel tells it whose timers can't be asked.
    fn without_minis(self) -> Self {
        Self {
            minis: Minis::NONE,
            ..self
        }
    }
}

/// The recording, or what of it is told without `minis`.
fn records(minis: Minis) -> impl Iterator<Item = Result<Record, Malformed>> {
    let told = |record: &Result<Record, Malformed>| {
        let told = record.as_ref().map(|record| &record.told);
        matches!(told, Ok(Told::Transition(_) | Told::Destroy(_)))
    };
    replay::records(LIVES)
        .map(decode)
        .filter(move |record| minis == Minis::ALL || told(record))
}

fn replay(asked: Asked) -> String {
    let Asked {
        has_room, minis, ..
    } = asked;
    let mut pipeline = pipeline(asked);
    let mut bytes = Vec::new();
    let mut out = Out {
        bytes: &mut bytes,
        wall: WALL,
        has_room,
    };
    let mut events = 0;
    for record in records(minis) {
        events += u64::from(!matches!(
            record,
            Ok(Record {
                told: Told::Destroy(_),
                ..
            })
        ));
        pipeline.record(&record, &mut out);
    }
    pipeline.settle(MonoNs(u64::MAX), &mut out);
    pipeline.decide_held(&mut out);
    let totals = pipeline.totals(MonoNs(0), events);
    accounted(&totals);
    let waiting = pipeline.table().to_look_at(MonoNs(u64::MAX), usize::MAX);
    assert_eq!(
        totals.sockets,
        waiting.count() as u64,
        "every socket is forgotten once it is gone, but what went on as a minisocket"
    );
    assert!(
        minis == Minis::NONE || totals.sockets == 0,
        "every minisocket, too: {totals:?}"
    );
    out.has_room = true;
    pipeline.stop(totals, &mut out);
    String::from_utf8(bytes).unwrap()
}

fn pipeline(asked: Asked) -> Pipeline {
    let selection = Selection::default();
    let followed = if asked.minis == Minis::ALL {
        Followed::ALL
    } else {
        Followed::NONE
    };
    Pipeline::new(Parts {
        prefiltered: Prefilter::new(&selection, &asked.filter).is_some(),
        table: Table::new(1_000, followed),
        selection,
        filter: asked.filter,
        local_ports: 32_768..=60_999,
        minis: asked.minis,
        reset_reasons: ResetReasons::new(),
        raw_events: asked.raw_events,
        sink: asked.sink,
        cgroups: None,
        count: asked.count,
    })
}

/// Every event is printed, left out, or lost.
fn accounted(totals: &Totals) {
    let told = totals.emitted + totals.filtered + totals.lost_kernel + totals.lost_output;
    assert_eq!(totals.events, told, "every event is accounted for");
}

fn jsonl() -> Sink {
    Sink::Jsonl(Jsonl::new())
}

fn parse(json: &str) -> Vec<Value> {
    json.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn text() -> Sink {
    let options = TextOptions {
        colour: false,
        header: true,
        own_netns: None,
        zone: TimeZone::UTC,
    };
    Sink::Text(Text::new(options, Names::numeric()))
}

#[test]
fn lives_as_text() {
    insta::assert_snapshot!(replay(Asked::all(text())));
}

#[test]
fn lives_as_json_lines() {
    let json = replay(Asked::all(jsonl()));
    let schema = serde_json::from_str(sockwatch::sink::jsonl::SCHEMA).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for line in json.lines() {
        let line = serde_json::from_str(line).unwrap();
        if let Err(error) = schema.validate(&line) {
            panic!("{error}: {line}");
        }
    }
    insta::assert_snapshot!(json);
}

#[test]
fn lives_without_minisockets_as_text() {
    insta::assert_snapshot!(replay(Asked::all(text()).without_minis()));
}

/// The lines of state changes, but for their places in the stream.
fn changes(asked: Asked) -> Vec<Value> {
    let mut lines = parse(&replay(asked));
    lines.retain(|line| line["type"] == "transition");
    for line in &mut lines {
        line["seq"] = Value::Null;
    }
    lines
}

#[test]
fn raw_events_are_more_and_change_nothing() {
    let shown = changes(Asked::all(jsonl()));
    let mut with_raw = changes(Asked {
        raw_events: true,
        ..Asked::all(jsonl())
    });
    let all = with_raw.len();
    with_raw.retain(|line| line["observed"] != "raw");
    assert!(all > with_raw.len() + 50, "{all}");
    assert_eq!(with_raw, shown);
}

#[test]
fn a_syn_has_its_port_without_a_filter_that_asks_for_it() {
    let lines = changes(Asked::all(jsonl()));
    let begun = |line: &&Value| line["proto"] == "tcp" && line["new"] == "syn-sent";
    let ports: Vec<_> = lines
        .iter()
        .filter(begun)
        .map(|line| &line["sport"])
        .collect();
    assert!(
        ports.len() > 40 && ports.iter().all(|port| port.is_u64()),
        "{ports:?}"
    );
    let times: Vec<_> = lines.iter().map(|line| line["mono_ns"].as_u64()).collect();
    assert!(times.is_sorted(), "nothing is out of its place for that");
}

#[test]
fn count_shows_so_many_and_accounts_for_the_rest() {
    let shown = replay(Asked {
        count: Some(3),
        ..Asked::all(text())
    });
    assert_eq!(
        shown.lines().count(),
        4,
        "a header and three transitions:\n{shown}"
    );
}

#[test]
fn an_output_without_room_loses_transitions_and_says_how_many() {
    let lines = parse(&replay(Asked {
        has_room: false,
        ..Asked::all(jsonl())
    }));
    assert_eq!(lines.len(), 2, "one lost record for all, and the end");
    assert_eq!(
        (&lines[0]["type"], &lines[0]["where"]),
        (&"lost".into(), &"output".into())
    );
    assert_eq!(lines[0]["count"], lines[1]["lost_output"]);
    assert_eq!((&lines[0]["seq"], &lines[1]["seq"]), (&1.into(), &2.into()));
}

fn sport(compare: Compare, port: i64) -> Expr {
    Expr::Term(Term::Port {
        end: End::Src,
        family: None,
        compare,
        ports: vec![Ports {
            range: port..=port,
            only: None,
        }],
    })
}

/// The lines where a port has to be waited for.
fn filtered(filter: Expr) -> Vec<Value> {
    let json = replay(Asked {
        filter,
        ..Asked::all(jsonl()).without_minis()
    });
    let mut lines = parse(&json);
    lines.retain(|line| line["type"] == "transition");
    lines
}

/// What every line says apart from its place in the stream, and from a port and addresses that
/// were not known yet.
fn essence(line: &Value) -> String {
    let keys = ["mono_ns", "proto", "old", "new", "sk", "dwell_ns", "cause"];
    keys.map(|key| line[key].to_string()).join(" ")
}

fn each_socket_in_order(lines: &[Value]) -> bool {
    let mut last: HashMap<String, u64> = HashMap::new();
    lines.iter().all(|line| {
        let socket = format!("{} {} {}", line["proto"], line["sk"], line["dport"]);
        let at = line["mono_ns"].as_u64().unwrap();
        last.insert(socket, at).is_none_or(|before| before <= at)
    })
}

/// The local port that each transition of the whole recording has in the end.
fn late_ports(all: &[Value]) -> Vec<i64> {
    // An MPTCP socket that was accepted shares its cookie with the listener: take its peer too.
    let socket = |line: &Value| format!("{} {}", line["proto"], line["sk"]);
    let mut next: HashMap<String, i64> = HashMap::new();
    let mut ports: Vec<i64> = all
        .iter()
        .rev()
        .map(|line| {
            let known = next.get(&socket(line)).copied();
            let port = line["sport"].as_i64().or(known).unwrap_or(0);
            next.insert(socket(line), port);
            port
        })
        .collect();
    ports.reverse();
    ports
}

#[test]
fn the_port_of_a_connection_is_known_from_its_first_event() {
    let all = filtered(Expr::EVERYTHING);
    let ports = late_ports(&all);
    let mut late = 0;
    for &port in &ports {
        let wanted: Vec<String> = (all.iter().zip(&ports))
            .filter(|&(_, &of_line)| of_line == port)
            .map(|(line, _)| essence(line))
            .collect();
        let shown = filtered(sport(Compare::Eq, port));
        assert!(shown.iter().all(|line| line["sport"] == port), "{shown:?}");
        assert!(each_socket_in_order(&shown));
        // Lines of other sockets did not wait.
        let mut essences: Vec<String> = shown.iter().map(essence).collect();
        essences.sort_unstable();
        let mut wanted = wanted;
        wanted.sort_unstable();
        assert_eq!(essences, wanted, "sport = :{port}");
        late += usize::from(
            all.iter()
                .any(|line| line["sport"].is_null() && line["mono_ns"] == shown[0]["mono_ns"]),
        );
        let others = filtered(sport(Compare::Ne, port));
        assert_eq!(shown.len() + others.len(), all.len());
        assert!(others.iter().all(|line| line["sport"] != port));
    }
    assert!(late > 20, "the recording has connections with late ports");
}

#[test]
fn what_waits_is_printed_first_and_with_its_own_time() {
    let all = filtered(Expr::EVERYTHING);
    let syn = all.iter().position(|line| line["sport"].is_null()).unwrap();
    let shown = filtered(sport(Compare::Eq, all[syn + 1]["sport"].as_i64().unwrap()));
    assert_eq!(shown[0]["new"], "syn-sent");
    assert_eq!(shown[0]["mono_ns"], all[syn]["mono_ns"]);
    assert_eq!(shown[0]["ts"], all[syn]["ts"]);
    assert_eq!(shown[1]["old"], "syn-sent");
    // Of an MPTCP socket neither end is known at first.
    let mptcp = all.iter().find(|line| {
        line["proto"] == "mptcp" && line["old"] == "syn-sent" && line["new"] == "established"
    });
    let mptcp = mptcp.unwrap();
    let mut shown = filtered(sport(Compare::Eq, mptcp["sport"].as_i64().unwrap()));
    shown.retain(|line| line["proto"] == "mptcp");
    assert_eq!(shown[0]["new"], "syn-sent");
    for end in ["src", "sport", "dst", "dport"] {
        assert_eq!(shown[0][end], mptcp[end]);
    }
}

#[test]
fn count_counts_what_waited() {
    let all = filtered(Expr::EVERYTHING);
    let syn = all.iter().position(|line| line["sport"].is_null()).unwrap();
    let port = all[syn + 1]["sport"].as_i64().unwrap();
    let json = replay(Asked {
        filter: sport(Compare::Eq, port),
        count: Some(1),
        ..Asked::all(jsonl()).without_minis()
    });
    let lines = parse(&json);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["new"], "syn-sent");
}

/// Plays the recording up to the first SYN whose port is not known, and then does `then`.
fn until_a_port_is_missing(
    filter: Expr,
    then: impl FnOnce(&mut Pipeline, &SeedSocket, &mut Out<'_>),
) -> Vec<Value> {
    let mut pipeline = pipeline(Asked {
        filter,
        ..Asked::all(jsonl()).without_minis()
    });
    let mut bytes = Vec::new();
    let mut out = Out {
        bytes: &mut bytes,
        wall: WALL,
        has_room: true,
    };
    let mut events = 0;
    for record in records(Minis::NONE) {
        pipeline.record(&record, &mut out);
        let Told::Transition(transition) = record.unwrap().told else {
            continue;
        };
        events += 1;
        if transition.tuple.sport == 0 {
            let mut row = SeedSocket {
                proto: transition.proto,
                cookie: transition.key.cookie.unwrap().get(),
                tuple: transition.tuple,
                state: transition.new,
                info: transition.info,
                minisocket: false,
                left: None,
            };
            row.tuple.sport = 50_000;
            assert_eq!(pipeline.pending_since(), Some(transition.at));
            let sockets = pipeline.pending_sockets();
            assert!(sockets.netns.contains(&transition.info.netns.unwrap()));
            assert_eq!(sockets.families, [transition.tuple.family]);
            then(&mut pipeline, &row, &mut out);
            break;
        }
    }
    accounted(&pipeline.totals(MonoNs(0), events));
    let mut lines = parse(std::str::from_utf8(&bytes).unwrap());
    lines.retain(|line| line["new"] == "syn-sent");
    lines
}

#[test]
fn a_dump_can_tell_the_port() {
    let shown = until_a_port_is_missing(sport(Compare::Eq, 50_000), |pipeline, row, out| {
        let before = out.bytes.len();
        pipeline.learn(&[], MonoNs(u64::MAX), out);
        // From before the event: perhaps the port of the socket's last connection.
        pipeline.learn(&[*row], MonoNs(0), out);
        assert!(out.bytes.len() == before && pipeline.pending_since().is_some());
        pipeline.learn(&[*row], MonoNs(u64::MAX), out);
        assert_eq!(pipeline.pending_since(), None);
    });
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["sport"], 50_000);
    let hidden = until_a_port_is_missing(sport(Compare::Eq, 50_001), |pipeline, row, out| {
        pipeline.learn(&[*row], MonoNs(u64::MAX), out);
    });
    assert!(hidden.is_empty());
}

#[test]
fn a_connection_of_which_no_more_came_did_not_match() {
    // The kernel programs pass what completes a connection that may match. Of this one they passed
    // the beginning alone, for its socket was known from before.
    let filter = Expr::Not(Box::new(sport(Compare::Ge, 1_024)));
    let lines = until_a_port_is_missing(filter, |pipeline, row, out| {
        let gone = records(Minis::NONE).find(|record| {
            let told = record.as_ref().map(|record| &record.told);
            matches!(told, Ok(Told::Destroy(gone)) if gone.cookie == row.cookie)
        });
        pipeline.record(&gone.unwrap(), out);
        assert_eq!(pipeline.pending_since(), None);
    });
    assert!(lines.is_empty(), "{lines:?}");
}

#[test]
fn dumps_are_not_asked_for_ever() {
    let at_the_end = until_a_port_is_missing(sport(Compare::Ne, 1), |pipeline, _, out| {
        let mut dumps = 0;
        while pipeline.pending_since().is_some() {
            pipeline.learn(&[], MonoNs(u64::MAX), out);
            dumps += 1;
        }
        assert_eq!(dumps, 3);
        pipeline.decide_held(out);
    });
    assert_eq!(at_the_end.len(), 1, "not known to be 1");
    assert!(at_the_end[0]["sport"].is_null());
}

#[test]
fn the_end_decides_with_what_is_known() {
    for (compare, shown) in [(Compare::Eq, 0), (Compare::Lt, 0), (Compare::Ne, 1)] {
        let lines = until_a_port_is_missing(sport(compare, 50_000), |pipeline, _, out| {
            pipeline.decide_held(out);
        });
        assert_eq!(lines.len(), shown, "{compare:?}");
    }
}
