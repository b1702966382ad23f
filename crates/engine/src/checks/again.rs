//! The same check once more, for the tests that failed only, where its runner can be told which; else the whole check.

use super::{CheckSpec, Reader};

/// No more tests than this are run again: where more fail, the change is broken, not unlucky.
pub const MOST_AGAIN: usize = 50;

impl CheckSpec {
    /// The check for these tests alone. `is_there` tells whether a path is in the tree. The check as it is, when the
    /// runner cannot choose or a name cannot be turned into a choice.
    pub fn again(&self, names: &[String], is_there: &dyn Fn(&str) -> bool) -> CheckSpec {
        let chosen = match &self.reader {
            Reader::PytestJunit { .. } => names.iter().map(|name| node_id(name, is_there)).collect(),
            Reader::CargoTestText => cargo_filters(names),
            _ => None,
        };
        let mut spec = self.clone();
        spec.argv.extend(chosen.unwrap_or_default());
        spec
    }
}

/// `tests.test_app.TestC::test_in[x]` as pytest is told it: `tests/test_app.py::TestC::test_in[x]`.
fn node_id(name: &str, is_there: &dyn Fn(&str) -> bool) -> Option<String> {
    let (class, test) = name.split_once("::")?;
    let parts: Vec<&str> = class.split('.').collect();
    let file_of = |many: usize| format!("{}.py", parts[..many].join("/"));
    let many = (1..=parts.len()).rev().find(|many| is_there(&file_of(*many)))?;
    let mut id = file_of(many);
    for class in &parts[many..] {
        id.push_str("::");
        id.push_str(class);
    }
    Some(format!("{id}::{test}"))
}

/// `rs src/lib.rs tests::fails` as libtest is told it. Examples in documents are named by a line that moves.
fn cargo_filters(names: &[String]) -> Option<Vec<String>> {
    let test = |name: &String| {
        let is_test = !name.contains(" doctest ") && !name.starts_with('(');
        name.rsplit_once(' ').filter(|_| is_test).map(|(_, test)| test.to_owned())
    };
    let mut filters: Vec<String> = names.iter().map(test).collect::<Option<_>>()?;
    filters.sort();
    filters.dedup();
    Some(["--", "--exact"].map(str::to_owned).into_iter().chain(filters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_named_as_pytest_wants_it() {
        let there = |path: &str| ["tests/test_app.py", "test_a.py"].contains(&path);
        for (name, id) in [
            ("tests.test_app::test_a", Some("tests/test_app.py::test_a")),
            ("tests.test_app.TestC::test_in[a::b.c]", Some("tests/test_app.py::TestC::test_in[a::b.c]")),
            ("test_a::test_b", Some("test_a.py::test_b")),
            ("tests.gone::test_b", None),
            ("tests.test_app", None),
        ] {
            assert_eq!(node_id(name, &there).as_deref(), id, "{name}");
        }
    }

    #[test]
    fn a_test_is_named_as_libtest_wants_it() {
        let names = |all: &[&str]| all.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let filters = cargo_filters(&names(&["rs src/lib.rs tests::fails", "i tests/i.rs whole"]));
        assert_eq!(filters.unwrap(), ["--", "--exact", "tests::fails", "whole"]);
        assert_eq!(cargo_filters(&names(&["rs doctest src/lib.rs - add"])), None);
    }
}
