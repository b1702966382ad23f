//! `commit`: a person approves a waiting change, and its branch is made.

use domain::exit_code::ExitCode;
use engine::Call;

use super::finish;
use crate::args::CommitArgs;
use crate::error::Failure;
use crate::session::Session;
use crate::take::on_signals;

pub(crate) async fn run(session: &Session<'_>, args: &CommitArgs) -> Result<ExitCode, Failure> {
    let operator = session.operator().await?;
    let intent = session.intent(&operator.store, args.id.as_deref()).await?;
    session.same_repository(&intent)?;
    let project = session.project_of(&intent, &args.judging.flags())?;
    let (cancel, progress) = (on_signals()?, session.reporter());
    let call = Call { progress: &progress, cancel: &cancel };
    let intent =
        operator.approve(&project, &intent.id, session.world.decider(), args.message.clone(), call).await?;
    drop(progress);
    finish(session, "commit", &operator, &intent).await
}
