//! The fold: what may follow what, and what comes next from every state.

use super::*;
use crate::confidence::{ChecksSoFar, Confidence, Facts, assess};
use crate::decision::Decider;
use crate::gate::Verdict as GateVerdict;
use crate::ids::{CommitId, TreeId};
use crate::patch::{How, Stat};
use crate::proposal::{ChargeBasis, FailureKind, Form};
use crate::route::Leg;
use crate::task::Kind;
use crate::verification::Verdict;

fn tree(digit: char) -> TreeId {
    digit.to_string().repeat(40).parse().unwrap()
}

fn commit(digit: char) -> CommitId {
    digit.to_string().repeat(40).parse().unwrap()
}

fn reserved() -> Event {
    Event::IntentReserved {
        task: Task { kind: Kind::Fix, text: "fix it".into(), finding: None },
        base: BaseRef { commit: commit('a'), tree: tree('b'), branch: None },
        repository: "/r".into(),
        goal: Goal::Publish,
        policy: Sha256::of(b"policy"),
        model: None,
        handed_in: None,
        agent: None,
        images: Vec::new(),
    }
}

fn leg(name: &str) -> Leg {
    Leg {
        provider: ProviderId::new(name),
        reason: "configured".into(),
        repairs: name == "local",
        needs_approval: name == "paid",
    }
}

fn routed(names: &[&str]) -> Event {
    let providers = names.iter().map(|n| leg(n)).collect();
    Event::Routed { route: Route { providers, ..Route::default() } }
}

fn asked(attempt: u32, provider: &str, repairs: Option<u32>) -> [Event; 2] {
    [
        Event::Reserved { attempt, amount: MicroDollars::ZERO },
        Event::ProposalAsked {
            attempt,
            suggestion: "0199aaaa-0000-7000-8000-000000000000".parse().unwrap(),
            provider: ProviderId::new(provider),
            request: Sha256::of(b"request"),
            repairs,
            wanted: Wanted::Change,
        },
    ]
}

fn answered(attempt: u32, provider: &str) -> [Event; 2] {
    [
        Event::ProposalReceived {
            attempt,
            proposal: Proposal {
                id: "0199aaaa-0000-7000-8000-000000000000".parse().unwrap(),
                provider: ProviderId::new(provider),
                model: None,
                form: Form::Reply,
                request: Sha256::of(b"request"),
                answer: Sha256::of(b"answer"),
                usage: None,
                replayed: false,
            },
        },
        settled(attempt, ChargeBasis::Free),
    ]
}

fn settled(attempt: u32, basis: ChargeBasis) -> Event {
    Event::Settled { attempt, charge: Charge::nothing(basis) }
}

fn stat() -> Stat {
    Stat { files: 1, added: 1, deleted: 1, per_file: Vec::new() }
}

fn judged(attempt: u32, verdict: GateVerdict) -> [Event; 2] {
    let patch = Sha256::of(b"diff");
    [
        Event::PatchRead {
            attempt,
            patch: PatchRecord {
                sha256: patch.clone(),
                stat: stat(),
                explanation: "because".into(),
                raw_confidence: Some(Confidence::new(0.9).unwrap()),
                anchor: How::Exact,
                mended: Vec::new(),
            },
        },
        Event::GateJudged {
            attempt,
            judgement: Judgement {
                verdict,
                findings: Vec::new(),
                patch,
                base: tree('b'),
                stat: stat(),
                policy: Sha256::of(b"policy"),
            },
        },
    ]
}

fn staged(attempt: u32) -> [Event; 3] {
    let reference = "refs/codex-task/candidates/x".to_owned();
    [
        Event::Staging { attempt, reference: reference.clone() },
        Event::Staged { attempt, candidate: Candidate { tree: tree('c'), commit: commit('d'), reference } },
        Event::Verifying { attempt, tree_name: "t".into() },
    ]
}

fn verified(attempt: u32, verdict: Verdict) -> Event {
    let facts = Facts {
        changed_lines: 2,
        files: 1,
        anchor: How::Exact,
        review_findings: 0,
        checks: ChecksSoFar::Passed,
        history: crate::confidence::History::default(),
    };
    Event::Verified {
        attempt,
        verification: Verification {
            tree: tree('c'),
            limits: Vec::new(),
            sandbox: "strict".into(),
            tree_form: "overlay".into(),
            checks: Vec::new(),
            changed: Vec::new(),
            verdict,
        },
        confidence: assess(None, &facts),
    }
}

