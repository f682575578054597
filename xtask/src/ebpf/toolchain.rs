//! Which compiler and linker build the object: chosen by looking at the machine, with the reason.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, anyhow};

use super::{debian, linker};
use crate::command;
use crate::provenance::Tools;
use crate::workspace::Workspace;

/// Where a sysroot keeps the library's source, if it has it.
const RUST_SRC: &str = "lib/rustlib/src/rust";

/// Everything a build needs to know of the programs it runs.
#[derive(Debug)]
pub(super) struct Toolchain {
    /// The reason for this choice, for the user.
    pub(super) why: String,
    /// The library's source, under the name that cargo passes to the compiler (a symlink with Debian).
    pub(super) rust_src: PathBuf,
    /// bpf-linker.
    pub(super) linker: PathBuf,
    /// llvm-strip.
    pub(super) strip: PathBuf,
    /// Their versions.
    pub(super) tools: Tools,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Rustup,
    Debian,
}

impl Toolchain {
    /// A cargo of this toolchain that may use unstable flags.
    pub(super) fn cargo(&self) -> Command {
        self.kind.program("cargo")
    }

    /// The directory that this cargo keeps its registry in.
    #[expect(
        clippy::unused_self,
        reason = "one for all kinds today, but the toolchain's to say"
    )]
    pub(super) fn cargo_home(&self) -> anyhow::Result<PathBuf> {
        if let Some(dir) = env::var_os("CARGO_HOME") {
            return Ok(dir.into());
        }
        let home =
            env::var_os("HOME").ok_or_else(|| anyhow!("neither CARGO_HOME nor HOME is set"))?;
        Ok(PathBuf::from(home).join(".cargo"))
    }
}

impl Kind {
    fn program(self, name: &str) -> Command {
        match self {
            Self::Rustup => {
                let mut command = command::isolated(Path::new("rustup"));
                command.args(["run", "nightly", name]);
                command
            }
            Self::Debian => {
                let mut command = command::isolated(&Path::new("/usr/bin").join(name));
                command
                    .env("RUSTC", "/usr/bin/rustc")
                    .env("RUSTC_BOOTSTRAP", "1");
                command
            }
        }
    }

    fn sysroot(self) -> anyhow::Result<PathBuf> {
        let sysroot = command::output(self.program("rustc").args(["--print", "sysroot"]))?;
        Ok(sysroot.into())
    }
}

/// rustup's nightly where it is complete, else Debian's packages, which are installed when missing
/// (root) or named (anyone else).
pub(super) fn choose(workspace: &Workspace) -> anyhow::Result<Toolchain> {
    let lacking = match rustup() {
        Ok(toolchain) => return toolchain,
        Err(lacking) => lacking,
    };
    debian::ensure_packages().with_context(|| format!("rustup: {lacking}"))?;
    let strip = debian::llvm().join("bin").join("llvm-strip");
    let linker = linker::ensure(workspace)?;
    let why = format!("Debian's rustc-web and LLVM (rustup: {lacking})");
    describe(Kind::Debian, why, linker, strip)
}

/// The clippy of a toolchain that is there without installing anything, ready for its arguments.
pub(super) fn clippy() -> Option<Command> {
    let nightly = || {
        let mut cargo = Kind::Rustup.program("cargo");
        cargo.arg("clippy");
        cargo
    };
    if matches!(rustup(), Ok(Ok(_))) && command::succeeds(nightly().arg("--version")) {
        return Some(nightly());
    }
    if !debian::missing().is_empty() || !Path::new("/usr/bin/cargo-clippy").is_file() {
        return None;
    }
    // By its own name: cargo would take the one of another toolchain from CARGO_HOME.
    let mut packaged = Kind::Debian.program("cargo-clippy");
    packaged.arg("clippy").env("CARGO", "/usr/bin/cargo");
    Some(packaged)
}

/// The toolchain that the aya book describes, or what it lacks on this machine.
fn rustup() -> Result<anyhow::Result<Toolchain>, String> {
    if command::find("rustup").is_none() {
        return Err("not installed".into());
    }
    if !command::succeeds(Kind::Rustup.program("rustc").arg("--version")) {
        return Err("no nightly toolchain".into());
    }
    let sysroot = Kind::Rustup
        .sysroot()
        .map_err(|error| format!("{error:#}"))?;
    if !sysroot.join(RUST_SRC).join("library/Cargo.lock").is_file() {
        return Err("nightly without rust-src".into());
    }
    let linker = command::find("bpf-linker").ok_or("no bpf-linker on PATH")?;
    let strip = rustup_strip(&sysroot)
        .ok_or("no llvm-strip: neither nightly's llvm-tools component nor one on PATH")?;
    let why = "rustup's nightly, which has rust-src, and bpf-linker on PATH".to_owned();
    Ok(describe(Kind::Rustup, why, linker, strip))
}

fn rustup_strip(sysroot: &Path) -> Option<PathBuf> {
    let host = command::output(
        Kind::Rustup
            .program("rustc")
            .args(["--print", "host-tuple"]),
    )
    .ok()?;
    let component = sysroot
        .join("lib/rustlib")
        .join(host)
        .join("bin/llvm-strip");
    if component.is_file() {
        Some(component)
    } else {
        command::find("llvm-strip")
    }
}

fn describe(kind: Kind, why: String, linker: PathBuf, strip: PathBuf) -> anyhow::Result<Toolchain> {
    let verbose = command::output(kind.program("rustc").arg("-vV"))?;
    let rust_src = kind.sysroot()?.join(RUST_SRC);
    let tools = Tools {
        rustc: verbose.lines().next().unwrap_or_default().to_owned(),
        llvm: after(&verbose, "LLVM version: ")?,
        bpf_linker: linker::version(&linker)?,
        llvm_strip: after(
            &command::output(Command::new(&strip).arg("--version"))?,
            "LLVM version ",
        )?,
    };
    Ok(Toolchain {
        why,
        rust_src,
        linker,
        strip,
        tools,
        kind,
    })
}

/// The rest of the line in which `text` first has `label`.
fn after(text: &str, label: &str) -> anyhow::Result<String> {
    text.lines()
        .find_map(|line| line.split_once(label))
        .map(|(_, version)| version.trim().to_owned())
        .ok_or_else(|| anyhow!("no \"{}\" in: {text}", label.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_the_tools_print() {
        let rustc = "rustc 1.96.0 (ac68faa20 2026-05-25)\nrelease: 1.96.0\nLLVM version: 22.1.8";
        assert_eq!(after(rustc, "LLVM version: ").unwrap(), "22.1.8");
        let strip =
            "llvm-strip, compatible with GNU strip\nDebian LLVM version 22.1.8\n  Optimized";
        assert_eq!(after(strip, "LLVM version ").unwrap(), "22.1.8");
        assert!(after("rustc 1.96.0", "LLVM version: ").is_err());
    }
}
