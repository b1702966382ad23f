//! The part of the walk that visits expressions: loads, calls, comprehensions, lambdas, subscripts.

use super::builtins::holds_types;
use super::comparisons;
use super::defaults;
use super::scope::{Bound, ScopeKind};
use super::syntax::{Node, bare, dotted, field, fields, is_interpolated, parts};
use super::visit::Visitor;

/// Calls whose arguments hold types.
enum TypingCall {
    Cast,
    NewType,
    TypeVar,
    TypeAliasType,
    NamedTuple,
    TypedDict,
    /// `VarArg` and its like of `mypy_extensions`.
    MypyArgument,
}

/// Subscripts that change how the index is read.
enum TypingSubscript {
    Literal,
    Generic,
    Annotated,
    TypedDict,
}

impl<'t> Visitor<'t> {
    pub(super) fn expr_parts(&mut self, node: Node<'t>) {
        for part in parts(node) {
            self.expr(part);
        }
    }

    pub(super) fn expr_field(&mut self, node: Node<'t>, name: &str) {
        if let Some(part) = field(node, name) {
            self.expr(part);
        }
    }

    pub(super) fn expr(&mut self, node: Node<'t>) {
        if self.enter() && !self.is_put_off(node) {
            self.with_flags(|v| v.expr_inside(node));
        }
        self.leave();
    }

    /// Puts off what Python evaluates later or never: bases in stubs, annotations under the future import.
    fn is_put_off(&mut self, node: Node<'t>) -> bool {
        let flags = self.flags;
        if self.model.stub && flags.class_base && !flags.deferred_base {
            let item = self.put_off(node);
            self.later.bases.push(item);
            return true;
        }
        let lazy = self.model.stub || self.future && flags.annotation;
        if flags.literal || flags.deferred_type || !flags.type_definition || !lazy {
            return false;
        }
        let item = self.put_off(node);
        match node.kind() {
            "string" | "concatenated_string" => self.later.strings.push(item),
            _ => self.later.futures.push(item),
        }
        true
    }

    fn expr_inside(&mut self, node: Node<'t>) {
        match node.kind() {
            "identifier" => self.load(node),
            "attribute" => self.expr_field(node, "object"),
            "call" => self.call(node),
            "subscript" => self.subscript(node),
            "generic_type" => self.generic_type(node),
            "member_type" => parts(node).first().into_iter().for_each(|object| self.expr(*object)),
            "keyword_argument" => self.expr_field(node, "value"),
            "lambda" => self.lambda(node),
            "list_comprehension"
            | "set_comprehension"
            | "dictionary_comprehension"
            | "generator_expression" => {
                self.comprehension(node);
            }
            "named_expression" => self.walrus(node),
            "as_pattern" => self.with_item(node),
            "conditional_expression" => self.ternary(node),
            "binary_operator" | "boolean_operator" => self.operator_chain(node),
            "comparison_operator" => {
                self.expr_parts(node);
                comparisons::check_comparison(self, node);
            }
            "not_operator" => {
                self.expr_parts(node);
                comparisons::check_not(self, node);
            }
            "string" | "concatenated_string" => self.string(node),
            "integer" | "float" | "none" | "true" | "false" | "ellipsis" => {}
            _ => self.expr_parts(node),
        }
    }

    fn string(&mut self, node: Node<'t>) {
        let strings = if node.kind() == "string" { vec![node] } else { parts(node) };
        if strings.iter().any(|string| is_interpolated(*string, self.text)) {
            strings.into_iter().for_each(|string| self.expr_parts(string));
        } else if self.flags.type_definition && !self.flags.literal {
            let item = self.put_off(node);
            self.later.strings.push(item);
        }
    }

    /// Long sums nest on their left side, one level an operand: taken in a loop.
    fn operator_chain(&mut self, node: Node<'t>) {
        let mut operands = Vec::new();
        let mut left = Some(node);
        while let Some(chain) = left
            && matches!(chain.kind(), "binary_operator" | "boolean_operator")
        {
            operands.extend(field(chain, "right"));
            left = field(chain, "left");
        }
        operands.extend(left);
        for operand in operands.into_iter().rev() {
            self.expr(operand);
        }
    }

