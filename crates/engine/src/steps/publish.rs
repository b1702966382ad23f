//! Approval -> publication: a local feature branch at exactly the verified tree.

use domain::decision::Approval;
use domain::event::{Event, Publication};
use domain::ids::CommitId;
use git::OwnRef;

use crate::error::EngineError;
use crate::message;
use crate::run::Run;
use crate::steps::stage::signature;

pub(crate) async fn run(run: &mut Run<'_>) -> Result<(), EngineError> {
    let current = run.attempt()?;
    let attempt = current.number;
    let approval =
        current.approval.clone().ok_or_else(|| EngineError::defect("publishing needs an approval"))?;
    let mut publication = match &run.intent.publication {
        Some(announced) => announced.clone(),
        None => announce(run, branch(run)?, commit(run, &approval)?).await?,
    };
    if let Err(error) = make_branch(run, &publication) {
        let other = branch_of_its_own(run)?;
        if !is_taken(&error) || publication.reference == other {
            return Err(error);
        }
        publication = announce(run, other, publication.commit).await?;
        make_branch(run, &publication)?;
    }
    run.note(Event::Published { attempt, publication })
}

async fn announce(
    run: &mut Run<'_>,
    reference: String,
    commit: CommitId,
) -> Result<Publication, EngineError> {
    let attempt = run.attempt()?.number;
    let publication = Publication { reference, commit };
    run.announce(Event::Publishing { attempt, publication: publication.clone() }).await?;
    Ok(publication)
}

/// The commit to publish: the candidate itself, or one with the same tree and the person's message.
fn commit(run: &Run<'_>, approval: &Approval) -> Result<CommitId, EngineError> {
    let candidate = run.attempt()?.candidate.as_ref();
    let candidate = candidate.ok_or_else(|| EngineError::defect("publishing needs a candidate"))?;
    if candidate.tree != approval.binding().result {
        return Err(EngineError::defect("the approval is for another tree"));
    }
    let Some(text) = approval.message() else { return Ok(candidate.commit.clone()) };
    let message = message::with_trailers(text, &run.intent, run.attempt()?, &run.head);
    let parents = std::slice::from_ref(&run.intent.base.commit);
    Ok(run.project.repository.commit(&candidate.tree, parents, &message, &signature(run.began_at))?)
}

/// The name of the branch; one with the intent's short id where that is taken.
fn branch(run: &Run<'_>) -> Result<String, EngineError> {
    let own = OwnRef::branch(&message::branch(&run.intent.task, run.began_at))?;
    if run.project.repository.read_ref(&own)?.is_none() { Ok(own.full()) } else { branch_of_its_own(run) }
}

/// A name that no other intent takes, also where two with the same words began within the same second.
fn branch_of_its_own(run: &Run<'_>) -> Result<String, EngineError> {
    let name = message::branch(&run.intent.task, run.began_at);
    Ok(OwnRef::branch(&format!("{name}-{}", run.intent.id.short()))?.full())
}

/// Whether the branch's name is somebody else's by now, be it an operator with another registry.
fn is_taken(error: &EngineError) -> bool {
    matches!(error, EngineError::Moved { .. } | EngineError::Git(git::GitError::RefExists { .. }))
}

/// Makes the branch; may run twice.
pub(crate) fn make_branch(run: &Run<'_>, publication: &Publication) -> Result<(), EngineError> {
    if is_made(run, publication)? {
        return Ok(());
    }
    let own = OwnRef::parse(&publication.reference)?;
    Ok(run.project.repository.create_ref(&own, &publication.commit)?)
}

/// Whether the branch is there. One of that name at another commit is somebody else's: an error, and it is left alone.
pub(crate) fn is_made(run: &Run<'_>, publication: &Publication) -> Result<bool, EngineError> {
    let own = OwnRef::parse(&publication.reference)?;
    match run.project.repository.read_ref(&own)? {
        Some(found) if found == publication.commit => Ok(true),
        Some(found) => Err(EngineError::Moved {
            what: format!("{} is at {found} already; it was left alone", own.full()),
        }),
        None => Ok(false),
    }
}
