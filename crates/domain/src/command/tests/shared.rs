//! The shared collection of commands, where it is present: each line judged as it says.

use serde::Deserialize;

use super::*;
use crate::test_cases;

#[derive(Deserialize)]
struct Case {
    id: String,
    cmd: String,
    verdict: Verdict,
    #[serde(default)]
    also_ok: Vec<Verdict>,
}

#[test]
fn the_shared_commands_are_judged_as_they_say() {
    let Some((commands, policy)) = test_cases::texts("commands.jsonl", "commands.policy.json") else {
        return;
    };
    let policy = CommandPolicy::from_prefixes(&policy).unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in commands.lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        count += 1;
        let judged = judge(&case.cmd, &policy);
        if judged.verdict != case.verdict && !case.also_ok.contains(&judged.verdict) {
            wrong.push(format!(
                "{}: {:?}: {:?}: {} {}",
                case.id, case.cmd, judged.verdict, judged.rule, judged.why
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {count} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 0);
}
