//! `policy explain`: what a rule is for, what follows from it, how that is changed, and an example.

use domain::exit_code::ExitCode;
use serde_json::{Value, json};

use super::gate_rules::{self, Shown};
use crate::commands::{config, document};
use crate::error::Failure;
use crate::session::Session;
use crate::ui::shell::{BOLD, DIM, clean};
use crate::ui::table::table;

pub(super) fn run(session: &Session<'_>, wanted: Option<&str>) -> Result<ExitCode, Failure> {
    let loaded = config::loaded(session)?;
    let rules = gate_rules::all(&loaded)?;
    let chosen: Vec<&Shown<'_>> = match wanted {
        None => rules.iter().collect(),
        Some(id) => vec![rules.iter().find(|rule| rule.id() == id).ok_or_else(|| unknown(id, &rules))?],
    };
    match wanted {
        Some(_) => chosen.iter().for_each(|rule| one(session, rule)),
        None => list(session, &chosen),
    }
    let values: Vec<Value> = chosen.iter().map(|rule| rule.json()).collect();
    document(session, "policy explain", json!({ "rules": values, "exit_code": 0 }));
    Ok(ExitCode::Done)
}

fn unknown(id: &str, rules: &[Shown<'_>]) -> Failure {
    let near = |rule: &&Shown<'_>| id.split('-').any(|word| word.len() > 2 && rule.id().contains(word));
    let alike: Vec<&str> = rules.iter().filter(near).map(Shown::id).collect();
    let hint = match alike.len() {
        0 => "`codex-task policy explain` lists all rules".to_owned(),
        _ => format!("did you mean {}? `codex-task policy explain` lists all rules", alike.join(", ")),
    };
    Failure::usage(format!("there is no rule {id:?}")).hint(&hint)
}

fn list(session: &Session<'_>, rules: &[&Shown<'_>]) {
    let rows = rules.iter().map(|rule| {
        vec![clean(rule.id()), rule.verdict().to_string(), clean(rule.text()), clean(rule.set_by())]
    });
    session.shell.out(&table(&["rule", "verdict", "what", "set by"], rows));
}

fn one(session: &Session<'_>, rule: &Shown<'_>) {
    let shell = session.shell;
    shell.out(&format!("{}  {}", shell.paint_out(BOLD, &clean(rule.id())), rule.verdict()));
    shell.out(&format!("  what    {}", clean(rule.text())));
    if let Some((why, change)) = rule.why_and_change() {
        shell.out(&format!("  why     {}", clean(why)));
        shell.out(&format!("  change  {}", clean(change)));
    }
    shell.out(&format!("  set by  {}", clean(rule.set_by())));
    for (kind, examples) in rule.examples() {
        shell.out(if kind == "match" { "  it finds" } else { "  it leaves alone" });
        // One of each says what is meant; all of them are in the JSON document.
        for line in examples.first().map(String::as_str).unwrap_or_default().lines() {
            shell.out(&shell.paint_out(DIM, &format!("    {}", clean(line))));
        }
    }
}
