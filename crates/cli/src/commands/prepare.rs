//! `prepare`: fetches what the lock files of a base name, with a network, before and outside of any change.

use domain::event::BaseRef;
use domain::exit_code::ExitCode;
use engine::preparation::{Preparing, Telling, Wish};
use serde_json::json;

use super::document;
use crate::args::PrepareArgs;
use crate::error::Failure;
use crate::session::Session;
use crate::take::on_signals;
use crate::ui::shell::clean;
use crate::ui::words;

pub(crate) async fn run(session: &Session<'_>, args: &PrepareArgs) -> Result<ExitCode, Failure> {
    let project = session.project(&engine::config::Flags::default())?;
    let at = match &args.at {
        None => project.base.clone(),
        Some(rev) => {
            let found = project.repository.resolve(rev)?;
            BaseRef { commit: found.commit, tree: found.tree, branch: found.branch }
        }
    };
    let operator = session.operator().await?;
    let cancel = on_signals()?;
    let wish = Wish { again: args.again, dry_run: args.dry_run };
    let verbose = session.global.verbose > 0;
    let tell = |telling: &Telling<'_>| tell(session, telling, verbose);
    let done = operator.prepare(&project, &at, wish, &cancel, &tell).await?;
    show(session, &at, &done)
}

/// Progress, on the error stream.
fn tell(session: &Session<'_>, telling: &Telling<'_>, verbose: bool) {
    let step = |text: &str| session.remark(&format!("    prepare  {}", clean(text)));
    match telling {
        Telling::Note(note) => step(note),
        Telling::Begins { name, argv } => step(&format!("{name}: {}", words::shorten(&argv.join(" "), 200))),
        Telling::Ended { name, took, said } => {
            let time = words::time(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            step(&format!("{name}: done ({time})"));
            for line in said.iter().filter(|_| verbose) {
                step(&format!("  {line}"));
            }
        }
    }
}

/// The result, and the code to exit with.
fn show(session: &Session<'_>, at: &BaseRef, done: &Preparing) -> Result<ExitCode, Failure> {
    let (state, text, code) = match done {
        Preparing::Nothing => (
            "nothing",
            "no lock file at the root names a dependency: nothing to fetch".to_owned(),
            ExitCode::Done,
        ),
        Preparing::Already { steps, bytes } => (
            "already",
            format!("prepared already: {} ({} MiB); --again fetches it anew", steps.join(", "), bytes >> 20),
            ExitCode::Done,
        ),
        Preparing::Done { steps, bytes } => (
            "done",
            format!(
                "prepared: {} ({} MiB), for every base with the same lock files",
                steps.join(", "),
                bytes >> 20
            ),
            ExitCode::Done,
        ),
        Preparing::Would { commands, files } => {
            let lines = commands.iter().map(|argv| format!("would run  {}", argv.join(" ")));
            let lines: Vec<String> = lines.chain([format!("because of  {}", files.join(", "))]).collect();
            ("would", lines.join("\n"), ExitCode::Done)
        }
        Preparing::Failed { step, how, said } => {
            for line in said {
                session.shell.err(&format!("    {}", clean(line)));
            }
            ("failed", format!("not prepared: {step} {how}; nothing was kept"), ExitCode::BaselineBroken)
        }
        Preparing::NotKept { why } => {
            ("not-kept", format!("not prepared: {why}; nothing was kept"), ExitCode::BaselineBroken)
        }
        Preparing::NotHere { why } => {
            return Err(Failure::machine(format!("nothing can be prepared here: {why}"))
                .hint("fetch as you always do (`cargo fetch --locked`, `go mod download`); `codex-task doctor` says why not strict"));
        }
        Preparing::Stopped => ("stopped", "stopped; nothing was kept".to_owned(), ExitCode::Aborted),
    };
    session.shell.out(&text);
    let mut fields = json!({
        "state": state, "commit": at.commit, "text": text, "exit_code": code.code(),
    });
    match done {
        Preparing::Already { steps, bytes } | Preparing::Done { steps, bytes } => {
            fields["steps"] = json!(steps);
            fields["bytes"] = json!(bytes);
        }
        Preparing::Would { commands, files } => {
            fields["commands"] = json!(commands);
            fields["files"] = json!(files);
        }
        Preparing::Failed { step, how, said } => {
            fields["step"] = json!(step);
            fields["how"] = json!(how);
            fields["said"] = json!(said);
        }
        Preparing::NotKept { .. } | Preparing::Nothing | Preparing::NotHere { .. } | Preparing::Stopped => {}
    }
    document(session, "prepare", fields);
    Ok(code)
}
