//! The text of the policy: whatever of the configuration judges a change, in one canonical form.
//! Two configurations with the same text judge alike; its hash is in every record.

use domain::decision::ApprovalRules;
use serde::Serialize;

use super::{AutoPush, BoxLevel, Checks, Config, Repair, Safety, WantedLevel};

/// Goes up whenever the same values come to mean something else.
const VERSION: u32 = 2;

#[derive(Serialize)]
struct Policy<'a> {
    version: u32,
    safety: &'a Safety,
    approval: &'a ApprovalRules,
    auto_push: &'a AutoPush,
    repair: &'a Repair,
    sandbox_minimum: BoxLevel,
    sandbox_level: WantedLevel,
    checks: &'a Checks,
}

/// JSON with the keys in the order of the structs and without blanks.
pub(super) fn text(config: &Config) -> String {
    let policy = Policy {
        version: VERSION,
        safety: &config.safety,
        approval: &config.approval,
        auto_push: &config.auto_push,
        repair: &config.repair,
        sandbox_minimum: config.sandbox.minimum,
        sandbox_level: config.sandbox.level,
        checks: &config.checks,
    };
    // Plain data whose keys are text: serialisation cannot fail, and no recorded policy is empty.
    serde_json::to_string(&policy).unwrap_or_default()
}
