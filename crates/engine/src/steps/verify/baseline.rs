//! The checks on the base: from the cache by tree, check and toolchain, else run there once for all changes of the base.

use std::collections::BTreeMap;

use domain::ids::Sha256;
use domain::verification::{Run as CheckRun, RunEnd, TestEnd};

use super::Plan;
use super::runner::{Runner, Side, ended, open};
use crate::checks::CheckSpec;
use crate::error::EngineError;
use crate::run::Run;
use crate::steps::warm;
use crate::trees::Content;

/// The checks' runs on the base, from the cache where they were run before; by the check's key.
pub(super) async fn runs(run: &mut Run<'_>, plan: &Plan) -> Result<BTreeMap<Sha256, CheckRun>, EngineError> {
    let mut found = Baselines::look_up(run, plan).await?;
    let mut turn = None;
    if !found.wanted.is_empty() {
        turn = warm::turn(run).await?;
        // Another process may have run them meanwhile.
        found = Baselines::look_up(run, plan).await?;
    }
    for check in &plan.checks {
        if let Some(known) = found.known.get(&check.key()) {
            ended(run, check, Side::Base, true, known);
        }
    }
    if !found.wanted.is_empty() {
        let outputs = run_on_base(run, plan, &mut found).await?;
        outputs.into_iter().for_each(|output| drop(run.blob(output)));
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

/// Runs what is wanted on the base, and keeps the build caches that it leaves for this change and later ones. Gives what
/// the checks printed.
async fn run_on_base(
    run: &Run<'_>,
    plan: &Plan,
    baselines: &mut Baselines<'_>,
) -> Result<Vec<Vec<u8>>, EngineError> {
    let base = run.intent.base.clone();
    let content = Content::base(&run.project.repository, &base);
    let mut tree = open(run, plan, &plan.base_name(), &content, Side::Base)?;
    let mut ran = Vec::new();
    let mut runner = Runner::new(run, plan);
    for check in plan.checks.iter().filter(|check| baselines.wanted.contains(check)) {
        let found = runner.one(check, &tree, Side::Base).await?;
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
    Ok(runner.outputs)
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