    fn ternary(&mut self, node: Node<'t>) {
        let mut parts = parts(node);
        if parts.len() == 3 {
            parts.swap(0, 1);
        }
        parts.into_iter().for_each(|part| self.expr(part));
    }

    /// Binds in the nearest scope that is no comprehension.
    fn walrus(&mut self, node: Node<'t>) {
        self.expr_field(node, "value");
        let Some(name) = field(node, "name") else { return };
        let target = self
            .model
            .ancestors(self.scope)
            .find(|id| self.model.scopes[*id].kind != ScopeKind::Comprehension)
            .unwrap_or(self.scope);
        self.model.bind(target, self.name(name), Bound::Opaque);
    }

    fn lambda(&mut self, node: Node<'t>) {
        let parameters = field(node, "parameters").map(parts).unwrap_or_default();
        for parameter in &parameters {
            self.expr_field(*parameter, "value");
        }
        self.in_scope(ScopeKind::Lambda, |v| {
            let item = v.put_off(node);
            v.later.lambdas.push(item);
        });
        defaults::check_lambda(self, &parameters);
    }

    pub(super) fn lambda_body(&mut self, node: Node<'t>) {
        self.bind_parameters(field(node, "parameters"));
        let in_class =
            self.model.ancestors(self.scope).any(|id| self.model.scopes[id].kind == ScopeKind::Class);
        if !in_class {
            return self.expr_field(node, "body");
        }
        self.in_scope(ScopeKind::ClassCell, |v| {
            v.bind("__class__", Bound::Opaque);
            v.expr_field(node, "body");
        });
    }

    /// The first iterable belongs to the scope around, all else to the comprehension's own.
    fn comprehension(&mut self, node: Node<'t>) {
        let clauses: Vec<_> =
            parts(node).into_iter().filter(|p| matches!(p.kind(), "for_in_clause" | "if_clause")).collect();
        let flags = self.flags;
        if let Some(first) = clauses.first() {
            fields(*first, "right").into_iter().for_each(|iterable| self.expr(iterable));
        }
        self.in_scope(ScopeKind::Comprehension, |v| {
            for (index, clause) in clauses.iter().enumerate() {
                if clause.kind() == "if_clause" {
                    v.expr_parts(*clause);
                    continue;
                }
                if index > 0 {
                    fields(*clause, "right").into_iter().for_each(|iterable| v.expr(iterable));
                }
                field(*clause, "left").into_iter().for_each(|target| v.store(target));
                v.flags = flags;
            }
            v.expr_field(node, "body");
        });
    }

    fn call(&mut self, node: Node<'t>) {
        let (Some(function), Some(arguments)) = (field(node, "function"), field(node, "arguments")) else {
            return;
        };
        self.expr(function);
        if arguments.kind() == "generator_expression" {
            return self.not_a_type(arguments);
        }
        let kind = self.typing_call(function);
        for (index, argument) in parts(arguments).into_iter().enumerate() {
            self.argument(kind.as_ref(), index, argument);
        }
    }

    fn typing_call(&self, function: Node<'t>) -> Option<TypingCall> {
        if !self.typing {
            return None;
        }
        let name = dotted(function, self.text)?;
        match self.model.qualified(self.scope, &name)?.as_slice() {
            ["typing" | "typing_extensions" | "_typeshed", member] => match *member {
                "cast" => Some(TypingCall::Cast),
                "NewType" => Some(TypingCall::NewType),
                "TypeVar" => Some(TypingCall::TypeVar),
                "TypeAliasType" => Some(TypingCall::TypeAliasType),
                "NamedTuple" => Some(TypingCall::NamedTuple),
                "TypedDict" => Some(TypingCall::TypedDict),
                _ => None,
            },
            [
                "mypy_extensions",
                "Arg" | "DefaultArg" | "NamedArg" | "DefaultNamedArg" | "VarArg" | "KwArg",
            ] => Some(TypingCall::MypyArgument),
            _ => None,
        }
    }

