//! What a change may touch, and what makes a person look at it: the `safety` section.
//! Only values; the gate judges.

use domain::gate::OwnRule;
use domain::patch::How;
use serde::{Deserialize, Serialize};

use super::condition::{Condition, Fact};

/// Limits, paths and reviews: the `safety` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Safety {
    /// The most files that a task may change (seeds: 10).
    pub max_files_changed: u32,
    /// The most lines, added plus deleted, that a task may change (seeds: 500).
    pub max_lines_changed: u32,
    /// The most files that the fix of a finding may change (seeds: 5).
    pub finding_max_files: u32,
    /// The most lines that the fix of a finding may change (seeds: 200).
    pub finding_max_lines: u32,
    /// The most lines that a provider may put out (seeds: 10,000).
    pub max_output_lines: u32,
    /// Globs of paths that no change may touch.
    pub refused_paths: Vec<String>,
    /// Globs of paths that steer tools: a change there needs a person.
    pub review_paths: Vec<String>,
    /// Globs of configuration files, for `require_review.touches_config`.
    pub config_paths: Vec<String>,
    /// Globs of production settings, for `require_review.touches_production`.
    pub production_paths: Vec<String>,
    /// Globs of authentication, payment and schema code, for `require_review.security_sensitive`.
    pub security_paths: Vec<String>,
    /// Text that no added line may hold; `.*` stands for anything, all else for itself.
    pub forbidden_patterns: Vec<String>,
    /// The weakest step by which a hunk may find its place without a person: `exact`, `recounted`, `moved`,
    /// `whitespace`, `trimmed` or `numbered`.
    pub weakest_anchor: How,
    /// Rules beside the built-in ones, each with examples that are judged when the file is loaded.
    pub rules: Vec<OwnRule>,
    /// Whether binary files may change without a person.
    pub allow_binary: bool,
    /// Whether symbolic links may be made or changed.
    pub allow_symlinks: bool,
    /// Whether submodules may be made or changed.
    pub allow_submodules: bool,
    /// Whether a file's executable bit may change.
    pub allow_mode_changes: bool,
    /// What makes a person look at a change.
    pub require_review: Review,
    /// The same as a list of conditions; both count.
    pub require_review_if: Vec<Condition>,
}

impl Default for Safety {
    /// The seeds' limits; nothing vendored, nothing of git's own; steering files to a person.
    fn default() -> Self {
        Self {
            max_files_changed: 10,
            max_lines_changed: 500,
            finding_max_files: 5,
            finding_max_lines: 200,
            max_output_lines: 10_000,
            refused_paths: owned(REFUSED),
            review_paths: owned(STEERING),
            config_paths: owned(CONFIG),
            production_paths: owned(PRODUCTION),
            security_paths: owned(SECURITY),
            forbidden_patterns: owned(FORBIDDEN),
            weakest_anchor: How::Trimmed,
            rules: Vec::new(),
            allow_binary: false,
            allow_symlinks: false,
            allow_submodules: false,
            allow_mode_changes: false,
            require_review: Review::default(),
            require_review_if: Vec::new(),
        }
    }
}

/// What makes a person look at a change: `safety.require_review`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Review {
    /// More files changed than this; `null` sets no such bound.
    pub files_gt: Option<u32>,
    /// More lines changed (added plus deleted) than this.
    pub lines_gt: Option<u32>,
    /// More lines deleted than this (seeds: 50).
    pub deletions_gt: Option<u32>,
    /// A path of `config_paths`.
    pub touches_config: bool,
    /// A path of `production_paths`.
    #[serde(alias = "touches_production_config")]
    pub touches_production: bool,
    /// A path of `security_paths`.
    pub security_sensitive: bool,
}

impl Default for Review {
    fn default() -> Self {
        Self {
            files_gt: None,
            lines_gt: None,
            deletions_gt: Some(50),
            touches_config: true,
            touches_production: true,
            security_sensitive: true,
        }
    }
}

/// Paths that need a person, with the reason to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewPaths {
    /// Why, as the end of a sentence: "touches ...".
    pub why: &'static str,
    /// The globs.
    pub globs: Vec<String>,
}

