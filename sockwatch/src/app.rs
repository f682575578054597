//! The program: reads the command line, wires the parts, owns the clock, the signals and the
//! runtime. [`live`] is the trace, [`list`] a snapshot, [`doctor`] says what is possible here.

mod cli;
mod clock;
mod config;
mod doctor;
mod errand;
mod list;
mod live;
mod look;
mod lookup;
mod loss;
mod machine;
mod owners;
pub mod pipeline;
mod privilege;
mod seed;
mod session;
mod words;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::error::ErrorKind;
use log::LevelFilter;

use cli::{Cli, Command, LiveArgs, family_words};
use config::{Config, ListConfig};

use crate::explain::one_line;

/// Why the program ends other than well: what to say, and the exit status.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u8,
    said: Said,
}

#[derive(Debug)]
enum Said {
    /// To be said in one line.
    Error(anyhow::Error),
    /// As it is.
    Text(String),
}

impl Failure {
    const RUNTIME: u8 = 1;
    const USAGE: u8 = 2;
    const UNSUPPORTED: u8 = 3;

    fn new(status: u8, error: impl Into<anyhow::Error>) -> Self {
        Self {
            status,
            said: Said::Error(error.into()),
        }
    }

    /// Something went wrong: exit status 1.
    fn runtime(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Self::RUNTIME, error)
    }

    /// The command line asks for what makes no sense: exit status 2.
    fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Self::USAGE, error)
    }

    /// Not permitted, or not supported here: exit status 3.
    fn unsupported(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Self::UNSUPPORTED, error)
    }

    /// The filter makes no sense, and `text` shows where: exit status 2.
    const fn said(text: String) -> Self {
        Self {
            status: Self::USAGE,
            said: Said::Text(text),
        }
    }

    /// The selection contradicts itself. As with `ss`, no failure: exit status 0.
    fn nothing_to_show() -> Self {
        let why = anyhow::anyhow!("no socket tables to show with such a selection");
        Self::new(0, why)
    }

    /// Says it on standard error.
    fn tell(self) -> ExitCode {
        match self.said {
            Said::Error(error) => eprintln!("sockwatch: {}", one_line(error.as_ref())),
            Said::Text(text) => words::say(&text),
        }
        ExitCode::from(self.status)
    }
}

/// Sends log messages to standard error; with `verbose` those for the curious, too.
fn log_to_stderr(verbose: bool) {
    let level = if verbose {
        LevelFilter::Debug
    } else {
        LevelFilter::Warn
    };
    env_logger::Builder::new()
        .filter_level(LevelFilter::Warn)
        .filter_module("sockwatch", level)
        .format(|line, record| writeln!(line, "sockwatch: {}", record.args()))
        .init();
}

/// The command line's definitions, for what is made from them: manual pages, completions.
pub fn command() -> clap::Command {
    cli::command()
}

fn trace(args: LiveArgs) -> Result<(), Failure> {
    Config::new(args).and_then(live::run)
}

/// Runs the program; the error, if any, goes to standard error in one line.
pub fn main() -> ExitCode {
    let cli = match cli::read() {
        Ok(cli) => cli,
        Err(asked)
            if matches!(
                asked.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            ) =>
        {
            // A closed pipe is nobody's error.
            let _closed = asked.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("sockwatch: {}", cli::one_line(&error));
            return ExitCode::from(Failure::USAGE);
        }
    };
    let shared = match &cli.command {
        Some(Command::List(args)) => &args.shared,
        _ => &cli.live.shared,
    };
    if shared.select.families_asked {
        // As above.
        let _closed = writeln!(io::stdout(), "families: {}", family_words());
        return ExitCode::SUCCESS;
    }
    let done = match cli.command {
        Some(Command::Doctor) => doctor::run(),
        Some(Command::List(args)) if args.shared.events => trace(Cli::events(*args).live),
        Some(Command::List(args)) => ListConfig::new(&args).and_then(|config| list::run(&config)),
        None => trace(cli.live),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}
