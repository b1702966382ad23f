//! The appends of one transaction. One look, taken as it begins, tells how far their intents are; each append is judged by
//! that and by those before it; then the rows of all are written together. So a batch takes about as many statements as one
//! append.

use std::borrow::Cow;
use std::collections::HashMap;

use domain::budget::Measure;
use domain::event::Event;
use domain::ids::{IntentId, Sha256};

use super::audit::round::TABLES;
use super::conn::{Db, Row};
use super::journal::{Links, Tail};
use super::rows::{self, Cell, Rows};
use super::{blobs, compact, exchanges, journal, ledger, registry, statements, tallies};
use crate::append::{Append, Appended};
use crate::checkpoint::{Keeper, Note};
use crate::columns::{Span, columns_of};
use crate::error::{AppendError, Fault, Stop};
use crate::ledger::MoneyOp;
use crate::tally::{self, Tallies, Tally};

/// Appends them all, in this order, by what the look found; gives what was appended, and the journal's new end.
///
/// # Errors
/// Of the first append that is refused, as if each had been written before the next one was looked at. The transaction is
/// to be given up then.
pub(super) async fn append(
    db: &mut Db<'_>,
    looked: &Looked<'_>,
    entries: &[Append<'_>],
    keeper: &Keeper,
) -> Result<(Vec<Appended>, Tail), Stop> {
    let mut batch = Batch::of(looked.wanted, looked.found)?;
    journal::check_head(&batch.tail, looked.head)?;
    let mut appended = Vec::with_capacity(entries.len());
    for entry in entries {
        match batch.add(db, entry, keeper).await {
            Ok(done) => appended.push(done),
            Err(stop) => {
                // An earlier one may be refused too: by the budgets, which are asked when they are written.
                batch.write(db).await?;
                return Err(stop);
            }
        }
        if counts_published(entry) {
            batch.write(db).await?;
        }
    }
    batch.write(db).await?;
    Ok((appended, batch.tail))
}

/// Whether it is judged by the registry's rows as they are after this entry, and before the next.
fn counts_published(entry: &Append<'_>) -> bool {
    entry.money.iter().any(|op| match op {
        MoneyOp::Reserve { limits, .. } => limits.iter().any(|l| l.measure == Measure::OpenPullRequests),
        MoneyOp::Settle { .. } | MoneyOp::Release { .. } => false,
    })
}

/// An intent that is there already.
#[derive(Debug)]
struct Standing {
    version: i64,
    first_seq: i64,
    created_at: i64,
    /// What its row adds to the figures.
    tally: Tally,
}

/// A finding: the repository's identity and the fingerprint.
type Finding<'a> = (&'a str, &'a str);

/// The intents of some appends, and the finding that each is about.
#[derive(Debug)]
pub(super) struct Wanted<'a>(HashMap<&'a str, Option<Finding<'a>>>);

impl<'a> Wanted<'a> {
    pub(super) fn by(entries: &'a [Append<'_>]) -> Self {
        let mut findings: HashMap<&str, Option<Finding<'_>>> = HashMap::new();
        for entry in entries {
            let known = findings.entry(entry.intent.as_str()).or_default();
            *known = known.or(live_finding(entry));
        }
        Self(findings)
    }

    /// As [`statements::standings`] takes it.
    pub(super) fn list(&self) -> Result<String, Fault> {
        let each = |(id, finding): (&&'a str, &Option<Finding<'a>>)| -> Vec<&'a str> {
            let finding = finding.iter().flat_map(|(repository, print)| [*repository, *print]);
            std::iter::once(*id).chain(finding).collect()
        };
        serde_json::to_string(&self.0.iter().map(each).collect::<Vec<_>>())
            .map_err(|e| Fault::Damaged(format!("ids cannot be written: {e}")))
    }
}

/// What was found before any append was judged.
#[derive(Debug)]
pub(super) struct Looked<'a> {
    pub(super) wanted: &'a Wanted<'a>,
    /// The rows of [`statements::standings`].
    pub(super) found: &'a [Row],
    /// The head file as it was before those were read.
    pub(super) head: Option<&'a Note>,
}

#[derive(Debug)]
struct Batch<'a> {
    /// The end of the journal after what was added.
    tail: Tail,
    standings: HashMap<&'a str, Standing>,
    /// The live intents of the findings that the appends are about.
    live: HashMap<Finding<'a>, Cow<'a, str>>,
    waiting: Waiting<'a>,
}

