//! `intent list`: the registry.

use domain::exit_code::ExitCode;
use serde_json::json;
use store::{Filter, Page};

use super::document;
use crate::args::ListArgs;
use crate::error::Failure;
use crate::session::Session;
use crate::ui::shell::clean;
use crate::ui::table::table;
use crate::ui::words;

pub(crate) async fn list(session: &Session<'_>, args: &ListArgs) -> Result<ExitCode, Failure> {
    let suggestion = args.suggestion.as_deref().map(str::parse).transpose();
    let suggestion = suggestion.map_err(|e| Failure::usage(format!("--suggestion: {e}")))?;
    // Outside of a repository there is only the whole registry to show.
    let repository = if args.all { None } else { session.repository().ok().map(|r| r.identity()) };
    let filter = Filter {
        status: args.status.clone(),
        file: args.file.clone(),
        rule: args.rule.clone(),
        suggestion,
        repository,
        ..Filter::default()
    };
    let rows = session.store().await?.list(&filter, Page::first(args.limit)).await?;
    if session.shell.is_json() {
        document(session, "intent list", json!({ "intents": rows, "exit_code": 0 }));
        return Ok(ExitCode::Done);
    }
    if rows.is_empty() {
        session.shell.out("no change fits");
        return Ok(ExitCode::Done);
    }
    let lines = rows.iter().map(|row| {
        vec![
            row.id.short().to_owned(),
            words::moment(row.at.0),
            row.status.clone(),
            row.provider.as_ref().map(ToString::to_string).unwrap_or_default(),
            row.billed.to_string(),
            clean(&words::shorten(&row.title, 60)),
        ]
    });
    session.shell.out(&table(&["intent", "registered (UTC)", "status", "provider", "cost", "task"], lines));
    Ok(ExitCode::Done)
}
