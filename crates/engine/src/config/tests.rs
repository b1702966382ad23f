//! The layers: which one counts, what a repository may not do, and how an error names its place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use domain::decision::PlanApproval;

use super::*;

#[derive(Default)]
struct Given<'a> {
    user: Option<&'a str>,
    repository: Option<&'a str>,
    environment: Vec<(&'a str, &'a str)>,
    flags: Flags,
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn user(&self) -> PathBuf {
        self.0.path().join("user.yaml")
    }
}

fn load_in(folder: &Folder, given: &Given<'_>) -> Result<Loaded, ConfigError> {
    if let Some(text) = given.user {
        std::fs::write(folder.user(), text).unwrap();
    }
    let environment: BTreeMap<String, String> =
        given.environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let user = folder.user();
    load(&Layers {
        system: Some(Path::new("/nonexistent/codex-task/config.yaml")),
        user: Some(&user),
        repository: given.repository,
        environment: &environment,
        flags: &given.flags,
    })
}

fn loaded(given: &Given<'_>) -> Result<Loaded, ConfigError> {
    load_in(&Folder(tempfile::tempdir().unwrap()), given)
}

fn user(text: &str) -> Result<Loaded, ConfigError> {
    loaded(&Given { user: Some(text), ..Given::default() })
}

fn repository(text: &str) -> Loaded {
    loaded(&Given { repository: Some(text), ..Given::default() }).unwrap()
}

/// The seeds' appendix A, with the file of the log moved.
const APPENDIX_A: &str = "
codex:
  mode: web  # web | cli | auto
  cli_model: o3
  max_context_tokens: 50000

git:
  auto_branch: true
  branch_prefix: feature
  commit_style: conventional
  auto_push_threshold:
    files: 3
    lines: 100

safety:
  max_files_changed: 10
  max_lines_changed: 500
  require_review:
    deletions_gt: 50
    touches_config: true
    security_sensitive: true

logging:
  level: info
  file: /var/log/codex-tasks.log
  format: json
";

/// The seeds' sections 2.1 and 4.3.
const SNIPPETS: &str = r#"
safety:
  max_files_changed: 10
  max_lines_changed: 500
  forbidden_patterns:
    - "rm -rf /"
    - "curl .* | bash"
  require_review_if:
    - files_changed > 5
    - lines_deleted > 100
    - touches_production_config: true
auto_push:
  enabled: true
  conditions:
    max_files: 3
    max_lines_added: 100
    max_lines_deleted: 20
    excluded_patterns:
      - "**/config/**"
      - "requirements*.txt"
  require_approval_if:
    - any_deletions > 50
    - touches_production: true
    - security_sensitive: true
"#;

#[test]
fn nothing_given_is_the_built_in_configuration() {
    let loaded = loaded(&Given::default()).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert!(loaded.warnings.is_empty() && loaded.sources.is_empty());
}

#[test]
fn the_files_of_the_seeds_load_as_printed() {
    let a = user(APPENDIX_A).unwrap().config;
    assert_eq!((a.codex.mode, a.git.auto_push_threshold.files), (CodexMode::Web, 3));
    assert_eq!(a.logging.file.as_deref(), Some("/var/log/codex-tasks.log"));
    let b = user(SNIPPETS).unwrap().config;
    assert_eq!(b.safety.review().files_gt, Some(5));
    assert_eq!(b.safety.review().deletions_gt, Some(50), "the stricter of 50 and 100");
    assert_eq!(b.approval.max_files, 5, "what needs a review is not approved by policy");
    assert_eq!(b.auto_push.require_approval_if.len(), 3);
}

#[test]
fn each_layer_stands_above_the_one_before() {
    let mut given = Given { user: Some("checks: {timeout_seconds: 200}\n"), ..Given::default() };
    let seconds = |given: &Given<'_>| loaded(given).unwrap().config.checks.timeout_seconds;
    assert_eq!(seconds(&given), 200);
    given.repository = Some("checks: {timeout_seconds: 100}\n");
    assert_eq!(seconds(&given), 100);
    given.environment = vec![("CODEX_TASK_CHECKS__TIMEOUT_SECONDS", "400")];
    assert_eq!(seconds(&given), 400, "the environment is the owner's and may loosen");
    given.environment.push(("CODEX_MODEL", "1.5"));
    given.flags = Flags { timeout_seconds: Some(9), sandbox: Some(WantedLevel::Strict), ..Flags::default() };
    let loaded = loaded(&given).unwrap();
    assert_eq!(
        loaded.config.providers.local.model.as_deref(),
        Some("1.5"),
        "a text that looks like a number"
    );
    assert_eq!(loaded.config.providers.total_seconds(), 9);
    assert_eq!(loaded.config.sandbox.level, WantedLevel::Strict);
    let from = |key: &str| loaded.sources.iter().find(|s| s.key == key).map(|s| s.source.as_str());
    assert_eq!(from("checks.timeout_seconds"), Some("CODEX_TASK_CHECKS__TIMEOUT_SECONDS"));
    assert_eq!(from("sandbox.level"), Some("--sandbox"));
}

