//! Looks at minisockets while the recording is played: they tell what was lost, and nothing twice.

use sockwatch::source::ebpf::{MiniRecord, MiniTold};

use super::*;

/// Plays what `keeps` says of the recording, with `then` after each record and at the end.
fn play(
    keeps: impl Fn(&Record) -> bool,
    mut then: impl FnMut(Option<&Record>, &mut Pipeline, &mut Out<'_>),
) -> Vec<Value> {
    let mut pipeline = pipeline(Asked::all(jsonl()));
    let mut bytes = Vec::new();
    let mut out = Out {
        bytes: &mut bytes,
        wall: WALL,
        has_room: true,
    };
    for record in records(Minis::ALL) {
        let record = record.unwrap();
        if keeps(&record) {
            pipeline.record(&Ok(record), &mut out);
            then(Some(&record), &mut pipeline, &mut out);
        }
    }
    pipeline.settle(MonoNs(u64::MAX), &mut out);
    then(None, &mut pipeline, &mut out);
    assert!(pipeline.table().is_empty());
    let mut lines = parse(std::str::from_utf8(&bytes).unwrap());
    for line in &mut lines {
        line["seq"] = Value::Null;
    }
    lines
}

/// The end of a timer: of that of a minisocket, unless it is set anew.
fn is_end(record: &Record) -> bool {
    matches!(
        record.told,
        Told::Mini(MiniRecord {
            event: MiniTold::Cancel { .. },
            ..
        })
    )
}

/// Looks at all there is to look at, and finds nothing.
fn look(pipeline: &mut Pipeline, at: MonoNs, out: &mut Out<'_>) -> usize {
    let all: Vec<_> = pipeline.to_look_at(MonoNs(u64::MAX), usize::MAX).collect();
    let looks = all.iter().map(|wanted| wanted.seen(None, at)).collect();
    pipeline.looked(looks, out);
    all.len()
}

#[test]
fn ends_of_minisockets_that_are_lost_are_found() {
    let whole = play(|_| true, |_, _, _| {});
    let later = MonoNs(whole.last().unwrap()["mono_ns"].as_u64().unwrap() + 1_000_000_000_000);
    let mut found = 0;
    let lossy = play(
        |record| !is_end(record),
        |record, pipeline, out| {
            if record.is_none() {
                found = look(pipeline, later, out);
            }
        },
    );
    assert!(found > 10, "{found}");
    // Each end is told once, whoever told it.
    let ends = |lines: &[Value]| {
        let is_end = |line: &&Value| {
            line["new"] == "closed"
                && ["timer", "poll"].contains(&line["observed"].as_str().unwrap())
        };
        let ends = lines.iter().filter(is_end);
        let mut ends: Vec<_> = ends
            .map(|line| ["src", "sport", "dst", "dport", "old"].map(|key| line[key].to_string()))
            .collect();
        ends.sort_unstable();
        ends
    };
    assert_eq!(ends(&lossy), ends(&whole));
    let others = |lines: &[Value]| {
        let mut lines = lines.to_vec();
        lines.retain(|line| line["new"] != "closed" || line["observed"] == "event");
        lines
    };
    assert_eq!(others(&lossy), others(&whole));
}

#[test]
fn a_look_does_not_overtake_what_was_told_before() {
    let whole = play(|_| true, |_, _, _| {});
    let mut looked_at = 0;
    let with_looks = play(
        |_| true,
        |record, pipeline, out| {
            // It waits for what follows it.
            if let Some(Record {
                told: Told::Mini(mini),
                ..
            }) = record.filter(|record| is_end(record))
            {
                let all = pipeline.to_look_at(MonoNs(u64::MAX), usize::MAX);
                let looks: Vec<_> = all
                    .filter(|wanted| wanted.tuple == mini.tuple)
                    .map(|wanted| wanted.seen(None, mini.at))
                    .collect();
                looked_at += looks.len();
                pipeline.looked(looks, out);
            }
        },
    );
    assert!(looked_at > 10, "{looked_at}");
    assert_eq!(with_looks, whole);
}
