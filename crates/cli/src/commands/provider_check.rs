//! `doctor --provider NAME`: tries one provider, as cheaply as it can be tried.

use domain::exit_code::ExitCode;
use domain::task::{Kind, Task};
use engine::config::Flags;
use providers::web::{Checked, Report, check, lacks_own_sandbox};
use serde_json::{Value, json};

use super::document;
use crate::error::Failure;
use crate::session::Session;
use crate::ui::shell::{GREEN, RED, clean};

pub(crate) async fn run(session: &Session<'_>, name: &str) -> Result<ExitCode, Failure> {
    let Report { all, answered, .. } =
        if name == "web" { of_web(session).await? } else { of_provider(session, name).await? };
    for one in &all {
        let (style, word, text) = match &one.found {
            Ok(found) => (GREEN, "ok  ", found),
            Err(why) => (RED, "bad ", why),
        };
        session.shell.out(&format!(
            "{} {:<14} {}",
            session.shell.paint_out(style, word),
            one.what,
            clean(text)
        ));
    }
    let code = if all.iter().all(|one| one.found.is_ok()) { ExitCode::Done } else { ExitCode::Usage };
    let lines: Vec<Value> = all.iter().map(line).collect();
    let answered = answered.map(|took| took.as_secs_f64());
    let found =
        json!({ "provider": name, "lines": lines, "answered_seconds": answered, "exit_code": code.code() });
    document(session, "doctor", found);
    Ok(code)
}

fn line(one: &Checked) -> Value {
    let (state, found) = match &one.found {
        Ok(found) => ("ok", found),
        Err(why) => ("bad", why),
    };
    json!({ "state": state, "what": one.what, "found": found })
}

/// Step by step, with one small question.
async fn of_web(session: &Session<'_>) -> Result<Report, Failure> {
    if lacks_own_sandbox() {
        session
            .remark("warning: as root the browser runs without its own sandbox; an ordinary user's has it");
    }
    Ok(check(&session.web()?).await)
}

/// Whether it is configured, and whether anybody is there; nothing is asked that could cost.
async fn of_provider(session: &Session<'_>, name: &str) -> Result<Report, Failure> {
    let project = session.project(&Flags::default())?;
    let provider = project.providers.iter().find(|p| p.id().as_str() == name).ok_or_else(|| {
        let known: Vec<String> = project.providers.iter().map(|p| p.id().to_string()).collect();
        Failure::usage(format!("there is no provider {name:?} (known: {})", known.join(", ")))
    })?;
    let task = Task { kind: Kind::Fix, text: "a task in words".to_owned(), finding: None };
    let mut all = vec![Checked { what: "settings".to_owned(), found: provider.suits(&task) }];
    if all[0].found.is_ok() {
        let found = provider.probe().await.map(|()| "it is there".to_owned());
        all.push(Checked { what: "server".to_owned(), found });
    }
    Ok(Report { all, ..Report::default() })
}
