//! Every line of the output against the JSON Schema in the repository.

use std::{collections::HashMap, sync::OnceLock};

use anyhow::{Context as _, Result, bail};
use jsonschema::Validator;
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../sockwatch/schema/events-v1.schema.json");

/// Which definition describes which type. Validating against that one says what is wrong, where
/// the whole schema would only say that none of its alternatives fits.
const DEFINITIONS: [(&str, &str); 7] = [
    ("start", "start"),
    ("socket", "socket"),
    ("transition", "transition"),
    ("lost", "lost"),
    ("stats", "totals"),
    ("stop", "totals"),
    ("summary", "summary"),
];

/// Checks one line, parsed.
pub fn check(line: &Value) -> Result<()> {
    let kind = line["type"]
        .as_str()
        .with_context(|| format!("no type: {line}"))?;
    let validator = validators()
        .get(kind)
        .with_context(|| format!("unknown type: {line}"))?;
    let errors: Vec<_> = validator
        .iter_errors(line)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    if !errors.is_empty() {
        bail!("not as the schema says: {}\n{line}", errors.join("; "));
    }
    Ok(())
}

fn validators() -> &'static HashMap<&'static str, Validator> {
    static VALIDATORS: OnceLock<HashMap<&'static str, Validator>> = OnceLock::new();
    VALIDATORS.get_or_init(|| {
        let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
        DEFINITIONS
            .into_iter()
            .map(|(kind, name)| (kind, validator(&schema, name)))
            .collect()
    })
}

fn validator(schema: &Value, name: &str) -> Validator {
    let part = json!({
        "$schema": schema["$schema"],
        "$ref": format!("#/$defs/{name}"),
        "$defs": schema["$defs"],
    });
    jsonschema::validator_for(&part).expect("the schema is sound")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let mut line = json!({
            "v": 1, "type": "lost", "seq": 7, "ts": "2026-01-02T03:04:05.000000006Z",
            "mono_ns": 1, "where": "kernel", "count": 2, "from_mono_ns": 0, "to_mono_ns": 1,
        });
        assert!(check(&line).is_ok());
        line["seq"] = json!(0);
        assert!(check(&line).unwrap_err().to_string().contains("/seq"));
        line["type"] = json!("gossip");
        assert!(
            check(&line)
                .unwrap_err()
                .to_string()
                .starts_with("unknown type")
        );
    }

    #[test]
    fn every_definition_of_a_line_is_used() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        for alternative in schema["oneOf"].as_array().unwrap() {
            let name = alternative["$ref"]
                .as_str()
                .unwrap()
                .trim_start_matches("#/$defs/");
            assert!(
                DEFINITIONS
                    .iter()
                    .any(|(_, definition)| *definition == name),
                "{name}"
            );
        }
    }
}
