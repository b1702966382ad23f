//! `replay`: the record alone must give the same patch again. Asks nobody, costs nothing.

use domain::exit_code::ExitCode;
use engine::config::Flags;
use serde_json::json;

use super::document;
use crate::args::IdArgs;
use crate::error::Failure;
use crate::session::Session;
use crate::ui::shell::{GREEN, RED};

pub(crate) async fn run(session: &Session<'_>, args: &IdArgs) -> Result<ExitCode, Failure> {
    let operator = session.operator().await?;
    let intent = session.intent(&operator.store, args.id.as_deref()).await?;
    session.same_repository(&intent)?;
    let project = session.project_of(&intent, &Flags::default())?;
    let replayed = operator.replay(&project, &intent.id).await?;
    if replayed.is_empty() {
        return Err(Failure::usage(format!("{} has no patch to rebuild", intent.id.short())));
    }
    let shell = session.shell;
    for attempt in &replayed {
        let head =
            format!("attempt {} by {}: recorded {}", attempt.attempt, attempt.provider, attempt.recorded);
        shell.out(&match &attempt.rebuilt {
            Ok(_) if attempt.is_same() => format!("{head}, {}", shell.paint_out(GREEN, "rebuilt the same")),
            Ok(other) => format!("{head}, {} {other}", shell.paint_out(RED, "rebuilt another:")),
            Err(why) => format!("{head}, {} {why}", shell.paint_out(RED, "cannot be rebuilt:")),
        });
    }
    let code =
        if replayed.iter().all(engine::Replayed::is_same) { ExitCode::Done } else { ExitCode::NotVerified };
    let attempts: Vec<_> = replayed
        .iter()
        .map(|a| {
            json!({
                "attempt": a.attempt, "provider": a.provider, "recorded": a.recorded,
                "rebuilt": a.rebuilt.as_ref().ok(), "why_not": a.rebuilt.as_ref().err(), "same": a.is_same(),
            })
        })
        .collect();
    document(session, "replay", json!({ "id": intent.id, "attempts": attempts, "exit_code": code.code() }));
    Ok(code)
}
