//! `doctor`: what this machine and this repository allow, each line with what to do about it.

use std::ffi::OsStr;
use std::path::Path;

use domain::exit_code::ExitCode;
use domain::task::{Kind, Task};
use engine::Project;
use engine::config::{Flags, REPOSITORY_FILE};
use engine::preparation::Standing;
use engine::world::World;
use sandbox::{Answer, Level, Tried};
use serde::Serialize;
use serde_json::json;

use super::document;
use crate::error::Failure;
use crate::session::Session;
use crate::ui::shell::{GREEN, RED, YELLOW};

/// Programs that checks are made of.
const TOOLS: [&str; 8] = ["cargo", "python3", "ruff", "pytest", "mypy", "node", "go", "make"];

/// How one thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warn,
    Bad,
}

#[derive(Debug, Serialize)]
struct Line {
    state: State,
    what: &'static str,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

#[derive(Default)]
struct Report {
    lines: Vec<Line>,
    denials: Vec<Tried>,
}

impl Report {
    fn add(&mut self, state: State, what: &'static str, found: impl Into<String>, remedy: Option<&str>) {
        self.lines.push(Line { state, what, found: found.into(), remedy: remedy.map(str::to_owned) });
    }
}

pub(crate) async fn run(session: &Session<'_>) -> Result<ExitCode, Failure> {
    let mut report = Report::default();
    git_program(session, &mut report);
    folders(session, &mut report).await;
    match session.open_for_doctor() {
        Ok(project) => of_project(session, &project, &mut report),
        Err(failure) => {
            report.add(State::Warn, "repository", failure.message, failure.hint.as_deref());
            machine(&session.world, None, &mut report);
        }
    }
    let code = if report.lines.iter().any(|line| line.state == State::Bad) {
        ExitCode::Usage
    } else {
        ExitCode::Done
    };
    show(session, &report);
    document(
        session,
        "doctor",
        json!({ "lines": report.lines, "denials": report.denials, "exit_code": code.code() }),
    );
    Ok(code)
}

fn git_program(session: &Session<'_>, report: &mut Report) {
    let path = session.environment.variable("PATH").unwrap_or_default();
    match git::run::Runner::find(OsStr::new(path)).and_then(|git| git.version()) {
        Ok(version) => report.add(State::Ok, "git", version, None),
        Err(error) => report.add(
            State::Warn,
            "git",
            error.to_string(),
            Some("changes are made without it; install git to work with the branches"),
        ),
    }
}

async fn folders(session: &Session<'_>, report: &mut Report) {
    let folders = &session.world.folders;
    let made = std::fs::create_dir_all(&folders.cache).and_then(|()| {
        let trial = folders.cache.join(format!(".doctor-{}", std::process::id()));
        std::fs::write(&trial, b"").and_then(|()| std::fs::remove_file(&trial))
    });
    match made {
        Ok(()) => report.add(State::Ok, "cache", folders.cache.display().to_string(), None),
        Err(error) => report.add(
            State::Bad,
            "cache",
            format!("{}: {error}", folders.cache.display()),
            Some("set CODEX_TASK_HOME to a folder that can be written"),
        ),
    }
    match session.store().await {
        Ok(_) => report.add(State::Ok, "journal", folders.state.display().to_string(), None),
        Err(failure) => report.add(
            State::Bad,
            "journal",
            failure.message,
            Some("set CODEX_TASK_HOME to a folder that can be written, or see `codex-task audit verify`"),
        ),
    }
}

fn of_project(session: &Session<'_>, project: &Project, report: &mut Report) {
    let place = project.repository.work_dir().unwrap_or(project.repository.common_dir());
    let branch = project.base.branch.as_deref().unwrap_or("a detached HEAD");
    report.add(State::Ok, "repository", format!("{} on {branch}", place.display()), None);
    let own = project.repository.entry(&project.base.tree, REPOSITORY_FILE).ok().flatten().is_some();
    let found = if own {
        format!("{REPOSITORY_FILE} of HEAD counts")
    } else {
        format!("no {REPOSITORY_FILE} in HEAD: built-in values")
    };
    report.add(State::Ok, "config", found, (!own).then_some("`codex-task init` writes a commented one"));
    for warning in &project.warnings {
        report.add(State::Warn, "config", warning.clone(), None);
    }
    machine(&session.world, Some(project), report);
    let found: Vec<&str> = TOOLS.into_iter().filter(|tool| project.boxes.has(&session.world, tool)).collect();
    let missing: Vec<&str> = TOOLS.into_iter().filter(|tool| !found.contains(tool)).collect();
    let text = if missing.is_empty() {
        found.join(", ")
    } else {
        format!("{} (not: {})", found.join(", "), missing.join(", "))
    };
    report.add(
        if found.is_empty() { State::Warn } else { State::Ok },
        "tools",
        text,
        found.is_empty().then_some("install what the project's tests need"),
    );
    dependencies(&session.world, project, report);
    providers(project, report);
}

/// Whether what the base's lock files name was fetched for its checks.
fn dependencies(world: &World, project: &Project, report: &mut Report) {
    let (found, remedy) = match engine::preparation::standing(project, world) {
        Ok(Standing::Nothing) => ("no lock file at the root names any".to_owned(), None),
        Ok(Standing::Prepared { steps, bytes }) => {
            (format!("prepared for the lock files of HEAD: {} ({} MiB)", steps.join(", "), bytes >> 20), None)
        }
        Ok(Standing::Unprepared { files }) => (
            format!("not prepared ({}): checks see what this machine has", files.join(", ")),
            Some("`codex-task prepare` fetches what the lock files name"),
        ),
        Ok(Standing::NotHere { why }) => (format!("cannot be prepared here: {why}"), None),
        // The sandbox's own line has the reason and the remedy.
        Err(error) => (format!("not looked at: {error}"), None),
    };
    report.add(State::Ok, "packages", found, remedy);
}

/// The sandbox: the level, and why not a stricter one.
fn machine(world: &World, project: Option<&Project>, report: &mut Report) {
    let Some(project) = project else {
        match sandbox::probe(&world.launcher, existing(&world.folders.cache)) {
            Ok(machine) => {
                tell(&machine, machine.strongest.as_str(), report);
                let tried = engine::boxes::try_denials(world, machine.strongest);
                denials(machine.strongest, tried, report);
            }
            Err(error) => report.add(State::Bad, "sandbox", error.to_string(), None),
        }
        return;
    };
    match (project.boxes.machine(world), project.boxes.level(world)) {
        (Ok(machine), Ok(level)) => {
            tell(machine, level.as_str(), report);
            denials(level, project.boxes.try_denials(world).map(|(_, tried)| tried), report);
        }
        // The folder's own line above has the remedy; nothing is known of the sandbox then.
        (Err(error @ engine::EngineError::Folder { .. }), _) | (_, Err(error @ engine::EngineError::Folder { .. })) => {
            report.add(State::Bad, "sandbox", format!("not looked at: {error}"), None);
        }
        (Err(error), _) | (_, Err(error)) => report.add(
            State::Bad,
            "sandbox",
            error.to_string(),
            Some("use a kernel with Landlock or user namespaces; `--sandbox none` runs checks without walls, by your own choice"),
        ),
    }
}

/// What a box must deny, tried now: a line for each attempt.
fn denials(level: Level, tried: Result<Vec<Tried>, engine::EngineError>, report: &mut Report) {
    let tried = match tried {
        Ok(tried) => tried,
        Err(error) => {
            return report.add(
                State::Bad,
                "denials",
                error.to_string(),
                Some("nothing is known of the walls then"),
            );
        }
    };
    if level == Level::None {
        let remedy = "checks can reach whatever you can; use it only for code that you trust";
        report.add(State::Warn, "denials", "none: the sandbox is switched off", Some(remedy));
    }
    for one in &tried {
        let (state, word, how) = match &one.answer {
            Answer::Denied { .. } => (State::Ok, "denied", ""),
            Answer::Works => (State::Ok, "works", ""),
            Answer::NotPromised { how } => (State::Ok, "not promised", how.as_str()),
            Answer::Broken { how } => (State::Bad, "BROKEN", how.as_str()),
            Answer::Breach { how } => (State::Bad, "BREACH", how.as_str()),
        };
        let how = if how.is_empty() { String::new() } else { format!(" ({how})") };
        let remedy = (state == State::Bad).then_some(
            "do not let checks run here until it holds; please report it with the kernel's version and this output",
        );
        report.add(state, "denials", format!("{}: {word}{how}", one.what), remedy);
    }
    report.denials = tried;
}

fn existing(folder: &Path) -> Option<&Path> {
    folder.is_dir().then_some(folder)
}

fn tell(machine: &sandbox::Machine, level: &str, report: &mut Report) {
    let landlock = format!(
        "Landlock ABI {}, system call filter {}",
        machine.landlock_abi,
        if machine.seccomp { "yes" } else { "no" }
    );
    let why = machine.why_not_strict.as_ref();
    match (level, why) {
        ("strict", _) => report.add(State::Ok, "sandbox", format!("strict ({landlock})"), None),
        (level, Some(why)) => report.add(
            State::Warn,
            "sandbox",
            format!("{level}, not strict: {why} ({landlock})"),
            Some("for full isolation allow user namespaces: `sysctl user.max_user_namespaces`, or the container's profile"),
        ),
        (level, None) => report.add(State::Ok, "sandbox", format!("{level} ({landlock})"), None),
    }
    match &machine.why_no_overlay {
        None => report.add(State::Ok, "trees", "copy-on-write by overlay", None),
        Some(why) => report.add(State::Ok, "trees", format!("checkouts; no overlay: {why}"), None),
    }
}

fn providers(project: &Project, report: &mut Report) {
    report.add(State::Ok, "provider", "codemod: embedded rules, free, no network", None);
    let task = Task { kind: Kind::Fix, text: "a task in words".to_owned(), finding: None };
    let mut ready = false;
    let mut lacking = Vec::new();
    let configured = &project.config.providers;
    let models = configured.all().map(|(id, _)| id).into_iter();
    for id in models.chain(configured.agents().map(|(id, _)| id)) {
        let Some(provider) = project.providers.iter().find(|p| p.id().as_str() == id) else { continue };
        match provider.suits(&task) {
            Ok(reason) => {
                ready = true;
                let price = provider.price().map(|price| format!(" ({price})")).unwrap_or_default();
                report.add(State::Ok, "provider", format!("{id}: {reason}{price}"), None);
            }
            Err(reason) => lacking.push(format!("{id}: {reason}")),
        }
    }
    let state = if ready { State::Ok } else { State::Warn };
    let remedy = "for tasks in words, set `providers.local.url` and `model` to an OpenAI-compatible server, or a service's key";
    for line in lacking {
        report.add(state, "provider", line, (!ready).then_some(remedy));
    }
}

/// All attempts on the walls in one line, when each ended as it must; otherwise, or when more is wanted, each by itself.
fn in_short(report: &Report) -> Option<Line> {
    let all = report.lines.iter().filter(|line| line.what == "denials");
    if report.denials.is_empty() || all.into_iter().any(|line| line.state != State::Ok) {
        return None;
    }
    let count = |wanted: fn(&Answer) -> bool| report.denials.iter().filter(|t| wanted(&t.answer)).count();
    let denied = count(|answer| matches!(answer, Answer::Denied { .. }));
    let works = count(|answer| matches!(answer, Answer::Works));
    let open = count(|answer| matches!(answer, Answer::NotPromised { .. }));
    let mut found = format!("{denied} of {} denied", denied + open);
    if open > 0 {
        found.push_str(&format!(", {open} not promised at this level"));
    }
    if works > 0 {
        found.push_str(&format!("; {works} that tests need work"));
    }
    found.push_str(" (-v lists them)");
    Some(Line { state: State::Ok, what: "denials", found, remedy: None })
}

fn show(session: &Session<'_>, report: &Report) {
    let shell = session.shell;
    let short = if session.global.verbose == 0 { in_short(report) } else { None };
    let first = report.lines.iter().position(|line| line.what == "denials");
    let lines = report.lines.iter().enumerate().filter_map(|(place, line)| match &short {
        Some(short) if line.what == "denials" => (Some(place) == first).then_some(short),
        _ => Some(line),
    });
    for line in lines {
        let (word, style) = match line.state {
            State::Ok => ("ok  ", GREEN),
            State::Warn => ("warn", YELLOW),
            State::Bad => ("bad ", RED),
        };
        shell.out(&format!("{} {:<10} {}", shell.paint_out(style, word), line.what, line.found));
        if let Some(remedy) = &line.remedy {
            shell.out(&format!("                -> {remedy}"));
        }
    }
}

impl Session<'_> {
    /// The project without telling its warnings: the report has a line for each.
    fn open_for_doctor(&self) -> Result<Project, Failure> {
        self.project_quietly(&Flags::default())
    }
}
