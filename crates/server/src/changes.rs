//! What REST and MCP do alike: register a task or a patch, find a change that the caller may see, list, decide.

use std::sync::Arc;

use domain::agent::Right;
use domain::decision::Decider;
use domain::ids::{IntentId, Sha256};
use domain::intent::Intent;
use domain::proposal::ProviderId;
use engine::{Call, Cancel, EngineError, Job};
use store::{Filter, Page, Promise, Row};

use crate::app::App;
use crate::auth::{Caller, trace};
use crate::problem::{Code, Problem};
use crate::requests::{self, NewIntent, NewProposal, NewReview};

/// How long an idempotency key is remembered, in microseconds: a week.
const PROMISES_KEPT: i64 = 7 * 24 * 3600 * 1_000_000;

/// Under which key a request came, and what it was.
pub(crate) struct Idempotency {
    pub(crate) key: String,
    pub(crate) request: Sha256,
}

/// Registers a task; what was registered before under the same key is given again.
pub(crate) async fn register(
    app: &App,
    caller: &Caller,
    new: &NewIntent,
    once: Option<Idempotency>,
) -> Result<Intent, Problem> {
    caller.needs(Right::Propose)?;
    let job = |project: &engine::Project| {
        let task = requests::task(project, new.text.as_deref(), new.kind, new.finding.as_ref())?;
        for (name, value) in [("provider", &new.provider), ("model", &new.model)] {
            value.as_deref().map_or(Ok(()), |value| requests::text(name, value, 200, false))?;
        }
        let provider = new.provider.as_ref().map(ProviderId::new);
        Ok(Job { provider, model: new.model.clone(), ..Job::new(task) })
    };
    begin(app, caller, new.base.as_deref(), job, new.goal, once).await
}

/// Hands a patch in as a task of its own.
pub(crate) async fn propose(
    app: &App,
    caller: &Caller,
    new: &NewProposal,
    once: Option<Idempotency>,
) -> Result<Intent, Problem> {
    caller.needs(Right::Propose)?;
    let patch = requests::patch(&new.patch)?;
    let words = match (&new.text, &new.finding) {
        (None, None) => Some("a patch handed in"),
        (words, _) => words.as_deref(),
    };
    let job = |project: &engine::Project| {
        let task = requests::task(project, words, new.kind, new.finding.as_ref())?;
        Ok(Job { provider: Some(ProviderId::new("external")), patch: Some(patch.clone()), ..Job::new(task) })
    };
    begin(app, caller, new.base.as_deref(), job, new.goal, once).await
}

async fn begin(
    app: &App,
    caller: &Caller,
    base: Option<&str>,
    job: impl FnOnce(&engine::Project) -> Result<Job, Problem>,
    goal: crate::view::WantedGoal,
    once: Option<Idempotency>,
) -> Result<Intent, Problem> {
    base.map_or(Ok(()), requests::base)?;
    let mut id = app.operator.world.ids.intent();
    if let Some(once) = once {
        let wanted = Promise { intent: id, request: once.request };
        let (at, forget) = (app.now(), store::Micros(app.now().0 - PROMISES_KEPT));
        let kept = app.store().promise(&caller.agent.name, &once.key, &wanted, at, forget).await?;
        if kept.request != wanted.request {
            let detail = "this `Idempotency-Key` was sent with another request before";
            return Err(Problem::new(Code::IdempotencyMismatch, detail));
        }
        if let Some(intent) = app.store().intent(&kept.intent).await? {
            return Ok(intent);
        }
        id = kept.intent;
    }
    let project = app.projects.at(base)?;
    let goal = requests::goal(goal, caller.agent.certified);
    let job = Job { goal, agent: Some(caller.agent.name.clone()), id: Some(id.clone()), ..job(&project)? };
    let (progress, cancel) = (app.work.progress(), Cancel::default());
    // Also when the caller hangs up in between.
    let _taken_on = app.work.after(&id);
    let registered =
        app.operator.register(&project, job, Call { progress: &progress, cancel: &cancel }).await;
    let intent = match registered {
        Ok(intent) => intent,
        // The same request, sent again while the first was being registered.
        Err(EngineError::Busy { .. } | EngineError::Append(store::AppendError::Conflict { .. })) => {
            match app.store().intent(&id).await? {
                Some(intent) => return Ok(intent),
                None => return Err(EngineError::Busy { intent: id }.into()),
            }
        }
        Err(EngineError::Duplicate { existing }) => return Err(duplicate(app, caller, existing).await?),
        Err(error) => return Err(error.into()),
    };
    Ok(intent)
}

