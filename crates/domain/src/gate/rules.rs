//! All rules of the gate by name. What each is for, its usual verdict and its examples stand in `rules.yaml`; the
//! rules themselves in the other files.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Verdict, table};

macro_rules! rules {
    ($($name:ident $id:literal,)*) => {
        /// A rule of the gate. The text form (kebab-case) is its id.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[expect(missing_docs, reason = "what each rule is for stands in the table that is checked against this list")]
        pub enum Rule {
            $($name,)*
        }

        impl Rule {
            /// All rules, in the order of the manual.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The rule's id.
            pub fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }
        }
    };
}

rules! {
    // limits
    TooManyFiles "too-many-files",
    TooManyLines "too-many-lines",
    ManyDeletions "many-deletions",
    TooMuchOutput "too-much-output",
    UnreadableLine "unreadable-line",
    HugeFile "huge-file",
    UncertainPlace "uncertain-place",
    // paths
    DeniedPath "denied-path",
    OutsideAllowedPaths "outside-allowed-paths",
    PolicyReviewPath "policy-review-path",
    VendoredPath "vendored-path",
    SuspiciousName "suspicious-name",
    NonPortableName "non-portable-name",
    ConfusableName "confusable-name",
    CaseCollision "case-collision",
    DeepPath "deep-path",
    BaseUnreadable "base-unreadable",
    // steering
    OwnPolicy "own-policy",
    CiConfig "ci-config",
    HookConfig "hook-config",
    GitConfig "git-config",
    AgentInstructions "agent-instructions",
    EditorConfig "editor-config",
    BuildScript "build-script",
    Manifest "manifest",
    LockFile "lock-file",
    LintConfig "lint-config",
    TestConfig "test-config",
    EnvFile "env-file",
    Infrastructure "infrastructure",
    Governance "governance",
    LicenceTerms "licence-terms",
    FrontPage "front-page",
    KeyFile "key-file",
    SensitivePath "sensitive-path",
    ShadowedModule "shadowed-module",
    // modes
    Symlink "symlink",
    Submodule "submodule",
    Binary "binary",
    NativeProgram "native-program",
    Executable "executable",
    TypeChange "type-change",
    // tests
    TestTouchedByFinding "test-touched-by-finding",
    TestDeleted "test-deleted",
    TestSkipped "test-skipped",
    TestWeakened "test-weakened",
    TestTampering "test-tampering",
    LintSuppression "lint-suppression",
    ThresholdLowered "threshold-lowered",
    FailureIgnored "failure-ignored",
    // content
    HiddenCharacters "hidden-characters",
    ControlCharacters "control-characters",
    ConfusableText "confusable-text",
    PrivateKey "private-key",
    Secret "secret",
    ForbiddenText "forbidden-text",
    ForbiddenCommand "forbidden-command",
    // the policy's own
    OwnRule "own-rule",
}

impl Rule {
    /// What usually follows from it; limits and the policy's own switches may say otherwise.
    pub fn verdict(self) -> Verdict {
        table::entry(self).map_or(Verdict::Refuse, |entry| entry.verdict)
    }

    /// What it is about, in words that end a sentence about a file.
    pub fn text(self) -> &'static str {
        table::entry(self).map_or(self.id(), |entry| entry.text.as_str())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}
