//! Cells into lines: widths, alignment, spare room, and lines that a terminal is too narrow for.
//!
//! Knows nothing of sockets.

/// A column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// What the header calls it.
    pub(super) name: &'static str,
    pub(super) align: Align,
    /// Width at least, characters.
    pub(super) least: usize,
    /// Blanks behind it.
    pub(super) gap: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A cell: how many bytes its text has, and how many characters. Seven of them make a row, so they
/// are small.
#[derive(Clone, Copy, Debug)]
struct Cell {
    /// [`LONG`] where there are as many or more.
    bytes: u16,
    /// No more than can be counted.
    width: u16,
}

/// The length of such a cell stands elsewhere. Only a last column can be so long: thousands of
/// processes may hold one socket.
const LONG: u16 = u16::MAX;

/// Cells of whole rows, one after the other.
#[derive(Debug)]
pub(super) struct Block {
    columns: Vec<Column>,
    text: Vec<u8>,
    cells: Vec<Cell>,
    /// Bytes of the cells that are [`LONG`], in order.
    long: Vec<usize>,
    /// The widest cell of each column.
    widths: Vec<usize>,
}

impl Block {
    /// With room for `bytes`, of which only what is used takes memory.
    pub(super) fn new(columns: Vec<Column>, bytes: usize) -> Self {
        Self {
            widths: columns.iter().map(|column| column.least).collect(),
            columns,
            text: Vec::with_capacity(bytes),
            cells: Vec::new(),
            long: Vec::new(),
        }
    }

    /// Adds the next cell, which is what `write` appends: UTF-8 without control characters, but that
    /// in the last column of a row lines may follow, which are put out as they are.
    pub(super) fn cell(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let begin = self.text.len();
        write(&mut self.text);
        let length = self.text.len() - begin;
        let bytes = u16::try_from(length).unwrap_or(LONG);
        if bytes == LONG {
            self.long.push(length);
        }
        let width = width(first_line(&self.text[begin..]));
        let width = u16::try_from(width).unwrap_or(u16::MAX);
        let column = self.cells.len() % self.columns.len();
        self.widths[column] = self.widths[column].max(width.into());
        self.cells.push(Cell { bytes, width });
    }

    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Appends the lines to `out`, each over as many whole lines of a terminal of `terminal` columns as it
    /// takes, and forgets them. `full` may take what is in `out` after each.
    pub(super) fn render(
        &mut self,
        terminal: Option<usize>,
        out: &mut Vec<u8>,
        mut full: impl FnMut(&mut Vec<u8>),
    ) {
        let blanks = self.blanks(terminal);
        let mut text = &self.text[..];
        let mut long = self.long.iter();
        for row in self.cells.chunks(self.columns.len()) {
            // Blanks are owed until something follows them: none ends a line.
            let mut owed = 0;
            for (place, cell) in row.iter().enumerate() {
                let align = self.columns[place].align;
                let spare = self.widths[place] - usize::from(cell.width);
                let bytes = match cell.bytes {
                    LONG => long.next().copied().unwrap_or(0),
                    bytes => bytes.into(),
                };
                let (cell_text, behind) = text.split_at(bytes);
                text = behind;
                if align == Align::Right {
                    owed += spare;
                }
                if cell.width > 0 {
                    out.resize(out.len() + owed, b' ');
                    owed = 0;
                }
                out.extend_from_slice(cell_text);
                if align == Align::Left {
                    owed += spare;
                }
                owed += blanks[place];
            }
            while out.last() == Some(&b' ') {
                out.pop();
            }
            out.push(b'\n');
            full(out);
        }
        self.text.clear();
        self.cells.clear();
        self.long.clear();
        self.widths = self.columns.iter().map(|column| column.least).collect();
    }

    /// Blanks behind each column. Columns that follow each other without a gap belong together: what
    /// does not fit into what is left of a line of the terminal begins the next one, and spare room is
    /// divided among the gaps of a line. Only what is wider than a whole line is broken.
    fn blanks(&self, terminal: Option<usize>) -> Vec<usize> {
        let mut blanks: Vec<usize> = self.columns.iter().map(|column| column.gap).collect();
        let Some(terminal) = terminal.filter(|&columns| columns > 0) else {
            return blanks;
        };
        // No blank ends a row.
        let last = self.columns.len().saturating_sub(1);
        let mut line = Line::default();
        let mut width = 0;
        for (place, column) in self.columns.iter().enumerate() {
            width += self.widths[place];
            if column.gap == 0 && place != last {
                continue;
            }
            width += if place == last { 0 } else { column.gap };
            if line.used > 0 && line.used + width > terminal {
                line.spread(terminal, &mut blanks);
                line = Line::default();
            }
            line.add(place, width, terminal);
            width = 0;
        }
        line.ends.pop();
        line.spread(terminal, &mut blanks);
        blanks
    }
}

/// A line of the terminal.
#[derive(Default)]
struct Line {
    /// Characters taken, gaps included.
    used: usize,
    /// The last columns of those that belong together.
    ends: Vec<usize>,
}

impl Line {
    /// Adds columns that belong together, and end with the one at `place`.
    fn add(&mut self, place: usize, width: usize, terminal: usize) {
        self.used += width;
        if self.used > terminal {
            // Wider than a line, so it is the first here: it goes on, and what counts is its end.
            self.used = (self.used - 1) % terminal + 1;
        }
        self.ends.push(place);
    }

    /// Divides what is left among the gaps behind these.
    fn spread(&self, terminal: usize, blanks: &mut [usize]) {
        let mut spare = terminal - self.used;
        for (done, &place) in self.ends.iter().enumerate() {
            let share = spare / (self.ends.len() - done);
            blanks[place] += share;
            spare -= share;
        }
    }
}

/// What stands in the row itself.
fn first_line(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|&byte| byte == b'\n');
    &text[..end.unwrap_or(text.len())]
}

/// Characters of a text. Wide ones count as one: a terminal's idea of them is not known.
fn width(text: &[u8]) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    String::from_utf8_lossy(text).chars().count()
}

#[cfg(test)]
mod tests;
