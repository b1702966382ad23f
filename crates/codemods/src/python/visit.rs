//! The walk over a module's statements in the order in which they take effect. Keeps the scopes up to date and puts
//! off what runs later: bodies of functions, lambdas, quoted annotations.

use std::mem;

use super::Analysis;
use super::defaults;
use super::scope::{Bound, Load, MODULE, Model, ScopeId, ScopeKind};
use super::syntax::{Node, bare, dotted, field, fields, parts, slice};
use super::undefined_name::NameSite;
use crate::scan::{Hit, Repair};
use crate::source::Skipped;

/// Levels of syntax above which a file is left alone; Python itself stops at 100 blocks and 200 brackets.
const MAX_DEPTH: usize = 400;

/// What is known about the surroundings of the node being visited.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, as many as the language has")]
pub(super) struct Flags {
    /// Inside of something that is read as a type: strings are names.
    pub(super) type_definition: bool,
    pub(super) annotation: bool,
    /// The annotation is never evaluated.
    pub(super) typing_only: bool,
    /// Inside of `Literal[...]`.
    pub(super) literal: bool,
    /// Visiting something that was put off; not to be put off again.
    pub(super) deferred_type: bool,
    pub(super) future_type: bool,
    pub(super) class_base: bool,
    pub(super) deferred_base: bool,
    /// Inside of the target of an assignment's subscript.
    pub(super) subscript: bool,
    handler: bool,
    orelse: bool,
    conditional: bool,
}

/// Something to visit later, with the surroundings it has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Later<'t> {
    pub(super) node: Node<'t>,
    scope: ScopeId,
    flags: Flags,
}

#[derive(Debug, Default)]
pub(super) struct Queues<'t> {
    pub(super) bases: Vec<Later<'t>>,
    functions: Vec<Later<'t>>,
    pub(super) type_parameters: Vec<Later<'t>>,
    pub(super) lambdas: Vec<Later<'t>>,
    pub(super) futures: Vec<Later<'t>>,
    pub(super) strings: Vec<Later<'t>>,
}

/// Chooses one of the queues.
type QueueOf<'t> = for<'q> fn(&'q mut Queues<'t>) -> &'q mut Vec<Later<'t>>;

pub(super) struct Visitor<'t> {
    pub(super) text: &'t str,
    pub(super) model: Model<'t>,
    pub(super) scope: ScopeId,
    pub(super) flags: Flags,
    pub(super) later: Queues<'t>,
    pub(super) hits: Vec<Hit>,
    pub(super) builtin_uses: Vec<usize>,
    /// `from __future__ import annotations` was seen.
    pub(super) future: bool,
    /// `typing` or its like was imported.
    pub(super) typing: bool,
    missing: Vec<(NameSite, Option<usize>)>,
    /// For each `try` around: whether it catches `NameError`.
    handled: Vec<bool>,
    is_package: bool,
    has_global: bool,
    depth: usize,
    stop: Option<Skipped>,
}

/// Walks a module.
pub(super) fn visit<'t>(root: Node<'t>, text: &'t str, path: &str) -> Result<Analysis<'t>, Skipped> {
    let mut visitor = Visitor {
        text,
        model: Model::new(path.ends_with(".pyi")),
        scope: MODULE,
        flags: Flags::default(),
        later: Queues::default(),
        hits: Vec::new(),
        builtin_uses: Vec::new(),
        future: false,
        typing: false,
        missing: Vec::new(),
        handled: Vec::new(),
        is_package: path.rsplit('/').next() == Some("__init__.py"),
        has_global: text.contains("global "),
        depth: 0,
        stop: None,
    };
    visitor.block(root);
    visitor.visit_later();
    visitor.finish()
}

