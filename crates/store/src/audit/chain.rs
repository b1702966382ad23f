//! The chain, entry by entry: numbers without a gap, hashes that fit, and what others know about single entries.

use std::collections::BTreeMap;

use domain::event::EVENT_FORMAT;
use domain::ids::Sha256;

use super::{Anchor, AuditReport, Head, Problem};
use crate::chain::{Link, genesis};
use crate::checkpoint::Note;

/// Somebody who knows an entry's hash.
#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) hash: String,
    /// When the entry was recorded, where the witness says so.
    pub(crate) at: Option<i64>,
    pub(crate) where_from: String,
}

impl Witness {
    /// The head file as a witness. Entry 0 stands for the empty journal, which has no time.
    pub(crate) fn from_head(head: &Note, where_from: &str) -> Self {
        let at = (head.seq > 0).then_some(head.at.0);
        Self { hash: head.hash.clone(), at, where_from: where_from.to_owned() }
    }
}

/// The state of the walk along the chain.
#[derive(Debug)]
pub(crate) struct ChainCheck {
    genesis: Sha256,
    last: Option<(i64, String, i64)>,
    witnesses: BTreeMap<i64, Vec<Witness>>,
}

impl ChainCheck {
    pub(crate) fn new(origin: &str, anchors: &[Anchor]) -> Self {
        let mut check = Self { genesis: genesis(origin), last: None, witnesses: BTreeMap::new() };
        for anchor in anchors {
            let (hash, where_from) = (anchor.hash.to_string(), anchor.where_from.clone());
            let seq = i64::try_from(anchor.seq).unwrap_or(i64::MAX);
            check.witness(seq, Witness { hash, at: None, where_from });
        }
        check
    }

    /// Has this entry compared with what somebody knows about it.
    pub(crate) fn witness(&mut self, seq: i64, witness: Witness) {
        self.witnesses.entry(seq).or_default().push(witness);
    }

    /// What the first entry goes on from.
    pub(crate) fn genesis(&self) -> &Sha256 {
        &self.genesis
    }

    /// What is known from elsewhere, by the entries' numbers.
    pub(crate) fn witnesses(&self) -> &BTreeMap<i64, Vec<Witness>> {
        &self.witnesses
    }

    /// Whether what is stored of an entry, its hash and its time, is what these witnesses know.
    pub(crate) fn agrees(&self, seq: i64, witnesses: &[Witness], stored: Option<&(String, i64)>) -> bool {
        let empty = (seq == 0).then(|| self.genesis.as_str());
        witnesses.iter().all(|witness| match (empty, stored) {
            (Some(genesis), _) => witness.hash == genesis,
            (None, Some((hash, at))) => witness.hash == *hash && witness.at.is_none_or(|known| known == *at),
            (None, None) => false,
        })
    }

    /// The next entry in the order of numbers, and the hash stored with it.
    pub(crate) fn entry(&mut self, link: &Link<'_>, stored: &str, report: &mut AuditReport) {
        report.events += 1;
        if link.format > i64::from(EVENT_FORMAT) {
            report.add(Problem::NewerFormat { seq: link.seq, format: link.format });
        }
        if !link.fits(stored) {
            report.add(Problem::ByteChanged { seq: link.seq });
        }
        let expected = self.last.as_ref().map_or(1, |(seq, _, _)| seq.saturating_add(1));
        if link.seq > expected {
            report.add(Problem::Missing { first: expected, last: link.seq - 1 });
        } else if link.seq < expected || link.prev != self.last_hash() {
            report.add(Problem::ChainBroken { seq: link.seq });
        }
        if self.last.as_ref().is_some_and(|(_, _, at)| link.at < *at) {
            report.clock_went_back += 1;
        }
        self.compare(link, stored, report);
        self.last = Some((link.seq, stored.to_owned(), link.at));
    }

    /// An entry that cannot even be read stands where this number is.
    pub(crate) fn unreadable(&mut self, seq: i64, stored: &str, report: &mut AuditReport) {
        report.events += 1;
        report.add(Problem::ByteChanged { seq });
        let at = self.last.as_ref().map_or(i64::MIN, |(_, _, at)| *at);
        self.last = Some((seq, stored.to_owned(), at));
    }

    /// The end of the journal: whoever knows more than there is, says so.
    pub(crate) fn finish(mut self, report: &mut AuditReport) {
        let found = self.last.as_ref().map_or(0, |(seq, _, _)| *seq);
        for witness in self.witnesses.remove(&0).unwrap_or_default() {
            if witness.hash != self.genesis.as_str() {
                report.add(Problem::Rewritten { seq: 0, where_from: witness.where_from });
            }
        }
        for (expected, witnesses) in self.witnesses {
            for Witness { where_from, .. } in witnesses {
                if expected > found {
                    report.add(Problem::TailCut { expected, found, where_from });
                } else {
                    report.add(Problem::Rewritten { seq: expected, where_from });
                }
            }
        }
        report.head = self.last.map(|(seq, hash, _)| Head { seq: seq.unsigned_abs(), hash });
    }

    fn last_hash(&self) -> &str {
        self.last.as_ref().map_or(self.genesis.as_str(), |(_, hash, _)| hash)
    }

    fn compare(&mut self, link: &Link<'_>, stored: &str, report: &mut AuditReport) {
        for witness in self.witnesses.remove(&link.seq).unwrap_or_default() {
            if witness.hash != stored {
                report.add(Problem::Rewritten { seq: link.seq, where_from: witness.where_from });
            } else if witness.at.is_some_and(|at| at != link.at) {
                let detail = format!("its time is not that of entry {}", link.seq);
                report.add(Problem::HeadChanged { detail });
            }
        }
    }
}

/// Checks a checkpoint by itself: its origin, its signature, and whose key it is.
pub(crate) fn check_note(
    note: &Note,
    origin: &str,
    trusted: &[String],
    where_from: &str,
    report: &mut AuditReport,
) {
    let detail = if note.origin != origin {
        format!("it belongs to another journal, {}", note.origin)
    } else if !note.is_signed() {
        "its signature is wrong".to_owned()
    } else if !trusted.is_empty() && !trusted.contains(&note.key) {
        format!("it is signed by a key that is not ours, {}", note.key)
    } else {
        return;
    };
    report.add(Problem::BadSignature { where_from: where_from.to_owned(), detail });
}
