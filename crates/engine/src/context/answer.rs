//! In which form a model is asked to write its change. What each asks for stands in `prompts/answer_*.md`.

use serde::{Deserialize, Serialize};

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerForm {
    /// JSON with a unified diff.
    Diff,
    /// JSON with search and replace blocks.
    SearchReplace,
    /// Text with whole files: what small models do best, at the price of long answers.
    WholeFile,
}

impl AnswerForm {
    /// All forms.
    pub const ALL: [Self; 3] = [Self::Diff, Self::SearchReplace, Self::WholeFile];

    /// Whether the answer is one JSON object, so that a server can hold the model to its schema.
    pub fn is_json(self) -> bool {
        !matches!(self, Self::WholeFile)
    }

    /// The part of the contract that tells how to answer, with its placeholders.
    pub(super) fn rules(self) -> &'static str {
        match self {
            Self::Diff => include_str!("prompts/answer_diff.md"),
            Self::SearchReplace => include_str!("prompts/answer_search_replace.md"),
            Self::WholeFile => include_str!("prompts/answer_whole_file.md"),
        }
    }

    /// The last line of a question.
    pub(super) fn call(self) -> &'static str {
        if self.is_json() { "Answer with the JSON object now." } else { "Answer now." }
    }
}
