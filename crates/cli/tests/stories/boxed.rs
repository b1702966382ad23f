//! What a check does to its own tree and git directory, and that no step of ours on the host is fooled by it.

use std::collections::BTreeSet;

use crate::support::Place;
use crate::support::patches::{ASK, POLICY};
use crate::tell::{Tale, Told};

const LEVELS: [&str; 2] = ["auto", "weak"];

fn begin(level: &str, script: &str) -> Told {
    let mut told = Tale::PUBLISHED.begin();
    told.place.set("CODEX_TASK_SANDBOX__LEVEL", level);
    let run = serde_json::to_string(&["sh", "-ec", script]).unwrap();
    let policy = format!("checks:\n  detect: false\n  commands: [{{name: sly, run: {run}}}]\n");
    std::fs::write(told.place.home.join("config.yaml"), policy).unwrap();
    told
}

fn files_of(place: &Place, rev: &str) -> BTreeSet<String> {
    place.repo.git(&["ls-tree", "-r", "--name-only", rev]).lines().map(str::to_owned).collect()
}

/// Everything that lies below a folder of ours, by name.
fn names_below(folder: &std::path::Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        names.insert(entry.file_name().to_string_lossy().into_owned());
        if entry.file_type().unwrap().is_dir() {
            names.extend(names_below(&entry.path()));
        }
    }
    names
}

#[test]
fn what_a_check_plants_in_its_tree_is_honoured_by_nobody() {
    const PLANTED: [&str; 5] =
        [".claude/settings.json", ".mcp.json", ".codex-task.yaml", "sitecustomize.py", "ruff.toml"];
    let script = format!(
        "for f in {0}; do test ! -e $f; done; mkdir -p .claude; \
         for f in {0}; do echo 'checks: {{detect: false, commands: []}}' > $f; done; grep -q 'Hello, ' greet.py",
        PLANTED.join(" ")
    );
    for level in LEVELS {
        let told = begin(level, &script);
        let (place, before) = (&told.place, files_of(&told.place, "HEAD"));
        let untouched = place.digest();
        place.ends_with(0, &[ASK, "--provider", "local"]);
        let branch = place.intent().publication.unwrap().reference;
        assert_eq!(files_of(place, &branch), before, "{level}");
        // The base is shared: the next change must find it as it was, and be checked by the same policy.
        place.ends_with(0, &["Put a comma behind Hello, again", "--provider", "local"]);
        for intent in place.intents() {
            let verification = intent.current().unwrap().verification.clone().unwrap();
            assert!(verification.checks.iter().any(|check| check.name == "sly"), "{level}: {verification:?}");
        }
        let left = names_below(&place.cache());
        for name in PLANTED.map(|path| path.rsplit('/').next().unwrap()) {
            assert!(!left.contains(name), "{level}: {name} is in {left:?}");
        }
        place.assert_untouched(&untouched);
        place.assert_nothing_left();
    }
}

/// Replaces `.git` by a file that leads to a git directory whose configuration runs a program.
fn leads_astray(trap: &std::path::Path) -> String {
    format!(
        "rm -rf .git 2>/dev/null || true; mkdir -p sly/objects sly/refs; echo 'ref: refs/heads/main' > sly/HEAD; \
         printf '[core]\\n\\trepositoryformatversion = 0\\n\\tbare = false\\n\\tfsmonitor = touch {0}; false\\n\
         [alias]\\n\\tstatus = !touch {0}\\n[diff]\\n\\texternal = touch {0}\\n' > sly/config; \
         echo \"gitdir: $PWD/sly\" 2>/dev/null > .git || true; ",
        trap.display()
    )
}

#[test]
fn a_git_file_that_a_check_replaces_leads_no_step_of_ours_astray() {
    for level in LEVELS {
        let trap = std::cell::OnceCell::new();
        let told = {
            let told = begin(level, "true");
            let trap = trap.get_or_init(|| told.place.repo.side_folder("trapped"));
            let script = format!("{} grep -q 'Hello, ' greet.py", leads_astray(trap));
            let run = serde_json::to_string(&["sh", "-ec", &script]).unwrap();
            let policy = format!("checks:\n  detect: false\n  commands: [{{name: sly, run: {run}}}]\n");
            std::fs::write(told.place.home.join("config.yaml"), policy).unwrap();
            told
        };
        let (place, trap) = (&told.place, trap.get().unwrap());
        let untouched = place.digest();
        place.ends_with(0, &[ASK, "--provider", "local"]);
        place.ends_with(0, &["show", "last"]);
        place.ends_with(0, &["diff", "last"]);
        place.ends_with(0, &["undo"]);
        place.ends_with(0, &["resume"]);
        assert!(!trap.exists(), "{level}: a program of the check's git directory was run on the host");
        place.assert_untouched(&untouched);
        place.assert_nothing_left();
        springs(place, trap);
    }
}

