//! Patch -> candidate: tree and commit as git objects, without a checkout, under a hidden ref.

use domain::event::{Candidate, Event};
use domain::gate::GatePass;
use domain::patch::FileResult;
use git::{OwnRef, Signature};

use crate::error::EngineError;
use crate::message;
use crate::result_check;
use crate::run::Run;
use crate::source::changes;
use crate::steps::extract;

pub(crate) async fn run(run: &mut Run<'_>) -> Result<(), EngineError> {
    let attempt = run.attempt()?.number;
    let own = own_ref(&run.intent.id, attempt)?;
    let announced = run.attempt()?.reference.is_some();
    if !announced {
        run.announce(Event::Staging { attempt, reference: own.full() }).await?;
    }
    let diff = extract::diff(run).await?;
    let pass =
        run.attempt()?.pass.clone().ok_or_else(|| EngineError::defect("staging needs the gate's pass"))?;
    let candidate = stage(run, &pass, diff.files(), &own)?;
    run.note(Event::Staged { attempt, candidate })
}

/// Writes the objects and the ref. May run twice: equal inputs give equal ids, and a ref that is there already with
/// that id is what we want.
fn stage(
    run: &Run<'_>,
    pass: &GatePass,
    files: &[FileResult],
    own: &OwnRef,
) -> Result<Candidate, EngineError> {
    let repository = &run.project.repository;
    let current = run.attempt()?;
    if current.patch.as_ref().is_none_or(|p| p.sha256 != *pass.patch()) {
        return Err(EngineError::defect("the gate passed another patch"));
    }
    let base = &run.intent.base;
    let tree = repository.edit(&base.tree, &changes(files))?;
    let found = repository.diff_trees(&base.tree, &tree)?;
    if let Some(difference) = result_check::difference(files, &found) {
        return Err(EngineError::defect(format!("the staged tree is not what was judged: {difference}")));
    }
    let message = message::candidate(&run.intent, current, &run.head);
    let commit =
        repository.commit(&tree, std::slice::from_ref(&base.commit), &message, &signature(run.began_at))?;
    match repository.read_ref(own)? {
        Some(found) if found == commit => {}
        Some(found) => repository.update_ref(own, &commit, &found)?,
        None => repository.create_ref(own, &commit)?,
    }
    Ok(Candidate { tree, commit, reference: own.full() })
}

/// The hidden ref of an attempt's candidate: `refs/codex-task/candidates/<intent>`, with the attempt from the second on.
fn own_ref(intent: &domain::ids::IntentId, attempt: u32) -> Result<OwnRef, EngineError> {
    let name = if attempt == 1 { intent.to_string() } else { format!("{intent}-{attempt}") };
    Ok(OwnRef::hidden(&format!("candidates/{name}"))?)
}

/// Who makes our commits: always ourselves, at the time the intent began, so that the same change has the same id.
pub(crate) fn signature(micros: i64) -> Signature {
    Signature {
        name: "codex-task".to_owned(),
        email: "codex-task@localhost".to_owned(),
        seconds: micros.div_euclid(1_000_000),
        offset: 0,
    }
}