fn approve(intent: &Intent) -> Event {
    Event::Decided {
        attempt: intent.current().unwrap().number,
        decision: Decision::Approved {
            decider: Decider::Policy,
            binding: intent.binding().unwrap(),
            message: None,
        },
    }
}

fn story(events: impl IntoIterator<Item = Event>) -> Intent {
    let id = "0199bbbb-0000-7000-8000-000000000000".parse().unwrap();
    Intent::fold(id, events).unwrap().unwrap()
}

fn up_to_verified(provider: &str, verdict: Verdict) -> Intent {
    let mut events = vec![reserved(), routed(&[provider, "last"])];
    events.extend(asked(1, provider, None));
    events.extend(answered(1, provider));
    events.extend(judged(1, GateVerdict::Pass));
    events.extend(staged(1));
    events.push(verified(1, verdict));
    story(events)
}

fn next(intent: &Intent) -> Next {
    intent.next(&FlowRules::default())
}

#[test]
fn a_good_change_goes_all_the_way_to_a_branch_and_back() {
    let mut intent = up_to_verified("local", Verdict::Verified);
    assert_eq!(next(&intent), Next::Decide);
    intent.apply(&approve(&intent)).unwrap();
    assert_eq!(next(&intent), Next::Publish);
    assert!(intent.current().unwrap().approval.is_some());
    let publication = Publication { reference: "refs/heads/feature/x".into(), commit: commit('d') };
    intent.apply(&Event::Publishing { attempt: 1, publication: publication.clone() }).unwrap();
    assert_eq!(next(&intent), Next::Publish, "a crash here publishes again");
    let elsewhere = Publication { commit: commit('e'), ..publication.clone() };
    assert!(intent.apply(&Event::Publishing { attempt: 1, publication: elsewhere }).is_err());
    let publication = Publication { reference: "refs/heads/feature/x-1".into(), ..publication };
    intent.apply(&Event::Publishing { attempt: 1, publication: publication.clone() }).unwrap();
    assert_eq!(next(&intent), Next::Publish, "the first name was taken");
    intent.apply(&Event::Published { attempt: 1, publication }).unwrap();
    assert_eq!((next(&intent), intent.phase), (Next::Rest, Phase::Published));
    for redo in [false, true] {
        intent.apply(&Event::Undoing { redo }).unwrap();
        assert_eq!(next(&intent), Next::Undo);
        intent.apply(&Event::Undone { redo }).unwrap();
    }
    assert_eq!(intent.phase, Phase::Published);
}

#[test]
fn an_approval_of_anything_else_is_refused() {
    let intent = up_to_verified("local", Verdict::Verified);
    let Event::Decided { decision: Decision::Approved { binding, .. }, .. } = approve(&intent) else {
        panic!("an approval")
    };
    let others = [
        Binding { patch: Sha256::of(b"other"), ..binding.clone() },
        Binding { base: tree('e'), ..binding.clone() },
        Binding { result: tree('e'), ..binding.clone() },
        Binding { policy: Sha256::of(b"other"), ..binding.clone() },
        Binding { verification: Sha256::of(b"other"), ..binding },
    ];
    for binding in others {
        let mut intent = intent.clone();
        let decision = Decision::Approved { decider: Decider::Policy, binding, message: None };
        assert!(intent.apply(&Event::Decided { attempt: 1, decision }).is_err());
        assert!(intent.current().unwrap().approval.is_none());
    }
}

#[test]
fn a_failed_verification_is_repaired_once_and_then_goes_to_the_next_provider() {
    let failed = || Verdict::Failed { why: vec!["tests: a".into()] };
    let mut intent = up_to_verified("local", failed());
    assert_eq!(next(&intent), Next::Ask { attempt: 2, leg: 0, repairs: Some(1) });
    let mut more: Vec<Event> = asked(2, "local", Some(1)).into();
    more.extend(answered(2, "local"));
    more.extend(judged(2, GateVerdict::Pass));
    more.extend(staged(2));
    more.push(verified(2, failed()));
    for event in &more {
        intent.apply(event).unwrap();
    }
    assert_eq!(next(&intent), Next::Ask { attempt: 3, leg: 1, repairs: None });
}

