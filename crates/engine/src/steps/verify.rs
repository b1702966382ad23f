//! Candidate -> verification: the same checks on the base and on exactly the candidate's tree, in the sandbox.
//! Baselines are cached by tree, check and toolchain; the verdict is worked out by the domain from plain facts.

mod again;
mod history;
mod prepared;

use std::collections::BTreeMap;

use domain::confidence::{ChecksSoFar, Facts, History, assess};
use domain::event::{Candidate, Event};
use domain::gate;
use domain::ids::Sha256;
use domain::intent::Phase;
use domain::verification::{
    BothSides, CheckResult, Run as CheckRun, RunEnd, TestEnd, Verdict, Verification, judge_all,
};
use sandbox::Level;

use crate::check_run::{CheckPlace, run_check};
use crate::checks::{CheckSpec, Detected, detect};
use crate::error::EngineError;
use crate::run::Run;
use crate::source::changes;
use crate::steps::{extract, finding_check, warm};
use crate::trees::{Content, Over, Tree, TreeForm, Trees};
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
        let baselines = baselines(run, plan).await?;
        let base = run.intent.base.clone();
        let content = Content::candidate(&run.project.repository, &base.tree, &plan.candidate, &plan.changes);
        let tree = open(run, plan, &plan.name, &content, false)?;
        form = tree.form();
        for check in &plan.checks {
            let key = check.key();
            let baseline = baselines.get(&key).cloned();
            let baseline = baseline.ok_or_else(|| EngineError::defect("a check without a baseline"))?;
            let bounded = check.bounded_by(&baseline);
            let candidate = one(run, plan, &bounded, &tree, false).await?;
            let again = again::run(run, plan, &bounded, (&baseline, &candidate), &tree).await?;
            let sides = BothSides { baseline, candidate, again };
            checks.push(CheckResult::new(check.name.clone(), check.kind, check.argv.clone(), sides));
        }
        changed = tree.changed(&content)?;
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

fn open(
    run: &Run<'_>,
    plan: &Plan,
    name: &str,
    content: &Content<'_>,
    baseline: bool,
) -> Result<Tree, EngineError> {
    // What was built over one set of dependencies does not fit another.
    let warm = plan.warm.as_ref().filter(|_| baseline || plan.prepared.are_same());
    let over = Over { warm, prepared: plan.prepared.under(baseline) };
    Trees::new(&run.operator.world.folders).open(name, content, plan.form, plan.level, over)
}

/// The checks' runs on the base, from the cache where they were run before; by the check's key.
async fn baselines(run: &mut Run<'_>, plan: &Plan) -> Result<BTreeMap<Sha256, CheckRun>, EngineError> {
    let mut found = Baselines::look_up(run, plan).await?;
    let mut turn = None;
    if !found.wanted.is_empty() {
        turn = warm::turn(run).await?;
        // Another process may have run them meanwhile.
        found = Baselines::look_up(run, plan).await?;
    }
    for check in &plan.checks {
        if let Some(known) = found.known.get(&check.key()) {
            ended(run, check, true, true, known);
        }
    }
    if !found.wanted.is_empty() {
        run_on_base(run, plan, &mut found).await?;
    }
    drop(turn);
    Ok(found.known)
}

/// What is known of the base, and what is to be run on it.
struct Baselines<'a> {
    known: BTreeMap<Sha256, CheckRun>,
    wanted: Vec<&'a CheckSpec>,
}

impl<'a> Baselines<'a> {
    async fn look_up(run: &Run<'_>, plan: &'a Plan) -> Result<Self, EngineError> {
        let (mut known, mut wanted, mut cold) = (BTreeMap::new(), Vec::new(), Vec::new());
        let layers = warm::layers(run, plan.warm.as_ref());
        for check in &plan.checks {
            let cache_key = cache_key(run, plan, check);
            let cached = run.operator.store.cached(&cache_key).await?;
            let lasting = cached.and_then(|bytes| serde_json::from_slice::<CheckRun>(&bytes).ok());
            match lasting.or_else(|| run.project.failed_baseline(&cache_key)) {
                Some(found) => {
                    if plan.warm.is_some() && warm::is_warmed(check) && !layers.cover(&cache_key) {
                        cold.push(check);
                    }
                    known.insert(check.key(), found);
                }
                None => wanted.push(check),
            }
        }
        if warm::is_worth_a_run(cold.iter().filter_map(|check| known.get(&check.key()))) {
            wanted.extend(cold);
        }
        Ok(Self { known, wanted })
    }
}

