//! Task -> route: the providers in the order of the configuration, each with the reason for or against it.
//! No model is asked; the same inputs give the same route.

use domain::event::Event;
use domain::proposal::ProviderId;
use domain::route::{Leg, Route};
use domain::task::Task;

use crate::error::EngineError;
use crate::project::Project;
use crate::run::Run;

pub(crate) fn run(run: &mut Run<'_>) -> Result<(), EngineError> {
    let route = route(run.project, &run.intent.task, run.only.as_ref())?;
    run.note(Event::Routed { route })
}

/// The route for a task: what the loop takes, and what a dry run shows.
///
/// # Errors
/// When `only` names no provider.
pub fn route(project: &Project, task: &Task, only: Option<&ProviderId>) -> Result<Route, EngineError> {
    let order: Vec<ProviderId> = match only {
        Some(id) => vec![id.clone()],
        None => project.config.route_order(task.kind).iter().map(ProviderId::new).collect(),
    };
    let mut route = Route { providers: Vec::new(), skipped: Vec::new() };
    for id in order {
        let Some(provider) = project.provider(&id) else {
            if only.is_some() {
                return Err(project.no_such_provider(&id));
            }
            let reason = "not built into this version".to_owned();
            route.skipped.push(Leg { provider: id, reason, repairs: false });
            continue;
        };
        let repairs = provider.repairs();
        match provider.suits(task) {
            Ok(reason) => route.providers.push(Leg { provider: id, reason, repairs }),
            Err(reason) => route.skipped.push(Leg { provider: id, reason, repairs }),
        }
    }
    Ok(route)
}
