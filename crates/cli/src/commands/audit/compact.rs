//! `audit compact`: what old finished changes say goes into a file; what stays is proved by the journal.

use domain::exit_code::ExitCode;
use serde_json::json;
use store::{Compacting, Micros, Store};

use super::document;
use crate::args::usage::CompactArgs;
use crate::error::Failure;
use crate::session::Session;
use crate::ui::words::{count, moment};

/// Whoever may do that owns the registry; it is recorded.
pub(super) async fn run(session: &Session<'_>, args: &CompactArgs) -> Result<ExitCode, Failure> {
    let store = session.store().await?;
    let now = Micros(session.world.clock.now_micros());
    let Some(file) = args.file.as_ref().filter(|_| !args.dry_run) else {
        return would(session, &store, args).await;
    };
    let path = session.environment.folder.join(file);
    let by = session.world.person.as_str();
    let wanted = Compacting {
        before: args.before,
        file: &path,
        keep_blobs: !args.without_bytes,
        most: None,
        at: now,
        by,
    };
    let done = store.compact(&wanted).await?;
    if !session.shell.is_json() {
        session.shell.out(&match &done {
            None => format!("no finished change is older than {}", moment(args.before.0)),
            Some(done) => format!(
                "{} ({}) compacted into {}, with {} and {}; entry {} of the journal tells so\nsha256 {}",
                count(done.intents, "change"),
                entries(done.entries),
                path.display(),
                count(done.exchanges, "recorded answer"),
                count(done.blobs, "blob"),
                done.seq,
                done.archive.as_ref().map(|archive| archive.sha256.as_str()).unwrap_or_default()
            ),
        });
    }
    let path = done.is_some().then_some(path);
    document(session, "audit compact", json!({ "compaction": done, "path": path, "exit_code": 0 }));
    Ok(ExitCode::Done)
}

async fn would(session: &Session<'_>, store: &Store, args: &CompactArgs) -> Result<ExitCode, Failure> {
    let would = store.compactable(args.before).await?;
    if session.shell.is_json() {
        document(session, "audit compact", json!({ "dry_run": true, "would": would, "exit_code": 0 }));
        return Ok(ExitCode::Done);
    }
    session.shell.out(&format!(
        "{} ({}, {} KiB, and the bytes that nobody else names) would be compacted",
        count(would.intents, "change"),
        entries(would.entries),
        would.bytes >> 10
    ));
    Ok(ExitCode::Done)
}

pub(super) fn entries(number: u64) -> String {
    if number == 1 { "1 entry".to_owned() } else { format!("{number} entries") }
}
