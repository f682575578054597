//! This program between cargo and rustc, so that symbol names do not depend on the checkout's path.
//!
//! Cargo's `-C metadata` becomes part of every symbol name, and with it of the order of functions.
//! For a path dependency outside its workspace, as `sockwatch-common` is for `sockwatch-ebpf`, it is
//! made from the absolute path, which no flag remaps. So the value is replaced for our own packages;
//! all other arguments pass unchanged.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Context as _, anyhow};

/// Set for the build: it makes this program rustc's wrapper.
const REQUEST: &str = "SOCKWATCH_XTASK_RUSTC_WRAPPER";

/// Makes `cargo` run rustc through this program.
pub(super) fn install(cargo: &mut Command) -> anyhow::Result<()> {
    let own = env::current_exe().context("own executable")?;
    cargo.env("RUSTC_WRAPPER", own).env(REQUEST, "1");
    Ok(())
}

/// Whether cargo started this process in rustc's place.
pub fn requested() -> bool {
    env::var_os(REQUEST).is_some()
}

/// Becomes rustc; the arguments are its path and its arguments.
///
/// # Errors
/// When there is no such program: otherwise it does not return.
pub fn exec_rustc() -> anyhow::Result<()> {
    let mut args = env::args_os().skip(1);
    let rustc = args.next().context("rustc's wrapper: no program given")?;
    let package = env::var("CARGO_PKG_NAME").unwrap_or_default();
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let error = Command::new(&rustc)
        .args(fixed(args, &package, &version))
        .exec();
    Err(anyhow!(error).context(rustc.display().to_string()))
}

/// `args` with the metadata of our packages made from name and version alone.
fn fixed(args: impl Iterator<Item = OsString>, package: &str, version: &str) -> Vec<OsString> {
    let ours = package.starts_with("sockwatch");
    args.map(|arg| {
        let is_metadata = arg.to_str().is_some_and(|arg| arg.starts_with("metadata="));
        if ours && is_metadata {
            format!("metadata={package}-{version}").into()
        } else {
            arg
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_metadata_is_replaced() {
        let given = [
            "--crate-name",
            "x",
            "-C",
            "metadata=0123",
            "-C",
            "extra-filename=-0123",
        ];
        let run = |package| fixed(given.iter().map(OsString::from), package, "0.1.0");
        let ours = [
            "--crate-name",
            "x",
            "-C",
            "metadata=sockwatch-common-0.1.0",
            "-C",
        ];
        assert_eq!(run("sockwatch-common")[..5], ours);
        assert_eq!(run("sockwatch-common")[5], "extra-filename=-0123");
        assert_eq!(run("aya-ebpf"), given);
    }
}
