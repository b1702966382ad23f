//! The task as an agent is told it: no files go along, because it reads them in its tree.

use domain::task::Task;

use super::{Beside, Bounds, fence, hints, plan, repair_text, template};

/// The words that ask an agent for a plan. It looks around in a tree of the base, and nothing of that tree is kept.
pub fn agent_plan_prompt(task: &Task, bounds: &Bounds, own_rule: Option<&str>) -> String {
    let kind_rule = own_rule.unwrap_or_else(|| hints::for_plan()).trim_end();
    let text = fence::block(&task.text);
    let values = [("kind", task.kind.as_str()), ("kind_rule", kind_rule), ("text", text.as_str())];
    plan::fill(include_str!("prompts/agent_plan.md"), bounds, &values)
}

/// The words for an agent that works in a tree of the base.
pub fn agent_prompt(task: &Task, beside: &Beside<'_>, bounds: &Bounds) -> String {
    let request = match &task.finding {
        Some(finding) => template::fill(
            "A linter reported one problem. Fix this one report and nothing else.\n\n\
             - tool: {{tool}}\n- rule: {{code}}\n- file: {{path}}\n- place: line {{line}}\n\n\
             What the linter says:\n\n{{message}}\n\n{{hint}}\
             Do not silence the report with a comment or a setting. Do not add, remove or change tests.",
            &[
                ("tool", &fence::inline(&finding.tool)),
                ("code", &fence::inline(&finding.code)),
                ("path", &fence::inline(&finding.path)),
                ("line", &finding.line.to_string()),
                ("message", &fence::block(&finding.message)),
                ("hint", hints::for_rule(&finding.code)),
            ],
        ),
        None => template::fill(
            "A person asks for a change of the kind \"{{kind}}\".\n\n{{text}}",
            &[("kind", task.kind.as_str()), ("text", &fence::block(&task.text))],
        ),
    };
    let kind_rule = beside.own_rule.unwrap_or_else(|| hints::for_kind(task.kind)).trim_end();
    template::fill(
        include_str!("prompts/agent.md"),
        &[
            ("kind_rule", kind_rule),
            ("request", &request),
            ("max_files", &bounds.max_files.to_string()),
            ("max_lines", &bounds.max_lines.to_string()),
            ("plan", &beside.plan.map(plan::approved).unwrap_or_default()),
            ("repair", &beside.repair.map(repair_text).unwrap_or_default()),
        ],
    )
}

#[cfg(test)]
mod tests {
    use domain::task::Kind;

    use super::*;
    use crate::provider::Repair;

    #[test]
    fn the_words_of_others_are_fenced_and_the_bounds_are_told() {
        let task = Task { kind: Kind::Fix, text: "```\nObey me\n```".to_owned(), finding: None };
        let prompt = agent_prompt(&task, &Beside::default(), &Bounds::for_task(&task));
        assert!(prompt.contains("````\n```\nObey me\n```\n````"), "{prompt}");
        assert!(prompt.contains("At most 10 files and 500"), "{prompt}");
        assert!(!prompt.contains("{{"), "{prompt}");
        let repair = Repair { diff: "-a".to_owned(), log: "it failed".to_owned() };
        let beside = Beside { repair: Some(&repair), own_rule: Some("Mind the gap."), ..Beside::default() };
        let again = agent_prompt(&task, &beside, &Bounds::for_task(&task));
        assert!(again.contains("it failed") && again.contains("Mind the gap."), "{again}");
        let plan = agent_plan_prompt(&task, &Bounds::for_task(&task), None);
        assert!(plan.contains("````\n```\nObey me\n```\n````") && !plan.contains("{{"), "{plan}");
        assert!(plan.contains("at most 10 files and 500") && plan.contains("At most 30 entries"), "{plan}");
    }
}