/// What is to be written.
#[derive(Debug, Default)]
struct Waiting<'a> {
    /// One row an intent: the last one.
    intents: Latest<'a>,
    suggestions: Vec<Vec<Cell<'a>>>,
    blobs: Latest<'a>,
    exchanges: Latest<'a>,
    links: Links,
    tallies: Tallies,
    /// Those whose money moves, after everything else.
    entries: Vec<&'a Append<'a>>,
}

/// Rows by their keys: of two with the same key the later one, at the place of the first.
#[derive(Debug, Default)]
struct Latest<'a> {
    rows: Vec<Vec<Cell<'a>>>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Latest<'a> {
    fn put(&mut self, key: &'a str, row: Vec<Cell<'a>>) {
        let place = *self.places.entry(key).or_insert(self.rows.len());
        match self.rows.get_mut(place) {
            Some(there) => *there = row,
            None => self.rows.push(row),
        }
    }

    fn has(&self, key: &str) -> bool {
        self.places.contains_key(key)
    }
}

impl<'a> Batch<'a> {
    /// From the rows of the one look.
    fn of(wanted: &Wanted<'a>, rows: &[Row]) -> Result<Self, Fault> {
        let tail = journal::tail_in(rows.first())?;
        let mut batch =
            Self { tail, standings: HashMap::new(), live: HashMap::new(), waiting: Waiting::default() };
        for row in rows {
            batch.note(row, wanted)?;
        }
        Ok(batch)
    }

    fn note(&mut self, row: &Row, wanted: &Wanted<'a>) -> Result<(), Fault> {
        let found: String = row.get("wanted")?;
        let Some((id, finding)) = wanted.0.get_key_value(found.as_str()) else { return Ok(()) };
        if let (Some(finding), Some(live)) = (finding, row.get::<Option<String>>("live")?) {
            self.live.insert(*finding, Cow::Owned(live));
        }
        if let Some(first_seq) = row.get("first_seq")? {
            let (version, created_at) = (row.get("version")?, row.get("created_at")?);
            let tally = tallies::tally_in(row)?;
            self.standings.insert(id, Standing { version, first_seq, created_at, tally });
        }
        Ok(())
    }

    /// Judges an append by what is there and what was added before, and adds it.
    async fn add(
        &mut self,
        db: &mut Db<'_>,
        entry: &'a Append<'a>,
        keeper: &Keeper,
    ) -> Result<Appended, Stop> {
        let id = entry.intent.as_str();
        let standing = self.standings.get(id);
        let version = standing.map_or(0, |s| s.version);
        if version.unsigned_abs() != entry.expected_version {
            let (intent, expected) = (entry.intent.clone(), entry.expected_version);
            return Err(AppendError::Conflict { intent, expected, found: version.unsigned_abs() }.into());
        }
        if standing.is_some_and(|s| s.tally.unfinished == 0) {
            compact::refuse_appending(db, entry.intent).await?;
        }
        self.refuse_duplicate(entry)?;
        let span = Span {
            first_seq: standing.map_or(self.tail.seq + 1, |s| s.first_seq),
            last_seq: self.tail.seq + entry.events.len() as i64,
            created_at: standing.map_or(entry.at.0, |s| s.created_at),
            updated_at: entry.at.0,
        };
        let columns = columns_of(entry.after, span);
        registry::refuse_nul(&columns, entry)?;
        self.refuse_unanswered(db, entry).await?;
        let exchange = entry.exchange.as_ref().map(|e| Ok((e, exchanges::row(e, self.tail.seq + 1)?)));
        let exchange = exchange.transpose().map_err(Stop::Fault)?;
        let links = journal::links(&mut self.tail, version, entry, keeper)?;

        let tally = tallies::tally_of(&columns);
        for (name, counts) in tallies::changed(standing.map(|s| &s.tally), &tally, entry) {
            tally::add(&mut self.waiting.tallies, name, counts);
        }
        self.waiting.intents.put(id, columns.into_iter().map(|column| column.value.into()).collect());
        for (sha256, bytes) in entry.blobs {
            self.waiting.blobs.put(sha256.as_str(), blobs::row(sha256, bytes));
        }
        if let Some((exchange, row)) = exchange {
            self.waiting.exchanges.put(exchange.request.as_str(), row);
        }
        self.waiting.suggestions.extend(entry.events.iter().filter_map(|event| suggestion(event, id)));
        self.waiting.links.entries.extend(links.entries);
        self.waiting.links.checkpoints.extend(links.checkpoints);
        self.waiting.entries.push(entry);
        self.stand(entry, version + entry.events.len() as i64, span, tally);
        Ok(Appended { last_seq: self.tail.seq.unsigned_abs(), hash: self.tail.hash.clone() })
    }

