//! The command line as any user meets it: help, mistakes, what is not permitted.

use std::{
    os::{fd::OwnedFd, unix::process::CommandExt as _},
    path::Path,
    process::{Command, Output, Stdio},
};

use anyhow::{Context as _, Result, ensure};
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
        (&["-A", "x"], &["'x' for --query", "tables are all inet"]),
        (&["-f", "x"], &["'x' for --family", "inet inet6 unix"]),
        (&["-u"], &["-u: not traced live", "sockwatch list -u"]),
        (&["-t", "-f", "unix"], &["-f unix: not traced live"]),
        (&["-s"], &["-s (--summary): only sockwatch list has it"]),
        (&["list", "-Kt", ""], &["-K closes", "there is none"]),
        (&["list", "--jsn"], &["unknown option '--jsn'"]),
        (&["list", "sport", "=", "-1"], &["unknown option '-1'"]),
        (
            &["list", "-F", "a", "-F", "b"],
            &["more than one filter file"],
        ),
        (
            &["list", "-F", "/no/such/file"],
            &["cannot read the filter in /no/such/file", "No such file"],
        ),
        (&["list", "-F", "/dev/zero"], &["/dev/zero is too long"]),
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

/// A filter error shows the filter, is short, and leads to status 2.
fn check_filter_error(output: &Output, parts: &[&str]) -> Result<()> {
    let said = stderr(output);
    ensure!(output.status.code() == Some(2), "{}: {said}", output.status);
    ensure!(output.stdout.is_empty(), "{output:?}");
    ensure!(said.lines().count() <= 24, "{said}");
    ensure!(!said.contains('\u{1b}'), "{said:?}");
    for part in parts {
        ensure!(said.contains(part), "no {part:?} in {said}");
    }
    Ok(())
}

#[test]
fn filter_errors_show_where_live_and_in_a_list() -> Result<()> {
    for args in [&["list", "src != 1.2.3.4"][..], &["src", "!=", "1.2.3.4"]] {
        check_filter_error(&run(args)?, &["src", "!=", "^"])?;
    }
    check_filter_error(&run(&["list", "-t", "state", "listen"])?, &["listen"])
}

#[test]
fn a_mistyped_command_is_suggested() -> Result<()> {
    check_filter_error(&run(&["lst"])?, &["did you mean `sockwatch list`?"])?;
    check_filter_error(&run(&["doctr"])?, &["did you mean `sockwatch doctor`?"])?;
    check_filter_error(
        &run(&["-tan", "list"])?,
        &["did you mean `sockwatch list`?"],
    )?;
    let other = run(&["spotr"])?;
    check_filter_error(&other, &["spotr"])?;
    ensure!(!stderr(&other).contains("sockwatch list"), "{other:?}");
    Ok(())
}

#[test]
fn a_filter_file_may_be_standard_input() -> Result<()> {
    use std::io::Write as _;
    let mut child = binary::command(&["list", "-tanH", "-F", "-"])?
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().context("no pipe")?;
    stdin.write_all(b"# nothing has this port\nsport = :1 and\nnot sport = :1\n")?;
    drop(stdin);
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success() && output.stdout.is_empty(),
        "{output:?}"
    );

    let directory = tempfile::tempdir()?;
    let file = directory.path().join("filter");
    std::fs::write(&file, b"sport = :22\n\xff\n")?;
    let name = file.display().to_string();
    let refused = run(&["list", "-F", &name])?;
    check_failure(&refused, 2, &["is not UTF-8: line 2"])
}

#[test]
fn nothing_to_show_is_no_failure() -> Result<()> {
    for args in [
        &["list", "-A", "!tcp"][..],
        &["list", "-A", "all,!all"],
        &["-A", "!tcp"],
    ] {
        check_failure(&run(args)?, 0, &["no socket tables to show"])?;
    }
    Ok(())
}

#[test]
fn families_are_data() -> Result<()> {
    for args in [&["list", "-f", "help"][..], &["-f", "help"]] {
        let output = run(args)?;
        ensure!(output.status.success(), "{output:?}");
        ensure!(String::from_utf8(output.stdout)?.contains("inet inet6 unix link"));
    }
    Ok(())
}

#[test]
fn a_list_has_its_header_and_its_columns() -> Result<()> {
    let header = |args: &[&str]| -> Result<String> {
        let output = run(args)?;
        ensure!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout)?;
        Ok(text.lines().next().unwrap_or_default().to_owned())
    };
    let words = |line: String| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let all = words(header(&["list", "-a", "-n"])?);
    ensure!(
        all[..4] == ["Netid", "State", "Recv-Q", "Send-Q"],
        "{all:?}"
    );
    let tcp = words(header(&["list", "-tan"])?);
    ensure!(tcp[0] == "State", "{tcp:?}");
    let one_state = words(header(&["list", "-tnQ", "state", "established"])?);
    ensure!(one_state[..2] == ["Local", "Address:Port"], "{one_state:?}");
    ensure!(header(&["list", "-tnH", "sport = :1 and sport = :2"])?.is_empty());
    Ok(())
}

#[test]
fn a_listed_socket_is_a_line_of_the_schema() -> Result<()> {
    let _netlink_and_unix = std::os::unix::net::UnixStream::pair()?;
    let _udp = std::net::UdpSocket::bind("127.0.0.1:0")?;
    let output = run(&["list", "-a", "--json"])?;
    ensure!(output.status.success(), "{output:?}");
    let mut families = std::collections::BTreeSet::new();
    for (place, line) in output.stdout.split(|&byte| byte == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let value: serde_json::Value = serde_json::from_slice(line)?;
        sockwatch_tests::schema::check(&value)?;
        ensure!(value["seq"] == place + 1, "{value}");
        families.insert(value["family"].as_str().unwrap_or_default().to_owned());
    }
    for family in ["inet", "unix", "netlink"] {
        ensure!(families.contains(family), "{families:?}");
    }
    Ok(())
}

/// As after fork(): two processes hold the same socket.
#[test]
fn a_shared_socket_is_listed_for_each_of_its_holders() -> Result<()> {
    let (shared, other) = std::os::unix::net::UnixStream::pair()?;
    let inode = rustix::fs::fstat(&shared)?.st_ino;
    let mut child = Command::new("cat")
        .stdin(OwnedFd::from(shared.try_clone()?))
        .stdout(Stdio::null())
        .spawn()?;
    let listed = |pid: u32| -> Result<bool> {
        let output = run(&["list", "-xanH", "pid", "=", &pid.to_string()])?;
        ensure!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout)?;
        Ok(text
            .split_whitespace()
            .any(|word| word == inode.to_string()))
    };
    let found = [std::process::id(), child.id()].map(listed);
    // The end of file that it waits for.
    drop((shared, other));
    child.wait()?;
    for found in found {
        ensure!(found?, "not listed");
    }
    Ok(())
}

#[test]
fn a_reader_that_goes_away_ends_a_list_quietly() -> Result<()> {
    let mut child = binary::command(&["list", "-a"])?
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    drop(child.stdout.take());
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    Ok(())
}

#[test]
fn marks_that_cannot_be_seen_are_no_filter() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let output = as_nobody(directory.path(), &["list", "-t", "fwmark", "1"])?.output()?;
    check_failure(&output, 3, &["fwmark", "CAP_NET_ADMIN", "setcap"])
}
