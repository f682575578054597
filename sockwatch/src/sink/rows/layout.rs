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

/// A cell: where its text ends, and how wide it is.
#[derive(Clone, Copy, Debug)]
struct Cell {
    end: usize,
    width: usize,
}

/// Cells of whole rows, one after the other.
#[derive(Debug)]
pub(super) struct Block {
    columns: Vec<Column>,
    text: Vec<u8>,
    cells: Vec<Cell>,
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
        }
    }

    /// Adds the next cell, which is what `write` appends: UTF-8 without control characters.
    pub(super) fn cell(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let begin = self.text.len();
        write(&mut self.text);
        let width = width(&self.text[begin..]);
        let column = self.cells.len() % self.columns.len();
        self.widths[column] = self.widths[column].max(width);
        self.cells.push(Cell {
            end: self.text.len(),
            width,
        });
    }

    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Appends the lines to `out`, spread over `terminal` columns if they are fewer, and forgets
    /// them.
    pub(super) fn render(&mut self, terminal: Option<usize>, out: &mut Vec<u8>) {
        let widths = self.spread(terminal);
        let mut begin = 0;
        for row in self.cells.chunks(self.columns.len()) {
            // Blanks are owed until something follows them: none ends a line.
            let mut owed = 0;
            for ((column, &width), cell) in self.columns.iter().zip(&widths).zip(row) {
                let spare = width - cell.width;
                if column.align == Align::Right {
                    owed += spare;
                }
                if cell.width > 0 {
                    out.resize(out.len() + owed, b' ');
                    owed = 0;
                    out.extend_from_slice(&self.text[begin..cell.end]);
                }
                begin = cell.end;
                if column.align == Align::Left {
                    owed += spare;
                }
                owed += column.gap;
            }
            while out.last() == Some(&b' ') {
                out.pop();
            }
            out.push(b'\n');
        }
        self.text.clear();
        self.cells.clear();
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

/// Characters of a text. Wide ones count as one: a terminal's idea of them is not known.
fn width(text: &[u8]) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    String::from_utf8_lossy(text).chars().count()
}
