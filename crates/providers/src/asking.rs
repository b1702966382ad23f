//! Questions to providers: a base of files in memory, and tools that answer what a test says.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use domain::event::BaseRef;
use domain::finding::Finding;
use domain::plan::Wanted;
use domain::task::Task;
use engine::image::Image;
use engine::provider::{Ask, Evidence, Repair, Source, ToolRun, Tools};

/// A base in memory.
pub(crate) struct Files(pub(crate) BTreeMap<String, Vec<u8>>);

impl Source for Files {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.get(path).cloned()
    }

    fn list(&self, _folder: &str) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

/// One installed tool, or none.
pub(crate) struct Tool {
    pub(crate) name: Option<&'static str>,
    pub(crate) run: ToolRun,
    pub(crate) asked: Mutex<Vec<Vec<String>>>,
}

impl Tool {
    pub(crate) fn none() -> Self {
        Self {
            name: None,
            run: ToolRun { code: None, stdout: vec![], stderr: vec![] },
            asked: Mutex::default(),
        }
    }

    pub(crate) fn prints(name: &'static str, code: i32, stdout: &str, stderr: &str) -> Self {
        let run = ToolRun { code: Some(code), stdout: stdout.into(), stderr: stderr.into() };
        Self { name: Some(name), run, asked: Mutex::default() }
    }
}

#[async_trait]
impl Tools for Tool {
    fn has(&self, program: &str) -> bool {
        self.name == Some(program)
    }

    async fn run(&self, argv: &[String]) -> Result<ToolRun, String> {
        self.asked.lock().unwrap().push(argv.to_vec());
        Ok(self.run.clone())
    }
}

/// Everything that a question borrows.
pub(crate) struct Question {
    pub(crate) task: Task,
    pub(crate) files: Files,
    pub(crate) tools: Tool,
    pub(crate) repair: Option<Repair>,
    pub(crate) model: Option<&'static str>,
    pub(crate) handed_in: Option<Vec<u8>>,
    pub(crate) deadline: Duration,
    pub(crate) base: BaseRef,
    pub(crate) evidence: Evidence,
    pub(crate) wanted: Wanted,
    pub(crate) images: Vec<Image>,
}

impl Question {
    /// About a finding in a file with this text.
    pub(crate) fn finding(code: &str, path: &str, text: &str, line: u32) -> Self {
        let finding = Finding::at("ruff", code, path, text, line, 1, "as the linter says");
        Self::new(Task::from_finding(finding), path, text)
    }

    pub(crate) fn new(task: Task, path: &str, text: &str) -> Self {
        let id = "a".repeat(40);
        Self {
            task,
            files: Files(BTreeMap::from([(path.to_owned(), text.as_bytes().to_vec())])),
            tools: Tool::none(),
            repair: None,
            model: None,
            handed_in: None,
            // Far beyond what any test takes: the provider's own deadlines are what is tested.
            deadline: Duration::from_secs(60),
            base: BaseRef { commit: id.parse().unwrap(), tree: id.parse().unwrap(), branch: None },
            evidence: Evidence::default(),
            wanted: Wanted::Change,
            images: Vec::new(),
        }
    }

    pub(crate) fn ask(&self) -> Ask<'_> {
        Ask {
            task: &self.task,
            wanted: self.wanted,
            plan: None,
            images: &self.images,
            base: &self.base,
            source: &self.files,
            tools: &self.tools,
            workspaces: &engine::agent::NoWorkspaces,
            repair: self.repair.as_ref(),
            model: self.model,
            handed_in: self.handed_in.as_deref(),
            own_rule: None,
            deadline: self.deadline,
            evidence: &self.evidence,
        }
    }
}
