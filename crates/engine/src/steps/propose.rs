//! Route -> proposal: reserve the worst case, ask, settle. The record answers an equal request without asking.

use std::time::Duration;

use domain::event::{Artifact, Event};
use domain::ids::Sha256;
use domain::money::MicroDollars;
use domain::proposal::{Charge, ChargeBasis, FailureKind, Proposal, ProviderFailure, ProviderId};
use store::{AppendError, BudgetLimit, Exchange, Measure, Micros, MoneyOp, Scope, Window};
use tracing::Instrument;

use crate::config::Budget;
use crate::context;
use crate::error::EngineError;
use crate::health::{Circuit, Health};
use crate::image::Image;
use crate::provider::{Answer, Ask, Evidence, Provider, Refusal, Repair, Request};
use crate::run::Run;
use crate::source::BaseSource;
use crate::spans;
use crate::tools::BoxedTools;
use crate::workspaces::BoxedWorkspaces;

pub(crate) async fn ask(
    run: &mut Run<'_>,
    attempt: u32,
    leg: usize,
    repairs: Option<u32>,
) -> Result<(), EngineError> {
    let id = run.intent.route.as_ref().and_then(|r| r.providers.get(leg)).map(|l| l.provider.clone());
    let id = id.ok_or_else(|| EngineError::defect("the route has no such place"))?;
    let provider = run.project.provider(&id).ok_or_else(|| run.project.no_such_provider(&id))?;
    let repair = match repairs {
        Some(number) => Some(repair_of(run, number).await?),
        None => None,
    };
    let handed_in = match &run.intent.handed_in {
        Some(hash) => Some(run.bytes(hash).await?),
        None => None,
    };
    let images = run.images().await?;
    let model = run.intent.model.clone();
    let (task, base) = (run.intent.task.clone(), run.intent.base.clone());
    let source = BaseSource::new(&run.project.repository, &base.tree);
    let id_of_intent = run.intent.id.clone();
    let tools = BoxedTools::new(run.operator, run.project, &id_of_intent, run.call.cancel);
    let workspaces = BoxedWorkspaces::new(run.operator, run.project, &base, &id_of_intent);
    let evidence = Evidence::default();
    let wanted = run.intent.wanted();
    let plan = run.intent.plan().cloned();
    let question = Ask {
        task: &task,
        wanted,
        plan: plan.as_ref(),
        images: &images,
        base: &base,
        source: &source,
        tools: &tools,
        workspaces: &workspaces,
        repair: repair.as_ref(),
        model: model.as_deref(),
        handed_in: handed_in.as_deref(),
        own_rule: run.project.own_rule(wanted, task.kind),
        deadline: Duration::from_secs(run.project.config.providers.total_seconds()),
        evidence: &evidence,
    };
    run.answer = None;
    run.diff = None;
    if let Err(why) = look_first(run, provider).await {
        let failure = ProviderFailure { kind: FailureKind::Unreachable, detail: why };
        return unasked(run, attempt, id, failure);
    }
    let request = match provider.request(&question) {
        Ok(request) => request,
        Err(failure) => return unasked(run, attempt, id, failure),
    };
    put(run, provider, &question, &request, Turn { attempt, id, repairs }).await
}

/// The person is told what is to be asked and what it can cost at most; the run rests until somebody approves.
pub(crate) async fn ask_person(run: &mut Run<'_>, leg: usize) -> Result<(), EngineError> {
    let id = run.intent.route.as_ref().and_then(|r| r.providers.get(leg)).map(|l| l.provider.clone());
    let id = id.ok_or_else(|| EngineError::defect("the route has no such place"))?;
    let ceiling = ceiling_of(run, &id, &run.images().await?);
    run.note(Event::ApprovalAsked { provider: id, ceiling, plan: None })
}

