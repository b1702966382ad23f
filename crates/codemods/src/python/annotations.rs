//! The part of the walk that visits annotations: type parameters, type aliases, and annotations in quotes.

use ast_grep_language::SupportLang;

use super::builtins::holds_types;
use super::scope::{Bound, ScopeKind};
use super::syntax::{Node, dotted, field, fields, is_plain_string, parts, slice};
use super::visit::Visitor;
use crate::source::parse_tree;

/// Quotes in quotes in quotes: more levels than this are not followed.
const MAX_QUOTES: usize = 4;

/// A quoted annotation's text and how its offsets map to the file's.
struct Quoted<'q> {
    text: &'q str,
    /// The file's offset of the text's first byte; with `exact` false, of everything in it.
    base: usize,
    exact: bool,
    level: usize,
}

impl<'t> Visitor<'t> {
    /// Visits the annotation of a parameter, a return value or a variable.
    pub(super) fn annotation(&mut self, node: Node<'t>, typing_only: bool) {
        self.with_flags(|v| {
            v.flags.annotation = true;
            v.flags.typing_only |= typing_only;
            v.type_definition(node);
        });
    }

    pub(super) fn type_parameters(&mut self, list: Option<Node<'t>>) {
        for parameter in list.map(parts).unwrap_or_default() {
            self.type_parameter(parameter);
        }
    }

    fn type_parameter(&mut self, node: Node<'t>) {
        match node.kind() {
            "identifier" => self.bind(self.name(node), Bound::Opaque),
            "constrained_type" => {
                let parts = parts(node);
                let Some((name, bounds)) = parts.split_first() else { return };
                self.type_parameter(*name);
                let items: Vec<_> = bounds.iter().map(|bound| self.put_off(*bound)).collect();
                self.later.type_parameters.extend(items);
            }
            _ => parts(node).into_iter().for_each(|part| self.type_parameter(part)),
        }
    }

    pub(super) fn type_alias(&mut self, node: Node<'t>) {
        let Some(left) = field(node, "left").and_then(|n| parts(n).first().copied()) else { return };
        let (name, parameters) = match left.kind() {
            "generic_type" => (left.named_child(0), left.named_child(1)),
            "identifier" => (Some(left), None),
            // `type(x).a = b`, which the grammar takes for an alias.
            _ => return self.expr_parts(node),
        };
        self.in_scope(ScopeKind::Type, |v| {
            v.type_parameters(parameters);
            if let Some(value) = field(node, "right") {
                let item = v.put_off(value);
                v.later.type_parameters.push(item);
            }
        });
        if let Some(name) = name {
            self.bind(self.name(name), Bound::Opaque);
        }
    }

    /// Visits the names in a string that is read as a type.
    pub(super) fn quoted_annotation(&mut self, node: Node<'t>) {
        let text = self.text;
        self.quoted(node, &Quoted { text, base: 0, exact: true, level: 0 });
    }

    fn quoted(&mut self, node: Node<'_>, outer: &Quoted<'_>) {
        if outer.level >= MAX_QUOTES || !is_plain_string(node, outer.text) {
            return;
        }
        let strings = if node.kind() == "string" { vec![node] } else { parts(node) };
        let contents: Vec<_> = strings.iter().map(|string| content(*string, outer.text)).collect();
        let whole: String = contents.iter().map(|(text, _)| *text).collect();
        let exact = outer.exact && contents.len() == 1 && !whole.contains('\\');
        let start = if exact { contents[0].1 } else { node.start_byte() };
        let base = if outer.exact { outer.base + start } else { outer.base };
        // In parentheses line breaks are allowed; the line feed ends a comment.
        let text = format!("({whole}\n)");
        let Some(tree) = parse_tree(SupportLang::Python, &text) else { return };
        let root = tree.root_node();
        if root.has_error() {
            return;
        }
        let base = base.wrapping_sub(usize::from(exact));
        self.quoted_expr(root, &Quoted { text: &text, base, exact, level: outer.level + 1 });
    }

    /// Loads the names of an expression in quotes. Lambdas and comprehensions are no types: left alone.
    fn quoted_expr(&mut self, node: Node<'_>, quoted: &Quoted<'_>) {
        if self.enter() {
            self.quoted_inside(node, quoted);
        }
        self.leave();
    }

    fn quoted_inside(&mut self, node: Node<'_>, quoted: &Quoted<'_>) {
        match node.kind() {
            "identifier" => self.quoted_load(node, quoted),
            "attribute" => {
                if let Some(object) = field(node, "object") {
                    self.quoted_expr(object, quoted);
                }
            }
            "string" | "concatenated_string" => {
                if self.flags.type_definition && !self.flags.literal {
                    self.quoted(node, quoted);
                }
            }
            "subscript" => self.quoted_subscript(node, quoted),
            "call" => self.with_flags(|v| {
                v.flags.type_definition = false;
                parts(node).into_iter().for_each(|part| v.quoted_expr(part, quoted));
            }),
            "keyword_argument" => {
                if let Some(value) = field(node, "value") {
                    self.quoted_expr(value, quoted);
                }
            }
            "lambda"
            | "list_comprehension"
            | "set_comprehension"
            | "dictionary_comprehension"
            | "generator_expression"
            | "named_expression" => {}
            _ => parts(node).into_iter().for_each(|part| self.quoted_expr(part, quoted)),
        }
    }

    fn quoted_load(&mut self, node: Node<'_>, quoted: &Quoted<'_>) {
        let range = match quoted.exact {
            true => quoted.base.wrapping_add(node.start_byte())..quoted.base.wrapping_add(node.end_byte()),
            false => quoted.base..quoted.base,
        };
        self.load_name(slice(node, quoted.text), range, true);
    }

    fn quoted_subscript(&mut self, node: Node<'_>, quoted: &Quoted<'_>) {
        let Some(value) = field(node, "value") else { return };
        self.quoted_expr(value, quoted);
        let name = dotted(value, quoted.text);
        let path = name.as_ref().and_then(|name| self.model.qualified(self.scope, name));
        let typing = |member: &str| matches!(path.as_deref(), Some(["typing" | "typing_extensions", found]) if *found == member);
        let (literal, annotated) = (typing("Literal"), typing("Annotated"));
        let generic = path.as_deref().is_some_and(holds_types);
        for (index, item) in fields(node, "subscript").into_iter().enumerate() {
            self.with_flags(|v| {
                v.flags.literal |= literal;
                v.flags.type_definition |= generic;
                v.flags.type_definition &= !(annotated && index > 0);
                v.quoted_expr(item, quoted);
            });
        }
    }
}

/// A string's text between its quotes, and where that starts.
fn content<'s>(string: Node<'_>, text: &'s str) -> (&'s str, usize) {
    let start = string.named_child(0).map_or(string.start_byte(), |n| n.end_byte());
    let last = u32::try_from(string.named_child_count().saturating_sub(1)).unwrap_or(u32::MAX);
    let end = string.named_child(last).map_or(string.end_byte(), |n| n.start_byte());
    (text.get(start..end).unwrap_or_default(), start)
}
