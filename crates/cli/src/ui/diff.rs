//! A unified diff in colour: added and removed lines, headers, hunks. Without colour it is the diff, byte for byte.

use super::shell::{BOLD, CYAN, GREEN, RED, Shell, clean};

/// The diff for stdout.
pub(crate) fn coloured(shell: &Shell, diff: &str) -> String {
    if !shell.colour_out() {
        return diff.to_owned();
    }
    let mut shown = String::with_capacity(diff.len() * 2);
    for line in diff.lines() {
        shown.push_str(&paint(shell, &clean(line)));
        shown.push('\n');
    }
    shown
}

fn paint(shell: &Shell, line: &str) -> String {
    let headers =
        ["diff --git ", "--- ", "+++ ", "index ", "new file ", "deleted file ", "old mode ", "new mode "];
    match line.chars().next() {
        _ if headers.iter().any(|header| line.starts_with(header)) => shell.paint_out(BOLD, line),
        Some('+') => shell.paint_out(GREEN, line),
        Some('-') => shell.paint_out(RED, line),
        Some('@') => shell.paint_out(CYAN, line),
        _ => line.to_owned(),
    }
}
