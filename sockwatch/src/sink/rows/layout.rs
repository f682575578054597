//! Cells into lines: widths, alignment, spare room.
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
    pub(super) fn new(columns: Vec<Column>) -> Self {
        Self {
            widths: columns.iter().map(|column| column.least).collect(),
            columns,
            text: Vec::new(),
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

    /// Appends the lines to `out`, spread over `terminal` columns if they are fewer, and forgets
    /// them. `full` may take what is in `out` after each.
    pub(super) fn render(
        &mut self,
        terminal: Option<usize>,
        out: &mut Vec<u8>,
        mut full: impl FnMut(&mut Vec<u8>),
    ) {
        let widths = self.spread(terminal);
        let mut text = &self.text[..];
        let mut long = self.long.iter();
        for row in self.cells.chunks(self.columns.len()) {
            // Blanks are owed until something follows them: none ends a line.
            let mut owed = 0;
            for ((column, &width), cell) in self.columns.iter().zip(&widths).zip(row) {
                let spare = width - usize::from(cell.width);
                let bytes = match cell.bytes {
                    LONG => long.next().copied().unwrap_or(0),
                    bytes => bytes.into(),
                };
                let (cell_text, behind) = text.split_at(bytes);
                text = behind;
                if column.align == Align::Right {
                    owed += spare;
                }
                if cell.width > 0 {
                    out.resize(out.len() + owed, b' ');
                    owed = 0;
                }
                out.extend_from_slice(cell_text);
                if column.align == Align::Left {
                    owed += spare;
                }
                owed += column.gap;
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

    /// The widths, and what is left of the terminal divided among those columns that are followed by
    /// a gap and another column.
    fn spread(&self, terminal: Option<usize>) -> Vec<usize> {
        let mut widths = self.widths.clone();
        let spreads = |(place, column): (usize, &Column)| {
            (column.gap > 0 && place + 1 < self.columns.len()).then_some(place)
        };
        let places: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .filter_map(spreads)
            .collect();
        let gaps: usize = places.iter().map(|&place| self.columns[place].gap).sum();
        let taken = widths.iter().sum::<usize>() + gaps;
        let Some(mut spare) = terminal.and_then(|wide| wide.checked_sub(taken)) else {
            return widths;
        };
        for (done, &place) in places.iter().enumerate() {
            let share = spare / (places.len() - done);
            widths[place] += share;
            spare -= share;
        }
        widths
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
