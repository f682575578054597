//! What stands behind the columns of a row: a file here for each part of it, in the order in which `ss`
//! shows them.

mod memory;
mod timer;

use crate::model::{Ask, Row};

/// What is shown behind the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DetailOptions {
    /// The timer that runs.
    pub timers: bool,
    /// Memory, on a line of its own.
    pub memory: bool,
    /// No lines of its own for anything.
    pub one_line: bool,
}

impl DetailOptions {
    /// Nothing.
    pub const NONE: Self = Self {
        timers: false,
        memory: false,
        one_line: false,
    };

    /// Whether anything is.
    pub const fn any(self) -> bool {
        self.timers || self.memory
    }

    /// What the kernel has to be asked for; its TCP numbers, too, if `numbers`.
    pub fn ask(self, numbers: bool) -> Ask {
        Ask {
            memory: self.memory,
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
    let mut parts = Parts::new(out, options.one_line);
    if let Some(timer) = row.timer.filter(|_| options.timers) {
        timer::write(parts.next(), timer);
    }
    if options.memory {
        parts.line();
        if let Some(memory) = &row.memory {
            memory::write(parts.next(), memory);
        }
    }
}

/// Parts, with a blank between them, over one line or several.
struct Parts<'o> {
    out: &'o mut Vec<u8>,
    one_line: bool,
    /// Nothing was written yet.
    first: bool,
}

impl<'o> Parts<'o> {
    fn new(out: &'o mut Vec<u8>, one_line: bool) -> Self {
        Self {
            out,
            one_line,
            first: true,
        }
    }

    /// Where the next part goes.
    fn next(&mut self) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b' ');
        }
        self.out
    }

    /// Begins a line that belongs to the one above, unless all goes on one. It begins with a tab,
    /// like those of `ss`, which scripts look for; it is there even if nothing follows.
    fn line(&mut self) {
        if !self.one_line {
            self.out.extend_from_slice(b"\n\t");
            self.first = false;
        }
    }
}
