//! `undo`: takes a published branch back, or brings one back that was taken back.

use domain::exit_code::ExitCode;
use domain::ids::IntentId;
use engine::Call;
use engine::config::Flags;
use serde_json::json;
use store::{Filter, Page, Store};

use super::document;
use crate::args::IdArgs;
use crate::error::Failure;
use crate::session::Session;
use crate::take::on_signals;
use crate::ui::story;
use crate::view;

pub(crate) async fn run(session: &Session<'_>, args: &IdArgs) -> Result<ExitCode, Failure> {
    let operator = session.operator().await?;
    let id = match &args.id {
        Some(word) => session.find(&operator.store, Some(word)).await?,
        None => last(session, &operator.store).await?,
    };
    let intent = session.intent(&operator.store, Some(id.as_str())).await?;
    session.same_repository(&intent)?;
    let project = session.project_of(&intent, &Flags::default())?;
    let (cancel, progress) = (on_signals()?, session.reporter());
    let call = Call { progress: &progress, cancel: &cancel };
    let intent = operator.undo(&project, &intent.id, call).await?;
    drop(progress);
    story::outcome(session.shell, &intent);
    document(session, "undo", json!({ "intent": view::intent(&intent), "exit_code": 0 }));
    Ok(ExitCode::Done)
}

/// The change of this repository that was last published or taken back: `undo` twice gives the branch back.
async fn last(session: &Session<'_>, store: &Store) -> Result<IntentId, Failure> {
    let repository = Some(session.repository()?.identity());
    let mut newest = None;
    for phase in ["published", "undone"] {
        let filter =
            Filter { phase: Some(phase.to_owned()), repository: repository.clone(), ..Filter::default() };
        for row in store.list(&filter, Page::first(200)).await? {
            if newest.as_ref().is_none_or(|(at, _)| row.updated.0 > *at) {
                newest = Some((row.updated.0, row.id));
            }
        }
    }
    let newest = newest.map(|(_, id)| id);
    newest.ok_or_else(|| Failure::usage("there is nothing to undo: no branch was made in this repository"))
}
