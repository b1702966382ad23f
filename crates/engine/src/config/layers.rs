//! Reading the layers one above the other. Each file is first read strictly by itself, for errors with a line; the
//! merge and its provenance are figment's.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use figment2::providers::{Format, Serialized};
use figment2::value::{Dict, Value};
use figment2::{Figment, Profile, Provider};
use serde_saphyr::figment2::Yaml;

use super::error::ConfigError;
use super::{Config, WantedLevel, policy, tighten, validate};

/// The system's file.
pub const SYSTEM_FILE: &str = "/etc/codex-task/config.yaml";

/// The repository's file, read from the base tree and never from the working tree.
pub const REPOSITORY_FILE: &str = ".codex-task.yaml";

/// No configuration is larger than this, in bytes.
const MOST: u64 = 1 << 20;

/// What the layers are read from.
#[derive(Debug, Clone, Copy)]
pub struct Layers<'a> {
    /// The system's file; a missing one is an empty layer.
    pub system: Option<&'a Path>,
    /// The user's file; a missing one is an empty layer.
    pub user: Option<&'a Path>,
    /// The text of the repository's file in the base tree.
    pub repository: Option<&'a str>,
    /// The caller's environment; only `CODEX_TASK_<SECTION>__<KEY>` and the names
    /// that the seeds gave (`T4_AI_TEST_CMD`, `T4_CODEX_MAX_FILES`, `T4_CODEX_MAX_LINES`, `CODEX_MODEL`) are looked at.
    pub environment: &'a BTreeMap<String, String>,
    /// The command line's options.
    pub flags: &'a Flags,
}

/// Options of the command line that stand above every file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--model`.
    pub model: Option<String>,
    /// `--timeout`: the most seconds for a provider's whole answer.
    pub timeout_seconds: Option<u64>,
    /// `--sandbox`.
    pub sandbox: Option<WantedLevel>,
    /// `--budget`: the most dollars for this change, as written.
    pub budget: Option<String>,
    /// `--retries`.
    pub max_retries: Option<u32>,
    /// `--test-command`.
    pub test_command: Option<String>,
}

/// The resolved configuration and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Canonical JSON of all that judges a change; its hash names the policy.
    pub policy_text: String,
    /// What was ignored, a sentence each.
    pub warnings: Vec<String>,
    /// Which layer set which key; keys that are not listed are built in. Ordered by key.
    pub sources: Vec<KeySource>,
}

/// Which layer set a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySource {
    /// The key, with dots.
    pub key: String,
    /// The file, variable or flag.
    pub source: String,
}

/// Other names of keys in the environment: those of the seeds.
const VARIABLES: [(&str, &str); 5] = [
    ("T4_AI_TEST_CMD", "checks.test_command"),
    ("T4_CODEX_MAX_FILES", "safety.finding_max_files"),
    ("T4_CODEX_MAX_LINES", "safety.finding_max_lines"),
    ("CODEX_MODEL", "providers.local.model"),
    ("CODEX_MODEL", "providers.openai.model"),
];

/// Reads all layers.
///
/// # Errors
/// The first thing that is wrong, with the file or variable and the key or line that names it.
pub fn load(layers: &Layers<'_>) -> Result<Loaded, ConfigError> {
    let mut sources = BTreeMap::new();
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    for path in [layers.system, layers.user].into_iter().flatten() {
        if let Some(text) = read(path)? {
            figment = merge_file(figment, &text, &path.display().to_string(), &mut sources)?;
        }
    }
    let owner = extract(&figment)?;
    let mut warnings = Vec::new();
    let mut rules_in_tree = Vec::new();
    if let Some(text) = layers.repository {
        let mut keys = BTreeMap::new();
        let asked = extract(&merge_file(figment, text, REPOSITORY_FILE, &mut keys)?)?;
        let mut tightened = tighten::tighten(&owner, asked);
        keys.retain(|key, _| {
            !tightened.refused.iter().any(|r| key == r || key.starts_with(&format!("{r}.")))
        });
        sources.append(&mut keys);
        warnings = tightened.warnings;
        rules_in_tree = std::mem::take(&mut tightened.config.rules_in_tree);
        figment = Figment::from(Serialized::defaults(tightened.config));
    }
    for (name, key, value) in overrides(layers) {
        figment = merge_value(&figment, &name, &key, &value)?;
        sources.insert(key, name);
    }
    let mut config = extract(&figment)?;
    config.rules_in_tree = rules_in_tree;
    validate::check(&config, &sources)?;
    validate::fold(&mut config);
    let policy_text = policy::text(&config);
    let sources = sources.into_iter().map(|(key, source)| KeySource { key, source }).collect();
    Ok(Loaded { config, policy_text, warnings, sources })
}

/// The text of a file; `None` when there is none.
fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    let unreadable =
        |e: std::io::Error| ConfigError::Unreadable { path: path.to_owned(), why: e.to_string() };
    let file = match std::fs::File::open(path) {
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        file => file.map_err(unreadable)?,
    };
    let mut text = String::new();
    file.take(MOST + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MOST {
        return Err(ConfigError::TooLarge { path: path.to_owned(), limit: MOST });
    }
    Ok(Some(text))
}

