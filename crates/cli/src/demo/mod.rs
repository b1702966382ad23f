//! `demo`: a small repository with real findings, taken the whole way by the same code as every other change. Nothing
//! here prints an outcome that did not happen.

mod repository;

use std::path::{Path, PathBuf};
use std::time::Instant;

use domain::exit_code::ExitCode;
use domain::finding::Finding;
use domain::intent::{Intent, Phase};
use domain::money::MicroDollars;
use domain::task::Task;
use domain::verification::CheckVerdict;
use engine::{Operator, Project};
use git::RepoDigest;
use serde_json::{Value, json};

use crate::args::{DemoArgs, Steering};
use crate::commands;
use crate::environment::Environment;
use crate::error::Failure;
use crate::files::{self, Wanted};
use crate::output;
use crate::session::Session;
use crate::take::{Taken, job, on_signals, take};
use crate::ui::shell::{BOLD, CYAN, DIM, GREEN, YELLOW, clean};
use crate::ui::table::table;
use crate::ui::words::{self, count};
use crate::ui::{diff::coloured, story};
use crate::view;
use crate::world::HOME_VARIABLE;
use repository::Second;

/// Whether the demo's folder stays, so that command lines that name it make sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Yes,
    No,
}

/// The demo's folders.
struct Place {
    whole: PathBuf,
    shop: PathBuf,
    home: PathBuf,
}

pub(crate) async fn run(outer: &Session<'_>, args: &DemoArgs) -> Result<ExitCode, Failure> {
    let began = Instant::now();
    let place = place(outer, args)?;
    let environment = environment(outer.environment, &place);
    let mut global = outer.global.clone();
    global.repo = Some(place.shop.clone());
    let session = Session::new(&environment, outer.shell, &global)?;
    let steering = Steering { judging: args.judging.clone(), ..Steering::default() };
    let second = second(&session);
    repository::make(&environment, &place.shop, second, session.world.clock.now_micros())?;
    let before = git::digest(&place.shop)?;
    let project = session.project(&steering.flags())?;
    introduce(&session, &place, &project, second)?;
    let findings =
        files::scan(&project, &Wanted { paths: Vec::new(), select: &[], working_tree: false })?.findings;
    show_findings(&session, &findings);
    let operator = session.operator().await?;
    let intents = take_all(&session, &steering, &operator, &project, findings).await?;
    drop(operator);
    let keep = if args.clean { Keep::No } else { Keep::Yes };
    let code = conclude(&session, &place, &intents, (began, &before, keep)).await?;
    clean_up(&session, args, &place)?;
    Ok(code)
}

/// A new folder: the named one, or a temporary one.
fn place(session: &Session<'_>, args: &DemoArgs) -> Result<Place, Failure> {
    let whole = match &args.folder {
        Some(folder) => session.environment.folder.join(folder),
        None => {
            let temporary = session.environment.variable("TMPDIR").unwrap_or("/tmp");
            let name = session.world.ids.intent();
            Path::new(temporary).join(format!("codex-task-demo-{}", name.short()))
        }
    };
    std::fs::create_dir(&whole).map_err(|e| {
        Failure::usage(format!("{}: {e}", whole.display()))
            .hint("name a folder that is not there yet with --folder")
    })?;
    let whole = whole.canonicalize().map_err(|e| Failure::file(&whole, &e))?;
    Ok(Place { shop: whole.join("shop"), home: whole.join("home"), whole })
}

/// The caller's environment with a registry of the demo's own, and without the caller's settings.
fn environment(outer: &Environment, place: &Place) -> Environment {
    let mut environment = outer.clone();
    let is_setting =
        |name: &str| (name.starts_with("CODEX_TASK_") && name.contains("__")) || name.starts_with("T4_");
    environment.variables.retain(|name, _| !is_setting(name) && name != "CODEX_MODEL");
    environment.variables.insert(HOME_VARIABLE.to_owned(), place.home.display().to_string());
    environment.folder = place.whole.clone();
    environment
}

/// What the second language can be: a program that starts in the sandbox too.
fn second(session: &Session<'_>) -> Second {
    let boxes =
        engine::boxes::Boxes::new(engine::config::Sandbox::default(), session.environment.folder.clone());
    match ["python3", "node"].map(|program| boxes.has(&session.world, program)) {
        [true, _] => Second::Python,
        [false, true] => Second::JavaScript,
        [false, false] => Second::None,
    }
}

