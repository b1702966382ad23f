//! Adds one import to a module: into the block of imports at its top, in the order that isort keeps.
//! Never inside of `if TYPE_CHECKING` or a `try`.

use super::known_names::is_standard;
use super::syntax::{Node, field, fields, is_plain_string, parts, slice};
use crate::edit::{Edit, line_end, line_start, newline};

/// The longest line that an extended import may become.
const LINE: usize = 88;

/// What to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Import<'n> {
    /// `import os.path`
    Module(&'n str),
    /// `from pathlib import Path`
    Name { module: &'n str, name: &'n str },
}

impl Import<'_> {
    /// The statement's text.
    pub(super) fn statement(&self) -> String {
        match self {
            Self::Module(module) => format!("import {module}"),
            Self::Name { module, name } => format!("from {module} import {name}"),
        }
    }

    fn module(&self) -> &str {
        match self {
            Self::Module(module) | Self::Name { module, .. } => module,
        }
    }

    fn is_from(&self) -> bool {
        matches!(self, Self::Name { .. })
    }
}

/// An import statement that is already there.
struct Existing<'t> {
    node: Node<'t>,
    module: &'t str,
    is_from: bool,
}

/// The edit that adds the import.
pub(super) fn add(root: Node<'_>, text: &str, import: &Import<'_>) -> Edit {
    let block = Block::read(root, text);
    if let Import::Name { module, name } = import
        && let Some(edit) = block.imports.iter().find_map(|e| extend(e, text, module, name))
    {
        return edit;
    }
    block.insert(text, import)
}

/// The run of imports at the top of a module.
struct Block<'t> {
    imports: Vec<Existing<'t>>,
    /// The last of the statements that must stay first: the docstring and the future imports.
    head: Option<Node<'t>>,
    next: Option<Node<'t>>,
}

impl<'t> Block<'t> {
    fn read(root: Node<'t>, text: &'t str) -> Self {
        let mut block = Self { imports: Vec::new(), head: None, next: None };
        for (index, node) in parts(root).into_iter().enumerate() {
            let docstring = index == 0
                && node.kind() == "expression_statement"
                && parts(node).first().is_some_and(|e| is_plain_string(*e, text));
            match node.kind() {
                "future_import_statement" => block.head = Some(node),
                "import_statement" | "import_from_statement" => block.imports.push(existing(node, text)),
                _ if docstring => block.head = Some(node),
                _ => {
                    block.next = Some(node);
                    break;
                }
            }
        }
        block
    }

    fn insert(&self, text: &str, import: &Import<'_>) -> Edit {
        let nl = newline(text);
        let statement = import.statement();
        let standard = is_standard(import.module());
        let group: Vec<&Existing<'_>> =
            self.imports.iter().filter(|e| is_standard(e.module) == standard).collect();
        if let Some(place) = place(&group, import) {
            return match place {
                Place::Before(node) => {
                    Edit::insert(line_start(text, node.start_byte()), format!("{statement}{nl}"))
                }
                Place::After(node) => after(text, node, &statement, ""),
            };
        }
        match (self.imports.first(), self.imports.last()) {
            (Some(first), _) if standard => {
                Edit::insert(line_start(text, first.node.start_byte()), format!("{statement}{nl}{nl}"))
            }
            (_, Some(last)) => after(text, last.node, &statement, nl),
            _ => match self.head {
                Some(head) => after(text, head, &statement, nl),
                None => self.first_import(text, &statement),
            },
        }
    }

    /// The module has neither docstring nor imports.
    fn first_import(&self, text: &str, statement: &str) -> Edit {
        let nl = newline(text);
        let at = after_header(text);
        let gap = match self.next.map(|node| node.kind()) {
            Some("function_definition" | "class_definition" | "decorated_definition") => format!("{nl}{nl}"),
            _ => nl.to_owned(),
        };
        Edit::insert(at, format!("{statement}{nl}{gap}"))
    }
}

enum Place<'t> {
    Before(Node<'t>),
    After(Node<'t>),
}

/// `import x` lines come first, then `from x import y`, each sorted by module.
fn place<'t>(group: &[&Existing<'t>], import: &Import<'_>) -> Option<Place<'t>> {
    let key = |is_from: bool, module: &str| (is_from, module.to_lowercase());
    let wanted = key(import.is_from(), import.module());
    if let Some(next) = group.iter().find(|e| key(e.is_from, e.module) > wanted) {
        return Some(Place::Before(next.node));
    }
    group.last().map(|last| Place::After(last.node))
}

