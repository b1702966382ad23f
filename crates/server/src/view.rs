//! What is told of a change: stable names, chosen here and not by the shape of our own types.

use domain::decision::{Decider, Decision, Goal};
use domain::finding::Finding;
use domain::intent::{Attempt, Intent};
use domain::plan::Plan;
use domain::task::Kind;
use domain::verification::Verdict;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Row;
use utoipa::ToSchema;

/// The kind of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Kind)]
pub(crate) enum TaskKind {
    /// Repair something.
    Fix,
    /// Change the shape, not the behaviour.
    Refactor,
    /// Write tests.
    Test,
    /// Find the cause, fix it, add a test.
    Debug,
    /// Add something new.
    Feature,
    /// Write documentation.
    Docs,
    /// Maintenance.
    Chore,
}

impl From<TaskKind> for Kind {
    fn from(kind: TaskKind) -> Self {
        match kind {
            TaskKind::Fix => Self::Fix,
            TaskKind::Refactor => Self::Refactor,
            TaskKind::Test => Self::Test,
            TaskKind::Debug => Self::Debug,
            TaskKind::Feature => Self::Feature,
            TaskKind::Docs => Self::Docs,
            TaskKind::Chore => Self::Chore,
        }
    }
}

/// How far a change is to go.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[schema(as = Goal)]
pub(crate) enum WantedGoal {
    /// A branch, where policy allows it and the agent is certified; else as `review`.
    #[default]
    Publish,
    /// Wait for a decision.
    Review,
    /// Only judge and verify.
    Verify,
}

impl From<WantedGoal> for Goal {
    fn from(goal: WantedGoal) -> Self {
        match goal {
            WantedGoal::Publish => Self::Publish,
            WantedGoal::Review => Self::Review,
            WantedGoal::Verify => Self::Verify,
        }
    }
}

/// One change.
#[derive(Debug, Clone, Serialize, ToSchema, schemars::JsonSchema)]
#[schema(as = Intent)]
pub(crate) struct IntentView {
    /// Its id.
    #[schema(format = Uuid)]
    id: String,
    /// How many events it has; also its entity tag.
    version: u64,
    /// The status in one word: the phase (`needs-person`, `published`, `verifying`, ...), or how it ended (`refused`,
    /// `not-verified`, `no-provider`, `no-change`, `over-budget`, `baseline-broken`, `rejected`, `aborted`, `failed`).
    status: String,
    /// Whether nothing more happens unless somebody asks for it.
    at_rest: bool,
    /// The kind of task.
    kind: String,
    /// The task in words.
    text: String,
    /// The finding that it fixes.
    #[schema(required)]
    finding: Option<FindingView>,
    /// The agent that asked; null where a person did.
    #[schema(required)]
    agent: Option<String>,
    /// How far it is to go: `publish`, `review` or `verify`.
    goal: String,
    /// What it starts from.
    base: BaseView,
    /// The plan of a feature, once there is one.
    #[schema(required)]
    plan: Option<PlanView>,
    /// What has to be approved before it goes on: `plan` or `provider`; null where nothing has.
    #[schema(required)]
    waits_for: Option<String>,
    /// The proposals so far.
    attempts: Vec<AttemptView>,
    /// The published branch.
    #[schema(required)]
    branch: Option<String>,
    /// The published commit.
    #[schema(required)]
    commit: Option<String>,
    /// Money owed, in millionths of a US dollar.
    billed_micros: u64,
    /// List price of what was free, in millionths of a US dollar.
    imputed_micros: u64,
    /// Why it ended, when it did not end in a branch.
    #[schema(required)]
    why: Option<String>,
}

/// A linter's report.
#[derive(Debug, Clone, Serialize, ToSchema, schemars::JsonSchema)]
#[schema(as = Finding)]
pub(crate) struct FindingView {
    /// The linter.
    tool: String,
    /// The rule's code.
    code: String,
    /// The file.
    path: String,
    /// The line, from 1.
    line: u32,
    /// The column, from 1; 0 when it is not known.
    column: u32,
    /// What the linter says.
    message: String,
    /// Identifies it across commits.
    fingerprint: String,
}

/// What a change starts from.
#[derive(Debug, Clone, Serialize, ToSchema, schemars::JsonSchema)]
#[schema(as = Base)]
pub(crate) struct BaseView {
    /// The commit.
    commit: String,
    /// Its tree.
    tree: String,
    /// The branch whose tip it was.
    #[schema(required)]
    branch: Option<String>,
}

/// What a provider means to do, before it does it.
#[derive(Debug, Clone, Serialize, ToSchema, schemars::JsonSchema)]
#[schema(as = Plan)]
pub(crate) struct PlanView {
    /// Identifies it.
    sha256: String,
    /// What there will be afterwards.
    summary: String,
    /// What is to be done, in order.
    steps: Vec<String>,
    /// The files to be changed or added.
    files: Vec<String>,
    /// The tests to be added.
    tests: Vec<String>,
    /// What may go wrong.
    risks: Vec<String>,
    /// Who approved it; null while nobody did.
    #[schema(required)]
    approved_by: Option<String>,
}