#[test]
fn a_repair_that_was_interrupted_is_asked_for_again_as_a_repair_and_only_so_often() {
    let failed = || Verdict::Failed { why: vec!["tests: a".into()] };
    let mut intent = up_to_verified("local", failed());
    let died = ProviderFailure { kind: FailureKind::Interrupted, detail: "died".into() };
    let mut more: Vec<Event> = asked(2, "local", Some(1)).into();
    more.push(Event::ProviderFailed { attempt: 2, provider: ProviderId::new("local"), failure: died });
    more.push(settled(2, ChargeBasis::Free));
    more.iter().for_each(|event| intent.apply(event).unwrap());
    assert_eq!(next(&intent), Next::Ask { attempt: 3, leg: 0, repairs: Some(1) });
    let mut more: Vec<Event> = asked(3, "local", Some(1)).into();
    more.extend(answered(3, "local"));
    more.extend(judged(3, GateVerdict::Pass));
    more.extend(staged(3));
    more.push(verified(3, failed()));
    more.iter().for_each(|event| intent.apply(event).unwrap());
    assert_eq!(next(&intent), Next::Ask { attempt: 4, leg: 1, repairs: None });
}

#[test]
fn a_repair_that_the_budget_has_no_room_for_does_not_pass_over_the_next_provider() {
    let mut intent = up_to_verified("local", Verdict::Failed { why: vec![] });
    let failure = ProviderFailure { kind: FailureKind::OverBudget, detail: "no room".into() };
    intent.apply(&Event::ProviderFailed { attempt: 2, provider: ProviderId::new("local"), failure }).unwrap();
    assert_eq!(next(&intent), Next::Ask { attempt: 3, leg: 1, repairs: None });
}

#[test]
fn what_a_person_can_mend_goes_before_what_nobody_could_read_and_its_evidence_is_kept() {
    let failed = |attempt, provider: &str, kind| Event::ProviderFailed {
        attempt,
        provider: ProviderId::new(provider),
        failure: ProviderFailure { kind, detail: "signed out".into() },
    };
    let artifact = Artifact { name: "page.png".into(), sha256: Sha256::of(b"picture"), bytes: 7 };
    let kept = |attempt| Event::EvidenceKept { attempt, artifacts: vec![artifact.clone()] };
    let mut events = vec![reserved(), routed(&["web", "local"])];
    events.extend(asked(1, "web", None));
    let mut early = story(events.clone());
    early.apply(&failed(1, "web", FailureKind::NeedsPerson)).unwrap();
    assert!(early.apply(&kept(1)).is_err(), "evidence comes with the answer, not after it");
    events.extend([kept(1), failed(1, "web", FailureKind::NeedsPerson), settled(1, ChargeBasis::Free)]);
    let mut intent = story(events);
    assert_eq!(intent.attempts[0].evidence, std::slice::from_ref(&artifact));
    assert_eq!(next(&intent), Next::Ask { attempt: 2, leg: 1, repairs: None });
    intent.apply(&failed(2, "local", FailureKind::Unreachable)).unwrap();
    let Next::End(ending, why) = next(&intent) else { panic!("{:?}", next(&intent)) };
    assert_eq!((ending, why.as_str()), (Ending::ProviderNeedsPerson, "web: signed out"));
}

#[test]
fn a_provider_that_cannot_repair_is_not_asked_to() {
    let intent = up_to_verified("codemod", Verdict::Failed { why: vec![] });
    assert_eq!(next(&intent), Next::Ask { attempt: 2, leg: 1, repairs: None });
}

#[test]
fn a_refused_patch_cannot_be_staged() {
    let mut events = vec![reserved(), routed(&["local"])];
    events.extend(asked(1, "local", None));
    events.extend(answered(1, "local"));
    events.extend(judged(1, GateVerdict::Refuse));
    let mut intent = story(events);
    assert!(matches!(next(&intent), Next::End(Ending::Refused, _)));
    assert!(intent.apply(&staged(1)[0]).is_err());
}

