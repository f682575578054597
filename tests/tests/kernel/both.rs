//! `ss` and `sockwatch list` among the same sockets: where they differed.

use anyhow::{Context as _, Result, ensure};
use sockwatch_tests::population::Population;

/// A population, and what is known of both tools in it.
pub(super) struct Both {
    directory: tempfile::TempDir,
    pub(super) population: Population,
    differing: Vec<String>,
    tried: usize,
}

impl Both {
    pub(super) fn settle() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let population = Population::settle(directory.path())?;
        Ok(Self {
            directory,
            population,
            differing: Vec::new(),
            tried: 0,
        })
    }

    /// The line with the directory of the unix sockets for `{}`.
    pub(super) fn in_place(&self, line: &str) -> Result<String> {
        let directory = self.directory.path().to_str().context("a path of ours")?;
        Ok(line.replace("{}", directory))
    }

    /// Both were given this line; how they differed, if they did.
    pub(super) fn tell(&mut self, line: &str, differing: Option<String>) {
        self.tried += 1;
        let told = differing.map(|differing| format!("{line}: {differing}"));
        self.differing.extend(told);
    }

    pub(super) fn agree(self, at_least: usize) -> Result<()> {
        ensure!(self.tried >= at_least, "only {} were tried", self.tried);
        ensure!(
            self.differing.is_empty(),
            "{} of {} differ:\n{}",
            self.differing.len(),
            self.tried,
            self.differing.join("\n")
        );
        Ok(())
    }
}
