//! The parts of an adapter file: signs, and steps with what is built in for each.

use serde::Deserialize;

/// What shows that a person is needed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::web) struct Signs {
    /// Nobody is signed in, or no longer.
    pub(in crate::web) expired: Vec<Sign>,
    /// The site wants proof that a person is there.
    pub(in crate::web) captcha: Vec<Sign>,
}

/// One sign; any of them is enough.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(in crate::web) enum Sign {
    /// Something that this CSS selector finds can be seen.
    Selector(String),
    /// The page's address holds this text.
    Url(String),
    /// The page's visible text holds this text.
    Text(String),
}

/// One thing that is done on the page.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(in crate::web) enum Step {
    /// Goes to an address; `{url}` in it stands for the site's.
    Open(String),
    /// Waits until something can be seen.
    WaitFor(WaitFor),
    /// Puts the question into a field.
    Fill(Fill),
    /// Clicks on something.
    Click(Click),
    /// Presses a key in the field that has the focus.
    Press(Key),
    /// Waits until a new answer is there and finished.
    WaitAnswer(WaitAnswer),
    /// Takes the last answer's text; code blocks as they were written.
    Read(Read),
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct WaitFor {
    pub(in crate::web) selector: String,
    #[serde(default = "twenty")]
    pub(in crate::web) seconds: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Fill {
    pub(in crate::web) selector: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Click {
    pub(in crate::web) selector: String,
    /// Until it can be clicked on: pages enable their button a moment after the text is there.
    #[serde(default = "ten")]
    pub(in crate::web) seconds: u64,
}

/// The keys that send a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(in crate::web) enum Key {
    Enter,
    #[serde(rename = "Control+Enter")]
    ControlEnter,
    Tab,
    Escape,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct WaitAnswer {
    /// All answers on the page; the last one counts.
    pub(in crate::web) selector: String,
    /// While something that this finds can be seen, the answer is not finished: a button to stop it.
    #[serde(default)]
    pub(in crate::web) gone: Option<String>,
    /// Once something that this finds can be seen within the answer or on the page, it is: a button to copy it.
    #[serde(default)]
    pub(in crate::web) present: Option<String>,
    /// For how long the text must not have changed, in milliseconds.
    #[serde(default = "stable")]
    pub(in crate::web) stable_ms: u64,
    /// The most seconds for the whole answer.
    #[serde(default = "four_minutes")]
    pub(in crate::web) seconds: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Read {
    pub(in crate::web) selector: String,
    /// What within the answer is no part of its text: buttons of the page, the model's reasoning.
    #[serde(default)]
    pub(in crate::web) skip: Vec<String>,
}

impl Step {
    /// The step's word, as in the file.
    pub(in crate::web) fn word(&self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::WaitFor(_) => "wait_for",
            Self::Fill(_) => "fill",
            Self::Click(_) => "click",
            Self::Press(_) => "press",
            Self::WaitAnswer(_) => "wait_answer",
            Self::Read(_) => "read",
        }
    }
}

fn ten() -> u64 {
    10
}

fn twenty() -> u64 {
    20
}

fn stable() -> u64 {
    1000
}

fn four_minutes() -> u64 {
    240
}