#[test]
fn a_shell_can_set_keys_of_a_provider_with_a_hyphen_and_plans_are_not_taken_from_a_person() {
    let given = Given {
        environment: vec![
            ("CODEX_TASK_PROVIDERS__CODEX_CLI__MODEL", "o3"),
            ("CODEX_TASK_CONTEXT__PROMPTS__PLAN", "/own/plan.md"),
        ],
        repository: Some("approval: {plans: policy}\n"),
        ..Given::default()
    };
    let loaded = loaded(&given).unwrap();
    let agents = loaded.config.providers.agents();
    let codex = agents.into_iter().find(|(name, _)| *name == "codex-cli").unwrap().1;
    assert_eq!(codex.model.as_deref(), Some("o3"));
    assert_eq!(loaded.config.context.prompts[&PromptName::Plan], "/own/plan.md");
    assert_eq!(loaded.config.approval.plans, PlanApproval::Person);
    assert!(loaded.warnings.iter().any(|w| w.contains("approval.plans")), "{:?}", loaded.warnings);
    let own = Given { user: Some("approval: {plans: policy}\n"), ..Given::default() };
    assert_eq!(self::loaded(&own).unwrap().config.approval.plans, PlanApproval::Policy);
    let tighter = Given { repository: Some("approval: {plans: person}\n"), ..own };
    assert_eq!(self::loaded(&tighter).unwrap().config.approval.plans, PlanApproval::Person);
    let unknown = Given { user: Some("context: {prompts: {plans: x}}\n"), ..Given::default() };
    assert!(self::loaded(&unknown).unwrap_err().to_string().contains("plan"));
}

#[test]
fn the_variables_of_the_seeds_count() {
    let environment =
        vec![("T4_AI_TEST_CMD", "make test"), ("T4_CODEX_MAX_FILES", "3"), ("T4_CODEX_MAX_LINES", "90")];
    let config = loaded(&Given { environment, ..Given::default() }).unwrap().config;
    assert_eq!(config.checks.test_command.as_deref(), Some("make test"));
    assert_eq!((config.safety.finding_max_files, config.safety.finding_max_lines), (3, 90));
}

#[test]
fn an_unknown_key_is_an_error_with_its_file_and_line() {
    let folder = Folder(tempfile::tempdir().unwrap());
    let given = Given { user: Some("safety:\n  max_files_changed: 3\n  max_filse: 3\n"), ..Given::default() };
    let message = load_in(&folder, &given).unwrap_err().to_string();
    assert!(message.starts_with(&format!("{}:3: ", folder.user().display())), "{message}");
    assert!(message.contains("max_filse"), "{message}");
    let given = Given { repository: Some("\nsafty: {}\n"), ..Given::default() };
    let message = loaded(&given).unwrap_err().to_string();
    assert!(message.starts_with(".codex-task.yaml:2: ") && message.contains("safty"), "{message}");
}

#[test]
fn a_wrong_type_is_an_error_with_its_file_and_key() {
    let message = user("safety:\n  max_files_changed: many\n").unwrap_err().to_string();
    assert!(
        message.contains("user.yaml:2: ") && message.contains("(key safety.max_files_changed)"),
        "{message}"
    );
    let environment = vec![("CODEX_TASK_SAFETY__MAX_FILES_CHANGED", "many")];
    let message = loaded(&Given { environment, ..Given::default() }).unwrap_err().to_string();
    assert!(message.starts_with("CODEX_TASK_SAFETY__MAX_FILES_CHANGED: "), "{message}");
    let environment = vec![("CODEX_TASK_SAFTY__MAX", "1")];
    let message = loaded(&Given { environment, ..Given::default() }).unwrap_err().to_string();
    assert!(message.contains("CODEX_TASK_SAFTY__MAX") && message.contains("safty"), "{message}");
}

