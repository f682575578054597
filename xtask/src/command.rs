//! Running other programs: echoed, checked, never in the background.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// The cargo that started this process, else the one on PATH.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs `command` with inherited output and says first what is run.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let line = show(command);
    eprintln!("+ {line}");
    let status = command.status().with_context(|| line.clone())?;
    if !status.success() {
        bail!("{line}: {status}");
    }
    Ok(())
}

/// Runs `command` and returns its stdout, trimmed; its stderr is shown.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let line = show(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| line.clone())?;
    if !output.status.success() {
        bail!("{line}: {}", output.status);
    }
    let stdout = String::from_utf8(output.stdout).with_context(|| line)?;
    Ok(stdout.trim().to_owned())
}

/// Whether `command` runs and succeeds; its output is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The first file called `name` in the directories of PATH and in the administrator's.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")])
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

/// `program` with what the caller's toolchain left in the environment taken out, so that a build
/// depends on its arguments alone. Settings of the network and of registries stay.
pub(crate) fn isolated(program: &Path) -> Command {
    const KEPT: [&str; 5] = [
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTR",
        "CARGO_SOURCE",
    ];
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        let ours = name.starts_with("CARGO") || name.starts_with("RUST");
        let kept = name == "RUSTUP_HOME" || KEPT.iter().any(|prefix| name.starts_with(prefix));
        if name == "LD_LIBRARY_PATH" || (ours && !kept) {
            command.env_remove(&*name);
        }
    }
    command
}

fn show(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}
