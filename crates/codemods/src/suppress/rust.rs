//! `#[allow(clippy::x)]` and `#[expect(...)]` on an item, `#![allow(...)]` in a module or crate.

use super::{Codes, File, Silence};
use crate::scan::Hit;
use crate::source::walk;

/// Groups of clippy to which our rules belong, and those that hold them all.
const GROUPS: &[&str] = &["clippy::all", "clippy::style", "clippy::complexity", "warnings"];

pub(super) fn names(hit: &Hit) -> Vec<&str> {
    std::iter::once(hit.code.as_str()).chain(GROUPS.iter().copied()).collect()
}

pub(super) fn silences(file: &File<'_>) -> Vec<Silence> {
    let mut silences = Vec::new();
    walk(file.root, |node, _| {
        let inner = match node.kind() {
            "attribute_item" => false,
            "inner_attribute_item" => true,
            _ => return true,
        };
        let words = file.text.get(node.byte_range()).unwrap_or_default();
        let Some(codes) = codes(words) else { return false };
        let subject = if inner { node.parent() } else { subject(node) };
        if let Some(subject) = subject {
            silences.push(Silence { bytes: node.start_byte()..subject.end_byte() + 1, codes });
        }
        false
    });
    silences
}

/// What an attribute stands before: the next sibling that is no attribute or comment.
fn subject(attribute: tree_sitter::Node<'_>) -> Option<tree_sitter::Node<'_>> {
    let mut next = attribute.next_named_sibling();
    while let Some(node) = next {
        if node.kind() != "attribute_item" && !node.kind().contains("comment") {
            return Some(node);
        }
        next = node.next_named_sibling();
    }
    None
}

/// The lints that an attribute allows; also inside of `cfg_attr`, whose condition we cannot know.
fn codes(attribute: &str) -> Option<Codes> {
    let start = ["allow(", "expect("]
        .iter()
        .filter_map(|word| attribute.find(word).map(|at| at + word.len()))
        .min()?;
    let list = attribute[start..].split(')').next().unwrap_or_default();
    let names = list.split(',').map(|name| name.split_whitespace().collect::<String>());
    Some(Codes::These(names.filter(|name| !name.is_empty() && !name.contains('=')).collect()))
}
