//! The checks on the candidate. Linters and type checkers run beside the tests, in a tree of their own, where both trees
//! start from the base's build caches: on two cores the whole takes hardly longer than the tests alone.

use std::collections::BTreeMap;

use domain::ids::Sha256;
use domain::verification::{BothSides, CheckResult, Run as CheckRun};

use super::runner::{Runner, Side, open};
use super::{Plan, again};
use crate::checks::CheckSpec;
use crate::error::EngineError;
use crate::run::Run;
use crate::trees::{Content, Tree};

/// What was found on the candidate.
pub(super) struct Found {
    /// A result for each check, in the plan's order.
    pub(super) results: Vec<CheckResult>,
    /// The tracked files that a check changed.
    pub(super) changed: Vec<String>,
    /// How the trees were laid out.
    pub(super) form: &'static str,
}

/// Runs the plan's checks on the candidate. `baselines` are their runs on the base, by the check's key.
pub(super) async fn runs(
    run: &mut Run<'_>,
    plan: &Plan,
    baselines: &BTreeMap<Sha256, CheckRun>,
) -> Result<Found, EngineError> {
    let base = run.intent.base.tree.clone();
    let content = Content::candidate(&run.project.repository, &base, &plan.candidate, &plan.changes);
    let tree = open(run, plan, &plan.name, &content, Side::Candidate)?;
    let form = tree.form();
    let together = run.project.config.checks.together && tree.is_warm() && is_parallel_machine();
    let (beside, main) = split(&plan.checks, together);
    let (mut main, mut beside) =
        (Lane::new(run, plan, main, baselines), Lane::new(run, plan, beside, baselines));
    let mut changed = Vec::new();
    if beside.checks.is_empty() {
        main.go(&tree).await?;
    } else {
        let other = open(run, plan, &plan.beside_name(), &content, Side::Candidate)?;
        // Both are waited for, also when one fails: a box must not outlive its tree.
        let (first, second) = tokio::join!(main.go(&tree), beside.go(&other));
        first.and(second)?;
        changed = other.changed(&content)?;
    }
    changed.extend(tree.changed(&content)?);
    changed.sort();
    changed.dedup();
    let mut results: Vec<(usize, CheckResult)> = main.results.into_iter().chain(beside.results).collect();
    results.sort_by_key(|(place, _)| *place);
    let outputs: Vec<Vec<u8>> = main.runner.outputs.into_iter().chain(beside.runner.outputs).collect();
    outputs.into_iter().for_each(|output| drop(run.blob(output)));
    Ok(Found { results: results.into_iter().map(|(_, result)| result).collect(), changed, form })
}

/// Checks, each with its place in the plan.
type Placed<'a> = Vec<(usize, &'a CheckSpec)>;

/// The checks that may run beside the others, and the others.
fn split(checks: &[CheckSpec], together: bool) -> (Placed<'_>, Placed<'_>) {
    let (beside, main): (Vec<_>, Vec<_>) =
        checks.iter().enumerate().partition(|(_, check)| together && check.only_reads);
    // Two trees are worth it only where there are two to run.
    if main.is_empty() { (main, beside) } else { (beside, main) }
}

fn is_parallel_machine() -> bool {
    std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1)
}

/// Checks that run one after the other in one tree.
struct Lane<'a> {
    runner: Runner<'a>,
    checks: Vec<(usize, &'a CheckSpec)>,
    baselines: &'a BTreeMap<Sha256, CheckRun>,
    results: Vec<(usize, CheckResult)>,
}

impl<'a> Lane<'a> {
    fn new(
        run: &'a Run<'a>,
        plan: &'a Plan,
        checks: Vec<(usize, &'a CheckSpec)>,
        baselines: &'a BTreeMap<Sha256, CheckRun>,
    ) -> Self {
        Self { runner: Runner::new(run, plan), checks, baselines, results: Vec::new() }
    }

    async fn go(&mut self, tree: &Tree) -> Result<(), EngineError> {
        for (place, check) in &self.checks {
            let baseline = self.baselines.get(&check.key()).cloned();
            let baseline = baseline.ok_or_else(|| EngineError::defect("a check without a baseline"))?;
            let bounded = check.bounded_by(&baseline);
            let candidate = self.runner.one(&bounded, tree, Side::Candidate).await?;
            let again = again::run(&mut self.runner, &bounded, (&baseline, &candidate), tree).await?;
            let sides = BothSides { baseline, candidate, again };
            let result = CheckResult::new(check.name.clone(), check.kind, check.argv.clone(), sides);
            self.results.push((*place, result));
        }
        Ok(())
    }
}
