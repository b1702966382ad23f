//! Values of the right type that make no sense, and values that are folded into others once all layers are read.

use std::collections::{BTreeMap, BTreeSet};

use domain::command::{CommandPolicy, CommandRules};
use domain::gate;
use domain::patch::paths;
use globset::Glob;

use super::error::ConfigError;
use super::flow::MOST_RERUNS;
use super::safety::lower;
use super::{Auth, CommandLine, Config};

/// Refuses what makes no sense, with the layer that set it.
pub(super) fn check(config: &Config, sources: &BTreeMap<String, String>) -> Result<(), ConfigError> {
    let refuse = |key: &str, why: String| ConfigError::Senseless {
        key: key.to_owned(),
        why,
        source_name: sources.get(key).cloned(),
    };
    for (key, globs) in globs(config) {
        for glob in globs {
            Glob::new(glob).map_err(|e| refuse(key, format!("{glob:?} is no glob: {}", e.kind())))?;
        }
    }
    for text in &config.safety.forbidden_patterns {
        let refused = |e: gate::InvalidText| refuse("safety.forbidden_patterns", e.to_string());
        gate::ForbiddenText::try_from(text.clone()).map_err(refused)?;
    }
    gate::check_own_rules(&config.safety.rules).map_err(|e| refuse("safety.rules", e.to_string()))?;
    for (key, seconds) in waits(config) {
        if seconds == 0 {
            return Err(refuse(&key, "must be at least 1".to_owned()));
        }
    }
    if !(0.0..=1.0).contains(&config.repair.min_confidence) {
        return Err(refuse("repair.min_confidence", "must be from 0 to 1".to_owned()));
    }
    if config.checks.reruns > MOST_RERUNS {
        return Err(refuse("checks.reruns", format!("must be at most {MOST_RERUNS}")));
    }
    if let Some(word) = config.routing.matrix.unknown_kind() {
        return Err(refuse("routing.matrix", format!("{word:?} is no kind of task and not \"any\"")));
    }
    if !is_branch_prefix(&config.git.branch_prefix) {
        return Err(refuse(
            "git.branch_prefix",
            "must be letters, digits, '-', '_' and single '/'".to_owned(),
        ));
    }
    // Without rules there is nothing of the owner's to be held against examples, and every command loads a configuration.
    if config.commands != CommandRules::default() {
        CommandPolicy::with(&config.commands).map_err(|e| refuse("commands", e.to_string()))?;
    }
    if config.store.archive.as_ref().is_some_and(|folder| !folder.is_absolute()) {
        return Err(refuse("store.archive", "must be an absolute path".to_owned()));
    }
    prepare(config).map_err(|(key, why)| refuse(key, why))?;
    agents(config).map_err(|(key, why)| refuse(&key, why))?;
    commands(config).map_err(|why| refuse("checks.commands", why))
}

fn prepare(config: &Config) -> Result<(), (&'static str, String)> {
    if config.prepare.commands.iter().any(is_empty) {
        return Err(("prepare.commands", "one of them has no command".to_owned()));
    }
    let is_no_name =
        |name: &&String| name.chars().any(|c| !c.is_ascii_alphanumeric() && c != '_') || name.is_empty();
    match config.prepare.env.iter().find(is_no_name) {
        Some(name) => Err(("prepare.env", format!("{name:?} is no name of a variable"))),
        None => Ok(()),
    }
}

fn is_empty(command: &CommandLine) -> bool {
    match command {
        CommandLine::Shell(line) => line.trim().is_empty(),
        CommandLine::Words(words) => words.first().is_none_or(String::is_empty),
    }
}

fn globs(config: &Config) -> Vec<(&'static str, &Vec<String>)> {
    let safety = &config.safety;
    let mut all = vec![
        ("safety.refused_paths", &safety.refused_paths),
        ("safety.review_paths", &safety.review_paths),
        ("safety.config_paths", &safety.config_paths),
        ("safety.production_paths", &safety.production_paths),
        ("safety.security_paths", &safety.security_paths),
        ("auto_push.conditions.excluded_patterns", &config.auto_push.conditions.excluded_patterns),
    ];
    all.extend(config.checks.commands.iter().map(|c| ("checks.commands", &c.paths)));
    all
}

