//! B006 and B008: defaults of parameters that are made once and shared by all calls. Finds; `mutable_default` repairs.

use std::ops::Range;

use super::builtins::{is_immutable_generic, is_immutable_type, makes_immutable, makes_mutable};
use super::scope::{Bound, Load};
use super::syntax::{Node, bare, dotted, field, fields, parts, slice};
use super::visit::Visitor;
use crate::scan::{Hit, Repair};

/// The parameter whose default is to be moved.
#[derive(Debug, Clone)]
pub(crate) struct DefaultSite {
    /// The bytes of the whole parameter.
    pub(crate) parameter: Range<usize>,
    /// Whether the default is itself the mutable value (B006), or has a call in it (B008).
    pub(crate) kind: DefaultKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DefaultKind {
    Mutable,
    Call,
}

pub(super) fn check_function(visitor: &mut Visitor<'_>, function: Node<'_>, parameters: &[Node<'_>]) {
    if visitor.model.stub {
        return check_calls(visitor, parameters, None);
    }
    for parameter in parameters {
        let Some(value) = field(*parameter, "value").map(bare) else { continue };
        if is_mutable(visitor, value) && !has_immutable_annotation(visitor, *parameter) {
            let site = DefaultSite { parameter: parameter.byte_range(), kind: DefaultKind::Mutable };
            visitor.hits.push(Hit {
                tool: "ruff".into(),
                code: "B006".into(),
                message: "Do not use mutable data structures for argument defaults".into(),
                at: value.start_byte(),
                repair: Repair::Default(site),
            });
        }
    }
    check_calls(visitor, parameters, Some(function));
}

pub(super) fn check_lambda(visitor: &mut Visitor<'_>, parameters: &[Node<'_>]) {
    check_calls(visitor, parameters, None);
}

fn check_calls(visitor: &mut Visitor<'_>, parameters: &[Node<'_>], function: Option<Node<'_>>) {
    for parameter in parameters {
        let Some(value) = field(*parameter, "value") else { continue };
        if has_immutable_annotation(visitor, *parameter) {
            continue;
        }
        let site =
            function.map(|_| DefaultSite { parameter: parameter.byte_range(), kind: DefaultKind::Call });
        find_calls(visitor, value, site.as_ref());
    }
}

/// Reports the calls in a default, those in lambdas aside.
fn find_calls(visitor: &mut Visitor<'_>, value: Node<'_>, site: Option<&DefaultSite>) {
    crate::source::walk(value, |node, _| {
        if node.kind() == "lambda" {
            return false;
        }
        if node.kind() == "call"
            && let Some(function) = field(node, "function").map(without_star)
            && !is_allowed_call(visitor, function)
        {
            let name = dotted(function, visitor.text).map(|segments| segments.join("."));
            let named = name.map(|name| format!(" `{name}`")).unwrap_or_default();
            let repair = match site {
                Some(site) => Repair::Default(site.clone()),
                None => Repair::None("there is no body to move the call into".into()),
            };
            visitor.hits.push(Hit {
                tool: "ruff".into(),
                code: "B008".into(),
                message: format!("Do not perform function call{named} in argument defaults"),
                at: function.start_byte(),
                repair,
            });
        }
        true
    });
}

/// The grammar takes `*f()` for a call of `*f`.
fn without_star(function: Node<'_>) -> Node<'_> {
    match function.kind() {
        "list_splat" => parts(function).first().copied().unwrap_or(function),
        _ => function,
    }
}

fn is_allowed_call(visitor: &Visitor<'_>, function: Node<'_>) -> bool {
    let function = bare(function);
    let generic = if function.kind() == "subscript" { field(function, "value") } else { Some(function) };
    path_of(visitor, function).is_some_and(|path| makes_mutable(&path))
        || generic.and_then(|name| path_of(visitor, name)).is_some_and(|path| makes_immutable(&path))
        || is_immutable_new_type(visitor, function)
}

fn is_mutable(visitor: &Visitor<'_>, value: Node<'_>) -> bool {
    match value.kind() {
        "call" => {
            let function = field(value, "function").map(bare);
            let function =
                function.and_then(|f| if f.kind() == "subscript" { field(f, "value") } else { Some(f) });
            function.and_then(|f| path_of(visitor, f)).is_some_and(|path| makes_mutable(&path))
        }
        _ => super::syntax::is_container_display(value),
    }
}

fn path_of<'t>(visitor: &Visitor<'t>, node: Node<'_>) -> Option<Vec<&'t str>> {
    visitor.model.qualified(visitor.scope, &dotted(node, visitor.text)?)
}

fn has_immutable_annotation(visitor: &Visitor<'_>, parameter: Node<'_>) -> bool {
    field(parameter, "type").is_some_and(|annotation| is_immutable_annotation(visitor, annotation))
}

fn is_immutable_annotation(visitor: &Visitor<'_>, annotation: Node<'_>) -> bool {
    let node = bare(annotation);
    match node.kind() {
        "identifier" | "attribute" => path_of(visitor, node).is_some_and(|path| is_immutable_type(&path)),
        "subscript" => field(node, "value")
            .is_some_and(|value| is_immutable_index(visitor, value, &fields(node, "subscript"))),
        "generic_type" => {
            let parts_of = parts(node);
            let items: Vec<_> = parts_of.iter().skip(1).flat_map(|list| parts(*list)).collect();
            parts_of.first().is_some_and(|value| is_immutable_index(visitor, *value, &items))
        }
        "binary_operator" => {
            let is_union = field(node, "operator").is_some_and(|op| slice(op, visitor.text) == "|");
            is_union && parts(node).iter().all(|side| is_immutable_annotation(visitor, *side))
        }
        "union_type" => parts(node).iter().all(|side| is_immutable_annotation(visitor, *side)),
        "none" => true,
        _ => false,
    }
}

fn is_immutable_index(visitor: &Visitor<'_>, value: Node<'_>, items: &[Node<'_>]) -> bool {
    let Some(path) = path_of(visitor, value) else { return false };
    let immutable = |item: &Node<'_>| is_immutable_annotation(visitor, *item);
    match path.as_slice() {
        path if is_immutable_generic(path) => true,
        ["typing", "Union"] => items.len() > 1 && items.iter().all(immutable),
        ["typing", "Optional"] => items.first().is_some_and(immutable),
        ["typing" | "typing_extensions", "Annotated"] => {
            items.len() > 1 && items.first().is_some_and(immutable)
        }
        _ => false,
    }
}

/// `UserId(1)` with `UserId = NewType("UserId", int)`.
fn is_immutable_new_type(visitor: &Visitor<'_>, function: Node<'_>) -> bool {
    if function.kind() != "identifier" {
        return false;
    }
    let Load::Resolved(id) = visitor.model.load(visitor.scope, visitor.name_of(function), false) else {
        return false;
    };
    let binding = &visitor.model.bindings[id];
    let Bound::Value(value) = binding.bound else { return false };
    if binding.replaced.is_some() || value.kind() != "call" {
        return false;
    }
    let is_new_type = field(value, "function")
        .and_then(|f| dotted(f, visitor.text))
        .is_some_and(|name| visitor.model.is_typing(visitor.scope, &name, "NewType"));
    let arguments = field(value, "arguments").map(parts).unwrap_or_default();
    is_new_type && arguments.len() == 2 && is_immutable_annotation(visitor, arguments[1])
}

impl<'t> Visitor<'t> {
    fn name_of(&self, node: Node<'_>) -> &'t str {
        slice(node, self.text)
    }
}
