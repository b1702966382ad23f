//! What a provider would be sent for a task, without asking anybody: for dry runs.

use std::time::Duration;

use async_trait::async_trait;
use domain::plan::Wanted;
use domain::proposal::{ProviderFailure, ProviderId};
use domain::task::Task;

use crate::image::Image;
use crate::project::Project;
use crate::provider::{Ask, Evidence, Packed, ToolRun, Tools};

/// A dry run starts no tool.
struct NoTools;

#[async_trait]
impl Tools for NoTools {
    fn has(&self, _program: &str) -> bool {
        false
    }

    async fn run(&self, _argv: &[String]) -> Result<ToolRun, String> {
        Err("a dry run starts no tool".to_owned())
    }
}

/// What this provider would be sent first; `None` when it is sent nothing, or is not there.
pub fn preview(
    project: &Project,
    task: &Task,
    wanted: Wanted,
    images: &[Image],
    provider: &ProviderId,
    model: Option<&str>,
) -> Option<Result<Packed, ProviderFailure>> {
    let source = project.source();
    let ask = Ask {
        task,
        wanted,
        plan: None,
        images,
        base: &project.base,
        source: &source,
        tools: &NoTools,
        workspaces: &crate::agent::NoWorkspaces,
        repair: None,
        model,
        handed_in: None,
        own_rule: project.own_rule(wanted, task.kind),
        deadline: Duration::ZERO,
        evidence: &Evidence::default(),
    };
    project.provider(provider)?.packed(&ask)
}