/// Runs what is wanted on the base, and keeps the build caches that it leaves for this change and later ones.
async fn run_on_base(
    run: &mut Run<'_>,
    plan: &Plan,
    baselines: &mut Baselines<'_>,
) -> Result<(), EngineError> {
    let base = run.intent.base.clone();
    let content = Content::base(&run.project.repository, &base);
    let mut tree = open(run, plan, &format!("{}-base", plan.name), &content, true)?;
    let mut ran = Vec::new();
    for check in plan.checks.iter().filter(|check| baselines.wanted.contains(check)) {
        let found = one(run, plan, check, &tree, true).await?;
        tree.ran(check.kind, &content)?;
        let key = cache_key(run, plan, check);
        if warm::is_warmed(check) {
            ran.push((key.clone(), found.end.clone()));
        }
        if baselines.known.contains_key(&check.key()) {
            // It was run again for its build caches only.
            continue;
        }
        if run.call.cancel.is_set() {
            // A run that was stopped says nothing.
        } else if is_worth_keeping(&found) {
            let bytes = serde_json::to_vec(&found).unwrap_or_default();
            let now = run.operator.world.clock.now_micros();
            run.operator.store.put_cached(&key, &bytes, store::Micros(now)).await?;
        } else if found.end.why_not_run().is_none() {
            run.project.keep_failed_baseline(key, found.clone());
        }
        baselines.known.insert(check.key(), found);
    }
    if plan.warm.is_some() {
        warm::keep(run, tree, &content, &ran);
        warm::trim(run);
    }
    Ok(())
}

/// A run that passed, or in which some tests did, says something about the tree. One that failed as a whole may as well
/// speak of the machine (a dependency that is not fetched yet), and would let a later pass look like a repair.
fn is_worth_keeping(found: &CheckRun) -> bool {
    found.end == RunEnd::Passed || found.tests.iter().any(|t| t.end == TestEnd::Passed)
}

fn cache_key(run: &Run<'_>, plan: &Plan, check: &CheckSpec) -> Sha256 {
    let program = check.argv.first().map_or("", String::as_str);
    let stamp = run.project.boxes.stamp(&run.operator.world, program);
    let key = check.key();
    let level = plan.level.to_string();
    let mut fields = vec![
        b"baseline 1".as_slice(),
        run.intent.base.tree.as_str().as_bytes(),
        key.as_str().as_bytes(),
        level.as_bytes(),
        stamp.as_str().as_bytes(),
    ];
    // A run without the dependencies, or with others, says nothing of one with them.
    fields.extend(plan.prepared.id().map(|id| id.as_str().as_bytes()));
    Sha256::of_fields(&fields)
}

/// One run of one check, told to whoever watches.
async fn one(
    run: &mut Run<'_>,
    plan: &Plan,
    check: &CheckSpec,
    tree: &Tree,
    baseline: bool,
) -> Result<CheckRun, EngineError> {
    run.call.progress.update(&run.intent.id, &Update::CheckBegins { name: &check.name, baseline });
    let name = if baseline { format!("{}-base", plan.name) } else { plan.name.clone() };
    let at = if baseline { run.intent.base.tree.clone() } else { plan.candidate.tree.clone() };
    let place =
        CheckPlace { level: plan.level, tree, marker: name, repository: &run.project.repository, at: &at };
    let (world, boxes, cancel) = (&run.operator.world, &run.project.boxes, run.call.cancel);
    let (found, output) = run_check(world, boxes, &place, check, cancel).await?;
    if let Some(output) = output {
        run.blob(output);
    }
    ended(run, check, baseline, false, &found);
    Ok(found)
}

fn ended(run: &Run<'_>, check: &CheckSpec, baseline: bool, cached: bool, found: &CheckRun) {
    let update = Update::CheckEnded { name: &check.name, baseline, cached, run: found };
    run.call.progress.update(&run.intent.id, &update);
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
