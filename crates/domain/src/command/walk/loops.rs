//! Whether a loop ever ends, as far as its text tells.

use super::DEEPEST;
use crate::command::shell::{Command, Item, Kind, Script, Variables, expand};

/// Whether a condition never changes.
pub(super) fn is_true(condition: Option<&Script>) -> bool {
    let Some(Script { items }) = condition else { return false };
    let [Item { stages, .. }] = items.as_slice() else { return false };
    match stages.as_slice() {
        [Command::Simple(simple)] => {
            let words: Vec<String> =
                simple.words.iter().flat_map(|w| expand(w, &Variables::new())).map(|a| a.text).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            matches!(
                words.as_slice(),
                ["true" | ":" | "false"] | ["[", _, "]"] | ["test", _] | ["[", "1", _, "1", "]"]
            )
        }
        [Command::Compound(compound)] => compound.kind == Kind::Arithmetic,
        _ => false,
    }
}

/// Whether something in these bodies ends a loop.
pub(super) fn breaks(bodies: &[Script]) -> bool {
    bodies.iter().any(|body| ["break", "exit", "return"].iter().any(|word| calls(body, word, 0)))
}

/// Whether a script calls this name somewhere.
pub(super) fn calls(script: &Script, name: &str, depth: usize) -> bool {
    depth <= DEEPEST
        && script.items.iter().flat_map(|item| &item.stages).any(|stage| match stage {
            Command::Simple(simple) => simple.words.first().is_some_and(|word| {
                expand(word, &Variables::new()).first().is_some_and(|arg| arg.text == name)
            }),
            Command::Compound(compound) => compound.bodies.iter().any(|body| calls(body, name, depth + 1)),
        })
}
