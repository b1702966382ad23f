//! `policy check-command`: may an agent run this command line? Nothing is run.

use std::io::Read;
use std::path::Path;

use domain::command::{CommandPolicy, Judgement, LONGEST, Verdict, judge_bytes};
use domain::exit_code::ExitCode;
use serde_json::{Value, json};

use crate::args::policy::CheckCommandArgs;
use crate::commands::document;
use crate::error::Failure;
use crate::session::Session;
use crate::ui::shell::{BOLD, GREEN, RED, YELLOW, clean};

/// No list of prefixes is larger, in bytes.
const FILE_CAP: u64 = 1 << 20;

pub(crate) fn run(session: &Session<'_>, args: &CheckCommandArgs) -> Result<ExitCode, Failure> {
    let policy = match &args.policy {
        Some(file) => from_file(&session.environment.folder.join(file))?,
        None => in_force(session)?,
    };
    let command = if args.command == "-" { from_stdin()? } else { args.command.clone().into_bytes() };
    let judgement = judge_bytes(&command, &policy);
    let code = match judgement.verdict {
        Verdict::Allow => ExitCode::Done,
        Verdict::Ask => ExitCode::NeedsPerson,
        Verdict::Deny => ExitCode::Refused,
    };
    show(session, &judgement);
    let mut fields = serde_json::to_value(&judgement).unwrap_or_default();
    if let Value::Object(fields) = &mut fields {
        fields.insert("exit_code".to_owned(), json!(code.code()));
    }
    document(session, "policy check-command", fields);
    Ok(code)
}

/// The policy that counts here: the owner's, tightened by the repository's where there is one.
fn in_force(session: &Session<'_>) -> Result<CommandPolicy, Failure> {
    let loaded = super::super::config::loaded(session)?;
    CommandPolicy::with(&loaded.config.commands).map_err(Failure::policy)
}

/// The policy of one file, whatever else is configured.
fn from_file(file: &Path) -> Result<CommandPolicy, Failure> {
    let unreadable = |e: std::io::Error| {
        Failure::usage(format!("{}: {e}", file.display())).hint("--policy names a YAML or JSON file")
    };
    let mut text = String::new();
    std::fs::File::open(file)
        .map_err(unreadable)?
        .take(FILE_CAP)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    let is_list =
        serde_json::from_str::<Value>(&text).is_ok_and(|value| value.get("allow_argv_prefixes").is_some());
    if is_list {
        return CommandPolicy::from_prefixes(&text).map_err(Failure::policy);
    }
    let loaded = super::of_file(file)?;
    CommandPolicy::with(&loaded.config.commands).map_err(Failure::policy)
}

/// The command from stdin. What is too long is read far enough to be refused as such.
fn from_stdin() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let most = LONGEST as u64 + 1;
    std::io::stdin()
        .lock()
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(|e| Failure::machine(format!("stdin cannot be read: {e}")))?;
    // One end of line is how a command is handed over, and no part of it.
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(bytes)
}

fn show(session: &Session<'_>, judgement: &Judgement) {
    let shell = session.shell;
    let (style, word) = dressed(judgement.verdict);
    shell.out(&format!("{}  {}", shell.paint_out(style, word), clean(&judgement.why)));
    for finding in &judgement.findings {
        let what =
            if finding.what.is_empty() { String::new() } else { format!(": {}", clean(&finding.what)) };
        let (style, word) = dressed(finding.verdict);
        let (word, rule) = (shell.paint_out(style, word), shell.paint_out(BOLD, &clean(&finding.rule)));
        shell.out(&format!("  {word}  {rule}  {}{what}", clean(&finding.text)));
    }
    if let Some(first) = judgement.findings.first() {
        shell.out(&format!("what to do: {}", clean(&first.advice)));
    }
}

fn dressed(verdict: Verdict) -> (anstyle::Style, &'static str) {
    match verdict {
        Verdict::Allow => (GREEN, "allow"),
        Verdict::Ask => (YELLOW, "ask"),
        Verdict::Deny => (RED, "deny"),
    }
}
