//! The `sockwatch` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    sockwatch::app::main()
}
