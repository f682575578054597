//! Where things are in the workspace. Reads and writes nothing.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The workspace's root and the places that tasks share.
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// The workspace that this `xtask` belongs to.
    ///
    /// # Errors
    /// When the manifest's directory, as cargo tells it, has no parent or does not exist.
    pub fn locate() -> anyhow::Result<Self> {
        let manifest_dir = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest_dir.join("..");
        let root = root
            .canonicalize()
            .with_context(|| format!("workspace root {}", root.display()))?;
        let target = env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Self { root, target })
    }

    /// The directory of the workspace's `Cargo.toml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo's target directory: `target`, or what `CARGO_TARGET_DIR` says.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// The package with the kernel programs, outside the workspace.
    pub fn ebpf_package(&self) -> PathBuf {
        self.root.join("sockwatch-ebpf")
    }

    /// Where the committed object and its provenance are.
    pub fn object_dir(&self) -> PathBuf {
        self.root.join("sockwatch").join("bpf")
    }

    /// The release build of the program, whether it exists or not.
    pub fn release_binary(&self) -> PathBuf {
        self.target.join("release").join("sockwatch")
    }
}
