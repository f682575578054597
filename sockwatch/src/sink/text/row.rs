//! Columns, their widths, and rows made of them.

use super::paint::Painter;

/// A column of the live table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Time,
    Netid,
    Transition,
    Local,
    Peer,
    Dwell,
    Process,
    Cause,
    /// Whatever stands behind the columns, or instead of them.
    Rest,
}

impl Column {
    const NAMED: [Self; 8] = [
        Self::Time,
        Self::Netid,
        Self::Transition,
        Self::Local,
        Self::Peer,
        Self::Dwell,
        Self::Process,
        Self::Cause,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Time => "Time",
            Self::Netid => "Netid",
            Self::Transition => "Transition",
            Self::Local => "Local Address:Port",
            Self::Peer => "Peer Address:Port",
            Self::Dwell => "Dwell",
            Self::Process => "Process",
            Self::Cause => "Cause",
            Self::Rest => "",
        }
    }

    /// Enough for every time, netid, pair of states and dwell, every IPv4 address with its port,
    /// and most processes.
    const fn width(self) -> usize {
        match self {
            Self::Time => 15,
            Self::Netid => 5,
            Self::Transition | Self::Local | Self::Peer => 21,
            Self::Dwell => 6,
            Self::Process => 18,
            Self::Cause | Self::Rest => 0,
        }
    }
}

/// Appends the line that names the columns.
pub(super) fn header(out: &mut Vec<u8>) {
    let mut row = Row::begin(out, false);
    for column in Column::NAMED {
        row.cell(column, |p| p.plain(column.name().as_bytes()));
    }
    row.end();
}

/// A line that is being written.
pub(super) struct Row<'o> {
    out: &'o mut Vec<u8>,
    colour: bool,
    begin: usize,
}

impl<'o> Row<'o> {
    /// A new line at the end of `out`.
    pub(super) const fn begin(out: &'o mut Vec<u8>, colour: bool) -> Self {
        let begin = out.len();
        Self { out, colour, begin }
    }

    /// Appends a cell, filled up to the width of its column. One that is too wide pushes the rest of
    /// the line, but a dwell first takes what its neighbour to the left left free.
    pub(super) fn cell(&mut self, column: Column, write: impl FnOnce(&mut Painter<'_>)) {
        if self.out.len() > self.begin {
            self.out.push(b' ');
        }
        let begin = self.out.len();
        write(&mut Painter::new(self.out, self.colour));
        let (width, shown) = (column.width(), visible_width(&self.out[begin..]));
        let spare = width.saturating_sub(shown);
        self.out.resize(self.out.len() + spare, b' ');
        if column == Column::Dwell {
            self.out[begin..].rotate_right(spare);
            let free = self.free_before(begin).min(shown.saturating_sub(width));
            self.out.drain(begin - free..begin);
        }
    }

    /// Blanks before `cell` that its neighbour does not need to be told apart from it.
    fn free_before(&self, cell: usize) -> usize {
        let before = &self.out[self.begin..cell];
        (before.len() - before.trim_ascii_end().len()).saturating_sub(1)
    }

    /// Ends the line, without blanks at its end.
    pub(super) fn end(self) {
        let text = self.out[self.begin..].trim_ascii_end().len();
        self.out.truncate(self.begin + text);
        self.out.push(b'\n');
    }
}

/// Characters that take a place on the screen, in text whose only escape sequences are our own
/// colours.
fn visible_width(text: &[u8]) -> usize {
    let mut width = 0;
    let mut in_colour = false;
    for &byte in text {
        match byte {
            0x1b => in_colour = true,
            b'm' if in_colour => in_colour = false,
            // A continuation byte of UTF-8 belongs to the character before it.
            0x80..=0xbf => {}
            _ if in_colour => {}
            _ => width += 1,
        }
    }
    width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_continuation_bytes_take_no_place() {
        assert_eq!(visible_width("12.3µs".as_bytes()), 6);
        assert_eq!(visible_width(b"\x1b[32mESTAB\x1b[0m"), 5);
        assert_eq!(visible_width("a→m".as_bytes()), 3);
    }

    #[test]
    fn a_long_cell_pushes_the_rest_and_is_not_cut() {
        let mut out = Vec::new();
        let mut row = Row::begin(&mut out, false);
        row.cell(Column::Netid, |p| p.plain(b"far-too-long"));
        row.cell(Column::Dwell, |p| p.plain(b"1ns"));
        row.cell(Column::Process, |p| p.plain(b"x"));
        row.end();
        assert_eq!(String::from_utf8(out).unwrap(), "far-too-long    1ns x\n");
    }

    #[test]
    fn a_long_dwell_takes_free_blanks_before_it_pushes() {
        let line = |netid: &[u8], dwell: &str| {
            let mut out = Vec::new();
            let mut row = Row::begin(&mut out, false);
            row.cell(Column::Netid, |p| p.plain(netid));
            row.cell(Column::Dwell, |p| p.plain(dwell.as_bytes()));
            row.cell(Column::Process, |p| p.plain(b"x"));
            row.end();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(line(b"tcp", "4.56µs"), "tcp   4.56µs x\n");
        assert_eq!(line(b"tcp", "<4.56µs"), "tcp  <4.56µs x\n");
        assert_eq!(line(b"tcp", "<123456789ns"), "tcp <123456789ns x\n");
        assert_eq!(line(b"mptcp", "<4.56µs"), "mptcp <4.56µs x\n");
    }
}
