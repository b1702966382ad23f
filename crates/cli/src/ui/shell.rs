//! The two streams: stdout for results, stderr for people. Colour only where a terminal is, and never the only carrier.

use std::io::Write;

use anstyle::{AnsiColor, Color, Style};

use crate::args::ColourChoice;
use crate::environment::Environment;

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const RED: Style = colour(AnsiColor::Red);
pub(crate) const GREEN: Style = colour(AnsiColor::Green);
pub(crate) const YELLOW: Style = colour(AnsiColor::Yellow);
pub(crate) const CYAN: Style = colour(AnsiColor::Cyan);

const fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(colour)))
}

/// Where results and remarks go.
#[derive(Debug)]
pub(crate) struct Shell {
    colour_out: bool,
    colour_err: bool,
    live: bool,
    json: bool,
}

impl Shell {
    pub(crate) fn new(environment: &Environment, choice: ColourChoice, json: bool) -> Self {
        let dumb = environment.variable("TERM") == Some("dumb");
        let wanted = |terminal: bool| match choice {
            ColourChoice::Always => true,
            ColourChoice::Never => false,
            ColourChoice::Auto => terminal && !dumb && environment.variable("NO_COLOR").is_none(),
        };
        let terminals = environment.terminals;
        Self {
            colour_out: wanted(terminals.output),
            colour_err: wanted(terminals.error),
            live: terminals.error && !dumb,
            json,
        }
    }

    /// Whether the caller wants a JSON document on stdout.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether stderr can show something that moves.
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    pub(crate) fn colour_out(&self) -> bool {
        self.colour_out
    }

    /// A line of the result. Dropped when a JSON document is wanted.
    pub(crate) fn out(&self, line: &str) {
        if !self.json {
            self.out_raw(&format!("{line}\n"));
        }
    }

    /// Bytes of the result, as they are.
    pub(crate) fn out_raw(&self, text: &str) {
        // A reader that went away (`| head`) is no error of ours, and there is nobody left to tell.
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }

    /// The JSON document.
    pub(crate) fn json(&self, document: &serde_json::Value) {
        self.out_raw(&format!("{document:#}\n"));
    }

    /// A line for people.
    pub(crate) fn err(&self, line: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }

    pub(crate) fn paint_out(&self, style: Style, text: &str) -> String {
        paint(self.colour_out, style, text)
    }

    pub(crate) fn paint_err(&self, style: Style, text: &str) -> String {
        paint(self.colour_err, style, text)
    }
}

fn paint(on: bool, style: Style, text: &str) -> String {
    if on { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// A text of others for a terminal: control characters that could move the cursor or change colours become visible.
pub(crate) fn clean(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' => c.to_string(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_others_are_shown_and_not_obeyed() {
        assert_eq!(clean("a\u{1b}[31mb\r\tc\n"), "a\\u{1b}[31mb\\r\tc\n");
    }
}
