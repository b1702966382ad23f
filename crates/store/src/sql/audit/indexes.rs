//! The indexes of the swept tables, on SQLite: each is read once, in its own order, and compared with the rows that the
//! sweep reads anyway, by sums of hashes under a key of this run. So it is known that each row has its entry, that no
//! entry is without its row, that the order is right and that nothing is twice where it may not be.

use std::cmp::Ordering;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use super::cells::{Cell, Cells, Line};
use super::round::TABLES;

/// An index of a swept table.
#[derive(Debug, Clone, Copy)]
pub(in crate::sql) struct Index {
    pub(in crate::sql) name: &'static str,
    /// The place of its table in [`TABLES`].
    pub(in crate::sql) table: usize,
    pub(in crate::sql) columns: &'static [&'static str],
    pub(in crate::sql) unique: bool,
    /// Which rows it has: those that meet all of these conditions.
    pub(in crate::sql) only: &'static [(&'static str, Only)],
}

/// What a column has to hold for its row to be in a partial index.
#[derive(Debug, Clone, Copy)]
pub(in crate::sql) enum Only {
    /// The number 1.
    One,
    /// Anything.
    Some,
    /// This text.
    Is(&'static str),
}

/// How many columns an index may have here.
const COLUMNS: usize = 3;

/// All indexes of the swept tables.
pub(in crate::sql) const INDEXES: [Index; 24] = [
    unique("sqlite_autoindex_journal_1", 0, &["intent", "version"]),
    unique("sqlite_autoindex_intents_1", 1, &["id"]),
    unique("sqlite_autoindex_intents_2", 1, &["reversed"]),
    unique("sqlite_autoindex_intents_3", 1, &["first_seq"]),
    Index {
        unique: true,
        ..partial(
            "intents_live_finding",
            1,
            &["repository", "fingerprint"],
            &[("live", Only::One), ("fingerprint", Only::Some)],
        )
    },
    partial("intents_agent", 1, &["agent", "first_seq"], &[]),
    partial("intents_status", 1, &["status", "first_seq"], &[]),
    partial("intents_phase", 1, &["phase", "first_seq"], &[]),
    partial("intents_kind", 1, &["kind", "first_seq"], &[]),
    partial("intents_file", 1, &["file", "first_seq"], &[("file", Only::Some)]),
    partial("intents_rule", 1, &["rule", "first_seq"], &[("rule", Only::Some)]),
    partial("intents_repository", 1, &["repository", "first_seq"], &[]),
    partial("intents_created", 1, &["created_at", "first_seq"], &[]),
    partial("intents_agent_status", 1, &["agent", "status", "first_seq"], &[("agent", Only::Some)]),
    partial("intents_repository_status", 1, &["repository", "status", "first_seq"], &[]),
    partial("intents_repository_agent", 1, &["repository", "agent", "first_seq"], &[("agent", Only::Some)]),
    partial("intents_rule_status", 1, &["rule", "status", "first_seq"], &[("rule", Only::Some)]),
    partial("intents_live", 1, &["first_seq"], &[("live", Only::One)]),
    partial("intents_unfinished", 1, &["first_seq"], &[("unfinished", Only::One)]),
    unique("sqlite_autoindex_suggestions_1", 2, &["suggestion"]),
    partial("suggestions_intent", 2, &["intent"], &[]),
    unique("sqlite_autoindex_ledger_1", 3, &["intent", "attempt"]),
    partial("ledger_at", 3, &["at"], &[]),
    partial("ledger_open", 3, &["at"], &[("state", Only::Is("open"))]),
];

const _: () = {
    let mut at = 0;
    while at < INDEXES.len() {
        assert!(INDEXES[at].columns.len() <= COLUMNS);
        at += 1;
    }
};

const fn unique(name: &'static str, table: usize, columns: &'static [&'static str]) -> Index {
    Index { name, table, columns, unique: true, only: &[] }
}

const fn partial(
    name: &'static str,
    table: usize,
    columns: &'static [&'static str],
    only: &'static [(&'static str, Only)],
) -> Index {
    Index { name, table, columns, unique: false, only }
}

impl Index {
    /// The name of its table.
    pub(in crate::sql) fn table(&self) -> &'static str {
        TABLES[self.table].from
    }

    /// The condition that a statement has to have to use it; nothing where it has all rows.
    pub(in crate::sql) fn condition(&self) -> String {
        if self.only.is_empty() { String::new() } else { format!(" WHERE {}", condition(self.only)) }
    }
}

/// The condition of a partial index, as the migrations write it.
fn condition(only: &[(&str, Only)]) -> String {
    let terms = only.iter().map(|(column, only)| match only {
        Only::One => format!("{column} = 1"),
        Only::Some => format!("{column} IS NOT NULL"),
        Only::Is(text) => format!("{column} = '{text}'"),
    });
    terms.collect::<Vec<_>>().join(" AND ")
}

