//! The checks of a Go module at the root: build, vet, test; offline, with the modules that are there.

use std::collections::BTreeMap;

use domain::verification::CheckKind;

use super::detect::Found;
use super::language::Wanted;
use super::project::Project;
use super::{FilesArg, Reader};

/// gotestsum's report: outside of the tracked files.
const JUNIT: &str = "{tmp}/codex-task-go.xml";

/// Adds the checks of a Go module. `test_command` says that the caller runs the tests in another way.
pub(super) fn detect(project: &Project<'_>, wanted: Wanted, test_command: bool, found: &mut Found<'_>) {
    if !project.has("go.mod") {
        if wanted == Wanted::All {
            found.note("Go files changed, but there is no go.mod at the root".to_owned());
        }
        return;
    }
    if !found.has("go") {
        found.note("this is a Go module, but go is not installed".to_owned());
        return;
    }
    let add = |found: &mut Found<'_>, name: &str, kind, argv: &[&str], reader| {
        found.add_with(name, kind, argv, FilesArg::Nothing, reader, environment());
    };
    if wanted == Wanted::All {
        // `-o` keeps a module of one program from writing it into the tree.
        add(
            found,
            "go-build",
            CheckKind::Build,
            &["go", "build", "-o", "/dev/null", "./..."],
            Reader::GoLines,
        );
        add(found, "go-vet", CheckKind::Lint, &["go", "vet", "./..."], Reader::GoLines);
    }
    if test_command {
        return;
    }
    // `-count=1`: results of tests are not taken from the build cache.
    if found.has("gotestsum") {
        let junit = format!("--junitfile={JUNIT}");
        let reader = Reader::Junit { file: JUNIT.to_owned() };
        add(
            found,
            "go-test",
            CheckKind::Test,
            &["gotestsum", "--format=testname", &junit, "--", "-count=1", "./..."],
            reader,
        );
    } else {
        add(
            found,
            "go-test",
            CheckKind::Test,
            &["go", "test", "-json", "-count=1", "./..."],
            Reader::GoTestJson,
        );
    }
}

/// Nothing that differs between two trees of the same content goes into what is built.
fn environment() -> BTreeMap<String, String> {
    let pairs = [("GOFLAGS", "-buildvcs=false"), ("CGO_ENABLED", "0")];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
