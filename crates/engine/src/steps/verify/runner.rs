//! Runs checks in trees: opens the tree, tells whoever watches, and collects the outputs that are to be recorded.

use domain::ids::TreeId;
use domain::verification::Run as CheckRun;
use tracing::Instrument;

use super::Plan;
use crate::check_run::{CheckPlace, run_check};
use crate::checks::CheckSpec;
use crate::error::EngineError;
use crate::run::Run;
use crate::spans;
use crate::trees::{Content, Over, Tree, Trees};
use crate::world::Update;

/// Which of the two sides of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Base,
    Candidate,
}

/// Runs checks one after the other. Several may be at work on the same plan, each with trees of its own.
pub(super) struct Runner<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) plan: &'a Plan,
    /// What the checks printed, for the record.
    pub(super) outputs: Vec<Vec<u8>>,
}

impl<'a> Runner<'a> {
    pub(super) fn new(run: &'a Run<'a>, plan: &'a Plan) -> Self {
        Self { run, plan, outputs: Vec::new() }
    }

    /// The tree id of this side.
    pub(super) fn tree_at(&self, side: Side) -> &'a TreeId {
        match side {
            Side::Base => &self.run.intent.base.tree,
            Side::Candidate => &self.plan.candidate.tree,
        }
    }

    /// Runs one check in a tree of this side.
    pub(super) async fn one(
        &mut self,
        check: &CheckSpec,
        tree: &Tree,
        side: Side,
    ) -> Result<CheckRun, EngineError> {
        let (run, plan) = (self.run, self.plan);
        let baseline = side == Side::Base;
        run.call.progress.update(&run.intent.id, &Update::CheckBegins { name: &check.name, baseline });
        let at = self.tree_at(side);
        let marker = tree.name().to_owned();
        let place = CheckPlace { level: plan.level, tree, marker, repository: &run.project.repository, at };
        let (world, boxes, cancel) = (&run.operator.world, &run.project.boxes, run.call.cancel);
        let span = spans::check(&check.name, baseline);
        let ran = run_check(world, boxes, &place, check, cancel).instrument(span.clone()).await;
        let (found, output) = ran.inspect(|(found, _)| spans::ended(&span, found))?;
        self.outputs.extend(output);
        ended(run, check, side, false, &found);
        Ok(found)
    }
}

/// Lays out a tree of one side. `name` is the name of the plan, or one that begins with it.
pub(super) fn open(
    run: &Run<'_>,
    plan: &Plan,
    name: &str,
    content: &Content<'_>,
    side: Side,
) -> Result<Tree, EngineError> {
    let baseline = side == Side::Base;
    // What was built over one set of dependencies does not fit another.
    let warm = plan.warm.as_ref().filter(|_| baseline || plan.prepared.are_same());
    let over = Over { warm, prepared: plan.prepared.under(baseline) };
    Trees::new(&run.operator.world.folders).open(name, content, plan.form, plan.level, over)
}

/// Tells that a check ended.
pub(super) fn ended(run: &Run<'_>, check: &CheckSpec, side: Side, cached: bool, found: &CheckRun) {
    let baseline = side == Side::Base;
    let update = Update::CheckEnded { name: &check.name, baseline, cached, run: found };
    run.call.progress.update(&run.intent.id, &update);
}
