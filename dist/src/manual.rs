//! Manual pages: options from the definitions, the rest from [`prose`](crate::prose).

use std::path::Path;

use clap::Command;
use clap_mangen::Man;
use roff::{Inline, Roff, bold, roman};

use crate::{
    Made,
    prose::{self, Block, Section},
};

/// One page for the program and one for each command.
pub(crate) fn pages(command: &Command) -> anyhow::Result<Vec<Made>> {
    let commands = std::iter::once(command).chain(command.get_subcommands());
    commands.map(page).collect()
}

fn page(command: &Command) -> anyhow::Result<Made> {
    let command = command.clone();
    let usage = usage(&command);
    let man = Man::new(command.clone().override_usage(usage));
    let prose = prose::of(command.get_name());

    let mut bytes = title(&command).into_bytes();
    man.render_name_section(&mut bytes)?;
    man.render_synopsis_section(&mut bytes)?;
    write_sections(prose.before, &mut bytes)?;
    man.render_options_section(&mut bytes)?;
    if command.get_subcommands().next().is_some() {
        man.render_subcommands_section(&mut bytes)?;
    }
    write_sections(prose.behind, &mut bytes)?;
    Ok(Made {
        path: Path::new("man").join(man.get_filename()),
        bytes: tidied(&String::from_utf8(bytes)?).into_bytes(),
    })
}

/// The line that begins a page. Written here because an empty argument, the date, is no argument to
/// the crates below; and a date would be that of the build.
fn title(command: &Command) -> String {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name());
    let version = command.get_version().unwrap_or_default();
    format!(
        ".TH {} 1 \"\" \"sockwatch {version}\"\n",
        name.to_uppercase()
    )
}

/// How it is called, without the word Usage.
fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage:").trim().to_owned()
}

/// The headings of options are sections within OPTIONS, and the preamble that each part brings along is
/// there once.
fn tidied(page: &str) -> String {
    let mut tidy = String::with_capacity(page.len());
    let mut among_options = false;
    let mut preamble: Vec<&str> = Vec::new();
    for line in page.lines() {
        if line.starts_with(".ie ") || line.starts_with(".el ") {
            if preamble.contains(&line) {
                continue;
            }
            preamble.push(line);
        }
        match line.strip_prefix(".SH ") {
            Some("OPTIONS") => among_options = true,
            Some(title) if among_options && !prose::is_title(title) => {
                tidy.push_str(".SS ");
                tidy.push_str(&capitalised(title));
                tidy.push('\n');
                continue;
            }
            Some(_) => among_options = false,
            None => {}
        }
        tidy.push_str(line);
        tidy.push('\n');
    }
    tidy
}

fn capitalised(title: &str) -> String {
    let lower = title.to_lowercase();
    let mut chars = lower.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}

fn write_sections(sections: &[Section], bytes: &mut Vec<u8>) -> anyhow::Result<()> {
    for section in sections {
        let mut roff = Roff::default();
        roff.control("SH", [section.title]);
        for (place, block) in section.blocks.iter().enumerate() {
            write_block(block, place == 0, &mut roff);
        }
        roff.to_writer(bytes)?;
    }
    Ok(())
}

fn write_block(block: &Block, is_first: bool, roff: &mut Roff) {
    // A section begins a paragraph by itself.
    if !is_first && !matches!(block, Block::Item(..)) {
        roff.control("PP", []);
    }
    match *block {
        Block::Text(text) => {
            roff.text(inlines(text));
        }
        Block::Item(tag, text) => {
            roff.control("TP", []);
            roff.text(inlines(tag));
            roff.text(inlines(text));
        }
        Block::Example(what, line) => {
            roff.text(inlines(what));
            roff.control("PP", []);
            roff.control("RS", ["4"]);
            roff.control("EX", []);
            roff.text([roman(line)]);
            roff.control("EE", []);
            roff.control("RE", []);
        }
    }
}

/// What stands between backquotes is bold.
fn inlines(text: &str) -> Vec<Inline> {
    let parts = text
        .split('`')
        .enumerate()
        .filter(|(_, part)| !part.is_empty());
    parts
        .map(|(place, part)| {
            if place % 2 == 0 {
                roman(part)
            } else {
                bold(part)
            }
        })
        .collect()
}
