//! Recorded input through the whole pipeline: the same bytes from the kernel give the same bytes
//! of output. `fixtures/lives.ring` holds what a 6.18 kernel told of connections that ended in
//! every way (`examples/capture.rs` records such files).

#![allow(clippy::unwrap_used, reason = "a test that meets an error fails")]

use jiff::tz::TimeZone;
use sockwatch::{
    app::pipeline::{Out, Parts, Pipeline},
    enrich::names::Names,
    filter::Selection,
    model::{MonoNs, WallClock},
    sink::{Jsonl, Sink, Text, TextOptions},
    source::{ebpf::decode, replay},
    table::Table,
};

static LIVES: &[u8] = include_bytes!("fixtures/lives.ring");

/// 2026-01-01T00:00:00Z, less about the uptime of the machine that was recorded.
const WALL: WallClock = WallClock {
    offset_ns: 1_767_225_600_000_000_000,
};

fn replay(sink: Sink, selection: Selection, count: Option<u64>, has_room: bool) -> String {
    let mut pipeline = Pipeline::new(Parts {
        table: Table::new(1_000),
        selection,
        sink,
        cgroups: None,
        count,
    });
    let mut bytes = Vec::new();
    let mut out = Out {
        bytes: &mut bytes,
        wall: WALL,
        has_room,
    };
    let mut events = 0;
    for record in replay::records(LIVES) {
        let record = decode(record);
        events += u64::from(matches!(
            record,
            Ok(sockwatch::source::ebpf::Record::Transition(_))
        ));
        pipeline.record(&record, &mut out);
    }
    let totals = pipeline.totals(MonoNs(0), events);
    let told = totals.emitted + totals.filtered + totals.lost_kernel + totals.lost_output;
    assert_eq!(totals.events, told, "every event is accounted for");
    assert_eq!(
        totals.sockets, 0,
        "every socket is forgotten once it is gone"
    );
    out.has_room = true;
    pipeline.stop(totals, &mut out);
    String::from_utf8(bytes).unwrap()
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
    insta::assert_snapshot!(replay(text(), Selection::default(), None, true));
}

#[test]
fn lives_as_json_lines() {
    let json = replay(Sink::Jsonl(Jsonl::new()), Selection::default(), None, true);
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
fn count_shows_so_many_and_accounts_for_the_rest() {
    let shown = replay(text(), Selection::default(), Some(3), true);
    assert_eq!(
        shown.lines().count(),
        4,
        "a header and three transitions:\n{shown}"
    );
}

#[test]
fn an_output_without_room_loses_transitions_and_says_how_many() {
    let json = replay(Sink::Jsonl(Jsonl::new()), Selection::default(), None, false);
    let lines: Vec<serde_json::Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2, "one lost record for all, and the end");
    assert_eq!(
        (&lines[0]["type"], &lines[0]["where"]),
        (&"lost".into(), &"output".into())
    );
    assert_eq!(lines[0]["count"], lines[1]["lost_output"]);
    assert_eq!((&lines[0]["seq"], &lines[1]["seq"]), (&1.into(), &2.into()));
}
