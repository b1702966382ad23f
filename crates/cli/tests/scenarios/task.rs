//! A scenario's folder as values: the task, the repository, the proposals, the user's policy.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use domain::decision::Goal;
use domain::finding::Finding;
use domain::proposal::ProviderId;
use domain::task::{Kind, Task};
use engine::Job;
use serde::Deserialize;
use testkit::{Need, Reply, Step, TestRepo};

/// `task.yaml`: what is asked for, and what the repository needs beside plain files.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaskFile {
    /// What sort of change; a finding is always a fix.
    #[serde(default = "fix")]
    pub(crate) kind: Kind,
    /// The request in words.
    #[serde(default)]
    pub(crate) text: String,
    /// The finding, instead of words.
    pub(crate) finding: Option<FindingFile>,
    /// How far it is to go.
    #[serde(default = "publish")]
    pub(crate) goal: Goal,
    /// The only provider to ask; without it the routing rules choose.
    pub(crate) provider: Option<String>,
    /// What the model says of its diffs.
    #[serde(default = "sure")]
    pub(crate) confidence: f64,
    /// Whether the change waits for a person's word on what it may cost, or on its plan, and gets it.
    #[serde(default)]
    pub(crate) approved: bool,
    /// Programs without which it cannot run: `python3`, `pytest`, `cargo`.
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    /// Files of the base that are executable.
    #[serde(default)]
    executable: Vec<String>,
    /// Symbolic links of the base, with what they lead to.
    #[serde(default)]
    symlinks: BTreeMap<String, String>,
}

/// A linter's report.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindingFile {
    pub(crate) tool: String,
    pub(crate) code: String,
    pub(crate) path: String,
    pub(crate) line: u32,
    #[serde(default)]
    pub(crate) column: u32,
    pub(crate) message: String,
}

/// One scenario, read.
pub(crate) struct Scenario {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// `task.yaml`.
    pub(crate) task: TaskFile,
    /// `policy.yaml`: the user's own configuration.
    pub(crate) policy: String,
    /// The files `proposal*`, in order of their names.
    pub(crate) proposals: Vec<PathBuf>,
}

fn fix() -> Kind {
    Kind::Fix
}

fn publish() -> Goal {
    Goal::Publish
}

fn sure() -> f64 {
    0.9
}

impl Scenario {
    /// Reads a folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(folder.join("task.yaml")).map_err(|e| format!("task.yaml: {e}"))?;
        let task: TaskFile = serde_saphyr::from_str(&text).map_err(|e| format!("task.yaml: {e}"))?;
        let entries = fs::read_dir(folder).map_err(|e| e.to_string())?.flatten().map(|e| e.path());
        let is_proposal = |path: &PathBuf| {
            path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with("proposal"))
        };
        let mut proposals: Vec<PathBuf> = entries.filter(is_proposal).collect();
        proposals.sort();
        let policy = fs::read_to_string(folder.join("policy.yaml")).unwrap_or_default();
        Ok(Self { folder: folder.to_owned(), task, policy, proposals })
    }

    /// Writes the address of the model into the user's configuration, in the place of `{model}`.
    pub(crate) fn point_at(&self, url: &str, config: &Path) {
        fs::write(config, self.policy.replace("{model}", url)).unwrap();
    }

    /// The repository with its one commit.
    pub(crate) fn repository(&self) -> TestRepo {
        let repo = TestRepo::from_dir(&self.folder.join("repo"));
        for path in &self.task.executable {
            fs::set_permissions(repo.path().join(path), fs::Permissions::from_mode(0o755)).unwrap();
        }
        for (path, target) in &self.task.symlinks {
            symlink(target, repo.path().join(path)).unwrap();
        }
        if !self.task.executable.is_empty() || !self.task.symlinks.is_empty() {
            repo.commit("modes and links");
        }
        repo
    }

    /// What the model answers: a `.diff` in a reply that keeps to the contract, anything else as it stands.
    pub(crate) fn answers(&self) -> Vec<Step> {
        let is_diff = |path: &Path| path.extension().is_some_and(|ending| ending == "diff");
        let answer = |path: &PathBuf| {
            let text = fs::read_to_string(path).unwrap();
            match path.extension().and_then(|ending| ending.to_str()) {
                Some("hang") => Step::Hang,
                Some("call") => Step::Reply(call(&text)),
                _ if is_diff(path) => Step::patch(&text, self.task.confidence),
                _ => Step::text(text),
            }
        };
        if self.is_external() { Vec::new() } else { self.proposals.iter().map(answer).collect() }
    }

    /// Whether the proposal is a patch that somebody hands in.
    pub(crate) fn is_external(&self) -> bool {
        self.task.provider.as_deref() == Some("external")
    }

    /// The task as the engine takes it.
    pub(crate) fn job(&self, repo: &TestRepo) -> Job {
        let task = match &self.task.finding {
            Some(f) => {
                let text = repo.read(&f.path);
                Task::from_finding(Finding::at(
                    &f.tool, &f.code, &f.path, &text, f.line, f.column, &f.message,
                ))
            }
            None => Task { kind: self.task.kind, text: self.task.text.clone(), finding: None },
        };
        Job {
            goal: self.task.goal,
            provider: self.task.provider.as_ref().map(ProviderId::new),
            patch: self.is_external().then(|| fs::read(&self.proposals[0]).unwrap()),
            ..Job::new(task)
        }
    }
}

/// A tool that the model calls: its name and its arguments.
fn call(text: &str) -> Reply {
    let call: serde_json::Value = serde_json::from_str(text).unwrap();
    Reply::call(call["tool"].as_str().unwrap(), &call["arguments"])
}

/// A word of `needs`.
pub(crate) fn need(word: &str) -> Need {
    match word {
        "python3" => Need::Program("python3"),
        "cargo" => Need::Program("cargo"),
        "pytest" => Need::Program("pytest"),
        "codex" => Need::Program("codex"),
        "qwen" => Need::Program("qwen"),
        other => panic!("task.yaml: needs {other:?}: write python3, pytest, cargo, codex or qwen"),
    }
}
