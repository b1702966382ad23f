//! `audit export` and `audit show`: the record as lines of JSON.

use std::io::Write;

use domain::exit_code::ExitCode;
use domain::intent::{Attempt, Intent};
use serde_json::{Value, json};
use store::{Compaction, Filter, JournalEntry, Page, Row, Store, StoreError};

use super::document;
use crate::args::usage::{EntryArgs, ExportArgs};
use crate::error::Failure;
use crate::session::Session;
use crate::ui::words;

/// How much is read in one go.
const PAGE: u32 = 200;

/// One line for each proposal, the newest intent first; or the entries themselves, from the first on.
pub(super) async fn run(session: &Session<'_>, args: &ExportArgs) -> Result<ExitCode, Failure> {
    let store = session.store().await?;
    let Some(file) = &args.file else {
        lines(&store, args.entries, &mut |line| {
            session.shell.out(line);
            Ok(())
        })
        .await?;
        return Ok(ExitCode::Done);
    };
    let path = session.environment.folder.join(file);
    let unwritable = |e: std::io::Error| Failure::file(&path, &e);
    let mut out = std::io::BufWriter::new(std::fs::File::create(&path).map_err(unwritable)?);
    let mut count = 0_u64;
    lines(&store, args.entries, &mut |line| {
        count += 1;
        writeln!(out, "{line}").map_err(unwritable)
    })
    .await?;
    out.flush().map_err(unwritable)?;
    session.remark(&format!("{} written to {}", words::count(count, "line"), path.display()));
    document(session, "audit export", json!({ "path": path, "lines": count, "exit_code": 0 }));
    Ok(ExitCode::Done)
}

type Line<'a> = &'a mut (dyn FnMut(&str) -> Result<(), Failure> + Send);

