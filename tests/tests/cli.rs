//! The command line as any user meets it: help, mistakes, what is not permitted.

use std::{
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Output},
};

use anyhow::{Result, ensure};
use rustix::process::geteuid;
use sockwatch_tests::binary;

fn run(args: &[&str]) -> Result<Output> {
    Ok(binary::command(args)?.output()?)
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// It ended with `status`, printed nothing, and said why in one line that has `parts` in it.
fn check_failure(output: &Output, status: i32, parts: &[&str]) -> Result<()> {
    let said = stderr(output);
    ensure!(
        output.status.code() == Some(status),
        "{}: {said}",
        output.status
    );
    ensure!(
        output.stdout.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    ensure!(
        said.starts_with("sockwatch: ") && said.lines().count() == 1,
        "{said}"
    );
    for part in parts {
        ensure!(said.contains(part), "no {part:?} in {said}");
    }
    Ok(())
}

#[test]
fn help_and_version_are_data() -> Result<()> {
    for (args, part) in [
        (&["--help"][..], "Usage:"),
        (&["-h"], "--json"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
        (&["doctor", "--help"], "Usage:"),
    ] {
        let output = run(args)?;
        ensure!(
            output.status.success() && output.stderr.is_empty(),
            "{args:?}: {output:?}"
        );
        ensure!(String::from_utf8(output.stdout)?.contains(part), "{args:?}");
    }
    Ok(())
}

#[test]
fn mistakes_are_one_line_with_a_hint() -> Result<()> {
    for (args, parts) in [
        (
            &["--jsn"][..],
            &["unknown option '--jsn'", "did you mean '--json'?"][..],
        ),
        (&["-y"], &["unknown option '-y'", "see sockwatch --help"]),
        (&["bogus"], &["unexpected word 'bogus'", "-N select"]),
        (&["doctr"], &["unexpected word 'doctr'"]),
        (&["--on", "x"], &["'x' for --on", "enter, leave, both"]),
        (&["--hook", "kprobe"], &["'kprobe' for --hook", "tp_btf"]),
        (&["--color", "maybe"], &["'maybe' for --color", "always"]),
        (&["--count", "0"], &["'0' for --count", "at least 1"]),
        (
            &["--count", "many"],
            &["'many' for --count", "whole number"],
        ),
        (
            &["--duration", "5parsecs"],
            &["'5parsecs' for --duration", "'parsecs'"],
        ),
        (&["--duration=-1"], &["'-1' for --duration"]),
        (
            &["--ring-size", "5000"],
            &["'5000' for --ring-size", "8192"],
        ),
        (&["--ring-size", "1K"], &["'1K' for --ring-size", "4096"]),
        (&["--output"], &["--output needs a value"]),
        (&["doctor", "--json"], &["--json"]),
    ] {
        check_failure(&run(args)?, 2, parts)?;
    }
    Ok(())
}

#[test]
fn namespace_that_does_not_exist_is_named() -> Result<()> {
    check_failure(
        &run(&["-N", "no-such-namespace"])?,
        1,
        &["no-such-namespace"],
    )?;
    check_failure(&run(&["-N", "/nowhere/net"])?, 1, &["/nowhere/net"])
}

#[test]
fn file_that_is_no_namespace_is_named() -> Result<()> {
    check_failure(&run(&["-N", "/dev/null"])?, 1, &["/dev/null", "namespace"])
}

#[test]
fn missing_capabilities_are_named_with_the_cure() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let output = as_nobody(directory.path(), &["--json"])?.output()?;
    check_failure(&output, 3, &["CAP_BPF", "CAP_PERFMON", "root", "setcap"])
}

#[test]
fn doctor_tells_a_user_what_is_missing() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let output = as_nobody(directory.path(), &["doctor"])?.output()?;
    ensure!(!output.status.success());
    let text = String::from_utf8(output.stdout)?;
    ensure!(
        text.contains("CAP_BPF") && text.contains("CAP_PERFMON"),
        "{text}"
    );
    Ok(())
}

/// The program as a user who may do nothing: where root runs the tests, as nobody, with a
/// copy of it in `directory`.
fn as_nobody(directory: &Path, args: &[&str]) -> Result<Command> {
    const NOBODY: u32 = 65534;
    if !geteuid().is_root() {
        return binary::command(args);
    }
    let mut command = Command::new(binary::copy_for_everybody(directory)?);
    command.args(args).uid(NOBODY).gid(NOBODY);
    Ok(command)
}