/// The most that asking this provider can cost, as far as it can be told beforehand.
pub(super) fn ceiling_of(run: &Run<'_>, id: &ProviderId, images: &[Image]) -> Option<MicroDollars> {
    let wanted = run.intent.wanted();
    let provider = run.project.provider(id)?;
    let source = BaseSource::new(&run.project.repository, &run.intent.base.tree);
    let tools = BoxedTools::new(run.operator, run.project, &run.intent.id, run.call.cancel);
    let workspaces = BoxedWorkspaces::new(run.operator, run.project, &run.intent.base, &run.intent.id);
    let evidence = Evidence::default();
    let question = Ask {
        task: &run.intent.task,
        wanted,
        plan: run.intent.plan(),
        images,
        base: &run.intent.base,
        source: &source,
        tools: &tools,
        workspaces: &workspaces,
        repair: None,
        model: run.intent.model.as_deref(),
        handed_in: None,
        own_rule: run.project.own_rule(wanted, run.intent.task.kind),
        deadline: Duration::ZERO,
        evidence: &evidence,
    };
    provider.request(&question).and_then(|request| provider.ceiling(&request)).ok()
}

/// After a row of failures a provider is looked at before it is asked again.
async fn look_first(run: &Run<'_>, provider: &dyn Provider) -> Result<(), String> {
    let world = &run.operator.world;
    let mut health = Health::load(&world.folders);
    let id = provider.id();
    if health.circuit(&id, world.clock.now_micros()) != Circuit::Trial {
        return Ok(());
    }
    let found = provider.probe().await;
    if found.is_err() {
        health.failed(&id, FailureKind::Unreachable, world.clock.now_micros());
    }
    found.map_err(|why| format!("still not well after a row of failures: {why}"))
}

/// Which attempt a question is for.
struct Turn {
    attempt: u32,
    id: ProviderId,
    repairs: Option<u32>,
}

async fn put(
    run: &mut Run<'_>,
    provider: &dyn Provider,
    question: &Ask<'_>,
    request: &Request,
    turn: Turn,
) -> Result<(), EngineError> {
    let hash = Sha256::of(&request.bytes);
    let recorded = if provider.is_recorded() && !run.fresh { recorded(run, &hash).await? } else { None };
    let ceiling = match (&recorded, provider.ceiling(request)) {
        (Some(_), _) => MicroDollars::ZERO,
        (None, Ok(ceiling)) => ceiling,
        (None, Err(failure)) => return unasked(run, turn.attempt, turn.id, failure),
    };
    // What codemods and handed-in patches take is neither money nor anybody's quota.
    let is_sent = recorded.is_none() && provider.is_recorded();
    if !reserve(run, &turn, request, hash, ceiling, is_sent).await? {
        return Ok(());
    }
    let attempt = turn.attempt;
    if let Some((exchange, bytes)) = recorded {
        let proposal = proposal_of(run, attempt, &exchange, true)?;
        run.answer = Some(bytes);
        run.note(Event::ProposalReceived { attempt, proposal })?;
        return close(run, Charge::nothing(ChargeBasis::Recorded)).await;
    }
    let span = spans::question(turn.id.as_str(), request);
    let answer = tokio::select! {
        answer = provider.propose(request, question).instrument(span.clone()) => answer,
        () = run.call.cancel.wait() => Err(stopped(ceiling)),
    };
    spans::answered(&span, &answer);
    drop(span);
    keep_evidence(run, attempt, question.evidence)?;
    let world = &run.operator.world;
    let mut health = Health::load(&world.folders);
    match answer {
        Ok(answer) => {
            health.answered(&turn.id);
            received(run, attempt, answer).await
        }
        Err(Refusal { failure, charge }) => {
            health.failed(&turn.id, failure.kind, world.clock.now_micros());
            run.note(Event::ProviderFailed { attempt, provider: turn.id, failure })?;
            close(run, charge).await
        }
    }
}

/// What shows how the provider worked becomes durable with its answer or its failure.
fn keep_evidence(run: &mut Run<'_>, attempt: u32, evidence: &Evidence) -> Result<(), EngineError> {
    let mut artifacts = Vec::new();
    for (name, bytes) in evidence.take() {
        let length = bytes.len() as u64;
        artifacts.push(Artifact { name, sha256: run.blob(bytes), bytes: length });
    }
    if artifacts.is_empty() { Ok(()) } else { run.note(Event::EvidenceKept { attempt, artifacts }) }
}