#[test]
fn an_interrupted_free_question_is_asked_again_and_a_paid_one_is_not() {
    for (basis, leg) in [(ChargeBasis::Free, 0), (ChargeBasis::Ceiling, 1)] {
        let mut events = vec![reserved(), routed(&["local", "last"])];
        events.extend(asked(1, "local", None));
        let intent = story(events.clone());
        assert_eq!(next(&intent), Next::Interrupted);
        let failure = ProviderFailure { kind: FailureKind::Interrupted, detail: "died".into() };
        events.push(Event::ProviderFailed { attempt: 1, provider: ProviderId::new("local"), failure });
        events.push(settled(1, basis));
        assert_eq!(next(&story(events)), Next::Ask { attempt: 2, leg, repairs: None });
    }
}

#[test]
fn the_ending_is_that_of_the_attempt_that_came_furthest() {
    let mut intent = up_to_verified("codemod", Verdict::Failed { why: vec!["x".into()] });
    let failure = ProviderFailure { kind: FailureKind::NoFix, detail: "nothing".into() };
    let failed = Event::ProviderFailed { attempt: 2, provider: ProviderId::new("last"), failure };
    intent.apply(&failed).unwrap();
    assert!(matches!(next(&intent), Next::End(Ending::NotVerified, _)), "{:?}", next(&intent));
}

#[test]
fn a_baseline_that_is_broken_ends_at_once() {
    let intent = up_to_verified("local", Verdict::BaselineBroken { why: "tests fail".into() });
    assert_eq!(next(&intent), Next::End(Ending::BaselineBroken, "tests fail".into()));
}

#[test]
fn a_verification_of_another_tree_is_refused() {
    let mut events = vec![reserved(), routed(&["local"])];
    events.extend(asked(1, "local", None));
    events.extend(answered(1, "local"));
    events.extend(judged(1, GateVerdict::Pass));
    events.extend(staged(1));
    let mut intent = story(events);
    let Event::Verified { mut verification, confidence, .. } = verified(1, Verdict::Verified) else {
        panic!()
    };
    verification.tree = tree('f');
    assert!(intent.apply(&Event::Verified { attempt: 1, verification, confidence }).is_err());
}

#[test]
fn a_story_must_begin_with_its_task_and_nothing_follows_the_end() {
    let id: IntentId = "0199bbbb-0000-7000-8000-000000000000".parse().unwrap();
    assert!(Intent::fold(id.clone(), [routed(&["local"])]).is_err());
    assert!(Intent::fold(id, []).unwrap().is_none());
    let end = Event::Ended { ending: Ending::Aborted, why: "stopped".into() };
    let mut intent = story([reserved(), end.clone()]);
    assert_eq!(intent.status(), "aborted");
    for event in [reserved(), routed(&["local"]), end, approve_nothing()] {
        assert!(intent.apply(&event).is_err(), "{}", event.name());
    }
}

fn approve_nothing() -> Event {
    let decision = Decision::Rejected { decider: Decider::Policy, reason: "no".into() };
    Event::Decided { attempt: 1, decision }
}

#[test]
fn events_are_read_back_as_they_were_written() {
    let mut events = vec![reserved(), routed(&["local"])];
    events.extend(asked(1, "local", None));
    events.extend(answered(1, "local"));
    events.extend(judged(1, GateVerdict::Review));
    events.extend(staged(1));
    events.push(verified(1, Verdict::Failed { why: vec!["x".into()] }));
    events.extend([approval_asked("paid"), provider_approved("paid", person())]);
    for event in events {
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event, "{text}");
    }
}

#[test]
fn an_agent_cannot_approve_what_it_asked_for() {
    let asker: AgentName = "bot".parse().unwrap();
    let mut intent = up_to_verified("local", Verdict::Verified);
    intent.agent = Some(asker.clone());
    let approved_by = |name: AgentName| {
        let decider = Decider::Agent { name };
        let decision = Decision::Approved { decider, binding: intent.binding().unwrap(), message: None };
        intent.clone().apply(&Event::Decided { attempt: 1, decision })
    };
    assert!(approved_by(asker).unwrap_err().to_string().contains("cannot approve what it asked for"));
    assert!(approved_by("reviewer".parse().unwrap()).is_ok());
}

