//! Options for what `list` shows of a socket behind its columns. A transition has none of it: the live
//! trace takes them, and says so.

use clap::Args;

use crate::sink::rows::DetailOptions;

/// What to show behind the columns, with the flags of ss.
#[derive(Clone, Copy, Debug, Args)]
pub(in crate::app) struct DetailArgs {
    /// Show the timer that runs, if any
    #[arg(short = 'o', long = "options", help_heading = "Details")]
    pub timers: bool,
    /// Show the memory that the socket takes, and may take
    #[arg(short = 'm', long, help_heading = "Details")]
    pub memory: bool,
}

impl DetailArgs {
    /// As the output wants it; each socket on one line, if `one_line`.
    pub(in crate::app) fn options(self, one_line: bool) -> DetailOptions {
        DetailOptions {
            timers: self.timers,
            memory: self.memory,
            one_line,
        }
    }
}
