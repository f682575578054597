//! Recorded answers of `ss` to filter expressions, where they are at hand beside the project.
//!
//! Every answer that differs has to be one of those in `oracle-differences.tsv`, each of which names
//! the part of docs/filter.md that gives the reason.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use sockwatch_tests::{binary, netns::Netns, trial::NotHere};

pub(super) fn trials() -> Vec<Trial> {
    trials![
        recorded_answers_of_ss_are_ours,
        random_expressions_have_the_recorded_answers,
    ]
}

fn recorded_answers_of_ss_are_ours(_netns: &Netns) -> Result<()> {
    let differing = differing("filter_cases.tsv", &["--kind", "core,quirk"])?;
    let known = known_differences()?;
    let mut wrong: Vec<String> = Vec::new();
    for (case, line) in &differing {
        if !known.contains_key(case) {
            wrong.push(format!("differs: {line}"));
        }
    }
    let agreeing = known.keys().filter(|&case| !differing.contains_key(case));
    wrong.extend(agreeing.map(|case| format!("is listed, but agrees: {case}")));
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

fn random_expressions_have_the_recorded_answers(_netns: &Netns) -> Result<()> {
    let differing = differing("filter_cases_random.tsv", &[])?;
    ensure!(differing.is_empty(), "{differing:#?}");
    Ok(())
}

/// The cases whose answer differs, and what the oracle says of each.
fn differing(cases: &str, options: &[&str]) -> Result<BTreeMap<String, String>> {
    let oracle = root().join("../shared/ss");
    if !oracle.is_dir() {
        return Err(NotHere("there are no recorded answers of ss here").into());
    }
    let done = Command::new("python3")
        .arg(oracle.join("filter_oracle.py"))
        .args(["--pre-args", "list", "--compare", "--bin"])
        .arg(binary::path()?)
        .arg("--cases")
        .arg(oracle.join(cases))
        .args(options)
        .output()
        .context("cannot run python3")?;
    let summary = String::from_utf8_lossy(&done.stderr).into_owned();
    ensure!(summary.contains(" cases differ"), "{summary}");
    let lines = String::from_utf8_lossy(&done.stdout).into_owned();
    let case = |line: &str| Some((line.split('\t').next()?.to_owned(), line.to_owned()));
    Ok(lines.lines().filter_map(case).collect())
}

/// Case → the heading in docs/filter.md, which has to be there.
fn known_differences() -> Result<BTreeMap<String, String>> {
    let table = fs::read_to_string(root().join("tests/oracle-differences.tsv"))?;
    let docs = fs::read_to_string(root().join("docs/filter.md"))?;
    let mut known = BTreeMap::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let (case, heading) = line.split_once('\t').context("case, tab, heading")?;
        ensure!(
            docs.lines()
                .any(|line| line.trim_start_matches('#').trim() == heading),
            "docs/filter.md has no heading '{heading}'"
        );
        known.insert(case.to_owned(), heading.to_owned());
    }
    Ok(known)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
