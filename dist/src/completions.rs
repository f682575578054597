//! Completions for shells.

use std::path::Path;

use anyhow::Result;
use clap::Command;
use clap_complete::{Generator as _, Shell};

use crate::{Made, shown};

/// For Linux's shells; the files are called as each of them looks for them.
const SHELLS: [Shell; 4] = [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish];

/// The scripts of a command.
pub(crate) fn scripts(command: &Command) -> Result<Vec<Made>> {
    let mut command = shown::with_vocabulary(command);
    let name = command.get_name().to_owned();
    command.set_bin_name(&name);
    command.build();
    let made = SHELLS.into_iter().map(|shell| {
        let mut bytes = Vec::new();
        shell.try_generate(&command, &mut bytes)?;
        if shell == Shell::Fish {
            bytes.extend(vocabulary_of_fish().into_bytes());
        }
        let path = Path::new("completions").join(shell.file_name(&name));
        Ok(Made { path, bytes })
    });
    made.collect()
}

/// The generator for fish leaves out what stands without an option.
fn vocabulary_of_fish() -> String {
    let words: Vec<_> = sockwatch::filter::vocabulary().collect();
    format!(
        "complete -c sockwatch -n \"not __fish_seen_subcommand_from doctor\" -f -a \"{}\"\n",
        words.join(" ")
    )
}
