//! What counts as a difference, and what does not.

use super::*;

fn row(sk: &str, state: &str) -> Row {
    Row {
        state: state.to_owned(),
        local: "10.0.0.1:80".to_owned(),
        peer: "10.0.0.2:5000".to_owned(),
        sk: sk.to_owned(),
        uid: 0,
    }
}

/// A table with one socket; none with `closed`.
fn table(sk: Option<&str>, state: &str) -> Table {
    let sk = sk.map_or("null".to_owned(), |sk| format!("\"{sk}\""));
    let line = format!(
        r#"{{"v":1,"type":"socket","seq":1,"proto":"tcp","src":"10.0.0.1","sport":80,"dst":"10.0.0.2","dport":5000,"state":"{state}","sk":{sk},"netns":7}}"#
    );
    let mut table = Table::default();
    table.apply(&serde_json::from_str(&line).unwrap());
    table
}

/// `ss state, stream state` of every difference.
fn compare(rows: &[Row], before: &Table, after: &Table) -> Vec<(String, String)> {
    let mut comparison = Comparison::default();
    comparison.add(7, rows, before, after);
    let differences = comparison.differences.into_values();
    differences.map(|it| (it.ss, it.stream)).collect()
}

fn difference(ss: &str, stream: &str) -> Vec<(String, String)> {
    vec![(ss.to_owned(), stream.to_owned())]
}

#[test]
fn the_same_is_the_same() {
    let table = table(Some("a"), "time-wait");
    assert_eq!(compare(&[row("a", "time-wait")], &table, &table), []);
}

#[test]
fn another_state_another_socket_and_none_are_differences() {
    let table = table(Some("a"), "time-wait");
    assert_eq!(
        compare(&[row("a", "fin-wait-2")], &table, &table),
        difference("fin-wait-2", "time-wait")
    );
    assert_eq!(
        compare(&[row("b", "time-wait")], &table, &table),
        [
            difference(ABSENT, "time-wait"),
            difference("time-wait", ABSENT)
        ]
        .concat()
    );
    assert_eq!(
        compare(&[], &table, &table),
        difference(ABSENT, "time-wait")
    );
    let empty = Table::default();
    assert_eq!(
        compare(&[row("a", "time-wait")], &empty, &empty),
        difference("time-wait", ABSENT)
    );
}

#[test]
fn what_changes_meanwhile_may_be_as_before_or_as_after() {
    let (before, after) = (
        table(Some("a"), "fin-wait-2"),
        table(Some("a"), "time-wait"),
    );
    for state in ["fin-wait-2", "time-wait"] {
        assert_eq!(compare(&[row("a", state)], &before, &after), []);
    }
    assert_eq!(
        compare(&[], &before, &after),
        difference(ABSENT, "time-wait")
    );
    let gone = Table::default();
    assert_eq!(compare(&[], &before, &gone), []);
    assert_eq!(compare(&[row("a", "fin-wait-2")], &before, &gone), []);
    assert_eq!(compare(&[row("a", "fin-wait-2")], &gone, &before), []);
    assert_eq!(compare(&[], &gone, &after), []);
}

#[test]
fn a_half_open_connection_is_found_by_its_addresses() {
    let table = table(None, "syn-recv");
    assert_eq!(compare(&[row("f", "syn-recv")], &table, &table), []);
    assert_eq!(
        compare(&[row("f", "established")], &table, &table),
        difference("established", "syn-recv")
    );
    assert_eq!(compare(&[], &table, &table), difference(ABSENT, "syn-recv"));
}

#[test]
fn a_half_open_connection_may_become_one_with_the_cookie_that_a_look_gave_it() {
    let (before, after) = (table(None, "syn-recv"), table(Some("f"), "established"));
    for state in ["syn-recv", "established"] {
        assert_eq!(compare(&[row("f", state)], &before, &after), []);
    }
    let mut both = table(Some("f"), "established");
    both.apply(
        &serde_json::from_str(
            r#"{"v":1,"type":"transition","seq":1,"proto":"tcp","src":"10.0.0.1","sport":80,"dst":"10.0.0.2","dport":5000,"old":"listening","new":"syn-recv","sk":null,"netns":7}"#,
        )
        .unwrap(),
    );
    assert_eq!(
        compare(&[row("f", "established")], &both, &both),
        difference(ABSENT, "syn-recv")
    );
}

#[test]
fn closed_sockets_are_left_out() {
    let empty = table(Some("a"), "closed");
    assert_eq!(compare(&[row("a", "closed")], &empty, &empty), []);
}

#[test]
fn only_what_is_in_both_comparisons_lasts() {
    let (stale, fresh) = (
        table(Some("a"), "established"),
        table(Some("a"), "close-wait"),
    );
    let mut comparisons = [&stale, &fresh].map(|table| {
        let mut comparison = Comparison::default();
        comparison.add(
            7,
            &[row("a", "close-wait"), row("b", "listening")],
            table,
            table,
        );
        comparison
    });
    let lasting = comparisons[0].lasting(&comparisons[1]);
    assert_eq!(lasting.len(), 1);
    assert_eq!(lasting.into_values().next().unwrap().ss, "listening");
    assert_eq!(comparisons[0].differences.len(), 2);
    assert_eq!(std::mem::take(&mut comparisons[1]).compared.len(), 2);
}
