//! Task -> route: the providers in the order that the rules give, each with the reason for or against it.
//! No model is asked; the same inputs give the same route.

use domain::event::Event;
use domain::proposal::ProviderId;
use domain::route::{Leg, Route};
use domain::task::{Kind, Task};

use crate::error::EngineError;
use crate::health::{Circuit, Health};
use crate::project::Project;
use crate::routing::{self, Past};
use crate::run::Run;

pub(crate) async fn run(run: &mut Run<'_>) -> Result<(), EngineError> {
    let world = &run.operator.world;
    let now = world.clock.now_micros();
    let kind = run.intent.task.kind;
    let past = match run.project.config.routing.is_refined(kind) {
        true => routing::past(&run.operator.store, kind, now).await?,
        false => Past::new(),
    };
    let seen =
        Seen { health: &Health::load(&world.folders), now, past: &past, images: run.intent.images.len() };
    let mut route = route(run.project, &run.intent.task, run.only.as_ref(), seen)?;
    if run.intent.agent.is_some() {
        // An agent that names a provider does not approve what it costs.
        let routing = &run.project.config.routing;
        route.providers.iter_mut().for_each(|leg| leg.needs_approval = routing.is_on_approval(&leg.provider));
    }
    // A patch that is handed in is there already.
    route.plan_first &= run.intent.handed_in.is_none();
    run.note(Event::Routed { route })
}

/// What a route depends on beside the task, its base and the configuration.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// Which providers have been silent lately.
    pub health: &'a Health,
    /// The time, in microseconds since 1970.
    pub now: i64,
    /// What became of earlier changes of the kind; empty where nobody asks for it.
    pub past: &'a Past,
    /// How many images go along with the task.
    pub images: usize,
}

/// The route for a task: what the loop takes, and what a dry run shows. A provider that the caller names is asked
/// whatever the rules say: a person's naming it is the approval.
///
/// # Errors
/// When `only` names no provider.
pub fn route(
    project: &Project,
    task: &Task,
    only: Option<&ProviderId>,
    seen: Seen<'_>,
) -> Result<Route, EngineError> {
    let assessed = routing::assess(task, &project.source(), project.gate_policy());
    let order: Vec<ProviderId> = match only {
        Some(id) => vec![id.clone()],
        None => {
            let order = project.config.route_order(task.kind, assessed.complexity);
            routing::refine(&order.iter().map(ProviderId::new).collect::<Vec<_>>(), seen.past)
        }
    };
    let mut route = Route {
        complexity: Some(assessed.complexity),
        because: assessed.because,
        plan_first: task.kind == Kind::Feature,
        providers: Vec::new(),
        skipped: Vec::new(),
    };
    for id in order {
        let Some(provider) = project.provider(&id) else {
            if only.is_some() {
                return Err(project.no_such_provider(&id));
            }
            let reason = "not built into this version".to_owned();
            route.skipped.push(Leg { provider: id, reason, repairs: false, needs_approval: false });
            continue;
        };
        let suits = provider.suits(task).and_then(|reason| match seen.images {
            1.. if !provider.takes_images() => Err("it takes no images".to_owned()),
            _ => Ok(reason),
        });
        let verdict = suits.and_then(|reason| match seen.health.circuit(&id, seen.now) {
            Circuit::Open(why) if only.is_none() => Err(why),
            _ => Ok(match seen.past.get(&id) {
                Some(track) => format!("{reason}; {}", track.words()),
                None => reason,
            }),
        });
        let on_approval = project.config.routing.is_on_approval(&id);
        let leg = |reason, needs_approval| Leg {
            provider: id.clone(),
            reason,
            repairs: provider.repairs(),
            needs_approval,
        };
        match verdict {
            Ok(reason) => route.providers.push(leg(reason, on_approval && only.is_none())),
            Err(reason) => route.skipped.push(leg(reason, false)),
        }
    }
    Ok(route)
}