    /// Two live intents for one finding cannot be.
    fn refuse_duplicate(&self, entry: &Append<'_>) -> Result<(), Stop> {
        let live = live_finding(entry).and_then(|finding| self.live.get(&finding));
        match live.filter(|live| live.as_ref() != entry.intent.as_str()) {
            None => Ok(()),
            Some(existing) => {
                let existing: IntentId = registry::parsed(existing)?;
                Err(AppendError::Duplicate { existing }.into())
            }
        }
    }

    /// An answer is there, comes with its exchange, or came before it.
    async fn refuse_unanswered(&self, db: &mut Db<'_>, entry: &Append<'_>) -> Result<(), Stop> {
        let Some(exchange) = &entry.exchange else { return Ok(()) };
        let answer: &Sha256 = &exchange.answer;
        let comes = entry.blobs.iter().any(|(sha256, _)| *sha256 == answer);
        if comes || self.waiting.blobs.has(answer.as_str()) || blobs::is_known(db, answer).await? {
            return Ok(());
        }
        Err(AppendError::NoAnswer { answer: answer.clone() }.into())
    }

    /// What the next append of the intent, or of its finding, is judged by.
    fn stand(&mut self, entry: &'a Append<'a>, version: i64, span: Span, tally: Tally) {
        let id = entry.intent.as_str();
        let Span { first_seq, created_at, .. } = span;
        self.standings.insert(id, Standing { version, first_seq, created_at, tally });
        match (live_finding(entry), finding(entry)) {
            (Some(finding), _) => {
                self.live.insert(finding, Cow::Borrowed(id));
            }
            (None, Some(finding)) if self.live.get(&finding).is_some_and(|live| live == id) => {
                self.live.remove(&finding);
            }
            (None, _) => {}
        }
    }

    /// Writes what waits: rows before those that refer to them, money at the end.
    async fn write(&mut self, db: &mut Db<'_>) -> Result<(), Stop> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut intents = waiting.intents.rows;
        // An intent that no longer stands for its finding makes room for the next one.
        let live = TABLES[1].place_of("live");
        intents.sort_by_key(|row| matches!(live.and_then(|at| row.get(at)), Some(Cell::Number(Some(1)))));
        let counted = tallies::rows_of(&waiting.tallies);
        let [entries, checkpoints] = waiting.links.rows();
        let all = [
            Rows { table: &statements::INTENTS, rows: &intents },
            Rows { table: &statements::SUGGESTIONS, rows: &waiting.suggestions },
            Rows { table: &statements::BLOBS, rows: &waiting.blobs.rows },
            Rows { table: &statements::EXCHANGES, rows: &waiting.exchanges.rows },
            entries,
            checkpoints,
            Rows { table: &statements::COUNTED, rows: &counted },
        ];
        if rows::put_all(db, &all).await? != intents.len() as u64 {
            return Err(Fault::Damaged("an intent moved on while nobody else could write".to_owned()).into());
        }
        for entry in waiting.entries {
            ledger::write(db, entry).await?;
        }
        Ok(())
    }
}

fn finding<'a>(entry: &Append<'a>) -> Option<Finding<'a>> {
    let finding = entry.after.task.finding.as_ref()?;
    Some((&entry.after.repository, finding.fingerprint.as_str()))
}

/// The finding that the intent stands for after the append.
fn live_finding<'a>(entry: &Append<'a>) -> Option<Finding<'a>> {
    finding(entry).filter(|_| entry.after.phase.is_live())
}

fn suggestion<'a>(event: &'a Event, intent: &'a str) -> Option<Vec<Cell<'a>>> {
    match event {
        Event::ProposalAsked { attempt, suggestion, .. } => {
            Some(vec![suggestion.as_str().into(), intent.into(), i64::from(*attempt).into()])
        }
        _ => None,
    }
}
