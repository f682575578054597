//! bpf-linker at the version that goes with Debian's LLVM: found, else built into `target/tools`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::anyhow;

use super::debian;
use crate::command;
use crate::workspace::Workspace;

const VERSION: &str = "0.13.0";
/// The cargo feature that selects the LLVM of [`debian::llvm`].
const LLVM_FEATURE: &str = "llvm-22";

/// The linker's path; it is compiled (under a minute) when neither PATH nor `target/tools` has it.
pub(super) fn ensure(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let tools = workspace.target().join("tools");
    let own = tools.join("bin").join("bpf-linker");
    let candidates = [command::find("bpf-linker"), Some(own.clone())];
    for candidate in candidates.into_iter().flatten() {
        if candidate.is_file() && version(&candidate)? == VERSION {
            return Ok(candidate);
        }
    }
    println!(
        "bpf-linker {VERSION} is not here: building it into {}",
        tools.display()
    );
    command::run(
        command::cargo()
            .args(["install", "bpf-linker", "--locked", "--version", VERSION])
            .args(["--no-default-features", "--features", LLVM_FEATURE])
            .arg("--root")
            .arg(&tools)
            .env_remove("CARGO_TARGET_DIR")
            .env("LLVM_PREFIX", debian::llvm())
            .env("PATH", debian::path_with_llvm()?),
    )?;
    Ok(own)
}

/// The bare version number that `linker` tells.
pub(super) fn version(linker: &Path) -> anyhow::Result<String> {
    let line = command::output(Command::new(linker).arg("--version"))?;
    line.split_whitespace()
        .nth(1)
        .map(str::to_owned)
        .ok_or_else(|| anyhow!("{}: no version in \"{line}\"", linker.display()))
}
