//! E711, E712, E714 and F632: comparisons that use the wrong operator. Chains are judged pair by pair.

use super::Plan;
use super::syntax::{
    Node, bare, field, is_constant_non_singleton, is_container_display, operators, parts, slice,
};
use super::visit::Visitor;
use crate::edit::Edit;
use crate::scan::{Hit, Repair};

/// Methods whose arguments are expressions of a query: `==` there builds SQL and means something else.
const QUERY_METHODS: &[&str] = &[
    "and_",
    "any",
    "case",
    "exists",
    "filter",
    "has",
    "having",
    "join",
    "not_",
    "on",
    "or_",
    "outerjoin",
    "query",
    "select",
    "where",
    "when",
];

struct Comparison<'t> {
    node: Node<'t>,
    operands: Vec<Node<'t>>,
    operators: Vec<Node<'t>>,
    text: &'t str,
}

/// One operator of a chain and the value it compares with.
#[derive(Clone, Copy)]
struct Place {
    /// Which operator of the chain.
    index: usize,
    /// The index of the operand that is the literal.
    literal: usize,
}

pub(super) fn check_comparison(visitor: &mut Visitor<'_>, node: Node<'_>) {
    let comparison =
        Comparison { node, operands: parts(node), operators: operators(node), text: visitor.text };
    if comparison.operands.len() != comparison.operators.len() + 1 {
        return;
    }
    comparison.check_left(&mut visitor.hits);
    for index in 0..comparison.operators.len() {
        comparison.check_pair(index, &mut visitor.hits);
        comparison.check_identity(index, &mut visitor.hits);
    }
}

impl Comparison<'_> {
    fn operator(&self, index: usize) -> &str {
        slice(self.operators[index], self.text)
    }

    fn is_equality(&self, index: usize) -> bool {
        matches!(self.operator(index), "==" | "!=")
    }

    /// `None == x` and `True == x`, first in the chain.
    fn check_left(&self, hits: &mut Vec<Hit>) {
        if self.is_equality(0) && !is_constant_non_singleton(self.operands[1], self.text) {
            self.report(Place { index: 0, literal: 0 }, hits);
        }
    }

    /// `x == None` and `x == True`.
    fn check_pair(&self, index: usize, hits: &mut Vec<Hit>) {
        let (left, right) = (bare(self.operands[index]), bare(self.operands[index + 1]));
        if !self.is_equality(index) || is_constant_non_singleton(left, self.text) {
            return;
        }
        let same = matches!(right.kind(), "true" | "false") && left.kind() == right.kind();
        if !(same && self.operator(index) == "==") {
            self.report(Place { index, literal: index + 1 }, hits);
        }
    }

    fn report(&self, place: Place, hits: &mut Vec<Hit>) {
        let literal = bare(self.operands[place.literal]);
        let wanted = if self.operator(place.index) == "==" { "is" } else { "is not" };
        let (code, at, message) = match literal.kind() {
            "none" => {
                ("E711", literal.start_byte(), format!("Comparison to `None` should be `{wanted} None`"))
            }
            "true" | "false" => {
                let word = slice(literal, self.text);
                ("E712", self.node.start_byte(), format!("Equality comparison to `{word}`"))
            }
            _ => return,
        };
        let repair = match self.refusal() {
            Some(why) => Repair::None(why.into()),
            None if code == "E712" && self.operators.len() == 1 => self.truth_test(place),
            None => self.other_operator(place.index, wanted, 0.9),
        };
        hits.push(Hit { tool: "ruff".into(), code: code.into(), message, at, repair });
    }

    /// Why this comparison must stay as it is.
    fn refusal(&self) -> Option<&'static str> {
        let mut node = self.node;
        while let Some(parent) = node.parent() {
            match parent.kind() {
                "parenthesized_expression" | "tuple" | "list" | "keyword_argument" | "not_operator" => {}
                "binary_operator" | "unary_operator" => {
                    return Some(
                        "combined with a bitwise operator: `==` may be overloaded (an array or a query)",
                    );
                }
                "subscript" => return Some("in an index: `==` may be overloaded (an array or a data frame)"),
                "argument_list" if is_query_call(parent, self.text) => {
                    return Some("in a query: `==` is overloaded there");
                }
                _ => return None,
            }
            node = parent;
        }
        None
    }

    /// `x == True` becomes `x`, `x == False` becomes `not x`, as the linter's own fix does.
    fn truth_test(&self, place: Place) -> Repair {
        let literal = bare(self.operands[place.literal]).kind() == "true";
        let positive = (self.operator(place.index) == "==") == literal;
        let value = slice(self.operands[1 - place.literal], self.text);
        let kept = self.operands[1 - place.literal].byte_range();
        let whole = self.node.byte_range();
        let removed = [&self.text[whole.start..kept.start], &self.text[kept.end..whole.end]].concat();
        if removed.contains('#') {
            return Repair::None("a comment stands inside of the comparison".into());
        }
        let words = if positive { value.to_owned() } else { format!("not {value}") };
        Repair::Ready(Plan {
            edits: vec![padded(self.text, whole, &words)],
            explanation: "Uses the truth of the value instead of comparing it to a boolean.".into(),
            confidence: 0.8,
        })
    }

    fn other_operator(&self, index: usize, wanted: &str, confidence: f64) -> Repair {
        Repair::Ready(Plan {
            edits: vec![spaced(self.text, self.operators[index].byte_range(), wanted)],
            explanation: format!("Uses `{wanted}` instead of `{}`.", self.node_operator(index)),
            confidence,
        })
    }

    /// F632: `is` with a literal.
    fn check_identity(&self, index: usize, hits: &mut Vec<Hit>) {
        let wanted = match self.node_operator(index).as_str() {
            "is" => "==",
            "is not" => "!=",
            _ => return,
        };
        let is_literal =
            |node: &Node<'_>| is_constant_non_singleton(*node, self.text) || is_container_display(*node);
        if !self.operands[index..index + 2].iter().any(is_literal) {
            return;
        }
        hits.push(Hit {
            tool: "ruff".into(),
            code: "F632".into(),
            message: format!("Use `{wanted}` to compare with a literal"),
            at: self.node.start_byte(),
            repair: self.other_operator(index, wanted, 0.95),
        });
    }

    /// The operator with its white space folded and line joints folded (`is  not`).
    fn node_operator(&self, index: usize) -> String {
        let words = self.operator(index).split_whitespace().filter(|word| *word != "\\");
        words.collect::<Vec<_>>().join(" ")
    }
}

