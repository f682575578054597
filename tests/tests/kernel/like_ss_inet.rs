//! What `sockwatch list` shows of sockets with IP addresses behind their columns, against the installed
//! `ss`: row by row, word by word.

use std::{collections::BTreeMap, process::Command};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use serde_json::Value;
use sockwatch_tests::{
    binary,
    conditions::{Conditions, MD5_KEY},
    netns::Netns,
    process::output,
};

/// What both are asked for.
const OPTIONS: &[&str] = &[
    "-tan",
    "-tano",
    "-tane",
    "-tanm",
    "-tani",
    "-tai",
    "-tanoem",
    "-tanoemi",
    "-uanem",
    "-uani",
    "-wanem",
    "-Mane",
    "-Manemi",
    "-tuMan --tos",
    "-tuan --cgroup",
    "-tuan --inet-sockopt",
    "-tuane --tos --cgroup --inet-sockopt",
    "-tanoemi --tos --cgroup --inet-sockopt",
    "-tni state established",
    "-tnei4 state listening",
];

/// Words whose value moves with time.
const MOVING: &[&str] = &[
    "lastsnd",
    "lastrcv",
    "lastack",
    "last_data_sent",
    "last_data_recv",
    "last_ack_recv",
    "busy",
    "rwnd_limited",
    "sndbuf_limited",
    "send",
    "pacing_rate",
    "delivery_rate",
];

/// Words that an older `ss` does not have.
const NEWER: &[&str] = &[
    "usec_ts",
    "tfo_child",
    "rcv_wnd",
    "rehash",
    "total_rto",
    "total_rto_recoveries",
    "total_rto_time",
    "received_ce",
    "delivered_e1_bytes",
    "delivered_e0_bytes",
    "delivered_ce_bytes",
    "received_e1_bytes",
    "received_e0_bytes",
    "received_ce_bytes",
    "accecn_fail_mode",
    "accecn_opt_seen",
    // Of a connection of MPTCP.
    "local_addr_used",
    "local_addr_max",
    "csum_enabled",
    "retransmits",
    "bytes_retrans",
    "bytes_sent",
    "bytes_received",
    "bytes_acked",
    "subflows_total",
    "endp_laminar_max",
    "last_data_sent",
    "last_data_recv",
    "last_ack_recv",
];

pub(super) fn trials() -> Vec<Trial> {
    trials![
        details_are_those_of_ss,
        one_line_is_all_lines_on_one,
        details_in_json_are_those_of_the_text,
    ]
}

/// A socket's words, and on how many lines they stood.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    words: Vec<String>,
    lines: usize,
}

/// The sockets by their ends, of which several may have the same.
type Listed = BTreeMap<String, Vec<Shown>>;

fn ss(options: &[&str]) -> Result<Listed> {
    let text = output(Command::new("ss").arg("-H").args(options))?;
    // Of keys, older ones print the bytes when they come upon them, before all rows.
    Ok(listed(&text.replace(MD5_KEY, "")))
}

fn ours(options: &[&str]) -> Result<Listed> {
    let arguments = [&["list", "-H"], options].concat();
    let text = output(&mut binary::command(&arguments)?)?;
    Ok(listed(&text.replace(MD5_KEY, "")))
}

/// Lines that begin with a tab belong to the row above.
fn listed(text: &str) -> Listed {
    let mut rows: Vec<Shown> = Vec::new();
    for line in text.lines() {
        let words = words(line);
        match rows.last_mut() {
            Some(row) if line.starts_with('\t') => {
                row.words.extend(words);
                row.lines += 1;
            }
            _ => rows.push(Shown { words, lines: 1 }),
        }
    }
    let mut listed = Listed::new();
    for row in rows {
        let is_end = |word: &&String| {
            word.rsplit_once(':').is_some_and(|(address, _)| {
                address.ends_with(']') || address.contains('.') || address == "*"
            })
        };
        let ends: Vec<_> = row.words.iter().filter(is_end).take(2).cloned().collect();
        listed.entry(ends.join(" ")).or_default().push(row);
    }
    listed
}

/// Words, of which rates have two.
fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        match words.last_mut() {
            Some(last) if matches!(&**last, "send" | "pacing_rate" | "delivery_rate") => {
                last.push(':');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

/// How ours differs from what `ss` showed before it, or after it; `None` where it does not.
fn difference(before: &Listed, ours: &Listed, after: &Listed) -> Option<String> {
    if !before.keys().eq(ours.keys()) {
        let (theirs, ours) = (before.keys(), ours.keys());
        return Some(format!(
            "{:#?} and {:#?}",
            theirs.collect::<Vec<_>>(),
            ours.collect::<Vec<_>>()
        ));
    }
    let differs = ours.iter().flat_map(|(ends, rows)| {
        let (before, after) = (&before[ends], after.get(ends));
        rows.iter().enumerate().filter_map(move |(place, row)| {
            let before = before.get(place)?;
            let after = after.and_then(|after| after.get(place)).unwrap_or(before);
            let same = is_same(before, row, after) || is_same(after, row, before);
            (!same).then(|| format!("{before:?}\nours {row:?}"))
        })
    });
    let differs: Vec<_> = differs.collect();
    (!differs.is_empty()).then(|| differs.join("\n"))
}

/// Whether ours has the words of one look of `ss`, each with its value, or that of the other look.
fn is_same(before: &Shown, ours: &Shown, after: &Shown) -> bool {
    // What is read from /proc has no details in `ss`.
    let raw = before.lines == 1 && before.words.len() == 5;
    let theirs = common(before, ours, MOVING);
    let ours_known = common(ours, before, &[NEWER, MOVING].concat());
    let is_whole = theirs.len() == ours_known.len() && before.lines == ours.lines;
    (is_whole || raw)
        && theirs.iter().zip(&ours_known).all(|(word, ours)| {
            let later = after.words.iter().find(|later| name(later) == name(word));
            agrees(word, ours, later.map_or(word, |later| later))
        })
}

fn name(word: &str) -> &str {
    word.split(':').next().unwrap_or_default()
}

/// The words of a row, without those that the other may lack, and does: what an older `ss` does not have,
/// and spans, which are not shown while they are 0.
fn common<'a>(row: &'a Shown, other: &Shown, may_lack: &[&str]) -> Vec<&'a str> {
    let has = |wanted: &str| other.words.iter().any(|word| name(word) == wanted);
    let words = row.words.iter().map(String::as_str);
    words
        .filter(|word| !may_lack.contains(&name(word)) || has(name(word)))
        .collect()
}

