//! The part of the walk that visits statements which bind names: assignments, imports, `del`, `global`.

use super::scope::{Bound, MODULE, ScopeKind};
use super::syntax::{Node, dotted, field, fields, parts};
use super::visit::Visitor;

impl<'t> Visitor<'t> {
    pub(super) fn assignment(&mut self, node: Node<'t>) {
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

    pub(super) fn annotated_assignment(&mut self, node: Node<'t>, annotation: Node<'t>) {
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

    pub(super) fn augmented(&mut self, node: Node<'t>) {
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

    pub(super) fn delete(&mut self, target: Node<'t>) {
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

    pub(super) fn delete_name(&mut self, node: Node<'t>) {
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

    pub(super) fn import(&mut self, node: Node<'t>) {
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

    pub(super) fn import_from(&mut self, node: Node<'t>) {
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

    pub(super) fn import_future(&mut self, node: Node<'t>) {
        for item in fields(node, "name") {
            let (name, alias) = self.alias(item);
            self.future |= name == "annotations";
            self.bind(alias.unwrap_or(name), Bound::Opaque);
        }
    }

    pub(super) fn note_typing(&mut self, module: &str) {
        self.typing |= matches!(module, "typing" | "typing_extensions" | "_typeshed" | "mypy_extensions");
    }

    /// The dotted path of an imported item and its alias.
    pub(super) fn alias(&self, item: Node<'t>) -> (&'t str, Option<&'t str>) {
        if item.kind() != "aliased_import" {
            return (self.name(item), None);
        }
        let path = field(item, "name").map_or("", |n| self.name(n));
        (path, field(item, "alias").map(|n| self.name(n)))
    }

    pub(super) fn global(&mut self, node: Node<'t>) {
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

    pub(super) fn nonlocal(&mut self, node: Node<'t>) {
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
}

/// `x` of `(x): int`, which the grammar takes for a tuple.
fn bare_target(target: Node<'_>) -> Node<'_> {
    match parts(target).as_slice() {
        [inner] if target.kind() == "tuple_pattern" && target.child_count() == 3 => *inner,
        _ => target,
    }
}