fn is_query_call(arguments: Node<'_>, text: &str) -> bool {
    let function = arguments.parent().and_then(|call| field(call, "function"));
    let name = function.map(|f| match f.kind() {
        "attribute" => field(f, "attribute").map_or("", |n| slice(n, text)),
        _ => slice(f, text),
    });
    name.is_some_and(|name| QUERY_METHODS.contains(&name))
}

/// E714: `not x is y`.
pub(super) fn check_not(visitor: &mut Visitor<'_>, node: Node<'_>) {
    let text = visitor.text;
    let Some(argument) = field(node, "argument") else { return };
    let comparison = bare(argument);
    if comparison.kind() != "comparison_operator" {
        return;
    }
    let [operator] = operators(comparison)[..] else { return };
    if slice(operator, text) != "is" {
        return;
    }
    let inner = comparison.byte_range();
    let before = &text[inner.start..operator.start_byte()];
    let after = &text[operator.end_byte()..inner.end];
    let words = format!("{before}is not{after}");
    let around = [&text[node.start_byte()..inner.start], &text[inner.end..node.end_byte()]].concat();
    let words = if words.contains('\n') { format!("({words})") } else { words };
    let repair = if around.contains('#') {
        Repair::None("a comment stands inside of the test".into())
    } else {
        Repair::Ready(Plan {
            edits: vec![padded(text, node.byte_range(), &words)],
            explanation: "Uses `is not` instead of negating `is`.".into(),
            confidence: 0.98,
        })
    };
    visitor.hits.push(Hit {
        tool: "ruff".into(),
        code: "E714".into(),
        message: "Test for object identity should be `is not`".into(),
        at: inner.start,
        repair,
    });
}

/// A replacement that keeps words apart from the letters beside it.
fn padded(text: &str, range: std::ops::Range<usize>, words: &str) -> Edit {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    let before = text[..range.start].chars().next_back().is_some_and(joins);
    let after = text[range.end..].chars().next().is_some_and(joins);
    let left = if before && words.starts_with(joins) { " " } else { "" };
    let right = if after && words.ends_with(joins) { " " } else { "" };
    Edit::replace(range, format!("{left}{words}{right}"))
}

/// A replacement with white space on both sides.
fn spaced(text: &str, range: std::ops::Range<usize>, word: &str) -> Edit {
    let tight = |c: char| !c.is_whitespace();
    let left = if text[..range.start].chars().next_back().is_some_and(tight) { " " } else { "" };
    let right = if text[range.end..].chars().next().is_some_and(tight) { " " } else { "" };
    Edit::replace(range, format!("{left}{word}{right}"))
}
