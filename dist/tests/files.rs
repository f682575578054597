//! What is written is complete, the same each time, and taken by the tools it is for.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use clap::Arg;

/// The files by their names, and what is in them.
fn written() -> Result<BTreeMap<String, String>> {
    let directory = tempfile::tempdir()?;
    let paths = sockwatch_dist::write(directory.path())?;
    let read = |path: &std::path::PathBuf| -> Result<(String, String)> {
        let name = path.strip_prefix(directory.path())?.to_str();
        let text = fs::read_to_string(path)?;
        Ok((name.context("a name of ours")?.to_owned(), text))
    };
    paths.iter().map(read).collect()
}

/// The options of a command that `--help` shows, as a person types them.
fn options(command: &clap::Command) -> Vec<String> {
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let typed = |arg: &Arg| {
        let long = arg.get_long().map(|long| format!("--{long}"));
        long.or_else(|| arg.get_short().map(|short| format!("-{short}")))
    };
    shown.filter_map(typed).collect()
}

#[test]
fn every_option_that_is_shown_is_in_its_page_and_in_every_script() -> Result<()> {
    let files = written()?;
    let mut command = sockwatch::app::command();
    command.build();
    let commands: Vec<_> = std::iter::once(&command)
        .chain(command.get_subcommands())
        .collect();
    ensure!(commands.len() == 3);
    for command in commands {
        let name = command.get_display_name().unwrap_or("sockwatch");
        let page = files.get(&format!("man/{name}.1")).context("no page")?;
        let options = options(command);
        ensure!(options.len() >= 2, "{name}: {options:?}");
        for option in options {
            let escaped = option.replace('-', "\\-");
            ensure!(page.contains(&escaped), "{name}: no {option}");
            let bare = option.trim_start_matches('-');
            for (file, script) in files.iter().filter(|(file, _)| file.starts_with("comp")) {
                ensure!(script.contains(bare), "{file}: no {option}");
            }
        }
    }
    Ok(())
}

#[test]
fn what_is_hidden_is_nowhere() -> Result<()> {
    let files = written()?;
    let command = sockwatch::app::command();
    // The live trace takes it, to say that it is not traced.
    let hidden = command.get_arguments().filter(|arg| arg.is_hide_set());
    let udp = hidden.into_iter().find(|arg| arg.get_id() == "udp");
    ensure!(udp.is_some(), "-u is not hidden");
    ensure!(!files["man/sockwatch.1"].contains("\\-\\-udp"));
    ensure!(files["man/sockwatch-list.1"].contains("\\-\\-udp"));
    Ok(())
}

#[test]
fn pages_have_their_sections() -> Result<()> {
    let files = written()?;
    for (page, sections) in [
        (
            "man/sockwatch.1",
            &[
                "NAME",
                "SYNOPSIS",
                "DESCRIPTION",
                "OPTIONS",
                "COMMANDS",
                "FILTER",
                "EXIT STATUS",
                "ENVIRONMENT",
                "EXAMPLES",
                "SEE ALSO",
            ][..],
        ),
        (
            "man/sockwatch-list.1",
            &[
                "NAME",
                "SYNOPSIS",
                "OPTIONS",
                "FILTER",
                "EXIT STATUS",
                "EXAMPLES",
                "SEE ALSO",
            ],
        ),
        (
            "man/sockwatch-doctor.1",
            &["NAME", "SYNOPSIS", "OPTIONS", "EXIT STATUS", "SEE ALSO"],
        ),
    ] {
        let titles: Vec<_> = files[page]
            .lines()
            .filter_map(|line| line.strip_prefix(".SH "))
            .map(|title| title.trim_matches('"'))
            .collect();
        let mut rest = titles.iter();
        for section in sections {
            ensure!(rest.any(|title| title == section), "{page}: {titles:?}");
        }
    }
    Ok(())
}

#[test]
fn the_same_sources_give_the_same_bytes() -> Result<()> {
    ensure!(written()? == written()?);
    Ok(())
}

/// Words that bash offers for the last of `words`.
fn completed(script: &Path, words: &str) -> Result<Vec<String>> {
    let mut words: Vec<_> = words.split(' ').collect();
    let asked = "source \"$1\" && complete -p sockwatch >&2 && shift &&
        COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1)) &&
        _sockwatch sockwatch \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\" &&
        printf '%s\\n' \"${COMPREPLY[@]}\"";
    let output = Command::new("bash")
        .args(["-c", asked, "bash"])
        .arg(script)
        .args(words.drain(..))
        .output()
        .context("bash")?;
    ensure!(output.status.success(), "{output:?}");
    Ok(String::from_utf8(output.stdout)?
        .lines()
        .map(str::to_owned)
        .collect())
}

#[test]
fn bash_completes_commands_options_and_words_of_filters() -> Result<()> {
    let directory = tempfile::tempdir()?;
    sockwatch_dist::write(directory.path())?;
    let script = directory.path().join("completions/sockwatch.bash");
    for (words, offered) in [
        ("sockwatch do", "doctor"),
        ("sockwatch --sn", "--snapshot"),
        ("sockwatch list --num", "--numeric"),
        ("sockwatch list -t stat", "state"),
        ("sockwatch list -t state estab", "established"),
        ("sockwatch --on le", "leave"),
    ] {
        let completed = completed(&script, words)?;
        ensure!(completed == [offered], "{words}: {completed:?}");
    }
    Ok(())
}
