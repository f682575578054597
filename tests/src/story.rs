//! What an event has to be: partial objects, compared in order.

use std::{fmt::Write as _, time::Duration};

use anyhow::{Result, bail};
use serde_json::{Map, Value, json};

/// In an expected object: any value but null.
pub const KNOWN: &str = "<known>";
/// In an expected object: a number above 0.
pub const POSITIVE: &str = "<positive>";

/// The keys of a [`span`].
const FROM: &str = "<from>";
const TO: &str = "<to>";

/// In an expected object: a number of nanoseconds, not below `from` and below `to`.
pub fn span(from: Duration, to: Duration) -> Value {
    let ns = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    json!({FROM: ns(from), TO: ns(to)})
}

fn is_within(span: &Map<String, Value>, actual: &Value) -> bool {
    let bound = |key| span.get(key).and_then(Value::as_u64);
    match (bound(FROM), bound(TO), actual.as_u64()) {
        (Some(from), Some(to), Some(actual)) => (from..to).contains(&actual),
        _ => false,
    }
}

/// Whether `actual` has everything that `expected` says. Keys that it does not name are free.
pub fn matches(expected: &Value, actual: &Value) -> bool {
    match expected {
        Value::Object(bounds) if bounds.contains_key(FROM) => is_within(bounds, actual),
        Value::Object(keys) => keys
            .iter()
            .all(|(key, value)| actual.get(key).is_some_and(|found| matches(value, found))),
        Value::String(text) if text == KNOWN => !actual.is_null(),
        Value::String(text) if text == POSITIVE => actual.as_u64().is_some_and(|n| n > 0),
        other => other == actual,
    }
}

/// The transitions of a way through these states, `last` holding more about the final one.
pub fn path(states: &[&str], last: Value) -> Vec<Value> {
    let mut steps: Vec<Value> = states
        .windows(2)
        .map(|pair| json!({"old": pair[0], "new": pair[1]}))
        .collect();
    if let (Some(Value::Object(step)), Value::Object(last)) = (steps.last_mut(), last) {
        step.extend(last);
    }
    steps
}

/// Adds the keys of `more` to each step that does not name them.
pub fn with(mut steps: Vec<Value>, more: &Value) -> Vec<Value> {
    for step in &mut steps {
        if let (Value::Object(step), Value::Object(more)) = (step, more) {
            for (key, value) in more {
                step.entry(key).or_insert_with(|| value.clone());
            }
        }
    }
    steps
}

/// The events are these and no others, in this order.
pub fn exactly(events: &[&Value], expected: &[Value]) -> Result<()> {
    let equal = events.len() == expected.len()
        && expected
            .iter()
            .zip(events)
            .all(|(expected, event)| matches(expected, event));
    if equal {
        Ok(())
    } else {
        bail!("{}", difference(events, expected))
    }
}

/// These are among the events, in this order.
pub fn in_order(events: &[&Value], expected: &[Value]) -> Result<()> {
    let mut rest = events.iter();
    for (at, step) in expected.iter().enumerate() {
        if !rest.any(|event| matches(step, event)) {
            bail!(
                "step {at} is not there: {step}\n{}",
                difference(events, expected)
            );
        }
    }
    Ok(())
}

fn difference(events: &[&Value], expected: &[Value]) -> String {
    let mut text = String::from("the events are not the expected ones:\n");
    for at in 0..events.len().max(expected.len()) {
        let _infallible = match (expected.get(at), events.get(at)) {
            (Some(step), Some(event)) if matches(step, event) => writeln!(text, "    ok {step}"),
            (Some(step), Some(event)) => {
                writeln!(text, "  want {step}\n   got {}", projection(step, event))
            }
            (Some(step), None) => writeln!(text, "  want {step}\n   got nothing"),
            (None, Some(event)) => writeln!(text, "  more {event}"),
            (None, None) => Ok(()),
        };
    }
    text
}

/// The keys of an event that matter: those expected, and the states.
fn projection(step: &Value, event: &Value) -> Value {
    let named = |key: &String| step.get(key).is_some() || ["old", "new", "state"].contains(&&**key);
    let keys = event.as_object().into_iter().flatten();
    let kept: Map<String, Value> = keys
        .filter(|(key, _)| named(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expected_object_is_a_part() {
        let event = json!({"old": "a", "owner": {"pid": 7, "comm": "x"}, "errno": null, "n": 3});
        for part in [
            json!({}),
            json!({"old": "a"}),
            json!({"owner": {"pid": 7}}),
            json!({"errno": null}),
            json!({"n": POSITIVE, "owner": KNOWN}),
        ] {
            assert!(matches(&part, &event), "{part}");
        }
        for other in [
            json!({"old": "b"}),
            json!({"owner": null}),
            json!({"absent": null}),
            json!({"errno": KNOWN}),
            json!({"old": POSITIVE}),
        ] {
            assert!(!matches(&other, &event), "{other}");
        }
    }

    #[test]
    fn a_span_has_its_begin_and_not_its_end() {
        let span = span(Duration::from_nanos(5), Duration::from_nanos(7));
        for (actual, expected) in [
            (json!(4), false),
            (json!(5), true),
            (json!(6), true),
            (json!(7), false),
            (json!(null), false),
        ] {
            assert_eq!(matches(&span, &actual), expected, "{actual}");
        }
    }

    #[test]
    fn exactly_and_in_order_differ_in_what_they_let_pass() {
        let events = [
            json!({"new": "a"}),
            json!({"new": "b"}),
            json!({"new": "c"}),
        ];
        let events: Vec<_> = events.iter().collect();
        let (a, c) = (json!({"new": "a"}), json!({"new": "c"}));
        assert!(in_order(&events, &[a.clone(), c.clone()]).is_ok());
        assert!(in_order(&events, &[c.clone(), a.clone()]).is_err());
        let error = exactly(&events, &[a, c]).unwrap_err().to_string();
        assert!(
            error.contains("want {\"new\":\"c\"}\n   got {\"new\":\"b\"}"),
            "{error}"
        );
        assert!(error.contains("more {\"new\":\"c\"}"), "{error}");
    }

    #[test]
    fn a_path_is_one_step_less_than_its_states() {
        let steps = path(&["x", "y", "z"], json!({"cause": "q"}));
        let expected = [
            json!({"old": "x", "new": "y"}),
            json!({"old": "y", "new": "z", "cause": "q"}),
        ];
        assert_eq!(steps, expected);
    }
}