impl<'t> Visitor<'t> {
    fn finish(mut self) -> Result<Analysis<'t>, Skipped> {
        if let Some(why) = self.stop {
            return Err(why);
        }
        for (site, annotation) in mem::take(&mut self.missing) {
            if annotation.is_some_and(|id| self.model.bindings[id].rebound) {
                continue;
            }
            self.hits.push(Hit {
                tool: "ruff".into(),
                code: "F821".into(),
                message: format!("Undefined name `{}`", site.name),
                at: site.range.start,
                repair: Repair::Name(site),
            });
        }
        self.builtin_uses.sort_unstable();
        Ok(Analysis { hits: self.hits, builtin_uses: self.builtin_uses, model: self.model })
    }

    /// Visits what was put off, in the order that lets each find what the others bind.
    fn visit_later(&mut self) {
        loop {
            let before = (self.scope, self.flags);
            self.drain(
                |q| &mut q.bases,
                |v, node| {
                    v.flags.deferred_base = true;
                    v.expr(node);
                },
            );
            self.drain(|q| &mut q.functions, Self::function_body);
            self.drain(
                |q| &mut q.type_parameters,
                |v, node| {
                    v.flags.deferred_type = true;
                    v.flags.type_definition = true;
                    v.expr(node);
                },
            );
            self.drain(|q| &mut q.lambdas, Self::lambda_body);
            self.drain(
                |q| &mut q.futures,
                |v, node| {
                    v.flags.deferred_type = true;
                    v.flags.future_type = true;
                    v.flags.type_definition = true;
                    v.expr(node);
                },
            );
            for item in mem::take(&mut self.later.strings) {
                (self.scope, self.flags) = (item.scope, item.flags);
                self.quoted_annotation(item.node);
            }
            (self.scope, self.flags) = before;
            let q = &self.later;
            let empty = q.bases.is_empty() && q.functions.is_empty() && q.type_parameters.is_empty();
            if empty && q.lambdas.is_empty() && q.futures.is_empty() && q.strings.is_empty() {
                return;
            }
        }
    }

    fn drain(&mut self, queue: QueueOf<'t>, visit: fn(&mut Self, Node<'t>)) {
        loop {
            let items = mem::take(queue(&mut self.later));
            if items.is_empty() {
                return;
            }
            for item in items {
                (self.scope, self.flags) = (item.scope, item.flags);
                visit(self, item.node);
            }
        }
    }

    pub(super) fn put_off(&self, node: Node<'t>) -> Later<'t> {
        Later { node, scope: self.scope, flags: self.flags }
    }

    /// Counts a level of nesting; false when there are too many.
    pub(super) fn enter(&mut self) -> bool {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            self.stop = Some(Skipped::TooDeep);
        }
        self.stop.is_none()
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    pub(super) fn name(&self, node: Node<'t>) -> &'t str {
        slice(node, self.text)
    }

    pub(super) fn bind(&mut self, name: &'t str, bound: Bound<'t>) {
        self.model.bind(self.scope, name, bound);
    }

    /// Runs `inside` with a new scope.
    pub(super) fn in_scope(&mut self, kind: ScopeKind, inside: impl FnOnce(&mut Self)) {
        let outer = self.scope;
        self.scope = self.model.push_scope(kind, Some(outer));
        inside(self);
        self.scope = outer;
    }

    /// Runs `inside` and then restores the surroundings.
    pub(super) fn with_flags(&mut self, inside: impl FnOnce(&mut Self)) {
        let saved = self.flags;
        inside(self);
        self.flags = saved;
    }

    pub(super) fn block(&mut self, node: Node<'t>) {
        for statement in parts(node) {
            self.statement(statement);
        }
    }

    fn optional_block(&mut self, node: Option<Node<'t>>) {
        if let Some(node) = node {
            self.block(node);
        }
    }

    fn statement(&mut self, node: Node<'t>) {
        if self.enter() {
            self.statement_inside(node);
        }
        self.leave();
    }

    fn statement_inside(&mut self, node: Node<'t>) {
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
    fn python_2(&mut self, node: Node<'t>) {
        if parts(node).first().is_some_and(|first| first.kind() == "chevron") {
            self.expr_parts(node);
        } else {
            self.stop.get_or_insert(Skipped::SyntaxError);
        }
    }

    fn expression_statement(&mut self, node: Node<'t>) {
        for part in parts(node) {
            match part.kind() {
                "assignment" => self.assignment(part),
                "augmented_assignment" => self.augmented(part),
                _ => self.expr(part),
            }
        }
    }

    fn assignment(&mut self, node: Node<'t>) {
        if let Some(annotation) = field(node, "type") {
            return self.annotated_assignment(node, annotation);
        }
        let mut targets = Vec::new();
        let mut value = Some(node);
        while let Some(inner) = value
            && inner.kind() == "assignment"
        {
            targets.extend(field(inner, "left"));
            value = field(inner, "right");
        }
        if let Some(value) = value {
            self.expr(value);
        }
        for target in targets {
            match (target.kind(), value) {
                ("identifier", Some(value)) => self.bind(self.name(target), Bound::Value(value)),
                _ => self.store(target),
            }
        }
    }

    fn annotated_assignment(&mut self, node: Node<'t>, annotation: Node<'t>) {
        let here = self.model.scopes[self.scope].kind;
        let typing_only =
            self.future || self.model.stub || !matches!(here, ScopeKind::Class | ScopeKind::Module);
        self.annotation(annotation, typing_only);
        let value = field(node, "right");
        if let Some(value) = value {
            let is_alias = self.typing
                && dotted(annotation, self.text)
                    .is_some_and(|name| self.model.is_typing(self.scope, &name, "TypeAlias"));
            if is_alias { self.type_definition(value) } else { self.expr(value) }
        }
        let Some(target) = field(node, "left") else { return };
        match (target.kind(), value) {
            (_, None) if bare_target(target).kind() == "identifier" => {
                self.bind(self.name(bare_target(target)), Bound::Annotation);
            }
            _ => self.store(target),
        }
    }

    fn augmented(&mut self, node: Node<'t>) {
        let Some(target) = field(node, "left") else { return };
        if target.kind() == "identifier" {
            self.load(target);
        }
        if let Some(value) = field(node, "right") {
            self.expr(value);
        }
        self.store(target);
    }

    /// Binds the names of an assignment's target, and visits the expressions in it.
    pub(super) fn store(&mut self, target: Node<'t>) {
        match target.kind() {
            "identifier" => self.bind(self.name(target), Bound::Opaque),
            "attribute" => self.expr_field(target, "object"),
            "subscript" => self.with_flags(|v| {
                v.flags.subscript = true;
                v.expr_parts(target);
            }),
            _ => {
                if self.enter() {
                    parts(target).into_iter().for_each(|inner| self.store(inner));
                }
                self.leave();
            }
        }
    }

    fn delete(&mut self, target: Node<'t>) {
        match target.kind() {
            "identifier" => self.delete_name(target),
            "attribute" | "subscript" => self.store(target),
            _ => {
                if self.enter() {
                    parts(target).into_iter().for_each(|inner| self.delete(inner));
                }
                self.leave();
            }
        }
    }

    fn delete_name(&mut self, node: Node<'t>) {
        let name = self.name(node);
        self.model.touch_builtin(name);
        match self.model.scopes[self.scope].names.get(name) {
            Some(id) if !self.model.is_unbound(*id) => {}
            _ => self.report_missing(node.byte_range(), name, None),
        }
        if !(self.flags.conditional || self.flags.handler || self.flags.orelse) {
            self.bind(name, Bound::Deleted);
        }
    }

    fn import(&mut self, node: Node<'t>) {
        for item in fields(node, "name") {
            let (path, alias) = self.alias(item);
            self.note_typing(path);
            match alias {
                Some(alias) => self.bind(alias, Bound::Import(path)),
                None => match path.split_once('.') {
                    Some((first, _)) => self.bind(first.trim_end(), Bound::Submodule(first.trim_end())),
                    None => self.bind(path, Bound::Import(path)),
                },
            }
        }
    }

    fn import_from(&mut self, node: Node<'t>) {
        let module = field(node, "module_name").map_or("", |n| self.name(n));
        self.note_typing(module);
        if parts(node).iter().any(|part| part.kind() == "wildcard_import") {
            self.model.scopes[self.scope].star = true;
        }
        for item in fields(node, "name") {
            let (name, alias) = self.alias(item);
            self.bind(alias.unwrap_or(name), Bound::From { module, name });
        }
    }

    fn import_future(&mut self, node: Node<'t>) {
        for item in fields(node, "name") {
            let (name, alias) = self.alias(item);
            self.future |= name == "annotations";
            self.bind(alias.unwrap_or(name), Bound::Opaque);
        }
    }

    fn note_typing(&mut self, module: &str) {
        self.typing |= matches!(module, "typing" | "typing_extensions" | "_typeshed" | "mypy_extensions");
    }

    /// The dotted path of an imported item and its alias.
    fn alias(&self, item: Node<'t>) -> (&'t str, Option<&'t str>) {
        if item.kind() != "aliased_import" {
            return (self.name(item), None);
        }
        let path = field(item, "name").map_or("", |n| self.name(n));
        (path, field(item, "alias").map(|n| self.name(n)))
    }

    fn decorated(&mut self, node: Node<'t>) {
        for part in parts(node) {
            match part.kind() {
                "decorator" => self.expr_parts(part),
                _ => self.statement(part),
            }
        }
    }

    fn function(&mut self, node: Node<'t>) {
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

    fn function_body(&mut self, node: Node<'t>) {
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
    fn declare_globals(&mut self, body: Option<Node<'t>>) {
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

    fn class(&mut self, node: Node<'t>) {
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

    fn conditional(&mut self, node: Node<'t>) {
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

    fn for_loop(&mut self, node: Node<'t>) {
        self.expr_field(node, "right");
        field(node, "left").into_iter().for_each(|target| self.store(target));
        self.optional_block(field(node, "body"));
        self.with_flags(|v| {
            v.flags.orelse = true;
            v.optional_block(field(node, "alternative").and_then(|branch| field(branch, "body")));
        });
    }

    fn try_statement(&mut self, node: Node<'t>) {
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

    fn catches_name_error(&self, clause: Node<'t>) -> bool {
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

    fn except(&mut self, clause: Node<'t>) {
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

    fn with(&mut self, node: Node<'t>) {
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

    fn match_statement(&mut self, node: Node<'t>) {
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

    fn global(&mut self, node: Node<'t>) {
        if self.scope == MODULE {
            return;
        }
        for name in parts(node) {
            let name = self.name(name);
            let id = self.model.module_binding(name);
            if let Some(id) = id {
                self.model.bindings[id].rebound = true;
            }
            self.bind(name, Bound::Global(id));
        }
    }

    fn nonlocal(&mut self, node: Node<'t>) {
        for name in parts(node) {
            let name = self.name(name);
            let scopes: Vec<_> = self.model.ancestors(self.scope).skip(1).collect();
            let found = scopes
                .into_iter()
                .filter(|id| *id != MODULE && self.model.scopes[*id].kind != ScopeKind::Class)
                .find_map(|id| self.model.scopes[id].names.get(name).copied());
            if let Some(id) = found {
                self.model.bindings[id].rebound = true;
                self.bind(name, Bound::Nonlocal(id));
            }
        }
    }

    /// A load of a name.
    pub(super) fn load(&mut self, node: Node<'t>) {
        let forward = self.flags.future_type && self.flags.typing_only;
        self.load_name(self.name(node), node.byte_range(), forward);
    }

    pub(super) fn load_name(&mut self, name: &str, range: std::ops::Range<usize>, forward: bool) {
        match self.model.load(self.scope, name, forward) {
            Load::Resolved(id) if matches!(self.model.bindings[id].bound, Bound::Builtin) => {
                self.builtin_uses.push(range.start);
            }
            Load::Implicit => self.builtin_uses.push(range.start),
            Load::Resolved(_) | Load::Star => {}
            Load::Missing(annotation) => self.report_missing(range, name, annotation),
        }
    }

    fn report_missing(&mut self, range: std::ops::Range<usize>, name: &str, annotation: Option<usize>) {
        let handled = self.handled.iter().any(|catches| *catches);
        // Python folds look-alike letters into one name; we do not.
        if handled || !name.is_ascii() || (self.is_package && name == "__path__") {
            return;
        }
        self.missing.push((NameSite { name: name.to_owned(), range, scope: self.scope }, annotation));
    }
}

/// `x` of `(x): int`, which the grammar takes for a tuple.
fn bare_target(target: Node<'_>) -> Node<'_> {
    match parts(target).as_slice() {
        [inner] if target.kind() == "tuple_pattern" && target.child_count() == 3 => *inner,
        _ => target,
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