    fn argument(&mut self, call: Option<&TypingCall>, index: usize, argument: Node<'t>) {
        let (keyword, value) = match argument.kind() {
            "keyword_argument" => {
                let name = field(argument, "name").map(|n| self.name(n));
                (name, field(argument, "value").unwrap_or(argument))
            }
            _ => (None, argument),
        };
        let is_type = match call {
            None => false,
            Some(TypingCall::Cast) => keyword.map_or(index == 0, |k| k == "typ"),
            Some(TypingCall::NewType) => keyword.map_or(index == 1, |k| k == "tp"),
            Some(TypingCall::TypeVar) => keyword.map_or(index > 0, |k| matches!(k, "bound" | "default")),
            Some(TypingCall::TypeAliasType) => {
                keyword.map_or(index == 1, |k| matches!(k, "value" | "type_params"))
            }
            Some(TypingCall::MypyArgument) => keyword.map_or(index == 0, |k| k == "type"),
            Some(TypingCall::NamedTuple | TypingCall::TypedDict) => {
                return self.record_argument(index, keyword, value);
            }
        };
        if is_type { self.type_definition(value) } else { self.not_a_type(value) }
    }

    /// An argument of `NamedTuple("N", [("field", type)])` or `TypedDict("N", {"field": type})`.
    fn record_argument(&mut self, index: usize, keyword: Option<&str>, value: Node<'t>) {
        if keyword.is_some() {
            return self.type_definition(value);
        }
        let holds_fields = matches!(value.kind(), "list" | "tuple" | "dictionary");
        if index == 0 || !holds_fields {
            return self.not_a_type(value);
        }
        self.record_fields(value);
    }

    /// `{"field": type}` or `[("field", type)]`.
    fn record_fields(&mut self, fields: Node<'t>) {
        if !matches!(fields.kind(), "list" | "tuple" | "dictionary") {
            return self.not_a_type(fields);
        }
        for item in parts(fields) {
            match (item.kind(), parts(item).as_slice()) {
                ("tuple" | "list" | "pair", [name, kind]) => {
                    self.not_a_type(*name);
                    self.type_definition(*kind);
                }
                _ => self.not_a_type(item),
            }
        }
    }

    fn subscript(&mut self, node: Node<'t>) {
        if self.flags.subscript {
            return self.expr_parts(node);
        }
        let Some(value) = field(node, "value") else { return };
        self.expr(value);
        self.index(value, fields(node, "subscript"));
    }

    /// `list[int]` where the grammar knows that it reads a type.
    fn generic_type(&mut self, node: Node<'t>) {
        let parts_of = parts(node);
        let Some((value, rest)) = parts_of.split_first() else { return };
        self.expr(*value);
        self.index(*value, rest.iter().flat_map(|p| parts(*p)).collect());
    }

    fn index(&mut self, value: Node<'t>, items: Vec<Node<'t>>) {
        match self.typing_subscript(value) {
            Some(TypingSubscript::Literal) => self.with_flags(|v| {
                v.flags.literal = true;
                items.into_iter().for_each(|item| v.expr(item));
            }),
            Some(TypingSubscript::Generic) => items.into_iter().for_each(|item| self.type_definition(item)),
            Some(TypingSubscript::Annotated) => {
                for (index, item) in items.into_iter().enumerate() {
                    if index == 0 { self.type_definition(item) } else { self.not_a_type(item) }
                }
            }
            Some(TypingSubscript::TypedDict) => {
                items.into_iter().for_each(|item| self.record_fields(bare(item)))
            }
            None => items.into_iter().for_each(|item| self.expr(item)),
        }
    }

    fn typing_subscript(&self, value: Node<'t>) -> Option<TypingSubscript> {
        let name = dotted(value, self.text)?;
        let path = self.model.qualified(self.scope, &name)?;
        match path.as_slice() {
            ["typing" | "typing_extensions", "Literal"] => Some(TypingSubscript::Literal),
            ["typing" | "typing_extensions", "Annotated"] => Some(TypingSubscript::Annotated),
            ["typing" | "typing_extensions", "TypedDict"] => Some(TypingSubscript::TypedDict),
            path if holds_types(path) => Some(TypingSubscript::Generic),
            _ => None,
        }
    }

    /// Visits something that is read as a type.
    pub(super) fn type_definition(&mut self, node: Node<'t>) {
        self.with_flags(|v| {
            v.flags.type_definition = true;
            v.expr(node);
        });
    }

    fn not_a_type(&mut self, node: Node<'t>) {
        self.with_flags(|v| {
            v.flags.type_definition = false;
            v.expr(node);
        });
    }
}
