//! Takes a published branch back, or brings it back. The candidate's hidden ref keeps the commit alive meanwhile.

use domain::event::Event;
use domain::intent::Phase;
use git::OwnRef;

use crate::error::EngineError;
use crate::run::Run;
use crate::steps::publish;

/// Announces taking the branch back (or, when it is taken back already, bringing it back); the loop does the rest.
pub(crate) async fn begin(run: &mut Run<'_>) -> Result<(), EngineError> {
    let redo = match run.intent.phase {
        Phase::Published => false,
        Phase::Undone => true,
        _ => {
            return Err(EngineError::WrongState {
                intent: run.intent.id.clone(),
                status: run.intent.status().to_owned(),
                need: "only a published branch can be taken back".to_owned(),
            });
        }
    };
    match &run.intent.publication {
        Some(publication) if redo => {
            publish::is_made(run, publication)?;
        }
        _ => untouched(run)?,
    }
    run.announce(Event::Undoing { redo }).await
}

/// Refuses when the branch holds more than what we put there: work of others is never removed.
fn untouched(run: &Run<'_>) -> Result<(), EngineError> {
    let Some(publication) = &run.intent.publication else { return Ok(()) };
    let own = OwnRef::parse(&publication.reference)?;
    match run.project.repository.read_ref(&own)? {
        Some(found) if found != publication.commit => {
            let what = format!(
                "{} moved to {found} since; it holds work that is not ours and was left alone",
                own.full()
            );
            Err(EngineError::Moved { what })
        }
        _ => checked_out(run, &own),
    }
}

/// A branch that is checked out somewhere cannot be removed under the user's feet.
fn checked_out(run: &Run<'_>, own: &OwnRef) -> Result<(), EngineError> {
    match run.project.repository.checked_out_at(own)? {
        Some(place) => Err(EngineError::Moved {
            what: format!("{} is checked out in {}; switch away from it first", own.full(), place.display()),
        }),
        None => Ok(()),
    }
}

/// Deletes or re-creates the branch; may run twice.
pub(crate) async fn run(run: &mut Run<'_>) -> Result<(), EngineError> {
    let redo = run.intent.redoing;
    let publication = run.intent.publication.clone();
    let publication = publication.ok_or_else(|| EngineError::defect("nothing was published"))?;
    if redo {
        publish::make_branch(run, &publication)?;
        return run.note(Event::Undone { redo });
    }
    let own = OwnRef::parse(&publication.reference)?;
    let repository = &run.project.repository;
    match repository.read_ref(&own)? {
        Some(found) if found == publication.commit => repository.delete_ref(&own, &found)?,
        _ => {}
    }
    run.note(Event::Undone { redo })
}
