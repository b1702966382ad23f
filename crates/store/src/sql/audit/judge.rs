//! Judging a round of the quick pass: each entry's hash, each intent's story, and every row beside it. Pure, so that
//! several rounds are judged at once.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use domain::event::EVENT_FORMAT;
use domain::ids::Sha256;
use domain::registry::REGISTRY;

use super::cells::{Cell, Line};
use super::compactions::compaction_of;
use super::indexes::{self, Key};
use super::round::{Round, Rows, TABLES};
use super::stretches::Stretches;
use crate::audit::{Expected, told};
use crate::chain::Link;
use crate::columns::Column;
use crate::compaction::{KEPT, Kept, stub_of};
use crate::tally::{self, SUGGESTIONS, Tallies, Tally};

/// What the ledger's rows add up to: counted money and requests, by agent, day, week and month.
pub(super) type Sums = BTreeMap<[Option<String>; 4], [i64; 2]>;

/// What is known of a round.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// Entries that were read.
    pub(super) entries: i64,
    /// Intents that fit in every table.
    pub(super) intents: u64,
    /// Of intents that were compacted, in order: which compaction, what stays, and how many entries.
    pub(super) compacted: Vec<(i64, Sha256, u64)>,
    /// Whether each entry has its hash, as far as it can tell, and a known format.
    pub(super) entries_fit: bool,
    /// The intents that do not fit.
    pub(super) odd: Vec<String>,
    /// The blobs that are named.
    pub(super) attached: Vec<String>,
    /// The entries' places in the chain.
    pub(super) stretches: Stretches,
    /// `None` when a row could not be read.
    pub(super) sums: Option<Sums>,
    /// What the registry's rows add to the figures; `None` as before.
    pub(super) tallies: Option<Tallies>,
    /// What the rows should have in the indexes; `None` as before, and on a server.
    pub(super) indexed: Option<Box<indexes::Sums>>,
}

/// `None` when the rows cannot even be told apart.
pub(super) fn judge(round: &Round, key: &Key) -> Option<Judged> {
    let [_, intents, suggestions, ledger] = &round.tables;
    let mut judged = Judged {
        entries_fit: true,
        sums: sums(ledger.lines()),
        tallies: tallies(intents.lines(), suggestions.len()),
        indexed: key.sums(round),
        ..Judged::default()
    };
    let mut chain = Vec::with_capacity(round.tables[0].len());
    for rows in round.by_intent()? {
        let begins = chain.len();
        for line in rows.journal() {
            let Some((link, hash)) = entry(line) else {
                judged.entries_fit = false;
                continue;
            };
            judged.entries_fit &= link.format <= i64::from(EVENT_FORMAT) && link.fits(hash);
            judged.attached.extend(link.blobs().map(str::to_owned));
            chain.push((link, hash));
        }
        let mine = &chain[begins..];
        judged.entries += mine.len() as i64;
        if rows.id == REGISTRY {
            // Its entries are folded with the budgets; rows of that name are nobody's.
            let none = rows.intents().len() + rows.suggestions().len() + rows.ledger().len() == 0;
            judged.odd.extend((!none).then(|| rows.id.to_owned()));
        } else if let Some((compaction, kept)) = kept_of(&rows, mine) {
            judged.compacted.push((compaction, kept, mine.len() as u64));
        } else if mine.len() == rows.journal().len() && fits(&rows, mine) {
            judged.intents += 1;
        } else {
            judged.odd.push(rows.id.to_owned());
        }
    }
    judged.stretches = Stretches::of(&mut chain);
    Some(judged)
}

/// An entry with the hash that is stored with it, when every column is of its type.
fn entry(line: Line<'_>) -> Option<(Link<'_>, &str)> {
    let link = Link {
        seq: line.number(0)?,
        intent: line.text(1)?,
        version: line.number(2)?,
        at: line.number(3)?,
        name: line.text(4)?,
        format: line.number(5)?,
        body: line.bytes(6)?,
        attached: line.text(7)?,
        prev: line.text(8)?,
    };
    Some((link, line.text(9)?))
}

/// Whether the entries make a story, and every row is as the story tells.
fn fits(rows: &Rows<'_>, entries: &[(Link<'_>, &str)]) -> bool {
    let links: Vec<Link<'_>> = entries.iter().map(|(link, _)| *link).collect();
    let Ok(Some(expected)) = told(rows.id, &links) else { return false };
    let mut intents = rows.intents();
    let (Some(row), None) = (intents.next(), intents.next()) else { return false };
    let columns = expected.columns();
    columns.len() == TABLES[1].width
        && columns.iter().enumerate().all(|(place, column)| row.holds(place, &column.value))
        && suggestions_fit(rows, &expected)
        && ledger_fits(rows, &expected)
}