/// What the entries of an index add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::sql) struct Sum {
    pub(in crate::sql) entries: u64,
    /// How many bytes they take as records in SQLite's format, when nothing is in them but their columns.
    pub(in crate::sql) bytes: u64,
    /// The sum of their hashes; who does not know the key cannot make other entries with the same sum.
    keyed: u64,
}

/// The sums of [`INDEXES`], in that order.
pub(in crate::sql) type Sums = [Sum; INDEXES.len()];

/// Adds sums to sums.
pub(super) fn add(sums: &mut Sums, more: &Sums) {
    for (sum, more) in sums.iter_mut().zip(more) {
        sum.add(more.entries, more.bytes, more.keyed);
    }
}

impl Sum {
    pub(in crate::sql) const BYTES: usize = 24;

    /// As a statement gives it.
    pub(in crate::sql) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        for (place, number) in bytes.chunks_mut(8).zip([self.entries, self.bytes, self.keyed]) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// What [`Self::to_bytes`] gave.
    pub(in crate::sql) fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let numbers = bytes.as_chunks().0;
        let [entries, bytes, keyed] = [0, 1, 2].map(|at| u64::from_le_bytes(numbers[at]));
        Self { entries, bytes, keyed }
    }

    fn add(&mut self, entries: u64, bytes: u64, keyed: u64) {
        self.entries += entries;
        self.bytes += bytes;
        self.keyed = self.keyed.wrapping_add(keyed);
    }
}

/// The names of the indexes whose sums differ; `None` stands for an index that is not even in order.
pub(super) fn differing(found: &[Option<Sum>], wanted: &Sums) -> Vec<&'static str> {
    let differs = |place: &usize| found.get(*place).copied().flatten() != Some(wanted[*place]);
    (0..INDEXES.len()).filter(differs).map(|place| INDEXES[place].name).collect()
}

/// One column of an entry.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    hash: u64,
    bytes: u64,
    is_null: bool,
}

/// The key of a run, and where the columns stand.
#[derive(Debug)]
pub(in crate::sql) struct Key {
    state: RandomState,
    /// Of each index, the places of its columns and of the columns of its condition.
    places: Vec<(Vec<usize>, Vec<usize>)>,
    /// Of each table, the places of all columns that an index has.
    indexed: [Vec<usize>; TABLES.len()],
    /// Of each table, the places of its indexes in [`INDEXES`].
    of_table: [Vec<usize>; TABLES.len()],
}

impl Key {
    /// A new key, by chance.
    pub(in crate::sql) fn new() -> Self {
        let mut indexed = [const { Vec::new() }; TABLES.len()];
        let mut of_table = indexed.clone();
        let mut places = Vec::with_capacity(INDEXES.len());
        for (at, Index { table, columns, only, .. }) in INDEXES.iter().enumerate() {
            of_table[*table].push(at);
            let place = |name: &str| TABLES[*table].place_of(name);
            let columns: Vec<usize> = columns.iter().filter_map(|name| place(name)).collect();
            indexed[*table].extend(&columns);
            places.push((columns, only.iter().filter_map(|(name, _)| place(name)).collect()));
        }
        for places in &mut indexed {
            places.sort_unstable();
            places.dedup();
        }
        Self { state: RandomState::new(), places, indexed, of_table }
    }

    /// What these rows of a table should have in its indexes; `rowids` has their numbers. `None` when a column holds what
    /// we never write into an index.
    pub(super) fn add_rows(&self, table: usize, rows: &Cells, rowids: &[i64], sums: &mut Sums) -> Option<()> {
        let mut parts = [Part::default(); 32];
        for (row, rowid) in rows.lines().zip(rowids) {
            for place in &self.indexed[table] {
                *parts.get_mut(*place)? = self.part(row.cell(*place))?;
            }
            for at in &self.of_table[table] {
                let (columns, conditions) = &self.places[*at];
                if meets(row, conditions, INDEXES[*at].only) {
                    let parts = columns.iter().map(|place| parts[*place]);
                    self.add_entry(*at, parts, *rowid, &mut sums[*at]);
                }
            }
        }
        (rows.len() == rowids.len()).then_some(())
    }

    fn add_entry(&self, index: usize, parts: impl Iterator<Item = Part>, rowid: i64, sum: &mut Sum) {
        // One byte before the columns tells how long the part with their types is.
        let mut bytes = 1 + bytes_of_number(rowid);
        let mut words = [[0; 8]; 2 + COLUMNS];
        words[0] = (index as u64).to_le_bytes();
        words[1] = rowid.to_le_bytes();
        for (word, part) in words[2..].iter_mut().zip(parts) {
            *word = part.hash.to_le_bytes();
            bytes += part.bytes;
        }
        // All at once: one call of the hasher an entry.
        let mut hasher = self.state.build_hasher();
        hasher.write(words[..2 + INDEXES[index].columns.len()].as_flattened());
        sum.add(1, bytes, hasher.finish());
    }