fn approval_asked(provider: &str) -> Event {
    Event::ApprovalAsked { provider: ProviderId::new(provider), ceiling: None, plan: None }
}

fn provider_approved(provider: &str, decider: Decider) -> Event {
    Event::ProviderApproved { provider: ProviderId::new(provider), decider }
}

fn person() -> Decider {
    Decider::Person { name: "tester".into() }
}

#[test]
fn what_costs_money_waits_for_an_approval_and_goes_on_where_it_stood() {
    let rules = FlowRules::default();
    let mut intent = story([reserved(), routed(&["local", "paid"])]);
    for event in asked(1, "local", None) {
        intent.apply(&event).unwrap();
    }
    let failure = ProviderFailure { kind: FailureKind::TimedOut, detail: "x".into() };
    intent.apply(&Event::ProviderFailed { attempt: 1, provider: ProviderId::new("local"), failure }).unwrap();
    intent.apply(&settled(1, ChargeBasis::Ceiling)).unwrap();
    assert_eq!(intent.next(&rules), Next::AskPerson { leg: 1 });
    intent.apply(&approval_asked("paid")).unwrap();
    assert_eq!((intent.next(&rules), intent.status()), (Next::Rest, "needs-approval"));
    assert!(intent.phase.is_at_rest() && intent.phase.is_live());
    assert!(intent.apply(&provider_approved("other", person())).is_err());
    assert!(intent.apply(&asked(2, "paid", None)[0]).is_err(), "nothing is reserved before it is approved");
    intent.apply(&provider_approved("paid", person())).unwrap();
    assert_eq!(intent.next(&rules), Next::Ask { attempt: 2, leg: 1, repairs: None });
    assert!(intent.apply(&provider_approved("paid", person())).is_err());
}

#[test]
fn an_agent_cannot_approve_the_cost_of_what_it_asked_for() {
    let asker: AgentName = "bot".parse().unwrap();
    let mut intent = story([reserved(), routed(&["paid"]), approval_asked("paid")]);
    intent.agent = Some(asker.clone());
    let by = |name: AgentName| intent.clone().apply(&provider_approved("paid", Decider::Agent { name }));
    assert!(by(asker).is_err());
    assert!(by("reviewer".parse().unwrap()).is_ok());
}

fn plan() -> Plan {
    Plan {
        summary: "A comma.".into(),
        steps: vec!["Add it.".into()],
        files: vec!["greet.py".parse().unwrap()],
        tests: Vec::new(),
        risks: Vec::new(),
    }
}

fn asked_for_a_plan(attempt: u32, provider: &str) -> [Event; 2] {
    asked(attempt, provider, None).map(|event| match event {
        Event::ProposalAsked { attempt, suggestion, provider, request, repairs, .. } => {
            Event::ProposalAsked { attempt, suggestion, provider, request, repairs, wanted: Wanted::Plan }
        }
        other => other,
    })
}

fn plan_read(attempt: u32) -> Event {
    Event::PlanRead { attempt, plan: plan() }
}

fn plan_asked(plan: &Plan) -> Event {
    Event::ApprovalAsked { provider: ProviderId::new("last"), ceiling: None, plan: Some(plan.hash()) }
}

fn plan_approved(plan: &Plan, decider: Decider) -> Event {
    Event::PlanApproved { plan: plan.hash(), decider }
}

/// A route on which a plan comes first.
fn planning(names: &[&str]) -> Event {
    let Event::Routed { route } = routed(names) else { panic!() };
    Event::Routed { route: Route { plan_first: true, ..route } }
}

/// The first provider's plan is unreadable, the second one's is read.
fn up_to_planned() -> Intent {
    let mut events = vec![reserved(), planning(&["local", "last"])];
    events.extend(asked_for_a_plan(1, "local"));
    events.extend(answered(1, "local"));
    let reasons = vec!["no plan".to_owned()];
    events.push(Event::ReplyRefused { attempt: 1, reasons, class: Class::Malformed });
    events.extend(asked_for_a_plan(2, "last"));
    events.extend(answered(2, "last"));
    events.push(plan_read(2));
    story(events)
}

