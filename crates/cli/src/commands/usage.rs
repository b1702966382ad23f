//! `usage`: what was spent, by day, provider, agent or kind of task; and `usage --reset`, which forgives it.

use std::collections::BTreeMap;

use domain::exit_code::ExitCode;
use domain::money::MicroDollars;
use serde::Serialize;
use serde_json::json;
use store::{Micros, Period, Scope, Store, UsageLine, Window};

use super::document;
use crate::args::{UsageArgs, UsageKey, UsageWindow};
use crate::error::Failure;
use crate::session::Session;
use crate::ui::table::table;
use crate::ui::words;

pub(crate) async fn run(session: &Session<'_>, args: &UsageArgs) -> Result<ExitCode, Failure> {
    let store = session.store().await?;
    if args.reset {
        return reset(session, &store, args).await;
    }
    let now = Micros(session.world.clock.now_micros());
    store.expire_leases(now).await?;
    let mut lines = store.usage(Period::ALL).await?;
    let mut open = store.open_reservations().await?;
    if let Some(agent) = &args.agent {
        lines.retain(|line| line.agent.as_ref() == Some(agent));
        open.retain(|reservation| reservation.agent.as_ref() == Some(agent));
    }
    let by = if args.by.is_empty() { vec![UsageKey::Day, UsageKey::Provider] } else { args.by.clone() };
    let groups = grouped(&lines, &by);
    let billed = lines.iter().fold(MicroDollars::ZERO, |sum, line| sum.plus(line.billed));
    let imputed = lines.iter().fold(MicroDollars::ZERO, |sum, line| sum.plus(line.imputed));
    if session.shell.is_json() {
        let fields = json!({
            "lines": lines,
            "groups": groups,
            "billed_micros": billed.micros(),
            "imputed_micros": imputed.micros(),
            "open_reservations": open,
            "exit_code": 0,
        });
        document(session, "usage", fields);
        return Ok(ExitCode::Done);
    }
    if !groups.is_empty() {
        let mut head: Vec<&str> = by.iter().map(|key| key.title()).collect();
        head.extend(["proposals", "requests", "tokens", "billed", "imputed"]);
        session.shell.out(&table(&head, groups.iter().map(Group::cells)));
    }
    session.shell.out(&format!(
        "billed {billed} in all, imputed {imputed}; {} open",
        words::count(open.len() as u64, "reservation")
    ));
    Ok(ExitCode::Done)
}

/// Forgives what was spent in the present month, week or day. Whoever may do that owns the registry; it is recorded.
async fn reset(session: &Session<'_>, store: &Store, args: &UsageArgs) -> Result<ExitCode, Failure> {
    let scope = args.agent.clone().map_or(Scope::Global, Scope::Agent);
    let window = match args.window {
        UsageWindow::Day => Window::Day,
        UsageWindow::Week => Window::Week,
        UsageWindow::Month => Window::Month,
    };
    let now = Micros(session.world.clock.now_micros());
    let event = store.reset_budget(&scope, window, now, &session.world.person).await?;
    if session.shell.is_json() {
        document(session, "usage", json!({ "reset": event, "exit_code": 0 }));
        return Ok(ExitCode::Done);
    }
    session.shell.out(&match event {
        Some(domain::registry::RegistryEvent::BudgetReset { stretch, forgiven, .. }) => {
            format!("{forgiven} of {scope}, {stretch}, no longer count; the journal says who did that")
        }
        _ => format!("nothing was counted for {scope} in this {window}"),
    });
    Ok(ExitCode::Done)
}

/// The sums of the lines that have the same keys.
#[derive(Debug, Serialize)]
struct Group {
    keys: Vec<String>,
    attempts: u64,
    requests: u64,
    tokens: u64,
    billed: MicroDollars,
    imputed: MicroDollars,
}

impl Group {
    fn cells(&self) -> Vec<String> {
        let counts = [self.attempts, self.requests, self.tokens].map(|n| n.to_string());
        let money = [self.billed, self.imputed].map(|m| m.to_string());
        self.keys.iter().cloned().chain(counts).chain(money).collect()
    }
}

/// In the order of the keys, the newest day first.
fn grouped(lines: &[UsageLine], by: &[UsageKey]) -> Vec<Group> {
    let mut groups: BTreeMap<Vec<String>, Group> = BTreeMap::new();
    for line in lines {
        let keys: Vec<String> = by.iter().map(|key| key.of(line)).collect();
        let group = groups.entry(keys.clone()).or_insert(Group {
            keys,
            attempts: 0,
            requests: 0,
            tokens: 0,
            billed: MicroDollars::ZERO,
            imputed: MicroDollars::ZERO,
        });
        group.attempts += line.attempts;
        group.requests += line.requests;
        group.tokens += line.prompt_tokens + line.completion_tokens;
        group.billed = group.billed.plus(line.billed);
        group.imputed = group.imputed.plus(line.imputed);
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    if by.first() == Some(&UsageKey::Day) {
        groups.sort_by(|a, b| b.keys[0].cmp(&a.keys[0]));
    }
    groups
}

impl UsageKey {
    fn title(self) -> &'static str {
        match self {
            Self::Day => "day (UTC)",
            Self::Provider => "provider",
            Self::Agent => "agent",
            Self::Kind => "kind",
        }
    }

    fn of(self, line: &UsageLine) -> String {
        match self {
            Self::Day => line.day.clone(),
            Self::Provider => line.provider.to_string(),
            Self::Agent => line.agent.clone().unwrap_or_default(),
            Self::Kind => line.kind.as_str().to_owned(),
        }
    }
}
