//! What is to be seen of a story, in one value: what `expected.yaml` holds, and what the registry and the repository
//! show afterwards. The two are compared whole; what a file leaves out is expected to be absent.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use domain::gate::Verdict as GateVerdict;
use domain::intent::{Attempt, Intent, Phase};
use domain::verification::{CheckVerdict, Verdict, Verification};
use serde::{Deserialize, Serialize};
use similar::TextDiff;

use crate::support::Place;

/// The story of one intent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Story {
    /// The status at rest: `published`, `needs-person`, `refused`...
    pub(crate) end: String,
    /// What the program exits with. Not compared where the engine runs alone.
    pub(crate) exit_code: i32,
    /// Texts that stand in the reasons of the end, or of the need for a person.
    pub(crate) why: Vec<String>,
    /// The names of all events, in order.
    pub(crate) events: Vec<String>,
    /// Each proposal.
    pub(crate) attempts: Vec<Told>,
    /// The files in which the last candidate differs from the base: their text, or null when they are gone.
    pub(crate) files: BTreeMap<String, Option<String>>,
    /// The modes of those, when they are not 100644.
    pub(crate) modes: BTreeMap<String, String>,
    /// Whether there is a branch.
    pub(crate) branch: bool,
    /// How many candidates are kept.
    pub(crate) candidates: usize,
    /// What all of it cost, in micro-dollars.
    pub(crate) billed: u64,
    /// How many requests the model got.
    pub(crate) requests: usize,
    /// Texts that stand in the last request.
    pub(crate) prompted: Vec<String>,
}

/// One proposal and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Told {
    provider: String,
    /// The attempt whose failure it repairs.
    repairs: Option<u32>,
    /// Why there is no answer.
    failure: Option<String>,
    /// Texts that stand in the reasons why the answer could not be read: one for each reason, in order.
    refused: Vec<String>,
    no_change: bool,
    /// The steps of the plan that was read.
    plan: Vec<String>,
    mended: Vec<String>,
    /// The weakest way in which a hunk found its place.
    anchor: Option<String>,
    /// The gate's verdict, and the ids of all rules that spoke.
    gate: Option<String>,
    rules: Vec<String>,
    /// Each check's verdict.
    checks: BTreeMap<String, String>,
    /// The verdict of each test that did not simply pass on both sides.
    tests: BTreeMap<String, String>,
    verdict: Option<String>,
    billed: u64,
}

impl Story {
    /// Reads `expected.yaml`.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|e| format!("expected.yaml: {e}"))?;
        serde_saphyr::from_str(&text).map_err(|e| format!("expected.yaml: {e}"))
    }

    /// What the registry and the repository show of the only intent. `exit_code`, `requests` and `prompted` are the
    /// caller's to fill in.
    pub(crate) fn of(place: &Place) -> Self {
        let intent = place.intent();
        let mut story = Self {
            end: intent.status().to_owned(),
            why: reasons(&intent),
            events: place.event_names(&intent.id).into_iter().map(str::to_owned).collect(),
            attempts: intent.attempts.iter().map(Told::of).collect(),
            branch: intent.phase == Phase::Published,
            candidates: intent.attempts.iter().filter(|a| a.candidate.is_some()).count(),
            billed: intent.billed().micros(),
            ..Self::default()
        };
        if let Some(candidate) = intent.attempts.iter().rev().find_map(|a| a.candidate.as_ref()) {
            story.read_changes(place, intent.base.tree.as_str(), candidate.commit.as_str());
        }
        story
    }

    fn read_changes(&mut self, place: &Place, base: &str, candidate: &str) {
        let raw = place.repo.git(&["diff-tree", "-r", "--no-renames", "--raw", base, candidate]);
        for line in raw.lines() {
            let (facts, path) = line.split_once('\t').unwrap();
            let mode = facts.split(' ').nth(1).unwrap();
            if mode == "000000" {
                self.files.insert(path.to_owned(), None);
                continue;
            }
            let blob = format!("{candidate}:{path}");
            let shown = place.repo.try_git(place.repo.path(), &["cat-file", "blob", &blob]);
            self.files.insert(path.to_owned(), Some(String::from_utf8(shown.stdout).unwrap()));
            if mode != "100644" {
                self.modes.insert(path.to_owned(), mode.to_owned());
            }
        }
    }

    /// The lines in which `seen` differs from what is expected; `None` when it does not.
    pub(crate) fn difference(&self, seen: &Self) -> Option<String> {
        let mut seen = seen.clone();
        fit(&self.why, &mut seen.why);
        fit(&self.prompted, &mut seen.prompted);
        for (expected, told) in self.attempts.iter().zip(&mut seen.attempts) {
            fit_each(&expected.refused, &mut told.refused);
        }
        let (expected, seen) = (pretty(self), pretty(&seen));
        let diff = TextDiff::from_lines(&expected, &seen);
        (expected != seen).then(|| diff.unified_diff().context_radius(2).to_string())
    }
}

