//! The built-in table row by row, what makes a task complex, and that both are the same every time.

use std::collections::BTreeMap;

use domain::finding::Finding;
use domain::gate::{GatePolicy, PathSet};
use domain::route::Complexity;
use domain::task::{Kind, Task};
use proptest::prelude::*;

use super::*;
use crate::config::Routing;
use crate::provider::Source;

struct Files(Vec<String>);

impl Source for Files {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.iter().any(|own| own == path).then(|| b"x = 1\n".to_vec())
    }

    fn list(&self, _folder: &str) -> Vec<String> {
        self.0.clone()
    }
}

fn files() -> Files {
    Files((0..9).map(|n| format!("f{n}.py")).chain(["deploy.yaml".to_owned()]).collect())
}

fn policy() -> GatePolicy {
    GatePolicy { review: PathSet::new(vec!["deploy*".to_owned()]).unwrap(), ..GatePolicy::default() }
}

fn task(kind: Kind, text: &str) -> Task {
    Task { kind, text: text.to_owned(), finding: None }
}

#[test]
fn complexity_follows_visible_facts() {
    let many = "f0.py f1.py f2.py f3.py f4.py";
    let finding = Task::from_finding(Finding::at("ruff", "E711", "f1.py", "x = 1\n", 1, 1, ""));
    for (task, complexity, word) in [
        (finding, Complexity::Low, "finding"),
        (task(Kind::Fix, "repair f1.py"), Complexity::Low, "one file"),
        (task(Kind::Fix, "repair it"), Complexity::Medium, "no file"),
        (task(Kind::Debug, "f1.py raises"), Complexity::Medium, "debug"),
        (task(Kind::Refactor, "join f1.py and f2.py"), Complexity::Medium, "2 files"),
        (task(Kind::Refactor, many), Complexity::High, "5 files"),
        (task(Kind::Feature, "a pager in f1.py"), Complexity::High, "feature"),
        (task(Kind::Fix, &"f1.py ".repeat(400)), Complexity::High, "characters"),
        (task(Kind::Fix, "one word in deploy.yaml"), Complexity::Critical, "deploy.yaml"),
    ] {
        let found = assess(&task, &files(), &policy());
        assert_eq!(found.complexity, complexity, "{task:?} {found:?}");
        assert!(found.because.iter().any(|why| why.contains(word)), "{task:?} {found:?}");
    }
}

/// The seeds' matrix, with what is free and deterministic in front and `local` beside `qwen`: quick free help first for
/// small tasks, the web page first for larger ones, and for speed the command line agent first where it is hard.
#[test]
fn the_built_in_table_is_the_seeds_matrix() {
    use Complexity::{Critical, High, Low, Medium};
    let order = |prefer, kind, complexity| {
        let routing = Routing { prefer, ..Routing::default() };
        let all = routing.order_for(kind, complexity).iter().map(String::as_str);
        all.filter(|name| ["qwen", "web", "codex-cli"].contains(name)).map(str::to_owned).collect::<Vec<_>>()
    };
    for (prefer, kind, complexity, expected) in [
        (Prefer::Cost, Kind::Fix, Low, ["qwen", "web", "codex-cli"]),
        (Prefer::Cost, Kind::Fix, Medium, ["web", "qwen", "codex-cli"]),
        (Prefer::Cost, Kind::Fix, High, ["web", "qwen", "codex-cli"]),
        (Prefer::Cost, Kind::Fix, Critical, ["web", "qwen", "codex-cli"]),
        (Prefer::Speed, Kind::Fix, Low, ["qwen", "codex-cli", "web"]),
        (Prefer::Speed, Kind::Fix, Medium, ["qwen", "web", "codex-cli"]),
        (Prefer::Speed, Kind::Fix, High, ["codex-cli", "qwen", "web"]),
        (Prefer::Speed, Kind::Fix, Critical, ["codex-cli", "qwen", "web"]),
        (Prefer::Cost, Kind::Refactor, Low, ["qwen", "web", "codex-cli"]),
        (Prefer::Cost, Kind::Refactor, Medium, ["qwen", "web", "codex-cli"]),
        (Prefer::Cost, Kind::Refactor, High, ["web", "qwen", "codex-cli"]),
        (Prefer::Cost, Kind::Test, Low, ["web", "qwen", "codex-cli"]),
        (Prefer::Cost, Kind::Debug, Medium, ["qwen", "web", "codex-cli"]),
        (Prefer::Cost, Kind::Feature, Medium, ["web", "qwen", "codex-cli"]),
    ] {
        assert_eq!(order(prefer, kind, complexity), expected, "{prefer:?} {kind} {complexity:?}");
    }
}

#[test]
fn every_task_has_a_row_that_ends_with_what_costs_money() {
    let paid = Routing::default().needs_approval;
    for prefer in [Prefer::Cost, Prefer::Speed] {
        assert_eq!(built_in(prefer).unwrap().unknown_kind(), None);
        let routing = Routing { prefer, ..Routing::default() };
        for (kind, complexity) in Kind::ALL.into_iter().flat_map(|k| Complexity::ALL.map(|c| (k, c))) {
            let row = routing.order_for(kind, complexity);
            let all: BTreeMap<&str, usize> =
                row.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
            assert_eq!(all.len(), row.len(), "nobody stands there twice: {row:?}");
            assert!(
                paid.iter().all(|name| all.contains_key(name.as_str())),
                "{kind} {complexity:?}: {row:?}"
            );
            let free = ["local", "qwen", "web"].map(|name| all[name]);
            let last_free = free.into_iter().max().unwrap();
            let first_paid = paid.iter().map(|name| all[name.as_str()]).min().unwrap();
            assert!(prefer == Prefer::Speed || last_free < first_paid, "{kind} {complexity:?}: {row:?}");
        }
    }
}

#[test]
fn a_row_of_the_user_goes_before_the_table_and_an_order_before_both() {
    let rows = |name: &str| BTreeMap::from([(Complexity::Low, vec![name.to_owned()])]);
    let matrix = Matrix(BTreeMap::from([(ANY.to_owned(), rows("any")), ("docs".to_owned(), rows("docs"))]));
    let mut routing = Routing { matrix, ..Routing::default() };
    assert_eq!(routing.order_for(Kind::Docs, Complexity::Low), ["docs"]);
    assert_eq!(routing.order_for(Kind::Fix, Complexity::Low), ["any"]);
    assert_eq!(routing.order_for(Kind::Fix, Complexity::High)[0], "codemod");
    routing.order = Some(vec!["order".to_owned()]);
    assert_eq!(routing.order_for(Kind::Docs, Complexity::Low), ["order"]);
    routing.kinds.insert(Kind::Docs, vec!["kind".to_owned()]);
    assert_eq!(routing.order_for(Kind::Docs, Complexity::Low), ["kind"]);
    assert_eq!(Matrix(BTreeMap::from([("dcos".to_owned(), rows("x"))])).unknown_kind(), Some("dcos"));
}

proptest! {
    #[test]
    fn the_same_task_has_the_same_route(kind in 0..Kind::ALL.len(), text in "[a-z0-9./ ]{0,200}", named in 0..9_usize) {
        let task = task(Kind::ALL[kind], &format!("{text} f{named}.py"));
        let once = assess(&task, &files(), &policy());
        prop_assert_eq!(&once, &assess(&task, &files(), &policy()));
        let order = Routing::default();
        let first = order.order_for(task.kind, once.complexity);
        let other = Routing::default();
        prop_assert_eq!(first, other.order_for(task.kind, once.complexity));
        prop_assert!(!once.because.is_empty());
    }
}
