//! `route explain`: who would be asked for a task, in which order, and why; and what a dry run shows of it.

use domain::exit_code::ExitCode;
use domain::plan::Wanted;
use domain::proposal::ProviderId;
use domain::route::{Leg, Route};
use domain::task::{Kind, Task};
use engine::health::Health;
use engine::image::Image;
use engine::provider::Packed;
use engine::routing::{self, Past};
use engine::steps::route::{Seen, route};
use engine::{Project, preview};
use serde_json::{Value, json};

use super::document;
use crate::args::ExplainArgs;
use crate::error::Failure;
use crate::session::Session;
use crate::ui::shell::clean;
use crate::ui::words::count;

pub(crate) async fn explain(session: &Session<'_>, args: &ExplainArgs) -> Result<ExitCode, Failure> {
    let project = session.project(&engine::config::Flags::default())?;
    let text = args.text.join(" ");
    let kind = args.kind.unwrap_or_else(|| kind_of(&text));
    let task = Task { kind, text, finding: None };
    let route = of(session, &project, &task, 0, None).await?;
    show(session, &project, &route);
    let code = code(&route);
    document(session, "route explain", json!({ "kind": kind, "route": route, "exit_code": code.code() }));
    Ok(code)
}

/// The route of a task as it would be taken now.
pub(crate) async fn of(
    session: &Session<'_>,
    project: &Project,
    task: &Task,
    images: usize,
    only: Option<&str>,
) -> Result<Route, Failure> {
    let health = Health::load(&session.world.folders);
    let now = session.world.clock.now_micros();
    let past = match project.config.routing.is_refined(task.kind) {
        true => routing::past(&session.store().await?, task.kind, now).await?,
        false => Past::new(),
    };
    let seen = Seen { health: &health, now, past: &past, images };
    Ok(route(project, task, only.map(ProviderId::new).as_ref(), seen)?)
}

/// The code of a route: whether anybody can be asked.
pub(crate) fn code(route: &Route) -> ExitCode {
    if route.providers.is_empty() { ExitCode::NoProvider } else { ExitCode::Done }
}

/// A line for each provider.
pub(crate) fn show(session: &Session<'_>, project: &Project, route: &Route) {
    let shell = session.shell;
    if let Some(complexity) = route.complexity {
        shell.out(&format!("complexity  {}: {}", complexity.as_str(), clean(&route.because.join("; "))));
    }
    if route.plan_first {
        shell.out("plan first  a plan is asked for and approved before the change: `codex-task approve ID`");
    }
    for leg in &route.providers {
        let price = price(project, leg).map(|price| format!(" ({price})")).unwrap_or_default();
        let word = if leg.needs_approval { "on approval" } else { "would ask  " };
        shell.out(&format!("{word} {}: {}{price}", leg.provider, clean(&leg.reason)));
    }
    for leg in &route.skipped {
        shell.out(&format!("skipped     {}: {}", leg.provider, clean(&leg.reason)));
    }
}

fn price(project: &Project, leg: &Leg) -> Option<String> {
    project.provider(&leg.provider)?.price()
}

/// What each provider of a route would be sent first, when the caller wants to hear more.
pub(crate) fn packed(
    session: &Session<'_>,
    project: &Project,
    task: &Task,
    images: &[Image],
    route: &Route,
    model: Option<&str>,
) -> Vec<Value> {
    let wanted = if route.plan_first { Wanted::Plan } else { Wanted::Change };
    let mut views = Vec::new();
    for leg in &route.providers {
        let Some(found) = preview(project, task, wanted, images, &leg.provider, model) else { continue };
        match found {
            Ok(packed) => {
                if session.global.verbose > 0 {
                    tell(session, &leg.provider, &packed);
                }
                views.push(view(&leg.provider, wanted, &packed));
            }
            Err(failure) => {
                let line = format!("{}: {}", leg.provider, failure.detail);
                session.shell.out(&format!("not sent    {}", clean(&line)));
                views.push(json!({ "provider": leg.provider, "failure": failure }));
            }
        }
    }
    views
}

fn tell(session: &Session<'_>, provider: &ProviderId, packed: &Packed) {
    let cost =
        packed.ceiling.map_or_else(|| "its price is not known".to_owned(), |most| format!("at most {most}"));
    let tokens = count(packed.approx_tokens as u64, "token");
    session.shell.out(&format!("prompt      {provider}: {}, about {tokens}, {cost}", clean(&packed.model)));
    for file in &packed.files {
        session.shell.out(&format!(
            "            {} ({})",
            clean(&file.path),
            count(file.bytes as u64, "byte")
        ));
    }
    for line in &packed.left_out {
        session.shell.out(&format!("            left out: {}", clean(line)));
    }
}

fn view(provider: &ProviderId, wanted: Wanted, packed: &Packed) -> Value {
    json!({
        "provider": provider,
        "model": packed.model,
        "wanted": wanted,
        "answer": packed.form,
        "approx_tokens": packed.approx_tokens,
        "ceiling_micros": packed.ceiling.map(|most| most.micros()),
        "files": packed.files.iter().map(|f| json!({ "path": f.path, "bytes": f.bytes })).collect::<Vec<_>>(),
        "left_out": packed.left_out,
    })
}

/// Words that a question begins with.
const ASKING: [&str; 18] = [
    "analyze",
    "analyse",
    "explain",
    "describe",
    "summarize",
    "summarise",
    "review",
    "compare",
    "what",
    "why",
    "how",
    "where",
    "when",
    "which",
    "who",
    "is",
    "are",
    "does",
];

/// Whether a task in words is a question: its first word says so. A rule and no guess, so that it can be learned.
pub(crate) fn is_question(text: &str) -> bool {
    let first: String = text.trim().chars().take_while(|c| c.is_alphabetic()).collect();
    ASKING.contains(&first.to_lowercase().as_str())
}

/// The kind of a task without `--type`.
pub(crate) fn kind_of(text: &str) -> Kind {
    if is_question(text) { Kind::Ask } else { Kind::Fix }
}
