//! `cargo xtask test`: every test of the workspace, the kernel's among them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::workspace::Workspace;

const TRACEFS: &str = "/sys/kernel/tracing";

/// Builds the program in release mode and runs all tests, the kernel tests against that build.
///
/// Without root the kernel tests show as ignored. As root tracefs is mounted when it is not, because
/// the classic tracepoint needs it.
///
/// # Errors
/// When the build or a test fails.
pub fn run(workspace: &Workspace, args: &[String]) -> anyhow::Result<()> {
    if rustix::process::geteuid().is_root() {
        ensure_tracefs()?;
    } else {
        eprintln!("not root: the kernel tests will show as ignored");
    }
    build_release(workspace)?;
    command::run(
        command::cargo()
            .current_dir(workspace.root())
            .args(["test", "--workspace"])
            .args(args)
            .env("SOCKWATCH_BIN", workspace.release_binary())
            .env("INSTA_UPDATE", "no"),
    )
}

/// Builds `target/release/sockwatch`; `SOCKWATCH_BPF_OBJECT` is passed on to its build script.
pub(crate) fn build_release(workspace: &Workspace) -> anyhow::Result<()> {
    command::run(command::cargo().current_dir(workspace.root()).args([
        "build",
        "--release",
        "--package",
        "sockwatch",
    ]))
}

/// sockwatch, built if the caller names no binary.
pub(crate) fn sockwatch(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let sockwatch = if let Some(binary) = std::env::var_os("SOCKWATCH_BIN") {
        PathBuf::from(binary)
    } else {
        build_release(workspace)?;
        workspace.release_binary()
    };
    command::output(Command::new(&sockwatch).arg("--version"))?;
    Ok(sockwatch)
}

/// Mounts tracefs where it is not.
pub(crate) fn ensure_tracefs() -> anyhow::Result<()> {
    if Path::new(TRACEFS).join("events").is_dir() {
        return Ok(());
    }
    eprintln!("tracefs is not mounted: mounting it");
    command::run(Command::new("mount").args(["-t", "tracefs", "tracefs", TRACEFS]))
}
