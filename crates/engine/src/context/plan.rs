//! Plans in prompts: how one is asked for, and how an approved one is handed on.

use domain::patch::RepoPath;
use domain::plan::Plan;
use domain::task::Task;

use super::{Beside, Bounds, ContextError, End, Prompt, fence, for_task, hints, images, limits, template};
use crate::provider::Source;

/// The prompt that asks a model for a plan, within bounds.
///
/// # Errors
/// When the contract and the request alone are above the bounds.
pub fn plan_prompt(
    task: &Task,
    source: &dyn Source,
    beside: &Beside<'_>,
    bounds: &Bounds,
) -> Result<Prompt, ContextError> {
    let system = fill(include_str!("prompts/plan_system.md"), bounds, &[]);
    let kind_rule = beside.own_rule.unwrap_or_else(|| hints::for_plan()).trim_end();
    let images = images(beside);
    let end = End { kind_rule, images, ..End::of(include_str!("prompts/plan.md")) };
    for_task(task, source, system, &end, bounds)
}

/// A text about plans with its limits filled in, and these values.
pub(super) fn fill(text: &str, bounds: &Bounds, values: &[(&str, &str)]) -> String {
    let [files, lines] = limits(bounds);
    let (entries, characters) = (Plan::MOST_ENTRIES.to_string(), Plan::MOST_CHARACTERS.to_string());
    let mut all = vec![(files.0, files.1.as_str()), (lines.0, lines.1.as_str())];
    all.extend([("most_entries", entries.as_str()), ("most_characters", characters.as_str())]);
    all.extend(values);
    template::fill(text, &all)
}

/// An approved plan as a change's question holds it: a model wrote it, so it is data.
pub(super) fn approved(plan: &Plan) -> String {
    template::fill(include_str!("prompts/plan_approved.md"), &[("plan", &fence::block(&plan.text()))])
}

/// The files of a plan, a line each, to be looked up like those that a task names.
pub(super) fn files(plan: &Plan) -> String {
    let paths: Vec<&str> = plan.files.iter().map(RepoPath::as_str).collect();
    paths.join("\n")
}