impl Safety {
    /// What makes a person look at a change, from both ways of writing it; the stricter counts.
    pub fn review(&self) -> Review {
        let mut review = self.require_review.clone();
        for condition in &self.require_review_if {
            match condition.fact {
                Fact::FilesChanged => lower(&mut review.files_gt, condition.over),
                Fact::LinesChanged => lower(&mut review.lines_gt, condition.over),
                Fact::LinesDeleted => lower(&mut review.deletions_gt, condition.over),
                Fact::TouchesConfig => review.touches_config = true,
                Fact::TouchesProduction => review.touches_production = true,
                Fact::SecuritySensitive => review.security_sensitive = true,
            }
        }
        review
    }

    /// The paths that need a person, as far as they are switched on.
    pub fn reviewed_paths(&self) -> Vec<ReviewPaths> {
        let review = self.review();
        let classes = [
            (true, "touches a file that steers tools", &self.review_paths),
            (review.touches_config, "touches configuration", &self.config_paths),
            (review.touches_production, "touches production settings", &self.production_paths),
            (
                review.security_sensitive,
                "touches authentication, payment or schema code",
                &self.security_paths,
            ),
        ];
        let on = classes.into_iter().filter(|(on, _, globs)| *on && !globs.is_empty());
        on.map(|(_, why, globs)| ReviewPaths { why, globs: globs.clone() }).collect()
    }
}

/// Takes the lower bound; an absent one is no bound.
pub(super) fn lower(bound: &mut Option<u32>, other: Option<u32>) {
    *bound = match (*bound, other) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| (*w).to_owned()).collect()
}

/// Copies of other people's code, and git's own folder.
const REFUSED: &[&str] =
    &["**/vendor/**", "**/third_party/**", "**/node_modules/**", "**/site-packages/**", "**/.git/**"];

/// Files that make tools do something: CI, hooks, git attributes, agent instructions, build scripts, lock files and
/// our own policy.
const STEERING: &[&str] = &[
    ".codex-task.yaml",
    ".github/**",
    ".gitlab-ci.yml",
    ".gitlab/**",
    ".circleci/**",
    ".ci/**",
    "azure-pipelines.yml",
    "**/Jenkinsfile",
    ".pre-commit-config.yaml",
    ".husky/**",
    ".githooks/**",
    "**/.gitattributes",
    "**/.gitmodules",
    "**/.gitconfig",
    "**/AGENTS.md",
    "**/CLAUDE.md",
    "**/GEMINI.md",
    "**/QWEN.md",
    ".claude/**",
    ".codex/**",
    ".cursor/**",
    ".vscode/**",
    ".devcontainer/**",
    "**/.cargo/**",
    "**/build.rs",
    "**/setup.py",
    "**/conftest.py",
    "**/sitecustomize.py",
    "**/*.pth",
    "**/noxfile.py",
    "**/Makefile",
    "**/*.mk",
    "**/CMakeLists.txt",
    "**/Dockerfile*",
    "**/docker-compose*.y*ml",
    "**/package.json",
    "**/.npmrc",
    "**/*.lock",
    "**/package-lock.json",
    "**/pnpm-lock.yaml",
    "**/go.sum",
    "**/CODEOWNERS",
];

/// Configuration of programs, by place or by ending.
const CONFIG: &[&str] = &[
    "**/config/**",
    "**/*.env*",
    "**/*.ini",
    "**/*.cfg",
    "**/*.toml",
    "**/*.conf",
    "**/requirements*.txt",
    "**/settings.py",
];

/// What runs for users.
const PRODUCTION: &[&str] = &[
    "**/*production*",
    "**/production/**",
    "**/prod/**",
    "**/*.prod.*",
    "**/deploy/**",
    "**/k8s/**",
    "**/helm/**",
    "**/*.tf",
];

/// Who may do what, whose money it is, and what the data look like.
const SECURITY: &[&str] = &[
    "**/auth/**",
    "**/auth.*",
    "**/auth_*",
    "**/*_auth.*",
    "**/security/**",
    "**/*payment*",
    "**/*payment*/**",
    "**/billing/**",
    "**/migrations/**",
    "**/schema.*",
];

/// The seeds' forbidden shell.
const FORBIDDEN: &[&str] = &["rm -rf /", "curl .* | bash", "wget .* | sh", "chmod 777", "sudo"];
