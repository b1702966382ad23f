//! `audit erase`: what finished changes said leaves the record for good; what stays is proved by the journal.

use std::collections::BTreeSet;
use std::path::Path;

use domain::exit_code::ExitCode;
use domain::ids::IntentId;
use serde_json::{Value, json};
use store::{Compaction, Erased, Erasing, Micros, Store, StoreError};

use super::compact::entries;
use super::{CANDIDATES, document};
use crate::args::usage::EraseArgs;
use crate::error::Failure;
use crate::input;
use crate::session::Session;
use crate::ui::progress::Gauge;
use crate::ui::shell::clean;
use crate::ui::words::count;

/// The length of a change's id.
const ID: usize = 36;
const NOTHING: &str = "no change holds it";
/// A shorter text, in bytes, is in every change.
const SHORTEST: usize = 4;
/// A secret is shorter, also one that is a whole file of keys.
const LONGEST: u64 = 1 << 20;

/// Whoever may do that owns the registry; it is recorded.
pub(super) async fn run(session: &Session<'_>, args: &EraseArgs) -> Result<ExitCode, Failure> {
    let store = session.store().await?;
    let mut wanted = BTreeSet::new();
    for word in &args.changes {
        wanted.insert(session.find(&store, Some(word)).await?);
    }
    if let Some(file) = &args.holding {
        let text = text_of(session, file)?;
        let mut progress = Gauge::new(session.shell, "entries");
        wanted.extend(store.holding(&text, &mut |done, total| progress.at(done, total)).await?);
    }
    let wanted: Vec<IntentId> = wanted.into_iter().collect();
    if args.dry_run {
        return would(session, &store, &wanted).await;
    }
    // Also when nothing holds it any more: whoever erased it may have died before the files were written anew.
    let at = Micros(session.world.clock.now_micros());
    let done = store.erase(&Erasing { intents: &wanted, at, by: session.world.person.as_str() }).await?;
    let refs = remove_refs(session, &store).await?;
    tell(session, &done, (&wanted, &refs));
    let code = if done.left.is_none() { ExitCode::Done } else { ExitCode::NotVerified };
    let Erased { erasing, shared, left } = done;
    document(
        session,
        "audit erase",
        json!({
            "erasing": erasing,
            "shared": shared,
            "left": left,
            "intents": wanted,
            "refs_removed": refs,
            "exit_code": code.code(),
        }),
    );
    Ok(code)
}

/// The text that is looked for, without the end of its line.
fn text_of(session: &Session<'_>, file: &Path) -> Result<Vec<u8>, Failure> {
    let mut text = input::read(session.environment, file, LONGEST + 1)?;
    if text.len() as u64 > LONGEST {
        return Err(Failure::usage(format!("{} has more than {LONGEST} bytes", file.display()))
            .hint("name a file that has the secret alone"));
    }
    while text.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        text.pop();
    }
    if text.len() < SHORTEST {
        return Err(Failure::usage(format!(
            "a text of {} is in too many changes",
            count(text.len() as u64, "byte")
        ))
        .hint(format!("--holding takes at least {SHORTEST} bytes")));
    }
    Ok(text)
}

/// Which changes are meant. An erased one holds nothing any more.
async fn would(session: &Session<'_>, store: &Store, wanted: &[IntentId]) -> Result<ExitCode, Failure> {
    let mut rows = Vec::new();
    for id in wanted {
        rows.extend(store.row(id).await?);
    }
    if session.shell.is_json() {
        let intents: Vec<Value> = rows
            .iter()
            .map(|row| json!({ "id": row.id, "status": row.status, "title": row.title }))
            .collect();
        document(
            session,
            "audit erase",
            json!({ "dry_run": true, "would": { "intents": intents }, "exit_code": 0 }),
        );
        return Ok(ExitCode::Done);
    }
    session.shell.out(&match rows.len() {
        0 => NOTHING.to_owned(),
        some => format!("{} would be erased", count(some as u64, "change")),
    });
    for row in rows {
        session.shell.out(&format!("{}  {}  {}", row.id.short(), row.status, clean(&row.title)));
    }
    Ok(ExitCode::Done)
}

/// Takes away the hidden refs of the candidates of every erased change, also of those at whose erasing somebody died.
async fn remove_refs(session: &Session<'_>, store: &Store) -> Result<Vec<String>, Failure> {
    let Ok(repository) = session.repository() else { return Ok(Vec::new()) };
    let mut removed = Vec::new();
    for (own, commit) in repository.list_refs(CANDIDATES)? {
        let name = own.full();
        // Behind the id stands the attempt, from the second on.
        let id = name.strip_prefix(CANDIDATES).and_then(|rest| rest.get(..ID)).and_then(|id| id.parse().ok());
        let Some(id) = id else { continue };
        match store.events(&id).await {
            Err(StoreError::Compacted { compaction, .. }) if compaction.archive.is_none() => {
                repository.delete_ref(&own, &commit)?;
                removed.push(name);
            }
            Ok(_) | Err(StoreError::Compacted { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(removed)
}

fn tell(session: &Session<'_>, done: &Erased, (intents, refs): (&[IntentId], &[String])) {
    let shell = session.shell;
    if shell.is_json() {
        return;
    }
    shell.out(&match &done.erasing {
        None if intents.is_empty() => NOTHING.to_owned(),
        None => "all of it was erased before".to_owned(),
        Some(Compaction { seq, intents: changes, entries: number, blobs, exchanges, .. }) => format!(
            "{} ({}) erased, with {} and {}; entry {seq} of the journal tells so",
            count(*changes, "change"),
            entries(*number),
            count(*exchanges, "recorded answer"),
            count(*blobs, "blob"),
        ),
    });
    if done.shared > 0 {
        session.remark(&format!("answers and blobs that other changes name too stayed: {}", done.shared));
    }
    if !refs.is_empty() {
        session.remark(&format!(
            "{} removed: git keeps the commits until `git gc --prune=now`",
            count(refs.len() as u64, "candidate ref")
        ));
    }
    if let Some(why) = &done.left {
        session.remark(&format!(
            "the database's files were not wholly written anew and may still hold it: {why}. When that is mended, run the \
             same command again"
        ));
    }
}