fn introduce(session: &Session<'_>, place: &Place, project: &Project, second: Second) -> Result<(), Failure> {
    let shell = session.shell;
    let machine = project.boxes.machine(&session.world)?;
    let level = project.boxes.level(&session.world)?;
    let languages = match second {
        Second::Python => "Rust and Python",
        Second::JavaScript => "Rust and JavaScript (python3 is not installed)",
        Second::None => {
            "Rust only (neither python3 nor node is installed, so there is no second language to show)"
        }
    };
    shell.out(&shell.paint_out(BOLD, "codex-task demo: real findings, real tests, the whole way"));
    shell.out(&format!("repository  {} ({languages})", place.shop.display()));
    let why = match (level.as_str(), &machine.why_not_strict) {
        ("strict", _) => "namespaces, no network, read-only system, limits".to_owned(),
        (_, Some(why)) => format!("Landlock, system call filter, limits; not strict, because: {why}"),
        (_, None) => "as asked for".to_owned(),
    };
    shell.out(&format!("sandbox     {level}: {why}"));
    shell.out("provider    codemod: rules of this program; no network, no key, no cost");
    if !project.boxes.has(&session.world, "cargo") {
        shell.out("note        cargo is not on the search path, so nothing can verify the Rust changes");
    }
    Ok(())
}

fn show_findings(session: &Session<'_>, findings: &[Finding]) {
    let shell = session.shell;
    shell.out(&format!(
        "\n{}",
        shell.paint_out(BOLD, &format!("scan: {}", count(findings.len() as u64, "finding")))
    ));
    for finding in findings {
        let place = format!("{}:{}:{}", finding.path, finding.line, finding.column);
        shell.out(&format!(
            "  {place:<26} {:<30} {}",
            finding.code,
            clean(&words::shorten(&finding.message, 60))
        ));
    }
}

async fn take_all(
    session: &Session<'_>,
    steering: &Steering,
    operator: &Operator,
    project: &Project,
    findings: Vec<Finding>,
) -> Result<Vec<Intent>, Failure> {
    let (cancel, total) = (on_signals()?, findings.len());
    let mut intents = Vec::new();
    for (number, finding) in findings.into_iter().enumerate() {
        let head = format!("[{}/{total}] {} in {}:{}", number + 1, finding.code, finding.path, finding.line);
        session.shell.out(&format!("\n{}", session.shell.paint_out(BOLD, &head)));
        let reporter = session.reporter();
        let job = job(Task::from_finding(finding), false, steering);
        let taken = take(operator, project, job, &reporter, &cancel).await?;
        drop(reporter);
        match taken {
            Taken::Ran(intent) => {
                show_one(session, operator, &intent).await?;
                intents.push(*intent);
            }
            Taken::Already(intent) => {
                session.shell.out(&format!("result      taken already, by {}", intent.id.short()))
            }
        }
        if cancel.is_set() {
            break;
        }
    }
    Ok(intents)
}

async fn show_one(session: &Session<'_>, operator: &Operator, intent: &Intent) -> Result<(), Failure> {
    let shell = session.shell;
    if shell.is_json() {
        return Ok(());
    }
    if let Some(diff) = commands::diff_of(operator, intent).await? {
        shell.out_raw(&coloured(shell, &diff));
    }
    if let Some(verification) = intent.attempts.iter().rev().find_map(|a| a.verification.as_ref()) {
        story::checks(shell, verification);
    }
    if let Some(confidence) = intent.attempts.iter().rev().find_map(|a| a.confidence.as_ref()) {
        shell.out(&format!("confidence  {}   cost {}", confidence.combined, story::cost(intent)));
    }
    let style = if intent.phase == Phase::Published { GREEN } else { YELLOW };
    shell.out(&format!("result      {}", shell.paint_out(style, &clean(&words::end_state(intent)))));
    Ok(())
}

