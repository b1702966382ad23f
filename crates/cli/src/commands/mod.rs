//! One verb a file. Each gives the code to exit with, or the failure to show.

mod agent;
mod approve;
mod audit;
mod commit;
mod config;
mod diff;
mod doctor;
mod examples;
mod fix;
mod gc;
mod init;
mod intent;
mod log_lines;
mod login;
mod patch;
mod policy;
mod prepare;
mod provider_check;
mod reference;
mod reject;
mod replay;
mod reply;
mod resume;
mod route;
mod run;
mod scan;
mod serve;
mod show;
mod suggest;
mod undo;
mod usage;
mod verify;

pub(crate) use audit::{audit as audit_report, show as show_audit};
use domain::exit_code::ExitCode;
use domain::intent::{Intent, Phase};
use domain::task::Kind;
use engine::Operator;
use providers::web::lacks_own_sandbox;
use serde_json::{Value, json};

use crate::args::{Command, IntentCommand, RouteCommand, RunArgs};
use crate::error::Failure;
use crate::session::Session;
use crate::ui::{diff as coloured, logs, shell, story, words};
use crate::{demo, output, view};

/// Carries out one command; without one, the words are a task.
pub(crate) async fn run(
    session: &Session<'_>,
    command: Option<Command>,
    task: RunArgs,
) -> Result<ExitCode, Failure> {
    match command {
        None => run::run(session, &task).await,
        Some(Command::Run(args)) => run::run(session, &args).await,
        Some(Command::Ask(args)) => run::of_kind(session, args, Kind::Ask).await,
        Some(Command::Debug(args)) => run::of_kind(session, args, Kind::Debug).await,
        Some(Command::Feature(args)) => run::of_kind(session, args, Kind::Feature).await,
        Some(Command::Test(args)) => run::of_kind(session, args, Kind::Test).await,
        Some(Command::Refactor(args)) => run::of_kind(session, args, Kind::Refactor).await,
        Some(Command::Route(RouteCommand::Explain(args))) => route::explain(session, &args).await,
        Some(Command::Approve(args)) => approve::run(session, &args).await,
        Some(Command::Scan(args)) => scan::run(session, &args),
        Some(Command::Fix(args)) => fix::run(session, &args).await,
        Some(Command::Suggest(args)) => suggest::run(session, &args).await,
        Some(Command::Verify(args)) => verify::run(session, &args).await,
        Some(Command::Patch(command)) => patch::run(session, &command),
        Some(Command::Reply(command)) => reply::run(session, &command),
        Some(Command::Show(args) | Command::Intent(IntentCommand::Show(args))) => {
            show::run(session, &args).await
        }
        Some(Command::Diff(args)) => diff::run(session, &args).await,
        Some(Command::Commit(args)) => commit::run(session, &args).await,
        Some(Command::Reject(args)) => reject::run(session, &args).await,
        Some(Command::Undo(args)) => undo::run(session, &args).await,
        Some(Command::Intent(IntentCommand::List(args))) => intent::list(session, &args).await,
        Some(Command::Usage(args)) => usage::run(session, &args).await,
        Some(Command::Replay(args)) => replay::run(session, &args).await,
        Some(Command::Audit(command)) => audit::run(session, &command).await,
        Some(Command::Policy(command)) => policy::run(session, &command),
        Some(Command::Resume(args)) => resume::run(session, &args).await,
        Some(Command::Prepare(args)) => prepare::run(session, &args).await,
        Some(Command::Gc(args)) => gc::run(session, &args).await,
        Some(Command::Config) => config::run(session),
        Some(Command::Doctor(args)) => match args.provider {
            None => doctor::run(session).await,
            Some(name) => provider_check::run(session, &name).await,
        },
        Some(Command::Login(args)) => login::run(session, &args).await,
        Some(Command::Init) => init::run(session),
        Some(Command::Demo(args)) => demo::run(session, &args).await,
        Some(Command::Examples) => examples::run(session),
        Some(Command::Serve(args)) => serve::serve(session, &args).await,
        Some(Command::Mcp(args)) => serve::mcp(session, &args).await,
        Some(Command::Agent(command)) => agent::run(session, &command).await,
        Some(Command::Logs(args)) => log_lines::run(session, &args),
        Some(Command::Completions { shell }) => reference::completions(session, shell),
        Some(Command::Man) => reference::man(session),
    }
}

/// The canonical diff of the last attempt that has one.
pub(crate) async fn diff_of(operator: &Operator, intent: &Intent) -> Result<Option<String>, Failure> {
    match intent.attempts.iter().rev().find_map(|a| a.patch.as_ref()) {
        Some(patch) => Ok(Some(operator.text(&patch.sha256).await?)),
        None => Ok(None),
    }
}

/// Shows what became of one intent: diff, checks, result, next commands; or the document.
pub(crate) async fn finish(
    session: &Session<'_>,
    command: &str,
    operator: &Operator,
    intent: &Intent,
) -> Result<ExitCode, Failure> {
    let code = words::exit_code(intent);
    finish_with(session, command, operator, intent, code).await
}

/// The same with the code that this command gives to such an end.
pub(crate) async fn finish_with(
    session: &Session<'_>,
    command: &str,
    operator: &Operator,
    intent: &Intent,
    code: ExitCode,
) -> Result<ExitCode, Failure> {
    let diff = diff_of(operator, intent).await?;
    let answer = operator.answer(intent).await?;
    if session.shell.is_json() {
        let mut fields = json!({ "intent": view::intent(intent), "diff": diff, "exit_code": code.code() });
        if let Some(answer) = answer {
            fields["answer"] = answer.into();
        }
        session.shell.json(&output::document(command, fields));
        return Ok(code);
    }
    if let Some(answer) = answer {
        session.remark(&format!("intent      {}   cost {}", intent.id.short(), story::cost(intent)));
        session.shell.out(&shell::clean(answer.trim_end()));
        return Ok(code);
    }
    if let Some(diff) = diff {
        session.shell.out_raw(&coloured::coloured(session.shell, &diff));
    }
    if let Some(verification) = intent.current().and_then(|a| a.verification.as_ref()) {
        session.shell.out("");
        story::checks(session.shell, verification);
        logs::failing(session.shell, operator, intent).await;
    }
    if let (Some(plan), Phase::Unapproved) = (intent.plan(), intent.phase) {
        session.shell.out("plan");
        story::plan(session.shell, plan);
    }
    if lacks_own_sandbox() && intent.attempts.iter().any(|a| a.provider.as_str() == "web") {
        session.remark(
            "warning: as root Chromium ran with --no-sandbox; an ordinary user's browser has its own walls",
        );
    }
    session.shell.out("");
    session.shell.out(&format!("intent      {}   cost {}", intent.id.short(), story::cost(intent)));
    story::outcome(session.shell, intent);
    Ok(code)
}

/// The document of a command, when one is wanted.
pub(crate) fn document(session: &Session<'_>, command: &str, fields: Value) {
    if session.shell.is_json() {
        session.shell.json(&output::document(command, fields));
    }
}
