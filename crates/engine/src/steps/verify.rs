//! Candidate -> verification: the same checks on the base and on exactly the candidate's tree, in the sandbox.
//! Baselines are cached by tree, check and toolchain; the verdict is worked out by the domain from plain facts.

mod again;
mod baseline;
mod candidate;
mod history;
mod prepared;
mod runner;

use domain::confidence::{ChecksSoFar, Facts, History, assess};
use domain::event::{Candidate, Event};
use domain::gate;
use domain::ids::Sha256;
use domain::intent::Phase;
use domain::verification::{RunEnd, Verdict, Verification, judge_all};
use sandbox::Level;

use crate::checks::{CheckSpec, Detected, detect};
use crate::error::EngineError;
use crate::run::Run;
use crate::source::changes;
use crate::steps::{extract, finding_check, warm};
use crate::trees::TreeForm;
use crate::world::Update;

pub(crate) async fn run(run: &mut Run<'_>) -> Result<(), EngineError> {
    let attempt = run.attempt()?.number;
    let candidate = run.attempt()?.candidate.clone();
    let candidate = candidate.ok_or_else(|| EngineError::defect("there is no candidate to verify"))?;
    let name = format!("{}-{attempt}", run.intent.id);
    if run.intent.phase == Phase::Verifying {
        run.operator.sweep(&run.intent);
    }
    run.announce(Event::Verifying { attempt, tree_name: name.clone() }).await?;
    let diff = extract::diff(run).await?;
    let plan = Plan::new(run, name, &candidate, changes(diff.files()), &diff)?;
    let verification = verify(run, &plan, &diff).await?;
    if run.call.cancel.is_set() {
        return crate::steps::end::abort(run);
    }
    let history = history::of(run).await?;
    let confidence = assessment(run, &verification, history)?;
    run.note(Event::Verified { attempt, verification, confidence })
}

/// What is to be run, and where.
struct Plan {
    name: String,
    candidate: Candidate,
    changes: Vec<git::Change>,
    checks: Vec<CheckSpec>,
    notes: Vec<String>,
    level: Level,
    form: TreeForm,
    /// What was fetched for the lock files of the two sides.
    prepared: prepared::Sides,
    /// The name of the build caches that changes of this kind start from.
    warm: Option<Sha256>,
}

impl Plan {
    fn new(
        run: &Run<'_>,
        name: String,
        candidate: &Candidate,
        changes: Vec<git::Change>,
        diff: &domain::patch::CanonicalDiff,
    ) -> Result<Self, EngineError> {
        let (world, boxes) = (&run.operator.world, &run.project.boxes);
        let level = boxes.level(world)?;
        let changed: Vec<String> = diff.files().iter().map(|f| f.path.to_string()).collect();
        let form = boxes.form(world, level)?;
        let prepared = prepared::Sides::of(run, candidate, &changed, (form, level));
        let Detected { checks, notes } = detect(
            &run.project.source(),
            &|program| prepared.has_program(program) || boxes.has(world, program),
            &changed,
            &run.project.config.checks,
        );
        let warm = warm::key(run, form, level, prepared.id());
        let candidate = candidate.clone();
        Ok(Self { name, candidate, changes, checks, notes, level, form, prepared, warm })
    }

    /// The name of the base's tree.
    fn base_name(&self) -> String {
        format!("{}-base", self.name)
    }

    /// The name of the candidate's second tree.
    fn beside_name(&self) -> String {
        format!("{}-beside", self.name)
    }
}

async fn verify(
    run: &mut Run<'_>,
    plan: &Plan,
    diff: &domain::patch::CanonicalDiff,
) -> Result<Verification, EngineError> {
    for note in plan.notes.iter().chain(&plan.prepared.unprepared) {
        run.call.progress.update(&run.intent.id, &Update::Note(note));
    }
    let mut checks = Vec::new();
    if let Some(result) = finding_check::run(run.project, &run.intent.task, diff) {
        checks.push(result);
    }
    let still_there = checks.iter().any(|c| c.candidate.end != RunEnd::Passed);
    let (mut changed, mut form) = (Vec::new(), plan.form.as_str());
    // A change that does not even remove its finding is not worth a test run.
    if !still_there && !plan.checks.is_empty() {
        let baselines = baseline::runs(run, plan).await?;
        let found = candidate::runs(run, plan, &baselines).await?;
        checks.extend(found.results);
        (changed, form) = (found.changed, found.form);
    }
    let verdict = judge_all(&checks, &changed);
    Ok(Verification {
        tree: plan.candidate.tree.clone(),
        sandbox: plan.level.to_string(),
        limits: run.project.boxes.limits(&run.operator.world, plan.level)?,
        tree_form: form.to_owned(),
        checks,
        changed,
        verdict: with_notes(plan.prepared.judge(verdict, run), plan),
    })
}

/// When nothing was shown, the reasons why checks were left out belong to the verdict.
fn with_notes(verdict: Verdict, plan: &Plan) -> Verdict {
    let notes = &plan.notes;
    match verdict {
        Verdict::NotVerified { why } if !notes.is_empty() => {
            Verdict::NotVerified { why: format!("{why} ({})", notes.join("; ")) }
        }
        other => other,
    }
}

fn assessment(
    run: &Run<'_>,
    verification: &Verification,
    history: History,
) -> Result<domain::confidence::Assessment, EngineError> {
    let current = run.attempt()?;
    let patch = current.patch.as_ref().ok_or_else(|| EngineError::defect("a verification needs a patch"))?;
    let reviews = current.judgement.as_ref().map_or(0, |j| gate::refusals(j).len());
    let facts = Facts {
        changed_lines: patch.stat.changed(),
        files: patch.stat.files,
        anchor: patch.anchor,
        review_findings: u32::try_from(reviews).unwrap_or(u32::MAX),
        checks: match verification.verdict {
            Verdict::Verified => ChecksSoFar::Passed,
            Verdict::Failed { .. } | Verdict::Void { .. } => ChecksSoFar::Failed,
            Verdict::NotVerified { .. } | Verdict::BaselineBroken { .. } => ChecksSoFar::NotRun,
        },
        history,
    };
    Ok(assess(patch.raw_confidence, &facts))
}