fn waits(config: &Config) -> Vec<(String, u64)> {
    let mut all = vec![
        ("checks.timeout_seconds".to_owned(), config.checks.timeout_seconds),
        ("prepare.timeout_seconds".to_owned(), config.prepare.timeout_seconds),
        ("sandbox.memory_mb".to_owned(), config.sandbox.memory_mb),
        ("sandbox.processes".to_owned(), config.sandbox.processes),
        ("sandbox.cpu_seconds".to_owned(), config.sandbox.cpu_seconds),
        ("sandbox.tree_mb".to_owned(), config.sandbox.tree_mb),
    ];
    for (name, provider) in config.providers.all() {
        all.extend([
            (format!("providers.{name}.first_byte_seconds"), provider.first_byte_seconds),
            (format!("providers.{name}.idle_seconds"), provider.idle_seconds),
            (format!("providers.{name}.total_seconds"), provider.total_seconds),
        ]);
    }
    for (name, agent) in config.providers.agents() {
        all.extend([
            (format!("providers.{name}.first_byte_seconds"), agent.first_byte_seconds),
            (format!("providers.{name}.idle_seconds"), agent.idle_seconds),
            (format!("providers.{name}.quiet_seconds"), agent.quiet_seconds),
            (format!("providers.{name}.total_seconds"), agent.total_seconds),
            (format!("providers.{name}.max_requests"), agent.max_requests),
            (format!("providers.{name}.max_prompt_tokens"), agent.max_prompt_tokens),
            (format!("providers.{name}.max_output_tokens"), agent.max_output_tokens),
        ]);
    }
    all.push(("providers.web.total_seconds".to_owned(), config.providers.web.total_seconds));
    all
}

/// A command's arguments are seen by everybody on the machine.
fn agents(config: &Config) -> Result<(), (String, String)> {
    for (name, agent) in config.providers.agents() {
        if agent.command.iter().any(|word| word.contains("{key}")) {
            return Err((
                format!("providers.{name}.command"),
                "must not hold {key}; give it by env".to_owned(),
            ));
        }
        let is_plain = |path: &String| paths::check(path.as_bytes()).is_ok();
        if let Some(path) = agent.files.keys().find(|path| !is_plain(path)) {
            return Err((
                format!("providers.{name}.files"),
                format!("{path:?} is no path below a home folder"),
            ));
        }
        if agent.auth == Auth::SignIn && name != "codex-cli" {
            return Err((format!("providers.{name}.auth"), "sign-in is known for codex-cli only".to_owned()));
        }
    }
    Ok(())
}

fn is_branch_prefix(prefix: &str) -> bool {
    let part = |p: &str| {
        !p.is_empty()
            && !p.starts_with('-')
            && p.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    };
    prefix.split('/').all(part)
}

fn commands(config: &Config) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for command in &config.checks.commands {
        let name = &command.name;
        if name.trim().is_empty() || name.chars().any(char::is_control) {
            return Err(format!("{name:?} is no name"));
        }
        if !names.insert(name) {
            return Err(format!("two checks are called {name:?}"));
        }
        if is_empty(&command.run) {
            return Err(format!("{name:?} has no command"));
        }
        if command.timeout_seconds == Some(0) {
            return Err(format!("{name:?}: timeout_seconds must be at least 1"));
        }
    }
    Ok(())
}

/// The counts of `safety.require_review` bound what policy approves by itself; afterwards `approval` says it all.
pub(super) fn fold(config: &mut Config) {
    let review = config.safety.review();
    let approval = &mut config.approval;
    for (bound, other) in [
        (&mut approval.max_files, review.files_gt),
        (&mut approval.max_lines, review.lines_gt),
        (&mut approval.max_deleted, review.deletions_gt),
    ] {
        let mut lowest = Some(*bound);
        lower(&mut lowest, other);
        *bound = lowest.unwrap_or(*bound);
    }
}