/// An insertion on the line after `node`, with `gap` in front.
fn after(text: &str, node: Node<'_>, statement: &str, gap: &str) -> Edit {
    let nl = newline(text);
    let at = line_end(text, node.end_byte().max(node.start_byte() + 1) - 1);
    if text[..at].ends_with('\n') {
        Edit::insert(at, format!("{gap}{statement}{nl}"))
    } else {
        Edit::insert(at, format!("{nl}{gap}{statement}"))
    }
}

/// The offset after a byte order mark, `#!`, the encoding and a leading comment that a blank line ends.
fn after_header(text: &str) -> usize {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let (mut at, mut fixed) = (start, start);
    while text[at..].starts_with('#') {
        let end = line_end(text, at);
        let line = &text[at..end];
        if line.starts_with("#!") || line.contains("coding") {
            fixed = end;
        }
        at = end;
    }
    let mut blank = at;
    while blank < text.len() && text[blank..line_end(text, blank)].trim().is_empty() {
        blank = line_end(text, blank);
    }
    if blank > at { blank } else { fixed }
}

fn existing<'t>(node: Node<'t>, text: &'t str) -> Existing<'t> {
    let is_from = node.kind() == "import_from_statement";
    let name = if is_from { "module_name" } else { "name" };
    let module = field(node, name).map_or("", |n| slice(n, text));
    Existing { node, module: module.split_whitespace().next().unwrap_or(""), is_from }
}

/// Adds the name to a `from module import ...` on one line, in its place when the names there are sorted.
fn extend(existing: &Existing<'_>, text: &str, module: &str, name: &str) -> Option<Edit> {
    let node = existing.node;
    let line = &text[line_start(text, node.start_byte())..line_end(text, node.start_byte())];
    let words = slice(node, text);
    let plain = existing.is_from && existing.module == module && !words.contains(['\n', '(', '*', ';', '\\']);
    if !plain || line.trim_end().chars().count() + name.chars().count() + 2 > LINE || line.contains('#') {
        return None;
    }
    let items = fields(node, "name");
    let last = items.last()?;
    let text_of = |item: &Node<'_>| slice(*item, text).to_owned();
    let sorted = items.windows(2).all(|pair| text_of(&pair[0]) <= text_of(&pair[1]));
    match items.iter().find(|item| sorted && text_of(item).as_str() > name) {
        Some(next) => Some(Edit::insert(next.start_byte(), format!("{name}, "))),
        None => Some(Edit::insert(last.end_byte(), format!(", {name}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::apply;
    use crate::language::Language;
    use crate::source::Source;

    fn with(text: &str, import: &Import<'_>) -> String {
        let source = Source::parse(Language::Python, text).unwrap();
        apply(text, &[add(source.root(), text, import)]).unwrap()
    }

    const PATH: Import<'_> = Import::Name { module: "pathlib", name: "Path" };

    #[test]
    fn an_import_takes_its_place_among_the_sorted_ones() {
        let text = "\"\"\"Doc.\"\"\"\nfrom __future__ import annotations\n\nimport os\nimport sys\n\nimport flask\n\nx = 1\n";
        assert_eq!(with(text, &Import::Module("re")), text.replace("import sys", "import re\nimport sys"));
        assert_eq!(with(text, &PATH), text.replace("import sys\n", "import sys\nfrom pathlib import Path\n"));
    }

    #[test]
    fn a_name_joins_an_import_from_the_same_module() {
        assert_eq!(
            with("from typing import Any, Union\n", &Import::Name { module: "typing", name: "List" }),
            "from typing import Any, List, Union\n"
        );
        let long = "from typing import (\n    Any,\n)\n";
        assert_eq!(
            with(long, &Import::Name { module: "typing", name: "List" }),
            format!("{long}from typing import List\n")
        );
    }

    #[test]
    fn the_first_import_goes_below_the_docstring_the_licence_and_the_encoding() {
        assert_eq!(
            with("\"\"\"Doc.\"\"\"\n\nx = 1\n", &PATH),
            "\"\"\"Doc.\"\"\"\n\nfrom pathlib import Path\n\nx = 1\n"
        );
        assert_eq!(
            with("#!/bin/python\n# about x\nx = 1\n", &PATH),
            "#!/bin/python\nfrom pathlib import Path\n\n# about x\nx = 1\n"
        );
        assert_eq!(
            with("# licence\n\ndef f(): pass\n", &PATH),
            "# licence\n\nfrom pathlib import Path\n\n\ndef f(): pass\n"
        );
        assert_eq!(with("\u{feff}x = 1\r\n", &PATH), "\u{feff}from pathlib import Path\r\n\r\nx = 1\r\n");
    }

    #[test]
    fn a_standard_module_goes_above_the_others_with_a_line_between() {
        assert_eq!(with("import flask\nx = 1", &Import::Module("os")), "import os\n\nimport flask\nx = 1");
        assert_eq!(with("import os", &Import::Module("re")), "import os\nimport re");
    }
}