#[test]
fn what_makes_no_sense_is_an_error_with_its_key_and_layer() {
    for (text, key) in [
        ("repair: {min_confidence: 7}", "repair.min_confidence"),
        ("checks: {timeout_seconds: 0}", "checks.timeout_seconds"),
        ("checks: {reruns: 6}", "checks.reruns"),
        ("safety: {refused_paths: ['a{']}", "safety.refused_paths"),
        ("git: {branch_prefix: '../x'}", "git.branch_prefix"),
        ("checks: {commands: [{name: a, run: make}, {name: a, run: test}]}", "checks.commands"),
        ("checks: {commands: [{name: a, run: []}]}", "checks.commands"),
    ] {
        let message = user(text).unwrap_err().to_string();
        assert!(message.starts_with(key) && message.contains("user.yaml"), "{message}");
    }
}

#[test]
fn text_that_is_no_yaml_never_panics() {
    for text in
        ["a: [", "\t", "- 1", "x", "{}{}", "safety: !!binary x", "a: &a [*a]", "\u{0}", "? ? ?", "---\n---\n"]
    {
        let _ = user(text);
    }
    assert!(user("# only a comment\n").is_ok() && user("").is_ok());
    assert!(user("safety: {allow_binary: true}\nsafety: {allow_binary: false}\n").is_err(), "a key twice");
}

#[test]
fn a_repository_may_deny_more_commands_and_allow_none() {
    let loaded = repository(
        "commands:\n  allow:\n    - {id: just, argv: [just], match: [just]}\n  deny:\n    - {id: no-bench, argv: [cargo, bench], match: [cargo bench]}\n",
    );
    assert!(loaded.config.commands.allow.is_empty());
    assert_eq!(loaded.config.commands.deny.len(), 1);
    assert!(loaded.warnings.iter().any(|w| w.contains("commands.allow")), "{:?}", loaded.warnings);
}

#[test]
fn a_repository_can_tighten() {
    let loaded = repository(
        "safety: {max_files_changed: 2, refused_paths: ['legacy/**'], require_review: {lines_gt: 20}}
sandbox: {minimum: strict}
repair: {max_retries: 0, min_confidence: 0.9}
budget: {per_change: 0.1, daily: 1}
approval: {max_files: 1}
checks: {commands: [{name: docs, run: make docs}]}
routing: {order: [codemod]}
rules: [rules/a.yaml]
",
    );
    assert_eq!(loaded.warnings, Vec::<String>::new());
    let config = loaded.config;
    assert_eq!(config.safety.max_files_changed, 2);
    let built_in = Config::default().safety.refused_paths;
    assert_eq!(config.safety.refused_paths.len(), built_in.len() + 1, "added to the built-in ones");
    assert_eq!(config.sandbox.minimum, BoxLevel::Strict);
    assert_eq!((config.repair.max_retries, config.approval.max_files, config.approval.max_lines), (0, 1, 20));
    assert_eq!(config.budget.per_change.to_string(), "$0.10");
    assert_eq!(config.budget.daily.map(|d| d.to_string()).as_deref(), Some("$1.00"));
    assert_eq!(config.checks.commands.len(), 1);
    let low = domain::route::Complexity::Low;
    assert_eq!(config.route_order(domain::task::Kind::Fix, low), ["codemod"]);
    assert_eq!((config.rules.len(), config.rules_in_tree), (0, vec!["rules/a.yaml".to_owned()]));
}

