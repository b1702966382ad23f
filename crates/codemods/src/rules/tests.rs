//! Every embedded rule is run on its own examples, and the loading of rules is checked.

use std::collections::BTreeSet;

use super::*;
use crate::language::Language;
use crate::scan::Context;
use crate::{FixOutcome, fix, scan};

fn extension(language: Language) -> &'static str {
    match language {
        Language::Python => "py",
        Language::JavaScript => "js",
        Language::TypeScript => "ts",
        Language::Tsx => "tsx",
        Language::Rust => "rs",
        Language::Go => "go",
    }
}

fn embedded() -> Vec<Document> {
    EMBEDDED.iter().flat_map(|e| documents(e.name, e.text).unwrap_or_else(|why| panic!("{why}"))).collect()
}

#[test]
fn every_embedded_rule_compiles_for_each_of_its_languages() {
    for document in embedded() {
        for language in &document.languages {
            if let Err(why) = compile(&document, *language, &Origin::Embedded(document.file.clone())) {
                panic!("{language}: {why}");
            }
        }
    }
}

#[test]
fn every_embedded_rule_has_examples_and_a_linter() {
    for document in embedded() {
        let Meta { tool, valid, invalid, confidence, .. } = &document.meta;
        assert!(valid.len() >= 2 && invalid.len() >= 3, "{}: too few examples", document.file);
        assert_ne!(tool, "codex-task", "{}: no linter", document.file);
        assert!((0.0..=1.0).contains(confidence), "{}", document.file);
    }
}

#[test]
fn no_rule_reports_the_valid_examples_of_its_code() {
    let rules = RuleSet::builtin().unwrap();
    for document in embedded() {
        for (language, text) in
            document.languages.iter().flat_map(|l| document.meta.valid.iter().map(move |t| (*l, t)))
        {
            let found = scan(&rules, &format!("a.{}", extension(language)), text, &Context::default());
            assert!(
                found.iter().all(|f| f.code != document.config.id),
                "{} {language}: {text}\n{found:?}",
                document.file
            );
        }
    }
}

#[test]
fn every_rule_repairs_its_invalid_examples_as_they_say() {
    let rules = RuleSet::builtin().unwrap();
    let mut wrong = Vec::new();
    for document in embedded() {
        for (language, example) in
            document.languages.iter().flat_map(|l| document.meta.invalid.iter().map(move |e| (*l, e)))
        {
            let path = format!("a.{}", extension(language));
            let found = scan(&rules, &path, &example.before, &Context::default());
            let Some(one) = found.iter().find(|f| f.code == document.config.id) else {
                wrong.push(format!("{} {language}: not found in {:?}", document.file, example.before));
                continue;
            };
            let after = match fix(&rules, &path, &example.before, one) {
                FixOutcome::Fixed(fixed) => Some(fixed.text),
                FixOutcome::NotFixable { why } if example.after.is_some() => Some(why),
                FixOutcome::NotFixable { .. } => None,
                FixOutcome::Gone => Some("gone".into()),
            };
            if after != example.after {
                wrong.push(format!(
                    "{} {language}: {:?}\n  wanted {:?}\n  got    {after:?}",
                    document.file, example.before, example.after
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_names_every_file_of_the_folder() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let mut files = BTreeSet::new();
    for language in std::fs::read_dir(&folder).unwrap() {
        let language = language.unwrap();
        for file in std::fs::read_dir(language.path()).unwrap() {
            let names = (language.file_name(), file.unwrap().file_name());
            files.insert(format!("{}/{}", names.0.to_str().unwrap(), names.1.to_str().unwrap()));
        }
    }
    let table: BTreeSet<String> = EMBEDDED.iter().map(|e| e.name.to_owned()).collect();
    assert_eq!(table, files);
}

const USER: &str = "id: no-print\nlanguage: Python\nmessage: no $F here\nrule: { pattern: $F($A) }\nconstraints: { F: { regex: ^print$ } }\nfix: log($A)\n";

fn with(text: &str) -> Result<RuleSet, RuleError> {
    RuleSet::builtin().unwrap().with_user_rules(&[("mine.yml".into(), text.into())])
}

#[test]
fn a_users_rule_finds_and_repairs_and_changes_the_version() {
    let rules = with(USER).unwrap();
    let found = scan(&rules, "a.py", "print(1)\n", &Context::default());
    assert_eq!(
        (found.len(), found[0].message.as_str(), found[0].tool.as_str()),
        (1, "no print here", "codex-task")
    );
    let FixOutcome::Fixed(fixed) = fix(&rules, "a.py", "print(1)\n", &found[0]) else { panic!("not fixed") };
    assert_eq!(fixed.text, "log(1)\n");
    assert_ne!(rules.version(), RuleSet::builtin().unwrap().version());
    assert!(
        rules.rules().any(|rule| rule.source == Origin::User("mine.yml".into()) && rule.code == "no-print")
    );
}

#[test]
fn a_rule_that_cannot_be_used_is_named_with_its_file_and_line() {
    let cases = [
        (format!("{USER}unknown: 1\n"), "unknown"),
        (format!("{USER}---\nid: b\nlanguage: Html\nrule: {{ kind: x }}\n"), "no grammar"),
        (format!("{USER}---\nid: b\nlanguage: Go\nrule: {{ kind: no_such_kind }}\n"), "no_such_kind"),
        (format!("{USER}metadata: {{ colour: red }}\n"), "colour"),
        ("id: [".to_owned(), ""),
        ("language: Go\nrule: { kind: block }\n".to_owned(), "`id`"),
    ];
    for (text, part) in cases {
        let error = with(&text).err().unwrap_or_else(|| panic!("accepted: {text}"));
        assert!(error.why.contains(part), "{error}");
        assert_eq!(error.file, "mine.yml");
        assert!(error.line >= 1);
    }
    let second = with(&format!("{USER}---\nid: b\nlanguage: Html\nrule: {{ kind: x }}\n")).err().unwrap();
    assert_eq!(second.line, 8);
}

#[test]
fn the_list_of_rules_has_each_language_and_the_coded_ones() {
    let rules = RuleSet::builtin().unwrap();
    let codes: BTreeSet<(Language, String)> = rules.rules().map(|rule| (rule.language, rule.code)).collect();
    for language in Language::ALL {
        assert!(codes.iter().filter(|(one, _)| *one == language).count() >= 4, "{language}");
    }
    assert!(codes.contains(&(Language::Python, "F821".into())));
}
