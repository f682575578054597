//! `cargo xtask lint`: what must hold before anything is run.

use crate::workspace::Workspace;
use crate::{command, ebpf};

/// Checks format and lints, and with cargo-deny licences, bans and sources.
///
/// # Errors
/// At the first check that fails.
pub fn run(workspace: &Workspace) -> anyhow::Result<()> {
    let root = workspace.root();
    let ebpf_manifest = workspace.ebpf_package().join("Cargo.toml");
    command::run(
        command::cargo()
            .current_dir(root)
            .args(["fmt", "--all", "--check"]),
    )?;
    command::run(
        command::cargo()
            .current_dir(root)
            .args(["fmt", "--check", "--manifest-path"])
            .arg(&ebpf_manifest),
    )?;
    command::run(command::cargo().current_dir(root).args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    ebpf::clippy(workspace)?;
    if command::find("cargo-deny").is_none() {
        eprintln!("cargo-deny is not installed: licences, bans and sources were not checked");
        return Ok(());
    }
    command::run(
        command::cargo()
            .current_dir(root)
            .args(["deny", "check", "licenses", "bans", "sources"]),
    )
}
