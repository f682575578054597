//! Options for what `list` shows of a socket behind its columns. A transition has none of it: the live
//! trace takes them, and says so.

use clap::Args;

use crate::sink::rows::DetailOptions;

/// The heading of these options.
pub(super) const HEADING: &str = "Details";

/// What to show behind the columns, with the flags of ss.
#[derive(Clone, Copy, Debug, Args)]
pub(in crate::app) struct DetailArgs {
    /// Show the timer that runs, if any
    #[arg(short = 'o', long = "options", help_heading = HEADING)]
    pub timers: bool,
}

impl DetailArgs {
    /// As the output wants it.
    pub(in crate::app) fn options(self) -> DetailOptions {
        DetailOptions {
            timers: self.timers,
        }
    }
}
