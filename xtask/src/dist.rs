//! `cargo xtask dist`: manual pages and completions, by the package `dist`.

use std::path::PathBuf;

use crate::command;
use crate::workspace::Workspace;

/// Writes them to `out` (`target/dist`).
///
/// # Errors
/// When the package can't be built, or a file can't be written.
pub fn run(workspace: &Workspace, out: Option<PathBuf>) -> anyhow::Result<()> {
    let out = out.unwrap_or_else(|| workspace.target().join("dist"));
    // Where the caller is, so that a relative directory is where they mean.
    command::run(
        command::cargo()
            .args([
                "run",
                "--quiet",
                "--package",
                "sockwatch-dist",
                "--manifest-path",
            ])
            .arg(workspace.root().join("Cargo.toml"))
            .arg("--")
            .arg(out),
    )
}
