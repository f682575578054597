//! `cargo xtask itest`: tests of the built program that take minutes.

use anyhow::{Result, bail};
use clap::Subcommand;

use crate::test;
use crate::workspace::Workspace;

mod churn;
mod compare;
mod fidelity;
mod rebuild;
mod report;
mod site;
mod stream;

/// The tests.
#[derive(Debug, Subcommand)]
pub enum Test {
    /// Compare the table that can be rebuilt from JSON lines with `ss`, again and again under churn.
    Fidelity(fidelity::Options),
}

/// Runs one of them.
///
/// # Errors
/// When not root, when sockwatch can't be built, or when the test fails.
pub fn run(workspace: &Workspace, test: &Test) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("the test attaches kernel programs and makes network namespaces: run as root");
    }
    let sockwatch = test::sockwatch(workspace)?;
    match test {
        Test::Fidelity(options) => fidelity::run(&sockwatch, options),
    }
}