async fn lines(store: &Store, entries: bool, line: Line<'_>) -> Result<(), Failure> {
    if entries {
        let mut after = 0;
        loop {
            let page = store.entries(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.seq.unsigned_abs();
            for entry in &page {
                line(&json!(entry).to_string())?;
            }
        }
    }
    let mut page = Page::first(PAGE);
    loop {
        let rows = store.list(&Filter::default(), page).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        page.before = Some(last.seq);
        for row in &rows {
            let events = match store.events(&row.id).await {
                Err(StoreError::Compacted { compaction, .. }) => {
                    line(&compacted(row, &compaction).to_string())?;
                    continue;
                }
                events => events?,
            };
            let told = events.iter().map(|r| r.event.clone());
            let Some(intent) = Intent::fold(row.id.clone(), told).map_err(engine::EngineError::from)? else {
                continue;
            };
            for attempt in intent.attempts.iter().filter(|a| a.suggestion.is_some()) {
                let patch = match &attempt.patch {
                    Some(patch) => store.blob(&patch.sha256).await?,
                    None => None,
                };
                let patch = patch.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                let suggestion = suggestion(&intent, attempt, patch.as_deref(), row.at.0);
                line(&suggestion.to_string())?;
            }
        }
    }
}

/// What the registry's row knows of a change that was compacted or erased, and where the rest is.
fn compacted(row: &Row, compaction: &Compaction) -> Value {
    let entry = compaction.seq;
    let (key, gone) = match &compaction.archive {
        Some(archive) => {
            ("compacted", json!({ "file": archive.file, "sha256": archive.sha256, "entry": entry }))
        }
        None => ("erased", json!({ "by": compaction.by, "entry": entry })),
    };
    json!({
        "id": row.suggestion,
        "intent_id": row.id,
        "created_at": words::moment(row.at.0),
        "status": row.status,
        "ai_agent": row.agent.as_ref().map(ToString::to_string).or(row.provider.as_ref().map(ToString::to_string)),
        "codex_suggestion_id": row.suggestion,
        "codex_cost": row.billed.micros() as f64 / 1e6,
        "provider": row.provider,
        "file": row.file,
        "code": row.rule,
        "kind": row.kind.as_str(),
        "patch": null,
        "confidence": row.confidence,
        "branch": row.branch,
        key: gone,
    })
}

/// A proposal with the fields of the seeds' `ai_suggestions.jsonl`.
fn suggestion(intent: &Intent, attempt: &Attempt, patch: Option<&str>, at: i64) -> Value {
    let finding = intent.task.finding.as_ref();
    let id = attempt.suggestion.as_ref().map(ToString::to_string);
    let usage = attempt.proposal.as_ref().and_then(|p| p.usage);
    let model = attempt.proposal.as_ref().and_then(|p| p.model.clone());
    let dollars = |micros: u64| micros as f64 / 1e6;
    let cost = attempt.charge.map(|charge| dollars(charge.billed.micros()));
    json!({
        "id": id,
        "intent_id": intent.id,
        "created_at": words::moment(at),
        "status": intent.status(),
        "ai_agent": intent.agent.as_ref().map_or_else(|| attempt.provider.to_string(), ToString::to_string),
        "codex_suggestion_id": id,
        "codex_model": model,
        "codex_cost": cost,
        "codex_suggestion": {
            "id": id,
            "model": model,
            "cost": cost,
            "prompt_tokens": usage.map(|u| u.prompt),
            "completion_tokens": usage.map(|u| u.completion),
        },
        "provider": attempt.provider,
        "file": finding.map(|f| f.path.as_str()),
        "line": finding.map(|f| f.line),
        "code": finding.map(|f| f.code.as_str()),
        "kind": intent.task.kind.as_str(),
        "patch": patch,
        "explanation": attempt.patch.as_ref().map(|p| p.explanation.as_str()),
        "confidence": attempt.confidence.map(|c| c.combined),
        "meta": attempt.patch.as_ref().map(|p| json!({
            "files_changed": p.stat.files,
            "lines_added": p.stat.added,
            "lines_deleted": p.stat.deleted,
        })),
        "verified": attempt.verification.as_ref().map(|v| json!(v.verdict)),
        "error": attempt.failure.as_ref().map(|f| f.detail.as_str()),
        "branch": intent.publication.as_ref().map(|p| p.reference.as_str()),
    })
}

/// The entries as they stand, a line each; in JSON with their events.
pub(super) async fn show(session: &Session<'_>, args: &EntryArgs) -> Result<ExitCode, Failure> {
    let store = session.store().await?;
    let end = store.checkpoint().await?.head().0;
    let after = match args.seq {
        Some(seq) => seq.saturating_sub(1),
        None => end.saturating_sub(u64::from(args.limit)),
    };
    let limit = if args.seq.is_some() { args.limit.min(1) } else { args.limit };
    let entries = store.entries(after, limit).await?;
    if let (Some(seq), true) =
        (args.seq, entries.first().is_none_or(|e| Some(e.seq.unsigned_abs()) != args.seq))
    {
        return Err(
            Failure::usage(format!("there is no entry {seq}")).hint(format!("the journal ends at {end}"))
        );
    }
    if session.shell.is_json() {
        let entries: Vec<Value> = entries.iter().map(with_event).collect();
        document(session, "audit show", json!({ "entries": entries, "exit_code": 0 }));
        return Ok(ExitCode::Done);
    }
    for entry in &entries {
        let mark = entry.compaction().map(|seq| format!("  (gone: see entry {seq})")).unwrap_or_default();
        let at = words::moment(entry.at);
        let head = format!("{:>8}  {at}  {}  {}{mark}", entry.seq, entry.intent, entry.name);
        session.shell.out(&head);
        if args.seq.is_some() {
            let event = with_event(entry);
            session.shell.out(&crate::ui::shell::clean(&format!("{event:#}")));
        }
    }
    Ok(ExitCode::Done)
}

fn with_event(entry: &JournalEntry) -> Value {
    json!({
        "seq": entry.seq,
        "intent": entry.intent,
        "version": entry.version,
        "at_micros": entry.at,
        "name": entry.name,
        "format": entry.format,
        "event": serde_json::from_str::<Value>(&entry.body).unwrap_or(Value::Null),
        "attached": entry.attached,
        "prev": entry.prev,
        "hash": entry.hash,
    })
}
