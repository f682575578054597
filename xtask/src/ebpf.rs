//! `cargo xtask ebpf`: the BPF object from source, installed or compared.
//!
//! How it is compiled is in [`build`], with what in [`toolchain`], what a good object has in
//! [`object`].

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::provenance::{self, OBJECT, Provenance};
use crate::workspace::Workspace;

mod build;
mod debian;
mod linker;
mod object;
mod toolchain;
pub mod wrapper;

/// Builds the object and installs it with its provenance in the package, or, without provenance, in
/// `out`.
///
/// # Errors
/// When no toolchain can be had, the build fails, or the object lacks what the loader needs.
pub fn install(workspace: &Workspace, out: Option<PathBuf>) -> anyhow::Result<()> {
    let built = build_from_source(workspace)?;
    let dir = out.unwrap_or_else(|| workspace.object_dir());
    write_object(&dir, &built.bytes)?;
    if dir == workspace.object_dir() {
        built.provenance.write(&dir)?;
    }
    Ok(())
}

/// Builds the object into `out` (`target/ebpf-check`) and compares it with the committed one.
///
/// Different bytes are drift only where every tool has the recorded version; else the differing
/// tools are told. Changed sources always are drift.
///
/// # Errors
/// As [`install`], and when the committed object has drifted from its sources.
pub fn check(workspace: &Workspace, out: Option<PathBuf>) -> anyhow::Result<()> {
    let built = build_from_source(workspace)?;
    let out = out.unwrap_or_else(|| workspace.target().join("ebpf-check"));
    write_object(&out, &built.bytes)?;

    let record = provenance::verify(workspace)?;
    println!("the committed object was built from these sources");
    let differences = record.tools.differences(&built.provenance.tools);
    if record.object_sha256 == built.provenance.object_sha256 {
        println!("the object built here is byte-identical to the committed one");
    } else if differences.is_empty() {
        bail!(
            "the same tools made another object (sha256 {}, recorded {}): run `cargo xtask ebpf`",
            built.provenance.object_sha256,
            record.object_sha256
        );
    } else {
        println!("bytes differ, as do the tools (recorded / here):");
        for difference in differences {
            println!("  {difference}");
        }
    }
    Ok(())
}

/// Runs clippy over the kernel programs where their toolchain has one, else says that it does not.
///
/// # Errors
/// When clippy finds something.
pub fn clippy(workspace: &Workspace) -> anyhow::Result<()> {
    if let Some(mut clippy) = toolchain::clippy() {
        return build::lint(workspace, &mut clippy);
    }
    eprintln!(
        "sockwatch-ebpf was not linted: no clippy for its toolchain (Debian: rust-web-clippy)"
    );
    Ok(())
}

struct Built {
    bytes: Vec<u8>,
    provenance: Provenance,
}

fn build_from_source(workspace: &Workspace) -> anyhow::Result<Built> {
    let toolchain = toolchain::choose(workspace)?;
    println!("toolchain: {}", toolchain.why);
    for (name, version) in [
        ("rustc", &toolchain.tools.rustc),
        ("LLVM", &toolchain.tools.llvm),
        ("bpf-linker", &toolchain.tools.bpf_linker),
        ("llvm-strip", &toolchain.tools.llvm_strip),
    ] {
        println!("  {name}: {version}");
    }
    // Taken before the build: a file edited meanwhile must show as a change, not as built.
    let sources_sha256 = provenance::sources_sha256(workspace.root())?;
    let path = build::compile(workspace, &toolchain)?;
    let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
    let summary = object::inspect(&bytes).with_context(|| path.display().to_string())?;
    println!("object: {} bytes, {summary}", bytes.len());
    let object_sha256 = provenance::sha256(&bytes);
    let provenance = Provenance {
        tools: toolchain.tools,
        sources_sha256,
        object_sha256,
    };
    Ok(Built { bytes, provenance })
}

fn write_object(dir: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
    let path = dir.join(OBJECT);
    fs::write(&path, bytes).with_context(|| path.display().to_string())?;
    println!("wrote {}", path.display());
    Ok(())
}
