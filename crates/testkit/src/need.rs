//! What a test needs of the machine. A need that is not met is told by name, and is a failure when `CI=true`.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Something that not every machine has or allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// A program on the PATH.
    Program(&'static str),
    /// An ordinary process may make a user namespace with mounts of its own.
    UserNamespaces,
    /// The tests run as root.
    Root,
    /// Anything else: in words, and whether it is there.
    Other(String, bool),
}

impl Need {
    /// In words, as they follow "needs".
    fn words(&self) -> String {
        match self {
            Self::Program(name) => format!("the program {name}"),
            Self::UserNamespaces => "user namespaces".to_owned(),
            Self::Root => "to be run as root".to_owned(),
            Self::Other(words, _) => words.clone(),
        }
    }

    /// Whether this machine has it, looked at now.
    pub fn is_met(&self) -> bool {
        match self {
            Self::Program(name) => program(name).is_some(),
            Self::UserNamespaces => can_unshare(),
            Self::Root => rustix::process::geteuid().is_root(),
            Self::Other(_, met) => *met,
        }
    }
}

/// Whether the test may go on. If not, the reason is printed; with `CI=true` it panics instead, so that a run that is
/// meant to be whole cannot pass by skipping. Use it through [`requires!`](crate::requires).
#[track_caller]
#[expect(clippy::print_stderr, reason = "the reader of a test run must see what was not tested")]
pub fn has(need: &Need) -> bool {
    let met = need.is_met();
    if !met {
        eprintln!("{}", skipped(&test_name(), &need.words(), setting("CI").as_deref() == Some("true")));
    }
    met
}

/// Returns from the calling test, with a printed reason, when the machine lacks any of these [`Need`]s.
#[macro_export]
macro_rules! requires {
    ($($need:expr),+ $(,)?) => {
        $(
            if !$crate::has(&$need) {
                return;
            }
        )+
    };
}

/// The line that tells of it. Where nothing may be skipped, it ends the test instead.
#[track_caller]
fn skipped(test: &str, what: &str, must_run: bool) -> String {
    if must_run {
        crate::must::fail(format_args!("CI=true allows no skipping, and {test} needs {what}"));
    }
    format!("SKIPPED {test}: needs {what}")
}

/// The harness names a test's thread after it; where it uses no threads, the runner's variable knows.
fn test_name() -> String {
    match std::thread::current().name() {
        Some("main") | None => setting("NEXTEST_TEST_NAME").unwrap_or_else(|| "a test".to_owned()),
        Some(name) => name.to_owned(),
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own settings come from its environment")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The full path of a program on the PATH.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = setting("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// By util-linux' `unshare`, because a process with threads cannot try it on itself.
#[expect(clippy::disallowed_methods, reason = "asks the machine, for tests only")]
fn can_unshare() -> bool {
    Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_found_and_what_is_not_is_not() {
        assert!(Need::Program("git").is_met());
        assert!(!Need::Program("no-such-program-anywhere").is_met());
        assert!(Need::Other("luck".to_owned(), true).is_met());
        assert_eq!(Need::Root.is_met(), rustix::process::getuid().is_root());
    }

    #[test]
    fn a_need_that_is_met_lets_the_test_go_on() {
        crate::requires!(Need::Other("nothing".to_owned(), true));
        assert!(has(&Need::Program("git")));
    }

    #[test]
    #[should_panic(expected = "CI=true allows no skipping, and my_test needs user namespaces")]
    fn where_nothing_may_be_skipped_a_lack_is_a_failure() {
        skipped("my_test", &Need::UserNamespaces.words(), true);
    }

    #[test]
    fn elsewhere_a_lack_is_only_told() {
        let line = skipped("my_test", &Need::Program("ruff").words(), false);
        assert_eq!(line, "SKIPPED my_test: needs the program ruff");
    }
}
