//! The filter of the command line: reads the file of `-F`, looks names up, parses, and says what is
//! wrong.

use std::{
    fs::File,
    io::{self, Read, Write as _},
    path::Path,
};

use anyhow::anyhow;

use super::{
    Failure,
    cli::{Command, SharedArgs},
    config::wants_colour,
    machine::Machine,
};
use crate::{
    filter::{Context, Filter, FilterFile, Source, Tables, parse},
    source::diag::netns::Netns,
};

/// Most that is read of a filter file, bytes. A filter that a kernel could take is shorter.
const FILE_MAX: u64 = 1 << 20;

/// The filter in `args`; `netns` is the namespace in which its devices are. Warnings go to standard
/// error.
pub(super) fn read(
    args: &SharedArgs,
    tables: &Tables,
    netns: Option<&Netns>,
) -> Result<Filter, Failure> {
    let file = match args.filter.as_slice() {
        [] => None,
        [file] => Some(read_file(file)?),
        _ => {
            return Err(Failure::usage(anyhow!(
                "more than one filter file; -F can be given once"
            )));
        }
    };
    let source = Source {
        words: &args.words,
        file: file.as_ref().map(|(name, text)| FilterFile { name, text }),
    };
    let context = Context {
        tables: tables.netids.clone(),
        preferred: tables.preferred,
    };
    let colour = wants_colour(args.color, &io::stderr());
    match parse(&source, &context, &mut Machine::new(netns)) {
        Ok(filter) => {
            for warning in &filter.warnings {
                say(&warning.render(colour));
            }
            Ok(filter)
        }
        Err(error) => {
            let mut said = error.render(colour);
            if let Some(command) = meant(&args.words) {
                let hint = format!("\nsockwatch: did you mean `sockwatch {command}`?");
                said.truncate(said.trim_end().len());
                said.push_str(&hint);
            }
            Err(Failure::said(said))
        }
    }
}

/// Prints text that may have several lines.
pub(super) fn say(text: &str) {
    let _closed = writeln!(io::stderr(), "{}", text.trim_end());
}

/// The command that a word stands for: it would have to come first.
fn meant(words: &[String]) -> Option<&'static str> {
    words.first().and_then(|word| Command::like(word))
}

/// The name, for messages, and the text of a filter file.
fn read_file(path: &Path) -> Result<(String, String), Failure> {
    // As in ss, a name that looks like an option is standard input.
    let is_stdin = path.as_os_str().as_encoded_bytes().starts_with(b"-");
    let name = if is_stdin {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    let mut bytes = Vec::new();
    let read = if is_stdin {
        io::stdin()
            .lock()
            .take(FILE_MAX + 1)
            .read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(FILE_MAX + 1).read_to_end(&mut bytes))
    };
    if let Err(error) = read {
        let error = anyhow!(error).context(format!("cannot read the filter in {name}"));
        return Err(Failure::usage(error));
    }
    if bytes.len() as u64 > FILE_MAX {
        return Err(Failure::usage(anyhow!(
            "the filter in {name} is too long: at most {FILE_MAX} bytes"
        )));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok((name, text)),
        Err(error) => {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = good.split(|&byte| byte == b'\n').count();
            Err(Failure::usage(anyhow!(
                "the filter in {name} is not UTF-8: line {line}"
            )))
        }
    }
}
