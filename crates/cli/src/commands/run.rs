//! `codex-task "text"`: a task in words, by whoever the rules choose.

use std::io::Read;

use domain::exit_code::ExitCode;
use domain::proposal::ProviderId;
use domain::task::{Kind, Task};
use engine::steps::route::route;
use serde_json::json;

use super::{document, finish};
use crate::args::RunArgs;
use crate::error::Failure;
use crate::session::Session;
use crate::take::{Taken, job, on_signals, take};

/// No task is longer, in bytes: it has to fit into a prompt.
const MOST: u64 = 1 << 20;

pub(crate) async fn run(session: &Session<'_>, args: &RunArgs) -> Result<ExitCode, Failure> {
    let kind = args.kind.unwrap_or(Kind::Fix);
    let text = text(session, args)?;
    if kind == Kind::Ask {
        let mut failure =
            Failure::usage("answers (`--type ask`) are not in this version yet: it makes changes only")
                .hint("ask for a change, for instance `codex-task --type docs \"Document ...\"`");
        failure.code = ExitCode::NoProvider;
        return Err(failure);
    }
    let task = Task { kind, text, finding: None };
    let project = session.project(&args.steering.flags())?;
    if args.dry_run {
        return dry_run(session, &project, &task, args.steering.provider.as_deref());
    }
    let operator = session.operator().await?;
    let cancel = on_signals()?;
    let job = job(task, args.review, &args.steering);
    let reporter = session.reporter();
    let (Taken::Ran(intent) | Taken::Already(intent)) =
        take(&operator, &project, job, &reporter, &cancel).await?;
    drop(reporter);
    finish(session, "run", &operator, &intent).await
}

/// Who would be asked, and why; nothing is sent.
pub(crate) fn dry_run(
    session: &Session<'_>,
    project: &engine::Project,
    task: &Task,
    only: Option<&str>,
) -> Result<ExitCode, Failure> {
    let route = route(project, task, only.map(ProviderId::new).as_ref())?;
    for leg in &route.providers {
        session.shell.out(&format!("would ask   {}: {}", leg.provider, leg.reason));
    }
    for leg in &route.skipped {
        session.shell.out(&format!("skipped     {}: {}", leg.provider, leg.reason));
    }
    let code = if route.providers.is_empty() { ExitCode::NoProvider } else { ExitCode::Done };
    session.shell.out("dry run     nothing was sent and nothing is recorded");
    document(session, "run", json!({ "dry_run": true, "route": route, "exit_code": code.code() }));
    Ok(code)
}

/// The task's words: from the line, a file, or stdin.
fn text(session: &Session<'_>, args: &RunArgs) -> Result<String, Failure> {
    let text = match (&args.file, args.text.as_slice()) {
        (Some(file), _) => {
            let path = session.environment.folder.join(file);
            std::fs::read_to_string(&path).map_err(|e| Failure::usage(format!("{}: {e}", path.display())))?
        }
        (None, [dash]) if dash == "-" => stdin()?,
        (None, words) => words.join(" "),
    };
    let text = text.trim().to_owned();
    if text.is_empty() {
        return Err(Failure::usage("there is no task")
            .hint("codex-task \"what is to be done\", or `codex-task --help`"));
    }
    // One word is far more often a mistyped command than a task.
    if args.kind.is_none() && args.file.is_none() && !text.contains(char::is_whitespace) && args.text != ["-"]
    {
        return Err(Failure::usage(format!("{text:?} is no command, and one word is hardly a task"))
            .hint("`codex-task --help` lists the commands; a task is a sentence in quotes"));
    }
    Ok(text)
}

fn stdin() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(MOST + 1).read_to_string(&mut text);
    read.map_err(|e| Failure::usage(format!("stdin cannot be read: {e}")))?;
    if text.len() as u64 > MOST {
        return Err(Failure::usage("the task on stdin is larger than 1 MiB"));
    }
    Ok(text)
}
