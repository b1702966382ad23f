//! `show`: the story of one change.

use std::path::Path;

use domain::exit_code::ExitCode;
use domain::intent::Intent;
use engine::Operator;
use serde_json::json;

use super::{diff_of, document};
use crate::args::ShowArgs;
use crate::error::Failure;
use crate::session::Session;
use crate::ui::shell::DIM;
use crate::ui::{logs, story, words};
use crate::view;

pub(crate) async fn run(session: &Session<'_>, args: &ShowArgs) -> Result<ExitCode, Failure> {
    let operator = session.operator().await?;
    let intent = session.intent(&operator.store, args.which.id.as_deref()).await?;
    if let Some(folder) = &args.evidence {
        write_evidence(session, &operator, &intent, &session.environment.folder.join(folder)).await?;
    }
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

/// Writes what providers left into files: `ATTEMPT-NAME` each. A file that is there already is not written over.
async fn write_evidence(
    session: &Session<'_>,
    operator: &Operator,
    intent: &Intent,
    folder: &Path,
) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|e| Failure::file(folder, &e))?;
    let mut count = 0;
    for attempt in &intent.attempts {
        for artifact in &attempt.evidence {
            // A recorded name is a file's name; what is none of it stays outside of paths.
            let name = Path::new(&artifact.name).file_name().map(|name| name.to_string_lossy().into_owned());
            let path = folder.join(format!("{}-{}", attempt.number, name.unwrap_or_default()));
            let bytes = operator.store.blob(&artifact.sha256).await?;
            let erased = || engine::EngineError::Erased { hash: artifact.sha256.clone() };
            let bytes = bytes.ok_or_else(erased)?;
            let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
            file.and_then(|mut file| std::io::Write::write_all(&mut file, &bytes))
                .map_err(|e| Failure::file(&path, &e))?;
            session.remark(&format!("wrote {}", path.display()));
            count += 1;
        }
    }
    if count == 0 {
        session.remark("no provider of this change left any evidence");
    }
    Ok(())
}
