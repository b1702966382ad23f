//! `suggest`: one finding of a linter, taken the whole way, or shown beforehand.

use domain::exit_code::ExitCode;
use domain::finding::Finding;
use domain::gate;
use domain::task::Task;
use engine::Project;
use engine::provider::Source;
use serde_json::json;

use super::{document, finish, route};
use crate::args::SuggestArgs;
use crate::error::Failure;
use crate::files;
use crate::judge::{Preview, preview};
use crate::session::Session;
use crate::take::{Taken, job, on_signals, take};
use crate::ui::diff::coloured;

pub(crate) async fn run(session: &Session<'_>, args: &SuggestArgs) -> Result<ExitCode, Failure> {
    let project = session.project(&args.steering.flags())?;
    let finding = finding(session, &project, args)?;
    let task = Task::from_finding(finding.clone());
    if args.dry_run {
        return dry_run(session, &project, &task, &finding, args.steering.provider.as_deref()).await;
    }
    let operator = session.operator().await?;
    let cancel = on_signals()?;
    let reporter = session.reporter();
    let taken = take(&operator, &project, job(task, args.review, &args.steering), &reporter, &cancel).await?;
    drop(reporter);
    match taken {
        Taken::Ran(intent) => finish(session, "suggest", &operator, &intent).await,
        Taken::Already(intent) => {
            let note =
                format!("this finding is taken already, by {}: here is how that stands", intent.id.short());
            session.remark(&note);
            finish(session, "suggest", &operator, &intent).await
        }
    }
}

/// The finding that the options name: as our own scan sees it, else as the caller describes it.
fn finding(session: &Session<'_>, project: &Project, args: &SuggestArgs) -> Result<Finding, Failure> {
    let path = files::one_inside(&project.repository, &session.folder(), &args.file)?;
    let Some(bytes) = Source::read(&project.source(), &path) else {
        return Err(Failure::usage(format!("{path} is no file of the commit that HEAD names")).hint(
            "a change starts from a commit: commit the file first, and write its path from where you stand",
        ));
    };
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().count();
    if args.line == 0 || args.line as usize > lines {
        return Err(Failure::usage(format!("{path} has {lines} lines in HEAD, and no line {}", args.line)));
    }
    let seen = files::find_in_base(project, &path, args.line, args.column, &args.code)?;
    if let Some(mut seen) = seen {
        seen.message = args.message.clone().unwrap_or(seen.message);
        return Ok(seen);
    }
    let tool = args.tool.clone().unwrap_or_else(|| tool_of(&path, &args.code).to_owned());
    let message = args.message.clone().unwrap_or_else(|| format!("reported by {tool} as {}", args.code));
    Ok(Finding::at(&tool, &args.code, &path, &text, args.line, args.column.unwrap_or(0), &message))
}

/// The linter that usually reports such a code in such a file.
fn tool_of(path: &str, code: &str) -> &'static str {
    match path.rsplit('.').next() {
        _ if code.starts_with("clippy::") => "clippy",
        Some("py" | "pyi") => "ruff",
        Some("rs") => "clippy",
        Some("go") => "staticcheck",
        _ => "eslint",
    }
}

async fn dry_run(
    session: &Session<'_>,
    project: &Project,
    task: &Task,
    finding: &Finding,
    only: Option<&str>,
) -> Result<ExitCode, Failure> {
    let route = route::of(session, project, task, 0, only).await?;
    let shell = session.shell;
    for leg in &route.providers {
        shell.out(&format!("would ask   {}: {}", leg.provider, leg.reason));
    }
    for leg in &route.skipped {
        shell.out(&format!("skipped     {}: {}", leg.provider, leg.reason));
    }
    let first_is_free = route.providers.first().is_some_and(|leg| leg.provider.as_str() == "codemod");
    let shown = if first_is_free { Some(preview(project, finding)?) } else { None };
    let (mut diff_text, mut verdict) = (None, None);
    match shown {
        Some(Preview::Change { diff, explanation, judgement }) => {
            let text = String::from_utf8_lossy(diff.bytes()).into_owned();
            shell.out(&format!("because     {explanation}"));
            shell.out(&format!("gate        {}", judgement.verdict));
            gate::refusals(&judgement).iter().for_each(|line| shell.out(&format!("            {line}")));
            if !shell.is_json() {
                shell.out_raw(&coloured(shell, &text));
            }
            (diff_text, verdict) = (Some(text), Some(judgement));
        }
        Some(Preview::NoFix(why)) => shell.out(&format!("no diff     {why}")),
        None => {}
    }
    shell.out("dry run     nothing was sent and nothing is recorded");
    let code = if route.providers.is_empty() { ExitCode::NoProvider } else { ExitCode::Done };
    let fields = json!({
        "dry_run": true, "finding": finding, "route": route, "diff": diff_text, "gate": verdict, "exit_code": code.code(),
    });
    document(session, "suggest", fields);
    Ok(code)
}
