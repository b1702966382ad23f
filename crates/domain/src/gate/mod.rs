//! The rules that judge a canonical change: pass, review by a person, or refuse; the strictest finding wins.
//!
//! One file a family of rules. A rule sees the files before and after and the lines that come and go, never what
//! the provider said about them. Rules about text are a tripwire for people's eyes; the sandbox is the wall.

mod collisions;
mod content;
mod example;
mod forbidden;
mod limits;
mod modes;
mod own;
mod paths;
mod patterns;
mod rules;
pub mod secrets;
mod shell;
mod steering;
pub mod table;
mod tests;

#[cfg(test)]
mod cases;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{Sha256, TreeId};
use crate::patch::{Base, CanonicalDiff, How, Stat, Touched};
use crate::task::{Kind, Task};

pub use example::{Example, ExampleFile, ExampleMode, ExampleScope};
pub use forbidden::{ForbiddenText, InvalidText};
pub use limits::GateLimits;
pub use own::{InvalidLinePattern, LinePattern, OwnChange, OwnExample, OwnExamples, OwnRule, OwnRuleError};
pub use paths::{InvalidPattern, PathSet};
pub use rules::Rule;

/// Judges the rules that a policy brings along; see [`OwnRule`].
pub use own::check as check_own_rules;

/// What is to become of a change. Ordered: the strictest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It may go on.
    Pass,
    /// It may go on as far as a person's decision.
    Review,
    /// It goes nowhere.
    Refuse,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Review => "review",
            Self::Refuse => "refuse",
        })
    }
}

/// Where the task comes from, as far as the rules differ by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// From a linter's finding: a small repair that has no business in tests.
    Finding,
    /// From a request in words, of this kind.
    Request(Kind),
}

impl From<&Task> for Scope {
    fn from(task: &Task) -> Self {
        if task.finding.is_some() { Self::Finding } else { Self::Request(task.kind) }
    }
}

/// The values of the policy that the rules ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatePolicy {
    /// Limits for changes from findings.
    pub finding: GateLimits,
    /// Limits for changes from requests.
    pub request: GateLimits,
    /// Paths that no change may touch.
    pub denied: PathSet,
    /// Paths that need a person, beside the built-in ones.
    pub review: PathSet,
    /// When not empty, the only paths that a change may touch without a person.
    pub allowed: PathSet,
    /// A symbolic link that is made or pointed elsewhere.
    pub symlinks: Verdict,
    /// A submodule, or `.gitmodules`.
    pub submodules: Verdict,
    /// A binary file.
    pub binaries: Verdict,
    /// A file that becomes executable.
    pub executables: Verdict,
    /// Other people's code kept in the repository (`vendor`, `third_party`, `node_modules`).
    pub vendored: Verdict,
    /// Bytes of a file above which one that comes or grows needs a person.
    pub file_bytes: usize,
    /// The weakest step by which a hunk may have found its place without a person.
    pub weakest_anchor: How,
    /// Texts that no added line may hold.
    pub forbidden: Vec<ForbiddenText>,
    /// The policy's own rules.
    pub own: Vec<OwnRule>,
}

impl Default for GatePolicy {
    fn default() -> Self {
        Self {
            finding: GateLimits::finding(),
            request: GateLimits::request(),
            denied: PathSet::default(),
            review: PathSet::default(),
            allowed: PathSet::default(),
            symlinks: Verdict::Refuse,
            submodules: Verdict::Refuse,
            binaries: Verdict::Review,
            executables: Verdict::Review,
            vendored: Verdict::Refuse,
            file_bytes: 1 << 20,
            weakest_anchor: How::Trimmed,
            forbidden: Vec::new(),
            own: Vec::new(),
        }
    }
}

/// Everything that a judgement depends on.
#[derive(Clone, Copy)]
pub struct GateInput<'a> {
    /// The change.
    pub diff: &'a CanonicalDiff,
    /// The weakest step by which any of its hunks found its place. The canonical diff itself fits exactly, so it does
    /// not say.
    pub anchor: How,
    /// The tree that it belongs on.
    pub base_tree: &'a TreeId,
    /// That tree, to look for names that collide.
    pub base: &'a dyn Base,
    /// Where the task comes from.
    pub scope: Scope,
    /// The policy of the base, never the change's own.
    pub policy: &'a GatePolicy,
    /// The hash under which that policy is recorded.
    pub policy_hash: &'a Sha256,
}

/// One rule that had something to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateFinding {
    /// The rule.
    pub rule: Rule,
    /// The id of the policy's own rule, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<String>,
    /// What follows from it.
    pub verdict: Verdict,
    /// The file, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line of the new file (of the old one for what was removed), from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What was found, in words.
    pub text: String,
}

impl fmt::Display for GateFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{path}:")?;
        }
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        let space = if self.path.is_some() { " " } else { "" };
        let rule = self.own.as_deref().unwrap_or(self.rule.id());
        write!(f, "{space}{} ({}) [{rule}]", self.text, self.verdict)
    }
}

