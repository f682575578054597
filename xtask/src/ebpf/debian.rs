//! Debian's packages for building the BPF object, installed when this process may.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use crate::command;

/// A rustc newer than the workspace's with its library's source, and the LLVM it was built with:
/// the library for bpf-linker, and llvm-strip.
const PACKAGES: [&str; 5] = [
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "llvm-22-dev",
    "llvm-22",
];

/// Where `llvm-22` and `llvm-22-dev` are installed.
pub(super) fn llvm() -> &'static Path {
    Path::new("/usr/lib/llvm-22")
}

/// The packages that are not installed: all of them where there is no dpkg.
pub(super) fn missing() -> Vec<&'static str> {
    PACKAGES
        .into_iter()
        .filter(|package| !installed(package))
        .collect()
}

/// Makes sure that every package is there.
///
/// As root it installs what is missing and says so; else it fails with the command to run.
pub(super) fn ensure_packages() -> anyhow::Result<()> {
    if command::find("dpkg-query").is_none() {
        bail!(
            "this is no Debian either: install rustup's nightly with rust-src and llvm-tools, \
             and `cargo install bpf-linker`"
        );
    }
    let missing: Vec<&str> = PACKAGES
        .into_iter()
        .filter(|package| !installed(package))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !rustix::process::geteuid().is_root() || command::find("apt-get").is_none() {
        bail!(
            "missing packages, run as root: apt-get install {}",
            missing.join(" ")
        );
    }
    println!("installing Debian packages: {}", missing.join(" "));
    command::run(apt_get().arg("update"))?;
    command::run(
        apt_get()
            .args(["install", "--yes", "--no-install-recommends"])
            .args(missing),
    )
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn installed(package: &str) -> bool {
    let status = Command::new("dpkg-query")
        .args(["--show", "--showformat", "${db:Status-Status}", package])
        .output();
    status.is_ok_and(|output| output.stdout == b"installed")
}

/// The PATH with LLVM's own programs first: `llvm-config` must be this version's.
pub(super) fn path_with_llvm() -> anyhow::Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::iter::once(llvm().join("bin")).chain(std::env::split_paths(&path));
    Ok(std::env::join_paths(dirs.collect::<Vec<PathBuf>>())?)
}
