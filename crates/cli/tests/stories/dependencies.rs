//! A change that asks for packages which nobody fetched is told so, and not left with the errors of its tools.

use domain::verification::Verdict;
use testkit::TestRepo;

use crate::support::Place;

/// A check that needs a package which is not there, as soon as the manifest asks for it.
const POLICY: &str = "checks:
  detect: false
  commands:
    - name: build
      run: \"! grep -q left-pad package.json || { echo 'getaddrinfo ENOTFOUND registry'; exit 1; }\"
";

const PATCH: &str = "--- a/package.json\n+++ b/package.json\n@@ -1 +1 @@\n-{}\n+{\"dependencies\": {\"left-pad\": \"1.3.0\"}}\n";

#[test]
fn a_change_that_brings_a_dependency_along_hears_why_its_checks_fail() {
    let place = Place::new(TestRepo::with(&[("package.json", "{}\n"), ("a.js", "1;\n")]), POLICY);
    let file = place.home.join("patch");
    std::fs::write(&file, PATCH).unwrap();
    let done = place.ends_with(1, &["verify", &file.to_string_lossy()]);
    let told = "dependencies of the change are not prepared: it alters package.json";
    assert!(done.stderr.contains(told), "{}", done.stderr);
    let intent = place.intent();
    let verdict = &intent.attempts[0].verification.as_ref().unwrap().verdict;
    let Verdict::Failed { why } = verdict else { panic!("{verdict:?}") };
    assert!(why.last().unwrap().starts_with(told), "{why:?}");
}
