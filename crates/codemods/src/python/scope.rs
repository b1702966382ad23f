//! Names, scopes and what a name means at a point of the visit. Knows Python's scope rules, not its syntax.
//!
//! Follows the order of execution as linters see it: a name counts as bound once its binding has been visited, and
//! bodies of functions are visited after the module around them.

use std::collections::HashMap;

use super::builtins::is_builtin;
use super::syntax::Node;

pub(crate) type ScopeId = usize;
pub(crate) type BindingId = usize;

/// The module's own scope.
pub(crate) const MODULE: ScopeId = 0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScopeKind {
    Module,
    Class,
    Function,
    Lambda,
    Comprehension,
    /// Holds type parameters; annotations of a signature are looked up here.
    Type,
    /// Holds the `__class__` that methods see.
    ClassCell,
}

/// How a name came to be bound.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound<'t> {
    /// `import a.b as c`: the dotted path.
    Import(&'t str),
    /// `import a.b`: binds `a`.
    Submodule(&'t str),
    /// `from module import name`.
    From {
        module: &'t str,
        name: &'t str,
    },
    /// A parameter, a loop variable, a definition...: its value is not looked at.
    Opaque,
    /// `name = value`, the value kept for a look at it.
    Value(Node<'t>),
    /// `name: type` without a value: not bound yet.
    Annotation,
    /// After `del name`.
    Deleted,
    /// After `except ... as name`; the binding that it hid, if any.
    Unbound(Option<BindingId>),
    /// `global name`; the module's binding at that point.
    Global(Option<BindingId>),
    /// `nonlocal name`.
    Nonlocal(BindingId),
    Builtin,
}

#[derive(Debug)]
pub(crate) struct Binding<'t> {
    pub(crate) bound: Bound<'t>,
    pub(crate) scope: ScopeId,
    /// The binding of the same name in the same scope that this one replaced.
    pub(crate) replaced: Option<BindingId>,
    /// Rebound through `global` or `nonlocal` elsewhere.
    pub(crate) rebound: bool,
}

#[derive(Debug)]
pub(crate) struct Scope<'t> {
    pub(crate) kind: ScopeKind,
    pub(crate) parent: Option<ScopeId>,
    pub(crate) names: HashMap<&'t str, BindingId>,
    /// Holds a `from m import *`.
    pub(crate) star: bool,
}

/// The answer to "what does this name mean here?".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    Resolved(BindingId),
    /// `__module__` and `__qualname__` in a class body.
    Implicit,
    /// Unknown, but a star import may bring it.
    Star,
    /// Unknown. `Some` when a bare annotation in a function names it.
    Missing(Option<BindingId>),
}

/// All scopes and bindings of a file.
#[derive(Debug)]
pub(crate) struct Model<'t> {
    pub(crate) scopes: Vec<Scope<'t>>,
    pub(crate) bindings: Vec<Binding<'t>>,
    /// In a stub file annotations bind.
    pub(crate) stub: bool,
}

impl<'t> Model<'t> {
    pub(crate) fn new(stub: bool) -> Self {
        let mut model = Self { scopes: Vec::new(), bindings: Vec::new(), stub };
        model.push_scope(ScopeKind::Module, None);
        model
    }

    pub(crate) fn push_scope(&mut self, kind: ScopeKind, parent: Option<ScopeId>) -> ScopeId {
        self.scopes.push(Scope { kind, parent, names: HashMap::new(), star: false });
        self.scopes.len() - 1
    }

