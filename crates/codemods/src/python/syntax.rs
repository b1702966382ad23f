//! Small questions about Python syntax nodes; nothing here knows about scopes.

pub(crate) use tree_sitter::Node;

/// The named children that carry meaning (no comments, no line continuations).
pub(crate) fn parts(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|n| !n.is_extra()).collect()
}

/// The named child in the field.
pub(crate) fn field<'t>(node: Node<'t>, name: &str) -> Option<Node<'t>> {
    node.child_by_field_name(name)
}

/// All named children in the field.
pub(crate) fn fields<'t>(node: Node<'t>, name: &str) -> Vec<Node<'t>> {
    let mut cursor = node.walk();
    node.children_by_field_name(name, &mut cursor).filter(|n| n.is_named() && !n.is_extra()).collect()
}

/// The node's text; empty when the range is not in `text`.
pub(crate) fn slice<'s>(node: Node<'_>, text: &'s str) -> &'s str {
    text.get(node.byte_range()).unwrap_or_default()
}

/// The expression inside of any parentheses and type wrappers around it.
pub(crate) fn bare(mut node: Node<'_>) -> Node<'_> {
    while matches!(node.kind(), "parenthesized_expression" | "type") {
        match parts(node).first() {
            Some(inner) => node = *inner,
            None => break,
        }
    }
    node
}

/// `a.b.c` as its segments; `None` for anything else.
pub(crate) fn dotted<'s>(node: Node<'_>, text: &'s str) -> Option<Vec<&'s str>> {
    let mut node = bare(node);
    let mut segments = Vec::new();
    loop {
        match node.kind() {
            "identifier" => {
                segments.push(slice(node, text));
                segments.reverse();
                return Some(segments);
            }
            "attribute" => {
                segments.push(slice(field(node, "attribute")?, text));
                node = bare(field(node, "object")?);
            }
            _ => return None,
        }
    }
}

/// Whether a `string` node is an f-string or a template string.
pub(crate) fn is_interpolated(string: Node<'_>, text: &str) -> bool {
    let start = string.named_child(0).map_or("", |n| slice(n, text));
    start.chars().take_while(char::is_ascii_alphabetic).any(|c| matches!(c.to_ascii_lowercase(), 'f' | 't'))
}

/// Whether the expression is a string without interpolation (concatenated or not).
pub(crate) fn is_plain_string(node: Node<'_>, text: &str) -> bool {
    match node.kind() {
        "string" => !is_interpolated(node, text),
        "concatenated_string" => parts(node).iter().all(|part| !is_interpolated(*part, text)),
        _ => false,
    }
}

/// Whether the expression is a literal or a tuple of literals.
fn is_constant(node: Node<'_>, text: &str) -> bool {
    let node = bare(node);
    match node.kind() {
        "integer" | "float" | "none" | "true" | "false" | "ellipsis" => true,
        "tuple" => parts(node).iter().all(|element| is_constant(*element, text)),
        _ => is_plain_string(node, text),
    }
}

/// A literal (or a tuple of literals) other than `None`, `True`, `False` and `...`.
pub(crate) fn is_constant_non_singleton(node: Node<'_>, text: &str) -> bool {
    let node = bare(node);
    is_constant(node, text) && !matches!(node.kind(), "none" | "true" | "false" | "ellipsis")
}

/// A display of a mutable container: `[]`, `{}`, `{1}` or a comprehension of one.
pub(crate) fn is_container_display(node: Node<'_>) -> bool {
    matches!(
        bare(node).kind(),
        "list"
            | "dictionary"
            | "set"
            | "list_comprehension"
            | "dictionary_comprehension"
            | "set_comprehension"
    )
}

/// The operators of a comparison in order, each with its node; `is not` and `not in` are one.
pub(crate) fn operators(comparison: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = comparison.walk();
    comparison.children_by_field_name("operators", &mut cursor).collect()
}

/// Whether a text is a keyword of Python 3 and so cannot be a name.
pub(crate) fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "False"
            | "None"
            | "True"
            | "and"
            | "as"
            | "assert"
            | "async"
            | "await"
            | "break"
            | "class"
            | "continue"
            | "def"
            | "del"
            | "elif"
            | "else"
            | "except"
            | "finally"
            | "for"
            | "from"
            | "global"
            | "if"
            | "import"
            | "in"
            | "is"
            | "lambda"
            | "nonlocal"
            | "not"
            | "or"
            | "pass"
            | "raise"
            | "return"
            | "try"
            | "while"
            | "with"
            | "yield"
    )
}
