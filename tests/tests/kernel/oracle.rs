//! Recorded answers of `ss` to filter expressions, where they are at hand beside the project.
//!
//! Every answer that differs has to be one of those in `oracle-differences.tsv`, each of which names
//! the part of docs/filter.md that gives the reason.

use std::{
    collections::{BTreeMap, BTreeSet},
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
    agrees_but_for_what_is_known("filter_cases.tsv", &["--kind", "core,quirk"])
}

fn random_expressions_have_the_recorded_answers(_netns: &Netns) -> Result<()> {
    agrees_but_for_what_is_known("filter_cases_random.tsv", &[])
}

fn agrees_but_for_what_is_known(cases: &str, options: &[&str]) -> Result<()> {
    let oracle = root().join("../shared/ss");
    if !oracle.is_dir() {
        return Err(NotHere("there are no recorded answers of ss here").into());
    }
    let cases = oracle.join(cases);
    let differing = differing(&oracle, &cases, options)?;
    let mut known = known_differences()?;
    let recorded = fs::read_to_string(&cases)?;
    known.retain(|case| recorded.lines().any(|line| id(line) == case));
    let unknown = differing.iter().filter(|(case, _)| !known.contains(*case));
    let mut wrong: Vec<String> = unknown
        .map(|(_, line)| format!("differs: {line}"))
        .collect();
    let agreeing = known.iter().filter(|&case| !differing.contains_key(case));
    wrong.extend(agreeing.map(|case| format!("is listed, but agrees: {case}")));
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// The first column of a line.
fn id(line: &str) -> &str {
    line.split('\t').next().unwrap_or_default()
}

/// The cases whose answer differs, and what the oracle says of each.
fn differing(oracle: &Path, cases: &Path, options: &[&str]) -> Result<BTreeMap<String, String>> {
    let done = Command::new("python3")
        .arg(oracle.join("filter_oracle.py"))
        .args(["--pre-args", "list", "--compare", "--bin"])
        .arg(binary::path()?)
        .arg("--cases")
        .arg(cases)
        .args(options)
        .output()
        .context("cannot run python3")?;
    let summary = String::from_utf8_lossy(&done.stderr).into_owned();
    ensure!(summary.contains(" cases differ"), "{summary}");
    let lines = String::from_utf8_lossy(&done.stdout).into_owned();
    let case = |line: &str| (id(line).to_owned(), line.to_owned());
    Ok(lines.lines().map(case).collect())
}

/// The cases listed, each with a heading that docs/filter.md has.
fn known_differences() -> Result<BTreeSet<String>> {
    let table = fs::read_to_string(root().join("tests/oracle-differences.tsv"))?;
    let docs = fs::read_to_string(root().join("docs/filter.md"))?;
    let headings: BTreeSet<&str> = docs
        .lines()
        .filter_map(|line| Some(line.strip_prefix('#')?.trim_start_matches('#').trim()))
        .collect();
    let mut known = BTreeSet::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let (case, heading) = line.split_once('\t').context("case, tab, heading")?;
        ensure!(
            headings.contains(heading),
            "docs/filter.md has no heading '{heading}'"
        );
        known.insert(case.to_owned());
    }
    Ok(known)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
