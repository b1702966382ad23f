//! How much a change is trusted before a person looks: the provider's own number, held against facts.
//! A provider never raises its own standing: without facts the number alone proves nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::patch::How;

/// A number from 0 to 1, kept in millionths so that it compares and hashes exactly. JSON shows it as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Confidence(u32);

/// A number that is not from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a confidence is a number from 0 to 1, not {0}")]
pub struct OutOfRange(pub f64);

impl Confidence {
    const ONE: u32 = 1_000_000;

    /// This number, rounded to millionths.
    ///
    /// # Errors
    /// When it is below 0, above 1, or not a number; nothing is clamped.
    pub fn new(value: f64) -> Result<Self, OutOfRange> {
        if !(0.0..=1.0).contains(&value) {
            return Err(OutOfRange(value));
        }
        // In range, so the product is a whole number from 0 to 1,000,000.
        Ok(Self((value * f64::from(Self::ONE)).round() as u32))
    }

    /// The number.
    pub fn value(self) -> f64 {
        f64::from(self.0) / f64::from(Self::ONE)
    }

    /// A part of it, in percent (0 to 100), rounded down.
    fn percent(self, percent: u32) -> Self {
        Self(u32::try_from(u64::from(self.0) * u64::from(percent.min(100)) / 100).unwrap_or(self.0))
    }
}

impl TryFrom<f64> for Confidence {
    type Error = OutOfRange;
    fn try_from(value: f64) -> Result<Self, OutOfRange> {
        Self::new(value)
    }
}

impl From<Confidence> for f64 {
    fn from(confidence: Confidence) -> f64 {
        confidence.value()
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.value())
    }
}

/// What is known about a change beside what its provider says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Lines added and removed.
    pub changed_lines: u32,
    /// Files that differ.
    pub files: u32,
    /// The weakest way in which any hunk found its place.
    pub anchor: How,
    /// Findings of the gate that call for a person.
    pub review_findings: u32,
    /// What the checks said.
    pub checks: ChecksSoFar,
    /// How earlier changes of this provider and kind ended.
    pub history: History,
}

/// How the earlier changes of one provider for one kind of task ended, of those that came to an end by judgement: a
/// branch, or a no of the gate, the checks or a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// How many became a branch that still stands.
    pub accepted: u32,
    /// How many there were; never below `accepted`.
    pub total: u32,
}

impl History {
    /// Whether there is nothing to learn from.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// From 50 to 100 percent: half, and half of the rate of acceptance, to which [`PRIOR`] accepted ones are added.
    fn percent(self) -> u32 {
        let accepted = u64::from(self.accepted.min(self.total)) + PRIOR;
        let total = u64::from(self.total) + PRIOR;
        50 + u32::try_from(50 * accepted / total).unwrap_or(0)
    }
}

/// So many accepted changes are thought up for each provider: a single failure must not weigh as much as a record.
const PRIOR: u64 = 5;

/// What the checks have said when the number is worked out. Ordered from the worst to the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChecksSoFar {
    /// One failed on the candidate and not on the base.
    Failed,
    /// None has run.
    NotRun,
    /// All that ran passed.
    Passed,
}

/// A combined number, with the provider's own beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// What the provider said; none when it said nothing.
    pub raw: Option<Confidence>,
    /// What is made of it.
    pub combined: Confidence,
    /// The history that went into it.
    #[serde(default, skip_serializing_if = "History::is_empty")]
    pub history: History,
}

