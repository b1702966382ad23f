//! The patterns by which code is recognised, compiled when they are first asked for.

use regex::bytes::{Regex, RegexBuilder};

/// Names patterns; each is compiled once.
macro_rules! patterns {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$doc])* pub(super) static $name: std::sync::LazyLock<regex::bytes::Regex> =
            std::sync::LazyLock::new(|| $crate::gate::patterns::built($text));)*
        /// Every pattern of this file, for the test that compiles them.
        #[cfg(test)]
        pub(super) fn all_patterns() -> Vec<&'static regex::bytes::Regex> {
            vec![$(&*$name),*]
        }
    };
}
pub(super) use patterns;

/// A pattern that is written in this program. Blanks in it count.
#[expect(clippy::expect_used, reason = "the text is a literal, and a test builds every one of them")]
pub(super) fn built(text: &str) -> Regex {
    RegexBuilder::new(text).unicode(false).multi_line(true).build().expect("a pattern of this program")
}
