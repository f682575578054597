//! Compiling and stripping the object, so that its bytes depend on sources and tools alone.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, anyhow};

use super::toolchain::Toolchain;
use super::wrapper;
use crate::command;
use crate::provenance::OBJECT;
use crate::workspace::Workspace;

const TARGET: &str = "bpfel-unknown-none";

/// The architecture whose `pt_regs` the aya bindings describe. Fixed, not the host's, because the
/// object is one for all; sockwatch's programs take typed arguments and never touch `pt_regs`.
const BPF_TARGET_ARCH: &str = "x86_64";

/// Builds the package `sockwatch-ebpf` in release mode and returns the path of the stripped object.
pub(super) fn compile(workspace: &Workspace, toolchain: &Toolchain) -> anyhow::Result<PathBuf> {
    let package = workspace.ebpf_package();
    let target_dir = workspace.target().join("ebpf");
    let mut cargo = toolchain.cargo();
    cargo
        .current_dir(&package)
        .args(["build", "--locked", "--release", "--bin", "sockwatch"])
        .args(["--target", TARGET, "-Z", "build-std=core"])
        .arg("--target-dir")
        .arg(&target_dir)
        .env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", &toolchain.linker)
        .env("CARGO_ENCODED_RUSTFLAGS", rustflags(workspace, toolchain)?);
    wrapper::install(&mut cargo)?;
    command::run(&mut cargo)?;

    let linked = target_dir.join(TARGET).join("release").join("sockwatch");
    let stripped = target_dir.join(OBJECT);
    fs::copy(&linked, &stripped).with_context(|| linked.display().to_string())?;
    // Drops DWARF, which the kernel never sees; BTF is no debug section to llvm-strip and stays.
    command::run(Command::new(&toolchain.strip).arg("-g").arg(&stripped))?;
    Ok(stripped)
}

/// Runs `clippy`, which is of a toolchain for the object, over the kernel programs.
pub(super) fn lint(workspace: &Workspace, clippy: &mut Command) -> anyhow::Result<()> {
    clippy
        .current_dir(workspace.ebpf_package())
        .args([
            "--locked",
            "--release",
            "--target",
            TARGET,
            "-Z",
            "build-std=core",
        ])
        .arg("--target-dir")
        .arg(workspace.target().join("ebpf-clippy"))
        .args(["--", "-D", "warnings"]);
    command::run(clippy)
}

/// The compiler's flags, separated as `CARGO_ENCODED_RUSTFLAGS` wants them.
fn rustflags(workspace: &Workspace, toolchain: &Toolchain) -> anyhow::Result<OsString> {
    let registry = toolchain.cargo_home()?.join("registry").join("src");
    let mut flags = OsString::new();
    flags.push(format!("--cfg=bpf_target_arch=\"{BPF_TARGET_ARCH}\""));
    flags.push("\x1f-Cdebuginfo=2\x1f-Clink-arg=--btf");
    // Paths end in BTF's line information: without this two checkouts give two objects.
    for (from, to) in [
        (workspace.root(), "/sockwatch"),
        (registry.as_path(), "/registry"),
        (toolchain.rust_src.as_path(), "/rust"),
    ] {
        let from = from
            .to_str()
            .ok_or_else(|| anyhow!("{}: not valid UTF-8", from.display()))?;
        flags.push(format!("\x1f--remap-path-prefix={from}={to}"));
    }
    Ok(flags)
}