#[test]
fn a_repository_cannot_loosen_and_each_attempt_is_a_warning() {
    let attempts = [
        ("safety: {max_files_changed: 11}", "safety.max_files_changed"),
        ("safety: {finding_max_lines: 201}", "safety.finding_max_lines"),
        ("safety: {allow_binary: true}", "safety.allow_binary"),
        ("safety: {weakest_anchor: numbered}", "safety.weakest_anchor"),
        ("safety: {allow_symlinks: true}", "safety.allow_symlinks"),
        ("safety: {require_review: {deletions_gt: 51}}", "safety.require_review.deletions_gt"),
        ("safety: {require_review: {deletions_gt: null}}", "safety.require_review.deletions_gt"),
        ("safety: {require_review: {security_sensitive: false}}", "safety.require_review.security_sensitive"),
        ("approval: {max_lines: 1000}", "approval.max_lines"),
        ("sandbox: {minimum: none}", "sandbox.minimum"),
        ("sandbox: {level: none}", "sandbox.level"),
        ("sandbox: {level: weak}", "sandbox.level"),
        ("sandbox: {memory_mb: 99999}", "sandbox.memory_mb"),
        ("repair: {max_retries: 2}", "repair.max_retries"),
        ("repair: {min_confidence: 0.1}", "repair.min_confidence"),
        ("checks: {detect: false}", "checks.detect"),
        ("checks: {timeout_seconds: 301}", "checks.timeout_seconds"),
        ("checks: {reruns: 2}", "checks.reruns"),
        ("checks: {javascript: false}", "checks.javascript"),
        ("checks: {test_command: 'true'}", "checks.test_command"),
        (
            "checks: {commands: [{name: a, run: x, timeout_seconds: 999}]}",
            "checks.commands.a.timeout_seconds",
        ),
        ("providers: {local: {url: 'http://evil.example/v1'}}", "providers"),
        ("providers: {local: {api_key_env: AWS_SECRET}}", "providers"),
        ("routing: {order: [codemod, local, expensive]}", "routing.order"),
        ("routing: {kinds: {fix: [expensive]}}", "routing.kinds.fix"),
        ("routing: {prefer: speed}", "routing.prefer"),
        ("routing: {matrix: {any: {low: [openai]}}}", "routing.matrix"),
        ("budget: {per_change: 100}", "budget.per_change"),
        ("budget: {monthly: '20.000001'}", "budget.monthly"),
        ("context: {max_tokens: 50001}", "context.max_tokens"),
        ("rules: [/etc/passwd]", "rules"),
        ("rules: [a/../../b]", "rules"),
        ("logging: {file: /var/log/x}", "logging"),
        ("auto_push: {conditions: {max_files: 4}}", "auto_push.conditions.max_files"),
        ("git: {auto_push_threshold: {lines: 101}}", "git.auto_push_threshold.lines"),
    ];
    for (text, key) in attempts {
        let loaded = repository(text);
        assert_eq!(loaded.warnings.len(), 1, "{text}: {:?}", loaded.warnings);
        assert!(loaded.warnings[0].contains(key), "{text}: {:?}", loaded.warnings);
        let mut config = loaded.config.clone();
        config.checks.commands.clear();
        let strict = Config::default();
        config.routing.kinds.clear();
        config.routing.order = None;
        assert_eq!(config, strict, "{text}");
        assert!(!loaded.sources.iter().any(|s| s.key == key), "{text}");
    }
}

#[test]
fn a_shorter_list_of_a_repository_takes_nothing_away() {
    let loaded = repository("safety: {refused_paths: [], review_paths: [], forbidden_patterns: []}");
    assert_eq!(loaded.config, Config::default());
}

const OWN_RULE: &str = r#"
safety:
  rules:
    - id: no-print
      text: programs write to the log
      verdict: review
      paths: ["src/**"]
      added: '\bprint\('
      examples:
        match: [{path: src/a.py, added: "print(1)"}]
        no_match: [{path: src/a.py, added: "log(1)"}, {path: docs/a.py, added: "print(1)"}]
"#;

#[test]
fn rules_of_the_policy_load_with_their_examples_and_stand_in_its_text() {
    let loaded = user(OWN_RULE).unwrap();
    assert_eq!(loaded.config.safety.rules.len(), 1);
    assert!(loaded.policy_text.contains("no-print"));
}

#[test]
fn a_rule_with_a_wrong_example_is_refused_with_file_rule_and_example() {
    let wrong = |from: &str, to: &str| user(&OWN_RULE.replace(from, to)).unwrap_err().to_string();
    let error = wrong("log(1)", "print(2)");
    assert!(error.starts_with("safety.rules: rule no-print: example 1 of no_match: "), "{error}");
    assert!(error.contains("added \"print(2)\" is found") && error.contains("user.yaml"), "{error}");
    assert!(wrong("\"print(1)\"}]\n        no", "\"prin(1)\"}]\n        no").contains("is not found"));
    assert!(wrong("verdict: review", "verdict: pass").contains("a rule that lets pass says nothing"));
    assert!(wrong("id: no-print", "id: No_Print").contains("an id has"));
    assert!(wrong("id: no-print", "id: secret").contains("a built-in rule has this id"));
}

#[test]
fn an_unknown_key_and_a_broken_pattern_of_a_rule_are_named_with_their_line() {
    let key = user(&OWN_RULE.replace("text:", "txet:")).unwrap_err().to_string();
    assert!(key.contains("user.yaml:5") && key.contains("txet"), "{key}");
    let pattern = user(&OWN_RULE.replace("print\\(", "print(")).unwrap_err().to_string();
    assert!(pattern.contains("user.yaml:") && pattern.contains("is no pattern"), "{pattern}");
    let example = user(&OWN_RULE.replace("log(1)\"}", "log(1)\", add: x}")).unwrap_err().to_string();
    assert!(example.contains("user.yaml:11") && example.contains("add"), "{example}");
}

