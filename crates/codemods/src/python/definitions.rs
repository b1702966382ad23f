//! The part of the walk that visits functions and classes: decorators, signatures, scopes.

use super::defaults;
use super::scope::{Bound, MODULE, ScopeKind};
use super::syntax::{Node, field, parts};
use super::visit::Visitor;

impl<'t> Visitor<'t> {
    pub(super) fn decorated(&mut self, node: Node<'t>) {
        for part in parts(node) {
            match part.kind() {
                "decorator" => self.expr_parts(part),
                _ => self.statement(part),
            }
        }
    }

    pub(super) fn function(&mut self, node: Node<'t>) {
        let parameters = field(node, "parameters").map(parts).unwrap_or_default();
        for parameter in &parameters {
            self.expr_field(*parameter, "value");
        }
        let outer = self.scope;
        if self.model.scopes[outer].kind == ScopeKind::Class {
            self.scope = self.model.push_scope(ScopeKind::ClassCell, Some(outer));
            self.bind("__class__", Bound::Opaque);
        }
        self.in_scope(ScopeKind::Type, |v| {
            v.type_parameters(field(node, "type_parameters"));
            let typing_only = v.future || v.model.stub;
            let annotations = parameters.iter().filter_map(|p| field(*p, "type"));
            for annotation in annotations.chain(field(node, "return_type")) {
                v.annotation(annotation, typing_only);
            }
            v.in_scope(ScopeKind::Function, |v| {
                v.with_flags(|v| {
                    v.flags.handler = false;
                    let item = v.put_off(node);
                    v.later.functions.push(item);
                });
                v.declare_globals(field(node, "body"));
            });
        });
        self.scope = outer;
        defaults::check_function(self, node, &parameters);
        if let Some(name) = field(node, "name") {
            self.bind(self.name(name), Bound::Opaque);
        }
    }

    pub(super) fn function_body(&mut self, node: Node<'t>) {
        self.bind_parameters(field(node, "parameters"));
        self.optional_block(field(node, "body"));
    }

    /// Binds the parameters' names; their defaults and annotations were visited outside.
    pub(super) fn bind_parameters(&mut self, parameters: Option<Node<'t>>) {
        for parameter in parameters.map(parts).unwrap_or_default() {
            match parameter.kind() {
                "default_parameter" | "typed_default_parameter" => {
                    field(parameter, "name").into_iter().for_each(|name| self.store(name));
                }
                "typed_parameter" => parts(parameter).first().into_iter().for_each(|name| self.store(*name)),
                _ => self.store(parameter),
            }
        }
    }

    /// Names that a body declares global exist in the module, whether or not the module binds them itself.
    pub(super) fn declare_globals(&mut self, body: Option<Node<'t>>) {
        if !self.has_global || self.scope == MODULE {
            return;
        }
        let mut pending: Vec<_> = body.into_iter().collect();
        while let Some(node) = pending.pop() {
            if node.kind() == "global_statement" {
                for name in parts(node) {
                    let name = self.name(name);
                    if self.model.module_binding(name).is_none_or(|id| self.model.is_unbound(id)) {
                        self.model.bind(MODULE, name, Bound::Opaque);
                    }
                }
            } else if holds_statements(node.kind()) {
                pending.extend(parts(node));
            }
        }
    }

    pub(super) fn class(&mut self, node: Node<'t>) {
        self.in_scope(ScopeKind::Type, |v| {
            v.type_parameters(field(node, "type_parameters"));
            if let Some(arguments) = field(node, "superclasses") {
                v.with_flags(|v| {
                    v.flags.class_base = true;
                    v.expr_parts(arguments);
                });
            }
            v.in_scope(ScopeKind::Class, |v| {
                v.with_flags(|v| {
                    v.flags.handler = false;
                    v.declare_globals(field(node, "body"));
                    v.optional_block(field(node, "body"));
                });
            });
        });
        if let Some(name) = field(node, "name") {
            self.bind(self.name(name), Bound::Opaque);
        }
    }
}

/// Whether nodes of this kind can hold statements of the same scope.
fn holds_statements(kind: &str) -> bool {
    matches!(
        kind,
        "block"
            | "if_statement"
            | "elif_clause"
            | "else_clause"
            | "for_statement"
            | "while_statement"
            | "try_statement"
            | "except_clause"
            | "finally_clause"
            | "with_statement"
            | "match_statement"
            | "case_clause"
    )
}