/// Puts the expected texts in the place of the long ones, when each stands in one of these.
fn fit(expected: &[String], seen: &mut Vec<String>) {
    let stands = |text: &String| seen.iter().any(|long| long.contains(text.as_str()));
    if expected.iter().all(stands) {
        *seen = expected.to_vec();
    }
}

/// The same one by one, in order.
fn fit_each(expected: &[String], seen: &mut [String]) {
    for (text, long) in expected.iter().zip(seen) {
        if long.contains(text.as_str()) {
            *long = text.clone();
        }
    }
}

fn pretty(story: &Story) -> String {
    format!("{}\n", serde_json::to_string_pretty(story).unwrap())
}

/// Why it ended so, or why a person has to decide.
fn reasons(intent: &Intent) -> Vec<String> {
    match &intent.ended {
        Some((_, why)) => vec![why.clone()],
        None => engine::steps::end::waiting_for(intent).to_vec(),
    }
}

impl Told {
    fn of(attempt: &Attempt) -> Self {
        let patch = attempt.patch.as_ref();
        let judgement = attempt.judgement.as_ref();
        let checks = attempt.verification.iter().flat_map(|v| &v.checks);
        let tests = checks.clone().flat_map(|check| &check.tests);
        Self {
            provider: attempt.provider.to_string(),
            repairs: attempt.repairs,
            failure: attempt.failure.as_ref().map(|f| f.kind.as_str().to_owned()),
            refused: attempt.refused.clone().unwrap_or_default(),
            no_change: attempt.refusal == Some(domain::patch::Class::NoChange),
            plan: attempt.plan.as_ref().map(|plan| plan.steps.clone()).unwrap_or_default(),
            mended: patch.map(|p| p.mended.clone()).unwrap_or_default(),
            anchor: patch.map(|p| word(&p.anchor)),
            gate: judgement.map(|j| j.verdict.to_string()),
            rules: rules(judgement.iter().flat_map(|j| &j.findings)),
            checks: checks.map(|c| (c.name.clone(), check_word(&c.verdict).to_owned())).collect(),
            tests: tests.map(|t| (t.name.clone(), t.verdict.as_str().to_owned())).collect(),
            verdict: attempt.verification.as_ref().map(|v| verdict_word(v).to_owned()),
            billed: attempt.charge.map_or(0, |c| c.billed.micros()),
        }
    }
}

/// The ids of the rules that spoke, each once, in the order of the alphabet.
fn rules<'a>(findings: impl Iterator<Item = &'a domain::gate::GateFinding>) -> Vec<String> {
    let mut ids: Vec<String> =
        findings.filter(|f| f.verdict != GateVerdict::Pass).map(|f| f.rule.id().to_owned()).collect();
    ids.sort();
    ids.dedup();
    ids
}

fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

fn check_word(verdict: &CheckVerdict) -> &'static str {
    match verdict {
        CheckVerdict::Passed => "passed",
        CheckVerdict::Fixed => "fixed",
        CheckVerdict::Regressed { .. } => "regressed",
        CheckVerdict::PreExisting => "pre-existing",
        CheckVerdict::Flaky { .. } => "flaky",
        CheckVerdict::NotVerified { .. } => "not-verified",
    }
}

fn verdict_word(verification: &Verification) -> &'static str {
    match verification.verdict {
        Verdict::Verified => "verified",
        Verdict::Failed { .. } => "failed",
        Verdict::NotVerified { .. } => "not-verified",
        Verdict::BaselineBroken { .. } => "baseline-broken",
        Verdict::Void { .. } => "void",
    }
}
