//! What the quick pass reads at a time: all rows of some intents that follow each other in the order of their ids.

use super::cells::{Cells, Line};

/// A table as it is swept: its columns, the one with the intent's id, and the order.
#[derive(Debug, Clone, Copy)]
pub(in crate::sql) struct Table {
    /// All columns in the table's own order, as a statement names them.
    pub(in crate::sql) columns: &'static str,
    pub(in crate::sql) from: &'static str,
    /// The name of the column with the id, and its place among the columns.
    pub(in crate::sql) key: &'static str,
    pub(in crate::sql) place: usize,
    /// The order among the rows of one intent, with a comma before it where there is one.
    pub(in crate::sql) then: &'static str,
    /// The index that SQLite reads it by.
    pub(in crate::sql) by: &'static str,
    pub(in crate::sql) width: usize,
    /// About how many rows of it come together.
    pub(in crate::sql) rows: usize,
}

/// The swept tables, in the order in which [`Round`] has them.
pub(in crate::sql) const TABLES: [Table; 4] = [
    Table {
        columns: "seq, intent, version, at, name, format, body, attached, prev, hash",
        from: "journal",
        key: "intent",
        place: 1,
        then: ", version",
        by: "sqlite_autoindex_journal_1",
        width: 10,
        rows: 800,
    },
    // This order is that of `columns::columns_of` too.
    Table {
        columns: "id, reversed, version, first_seq, last_seq, created_at, updated_at, repository, kind, title, \
                  fingerprint, file, rule, phase, status, live, unfinished, provider, suggestion, branch, billed, \
                  imputed, files, added, deleted, confidence, agent",
        from: "intents",
        key: "id",
        place: 0,
        then: "",
        by: "sqlite_autoindex_intents_1",
        width: 27,
        rows: 300,
    },
    Table {
        columns: "suggestion, intent, attempt",
        from: "suggestions",
        key: "intent",
        place: 1,
        then: ", attempt, suggestion",
        by: "suggestions_intent",
        width: 3,
        rows: 30,
    },
    Table {
        columns: "intent, attempt, provider, agent, at, day, month, state, amount, counted, billed, imputed, basis, \
                  prompt_tokens, completion_tokens, week, requests, lease_until",
        from: "ledger",
        key: "intent",
        place: 0,
        then: ", attempt",
        by: "sqlite_autoindex_ledger_1",
        width: 18,
        rows: 30,
    },
];

impl Table {
    /// The place of a column.
    pub(in crate::sql) fn place_of(&self, name: &str) -> Option<usize> {
        self.columns.split(", ").position(|column| column == name)
    }
}

/// The rows of some intents: whatever any table holds of them.
#[derive(Debug)]
pub(in crate::sql) struct Round {
    pub(in crate::sql) tables: [Cells; TABLES.len()],
    /// The numbers that SQLite gives to the rows of each table; without rows on a server.
    pub(in crate::sql) rowids: [Vec<i64>; TABLES.len()],
}

/// All rows of one intent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'r> {
    pub(super) id: &'r str,
    round: &'r Round,
    /// For each table, where the rows begin and end.
    ranges: [(usize, usize); 4],
}

impl Round {
    /// Without rows.
    pub(in crate::sql) fn new() -> Self {
        Self {
            tables: TABLES.map(|table| Cells::new(table.width, table.rows)),
            rowids: [const { Vec::new() }; TABLES.len()],
        }
    }

    /// Without rows again: the room for them is used for the next ones.
    pub(super) fn clear(&mut self) {
        self.tables.iter_mut().for_each(Cells::clear);
        self.rowids.iter_mut().for_each(Vec::clear);
    }

    /// The rows intent by intent. `None` when they are not in the order of ids, or an id is no text: the database does not
    /// agree with itself.
    pub(super) fn by_intent(&self) -> Option<Vec<Rows<'_>>> {
        let mut all = Vec::new();
        let mut at = [0; 4];
        let mut last: Option<&str> = None;
        loop {
            let heads = self.heads(at)?;
            let Some(id) = heads.into_iter().flatten().min() else { return Some(all) };
            if last.is_some_and(|last| last >= id) {
                return None;
            }
            let mut ranges = [(0, 0); 4];
            for (table, cells) in self.tables.iter().enumerate() {
                let start = at[table];
                while at[table] < cells.len() && cells.line(at[table]).text(TABLES[table].place) == Some(id) {
                    at[table] += 1;
                }
                ranges[table] = (start, at[table]);
            }
            all.push(Rows { id, round: self, ranges });
            last = Some(id);
        }
    }

    /// The next row's id in each table that has one more; `None` when one is no text.
    fn heads(&self, at: [usize; 4]) -> Option<[Option<&str>; 4]> {
        let mut heads = [None; 4];
        for (table, cells) in self.tables.iter().enumerate() {
            if at[table] < cells.len() {
                heads[table] = Some(cells.line(at[table]).text(TABLES[table].place)?);
            }
        }
        Some(heads)
    }
}

impl<'r> Rows<'r> {
    fn of(&self, table: usize) -> impl ExactSizeIterator<Item = Line<'r>> + use<'r> {
        let (round, (start, end)) = (self.round, self.ranges[table]);
        (start..end).map(move |place| round.tables[table].line(place))
    }

    pub(super) fn journal(&self) -> impl ExactSizeIterator<Item = Line<'r>> + use<'r> {
        self.of(0)
    }

    pub(super) fn intents(&self) -> impl ExactSizeIterator<Item = Line<'r>> + use<'r> {
        self.of(1)
    }

    pub(super) fn suggestions(&self) -> impl ExactSizeIterator<Item = Line<'r>> + use<'r> {
        self.of(2)
    }

    pub(super) fn ledger(&self) -> impl ExactSizeIterator<Item = Line<'r>> + use<'r> {
        self.of(3)
    }
}