fn agrees(before: &str, ours: &str, after: &str) -> bool {
    if ours == before || ours == after {
        return true;
    }
    let (Some((their_name, theirs)), Some((name, value))) =
        (before.split_once(':'), ours.split_once(':'))
    else {
        return false;
    };
    if name != their_name {
        return false;
    }
    // Units were wrong before ss 6.11; how long it is to run moves anyway.
    if name == "timer" {
        let without_time = |timer: &str| {
            let mut parts = timer.split(',');
            (
                parts.next().map(str::to_owned),
                parts.next_back().map(str::to_owned),
            )
        };
        return without_time(theirs) == without_time(value);
    }
    MOVING.contains(&name) || is_between(theirs, value, after.split_once(':').map(|(_, v)| v))
}

/// Counters of what is being sent again go up between two looks.
fn is_between(before: &str, value: &str, after: Option<&str>) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    let (Some(before), Some(value), Some(after)) =
        (number(before), number(value), after.and_then(number))
    else {
        return false;
    };
    before.min(after) <= value && value <= before.max(after)
}

fn split(options: &str) -> Vec<&str> {
    options.split_whitespace().collect()
}

fn details_are_those_of_ss(_netns: &Netns) -> Result<()> {
    let _conditions = Conditions::settle()?;
    let mut differing = Vec::new();
    for line in OPTIONS {
        for line in [(*line).to_owned(), format!("-O {line}")] {
            let options = split(&line);
            let before = ss(&options)?;
            let listed = ours(&options)?;
            let after = ss(&options)?;
            ensure!(!before.is_empty(), "nothing to compare with {line}");
            if let Some(difference) = difference(&before, &listed, &after) {
                differing.push(format!("{line}:\n{difference}"));
            }
        }
    }
    ensure!(differing.is_empty(), "{}", differing.join("\n\n"));
    Ok(())
}

fn one_line_is_all_lines_on_one(_netns: &Netns) -> Result<()> {
    let conditions = Conditions::settle()?;
    let options = split("-tuMan --inet-sockopt -em");
    let lines = ours(&options)?;
    let one = ours(&[&["-O"], &options[..]].concat())?;
    ensure!(lines.keys().eq(one.keys()));
    let mut several = 0;
    for (lines, one) in lines.values().flatten().zip(one.values().flatten()) {
        ensure!(one.lines == 1, "{one:?}");
        // Numbers and what stands behind a name may move.
        let names = |row: &Shown| -> Vec<String> {
            let name = |word: &String| word.split(['(', ':']).next().unwrap_or_default().to_owned();
            let is_number = |name: &String| name.parse::<u64>().is_ok();
            row.words
                .iter()
                .map(name)
                .filter(|name| !is_number(name))
                .collect()
        };
        ensure!(names(lines) == names(one), "{lines:?}\n{one:?}");
        several += usize::from(lines.lines == 3);
    }
    ensure!(several > 20, "{several} of them have three lines");
    ensure!(conditions.half_open_port().is_some());
    Ok(())
}

fn details_in_json_are_those_of_the_text(_netns: &Netns) -> Result<()> {
    let conditions = Conditions::settle()?;
    let json = output(&mut binary::command(&split(
        "list -tMan --json -moi --tos",
    ))?)?;
    let rows = json.lines().map(serde_json::from_str);
    let rows: Vec<Value> = rows.collect::<Result<_, _>>().context("JSON")?;
    let with = |key: &str| rows.iter().filter(|row| !row[key].is_null()).count();
    for (key, least) in [
        ("tcp_info", 20),
        ("congestion", 20),
        ("memory", 20),
        ("sockopt", 20),
        ("timer", 3),
        ("tos", 20),
        ("tclass", 3),
        ("shutdown", 20),
        ("md5", usize::from(conditions.has_md5)),
        ("mptcp", usize::from(conditions.has_mptcp)),
        ("ulp", usize::from(conditions.has_mptcp)),
    ] {
        ensure!(with(key) >= least, "{} rows have {key}", with(key));
    }
    let bulk = rows
        .iter()
        .filter_map(|row| row["tcp_info"]["bytes_received"].as_u64());
    ensure!(bulk.max() >= Some(8 << 20), "no row tells of the transfer");
    // Without being asked for they are null.
    let json = output(&mut binary::command(&split("list -tan --json"))?)?;
    for line in json.lines() {
        let row: Value = serde_json::from_str(line)?;
        for key in ["tcp_info", "congestion", "memory", "ulp", "md5", "tos"] {
            ensure!(row[key].is_null(), "{key} in {line}");
        }
    }
    Ok(())
}
