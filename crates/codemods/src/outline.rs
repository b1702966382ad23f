//! What a file defines: functions, classes, types, constants by name, with their lines, off the syntax tree.

use crate::language::Language;
use crate::source::Source;

/// One definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The name alone: `run`, not `Server.run`.
    pub name: String,
    /// The first line, counted from 0; decorators belong to it.
    pub first: usize,
    /// The last line.
    pub last: usize,
}

/// Kinds of nodes that define something, by their field with the name.
fn kinds(language: Language) -> &'static [(&'static str, &'static str)] {
    match language {
        Language::Python => &[("function_definition", "name"), ("class_definition", "name")],
        Language::JavaScript | Language::TypeScript | Language::Tsx => &[
            ("function_declaration", "name"),
            ("generator_function_declaration", "name"),
            ("class_declaration", "name"),
            ("abstract_class_declaration", "name"),
            ("method_definition", "name"),
            ("variable_declarator", "name"),
            ("interface_declaration", "name"),
            ("type_alias_declaration", "name"),
            ("enum_declaration", "name"),
        ],
        Language::Rust => &[
            ("function_item", "name"),
            ("struct_item", "name"),
            ("enum_item", "name"),
            ("union_item", "name"),
            ("trait_item", "name"),
            ("type_item", "name"),
            ("const_item", "name"),
            ("static_item", "name"),
            ("macro_definition", "name"),
            ("impl_item", "type"),
        ],
        Language::Go => &[
            ("function_declaration", "name"),
            ("method_declaration", "name"),
            ("type_spec", "name"),
            ("const_spec", "name"),
            ("var_spec", "name"),
        ],
    }
}

/// The definitions of a file in the order of the text, nested ones after what they stand in. A file that cannot be
/// parsed has none; one with errors has those that the parser could make out.
pub fn outline(language: Language, text: &str) -> Vec<Definition> {
    let Ok(source) = Source::parse(language, text) else { return Vec::new() };
    let kinds = kinds(language);
    let mut found = Vec::new();
    let mut cursor = source.root().walk();
    loop {
        let node = cursor.node();
        let field = kinds.iter().find(|(kind, _)| *kind == node.kind()).map(|(_, field)| *field);
        let name = field.and_then(|field| node.child_by_field_name(field));
        if let Some(name) = name.and_then(|name| text.get(name.byte_range())) {
            let decorated = node.parent().filter(|parent| parent.kind() == "decorated_definition");
            let first = decorated.unwrap_or(node).start_position().row;
            let (first, last) = (first, node.end_position().row);
            found.push(Definition { name: name.to_owned(), first, last });
        }
        // Depth first without recursion: a deep file must not cost a deep stack.
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return found;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(language: Language, text: &str) -> Vec<(String, usize, usize)> {
        outline(language, text).into_iter().map(|d| (d.name, d.first, d.last)).collect()
    }

    fn expected(all: &[(&str, usize, usize)]) -> Vec<(String, usize, usize)> {
        all.iter().map(|(name, first, last)| ((*name).to_owned(), *first, *last)).collect()
    }

    #[test]
    fn definitions_are_found_in_each_language() {
        let python = "import os\n\nclass A:\n    @cached\n    def run(self):\n        return 1\n";
        assert_eq!(names(Language::Python, python), expected(&[("A", 2, 5), ("run", 3, 5)]));
        let rust = "struct S;\nimpl S {\n    fn go(&self) {}\n}\nconst N: u8 = 1;\n";
        assert_eq!(
            names(Language::Rust, rust),
            expected(&[("S", 0, 0), ("S", 1, 3), ("go", 2, 2), ("N", 4, 4)])
        );
        let script = "const f = () => 1;\nclass B {\n  m() {}\n}\n";
        for language in [Language::JavaScript, Language::TypeScript, Language::Tsx] {
            assert_eq!(names(language, script), expected(&[("f", 0, 0), ("B", 1, 3), ("m", 2, 2)]));
        }
        let go = "package p\n\ntype T struct{}\n\nfunc (t T) Do() {\n}\n";
        assert_eq!(names(Language::Go, go), expected(&[("T", 2, 2), ("Do", 4, 5)]));
    }

    #[test]
    fn a_broken_file_gives_what_can_be_made_out() {
        let broken = "def a():\n    return 1\n\ndef b(:\n";
        assert!(outline(Language::Python, broken).iter().any(|d| d.name == "a"));
        assert_eq!(outline(Language::Python, ""), []);
    }
}