#[test]
fn a_plan_waits_for_its_approval_and_then_the_same_provider_is_asked_for_the_change() {
    let mut intent = up_to_planned();
    assert_eq!((intent.status(), next(&intent)), ("planned", Next::Plan { leg: 1 }));
    assert!(intent.apply(&asked(3, "last", None)[0]).is_err(), "nothing is reserved before it is approved");
    assert!(intent.apply(&approval_asked("last")).is_err(), "the plan is to be approved first");
    let other = Plan { summary: "Something else.".into(), ..plan() };
    assert!(intent.apply(&plan_asked(&other)).is_err());
    intent.apply(&plan_asked(&plan())).unwrap();
    assert_eq!((intent.status(), next(&intent)), ("needs-approval", Next::Rest));
    assert!(intent.apply(&provider_approved("last", person())).is_err(), "this approves a cost, not a plan");
    assert!(intent.apply(&plan_approved(&other, person())).is_err());
    intent.apply(&plan_approved(&plan(), person())).unwrap();
    assert_eq!(next(&intent), Next::Ask { attempt: 3, leg: 1, repairs: None });
    assert!(intent.apply(&plan_approved(&plan(), person())).is_err(), "once is enough");
    for event in asked(3, "last", None).into_iter().chain(answered(3, "last")) {
        intent.apply(&event).unwrap();
    }
    assert_eq!((intent.attempts[2].leg, intent.attempts[2].wanted), (1, Wanted::Change));
    assert!(intent.apply(&plan_read(3)).is_err(), "a change was asked for");
    intent.apply(&judged(3, GateVerdict::Pass)[0]).unwrap();
    assert_eq!(next(&intent), Next::Gate);
}

#[test]
fn only_policy_approves_a_plan_that_nobody_was_asked_about() {
    let intent = up_to_planned();
    let by = |decider| intent.clone().apply(&plan_approved(&plan(), decider));
    assert!(by(Decider::Policy).is_ok());
    assert!(by(person()).is_err());
}

#[test]
fn an_agent_cannot_approve_its_own_plan() {
    let asker: AgentName = "bot".parse().unwrap();
    let mut intent = up_to_planned();
    intent.apply(&plan_asked(&plan())).unwrap();
    intent.agent = Some(asker.clone());
    let by = |name| intent.clone().apply(&plan_approved(&plan(), Decider::Agent { name }));
    assert!(by(asker).unwrap_err().to_string().contains("cannot approve what it asked for"));
    assert!(by("reviewer".parse().unwrap()).is_ok());
}

#[test]
fn what_is_asked_for_is_what_is_wanted() {
    let mut intent = story([reserved(), planning(&["local"])]);
    let [opened, change] = asked(1, "local", None);
    intent.apply(&opened).unwrap();
    assert!(intent.clone().apply(&change).is_err(), "a plan comes first");
    intent.apply(&asked_for_a_plan(1, "local")[1]).unwrap();
    for event in answered(1, "local") {
        intent.apply(&event).unwrap();
    }
    assert!(intent.apply(&judged(1, GateVerdict::Pass)[0]).is_err(), "a change is no plan");
    let mut ordinary = story([reserved(), routed(&["local"])]);
    ordinary.apply(&opened).unwrap();
    assert!(ordinary.apply(&asked_for_a_plan(1, "local")[1]).is_err(), "no plan is wanted here");
}

#[test]
fn a_journal_without_plans_reads_as_before() {
    let text = r#"{"event":"ProposalAsked","attempt":1,"suggestion":"0199aaaa-0000-7000-8000-000000000000","provider":"local","request":"REQ"}"#;
    let text = text.replace("REQ", Sha256::of(b"request").as_str());
    assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), asked(1, "local", None)[1]);
    assert_eq!(serde_json::to_string(&asked(1, "local", None)[1]).unwrap(), text, "and is written as before");
    let text = r#"{"event":"ApprovalAsked","provider":"paid"}"#;
    assert_eq!(serde_json::from_str::<Event>(text).unwrap(), approval_asked("paid"));
    for event in [plan_read(1), plan_asked(&plan()), plan_approved(&plan(), person())] {
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event, "{text}");
    }
}
