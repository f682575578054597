//! `cargo xtask TASK`: hands over to the library. Nothing else.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser as _;
use xtask::cli::Cli;
use xtask::ebpf::wrapper;

fn main() -> ExitCode {
    let outcome = if wrapper::requested() {
        wrapper::exec_rustc()
    } else {
        Cli::parse().run()
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
