//! What stands behind the columns of a row: a file here for each part of it, in the order in which `ss`
//! shows them.

mod timer;

use crate::model::{Ask, Row};

/// What is shown behind the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DetailOptions {
    /// The timer that runs.
    pub timers: bool,
}

impl DetailOptions {
    /// Nothing.
    pub const NONE: Self = Self { timers: false };

    /// Whether anything is.
    pub const fn any(self) -> bool {
        self.timers
    }

    /// What the kernel has to be asked for; its TCP numbers, too, if `numbers`.
    pub fn ask(self, numbers: bool) -> Ask {
        Ask {
            info: numbers,
            ..Ask::default()
        }
    }
}

/// What is known of a socket besides its row.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// Path of its cgroup below the cgroup2 mount.
    pub cgroup: Option<&'a str>,
}

/// Appends it all.
pub(super) fn write(
    out: &mut Vec<u8>,
    row: &Row<'_>,
    _beside: &Beside<'_>,
    options: DetailOptions,
) {
    if let Some(timer) = row.timer.filter(|_| options.timers) {
        timer::write(out, timer);
    }
}
