//! How earlier changes of the same provider and kind ended, from the registry: one of the facts of confidence.

use domain::confidence::History;
use store::{Filter, Page};

use crate::error::EngineError;
use crate::run::Run;

/// So many of the newest intents of the kind are looked at: what a provider was long ago says little of it now.
const NEWEST: u32 = 200;

/// The history of the current attempt's provider, for the kind of its task. Only ends by judgement count: where a
/// person has not decided, the baseline was broken or a budget said no, nothing was learned.
pub(super) async fn of(run: &Run<'_>) -> Result<History, EngineError> {
    let provider = run.attempt()?.provider.clone();
    let filter = Filter { kind: Some(run.intent.task.kind), ..Filter::default() };
    let rows = run.operator.store.list(&filter, Page::first(NEWEST)).await?;
    let mut history = History::default();
    let earlier =
        rows.iter().filter(|row| row.id != run.intent.id && row.provider.as_ref() == Some(&provider));
    for row in earlier {
        let accepted = match row.status.as_str() {
            "published" => true,
            "refused" | "not-verified" | "rejected" | "undone" => false,
            _ => continue,
        };
        history.accepted += u32::from(accepted);
        history.total += 1;
    }
    Ok(history)
}
