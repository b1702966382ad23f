//! `usage`: what was spent, by day and provider.

use domain::exit_code::ExitCode;
use domain::money::MicroDollars;
use serde_json::json;
use store::Period;

use super::document;
use crate::error::Failure;
use crate::session::Session;
use crate::ui::table::table;

pub(crate) async fn run(session: &Session<'_>) -> Result<ExitCode, Failure> {
    let store = session.store().await?;
    let lines = store.usage(Period::ALL).await?;
    let open = store.open_reservations().await?;
    let billed = lines.iter().fold(MicroDollars::ZERO, |sum, line| sum.plus(line.billed));
    if session.shell.is_json() {
        let fields = json!({ "lines": lines, "billed_micros": billed.micros(), "open_reservations": open, "exit_code": 0 });
        document(session, "usage", fields);
        return Ok(ExitCode::Done);
    }
    if !lines.is_empty() {
        let rows = lines.iter().map(|line| {
            vec![
                line.day.clone(),
                line.provider.to_string(),
                line.attempts.to_string(),
                line.billed.to_string(),
                line.imputed.to_string(),
            ]
        });
        session.shell.out(&table(&["day (UTC)", "provider", "proposals", "billed", "imputed"], rows));
    }
    session.shell.out(&format!(
        "billed {billed} in all; {} open",
        crate::ui::words::count(open.len() as u64, "reservation")
    ));
    Ok(ExitCode::Done)
}
