//! `policy test`: every example of every rule is judged; one that is not judged as it says ends with code 2.

use std::path::Path;

use domain::command::CommandPolicy;
use domain::exit_code::ExitCode;
use domain::gate::table::Checked;
use engine::config::Loaded;
use serde_json::json;

use super::gate_rules::{self, Shown};
use crate::commands::{config, document};
use crate::error::Failure;
use crate::session::Session;
use crate::ui::shell::{BOLD, GREEN, RED, clean};
use crate::ui::table::table;

pub(super) fn run(session: &Session<'_>, file: Option<&Path>) -> Result<ExitCode, Failure> {
    let loaded = match file {
        Some(file) => of_file(&session.environment.folder.join(file))?,
        None => config::loaded(session)?,
    };
    for warning in &loaded.warnings {
        session.remark(&format!("warning: {warning}"));
    }
    // Whoever makes a command policy has its examples judged.
    CommandPolicy::with(&loaded.config.commands).map_err(Failure::policy)?;
    let rules = gate_rules::all(&loaded)?;
    let checked: Vec<(&Shown<'_>, Vec<Checked>)> = rules.iter().map(|rule| (rule, rule.check())).collect();
    let wrong: Vec<&Checked> =
        checked.iter().flat_map(|(_, all)| all).filter(|one| one.problem.is_some()).collect();
    let code = if wrong.is_empty() { ExitCode::Done } else { ExitCode::Usage };
    show(session, &checked, &wrong);
    let rows: Vec<_> = checked
        .iter()
        .map(|(rule, all)| {
            json!({ "id": rule.id(), "verdict": rule.verdict(), "set_by": rule.set_by(), "examples": all })
        })
        .collect();
    document(
        session,
        "policy test",
        json!({ "rules": rows, "wrong": wrong.len(), "exit_code": code.code() }),
    );
    Ok(code)
}

/// The file's policy. A name that leads nowhere is an error here, not an empty layer.
fn of_file(file: &Path) -> Result<Loaded, Failure> {
    if !file.is_file() {
        return Err(Failure::usage(format!("{}: there is no such file", file.display()))
            .hint("name a configuration, or leave it out for the policy in force"));
    }
    super::of_file(file)
}

fn show(session: &Session<'_>, checked: &[(&Shown<'_>, Vec<Checked>)], wrong: &[&Checked]) {
    let shell = session.shell;
    let rows = checked.iter().map(|(rule, all)| {
        let good = all.iter().filter(|one| one.problem.is_none()).count();
        let (style, word) = if good == all.len() { (GREEN, "ok") } else { (RED, "WRONG") };
        let result = shell.paint_out(style, &format!("{good}/{} {word}", all.len()));
        vec![clean(rule.id()), rule.verdict().to_string(), result, clean(rule.set_by())]
    });
    shell.out(&table(&["rule", "verdict", "examples", "set by"], rows));
    for one in wrong {
        let problem = clean(one.problem.as_deref().unwrap_or_default());
        let rule = shell.paint_out(BOLD, &clean(&one.rule));
        shell.out(&format!("{rule}: example {} of {}: {problem}", one.number, one.kind));
    }
    let examples: usize = checked.iter().map(|(_, all)| all.len()).sum();
    shell.out(&match wrong.len() {
        0 => format!("{} rules, {examples} examples: all judged as they say", checked.len()),
        count => format!("{} rules, {examples} examples: {count} not judged as they say", checked.len()),
    });
}