/// The control: a plain git in such a tree does run the program.
fn springs(place: &Place, trap: &std::path::Path) {
    let tree = place.repo.side_folder("astray");
    std::fs::create_dir(&tree).unwrap();
    let script = format!("cd '{}'; {} git status || true", tree.display(), leads_astray(trap));
    place.repo.git(&["-c", &format!("alias.springs=!{script}"), "springs"]);
    assert!(trap.exists(), "the trap does not work, so the test shows nothing");
}

#[test]
fn tests_that_call_git_find_a_repository_of_their_own() {
    let script = "git ls-files | grep -qx greet.py; test -z \"$(git status --porcelain)\"; git describe --always; test \"$(git log --oneline | wc -l)\" -ge 1; \
                  echo more >> greet.py; git stash; git stash list | grep -q stash; git stash drop; \
                  git diff --exit-code; echo x > made; git add made; git commit -q -m inside; \
                  git tag mine; git branch other; grep -q 'Hello, ' greet.py";
    for level in LEVELS {
        let told = begin(level, script);
        let place = &told.place;
        let untouched = place.digest();
        place.ends_with(0, &[ASK, "--provider", "local"]);
        assert_eq!(place.intent().status(), "published", "{level}");
        place.assert_refs_told();
        place.assert_untouched(&untouched);
        assert_eq!(place.repo.git(&["tag", "--list"]), "");
        place.assert_nothing_left();
    }
}

#[test]
fn a_box_that_cannot_be_had_is_refused_with_a_reason_and_nothing_is_published() {
    let told = Tale::PUBLISHED.begin();
    let place = &told.place;
    let minimum = format!("sandbox: {{minimum: strict}}\n{POLICY}");
    std::fs::write(place.home.join("config.yaml"), minimum).unwrap();
    let without = |args: &[&str]| place.without_user_namespaces(args);
    let done = without(&["doctor"]);
    assert_eq!(done.code, 2, "{}\n{}", done.stdout, done.stderr);
    assert!(done.stdout.contains("cannot enforce sandbox level strict"), "{}", done.stdout);
    let done = without(&[ASK, "--provider", "local"]);
    assert_ne!(done.code, 0, "{}\n{}", done.stdout, done.stderr);
    assert!(done.stderr.contains("cannot enforce sandbox level strict"), "{}", done.stderr);
    assert!(place.repo.git(&["for-each-ref", "refs/heads/feature"]).is_empty());
    place.assert_nothing_left();
}

/// How the last of these checks ended on the base, in the record and in words.
fn ended(commands: &str) -> (String, String) {
    let told = Tale::PUBLISHED.begin();
    let place = &told.place;
    let policy = format!("checks: {{detect: false, commands: [{commands}]}}\n");
    std::fs::write(place.home.join("config.yaml"), policy).unwrap();
    let done = place.run(&[ASK, "--provider", "local"]);
    assert_ne!(done.code, 0, "{commands}: {}", done.stdout);
    assert!(place.intent().publication.is_none(), "{commands}");
    let record = place.intent().current().unwrap().verification.clone().unwrap();
    let end = serde_json::to_value(&record.checks.last().unwrap().baseline.end).unwrap();
    place.assert_nothing_left();
    (end["end"].as_str().unwrap().to_owned(), done.stderr + &done.stdout)
}

#[test]
fn no_box_no_program_and_a_failing_command_are_three_results() {
    let (end, said) = ended("{name: it, run: [grep, -q, Nothing, greet.py]}");
    assert!(end == "failed" && said.contains("exit 1"), "{end}: {said}");
    let (end, said) = ended("{name: it, run: [no-such-program-anywhere]}");
    assert!(end == "not-started" && said.contains("the command could not be started"), "{end}: {said}");
    // A tree that nobody may enter any more: no box can be set up in it.
    let (end, said) = ended("{name: shuts, run: [chmod, '0', '.']}, {name: it, run: ['true']}");
    assert!(end == "no-sandbox" && said.contains("the sandbox could not be set up"), "{end}: {said}");
}

#[test]
fn the_record_names_the_level_and_the_limits() {
    let told = Tale::PUBLISHED.begin();
    let place = &told.place;
    let policy = format!("sandbox: {{processes: 123, cpu_seconds: 77, tree_mb: 99}}\n{POLICY}");
    std::fs::write(place.home.join("config.yaml"), policy).unwrap();
    place.ends_with(0, &[ASK, "--provider", "local"]);
    let verification = place.intent().current().unwrap().verification.clone().unwrap();
    let of = |what: &str| verification.limits.iter().find(|l| l.what == what).map(|l| l.at_most);
    assert_eq!((of("processes"), of("processor seconds")), (Some(123), Some(77)));
    assert_eq!(of("memory bytes"), Some(4096 << 20));
    assert_eq!(of("bytes written to the tree"), Some(99 << 20));
    assert!(["strict", "weak"].contains(&verification.sandbox.as_str()));
    let record = place.json(0, &["show", "last"]);
    assert!(record["intent"]["attempt"]["verification"]["limits"].as_array().unwrap().len() >= 6, "{record}");
}
