//! Whole lives, line by line.

use super::*;

const PLACE: (u32, &str) = (7, "tcp");

fn place() -> Place {
    Place {
        netns: Some(PLACE.0),
        proto: PLACE.1.to_owned(),
    }
}

fn transition(sk: Option<&str>, old: &str, new: &str) -> String {
    let sk = sk.map_or("null".to_owned(), |sk| format!("\"{sk}\""));
    format!(
        r#"{{"v":1,"type":"transition","seq":1,"proto":"tcp","src":"10.0.0.1","sport":80,"dst":"10.0.0.2","dport":5000,"old":"{old}","new":"{new}","sk":{sk},"netns":7,"owner":{{"pid":1,"comm":"\u0041","how":"connect"}}}}"#
    )
}

fn table(lines: &[String]) -> Table {
    let mut table = Table::default();
    for line in lines {
        table.apply(&serde_json::from_str(line).unwrap());
    }
    table
}

/// Every entry, its key shortened to the cookie or `half-open`.
fn shown(table: &Table) -> Vec<(String, String)> {
    let mut all: Vec<_> = table
        .iter()
        .map(|(key, entry)| {
            assert_eq!(*key.place(), place());
            let name = match key {
                Key::Sk(_, sk) => sk.clone(),
                Key::Tuple(..) => "half-open".to_owned(),
            };
            (name, entry.state.clone())
        })
        .collect();
    all.sort();
    all
}

fn one(name: &str, state: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), state.to_owned())]
}

#[test]
fn a_socket_is_in_the_last_state_it_entered_until_it_is_closed() {
    let mut lines = vec![
        transition(Some("a"), "syn-sent", "established"),
        transition(Some("a"), "established", "fin-wait-1"),
    ];
    assert_eq!(shown(&table(&lines)), one("a", "fin-wait-1"));
    lines.push(transition(Some("a"), "fin-wait-1", "closed"));
    assert_eq!(shown(&table(&lines)), []);
    lines.push(transition(Some("a"), "closed", "syn-sent"));
    assert_eq!(shown(&table(&lines)), one("a", "syn-sent"));
}

#[test]
fn the_child_takes_over_what_was_half_open() {
    let mut lines = vec![transition(None, "listening", "syn-recv")];
    assert_eq!(shown(&table(&lines)), one("half-open", "syn-recv"));
    lines.push(transition(Some("c"), "syn-recv", "established"));
    assert_eq!(shown(&table(&lines)), one("c", "established"));
    lines.push(transition(Some("c"), "established", "closed"));
    assert_eq!(shown(&table(&lines)), []);
}

#[test]
fn a_half_open_connection_that_gets_a_cookie_stays_one() {
    let cookie_first = [
        transition(Some("c"), "listening", "syn-recv"),
        transition(None, "syn-recv", "closed"),
    ];
    assert_eq!(shown(&table(&cookie_first)), []);
    let cookie_later = [
        transition(None, "listening", "syn-recv"),
        transition(Some("c"), "syn-recv", "closed"),
    ];
    assert_eq!(shown(&table(&cookie_later)), []);
    let both = [
        transition(Some("c"), "listening", "syn-recv"),
        transition(Some("c"), "syn-recv", "established"),
    ];
    assert_eq!(shown(&table(&both)), one("c", "established"));
}

#[test]
fn the_end_of_time_wait_leaves_alone_what_reuses_its_addresses() {
    let lines = [
        transition(Some("t"), "fin-wait-2", "time-wait"),
        transition(None, "listening", "syn-recv"),
        transition(Some("t"), "time-wait", "closed"),
    ];
    assert_eq!(shown(&table(&lines)), one("half-open", "syn-recv"));
    let accepted = [
        transition(Some("c"), "syn-recv", "established"),
        transition(None, "listening", "syn-recv"),
        transition(None, "syn-recv", "closed"),
    ];
    assert_eq!(shown(&table(&accepted)), one("c", "established"));
}

#[test]
fn rows_of_a_snapshot_are_entries_unless_closed() {
    let row = |sk: &str, state: &str| {
        format!(
            r#"{{"v":1,"type":"socket","seq":2,"proto":"tcp","src":"::","sport":80,"dst":"::","dport":null,"state":"{state}","sk":"{sk}","netns":7}}"#
        )
    };
    let lines = [
        r#"{"v":1,"type":"start","seq":1,"version":"0"}"#.to_owned(),
        row("l", "listening"),
        row("u", "closed"),
    ];
    assert_eq!(shown(&table(&lines)), one("l", "listening"));
}

#[test]
fn namespaces_and_protocols_are_apart() {
    let lines = [
        transition(Some("a"), "closed", "syn-sent"),
        transition(Some("a"), "closed", "syn-sent").replace(r#""netns":7"#, r#""netns":8"#),
        transition(Some("a"), "closed", "syn-sent").replace(r#""tcp""#, r#""mptcp""#),
        transition(None, "listening", "syn-recv"),
        transition(None, "syn-recv", "closed").replace(r#""netns":7"#, r#""netns":8"#),
    ];
    assert_eq!(table(&lines).iter().count(), 4);
}
