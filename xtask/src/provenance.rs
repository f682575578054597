//! What the committed BPF object was built from and with, and whether that still holds.
//!
//! Compares files and hashes; it builds nothing and runs nothing.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::workspace::Workspace;

/// File name of the object, in the package and in every `--out` directory.
pub const OBJECT: &str = "sockwatch.bpf.o";
/// File name of the provenance record beside the committed object.
pub const RECORD: &str = "provenance.json";

/// What the object is compiled from: files, and directories with everything below them.
const SOURCES: [&str; 6] = [
    "sockwatch-ebpf/.cargo",
    "sockwatch-ebpf/Cargo.lock",
    "sockwatch-ebpf/Cargo.toml",
    "sockwatch-ebpf/src",
    "sockwatch-common/Cargo.toml",
    "sockwatch-common/src",
];

/// The versions of the programs that decide the object's bytes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Tools {
    /// `rustc --version`.
    pub rustc: String,
    /// The LLVM inside that rustc.
    pub llvm: String,
    /// `bpf-linker --version`.
    pub bpf_linker: String,
    /// The LLVM version that `llvm-strip --version` tells.
    pub llvm_strip: String,
}

impl Tools {
    /// One line for every tool whose version differs: its name, `self`'s and `other`'s version.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        [
            ("rustc", &self.rustc, &other.rustc),
            ("LLVM", &self.llvm, &other.llvm),
            ("bpf-linker", &self.bpf_linker, &other.bpf_linker),
            ("llvm-strip", &self.llvm_strip, &other.llvm_strip),
        ]
        .into_iter()
        .filter(|(_, ours, theirs)| ours != theirs)
        .map(|(name, ours, theirs)| format!("{name}: {ours} / {theirs}"))
        .collect()
    }
}

/// The record beside the committed object.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Provenance {
    /// What it was built with.
    pub tools: Tools,
    /// [`sources_sha256`] at the time of the build.
    pub sources_sha256: String,
    /// SHA-256 of the object's bytes.
    pub object_sha256: String,
}

/// Why the committed object can't be trusted to be what the sources say.
#[derive(Debug, thiserror::Error)]
pub enum ProvenanceError {
    /// A file or directory could not be read or written.
    #[error("{}", path.display())]
    Io {
        /// What was accessed.
        path: PathBuf,
        /// Why that failed.
        source: io::Error,
    },
    /// There is no object in the package yet, or no record beside it.
    #[error("no committed BPF object ({}): run `cargo xtask ebpf`", path.display())]
    Missing {
        /// The file that is not there.
        path: PathBuf,
    },
    /// The record is no provenance record.
    #[error("{}", path.display())]
    Record {
        /// The record's file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The sources are not those the object was built from.
    #[error("the committed BPF object is older than its sources: run `cargo xtask ebpf`")]
    SourcesChanged,
    /// The object is not the one that was recorded.
    #[error("the committed BPF object is not the one in its record: run `cargo xtask ebpf`")]
    ObjectChanged,
}

impl Provenance {
    /// Reads the record from `dir`.
    ///
    /// # Errors
    /// When it is not there or is no such record.
    pub fn read(dir: &Path) -> Result<Self, ProvenanceError> {
        let path = dir.join(RECORD);
        let text = read(&path)?;
        serde_json::from_slice(&text).map_err(|source| ProvenanceError::Record { path, source })
    }

    /// Writes the record to `dir`, as JSON with a line for every field.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn write(&self, dir: &Path) -> Result<(), ProvenanceError> {
        let path = dir.join(RECORD);
        let mut text = match serde_json::to_string_pretty(self) {
            Ok(text) => text,
            Err(source) => return Err(ProvenanceError::Record { path, source }),
        };
        text.push('\n');
        fs::write(&path, text).map_err(|source| ProvenanceError::Io { path, source })
    }
}

/// Checks the committed object and its record against the sources of the workspace.
///
/// # Errors
/// When a file is missing, or [`ProvenanceError::SourcesChanged`] or
/// [`ProvenanceError::ObjectChanged`]; both say the cure.
pub fn verify(workspace: &Workspace) -> Result<Provenance, ProvenanceError> {
    let dir = workspace.object_dir();
    for path in [dir.join(RECORD), dir.join(OBJECT)] {
        if !path.is_file() {
            return Err(ProvenanceError::Missing { path });
        }
    }
    let record = Provenance::read(&dir)?;
    if sources_sha256(workspace.root())? != record.sources_sha256 {
        return Err(ProvenanceError::SourcesChanged);
    }
    if sha256(&read(&dir.join(OBJECT))?) != record.object_sha256 {
        return Err(ProvenanceError::ObjectChanged);
    }
    Ok(record)
}

/// SHA-256 in hex over the object's sources below `root`.
///
/// For each file, sorted by path: the path relative to `root`, a zero byte, the length as 8 bytes
/// little endian, the content. A source that is absent (`.cargo` may be) adds nothing.
///
/// # Errors
/// When a file or directory can't be read.
pub fn sources_sha256(root: &Path) -> Result<String, ProvenanceError> {
    let mut files = Vec::new();
    for source in SOURCES {
        collect(root, source.to_owned(), &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let content = read(&root.join(&file))?;
        hash.update(file.as_bytes());
        hash.update([0]);
        hash.update((content.len() as u64).to_le_bytes());
        hash.update(&content);
    }
    Ok(hex(&hash.finalize()))
}

/// SHA-256 of `bytes` in hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn collect(root: &Path, relative: String, files: &mut Vec<String>) -> Result<(), ProvenanceError> {
    let path = root.join(&relative);
    if !path.is_dir() {
        if path.exists() {
            files.push(relative);
        }
        return Ok(());
    }
    let failed = |source| ProvenanceError::Io {
        path: path.clone(),
        source,
    };
    for entry in fs::read_dir(&path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        collect(
            root,
            format!("{relative}/{}", name.to_string_lossy()),
            files,
        )?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, ProvenanceError> {
    fs::read(path).map_err(|source| ProvenanceError::Io {
        path: path.to_owned(),
        source,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