    /// The scope and those around it, innermost first.
    pub(crate) fn ancestors(&self, scope: ScopeId) -> impl Iterator<Item = ScopeId> + '_ {
        std::iter::successors(Some(scope), |id| self.scopes[*id].parent)
    }

    fn push(&mut self, scope: ScopeId, bound: Bound<'t>) -> BindingId {
        self.bindings.push(Binding { bound, scope, replaced: None, rebound: false });
        self.bindings.len() - 1
    }

    /// Gives a builtin its place in the module's scope when its name is first touched, as if the module had bound it.
    pub(crate) fn touch_builtin(&mut self, name: &'t str) {
        if is_builtin(name) && !self.scopes[MODULE].names.contains_key(name) {
            let id = self.push(MODULE, Bound::Builtin);
            self.scopes[MODULE].names.insert(name, id);
        }
    }

    /// Binds the name in the scope. A bare annotation does not replace a binding that is already there.
    pub(crate) fn bind(&mut self, scope: ScopeId, name: &'t str, bound: Bound<'t>) -> BindingId {
        self.touch_builtin(name);
        let id = self.push(scope, bound);
        if let Some(old) = self.scopes[scope].names.get(name).copied() {
            if matches!(bound, Bound::Annotation) {
                return id;
            }
            self.bindings[id].replaced = Some(old);
        }
        self.scopes[scope].names.insert(name, id);
        id
    }

    pub(crate) fn is_unbound(&self, id: BindingId) -> bool {
        matches!(self.bindings[id].bound, Bound::Annotation | Bound::Deleted | Bound::Unbound(_))
    }

    /// The module's binding of the name, a builtin included.
    pub(crate) fn module_binding(&mut self, name: &'t str) -> Option<BindingId> {
        self.touch_builtin(name);
        self.scopes[MODULE].names.get(name).copied()
    }

    /// What a load of `name` in `scope` finds. `forward` prefers the module's names (quoted annotations).
    pub(crate) fn load(&self, scope: ScopeId, name: &str, forward: bool) -> Load {
        if forward
            && let Some(id) = self.scopes[MODULE].names.get(name).copied()
            && !self.is_unbound(id)
        {
            return Load::Resolved(id);
        }
        let mut star = false;
        let mut class_visible = true;
        for (index, id) in self.ancestors(scope).enumerate() {
            let here = &self.scopes[id];
            if here.kind == ScopeKind::Class && !class_visible {
                continue;
            }
            class_visible = matches!((here.kind, index), (ScopeKind::Type, 0) | (ScopeKind::ClassCell, 1));
            if let Some(found) = here.names.get(name)
                && let Some(answer) = self.meaning(*found)
            {
                return answer;
            }
            if index == 0 && here.kind == ScopeKind::Class && matches!(name, "__module__" | "__qualname__") {
                return Load::Implicit;
            }
            star |= here.star;
        }
        self.load_builtin(name, star)
    }

    /// What a load that finds this binding means; `None` to go on in the scope around.
    fn meaning(&self, id: BindingId) -> Option<Load> {
        let binding = &self.bindings[id];
        Some(match binding.bound {
            Bound::Annotation if self.stub => Load::Resolved(id),
            // Stubs are read as a whole: what a `del` hides is there for the annotations above it.
            Bound::Deleted if self.stub && binding.replaced.is_some() => Load::Resolved(id),
            Bound::Annotation if self.scopes[binding.scope].kind == ScopeKind::Function => {
                Load::Missing(Some(id))
            }
            Bound::Annotation => return None,
            Bound::Deleted | Bound::Unbound(None) => Load::Missing(None),
            Bound::Unbound(Some(hidden)) | Bound::Global(Some(hidden)) | Bound::Nonlocal(hidden) => {
                Load::Resolved(hidden)
            }
            _ => Load::Resolved(id),
        })
    }

    fn load_builtin(&self, name: &str, star: bool) -> Load {
        match self.scopes[MODULE].names.get(name) {
            None if is_builtin(name) => Load::Implicit,
            _ if star => Load::Star,
            _ => Load::Missing(None),
        }
    }

    /// Whether a load of `name` in `scope` finds the builtin.
    pub(crate) fn finds_builtin(&self, scope: ScopeId, name: &str) -> bool {
        is_builtin(name)
            && match self.load(scope, name, false) {
                Load::Resolved(id) => matches!(self.bindings[id].bound, Bound::Builtin),
                Load::Implicit => true,
                _ => false,
            }
    }

    /// The full path of a dotted name as its imports tell it (`["", "list"]` for a builtin); `None` when unknown.
    pub(crate) fn qualified<'s>(&self, scope: ScopeId, name: &[&'s str]) -> Option<Vec<&'s str>>
    where
        't: 's,
    {
        let (head, tail) = name.split_first()?;
        let id = match self.load(scope, head, false) {
            Load::Resolved(id) => id,
            Load::Implicit if is_builtin(head) => return Some([&[""], name].concat()),
            _ => return None,
        };
        let mut path: Vec<&'s str> = match self.bindings[id].bound {
            Bound::Import(dotted) => dotted.split('.').collect(),
            Bound::Submodule(first) => vec![first],
            Bound::From { module, name } => module.split('.').chain([name]).collect(),
            Bound::Builtin => vec!["", *head],
            _ => return None,
        };
        path.extend_from_slice(tail);
        Some(path)
    }

    /// Whether the dotted name is `member` of `typing` (or of its backport).
    pub(crate) fn is_typing(&self, scope: ScopeId, name: &[&str], member: &str) -> bool {
        matches!(self.qualified(scope, name).as_deref(),
            Some(["typing" | "typing_extensions" | "_typeshed", found]) if *found == member)
    }
}
