//! One repository with its configuration in force: the base, the policy, the rules, the providers, the sandbox.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use domain::event::BaseRef;
use domain::gate::{ForbiddenText, GateLimits, GatePolicy, PathSet, Verdict};
use domain::ids::Sha256;
use domain::plan::Wanted;
use domain::proposal::ProviderId;
use domain::task::Kind;
use domain::verification::Run;
use git::Repository;

use crate::boxes::Boxes;
use crate::config::{self, Config, ConfigError, Flags, Layers, Loaded, PromptName};
use crate::error::EngineError;
use crate::provider::{Provider, Source};
use crate::source::BaseSource;
use crate::stamp::Stamps;
use crate::world::World;

/// The largest configuration or rule file that is read from a base tree.
const FILE_CAP: u64 = 1 << 20;

/// One repository with its configuration in force.
pub struct Project {
    /// The repository.
    pub repository: Repository,
    /// What changes start from.
    pub base: BaseRef,
    /// The configuration, all layers.
    pub config: Config,
    /// The text of what judges changes, as it is recorded.
    pub policy_text: String,
    /// Its hash.
    pub policy: Sha256,
    /// What was ignored or looks wrong in the configuration.
    pub warnings: Vec<String>,
    /// The embedded and the user's codemod rules.
    pub rules: Arc<codemods::RuleSet>,
    /// What the machine's owner wants to be said for a kind of task or a plan, in place of our words.
    prompts: BTreeMap<PromptName, String>,
    /// Who can be asked.
    pub providers: Vec<Box<dyn Provider>>,
    /// The sandbox.
    pub boxes: Boxes,
    /// Runs on the base that are worth keeping for this process only; by the key of the lasting cache.
    pub(crate) failed_baselines: Mutex<BTreeMap<Sha256, Run>>,
    gate: GatePolicy,
    /// The files of the configuration, as they were before they were read.
    stamps: Stamps,
}

impl Project {
    /// Opens the repository that `path` is in, at HEAD or at `base`, with the configuration in force for it.
    /// The repository's own layer is read from the base tree, never from the working tree.
    ///
    /// # Errors
    /// When it is no repository or has no commit, and when a configuration or rule file is wrong.
    pub fn open(
        world: &World,
        path: &Path,
        base: Option<&str>,
        user_file: Option<&Path>,
        flags: &Flags,
    ) -> Result<Self, EngineError> {
        let repository = Repository::open(path)?;
        let found = match base {
            Some(rev) => repository.resolve(rev)?,
            None => repository.head()?,
        };
        let base = BaseRef { commit: found.commit, tree: found.tree, branch: found.branch };
        let mut stamps = Stamps::default();
        for file in [Some(Path::new(config::SYSTEM_FILE)), user_file].into_iter().flatten() {
            stamps.keep(file);
        }
        let own = repository.read(&base.tree, config::REPOSITORY_FILE, FILE_CAP)?;
        let own = own.map(|blob| String::from_utf8_lossy(&blob.bytes).into_owned());
        let loaded = config::load(&Layers {
            system: Some(Path::new(config::SYSTEM_FILE)),
            user: user_file,
            repository: own.as_deref(),
            environment: &world.environment,
            flags,
        })?;
        loaded.config.rules.iter().for_each(|file| stamps.keep(Path::new(file)));
        let rules = Arc::new(rules(&loaded, &BaseSource::new(&repository, &base.tree))?);
        let gate = gate_policy(&loaded.config)?;
        let place = repository.work_dir().unwrap_or(repository.common_dir()).to_owned();
        let prompts = prompts(&loaded.config)?;
        Ok(Self {
            prompts,
            boxes: Boxes::new(loaded.config.sandbox.clone(), place),
            policy: Sha256::of(loaded.policy_text.as_bytes()),
            policy_text: loaded.policy_text,
            warnings: loaded.warnings,
            config: loaded.config,
            providers: Vec::new(),
            failed_baselines: Mutex::default(),
            repository,
            base,
            rules,
            gate,
            stamps,
        })
    }

    /// Whether the files of its configuration are as they were when it was opened.
    pub fn is_current(&self) -> bool {
        self.stamps.hold()
    }

    /// The provider of this name, when it is there.
    pub fn provider(&self, id: &ProviderId) -> Option<&dyn Provider> {
        self.providers.iter().find(|p| p.id() == *id).map(AsRef::as_ref)
    }

