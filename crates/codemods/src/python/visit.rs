//! The walk over a module's statements in the order in which they take effect. Keeps the scopes up to date and puts
//! off what runs later: bodies of functions, lambdas, quoted annotations.

use std::mem;

use super::Analysis;
use super::scope::{Bound, Load, MODULE, Model, ScopeId, ScopeKind};
use super::syntax::{Node, slice};
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
    pub(super) handler: bool,
    pub(super) orelse: bool,
    pub(super) conditional: bool,
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
    pub(super) functions: Vec<Later<'t>>,
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
    pub(super) handled: Vec<bool>,
    is_package: bool,
    pub(super) has_global: bool,
    depth: usize,
    pub(super) stop: Option<Skipped>,
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

    pub(super) fn report_missing(
        &mut self,
        range: std::ops::Range<usize>,
        name: &str,
        annotation: Option<usize>,
    ) {
        let handled = self.handled.iter().any(|catches| *catches);
        // Python folds look-alike letters into one name; we do not.
        if handled || !name.is_ascii() || (self.is_package && name == "__path__") {
            return;
        }
        self.missing.push((NameSite { name: name.to_owned(), range, scope: self.scope }, annotation));
    }
}
