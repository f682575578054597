//! The program: reads the command line, wires the parts, owns the clock, the signals and the
//! runtime. [`live`] is the trace, [`doctor`] says what is possible here.

mod cli;
mod clock;
mod config;
mod doctor;
mod live;
mod lookup;
mod loss;
pub mod pipeline;
mod privilege;
mod seed;
mod session;

use std::process::ExitCode;

use clap::{Parser as _, error::ErrorKind};

use cli::{Cli, Command};
use config::Config;

use crate::explain::one_line;

/// Why the program ends other than well: what to say, and the exit status.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u8,
    error: anyhow::Error,
}

impl Failure {
    const RUNTIME: u8 = 1;
    const USAGE: u8 = 2;
    const UNSUPPORTED: u8 = 3;

    /// Something went wrong: exit status 1.
    fn runtime(error: impl Into<anyhow::Error>) -> Self {
        Self {
            status: Self::RUNTIME,
            error: error.into(),
        }
    }

    /// Not permitted, or not supported here: exit status 3.
    fn unsupported(error: impl Into<anyhow::Error>) -> Self {
        Self {
            status: Self::UNSUPPORTED,
            error: error.into(),
        }
    }
}

/// Runs the program; the error, if any, goes to standard error in one line.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
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
    let done = match cli.command {
        Some(Command::Doctor) => doctor::run(),
        None => Config::new(cli.live).and_then(live::run),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { status, error }) => {
            eprintln!("sockwatch: {}", one_line(error.as_ref()));
            ExitCode::from(status)
        }
    }
}
