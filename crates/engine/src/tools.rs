//! Linters for providers: run on a tree made from the base, inside the sandbox, like every other program that reads
//! the repository's files.

use async_trait::async_trait;
use domain::ids::IntentId;
use sandbox::{Limits, Outcome};

use crate::boxes::Command;
use crate::cancel::Cancel;
use crate::operator::Operator;
use crate::project::Project;
use crate::provider::{ToolRun, Tools};
use crate::trees::{Content, Over, Trees};

/// Tools on the base of one project.
pub(crate) struct BoxedTools<'a> {
    operator: &'a Operator,
    project: &'a Project,
    name: String,
    cancel: &'a Cancel,
}

impl<'a> BoxedTools<'a> {
    /// `intent` names the tree, so that a sweep finds it.
    pub(crate) fn new(
        operator: &'a Operator,
        project: &'a Project,
        intent: &IntentId,
        cancel: &'a Cancel,
    ) -> Self {
        Self { operator, project, name: format!("{intent}-tool"), cancel }
    }
}

#[async_trait]
impl Tools for BoxedTools<'_> {
    fn has(&self, program: &str) -> bool {
        self.project.boxes.has(&self.operator.world, program)
    }

    async fn run(&self, argv: &[String]) -> Result<ToolRun, String> {
        let (world, boxes) = (&self.operator.world, &self.project.boxes);
        let failed = |e: crate::error::EngineError| e.to_string();
        let level = boxes.level(world).map_err(failed)?;
        let form = boxes.form(world, level).map_err(failed)?;
        let content = Content::base(&self.project.repository, &self.project.base);
        let tree = Trees::new(&world.folders)
            .open(&self.name, &content, form, level, Over::default())
            .map_err(failed)?;
        let limits = Limits { output_kept: 8 << 20, ..Limits::default() };
        let command = Command {
            argv: argv.to_vec(),
            env: Default::default(),
            limits,
            network: sandbox::Network::None,
            marker: self.name.clone(),
        };
        let report = boxes.run(world, level, &tree, command, self.cancel).await.map_err(failed)?;
        let code = match report.outcome {
            Outcome::Exited { code } => Some(code),
            Outcome::SetupFailed { what } | Outcome::ExecFailed { what } => return Err(what),
            Outcome::Signalled { .. }
            | Outcome::TimedOut
            | Outcome::OutputLimit
            | Outcome::DiskLimit
            | Outcome::MemoryLimit
            | Outcome::Cancelled => None,
        };
        if report.stdout.dropped() > 0 {
            return Err(format!(
                "{} printed more than is kept",
                argv.first().map_or("the tool", String::as_str)
            ));
        }
        Ok(ToolRun { code, stdout: report.stdout.head, stderr: report.stderr.head })
    }
}