/// Sets the money aside and announces the question. `false` when the budget has no room: that is noted instead.
async fn reserve(
    run: &mut Run<'_>,
    turn: &Turn,
    request: &Request,
    hash: Sha256,
    amount: MicroDollars,
    is_sent: bool,
) -> Result<bool, EngineError> {
    // What is pending must be durable on its own: the transaction below may be refused.
    if amount > MicroDollars::ZERO || is_sent {
        run.commit().await?;
    }
    let before = run.checkpoint();
    run.note(Event::Reserved { attempt: turn.attempt, amount })?;
    let config = &run.project.config;
    let lease =
        i64::try_from(config.providers.total_seconds()).unwrap_or(i64::MAX).saturating_add(LEASE_MARGIN);
    let mut limits = limits(&config.budget);
    if let Some(name) = &run.intent.agent {
        let monthly = run.operator.store.agent(name).await?.and_then(|agent| agent.monthly);
        let scope = Scope::Agent(name.to_string());
        limits.extend(monthly.map(|limit| BudgetLimit::money(Window::Month, scope, limit)));
    }
    let agent = run.intent.agent.as_ref().map(ToString::to_string);
    let op = MoneyOp::Reserve {
        intent: run.intent.id.clone(),
        attempt: turn.attempt,
        provider: turn.id.clone(),
        amount,
        requests: u64::from(is_sent),
        tokens: if is_sent {
            run.project.provider(&turn.id).map_or(0, |p| p.most_tokens(request))
        } else {
            0
        },
        lease_until: Some(Micros(
            run.operator.world.clock.now_micros().saturating_add(lease.saturating_mul(1_000_000)),
        )),
        limits,
        agent,
    };
    run.money(op);
    run.blob(request.bytes.clone());
    let suggestion = run.operator.world.ids.suggestion();
    let refused = run
        .announce(Event::ProposalAsked {
            attempt: turn.attempt,
            suggestion,
            provider: turn.id.clone(),
            request: hash,
            repairs: turn.repairs,
            wanted: run.intent.attempts.last().map(|opened| opened.wanted).unwrap_or_default(),
        })
        .await;
    match refused {
        Ok(()) => Ok(true),
        Err(EngineError::Append(why @ AppendError::OverBudget(_))) => {
            run.intent = before;
            let failure = ProviderFailure { kind: FailureKind::OverBudget, detail: why.to_string() };
            unasked(run, turn.attempt, turn.id.clone(), failure)?;
            Ok(false)
        }
        Err(other) => Err(other),
    }
}

/// How long a reservation is held beyond the longest wait for an answer, in seconds: time to settle it.
const LEASE_MARGIN: i64 = 120;

/// The configured budget as limits of the ledger.
fn limits(budget: &Budget) -> Vec<BudgetLimit> {
    let everybody = |measure, window, limit: Option<u64>| {
        limit.map(|limit| BudgetLimit::count(measure, window, Scope::Global, limit))
    };
    let mut limits = vec![
        BudgetLimit::money(Window::Change, Scope::Intent, budget.per_change),
        BudgetLimit::money(Window::Month, Scope::Global, budget.monthly),
    ];
    limits.extend(budget.daily.map(|limit| BudgetLimit::money(Window::Day, Scope::Global, limit)));
    limits.extend(everybody(Measure::Requests, Window::Minute, budget.requests_per_minute));
    limits.extend(everybody(Measure::Tokens, Window::Minute, budget.tokens_per_minute));
    limits.extend(everybody(Measure::Requests, Window::Week, budget.changes_per_week));
    limits.extend(everybody(Measure::OpenPullRequests, Window::Now, budget.open_pull_requests));
    limits
}

/// The provider is not asked at all: nothing is reserved and nothing is owed.
fn unasked(
    run: &mut Run<'_>,
    attempt: u32,
    provider: ProviderId,
    failure: ProviderFailure,
) -> Result<(), EngineError> {
    run.note(Event::ProviderFailed { attempt, provider, failure })
}

async fn received(run: &mut Run<'_>, attempt: u32, answer: Answer) -> Result<(), EngineError> {
    let hash = run.blob(answer.bytes.clone());
    let current = run.attempt()?;
    let request =
        current.request.clone().ok_or_else(|| EngineError::defect("an answer without a request"))?;
    let exchange = Exchange {
        request,
        provider: current.provider.clone(),
        model: answer.model.clone(),
        form: answer.form,
        answer: hash,
        usage: answer.usage,
        at: Micros(run.operator.world.clock.now_micros()),
    };
    let proposal = proposal_of(run, attempt, &exchange, false)?;
    run.exchange(exchange);
    run.answer = Some(answer.bytes);
    run.note(Event::ProposalReceived { attempt, proposal })?;
    close(run, answer.charge).await
}

