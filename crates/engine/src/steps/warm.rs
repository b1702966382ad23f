//! The build caches under a change: which there are, when they are made again, and who may run the checks on a base.
//! It decides how fast checks are, never what they say.

use std::time::Duration;

use domain::ids::Sha256;
use domain::verification::{Run as CheckRun, RunEnd};

use crate::checks::{CheckSpec, FilesArg};
use crate::error::EngineError;
use crate::run::Run;
use crate::trees::{Content, Kept, Layers, Tree, TreeForm, Trees, Turn};
use crate::world::Update;

/// Baselines that took less than this together are not run again only to warm the trees.
const WORTH_A_RUN: u64 = 5_000;

/// How often it is looked whether another process is done with the base.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Under which name layers are found: everything but the checks that they depend on. `None`: they are not used here.
/// `prepared` is what was fetched for the base's lock files.
pub(crate) fn key(
    run: &Run<'_>,
    form: TreeForm,
    level: sandbox::Level,
    prepared: Option<&Sha256>,
) -> Option<Sha256> {
    if form != TreeForm::Overlay || !run.project.config.trees.warm {
        return None;
    }
    let stamp = run.project.boxes.stamp(&run.operator.world, "");
    let mut fields = vec![b"warm 1".as_slice(), level.as_str().as_bytes(), stamp.as_str().as_bytes()];
    fields.extend(prepared.map(|id| id.as_str().as_bytes()));
    Some(Sha256::of_fields(&fields))
}

/// The layers that there are for the base.
pub(crate) fn layers(run: &Run<'_>, key: Option<&Sha256>) -> Layers {
    let trees = Trees::new(&run.operator.world.folders);
    key.map(|key| trees.layers(&run.project.repository, &run.intent.base.tree, key)).unwrap_or_default()
}

/// Whether the caches of a check are worth keeping: one that looks at a change's own files runs differently for each.
pub(crate) fn is_warmed(check: &CheckSpec) -> bool {
    check.files == FilesArg::Nothing
}

/// Whether these known baselines are to be run again, because their caches are gone and cost more than a run on a cold tree.
pub(crate) fn is_worth_a_run<'a>(runs: impl Iterator<Item = &'a CheckRun>) -> bool {
    runs.map(|run| run.wall_ms).sum::<u64>() >= WORTH_A_RUN
}

/// Waits until no other process runs checks on the base; `None` when the run was stopped meanwhile.
pub(crate) async fn turn(run: &Run<'_>) -> Result<Option<Turn>, EngineError> {
    let trees = Trees::new(&run.operator.world.folders);
    let mut told = false;
    loop {
        if let Some(turn) = trees.turn(&run.project.repository, &run.intent.base.tree)? {
            return Ok(Some(turn));
        }
        if run.call.cancel.is_set() {
            return Ok(None);
        }
        if !told {
            let note = "another process runs checks on this base: waiting for what it finds";
            run.call.progress.update(&run.intent.id, &Update::Note(note));
            told = true;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Removes what was used longest ago of all bases, if they take more than their quota.
pub(crate) fn trim(run: &Run<'_>) {
    let quota = run.project.config.trees.quota();
    Trees::new(&run.operator.world.folders).trim(&run.project.repository, &run.intent.base.tree, quota);
}

/// Keeps what the runs on the base left, if all of them ended by themselves. That nothing could be kept is told, and no
/// reason to fail.
pub(crate) fn keep(run: &Run<'_>, tree: Tree, content: &Content<'_>, ran: &[(Sha256, RunEnd)]) {
    let by_itself = |end: &RunEnd| matches!(end, RunEnd::Passed | RunEnd::Failed { .. });
    if ran.is_empty() || !ran.iter().all(|(_, end)| by_itself(end)) {
        return;
    }
    let covers = ran.iter().map(|(key, _)| key.clone()).collect();
    let note = match tree.keep_warm(content, covers, run.project.config.trees.quota()) {
        Ok(Kept::Layer(bytes)) => {
            format!("build caches of the base are kept for its changes: {} MiB", bytes >> 20)
        }
        Ok(Kept::TooLarge) => "build caches of the base are larger than trees.quota_mb: not kept".to_owned(),
        Ok(Kept::Nothing(_)) => return,
        Err(error) => format!("build caches of the base could not be kept: {error}"),
    };
    run.call.progress.update(&run.intent.id, &Update::Note(&note));
}