/// What stays of an intent that was compacted, when all of it can be read.
fn kept_of(rows: &Rows<'_>, entries: &[(Link<'_>, &str)]) -> Option<(i64, Sha256)> {
    if entries.len() != rows.journal().len() || stub_of(entries.first()?.0.body).is_none() {
        return None;
    }
    let links: Vec<Link<'_>> = entries.iter().map(|(link, _)| *link).collect();
    let compaction = compaction_of(&links).ok().flatten()?;
    let mut kept = Kept::of(rows.id);
    kept.table(0, entries.len());
    entries.iter().for_each(|(link, hash)| kept.link(link, hash));
    let tables = [rows.intents().collect::<Vec<_>>(), rows.suggestions().collect(), rows.ledger().collect()];
    for (table, lines) in (1..).zip(tables) {
        kept.table(table, lines.len());
        let places = places_of(table)?;
        for line in lines {
            for place in &places {
                match line.cell(*place) {
                    Cell::Null => kept.cell(None),
                    Cell::Number(number) => kept.cell(Some(&number.to_string())),
                    Cell::Text(text) => kept.cell(Some(text)),
                    Cell::Bytes(_) | Cell::Other => return None,
                }
            }
        }
    }
    Some((compaction, kept.digest()))
}

/// Where the columns that a digest covers stand in a swept table.
fn places_of(table: usize) -> Option<Vec<usize>> {
    let all: Vec<&str> = TABLES[table].columns.split(", ").collect();
    KEPT[table].1.iter().map(|column| all.iter().position(|name| name == column)).collect()
}

fn suggestions_fit(rows: &Rows<'_>, expected: &Expected) -> bool {
    let wanted = expected.suggestions.iter();
    rows.suggestions().len() == wanted.len()
        && rows.suggestions().zip(wanted).all(|(row, (suggestion, attempt))| {
            row.text(0) == Some(suggestion) && row.number(2) == Some(*attempt)
        })
}

/// Attempts are keys, so as many rows as attempts, each of an attempt, are all of them.
fn ledger_fits(rows: &Rows<'_>, expected: &Expected) -> bool {
    rows.ledger().len() == expected.money.len()
        && rows.ledger().all(|row| ledger_row_fits(row, expected).unwrap_or(false))
}

fn ledger_row_fits(row: Line<'_>, expected: &Expected) -> Option<bool> {
    let number = |name| row.number(ledger_place(name)?);
    let attempt = u32::try_from(number("attempt")?).ok()?;
    let money = expected.money.get(&attempt)?;
    let columns = expected.ledger_row(money, row.text(ledger_place("state")?));
    let lease = ledger_place("lease_until")?;
    let has_lease = !row.holds(lease, &None::<i64>.into());
    let lease_fits = !has_lease || row.number(lease)? >= number("at")?;
    let holds =
        |column: &Column<'_>| ledger_place(column.name).is_some_and(|at| row.holds(at, &column.value));
    Some(lease_fits && columns.iter().all(holds))
}

/// The place of a column of the ledger.
fn ledger_place(name: &str) -> Option<usize> {
    static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| TABLES[3].columns.split(", ").collect());
    NAMES.iter().position(|column| *column == name)
}

fn sums<'r>(ledger: impl Iterator<Item = Line<'r>>) -> Option<Sums> {
    let mut sums = Sums::new();
    let places = ["agent", "day", "week", "month"].map(ledger_place);
    let (counted, requests) = (ledger_place("counted")?, ledger_place("requests")?);
    for row in ledger {
        let mut key = [const { None }; 4];
        for (part, place) in key.iter_mut().zip(places) {
            let place = place?;
            *part = match row.text(place) {
                Some(text) => Some(text.to_owned()),
                None if row.holds(place, &None::<&str>.into()) => None,
                None => return None,
            };
        }
        let sum = sums.entry(key).or_default();
        *sum = [sum[0].saturating_add(row.number(counted)?), sum[1].saturating_add(row.number(requests)?)];
    }
    Some(sums)
}

/// What rows of the registry add to the figures. The places are those of `columns::columns_of`.
fn tallies<'r>(intents: impl Iterator<Item = Line<'r>>, asked: usize) -> Option<Tallies> {
    let mut by_status: BTreeMap<&str, tally::Counts> = BTreeMap::new();
    for row in intents {
        let confidence = row.number(25);
        if confidence.is_none() && !row.holds(25, &None::<i64>.into()) {
            return None;
        }
        let counts = Tally::counts_of(row.number(16)?, confidence, row.number(20)?);
        tally::sum(by_status.entry(row.text(14)?).or_default(), counts);
    }
    let mut tallies: Tallies =
        by_status.into_iter().map(|(status, counts)| (format!("status:{status}"), counts)).collect();
    tally::add(&mut tallies, SUGGESTIONS.to_owned(), [asked as i64, 0, 0, 0, 0]);
    Some(tallies)
}