/// One proposal and what became of it.
#[derive(Debug, Clone, Serialize, ToSchema, schemars::JsonSchema)]
#[schema(as = Attempt)]
pub(crate) struct AttemptView {
    /// Counts from 1.
    number: u32,
    /// Who was asked.
    provider: String,
    /// The answer's id.
    #[schema(required)]
    codex_suggestion_id: Option<String>,
    /// Why there is no answer.
    #[schema(required)]
    failure: Option<String>,
    /// Why the answer could not be read as a change, each reason with its code.
    unreadable: Vec<String>,
    /// The patch.
    #[schema(required)]
    patch: Option<PatchView>,
    /// The gate's verdict: pass, review or refuse.
    #[schema(required)]
    gate: Option<String>,
    /// The gate's findings.
    gate_findings: Vec<Value>,
    /// The verdict of the checks: verified, failed, not-verified, baseline-broken or void.
    #[schema(required)]
    verification: Option<String>,
    /// Why the checks gave it.
    verification_why: Vec<String>,
    /// The level of the sandbox in which they ran.
    #[schema(required)]
    sandbox: Option<String>,
    /// Each check's verdict by its name.
    checks: Vec<CheckView>,
    /// The combined confidence, from 0 to 1.
    #[schema(required, minimum = 0, maximum = 1)]
    confidence: Option<f64>,
    /// The decision: approved, rejected or needs-person.
    #[schema(required)]
    decision: Option<String>,
    /// Who decided.
    #[schema(required)]
    decided_by: Option<String>,
    /// Why.
    reasons: Vec<String>,
}

/// A patch.
#[derive(Debug, Clone, Serialize, ToSchema, schemars::JsonSchema)]
#[schema(as = Patch)]
pub(crate) struct PatchView {
    /// The hash of the canonical diff.
    sha256: String,
    /// Files changed.
    files: u32,
    /// Lines added.
    added: u32,
    /// Lines deleted.
    deleted: u32,
    /// What the provider says of it.
    explanation: String,
}

/// One check.
#[derive(Debug, Clone, Serialize, ToSchema, schemars::JsonSchema)]
#[schema(as = Check)]
pub(crate) struct CheckView {
    /// Its name.
    name: String,
    /// Its verdict, as in docs/manual/json.md.
    verdict: Value,
}

impl IntentView {
    /// The view of this change.
    pub(crate) fn of(intent: &Intent) -> Self {
        let branch = intent.publication.as_ref().map(|p| p.reference.as_str());
        Self {
            id: intent.id.to_string(),
            version: intent.version,
            status: intent.status().to_owned(),
            at_rest: intent.phase.is_at_rest(),
            kind: intent.task.kind.to_string(),
            text: intent.task.text.clone(),
            finding: intent.task.finding.as_ref().map(FindingView::of),
            agent: intent.agent.as_ref().map(ToString::to_string),
            goal: word(&intent.goal),
            base: BaseView {
                commit: intent.base.commit.to_string(),
                tree: intent.base.tree.to_string(),
                branch: intent.base.branch.clone(),
            },
            plan: intent.plan().map(|plan| PlanView::of(plan, intent.plan_approved.as_ref())),
            waits_for: intent
                .asks_for
                .as_ref()
                .map(|asks| if asks.plan.is_some() { "plan" } else { "provider" }.to_owned()),
            attempts: intent.attempts.iter().map(AttemptView::of).collect(),
            branch: branch.map(|name| name.strip_prefix("refs/heads/").unwrap_or(name).to_owned()),
            commit: intent.publication.as_ref().map(|p| p.commit.to_string()),
            billed_micros: intent.billed().micros(),
            imputed_micros: intent.imputed().micros(),
            why: intent.ended.as_ref().map(|(_, why)| why.clone()),
        }
    }
}

impl FindingView {
    fn of(finding: &Finding) -> Self {
        Self {
            tool: finding.tool.clone(),
            code: finding.code.clone(),
            path: finding.path.clone(),
            line: finding.line,
            column: finding.column,
            message: finding.message.clone(),
            fingerprint: finding.fingerprint.as_str().to_owned(),
        }
    }
}

impl PlanView {
    fn of(plan: &Plan, approved: Option<&Decider>) -> Self {
        Self {
            sha256: plan.hash().to_string(),
            summary: plan.summary.clone(),
            steps: plan.steps.clone(),
            files: plan.files.iter().map(|path| path.as_str().to_owned()).collect(),
            tests: plan.tests.clone(),
            risks: plan.risks.clone(),
            approved_by: approved.map(ToString::to_string),
        }
    }
}