/// Notes the settlement and makes it durable together with the answer.
async fn close(run: &mut Run<'_>, charge: Charge) -> Result<(), EngineError> {
    note_settled(run, charge)?;
    run.commit().await
}

fn note_settled(run: &mut Run<'_>, charge: Charge) -> Result<(), EngineError> {
    let attempt = run.attempt()?.number;
    run.note(Event::Settled { attempt, charge })?;
    run.money(MoneyOp::Settle {
        intent: run.intent.id.clone(),
        attempt,
        billed: charge.billed,
        imputed: charge.imputed,
        basis: charge.basis,
    });
    Ok(())
}

/// The process died after the answer was recorded and before the money was settled. Answer and settlement are one
/// transaction, so this is met only in a journal of another version: charge what was reserved.
pub(crate) fn settle(run: &mut Run<'_>) -> Result<(), EngineError> {
    let charge = Charge::ceiling(run.reserved());
    note_settled(run, charge)
}

/// The process died while a provider was being asked. Whether it answered is unknown, so the ceiling is charged.
pub(crate) fn interrupted(run: &mut Run<'_>) -> Result<(), EngineError> {
    let current = run.attempt()?;
    let (attempt, provider) = (current.number, current.provider.clone());
    let failure = ProviderFailure {
        kind: FailureKind::Interrupted,
        detail: "the process ended while it waited for the answer".to_owned(),
    };
    run.note(Event::ProviderFailed { attempt, provider, failure })?;
    let charge = Charge::ceiling(run.reserved());
    note_settled(run, charge)
}

fn stopped(ceiling: MicroDollars) -> Refusal {
    let failure =
        ProviderFailure { kind: FailureKind::Interrupted, detail: "stopped while it was asked".to_owned() };
    Refusal { failure, charge: Charge::ceiling(ceiling) }
}

/// The recorded answer to this request, when its bytes are still there.
pub(crate) async fn recorded(
    run: &Run<'_>,
    hash: &Sha256,
) -> Result<Option<(Exchange, Vec<u8>)>, EngineError> {
    let store = &run.operator.store;
    let Some(exchange) = store.exchange(hash).await? else { return Ok(None) };
    let bytes = store.blob(&exchange.answer).await?;
    Ok(bytes.map(|bytes| (exchange, bytes)))
}

fn proposal_of(
    run: &Run<'_>,
    attempt: u32,
    exchange: &Exchange,
    replayed: bool,
) -> Result<Proposal, EngineError> {
    let current = run.attempt()?;
    let id = current.suggestion.clone().filter(|_| current.number == attempt);
    Ok(Proposal {
        id: id.ok_or_else(|| EngineError::defect("an answer to a question that was not asked"))?,
        provider: current.provider.clone(),
        model: exchange.model.clone(),
        form: exchange.form,
        request: exchange.request.clone(),
        answer: exchange.answer.clone(),
        usage: exchange.usage,
        replayed,
    })
}

/// What a repair is shown: the failed diff, and the failing part of what the checks printed.
async fn repair_of(run: &Run<'_>, number: u32) -> Result<Repair, EngineError> {
    let failed = run.intent.attempts.iter().find(|a| a.number == number);
    let failed = failed.ok_or_else(|| EngineError::defect("the attempt to repair is not there"))?;
    let patch = failed.patch.as_ref().ok_or_else(|| EngineError::defect("there is no patch to repair"))?;
    let text = async |hash: &Sha256| -> Result<String, EngineError> {
        // The logs of a verification are not durable yet when the same process goes on to its repair.
        Ok(String::from_utf8_lossy(&run.bytes(hash).await?).into_owned())
    };
    let diff = text(&patch.sha256).await?;
    let Some(verification) = &failed.verification else { return Ok(Repair { diff, log: String::new() }) };
    let mut outputs = Vec::new();
    for check in verification.checks.iter().filter(|check| context::is_failing(check)) {
        let output = match &check.candidate.output {
            Some(output) => text(output).await?,
            None => String::new(),
        };
        outputs.push((check, output));
    }
    Ok(Repair { diff, log: context::failure(verification, &outputs) })
}