/// The change that stands for a finding already is named only to those who may see it.
async fn duplicate(app: &App, caller: &Caller, existing: IntentId) -> Result<Problem, Problem> {
    let seen = app.store().intent(&existing).await?.is_some_and(|intent| caller.sees(&intent));
    let problem = Problem::new(Code::Duplicate, "a live change stands for this finding");
    Ok(if seen { problem.about(existing) } else { problem })
}

/// The change of this id, if the caller may see it. What is not there and what is not theirs gets the same answer after
/// the same look-up.
pub(crate) async fn find(app: &App, caller: &Caller, id: &str) -> Result<Intent, Problem> {
    let id: IntentId = id.parse().map_err(|_| Problem::not_found())?;
    let row = app.store().row(&id).await?;
    let seen = row.is_some_and(|row| {
        row.repository == app.repository
            && (caller.sees_all() || row.agent.as_ref() == Some(&caller.agent.name))
    });
    if seen && let Some(intent) = app.store().intent(&id).await? {
        return Ok(intent);
    }
    trace(app, caller, "read", id.as_str(), "not-found").await;
    Err(Problem::not_found())
}

/// A page of the changes that the caller may see.
pub(crate) async fn list(
    app: &App,
    caller: &Caller,
    filter: Filter,
    page: Page,
) -> Result<Vec<Row>, Problem> {
    let mut filter = Filter { repository: Some(app.repository.clone()), ..filter };
    if !caller.sees_all() {
        match &filter.agent {
            Some(agent) if *agent != caller.agent.name => return Ok(Vec::new()),
            _ => filter.agent = Some(caller.agent.name.clone()),
        }
    }
    Ok(app.store().list(&filter, page).await?)
}

/// Decides about a waiting change, if it is at the version that the caller means. Both a decision and a refusal of one
/// are traced.
pub(crate) async fn review(
    app: &Arc<App>,
    caller: &Caller,
    intent: &Intent,
    review: NewReview,
    version: Result<(), Problem>,
) -> Result<Intent, Problem> {
    let what = match review {
        NewReview::Approve { .. } => "approve",
        NewReview::Reject { .. } => "reject",
    };
    let done = decide(app, caller, intent, review, version).await;
    let outcome = match &done {
        Ok(_) => "done".to_owned(),
        Err(problem) => problem.line(),
    };
    trace(app, caller, what, intent.id.as_str(), &outcome).await;
    done
}

async fn decide(
    app: &App,
    caller: &Caller,
    intent: &Intent,
    review: NewReview,
    version: Result<(), Problem>,
) -> Result<Intent, Problem> {
    caller.needs(Right::Review)?;
    if intent.agent.as_ref() == Some(&caller.agent.name) {
        let detail = "an agent cannot decide about what it asked for";
        return Err(Problem::new(Code::Forbidden, detail).about(intent.id.clone()));
    }
    match &review {
        NewReview::Approve { message: Some(_) } if waits_for_plan(intent) => {
            return Err(Problem::new(Code::Invalid, "a plan has no message").about(intent.id.clone()));
        }
        NewReview::Approve { message } => message.as_deref().map_or(Ok(()), requests::message)?,
        NewReview::Reject { reason } => requests::reason(reason)?,
    }
    // After everything else that would refuse the request: RFC 9110, section 13.2.1.
    version?;
    let project = app.projects.at(Some(intent.base.commit.as_str()))?;
    let (progress, cancel) = (app.work.progress(), Cancel::default());
    let call = Call { progress: &progress, cancel: &cancel };
    // A decision that the caller did not wait for is carried out all the same.
    let _taken_on = app.work.after(&intent.id);
    let decider = Decider::Agent { name: caller.agent.name.clone() };
    let done = match review {
        NewReview::Approve { .. } if waits_for_plan(intent) => {
            // The change itself is made by the queue, not within this request.
            app.operator.allow(&project, &intent.id, decider, call).await
        }
        NewReview::Approve { message } => {
            app.operator.approve(&project, &intent.id, decider, message, call).await
        }
        NewReview::Reject { reason } => {
            app.operator.reject(&project, &intent.id, decider, reason, call).await
        }
    };
    Ok(done?)
}

/// Whether a plan is what has to be approved. What a provider costs is approved at the machine alone.
fn waits_for_plan(intent: &Intent) -> bool {
    intent.asks_for.as_ref().is_some_and(|asks| asks.plan.is_some())
}
