//! Who decided what, about exactly which patch. An [`Approval`] is the proof that publishing asks for: it has private
//! fields and no `Deserialize`, and only the fold of recorded events makes one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::agent::AgentName;
use crate::ids::{Sha256, TreeId};

/// How far the task is to go by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// As far as policy allows: a branch, when policy approves the verified change.
    Publish,
    /// A person decides, whatever policy would say.
    Review,
    /// Judge and verify only; the candidate is kept and can be taken up with `commit`.
    Verify,
}

/// Who decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub enum Decider {
    /// The policy, by its rules.
    Policy,
    /// A person.
    Person {
        /// Their name, as the system or the caller gives it.
        name: String,
    },
    /// An agent with the right to review; never the one that asked for the change.
    Agent {
        /// Its name.
        name: AgentName,
    },
}

impl fmt::Display for Decider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy => f.write_str("policy"),
            Self::Person { name } => f.write_str(name),
            Self::Agent { name } => write!(f, "agent {name}"),
        }
    }
}

/// What an approval is bound to. When any of it is another, the approval does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The canonical patch.
    pub patch: Sha256,
    /// The tree that it changes.
    pub base: TreeId,
    /// The tree that results.
    pub result: TreeId,
    /// The policy in force.
    pub policy: Sha256,
    /// The verification's record.
    pub verification: Sha256,
}

/// A decision, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "kebab-case")]
pub enum Decision {
    /// The change may be published.
    Approved {
        /// Who approved.
        decider: Decider,
        /// What exactly.
        binding: Binding,
        /// The message of the commit, when the person gave one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// The change is not wanted.
    Rejected {
        /// Who rejected.
        decider: Decider,
        /// Why.
        reason: String,
    },
    /// Policy wants a person to decide.
    NeedsPerson {
        /// Why, a line each.
        reasons: Vec<String>,
    },
}

/// The thresholds of automatic approval (product.md, section 7.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApprovalRules {
    /// More files than this need a person.
    pub max_files: u32,
    /// More added plus deleted lines than this need a person.
    pub max_lines: u32,
    /// More deleted lines than this need a person.
    pub max_deleted: u32,
    /// Who approves the plan of a feature.
    pub plans: PlanApproval,
}

/// Who approves a plan before it is carried out. The change itself is decided upon by the other rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlanApproval {
    /// Always a person.
    #[default]
    Person,
    /// Policy, unless [`reasons_to_show_a_plan`] has one.
    Policy,
}

impl Default for ApprovalRules {
    /// The seeds' table: a person above 10 files, 200 changed lines, or 50 deleted ones.
    fn default() -> Self {
        Self { max_files: 10, max_lines: 200, max_deleted: 50, plans: PlanApproval::Person }
    }
}

/// The facts that automatic approval looks at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// How far the task is to go.
    pub goal: Goal,
    /// Files changed.
    pub files: u32,
    /// Lines added.
    pub added: u32,
    /// Lines deleted.
    pub deleted: u32,
    /// What the gate and the checks want a person to look at, a line each.
    pub review: &'a [String],
}

/// Why a person has to decide; empty when policy may approve by itself.
pub fn reasons_for_a_person(rules: &ApprovalRules, facts: &Facts<'_>) -> Vec<String> {
    let mut reasons = facts.review.to_vec();
    match facts.goal {
        Goal::Publish => {}
        Goal::Review => reasons.push("a review was asked for".to_owned()),
        Goal::Verify => reasons.push("only a verification was asked for".to_owned()),
    }
    let lines = facts.added.saturating_add(facts.deleted);
    for (what, found, most) in [
        ("files changed", facts.files, rules.max_files),
        ("lines changed", lines, rules.max_lines),
        ("lines deleted", facts.deleted, rules.max_deleted),
    ] {
        if found > most {
            reasons.push(format!("{found} {what}; policy approves at most {most} by itself"));
        }
    }
    reasons
}

/// What is known of a plan before it is approved.
#[derive(Debug, Clone, Copy)]
pub struct PlanFacts<'a> {
    /// How far the task is to go.
    pub goal: Goal,
    /// Whether the task is critical.
    pub is_critical: bool,
    /// Files that the plan names.
    pub files: usize,
    /// Of these, the ones that policy protects.
    pub protected: &'a [&'a str],
}

/// Why a person has to approve a plan; empty when policy may by itself.
pub fn reasons_to_show_a_plan(rules: &ApprovalRules, facts: &PlanFacts<'_>) -> Vec<String> {
    let mut reasons = Vec::new();
    if rules.plans == PlanApproval::Person {
        reasons.push("policy leaves plans to a person".to_owned());
    }
    if facts.goal != Goal::Publish {
        reasons.push("a review was asked for".to_owned());
    }
    if facts.is_critical {
        reasons.push("the task is critical".to_owned());
    }
    if facts.files > rules.max_files as usize {
        let (files, most) = (facts.files, rules.max_files);
        reasons.push(format!("{files} files planned; policy approves at most {most} by itself"));
    }
    if !facts.protected.is_empty() {
        reasons.push(format!("it names protected files: {}", facts.protected.join(", ")));
    }
    reasons
}

/// The proof that a change may be published: made by the fold of recorded events alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    binding: Binding,
    decider: Decider,
    message: Option<String>,
}

impl Approval {
    /// Called by the fold when it meets an approval that fits the verified candidate.
    pub(crate) fn recall(binding: Binding, decider: Decider, message: Option<String>) -> Self {
        Self { binding, decider, message }
    }

    /// What exactly was approved.
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// Who approved it.
    pub fn decider(&self) -> &Decider {
        &self.decider
    }

    /// The commit message that the person gave.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(goal: Goal, files: u32, added: u32, deleted: u32) -> Facts<'static> {
        Facts { goal, files, added, deleted, review: &[] }
    }

    #[test]
    fn policy_approves_small_changes_and_leaves_large_ones_to_a_person() {
        let rules = ApprovalRules::default();
        assert!(reasons_for_a_person(&rules, &facts(Goal::Publish, 10, 150, 50)).is_empty());
        for too_much in [(11, 1, 0), (1, 201, 0), (1, 0, 51)] {
            let facts = facts(Goal::Publish, too_much.0, too_much.1, too_much.2);
            assert_eq!(reasons_for_a_person(&rules, &facts).len(), 1, "{too_much:?}");
        }
    }

    #[test]
    fn a_review_or_a_mere_verification_is_never_approved_by_policy() {
        let rules = ApprovalRules::default();
        for goal in [Goal::Review, Goal::Verify] {
            assert_eq!(reasons_for_a_person(&rules, &facts(goal, 1, 1, 0)).len(), 1);
        }
    }

    #[test]
    fn a_plan_is_a_persons_to_approve_unless_policy_takes_it_and_nothing_speaks_against_it() {
        let plain = PlanFacts { goal: Goal::Publish, is_critical: false, files: 10, protected: &[] };
        assert_eq!(reasons_to_show_a_plan(&ApprovalRules::default(), &plain).len(), 1);
        let rules = ApprovalRules { plans: PlanApproval::Policy, ..ApprovalRules::default() };
        assert!(reasons_to_show_a_plan(&rules, &plain).is_empty());
        for facts in [
            PlanFacts { goal: Goal::Review, ..plain },
            PlanFacts { is_critical: true, ..plain },
            PlanFacts { files: 11, ..plain },
            PlanFacts { protected: &["deploy.yaml"], ..plain },
        ] {
            assert_eq!(reasons_to_show_a_plan(&rules, &facts).len(), 1, "{facts:?}");
        }
    }
}
