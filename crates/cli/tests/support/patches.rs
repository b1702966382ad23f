//! The one small change that most stories tell: a repository that says hello, and a comma.

use testkit::TestRepo;

/// The file before.
pub const BEFORE: &str = "def greet(name):\n    return \"Hello \" + name\n";

/// The file after.
pub const AFTER: &str = "def greet(name):\n    return \"Hello, \" + name\n";

/// What is asked for.
pub const ASK: &str = "Put a comma behind Hello in greet.py";

/// The change.
pub const COMMA: &str = "--- a/greet.py\n+++ b/greet.py\n@@ -1,2 +1,2 @@\n def greet(name):\n\
                         -    return \"Hello \" + name\n+    return \"Hello, \" + name\n";

/// One check that the change repairs; nothing is detected.
pub const POLICY: &str = "checks:\n  detect: false\n  commands: [{name: comma, run: \"grep -q 'Hello, ' greet.py\"}]\n";

/// A repository with that file.
pub fn greeter() -> TestRepo {
    TestRepo::with(&[("greet.py", BEFORE)])
}