/// The report, the audit, and what to try next.
async fn conclude(
    session: &Session<'_>,
    place: &Place,
    intents: &[Intent],
    (began, before, keep): (Instant, &RepoDigest, Keep),
) -> Result<ExitCode, Failure> {
    let shell = session.shell;
    shell.out(&format!("\n{}", shell.paint_out(BOLD, "what became of them")));
    let rows = intents.iter().map(|intent| {
        let finding = intent.task.finding.as_ref();
        let place = finding.map_or_else(String::new, |f| format!("{}:{}", f.path, f.line));
        let code = finding.map_or_else(String::new, |f| f.code.clone());
        vec![intent.id.short().to_owned(), place, code, clean(&words::shorten(&words::end_state(intent), 90))]
    });
    shell.out(&table(&["intent", "finding", "rule", "end"], rows));
    let report = commands::audit_report(session, &[]).await?;
    shell.out("");
    commands::show_audit(session, &report);
    let seconds = began.elapsed().as_secs_f64();
    let published = intents.iter().filter(|i| i.phase == Phase::Published).count();
    let cost = intents.iter().fold(MicroDollars::ZERO, |sum, intent| sum.plus(intent.billed()));
    let total = count(intents.len() as u64, "finding");
    shell.out(&format!("{published} of {total} on branches of their own, cost {cost}, {seconds:.1} s"));
    shell.out(&untouched(before, &git::digest(&place.shop)?));
    if keep == Keep::Yes {
        next(session, place, intents);
    }
    let stopped = intents.iter().any(|i| words::exit_code(i) == ExitCode::Aborted);
    let code = match (stopped, published, report.is_clean()) {
        (true, _, _) => ExitCode::Aborted,
        (false, 1.., true) => ExitCode::Done,
        _ => ExitCode::NotVerified,
    };
    if shell.is_json() {
        let views: Vec<Value> = intents.iter().map(view::intent).collect();
        let fields = json!({
            "folder": place.whole, "intents": views, "published": published, "audit_clean": report.is_clean(),
            "seconds": seconds, "exit_code": code.code(),
        });
        shell.json(&output::document("demo", fields));
    }
    Ok(code)
}

/// What a comparison of the user's repository before and after says: files, index, HEAD, stash, configuration.
fn untouched(before: &RepoDigest, after: &RepoDigest) -> String {
    match git::difference(before, after).as_slice() {
        [] => {
            "working tree, index, HEAD, stash and configuration: compared, byte for byte as before".to_owned()
        }
        differences => format!("DIFFERS from before: {}", differences.join("; ")),
    }
}

/// Command lines that work as they are printed, as long as the folder is kept.
fn next(session: &Session<'_>, place: &Place, intents: &[Intent]) {
    let shell = session.shell;
    let line = |line: &str| shell.out(&format!("  {}", shell.paint_out(CYAN, line)));
    let note = |note: &str| shell.out(&format!("  {}", shell.paint_out(DIM, &format!("# {note}"))));
    shell.out(&format!("\n{}", shell.paint_out(BOLD, "try next")));
    let program = session.environment.program.display();
    line(&format!("alias codex-task='{program}'"));
    line(&format!("export {HOME_VARIABLE}={}", place.home.display()));
    line(&format!("cd {}", place.shop.display()));
    if let Some(published) = intents.iter().rev().find(|i| i.phase == Phase::Published) {
        line(&format!("codex-task show {}", published.id.short()));
        line(&format!("git log -1 --patch {}", words::branch(published).unwrap_or_default()));
        line(&format!("codex-task undo {}", published.id.short()));
    }
    if let Some(failed) = intents.iter().find(|intent| failed_a_check(intent)) {
        note("proposed, and kept from a branch because a test failed");
        line(&format!("codex-task show {}", failed.id.short()));
    }
    line("codex-task audit verify");
    note("then in a repository of yours, with `unset CODEX_TASK_HOME`");
    line("codex-task fix --dry-run");
}

/// Whether a check got worse by the change.
fn failed_a_check(intent: &Intent) -> bool {
    let checks = intent.attempts.iter().filter_map(|a| a.verification.as_ref()).flat_map(|v| &v.checks);
    checks.into_iter().any(|check| matches!(check.verdict, CheckVerdict::Regressed { .. }))
}

fn clean_up(session: &Session<'_>, args: &DemoArgs, place: &Place) -> Result<(), Failure> {
    if args.clean {
        // Parts of the cache may belong to the sandbox's user.
        sandbox::remove_tree(&place.whole)?;
        session.remark(&format!("removed {}", place.whole.display()));
    }
    Ok(())
}
