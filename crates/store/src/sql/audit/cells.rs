//! Rows as the quick pass of the audit holds them: many of them in three allocations, whatever database they come from.
//! Drivers fill them; nothing here knows what the columns mean.

use std::ops::Range;

use crate::columns::Value;

/// Rows with more bytes than this are not judged quickly: somebody planted what no intent has.
const MOST: usize = 64 << 20;

/// At most this much of each sort of room is kept for other rows.
const KEPT: usize = 2 << 20;

/// About how many bytes of text a column holds.
const TEXT: usize = 32;

/// What one column of one row holds, in its own type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sql) enum Cell<'a> {
    Null,
    Number(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// Nothing that we ever write: a float, text that is no UTF-8.
    Other,
}

/// The same, with text and bytes by their place.
#[derive(Debug, Clone)]
enum Stored {
    Null,
    Number(i64),
    Text(Range<usize>),
    Bytes(Range<usize>),
    Other,
}

/// Rows of one statement, all with the same number of columns.
#[derive(Debug)]
pub(in crate::sql) struct Cells {
    width: usize,
    cells: Vec<Stored>,
    text: String,
    bytes: Vec<u8>,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(in crate::sql) struct Line<'a> {
    cells: &'a [Stored],
    all: &'a Cells,
}

impl Cells {
    /// No rows yet, for rows of this many columns, with room for about so many of them and for their text.
    pub(in crate::sql) fn new(width: usize, rows: usize) -> Self {
        let text = String::with_capacity(rows * width * TEXT);
        Self { width, cells: Vec::with_capacity(rows * width), text, bytes: Vec::new() }
    }

    /// Without rows again, and with the room that it has.
    pub(in crate::sql) fn clear(&mut self) {
        self.cells.clear();
        self.text.clear();
        self.bytes.clear();
        self.text.shrink_to(KEPT);
        self.bytes.shrink_to(KEPT);
        self.cells.shrink_to(KEPT / size_of::<Stored>());
    }

    /// Adds the next column of the row that is being added.
    #[inline]
    pub(in crate::sql) fn push(&mut self, cell: Cell<'_>) {
        self.cells.push(match cell {
            Cell::Null => Stored::Null,
            Cell::Number(number) => Stored::Number(number),
            Cell::Text(text) => {
                let start = self.text.len();
                self.text.push_str(text);
                Stored::Text(start..self.text.len())
            }
            Cell::Bytes(bytes) => {
                let start = self.bytes.len();
                self.bytes.extend_from_slice(bytes);
                Stored::Bytes(start..self.bytes.len())
            }
            Cell::Other => Stored::Other,
        });
    }

    /// About how many bytes they take.
    pub(in crate::sql) fn size(&self) -> usize {
        self.text.len() + self.bytes.len() + self.cells.len() * size_of::<Stored>()
    }

    /// Whether they are more than any round that we write would have.
    pub(in crate::sql) fn is_too_big(&self) -> bool {
        self.size() > MOST
    }

    /// How many columns a row has.
    #[cfg(test)]
    pub(in crate::sql) fn width(&self) -> usize {
        self.width
    }

    /// How many rows.
    pub(in crate::sql) fn len(&self) -> usize {
        self.cells.len() / self.width
    }

    /// The row at this place.
    pub(in crate::sql) fn line(&self, place: usize) -> Line<'_> {
        Line { cells: &self.cells[place * self.width..][..self.width], all: self }
    }

    /// All rows.
    pub(in crate::sql) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        (0..self.len()).map(|place| self.line(place))
    }
}

impl<'a> Line<'a> {
    /// What a column holds.
    pub(in crate::sql) fn cell(&self, column: usize) -> Cell<'a> {
        match &self.cells[column] {
            Stored::Null => Cell::Null,
            Stored::Number(number) => Cell::Number(*number),
            Stored::Text(range) => Cell::Text(&self.all.text[range.clone()]),
            Stored::Bytes(range) => Cell::Bytes(&self.all.bytes[range.clone()]),
            Stored::Other => Cell::Other,
        }
    }

    /// A column's number, when it is one.
    pub(in crate::sql) fn number(&self, column: usize) -> Option<i64> {
        match self.cell(column) {
            Cell::Number(number) => Some(number),
            _ => None,
        }
    }

    /// A column's text, when it is text.
    pub(in crate::sql) fn text(&self, column: usize) -> Option<&'a str> {
        match self.cell(column) {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A column's bytes, when they are.
    pub(in crate::sql) fn bytes(&self, column: usize) -> Option<&'a [u8]> {
        match self.cell(column) {
            Cell::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Whether a column holds exactly this, in its type too.
    pub(in crate::sql) fn holds(&self, column: usize, value: &Value<'_>) -> bool {
        match (self.cell(column), value) {
            (Cell::Null, Value::Number(None) | Value::Text(None)) => true,
            (Cell::Number(found), Value::Number(Some(wanted))) => found == *wanted,
            (Cell::Text(found), Value::Text(Some(wanted))) => found == wanted,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cell_is_read_as_it_was_added_and_types_are_told_apart() {
        let row =
            [Cell::Text("é"), Cell::Null, Cell::Number(-3), Cell::Bytes(b"5"), Cell::Other, Cell::Text("5")];
        let mut cells = Cells::new(6, 2);
        for cell in row.iter().chain(row.iter().rev()) {
            cells.push(*cell);
        }
        assert_eq!(cells.len(), 2);
        for (place, cell) in row.into_iter().enumerate() {
            assert_eq!((cells.line(0).cell(place), cells.line(1).cell(5 - place)), (cell, cell));
        }
        let line = cells.line(0);
        assert_eq!((line.number(2), line.number(3), line.number(5)), (Some(-3), None, None));
        assert!(line.holds(5, &"5".into()) && !line.holds(3, &"5".into()) && !line.holds(5, &5_i64.into()));
        assert!(line.holds(1, &Value::Number(None)) && !line.holds(0, &Value::Text(None)));
        cells.clear();
        assert_eq!((cells.len(), cells.size()), (0, 0));
    }
}