/// What the gate says of one change, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The strictest verdict of all findings.
    pub verdict: Verdict,
    /// All findings, in the order of the rules and the files.
    pub findings: Vec<GateFinding>,
    /// The change that was judged.
    pub patch: Sha256,
    /// The tree that it belongs on.
    pub base: TreeId,
    /// How much it changes.
    pub stat: Stat,
    /// The policy by which it was judged.
    pub policy: Sha256,
}

/// Proof that the gate let a change go on, on its own or as far as a person.
///
/// Only [`judge`] and the fold of recorded events make one: it cannot be written down and read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatePass {
    patch: Sha256,
    base: TreeId,
    stat: Stat,
    verdict: Verdict,
    policy: Sha256,
}

impl GatePass {
    /// The pass that follows from a judgement; none when it refuses. For [`judge`], and for the fold of the journal,
    /// whose events only the operator writes.
    pub(crate) fn recall(judgement: &Judgement) -> Option<Self> {
        (judgement.verdict != Verdict::Refuse).then(|| Self {
            patch: judgement.patch.clone(),
            base: judgement.base.clone(),
            stat: judgement.stat.clone(),
            verdict: judgement.verdict,
            policy: judgement.policy.clone(),
        })
    }

    /// The hash of the canonical diff that passed.
    pub fn patch(&self) -> &Sha256 {
        &self.patch
    }

    /// The tree that it belongs on.
    pub fn base(&self) -> &TreeId {
        &self.base
    }

    /// How much it changes.
    pub fn stat(&self) -> &Stat {
        &self.stat
    }

    /// Pass or review, never refuse.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The policy by which it was judged.
    pub fn policy(&self) -> &Sha256 {
        &self.policy
    }
}

/// Judges a change by every rule. The same input always gives the same judgement.
pub fn judge(input: &GateInput<'_>) -> (Judgement, Option<GatePass>) {
    let touched: Vec<Touched<'_>> = input.diff.touched().collect();
    let mut findings = Findings::default();
    limits::judge(input, &mut findings);
    collisions::judge(input, &mut findings);
    for file in &touched {
        limits::judge_file(input, file, &mut findings);
        paths::judge(input, file, &mut findings);
        steering::judge(file, &mut findings);
        modes::judge(input, file, &mut findings);
        content::judge(input, file, &mut findings);
        forbidden::judge(&input.policy.forbidden, file, &mut findings);
        own::judge(&input.policy.own, file, &mut findings);
    }
    // What is refused for its size alone is not read on.
    if input.diff.stat().changed() <= limits::of(input).output {
        tests::judge(input, &touched, &mut findings);
        touched.iter().for_each(|file| secrets::judge(file, &mut findings));
        shell::judge(&touched, &mut findings);
    }
    let findings = findings.without_repeats();
    let judgement = Judgement {
        verdict: findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Pass),
        findings,
        patch: input.diff.sha256().clone(),
        base: input.base_tree.clone(),
        stat: input.diff.stat().clone(),
        policy: input.policy_hash.clone(),
    };
    let pass = GatePass::recall(&judgement);
    (judgement, pass)
}

/// The lines that say why a judgement refuses; why it wants a person, when it does not refuse.
pub fn refusals(judgement: &Judgement) -> Vec<String> {
    let strictest = judgement.findings.iter().filter(|finding| finding.verdict == judgement.verdict);
    strictest.map(ToString::to_string).collect()
}

/// Findings as they are gathered. A rule that the policy turned to `pass` says nothing.
#[derive(Debug, Default)]
struct Findings(Vec<GateFinding>);

impl Findings {
    fn add(&mut self, rule: Rule, verdict: Verdict, text: impl Into<String>) {
        self.push(GateFinding { rule, own: None, verdict, path: None, line: None, text: text.into() });
    }

    fn at(
        &mut self,
        rule: Rule,
        verdict: Verdict,
        file: &Touched<'_>,
        line: Option<u32>,
        text: impl Into<String>,
    ) {
        let path = Some(file.file.path.to_string());
        self.push(GateFinding { rule, own: None, verdict, path, line, text: text.into() });
    }

    /// A finding in the rule's own words and with its usual verdict.
    fn say(&mut self, rule: Rule, file: &Touched<'_>, line: Option<u32>) {
        self.at(rule, rule.verdict(), file, line, rule.text());
    }

    /// The findings, without those of a policy's path list that say again what a built-in rule says of the same path.
    fn without_repeats(self) -> Vec<GateFinding> {
        let listed = |f: &GateFinding| matches!(f.rule, Rule::DeniedPath | Rule::PolicyReviewPath);
        let said = |f: &GateFinding| {
            let same = |g: &&GateFinding| {
                !listed(g) && g.path == f.path && g.line.is_none() && g.verdict == f.verdict
            };
            self.0.iter().any(|g| same(&g))
        };
        self.0.iter().filter(|f| !(listed(f) && said(f))).cloned().collect()
    }

    fn push(&mut self, finding: GateFinding) {
        if finding.verdict != Verdict::Pass {
            self.0.push(finding);
        }
    }
}
