//! `reject`: a person says no to a waiting change; the patch stays on record.

use domain::exit_code::ExitCode;
use engine::Call;
use engine::config::Flags;
use serde_json::json;

use super::document;
use crate::args::RejectArgs;
use crate::error::Failure;
use crate::session::Session;
use crate::take::on_signals;
use crate::ui::story;
use crate::view;

pub(crate) async fn run(session: &Session<'_>, args: &RejectArgs) -> Result<ExitCode, Failure> {
    let operator = session.operator().await?;
    let intent = session.intent(&operator.store, Some(&args.id)).await?;
    session.same_repository(&intent)?;
    let project = session.project_of(&intent, &Flags::default())?;
    let (cancel, progress) = (on_signals()?, session.reporter());
    let call = Call { progress: &progress, cancel: &cancel };
    let intent =
        operator.reject(&project, &intent.id, session.world.decider(), args.reason.clone(), call).await?;
    drop(progress);
    story::outcome(session.shell, &intent);
    document(session, "reject", json!({ "intent": view::intent(&intent), "exit_code": 0 }));
    Ok(ExitCode::Done)
}
