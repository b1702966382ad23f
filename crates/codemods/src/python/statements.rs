//! The part of the walk that visits statements which steer the flow or hold other statements.

use super::scope::{Bound, Load};
use super::syntax::{Node, bare, field, fields, parts};
use super::visit::Visitor;
use crate::source::Skipped;

impl<'t> Visitor<'t> {
    pub(super) fn block(&mut self, node: Node<'t>) {
        for statement in parts(node) {
            self.statement(statement);
        }
    }

    pub(super) fn optional_block(&mut self, node: Option<Node<'t>>) {
        if let Some(node) = node {
            self.block(node);
        }
    }

    pub(super) fn statement(&mut self, node: Node<'t>) {
        if self.enter() {
            self.statement_inside(node);
        }
        self.leave();
    }

    pub(super) fn statement_inside(&mut self, node: Node<'t>) {
        match node.kind() {
            "expression_statement" => self.expression_statement(node),
            "import_statement" => self.import(node),
            "import_from_statement" => self.import_from(node),
            "future_import_statement" => self.import_future(node),
            "decorated_definition" => self.decorated(node),
            "function_definition" => self.function(node),
            "class_definition" => self.class(node),
            "if_statement" | "while_statement" => self.with_flags(|v| v.conditional(node)),
            "for_statement" => self.for_loop(node),
            "try_statement" => self.try_statement(node),
            "with_statement" => self.with(node),
            "match_statement" => self.with_flags(|v| v.match_statement(node)),
            "delete_statement" => parts(node).into_iter().for_each(|target| self.delete(target)),
            "global_statement" => self.global(node),
            "nonlocal_statement" => self.nonlocal(node),
            "type_alias_statement" => self.type_alias(node),
            "print_statement" | "exec_statement" => self.python_2(node),
            _ => self.expr_parts(node),
        }
    }

    /// A statement of Python 2. `print >>f, x` is also an expression of Python 3, which is how linters read it.
    pub(super) fn python_2(&mut self, node: Node<'t>) {
        if parts(node).first().is_some_and(|first| first.kind() == "chevron") {
            self.expr_parts(node);
        } else {
            self.stop.get_or_insert(Skipped::SyntaxError);
        }
    }

    pub(super) fn expression_statement(&mut self, node: Node<'t>) {
        for part in parts(node) {
            match part.kind() {
                "assignment" => self.assignment(part),
                "augmented_assignment" => self.augmented(part),
                _ => self.expr(part),
            }
        }
    }

    pub(super) fn conditional(&mut self, node: Node<'t>) {
        self.expr_field(node, "condition");
        self.flags.conditional = true;
        self.optional_block(field(node, "consequence").or_else(|| field(node, "body")));
        for branch in fields(node, "alternative") {
            self.expr_field(branch, "condition");
            self.with_flags(|v| {
                v.flags.orelse |= node.kind() == "while_statement";
                v.optional_block(field(branch, "consequence").or_else(|| field(branch, "body")));
            });
        }
    }

    pub(super) fn for_loop(&mut self, node: Node<'t>) {
        self.expr_field(node, "right");
        field(node, "left").into_iter().for_each(|target| self.store(target));
        self.optional_block(field(node, "body"));
        self.with_flags(|v| {
            v.flags.orelse = true;
            v.optional_block(field(node, "alternative").and_then(|branch| field(branch, "body")));
        });
    }

    pub(super) fn try_statement(&mut self, node: Node<'t>) {
        let clauses: Vec<_> = parts(node).into_iter().filter(|part| part.kind() != "block").collect();
        let catches = clauses.iter().any(|clause| self.catches_name_error(*clause));
        self.handled.push(catches);
        self.optional_block(field(node, "body"));
        self.handled.pop();
        for clause in clauses {
            self.with_flags(|v| match clause.kind() {
                "except_clause" => v.except(clause),
                "else_clause" => {
                    v.flags.orelse = true;
                    v.optional_block(field(clause, "body"));
                }
                _ => parts(clause).into_iter().for_each(|block| v.block(block)),
            });
        }
    }

    pub(super) fn catches_name_error(&self, clause: Node<'t>) -> bool {
        let is_name_error = |node: &Node<'t>| {
            self.name(*node) == "NameError" && self.model.finds_builtin(self.scope, "NameError")
        };
        fields(clause, "value").into_iter().any(|value| {
            let value = if value.kind() == "as_pattern" { parts(value)[0] } else { value };
            let value = bare(value);
            if value.kind() == "tuple" {
                parts(value).iter().any(is_name_error)
            } else {
                is_name_error(&value)
            }
        })
    }

    pub(super) fn except(&mut self, clause: Node<'t>) {
        self.flags.handler = true;
        let values = fields(clause, "value");
        let alias = values.first().filter(|v| v.kind() == "as_pattern").and_then(|v| field(*v, "alias"));
        let name = alias.and_then(|a| parts(a).first().copied()).map(|n| self.name(n));
        let hidden = name.and_then(|name| {
            self.model.touch_builtin(name);
            match self.model.load(self.scope, name, false) {
                Load::Resolved(id) => Some(id),
                _ => None,
            }
        });
        if let Some(name) = name {
            self.bind(name, Bound::Opaque);
        }
        for value in values {
            let value = if value.kind() == "as_pattern" { parts(value)[0] } else { value };
            self.expr(value);
        }
        parts(clause).into_iter().filter(|n| n.kind() == "block").for_each(|block| self.block(block));
        if let Some(name) = name {
            self.bind(name, Bound::Unbound(hidden));
        }
    }

    pub(super) fn with(&mut self, node: Node<'t>) {
        let clauses = parts(node).into_iter().filter(|part| part.kind() == "with_clause");
        for item in clauses.flat_map(parts) {
            let Some(value) = field(item, "value") else { continue };
            self.with_item(value);
        }
        self.optional_block(field(node, "body"));
    }

    /// An expression, with the names that `as` binds to it.
    pub(super) fn with_item(&mut self, value: Node<'t>) {
        if value.kind() != "as_pattern" {
            return self.expr(value);
        }
        for part in parts(value) {
            if part.kind() == "as_pattern_target" { self.store(part) } else { self.expr(part) }
        }
    }

    pub(super) fn match_statement(&mut self, node: Node<'t>) {
        fields(node, "subject").into_iter().for_each(|subject| self.expr(subject));
        self.flags.conditional = true;
        for case in field(node, "body").map(parts).unwrap_or_default() {
            for part in parts(case) {
                match part.kind() {
                    "if_clause" => self.expr_parts(part),
                    "block" => self.block(part),
                    _ => self.pattern(part),
                }
            }
        }
    }
}