#[test]
fn a_repository_adds_rules_and_cannot_replace_one_of_the_owner() {
    let added = OWN_RULE.replace("no-print", "no-print-here");
    let given = Given { user: Some(OWN_RULE), repository: Some(&added), ..Given::default() };
    let both = loaded(&given).unwrap();
    assert_eq!(
        both.config.safety.rules.iter().map(|r| r.id.as_str()).collect::<Vec<_>>(),
        ["no-print", "no-print-here"]
    );
    let replaced = OWN_RULE.replace("programs write", "nobody writes");
    let given = Given { user: Some(OWN_RULE), repository: Some(&replaced), ..Given::default() };
    let kept = loaded(&given).unwrap();
    assert_eq!(kept.config.safety.rules, user(OWN_RULE).unwrap().config.safety.rules);
    assert_eq!(kept.warnings.len(), 1);
}

#[test]
fn a_forbidden_text_that_stands_for_everything_is_refused() {
    let error = user("safety: {forbidden_patterns: ['.*']}").unwrap_err().to_string();
    assert!(error.starts_with("safety.forbidden_patterns: ") && error.contains("user.yaml"), "{error}");
}

#[test]
fn a_check_of_the_owner_cannot_be_replaced_by_the_repository() {
    let given = Given {
        user: Some("checks: {commands: [{name: unit, run: make test, kind: test}]}"),
        repository: Some("checks: {commands: [{name: unit, run: 'true', kind: test}]}"),
        ..Given::default()
    };
    let loaded = loaded(&given).unwrap();
    assert_eq!(loaded.config.checks.commands.len(), 1);
    assert_eq!(loaded.config.checks.commands[0].run, CommandLine::Shell("make test".to_owned()));
    assert_eq!(loaded.warnings.len(), 1);
}

#[test]
fn money_is_read_exactly_from_text_and_from_numbers() {
    for (text, micros) in [("'0.10'", 100_000), ("0.1", 100_000), ("20", 20_000_000), ("'$0.000001'", 1)] {
        let config = user(&format!("budget: {{per_change: {text}}}")).unwrap().config;
        assert_eq!(config.budget.per_change.micros(), micros, "{text}");
    }
    for bad in ["-1", "1e-9", ".nan", "lots", "[]", "true"] {
        assert!(user(&format!("budget: {{per_change: {bad}}}")).is_err(), "{bad}");
    }
}

#[test]
fn the_policy_text_changes_with_what_judges_and_with_nothing_else() {
    let built_in = loaded(&Given::default()).unwrap().policy_text;
    assert_eq!(
        user("logging: {level: debug}\nproviders: {local: {url: 'http://127.0.0.1:1/v1'}}")
            .unwrap()
            .policy_text,
        built_in
    );
    for text in ["safety: {max_files_changed: 9}", "sandbox: {minimum: strict}", "checks: {detect: false}"] {
        assert_ne!(user(text).unwrap().policy_text, built_in, "{text}");
    }
    let json: serde_json::Value = serde_json::from_str(&built_in).unwrap();
    assert_eq!(json["version"], 2);
}

#[test]
fn a_repository_names_what_is_run_with_a_network_only_where_the_owner_allows_scripts() {
    let asked = "prepare: {scripts: true, commands: ['make deps'], env: [HOME], timeout_seconds: 60}";
    let refused = repository(asked);
    assert_eq!(refused.config.prepare, Prepare { timeout_seconds: 60, ..Prepare::default() });
    assert_eq!(refused.warnings.len(), 3, "{:?}", refused.warnings);
    let given = Given { user: Some("prepare: {scripts: true}"), repository: Some(asked), ..Given::default() };
    let allowed = loaded(&given).unwrap().config.prepare;
    assert_eq!((allowed.commands.len(), allowed.env.len()), (1, 0));
    for bad in ["prepare: {env: ['A=b']}", "prepare: {commands: ['']}", "prepare: {timeout_seconds: 0}"] {
        assert!(user(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_starter_file_changes_nothing_and_every_example_in_it_loads() {
    assert_eq!(repository(starter_file()).config, Config::default());
    let examples: String = starter_file()
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(starter_file().lines().all(|l| l.is_empty() || l.starts_with("# ") || l.starts_with("##")));
    let loaded = repository(&examples);
    assert_eq!(loaded.warnings, Vec::<String>::new());
    assert_eq!(loaded.config.checks.commands.len(), 2);
    assert_eq!(loaded.config.rules_in_tree, ["rules/no-print.yaml"]);
    assert!(loaded.sources.len() > 20, "{:?}", loaded.sources);
}
