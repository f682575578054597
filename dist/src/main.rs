//! `sockwatch-dist DIRECTORY`: writes the files there and names them. `cargo xtask dist` runs it.

#![forbid(unsafe_code)]

use std::path::PathBuf;

use clap::Parser;

/// Write manual pages and completions of sockwatch.
#[derive(Debug, Parser)]
struct Args {
    /// Where to
    directory: PathBuf,
}

fn main() -> anyhow::Result<()> {
    for path in sockwatch_dist::write(&Args::parse().directory)? {
        eprintln!("{}", path.display());
    }
    Ok(())
}
