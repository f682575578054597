//! Where the program under test is.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use crate::process::output;

/// Names the program, as an absolute path.
const VARIABLE: &str = "SOCKWATCH_BIN";

/// What `SOCKWATCH_BIN` names, else the newest thing at hand: the release build beside the running
/// test, or the debug build.
pub fn path() -> Result<PathBuf> {
    if let Some(path) = env::var_os(VARIABLE).map(PathBuf::from) {
        ensure!(path.is_absolute(), "{VARIABLE} has to be an absolute path");
        ensure!(
            path.is_file(),
            "{VARIABLE} names no file: {}",
            path.display()
        );
        return Ok(path);
    }
    let test = env::current_exe().context("where am I?")?;
    // target/debug/deps/kernel-0123456789abcdef
    let target = test
        .ancestors()
        .nth(3)
        .context("the test is not in a target directory")?;
    let builds = ["release", "debug"].map(|profile| target.join(profile).join("sockwatch"));
    let built = builds.into_iter().find(|path| path.is_file());
    built.with_context(|| format!("set {VARIABLE}, or build sockwatch in {}", show(target)))
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

/// The program with these arguments and nothing on standard input, in an environment that does not
/// change what it prints.
pub fn command<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Result<Command> {
    let mut command = Command::new(path()?);
    command
        .args(args)
        .stdin(Stdio::null())
        .env_remove("RUST_LOG")
        .env_remove("NO_COLOR");
    Ok(command)
}

/// A copy of the program in `directory` that every user can run: the original may be out of reach.
///
/// Made by another process: a descriptor of ours, open for writing, could be inherited by a child
/// that another test starts, and keep the copy from being run.
pub fn copy_for_everybody(directory: &Path) -> Result<PathBuf> {
    let copy = directory.join("sockwatch");
    output(Command::new("chmod").arg("755").arg(directory))?;
    output(
        Command::new("install")
            .arg("--mode=755")
            .arg(path()?)
            .arg(&copy),
    )?;
    Ok(copy)
}

/// The program with CAP_BPF and CAP_PERFMON alone, for somebody who is not root, by a copy of it in
/// `directory`.
pub fn with_two_capabilities(directory: &Path) -> Result<Command> {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.args([
        "--inh-caps=-all,+bpf,+perfmon",
        "--ambient-caps=-all,+bpf,+perfmon",
    ]);
    command.arg(copy_for_everybody(directory)?);
    Ok(command)
}
