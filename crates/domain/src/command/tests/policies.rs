//! Owners' rules: what they add, and that a wrong one does not load.

use super::*;

fn entry(id: &str, argv: &[&str], matches: &[&str]) -> RuleEntry {
    let owned = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    RuleEntry { id: id.to_owned(), argv: owned(argv), matches: owned(matches), ..RuleEntry::default() }
}

fn allowing(rule: RuleEntry) -> CommandRules {
    CommandRules { allow: vec![rule], ..CommandRules::default() }
}

#[test]
fn an_owner_can_allow_a_program_with_the_options_that_are_listed() {
    let mut rule = entry("just", &["just", "test"], &["just test", "just test unit --quiet"]);
    rule.options = vec!["--quiet".to_owned(), "--jobs=".to_owned()];
    rule.not_match = vec!["just deploy".to_owned(), "just test --shell x".to_owned()];
    let policy = CommandPolicy::with(&allowing(rule)).unwrap();
    for (command, verdict) in [
        ("just test", Verdict::Allow),
        ("just test a --jobs=4 | tail -n 3", Verdict::Allow),
        ("just test --shell=sh", Verdict::Ask),
        ("just test ../x", Verdict::Ask),
        ("just test && rm -rf /", Verdict::Deny),
        ("/tmp/just test", Verdict::Deny),
        ("./just test", Verdict::Ask),
    ] {
        assert_eq!(judge(command, &policy).verdict, verdict, "{command}");
    }
}

#[test]
fn a_rule_cannot_allow_what_a_built_in_rule_denies() {
    let rule = entry("clean", &["git", "clean"], &["git clean -fdx"]);
    let error = CommandPolicy::with(&allowing(rule)).unwrap_err().to_string();
    assert!(
        error.contains("\"clean\"") && error.contains("git clean -fdx") && error.contains("git-loses-work"),
        "{error}"
    );
}

#[test]
fn strict_rules_win_wherever_the_command_stands() {
    let rules = CommandRules {
        deny: vec![entry("no-benches", &["cargo", "bench"], &["cargo bench"])],
        ask: vec![entry("slow", &["cargo", "test"], &["cargo test --all"])],
        ..CommandRules::default()
    };
    let policy = CommandPolicy::with(&rules).unwrap();
    assert_eq!(judge("cargo test", &policy).verdict, Verdict::Ask);
    assert_eq!(judge("timeout 5 cargo bench", &policy).verdict, Verdict::Deny);
    assert_eq!(judge("bash -c 'cargo bench'", &policy).rule, "no-benches");
    assert_eq!(judge("cargo check", &policy).verdict, Verdict::Allow);
}

#[test]
fn a_rule_that_does_not_do_what_its_examples_say_does_not_load() {
    let with =
        |rule: RuleEntry| CommandPolicy::with(&CommandRules { deny: vec![rule], ..CommandRules::default() });
    let misses = with(entry("x", &["cargo", "bench"], &["cargo test"])).unwrap_err();
    assert!(
        matches!(&misses, PolicyError::Example { list: "match", example, .. } if example == "cargo test"),
        "{misses}"
    );
    let mut takes = entry("x", &["cargo"], &["cargo test"]);
    takes.not_match = vec!["cargo check".to_owned()];
    assert!(matches!(with(takes), Err(PolicyError::Example { list: "not_match", .. })));
    for rule in [
        entry("", &["ls"], &["ls"]),
        entry("delete-tree", &["ls"], &["ls"]),
        entry("x", &[], &["ls"]),
        entry("x", &["/bin/ls"], &["ls"]),
        entry("x", &["ls"], &[]),
    ] {
        assert!(matches!(with(rule), Err(PolicyError::Rule { .. })));
    }
}

#[test]
fn a_list_of_prefixes_allows_nothing_else() {
    let policy = CommandPolicy::from_prefixes(
        r#"{"format": 1, "allow_argv_prefixes": [["ls"], ["make", "test"]], "note": "x"}"#,
    )
    .unwrap();
    for (command, verdict) in [
        ("ls -la", Verdict::Allow),
        ("make test", Verdict::Allow),
        ("make test CC=x", Verdict::Ask),
        ("cat x", Verdict::Ask),
        ("rm -rf /", Verdict::Deny),
    ] {
        assert_eq!(judge(command, &policy).verdict, verdict, "{command}");
    }
    for text in [
        "",
        "{}",
        r#"{"format": 2, "allow_argv_prefixes": []}"#,
        r#"{"format": 1, "allow_argv_prefixes": [[]]}"#,
    ] {
        assert!(matches!(CommandPolicy::from_prefixes(text), Err(PolicyError::Prefixes(_))), "{text}");
    }
}

#[test]
fn a_prefix_that_is_shorter_than_what_is_known_keeps_the_options_of_what_is_known() {
    let policy =
        CommandPolicy::from_prefixes(r#"{"format": 1, "allow_argv_prefixes": [["cargo"], ["git"]]}"#)
            .unwrap();
    assert_eq!(judge("cargo test --lib", &policy).verdict, Verdict::Allow);
    assert_eq!(judge("cargo test --config x", &policy).verdict, Verdict::Ask);
    assert_eq!(judge("git log --output=x", &policy).verdict, Verdict::Deny);
}

#[test]
fn a_setting_that_is_no_key_is_asked_about() {
    for command in ["npm config set loglevel error", "pnpm set loglevel error", "yarn config set x y", "."] {
        assert_eq!(judge(command, &CommandPolicy::default()).verdict, Verdict::Ask, "{command}");
    }
}
