//! The environment that a test's git runs in. Nothing of the machine's own comes through but the search path.

use std::path::Path;
use std::process::{Command, Stdio};

/// What `%an %ae %at` prints of a commit made here.
#[cfg(test)]
pub(super) const AUTHOR_LINE: &str = "Test Author author@example.org 1767323045";

/// Seconds since 1970 with an offset: the start of the test clock.
const DATE: &str = "1767323045 +0000";

/// Every variable that git gets.
pub(super) fn variables(home: &Path) -> Vec<(&'static str, String)> {
    #[expect(clippy::disallowed_methods, reason = "where git lies is the machine's to say")]
    let path = std::env::var("PATH").unwrap_or_default();
    let home = home.to_string_lossy().into_owned();
    let fixed = [
        ("LC_ALL", "C"),
        ("TZ", "UTC"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_AUTHOR_NAME", "Test Author"),
        ("GIT_AUTHOR_EMAIL", "author@example.org"),
        ("GIT_AUTHOR_DATE", DATE),
        ("GIT_COMMITTER_NAME", "Test Committer"),
        ("GIT_COMMITTER_EMAIL", "committer@example.org"),
        ("GIT_COMMITTER_DATE", DATE),
    ];
    let own = [("PATH", path), ("HOME", home)];
    own.into_iter().chain(fixed.map(|(name, value)| (name, value.to_owned()))).collect()
}

/// A git with that environment and nothing on its stdin.
#[expect(clippy::disallowed_methods, reason = "tests make their repositories with git itself")]
pub(super) fn git(home: &Path) -> Command {
    let mut command = Command::new("git");
    command.env_clear().envs(variables(home)).stdin(Stdio::null());
    command.args(["-c", "init.defaultBranch=main", "-c", "gc.auto=0", "-c", "advice.detachedHead=false"]);
    command
}