impl AttemptView {
    fn of(attempt: &Attempt) -> Self {
        let judgement = attempt.judgement.as_ref();
        let findings =
            judgement.map(|j| j.findings.iter().filter_map(|f| serde_json::to_value(f).ok()).collect());
        let verification = attempt.verification.as_ref();
        let (decision, decided_by, reasons) = attempt.decision.as_ref().map(decided).unwrap_or_default();
        Self {
            number: attempt.number,
            provider: attempt.provider.to_string(),
            codex_suggestion_id: attempt.suggestion.as_ref().map(ToString::to_string),
            failure: attempt.failure.as_ref().map(|f| f.detail.clone()),
            unreadable: attempt.refused.clone().unwrap_or_default(),
            patch: attempt.patch.as_ref().map(|patch| PatchView {
                sha256: patch.sha256.to_string(),
                files: patch.stat.files,
                added: patch.stat.added,
                deleted: patch.stat.deleted,
                explanation: patch.explanation.clone(),
            }),
            gate: judgement.map(|j| j.verdict.to_string()),
            gate_findings: findings.unwrap_or_default(),
            verification: verification.map(|v| verdict(&v.verdict).0.to_owned()),
            verification_why: verification.map(|v| verdict(&v.verdict).1).unwrap_or_default(),
            sandbox: verification.map(|v| v.sandbox.clone()),
            checks: verification.into_iter().flat_map(|v| &v.checks).map(CheckView::of).collect(),
            confidence: attempt.confidence.as_ref().map(|c| c.combined.value()),
            decision,
            decided_by,
            reasons,
        }
    }
}

impl CheckView {
    fn of(check: &domain::verification::CheckResult) -> Self {
        Self { name: check.name.clone(), verdict: serde_json::to_value(&check.verdict).unwrap_or_default() }
    }
}

fn decided(decision: &Decision) -> (Option<String>, Option<String>, Vec<String>) {
    let some = |word: &str| Some(word.to_owned());
    match decision {
        Decision::Approved { decider, .. } => (some("approved"), Some(decider.to_string()), Vec::new()),
        Decision::Rejected { decider, reason } => {
            (some("rejected"), Some(decider.to_string()), vec![reason.clone()])
        }
        Decision::NeedsPerson { reasons } => (some("needs-person"), None, reasons.clone()),
    }
}

fn verdict(verdict: &Verdict) -> (&'static str, Vec<String>) {
    match verdict {
        Verdict::Verified => ("verified", Vec::new()),
        Verdict::Failed { why } => ("failed", why.clone()),
        Verdict::NotVerified { why } => ("not-verified", vec![why.clone()]),
        Verdict::BaselineBroken { why } => ("baseline-broken", vec![why.clone()]),
        Verdict::Void { changed } => ("void", changed.clone()),
    }
}

fn word<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// One change in a list.
#[derive(Debug, Clone, Serialize, ToSchema, schemars::JsonSchema)]
#[schema(as = IntentRow)]
pub(crate) struct RowView {
    /// Its id.
    #[schema(format = Uuid)]
    id: String,
    /// How many events it has.
    version: u64,
    /// When it was registered, in microseconds since 1970 (UTC).
    at_micros: i64,
    /// When its last event was recorded.
    updated_micros: i64,
    /// The status in one word.
    status: String,
    /// The kind of task.
    kind: String,
    /// The task in one line.
    title: String,
    /// The agent that asked.
    #[schema(required)]
    agent: Option<String>,
    /// The finding's file.
    #[schema(required)]
    file: Option<String>,
    /// The finding's rule.
    #[schema(required)]
    rule: Option<String>,
    /// Who proposed.
    #[schema(required)]
    provider: Option<String>,
    /// The answer's id.
    #[schema(required)]
    codex_suggestion_id: Option<String>,
    /// The branch.
    #[schema(required)]
    branch: Option<String>,
    /// Money owed, in millionths of a US dollar.
    billed_micros: u64,
    /// Files changed.
    #[schema(required)]
    files: Option<u64>,
    /// Lines added.
    #[schema(required)]
    added: Option<u64>,
    /// Lines deleted.
    #[schema(required)]
    deleted: Option<u64>,
    /// The combined confidence.
    #[schema(required, minimum = 0, maximum = 1)]
    confidence: Option<f64>,
}

impl RowView {
    /// The view of this row.
    pub(crate) fn of(row: Row) -> Self {
        Self {
            id: row.id.into(),
            version: row.version,
            at_micros: row.at.0,
            updated_micros: row.updated.0,
            status: row.status,
            kind: row.kind.as_str().to_owned(),
            title: row.title,
            agent: row.agent.map(|agent| agent.to_string()),
            file: row.file,
            rule: row.rule,
            provider: row.provider.map(|provider| provider.to_string()),
            codex_suggestion_id: row.suggestion.map(Into::into),
            branch: row.branch,
            billed_micros: row.billed.micros(),
            files: row.files,
            added: row.added,
            deleted: row.deleted,
            confidence: row.confidence.map(|c| c.value()),
        }
    }
}
