//! The table of all rules: id, usual verdict, one line of text. The rules themselves stand in the other files.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Verdict;

macro_rules! rules {
    ($($name:ident $id:literal $verdict:ident $text:literal;)*) => {
        /// A rule of the gate. The text form (kebab-case) is its id.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Rule {
            $(#[doc = $text] $name,)*
        }

        impl Rule {
            /// All rules, in the order of the manual.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The rule's id.
            pub fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// What usually follows from it; limits and the policy's own switches may say otherwise.
            pub fn verdict(self) -> Verdict {
                match self { $(Self::$name => Verdict::$verdict,)* }
            }

            /// What it is about.
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

rules! {
    // limits
    TooManyFiles "too-many-files" Review "more files change than the limit allows";
    TooManyLines "too-many-lines" Review "more lines change than the limit allows";
    ManyDeletions "many-deletions" Review "many lines are removed";
    TooMuchOutput "too-much-output" Refuse "more lines change than anybody could look at";
    UnreadableLine "unreadable-line" Review "an added line is too long to be read";
    // paths
    DeniedPath "denied-path" Refuse "the policy lets nothing touch this path";
    OutsideAllowedPaths "outside-allowed-paths" Review "the policy lets changes touch other paths only";
    PolicyReviewPath "policy-review-path" Review "the policy wants a person for this path";
    VendoredPath "vendored-path" Refuse "other people's code is not changed here";
    SuspiciousName "suspicious-name" Review "the name looks like an option or a command";
    NonPortableName "non-portable-name" Review "the name cannot be checked out on every system";
    ConfusableName "confusable-name" Review "the name mixes alphabets that look alike";
    CaseCollision "case-collision" Review "the name differs from another one only by case or by the form of its letters";
    BaseUnreadable "base-unreadable" Refuse "the base could not be read, so nothing can be said";
    // steering
    OwnPolicy "own-policy" Review "it steers what this tool lets through";
    CiConfig "ci-config" Review "it steers what runs on the build server";
    HookConfig "hook-config" Review "it steers what git or its helpers run";
    GitConfig "git-config" Review "it steers how git treats files";
    AgentInstructions "agent-instructions" Review "it steers agents";
    EditorConfig "editor-config" Review "it steers what an editor runs";
    BuildScript "build-script" Review "it runs while the project is built or tested";
    Manifest "manifest" Review "it names dependencies or commands of the build";
    LockFile "lock-file" Review "it decides which code of others is used";
    LintConfig "lint-config" Review "it steers what the linters report";
    TestConfig "test-config" Review "it steers which tests run";
    EnvFile "env-file" Review "tools read their environment from it";
    Infrastructure "infrastructure" Review "it describes machines or services";
    Governance "governance" Review "it says who may decide, or under which terms";
    KeyFile "key-file" Review "files of this sort hold keys";
    SensitivePath "sensitive-path" Review "configuration, production, schema, authentication and payment need a person";
    ShadowedModule "shadowed-module" Review "it takes the place of a module of the language's own library";
    // modes
    Symlink "symlink" Refuse "a symbolic link is made or pointed elsewhere";
    Submodule "submodule" Refuse "submodules are changed";
    Binary "binary" Refuse "a binary file is changed";
    Executable "executable" Review "a file becomes executable";
    TypeChange "type-change" Review "a file becomes another sort of file";
    // tests
    TestTouchedByFinding "test-touched-by-finding" Refuse "the repair of a finding does not touch tests";
    TestDeleted "test-deleted" Review "tests are removed or no longer collected";
    TestSkipped "test-skipped" Review "tests are skipped or expected to fail";
    TestWeakened "test-weakened" Review "tests check less than before";
    TestTampering "test-tampering" Review "a test ends the run of all tests";
    LintSuppression "lint-suppression" Review "a linter is told to be silent";
    // content
    HiddenCharacters "hidden-characters" Review "text holds characters that cannot be seen";
    ControlCharacters "control-characters" Review "text holds characters that steer a terminal";
    ConfusableText "confusable-text" Review "a word mixes alphabets that look alike";
    PrivateKey "private-key" Refuse "a private key is added";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}
