//! `show`: the story of one change.

use std::path::Path;

use domain::exit_code::ExitCode;
use domain::ids::IntentId;
use domain::intent::Intent;
use domain::proposal::Form;
use engine::provider::{Permission, Worked};
use engine::{EngineError, Operator};
use serde_json::{Value, json};
use store::{Compaction, Store, StoreError};

use super::{diff_of, document};
use crate::args::ShowArgs;
use crate::error::Failure;
use crate::session::Session;
use crate::ui::shell::{DIM, clean};
use crate::ui::{logs, story, words};
use crate::view;

pub(crate) async fn run(session: &Session<'_>, args: &ShowArgs) -> Result<ExitCode, Failure> {
    let operator = session.operator().await?;
    let id = session.find(&operator.store, args.which.id.as_deref()).await?;
    let intent = match operator.store.intent(&id).await {
        Err(StoreError::Compacted { compaction, .. }) => {
            return compacted(session, &operator.store, &id, &compaction).await;
        }
        intent => intent?.ok_or_else(|| EngineError::NoSuchIntent { name: id.to_string() })?,
    };
    if let Some(folder) = &args.evidence {
        write_evidence(session, &operator, &intent, &session.environment.folder.join(folder)).await?;
    }
    let events = operator.store.events(&intent.id).await?;
    let permissions = permissions(&operator, &intent).await;
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
            json!({
                "intent": view::intent(&intent),
                "diff": diff,
                "permissions": permissions.iter().map(permission_view).collect::<Vec<_>>(),
                "events": events,
                "exit_code": 0,
            }),
        );
        return Ok(ExitCode::Done);
    }
    story::story(session.shell, &intent, &permissions);
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

/// What is left of a change whose story went into a file, or was erased.
async fn compacted(
    session: &Session<'_>,
    store: &Store,
    id: &IntentId,
    compaction: &Compaction,
) -> Result<ExitCode, Failure> {
    let row = store.row(id).await?;
    if session.shell.is_json() {
        let fields = json!({ "intent": null, "row": row, "compaction": compaction, "exit_code": 0 });
        document(session, "show", fields);
        return Ok(ExitCode::Done);
    }
    if let Some(row) = row {
        let (status, title) = (&row.status, clean(&row.title));
        session.shell.out(&format!("{}  {status}  {title}  ({})", id.short(), row.billed));
    }
    session.shell.out(&format!("{compaction}; entry {} of the journal tells so", compaction.seq));
    Ok(ExitCode::Done)
}

/// What agents asked to do and were told, with the attempt. An answer that was erased tells nothing any more.
async fn permissions(operator: &Operator, intent: &Intent) -> Vec<(u32, Permission)> {
    let mut all = Vec::new();
    for attempt in &intent.attempts {
        let Some(proposal) = attempt.proposal.as_ref().filter(|p| p.form == Form::Tree) else { continue };
        let Ok(answer) = operator.text(&proposal.answer).await else { continue };
        let said: Worked =
            serde_json::from_str(answer.lines().next().unwrap_or_default()).unwrap_or_default();
        all.extend(said.permissions.into_iter().map(|asked| (attempt.number, asked)));
    }
    all
}

fn permission_view((attempt, permission): &(u32, Permission)) -> Value {
    json!({
        "attempt": attempt,
        "asked": permission.asked,
        "allowed": permission.allowed,
        "why": permission.why,
    })
}

/// Writes what providers left, and the images that went along (as attempt 0), into files: `ATTEMPT-NAME` each. A file that is there already is not written over.
async fn write_evidence(
    session: &Session<'_>,
    operator: &Operator,
    intent: &Intent,
    folder: &Path,
) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|e| Failure::file(folder, &e))?;
    let mut count = 0;
    let images = intent.images.iter().map(|image| (0, &image.name, &image.sha256));
    let left = intent.attempts.iter().flat_map(|attempt| {
        attempt.evidence.iter().map(|artifact| (attempt.number, &artifact.name, &artifact.sha256))
    });
    for (attempt, name, hash) in images.chain(left) {
        // A recorded name is a file's name; what is none of it stays outside of paths.
        let name = Path::new(&name).file_name().map(|name| name.to_string_lossy().into_owned());
        let path = folder.join(format!("{}-{}", attempt, name.unwrap_or_default()));
        let bytes = operator.store.blob(hash).await?;
        let erased = || engine::EngineError::Erased { hash: hash.clone() };
        let bytes = bytes.ok_or_else(erased)?;
        let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
        file.and_then(|mut file| std::io::Write::write_all(&mut file, &bytes))
            .map_err(|e| Failure::file(&path, &e))?;
        session.remark(&format!("wrote {}", path.display()));
        count += 1;
    }
    if count == 0 {
        session.remark("no provider of this change left any evidence");
    }
    Ok(())
}