    fn part(&self, cell: Cell<'_>) -> Option<Part> {
        let mut hasher = self.state.build_hasher();
        let bytes = match cell {
            Cell::Null => {
                hasher.write_u8(0);
                1
            }
            // What it is stands last, so that the hasher has whole words before it.
            Cell::Number(number) => {
                hasher.write_i64(number);
                hasher.write_u8(1);
                bytes_of_number(number)
            }
            Cell::Text(text) => {
                hasher.write(text.as_bytes());
                hasher.write_u8(2);
                bytes_of_text(text.len() as u64)
            }
            Cell::Bytes(_) | Cell::Other => return None,
        };
        Some(Part { hash: hasher.finish(), bytes, is_null: cell == Cell::Null })
    }
}

fn meets(row: Line<'_>, places: &[usize], only: &[(&str, Only)]) -> bool {
    places.iter().zip(only).all(|(place, (_, only))| match only {
        Only::One => row.number(*place) == Some(1),
        Only::Some => row.cell(*place) != Cell::Null,
        Only::Is(text) => row.text(*place) == Some(*text),
    })
}

/// How many bytes a number takes in a record with its type: <https://www.sqlite.org/fileformat2.html#record_format>.
fn bytes_of_number(number: i64) -> u64 {
    let magnitude = if number < 0 { !number } else { number };
    match magnitude {
        _ if number == 0 || number == 1 => 1,
        0..=0x7f => 2,
        0x80..=0x7fff => 3,
        0x8000..=0x7f_ffff => 4,
        0x80_0000..=0x7fff_ffff => 5,
        0x8000_0000..=0x7fff_ffff_ffff => 7,
        _ => 9,
    }
}

fn bytes_of_text(length: u64) -> u64 {
    let mut kind = 13 + 2 * length;
    let mut bytes = length + 1;
    while kind > 0x7f {
        kind >>= 7;
        bytes += 1;
    }
    bytes
}

/// A walk through the entries of one index.
#[derive(Debug)]
pub(in crate::sql) struct Walk {
    key: Arc<Key>,
    index: usize,
    last: Vec<Last>,
    rowid: Option<i64>,
    sum: Sum,
}

/// A column of the entry before.
#[derive(Debug, Default)]
struct Last {
    number: Option<i64>,
    text: Option<String>,
    part: Part,
}

impl Walk {
    /// Through the index at this place of [`INDEXES`].
    pub(in crate::sql) fn new(key: &Arc<Key>, index: usize) -> Self {
        let last = INDEXES[index].columns.iter().map(|_| Last::default()).collect();
        Self { key: Arc::clone(key), index, last, rowid: None, sum: Sum::default() }
    }

    /// The next entry, by its columns and the number of its row. `None` when it does not belong behind the one before.
    pub(in crate::sql) fn entry<'c>(
        &mut self,
        columns: impl Iterator<Item = Cell<'c>>,
        rowid: i64,
    ) -> Option<()> {
        let mut order = Ordering::Equal;
        for (last, cell) in self.last.iter_mut().zip(columns) {
            let column = if self.rowid.is_none() { Ordering::Greater } else { last.order(cell) };
            if column != Ordering::Equal || self.rowid.is_none() {
                last.replace(cell, self.key.part(cell)?);
            }
            order = order.then(column);
        }
        let may_repeat = !INDEXES[self.index].unique || self.last.iter().any(|last| last.part.is_null);
        let is_behind = match order {
            Ordering::Greater => true,
            Ordering::Equal => may_repeat && self.rowid < Some(rowid),
            Ordering::Less => false,
        };
        self.rowid = Some(rowid);
        self.key.add_entry(self.index, self.last.iter().map(|last| last.part), rowid, &mut self.sum);
        is_behind.then_some(())
    }

    /// What the entries added up to.
    pub(in crate::sql) fn sum(self) -> Sum {
        self.sum
    }
}

impl Last {
    /// How a cell stands to this one in SQLite's order: nothing, numbers, text by its bytes.
    fn order(&self, cell: Cell<'_>) -> Ordering {
        match (cell, self.number, &self.text) {
            (Cell::Null, None, None) => Ordering::Equal,
            (Cell::Null, ..) => Ordering::Less,
            (Cell::Number(number), Some(last), _) => number.cmp(&last),
            (Cell::Number(_), None, None) => Ordering::Greater,
            (Cell::Number(_), None, Some(_)) => Ordering::Less,
            (Cell::Text(text), _, Some(last)) => text.as_bytes().cmp(last.as_bytes()),
            _ => Ordering::Greater,
        }
    }

    fn replace(&mut self, cell: Cell<'_>, part: Part) {
        self.part = part;
        self.number = match cell {
            Cell::Number(number) => Some(number),
            _ => None,
        };
        match (cell, &mut self.text) {
            (Cell::Text(text), Some(last)) => {
                last.clear();
                last.push_str(text);
            }
            (Cell::Text(text), last) => *last = Some(text.to_owned()),
            (_, last) => *last = None,
        }
    }
}

#[cfg(test)]
mod tests;
