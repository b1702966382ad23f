//! The figures of the registry: what each intent adds to them, and what an append changes. Pure; writing and auditing
//! share it.

use std::collections::BTreeMap;

/// Under which name asked-for answers are counted.
pub(crate) const SUGGESTIONS: &str = "suggestions";
/// What is counted under a name, in the order of the table's columns.
pub(crate) const COLUMNS: [&str; 5] = ["intents", "unfinished", "rated", "confidence", "billed"];

/// The numbers of [`COLUMNS`].
pub(crate) type Counts = [i64; 5];
/// Counts by their names.
pub(crate) type Tallies = BTreeMap<String, Counts>;

/// What one row of the registry adds to the figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) status: String,
    pub(crate) unfinished: i64,
    pub(crate) confidence: Option<i64>,
    pub(crate) billed: i64,
}

impl Tally {
    fn counts(&self) -> Counts {
        Self::counts_of(self.unfinished, self.confidence, self.billed)
    }

    /// What a row with these numbers adds.
    pub(crate) fn counts_of(unfinished: i64, confidence: Option<i64>, billed: i64) -> Counts {
        let (rated, confidence) = confidence.map_or((0, 0), |c| (1, c));
        [1, unfinished, rated, confidence, billed]
    }
}

/// Adds counts under a name.
pub(crate) fn add(tallies: &mut Tallies, name: String, counts: Counts) {
    sum(tallies.entry(name).or_default(), counts);
}

/// Adds counts to counts.
pub(crate) fn sum(sum: &mut Counts, counts: Counts) {
    for (sum, count) in sum.iter_mut().zip(counts) {
        *sum = sum.saturating_add(count);
    }
}

/// Adds a row of the registry.
pub(crate) fn count(tallies: &mut Tallies, tally: &Tally) {
    add(tallies, format!("status:{}", tally.status), tally.counts());
}

/// What changes when a row becomes another one and so many answers are asked for. Nothing is in it that stays the same.
pub(crate) fn change(before: Option<&Tally>, after: &Tally, asked: i64) -> Tallies {
    let mut tallies = Tallies::new();
    count(&mut tallies, after);
    if let Some(before) = before {
        add(&mut tallies, format!("status:{}", before.status), before.counts().map(|count| -count));
    }
    add(&mut tallies, SUGGESTIONS.to_owned(), [asked, 0, 0, 0, 0]);
    tallies.retain(|_, counts| *counts != Counts::default());
    tallies
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(status: &str, confidence: Option<i64>, billed: i64) -> Tally {
        Tally { status: status.to_owned(), unfinished: 1, confidence, billed }
    }

    #[test]
    fn a_new_row_counts_once_and_a_changed_one_moves() {
        let changes = change(None, &tally("reserved", None, 0), 0);
        assert_eq!(Vec::from_iter(changes), [("status:reserved".to_owned(), [1, 1, 0, 0, 0])]);
        let changes = change(Some(&tally("reserved", None, 0)), &tally("asked", Some(7), 5), 1);
        let wanted = [
            ("status:asked".to_owned(), [1, 1, 1, 7, 5]),
            ("status:reserved".to_owned(), [-1, -1, 0, 0, 0]),
            ("suggestions".to_owned(), [1, 0, 0, 0, 0]),
        ];
        assert_eq!(Vec::from_iter(changes), wanted);
    }

    #[test]
    fn what_stays_the_same_changes_nothing() {
        let row = tally("asked", Some(7), 5);
        assert!(change(Some(&row), &row, 0).is_empty());
        let changes = change(Some(&row), &tally("asked", Some(7), 6), 0);
        assert_eq!(Vec::from_iter(changes), [("status:asked".to_owned(), [0, 0, 0, 0, 1])]);
    }
}