/// Holds the provider's number against the facts.
///
/// `combined = raw x checks x anchor x size x history x risk`, each factor at most 1:
/// - raw: as given; 0.5 when the provider gives none (it neither claims nor doubts);
/// - checks: passed 100 %, not run 80 %, failed 20 %;
/// - size: 100 % up to 10 changed lines, then down to 50 % at 500 and beyond, times 100 % for one file down to 70 %
///   for seven or more;
/// - anchor: exact 100 %, recounted 98 %, moved 95 %, white space 85 %, trimmed 70 %, numbered 60 %;
/// - history: 50 % + 50 % x (accepted + 5) / (total + 5) of this provider's changes of this kind; 100 % without any;
/// - risk: 90 % for each review finding, at most five times.
///
/// The result never falls when the provider's number, the checks or the history rise, and never rises when the change
/// grows, its anchors weaken or its risks increase (tested). The weights are our own first guess, to be calibrated with the
/// outcomes that the dashboard shows.
pub fn assess(raw: Option<Confidence>, facts: &Facts) -> Assessment {
    let ceiling = match facts.checks {
        ChecksSoFar::Passed => 100,
        ChecksSoFar::NotRun => 80,
        ChecksSoFar::Failed => 20,
    };
    let anchor = match facts.anchor {
        How::Exact => 100,
        How::Recounted => 98,
        How::Moved => 95,
        How::Whitespace => 85,
        How::Trimmed => 70,
        How::Numbered => 60,
    };
    let lines = 100 - facts.changed_lines.clamp(10, 500).saturating_sub(10) * 50 / 490;
    let files = 100 - facts.files.clamp(1, 7).saturating_sub(1) * 5;
    let start = raw.unwrap_or(Confidence(Confidence::ONE / 2));
    let factors = [ceiling, anchor, lines, files, facts.history.percent()];
    let mut combined = factors.into_iter().fold(start, Confidence::percent);
    for _ in 0..facts.review_findings.min(5) {
        combined = combined.percent(90);
    }
    Assessment { raw, combined, history: facts.history }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_out_of_range_is_refused_and_never_clamped() {
        for bad in [-0.1, 1.000001, f64::NAN, f64::INFINITY] {
            assert!(Confidence::new(bad).is_err());
        }
        let read: Confidence = serde_json::from_str("0.8").unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), "0.8");
        assert!(serde_json::from_str::<Confidence>("1.5").is_err());
    }

    #[test]
    fn the_providers_own_number_is_kept() {
        let facts = Facts {
            changed_lines: 2,
            files: 1,
            anchor: How::Exact,
            review_findings: 0,
            checks: ChecksSoFar::Passed,
            history: History::default(),
        };
        let assessment = assess(Confidence::new(0.9).ok(), &facts);
        assert_eq!(assessment.raw.unwrap().value(), 0.9);
        assert_eq!(assessment.combined.value(), 0.9);
        assert_eq!(assess(None, &facts).combined.value(), 0.5);
    }

    #[test]
    fn a_history_of_failures_halves_the_number_at_most_and_one_failure_hardly_counts() {
        let percent = |accepted, total| History { accepted, total }.percent();
        assert_eq!((percent(0, 0), percent(9, 9), percent(0, 1)), (100, 100, 91));
        assert_eq!((percent(5, 15), percent(0, 1_000_000)), (75, 50));
    }

    fn facts() -> impl Strategy<Value = Facts> {
        let anchors =
            vec![How::Exact, How::Recounted, How::Moved, How::Whitespace, How::Trimmed, How::Numbered];
        let checks = vec![ChecksSoFar::Failed, ChecksSoFar::NotRun, ChecksSoFar::Passed];
        let change = (0u32..700, 0u32..12, prop::sample::select(anchors), 0u32..8);
        let history = (0u32..40, 0u32..40)
            .prop_map(|(accepted, refused)| History { accepted, total: accepted + refused });
        (change, prop::sample::select(checks), history).prop_map(|(change, checks, history)| {
            let (changed_lines, files, anchor, review_findings) = change;
            Facts { changed_lines, files, anchor, review_findings, checks, history }
        })
    }

    proptest! {
        #[test]
        fn better_facts_never_lower_the_number(a in facts(), b in facts(), raw in 0u32..=1_000_000, more in 0u32..=1_000_000) {
            let worse = Facts {
                changed_lines: a.changed_lines.max(b.changed_lines),
                files: a.files.max(b.files),
                anchor: a.anchor.max(b.anchor),
                review_findings: a.review_findings.max(b.review_findings),
                checks: a.checks.min(b.checks),
                history: History {
                    accepted: a.history.accepted.min(b.history.accepted),
                    total: a.history.total.max(b.history.total),
                },
            };
            let (low, high) = (Confidence(raw.min(more)), Confidence(raw.max(more)));
            prop_assert!(assess(Some(low), &worse).combined <= assess(Some(high), &a).combined);
            prop_assert!(assess(Some(high), &a).combined <= high);
        }

        #[test]
        fn one_more_accepted_never_lowers_and_one_more_refused_never_raises(a in facts(), raw in 0u32..=1_000_000) {
            let with = |accepted, refused| {
                let History { accepted: a_, total } = a.history;
                let history = History { accepted: a_ + accepted, total: total + accepted + refused };
                assess(Some(Confidence(raw)), &Facts { history, ..a }).combined
            };
            prop_assert!(with(1, 0) >= with(0, 0));
            prop_assert!(with(0, 1) <= with(0, 0));
        }
    }
}
