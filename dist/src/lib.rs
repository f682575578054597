//! What a package of sockwatch installs besides the program: manual pages and completions, made from
//! the program's own definitions of its command line.
//!
//! A package of its own, so that `xtask`, which builds the object that sockwatch includes, does not
//! need sockwatch to compile. `cargo xtask dist` runs it. The same sources give the same bytes.

#![forbid(unsafe_code)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

mod completions;
mod manual;
mod prose;
mod shown;

/// A file, and what is in it.
pub(crate) struct Made {
    /// Below the directory of the rest: `man/sockwatch.1`.
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
}

/// Writes everything below `directory`, and returns the paths in the order of their making.
///
/// # Errors
/// With the file that cannot be written.
pub fn write(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let command = shown::command();
    let made = manual::pages(&command)?
        .into_iter()
        .chain(completions::scripts(&command)?);
    made.map(|made| {
        let path = directory.join(&made.path);
        let parent = path.parent().unwrap_or(directory);
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        fs::write(&path, &made.bytes)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    })
    .collect()
}
