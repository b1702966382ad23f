//! The one small change that most stories tell: a repository that says hello, and a comma.

use testkit::TestRepo;

/// The file before.
pub(crate) const BEFORE: &str = "def greet(name):\n    return \"Hello \" + name\n";

/// The file after.
pub(crate) const AFTER: &str = "def greet(name):\n    return \"Hello, \" + name\n";

/// What is asked for.
pub(crate) const ASK: &str = "Put a comma behind Hello in greet.py";

/// The change.
pub(crate) const COMMA: &str = "--- a/greet.py\n+++ b/greet.py\n@@ -1,2 +1,2 @@\n def greet(name):\n\
                         -    return \"Hello \" + name\n+    return \"Hello, \" + name\n";

/// A plan for it.
pub(crate) const PLAN: &str = r#"{"summary": "A greeting with a comma.", "steps": ["Put a comma behind Hello."],
    "files": ["greet.py"], "tests": ["the greeting has a comma"], "risks": ["Callers may compare the text."]}"#;

/// One check that the change repairs; nothing is detected.
pub(crate) const POLICY: &str =
    "checks:\n  detect: false\n  commands: [{name: comma, run: \"grep -q 'Hello, ' greet.py\"}]\n";

/// A repository with that file.
pub(crate) fn greeter() -> TestRepo {
    TestRepo::with(&[("greet.py", BEFORE)])
}
