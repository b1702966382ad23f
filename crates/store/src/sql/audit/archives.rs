//! The files that compactions left, held against what stays of their intents: each body against the hash of its stub, each
//! story folded and compared with its rows, as if it had never gone. One intent at a time is in memory, and a hash of each answer.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::compactions::compaction_of;
use super::tables;
use crate::archive::{Answer, Last, Line, Reader};
use crate::audit::{AuditReport, Problem, expect};
use crate::chain::Link;
use crate::checkpoint::Keeper;
use crate::compaction::Compaction;
use crate::error::Fault;
use crate::sql::conn::{Db, query};
use crate::sql::exchanges::is_named;
use crate::sql::journal::Entry;
use crate::sql::{compact, statements};
use crate::witness::JournalEntry;

/// Checks each file; a file that cannot be read at all is a failure, whatever else is wrong with it a finding.
pub(in crate::sql) async fn check(
    db: &mut Db<'_>,
    files: &[PathBuf],
    keeper: &Keeper,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    if files.is_empty() {
        return Ok(());
    }
    let trusted = keeper.trusted()?;
    let origin: Option<String> = query(statements::ORIGIN).scalar(db).await?;
    let told: Vec<Compaction> = compact::told(db).await?.into_iter().flatten().collect();
    for path in files {
        let mut file = Checked { path, report: &mut *report };
        match file.check(db, origin.as_deref().unwrap_or_default(), &told, &trusted).await {
            Err(Fault::Archive(_, detail)) => file.differs(detail),
            checked => checked?,
        }
    }
    Ok(())
}

/// A file that is being checked.
struct Checked<'a> {
    path: &'a Path,
    report: &'a mut AuditReport,
}

impl Checked<'_> {
    fn differs(&mut self, detail: impl Into<String>) {
        let (file, detail) = (self.path.display().to_string(), detail.into());
        self.report.add(Problem::ArchiveDiffers { file, detail });
    }

    async fn check(
        &mut self,
        db: &mut Db<'_>,
        origin: &str,
        told: &[Compaction],
        trusted: &[String],
    ) -> Result<(), Fault> {
        let mut reader = Reader::open(self.path)?;
        if reader.first.origin != origin {
            self.differs(format!("it belongs to another journal, {}", reader.first.origin));
            return Ok(());
        }
        let seq = reader.first.compaction;
        let told = told.iter().find(|told| told.seq.cast_signed() == seq);
        let Some((told, file)) = told.and_then(|told| Some((told, told.archive.as_ref()?))) else {
            self.differs(format!("entry {seq} of the journal tells of no compaction"));
            return Ok(());
        };
        let (mut story, mut intents, mut end) = (Vec::new(), 0, None);
        let mut answered = HashMap::new();
        while let Some((_, line)) = reader.next()? {
            match line {
                Line::Entry(entry) => {
                    if story.last().is_some_and(|last: &JournalEntry| last.intent != entry.intent) {
                        self.story(db, seq, &std::mem::take(&mut story)).await?;
                        intents += 1;
                    }
                    let exchange = entry.link().exchange().map(str::to_owned);
                    answered.extend(exchange.map(|exchange| (entry.seq, exchange)));
                    story.push(*entry);
                }
                Line::Answer(answer) => self.answer(&answer, &answered),
                Line::Blob(blob) if blob.is_whole() => {}
                Line::Blob(blob) => self.differs(format!("blob {} was changed", blob.blob)),
                Line::Last(last) => end = Some(last),
            }
        }
        if !story.is_empty() {
            self.story(db, seq, &story).await?;
            intents += 1;
        }
        if intents != told.intents {
            self.differs(format!("it has {intents} intents, the compaction took {}", told.intents));
        }
        self.end(&reader, end.as_deref(), told, trusted);
        if reader.sha256() != file.sha256 {
            self.differs(format!(
                "it is not the file that was written: its SHA-256 should be {}",
                file.sha256
            ));
        }
        Ok(())
    }

    fn end(&mut self, reader: &Reader, end: Option<&Last>, told: &Compaction, trusted: &[String]) {
        match end {
            None => self.differs("its end is missing"),
            Some(last) if last.digest != told.digest => {
                self.differs("its last line tells of another set of entries than the journal");
            }
            // Without any key nothing is proved; the audit has said so.
            Some(last) if !trusted.is_empty() && !reader.is_signed(last, trusted) => {
                self.differs("its last line is not signed for this content by a key of ours");
            }
            Some(_) => {}
        }
    }

    /// One intent: every body against its stub, then the story against the rows.
    async fn story(&mut self, db: &mut Db<'_>, seq: i64, entries: &[JournalEntry]) -> Result<(), Fault> {
        let Some(id) = entries.first().map(|entry| entry.intent.as_str()) else { return Ok(()) };
        let rows = query(statements::ENTRIES_OF_INTENT).bind(id).rows(db).await?;
        let stubs: Vec<Entry> = rows.iter().filter_map(|row| Entry::from_row(row).ok()).collect();
        let links: Vec<Link<'_>> = stubs.iter().map(Entry::link).collect();
        if compaction_of(&links) != Ok(Some(seq)) || stubs.len() != entries.len() {
            self.differs(format!("intent {id} did not go with this compaction, or not with these entries"));
            return Ok(());
        }
        for (stub, entry) in stubs.iter().zip(entries) {
            let whole = entry.link();
            let kept =
                Link { body: whole.body, format: whole.format, attached: whole.attached, ..stub.link() };
            if !whole.has_hash(&stub.hash) || whole != kept || entry.hash != stub.hash {
                self.differs(format!("entry {} is not what its hash was made of", stub.seq));
                return Ok(());
            }
        }
        self.report.proven += entries.len() as u64;
        let links: Vec<Link<'_>> = entries.iter().map(JournalEntry::link).collect();
        if let Some(expected) = expect(id, &links, self.report) {
            self.report.intents += 1;
            tables::compare(db, id, Some(&expected), self.report).await?;
        }
        Ok(())
    }

    /// The entry that the answer was recorded with names it; in the file it stands before it.
    fn answer(&mut self, answer: &Answer, named: &HashMap<i64, String>) {
        let columns = [
            Some(answer.request.as_str()),
            Some(&answer.provider),
            answer.model.as_deref(),
            Some(&answer.form),
            Some(&answer.answer),
            answer.usage.as_deref(),
            Some(&answer.at),
            named.get(&answer.seq).map(String::as_str),
        ];
        if !is_named(columns) {
            self.differs(format!("the recorded answer to request {} was changed", answer.request));
        }
    }
}