    pub(crate) fn no_such_provider(&self, id: &ProviderId) -> EngineError {
        let known: Vec<String> = self.providers.iter().map(|p| p.id().to_string()).collect();
        EngineError::NoSuchProvider { name: id.to_string(), known: known.join(", ") }
    }

    /// The failed run on the base that this process has seen for this key.
    pub(crate) fn failed_baseline(&self, key: &Sha256) -> Option<Run> {
        self.failed_baselines.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Keeps a failed run on the base for the other changes of this process.
    pub(crate) fn keep_failed_baseline(&self, key: Sha256, run: Run) {
        self.failed_baselines.lock().unwrap_or_else(PoisonError::into_inner).insert(key, run);
    }

    /// The files of the base.
    pub fn source(&self) -> BaseSource<'_> {
        BaseSource::new(&self.repository, &self.base.tree)
    }

    /// What the machine's owner wants to be said when this is asked for in a task of this kind.
    pub fn own_rule(&self, wanted: Wanted, kind: Kind) -> Option<&str> {
        let name = match wanted {
            Wanted::Plan => PromptName::Plan,
            Wanted::Change => PromptName::Kind(kind),
        };
        self.prompts.get(&name).map(String::as_str)
    }

    /// The gate's values in this configuration.
    pub fn gate_policy(&self) -> &GatePolicy {
        &self.gate
    }
}

/// The owner's own words, from the files that the configuration names.
fn prompts(config: &Config) -> Result<BTreeMap<PromptName, String>, EngineError> {
    let read = |(name, path): (&PromptName, &String)| {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|e| ConfigError::Unreadable { path: path.into(), why: e.to_string() })?;
        Ok((*name, text))
    };
    config.context.prompts.iter().map(read).collect()
}

/// The embedded rules with the user's (files of this machine) and the repository's (files of the base tree).
fn rules(loaded: &Loaded, base: &BaseSource<'_>) -> Result<codemods::RuleSet, EngineError> {
    let mut files = Vec::new();
    for path in &loaded.config.rules {
        let text = std::fs::read_to_string(path)
            .map_err(|e| ConfigError::Unreadable { path: path.into(), why: e.to_string() })?;
        files.push((path.clone(), text));
    }
    for path in &loaded.config.rules_in_tree {
        let bytes = Source::read(base, path).ok_or_else(|| ConfigError::File {
            file: config::REPOSITORY_FILE.to_owned(),
            line: None,
            key: Some("rules".to_owned()),
            message: format!("the rule file {path} is not in the base tree"),
        })?;
        files.push((path.clone(), String::from_utf8_lossy(&bytes).into_owned()));
    }
    Ok(codemods::RuleSet::builtin()?.with_user_rules(&files)?)
}

/// The gate's values: the seeds' `safety` section as the rules of the gate want it.
fn gate_policy(config: &Config) -> Result<GatePolicy, EngineError> {
    let safety = &config.safety;
    let deleted = safety.review().deletions_gt.unwrap_or(u32::MAX);
    let limits = |base: GateLimits, files: u32, lines: u32| GateLimits {
        files,
        lines,
        deleted,
        output: safety.max_output_lines,
        ..base
    };
    let paths = |globs: Vec<String>| PathSet::new(globs).map_err(EngineError::from);
    let mut review = safety.review_paths.clone();
    review.extend(safety.reviewed_paths().into_iter().flat_map(|r| r.globs));
    let forbidden = safety.forbidden_patterns.iter().cloned().map(ForbiddenText::try_from);
    let unless = |allowed: bool| if allowed { Verdict::Review } else { Verdict::Refuse };
    Ok(GatePolicy {
        finding: limits(GateLimits::finding(), safety.finding_max_files, safety.finding_max_lines),
        request: limits(GateLimits::request(), safety.max_files_changed, safety.max_lines_changed),
        denied: paths(safety.refused_paths.clone())?,
        review: paths(review)?,
        symlinks: unless(safety.allow_symlinks),
        submodules: unless(safety.allow_submodules),
        binaries: if safety.allow_binary { Verdict::Pass } else { Verdict::Review },
        executables: if safety.allow_mode_changes { Verdict::Pass } else { Verdict::Review },
        weakest_anchor: safety.weakest_anchor,
        forbidden: forbidden.collect::<Result<_, _>>()?,
        own: safety.rules.clone(),
        ..GatePolicy::default()
    })
}
