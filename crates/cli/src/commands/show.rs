//! `show`: the story of one change.

use domain::exit_code::ExitCode;
use serde_json::json;

use super::{diff_of, document};
use crate::args::IdArgs;
use crate::error::Failure;
use crate::session::Session;
use crate::ui::shell::DIM;
use crate::ui::{logs, story, words};
use crate::view;

pub(crate) async fn run(session: &Session<'_>, args: &IdArgs) -> Result<ExitCode, Failure> {
    let operator = session.operator().await?;
    let intent = session.intent(&operator.store, args.id.as_deref()).await?;
    let events = operator.store.events(&intent.id).await?;
    if session.shell.is_json() {
        // Bytes may have been erased on purpose; the story is told without them.
        let diff = diff_of(&operator, &intent).await.unwrap_or(None);
        let events: Vec<_> = events
            .iter()
            .map(|e| json!({ "seq": e.seq, "at_micros": e.at.0, "hash": e.hash, "event": e.event }))
            .collect();
        document(
            session,
            "show",
            json!({ "intent": view::intent(&intent), "diff": diff, "events": events, "exit_code": 0 }),
        );
        return Ok(ExitCode::Done);
    }
    story::story(session.shell, &intent);
    logs::failing(session.shell, &operator, &intent).await;
    if session.global.verbose > 0 {
        for recorded in &events {
            let head =
                format!("{:>6}  {}  {}", recorded.seq, words::moment(recorded.at.0), recorded.event.name());
            session.shell.out(&session.shell.paint_out(DIM, &head));
        }
    }
    Ok(ExitCode::Done)
}
