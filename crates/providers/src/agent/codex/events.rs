//! What Codex tells while it works, as far as it is used: its last message, and why a turn failed.

use serde_json::Value;

/// The longest message that is kept, in characters.
const MOST: usize = 4_000;

/// The events of one run.
#[derive(Debug, Default)]
pub(super) struct Story {
    message: String,
    is_complete: bool,
    failed: Option<String>,
}

impl Story {
    /// Reads one line; what is no event, or no known one, is passed over.
    pub(super) fn read(&mut self, line: &[u8]) {
        let Ok(event) = serde_json::from_slice::<Value>(line) else { return };
        let text = |value: &Value| value.as_str().unwrap_or_default().chars().take(MOST).collect::<String>();
        match event["type"].as_str() {
            Some("item.completed") if event["item"]["type"] == "agent_message" => {
                self.message = text(&event["item"]["text"]);
            }
            Some("turn.completed") => self.is_complete = true,
            Some("turn.failed") => self.failed = Some(text(&event["error"]["message"])),
            // A mere warning comes as an item; this one is the end of a turn.
            Some("error") => drop(self.failed.get_or_insert(text(&event["message"]))),
            _ => {}
        }
    }

    /// Whether it says that its turn came to its end.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    pub(super) fn last_message(self) -> String {
        self.message
    }

    /// Why there is no result, in a sentence.
    pub(super) fn why_not(&self) -> String {
        match &self.failed {
            Some(why) => {
                let line: String =
                    why.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
                format!("codex gave up: {line}")
            }
            None => "codex ended before its work did".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(lines: &[&str]) -> Story {
        let mut story = Story::default();
        lines.iter().for_each(|line| story.read(line.as_bytes()));
        story
    }

    #[test]
    fn the_last_message_and_the_end_of_the_turn_are_read() {
        let story = story(&[
            "not json",
            r#"{"type":"item.completed","item":{"type":"error","message":"a mere warning"}}"#,
            r#"{"type":"item.completed","item":{"type":"agent_message","text":"first"}}"#,
            r#"{"type":"item.completed","item":{"type":"agent_message","text":"last"}}"#,
            r#"{"type":"turn.completed","usage":{}}"#,
        ]);
        assert!(story.is_complete());
        assert_eq!(story.last_message(), "last");
    }

    #[test]
    fn a_failed_turn_says_why() {
        let story = story(&[r#"{"type":"turn.failed","error":{"message":"no\nsuch model"}}"#]);
        assert!(!story.is_complete());
        assert_eq!(story.why_not(), "codex gave up: no such model");
    }
}
