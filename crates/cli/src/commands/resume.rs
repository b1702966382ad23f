//! `resume`: takes up what dead processes left in this repository, and sweeps what they left on disk.

use domain::exit_code::ExitCode;
use engine::Call;
use serde_json::{Value, json};

use super::document;
use crate::args::ResumeArgs;
use crate::error::Failure;
use crate::session::Session;
use crate::take::on_signals;
use crate::ui::words::{self, count};
use crate::view;

pub(crate) async fn run(session: &Session<'_>, args: &ResumeArgs) -> Result<ExitCode, Failure> {
    let repository = session.repository()?.identity();
    let flags = args.judging.flags();
    let operator = session.operator().await?;
    let (cancel, progress) = (on_signals()?, session.reporter());
    let call = Call { progress: &progress, cancel: &cancel };
    let done = operator.recover(&|intent| session.open_at(intent, &flags), &repository, call).await?;
    drop(progress);
    let shell = session.shell;
    for intent in &done.intents {
        shell.out(&format!("{}  {}", intent.id.short(), words::end_state(intent)));
    }
    for id in &done.busy {
        shell.out(&format!("{}  another process works on it", id.short()));
    }
    for (id, place) in &done.elsewhere {
        shell.out(&format!("{}  belongs to {place}: resume it there", id.short()));
    }
    for (id, why) in &done.failed {
        shell.out(&format!("{}  cannot be taken up: {why}", id.short()));
    }
    let taken = count(done.intents.len() as u64, "change");
    shell.out(&format!("{taken} taken to rest, {} removed", count(done.trees as u64, "left-over tree")));
    let code = if done.failed.is_empty() { ExitCode::Done } else { ExitCode::NeedsPerson };
    let intents: Vec<Value> = done.intents.iter().map(view::intent).collect();
    let fields = json!({
        "intents": intents, "busy": done.busy, "elsewhere": done.elsewhere, "failed": done.failed,
        "trees_removed": done.trees, "exit_code": code.code(),
    });
    document(session, "resume", fields);
    Ok(code)
}