/// Lays a file's text above the rest, after reading it strictly by itself.
fn merge_file(
    figment: Figment,
    text: &str,
    file: &str,
    sources: &mut BTreeMap<String, String>,
) -> Result<Figment, ConfigError> {
    // A file without any key is an empty layer; YAML reads it as null.
    if text.lines().all(|l| matches!(l.trim_start().chars().next(), None | Some('#'))) {
        return Ok(figment);
    }
    if text.len() as u64 > MOST {
        return Err(ConfigError::TooLarge { path: file.into(), limit: MOST });
    }
    let layer = Yaml::string(text);
    if let Err(error) = serde_saphyr::from_str::<Config>(text) {
        let key = Figment::from(Serialized::defaults(Config::default())).merge(layer).extract::<Config>();
        let key = key.err().map(|e| dotted(&e)).filter(|k| !k.is_empty());
        let plain = error.without_snippet();
        let line = plain.location().map(|l| l.line()).filter(|line| *line > 0);
        return Err(ConfigError::File {
            file: file.to_owned(),
            line,
            key,
            message: short(&plain.to_string()),
        });
    }
    for (key, _) in leaves(&layer) {
        sources.insert(key, file.to_owned());
    }
    let merged = figment.merge(layer);
    // The two readers differ in few words (`no` for a bool): what the merge does not take is an error of this file.
    merged.extract::<Config>().map_err(|e| ConfigError::File {
        file: file.to_owned(),
        line: None,
        key: Some(dotted(&e)).filter(|k| !k.is_empty()),
        message: e.kind.to_string(),
    })?;
    Ok(merged)
}

/// One line of a YAML error, without the position that it repeats.
fn short(message: &str) -> String {
    let line = message.lines().next().unwrap_or("").trim();
    line.split(" at line ").next().unwrap_or(line).to_owned()
}

fn dotted(error: &figment2::Error) -> String {
    error.path.join(".")
}

/// The keys with values of a layer, with dots.
fn leaves(layer: &impl Provider) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let data = layer.data().ok().and_then(|mut d| d.remove(&Profile::Default)).unwrap_or_default();
    collect("", data, &mut found);
    found
}

fn collect(prefix: &str, dict: Dict, found: &mut Vec<(String, Value)>) {
    for (key, value) in dict {
        let key = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        match value {
            Value::Dict(_, inner) => collect(&key, inner, found),
            value => found.push((key, value)),
        }
    }
}

/// What stands above the files, lowest first: name to show, key, value as written.
fn overrides(layers: &Layers<'_>) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for (name, key) in VARIABLES {
        if let Some(value) = layers.environment.get(name).filter(|v| !v.is_empty()) {
            all.push((name.to_owned(), key.to_owned(), value.clone()));
        }
    }
    for (name, value) in layers.environment {
        if let Some((section, key)) = name.strip_prefix("CODEX_TASK_").and_then(|n| n.split_once("__")) {
            let key = format!("{section}.{}", key.replace("__", ".")).to_ascii_lowercase();
            // A shell sets no variable with a hyphen in its name.
            let key = key.replacen("providers.codex_cli.", "providers.codex-cli.", 1);
            all.push((name.clone(), key, value.clone()));
        }
    }
    all.extend(layers.flags.values().map(|(name, key, value)| (name.to_owned(), key.to_owned(), value)));
    all
}

impl Flags {
    fn values(&self) -> impl Iterator<Item = (&'static str, &'static str, String)> {
        let level = self.sandbox.map(|l| format!("{l:?}").to_ascii_lowercase());
        let seconds = self.timeout_seconds.map(|s| s.to_string());
        let all = [
            ("--model", "providers.local.model", self.model.clone()),
            ("--timeout", "providers.local.total_seconds", seconds.clone()),
            ("--timeout", "providers.openai.total_seconds", seconds.clone()),
            ("--timeout", "providers.anthropic.total_seconds", seconds.clone()),
            ("--timeout", "providers.web.total_seconds", seconds.clone()),
            ("--timeout", "providers.codex-cli.total_seconds", seconds.clone()),
            ("--timeout", "providers.qwen.total_seconds", seconds.clone()),
            ("--timeout", "providers.acp.total_seconds", seconds),
            ("--sandbox", "sandbox.level", level),
            ("--budget", "budget.per_change", self.budget.clone()),
            ("--retries", "repair.max_retries", self.max_retries.map(|r| r.to_string())),
            ("--test-command", "checks.test_command", self.test_command.clone()),
        ];
        all.into_iter().filter_map(|(name, key, value)| Some((name, key, value?)))
    }
}

/// Lays one value above the rest: as the number, truth value or list that it spells, or else as the text that it is.
fn merge_value(figment: &Figment, name: &str, key: &str, text: &str) -> Result<Figment, ConfigError> {
    let spelled: Value = text.parse().unwrap_or_else(|never: std::convert::Infallible| match never {});
    let with = |value: Value| {
        let figment = figment.clone().merge(Serialized::default(key, value));
        figment.extract::<Config>().map(|_| figment).map_err(|e| e.kind.to_string())
    };
    let failed = match with(spelled) {
        Ok(figment) => return Ok(figment),
        Err(failed) => failed,
    };
    with(Value::from(text)).map_err(|_| ConfigError::Value {
        source_name: name.to_owned(),
        key: key.to_owned(),
        message: failed,
    })
}

fn extract(figment: &Figment) -> Result<Config, ConfigError> {
    figment.extract().map_err(|e| ConfigError::Senseless {
        key: dotted(&e),
        why: e.kind.to_string(),
        source_name: e.metadata.as_ref().map(|m| m.name.to_string()),
    })
}
