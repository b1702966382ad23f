//! `diff`: the canonical patch of one change; plain when it is piped, so that `git apply` takes it.

use domain::exit_code::ExitCode;
use engine::EngineError;
use serde_json::json;

use super::{diff_of, document};
use crate::args::DiffArgs;
use crate::error::Failure;
use crate::session::Session;
use crate::ui::diff::coloured;
use crate::ui::table::table;

pub(crate) async fn run(session: &Session<'_>, args: &DiffArgs) -> Result<ExitCode, Failure> {
    let operator = session.operator().await?;
    let intent = session.intent(&operator.store, args.id.as_deref()).await?;
    let patch = intent.attempts.iter().rev().find_map(|a| a.patch.as_ref());
    let (Some(patch), Some(diff)) = (patch, diff_of(&operator, &intent).await?) else {
        return Err(EngineError::WrongState {
            intent: intent.id.clone(),
            status: intent.status().to_owned(),
            need: "there is no patch to show".to_owned(),
        }
        .into());
    };
    if session.shell.is_json() {
        document(
            session,
            "diff",
            json!({ "id": intent.id, "sha256": patch.sha256, "stat": patch.stat, "diff": diff, "exit_code": 0 }),
        );
    } else if args.stat {
        let rows = patch
            .stat
            .per_file
            .iter()
            .map(|f| vec![f.path.to_string(), format!("+{}", f.added), format!("-{}", f.deleted)]);
        session.shell.out(&table(&["file", "added", "deleted"], rows));
    } else {
        session.shell.out_raw(&coloured(session.shell, &diff));
    }
    Ok(ExitCode::Done)
}
