//! The indexes of the swept tables, on SQLite: each is read once, in its own order, and compared with the rows that the
//! sweep reads anyway, by sums of hashes under a key of this run. So it is known that each row has its entry, that no
//! entry is without its row, that the order is right and that nothing is twice where it may not be.

use std::cmp::Ordering;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use super::cells::{Cell, Cells, Line};
use super::round::{Round, TABLES};

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
pub(in crate::sql) const COLUMNS: usize = 3;

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

/// What the entries of an index add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::sql) struct Sum {
    pub(in crate::sql) entries: u64,
    /// How many bytes they take as records in SQLite's format: what a row should have takes its columns, and nothing else.
    pub(in crate::sql) bytes: u64,
    /// The sum of their hashes; who does not know the key cannot make other entries with the same sum.
    keyed: u64,
}

/// The sums of [`INDEXES`], in that order.
pub(in crate::sql) type Sums = [Sum; INDEXES.len()];

/// Adds sums to sums.
pub(in crate::sql) fn add(sums: &mut Sums, more: &Sums) {
    for (sum, more) in sums.iter_mut().zip(more) {
        sum.add(more.entries, more.bytes, more.keyed);
    }
}

impl Sum {
    fn add(&mut self, entries: u64, bytes: u64, keyed: u64) {
        self.entries += entries;
        self.bytes += bytes;
        self.keyed = self.keyed.wrapping_add(keyed);
    }
}

/// The names of the indexes whose sums differ; `None` stands for an index that is not even in order.
pub(in crate::sql) fn differing(found: &[Option<Sum>], wanted: &Sums) -> Vec<&'static str> {
    let differs = |place: &usize| found.get(*place).copied().flatten() != Some(wanted[*place]);
    (0..INDEXES.len()).filter(differs).map(|place| INDEXES[place].name).collect()
}

/// What a column of an entry holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sql) enum Value<'a> {
    Null,
    Number(i64),
    Text(&'a [u8]),
}

impl<'a> Value<'a> {
    /// `None` for what we never write into an index.
    fn of(cell: Cell<'a>) -> Option<Self> {
        match cell {
            Cell::Null => Some(Self::Null),
            Cell::Number(number) => Some(Self::Number(number)),
            Cell::Text(text) => Some(Self::Text(text.as_bytes())),
            Cell::Bytes(_) | Cell::Other => None,
        }
    }
}

/// The same, hashed.
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

    /// What the rows of a round should have in the indexes. `None` when a column holds what we never write into an index,
    /// and where the rows have no numbers.
    pub(in crate::sql) fn sums(&self, round: &Round) -> Option<Box<Sums>> {
        let mut sums = Box::<Sums>::default();
        for (table, (rows, rowids)) in round.tables.iter().zip(&round.rowids).enumerate() {
            self.add_rows(table, rows, rowids, &mut sums)?;
        }
        Some(sums)
    }

    fn add_rows(&self, table: usize, rows: &Cells, rowids: &[i64], sums: &mut Sums) -> Option<()> {
        let mut parts = [Part::default(); 32];
        for (row, rowid) in rows.lines().zip(rowids) {
            for place in &self.indexed[table] {
                *parts.get_mut(*place)? = self.part(Value::of(row.cell(*place))?);
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
        let parts = parts.inspect(|part| bytes += part.bytes);
        let keyed = self.entry(index, parts, rowid);
        sum.add(1, bytes, keyed);
    }

    /// The hash of an entry.
    fn entry(&self, index: usize, parts: impl Iterator<Item = Part>, rowid: i64) -> u64 {
        let mut words = [[0; 8]; 2 + COLUMNS];
        words[0] = (index as u64).to_le_bytes();
        words[1] = rowid.to_le_bytes();
        for (word, part) in words[2..].iter_mut().zip(parts) {
            *word = part.hash.to_le_bytes();
        }
        // All at once: one call of the hasher an entry.
        let mut hasher = self.state.build_hasher();
        hasher.write(words[..2 + INDEXES[index].columns.len()].as_flattened());
        hasher.finish()
    }

    fn part(&self, value: Value<'_>) -> Part {
        let mut hasher = self.state.build_hasher();
        let bytes = match value {
            Value::Null => {
                hasher.write_u8(0);
                1
            }
            // What it is stands last, so that the hasher has whole words before it.
            Value::Number(number) => {
                hasher.write_i64(number);
                hasher.write_u8(1);
                bytes_of_number(number)
            }
            Value::Text(text) => {
                hasher.write(text);
                hasher.write_u8(2);
                bytes_of_text(text.len() as u64)
            }
        };
        Part { hash: hasher.finish(), bytes, is_null: value == Value::Null }
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
    /// Its text, when it is neither a number nor nothing.
    text: Vec<u8>,
    part: Part,
}

impl Walk {
    /// Through the index at this place of [`INDEXES`].
    pub(in crate::sql) fn new(key: &Arc<Key>, index: usize) -> Self {
        let last = INDEXES[index].columns.iter().map(|_| Last::default()).collect();
        Self { key: Arc::clone(key), index, last, rowid: None, sum: Sum::default() }
    }

    /// The next entry: its columns, the number of its row, and how many bytes it takes. `None` when it does not belong behind
    /// the one before.
    pub(in crate::sql) fn entry(&mut self, columns: &[Value<'_>], rowid: i64, bytes: usize) -> Option<()> {
        let is_first = self.rowid.is_none();
        let mut order = Ordering::Equal;
        for (last, value) in self.last.iter_mut().zip(columns) {
            let column = if is_first { Ordering::Greater } else { last.order(*value) };
            if column != Ordering::Equal {
                last.replace(*value, self.key.part(*value));
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
        let keyed = self.key.entry(self.index, self.last.iter().map(|last| last.part), rowid);
        self.sum.add(1, bytes as u64, keyed);
        is_behind.then_some(())
    }

    /// What the entries added up to.
    pub(in crate::sql) fn sum(self) -> Sum {
        self.sum
    }
}

impl Last {
    /// How a value stands to this one in SQLite's order: nothing, numbers, text by its bytes.
    fn order(&self, value: Value<'_>) -> Ordering {
        match (value, self.number) {
            (Value::Null, _) if self.part.is_null => Ordering::Equal,
            (Value::Null, _) => Ordering::Less,
            (_, _) if self.part.is_null => Ordering::Greater,
            (Value::Number(number), Some(last)) => number.cmp(&last),
            (Value::Number(_), None) => Ordering::Less,
            (Value::Text(_), Some(_)) => Ordering::Greater,
            (Value::Text(text), None) => text.cmp(&self.text),
        }
    }

    fn replace(&mut self, value: Value<'_>, part: Part) {
        self.part = part;
        self.number = None;
        match value {
            Value::Null => {}
            Value::Number(number) => self.number = Some(number),
            Value::Text(text) => {
                self.text.clear();
                self.text.extend_from_slice(text);
            }
        }
    }
}

#[cfg(test)]
mod tests;
