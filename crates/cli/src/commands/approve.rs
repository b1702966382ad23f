//! `approve`: a person lets a provider be asked that costs money, or a plan be carried out, and the change goes on.

use domain::exit_code::ExitCode;
use engine::Call;

use super::finish;
use crate::args::ApproveArgs;
use crate::error::Failure;
use crate::session::Session;
use crate::take::on_signals;

pub(crate) async fn run(session: &Session<'_>, args: &ApproveArgs) -> Result<ExitCode, Failure> {
    let operator = session.operator().await?;
    let intent = session.intent(&operator.store, args.id.as_deref()).await?;
    session.same_repository(&intent)?;
    let project = session.project_of(&intent, &args.judging.flags())?;
    let (cancel, progress) = (on_signals()?, session.reporter());
    let call = Call { progress: &progress, cancel: &cancel };
    let intent = operator.approve_asked(&project, &intent.id, session.world.decider(), call).await?;
    drop(progress);
    finish(session, "approve", &operator, &intent).await
}
