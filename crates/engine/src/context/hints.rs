//! What is known beforehand about a rule or a kind of task: one or two sentences in our own words.

use domain::task::Kind;

/// How a report of this rule is usually put right; empty when nothing particular is known. Ends in a blank line.
pub(super) fn for_rule(code: &str) -> &'static str {
    match code {
        "F821" => {
            "The name is not defined: either an import is missing or the name is a typing error. Prefer adding the one \
             right import, or correcting the name to one that is in scope. If neither is certain, do not guess.\n\n"
        }
        "B006" | "B008" => {
            "The default is made once, when the function is defined. Make the default `None`, and set the value at the \
             start of the body (after a docstring) when it is `None`. Keep an annotation true: add `| None`.\n\n"
        }
        "E711" => "Compare with `None` by `is` or `is not`.\n\n",
        "E712" => "Test the truth value itself, or use `is` where only the constant itself is meant.\n\n",
        "E714" => "Write `is not` in place of `not ... is`.\n\n",
        "F632" => "Compare with a literal by `==` or `!=`: identity of literals is not defined.\n\n",
        _ => "",
    }
}

/// What a plan is to be like, unless the machine's owner has words of their own for it.
pub(super) fn for_plan() -> &'static str {
    include_str!("prompts/kinds/plan.md")
}

/// What a kind of task asks for beyond its text, unless the machine's owner has words of their own for it.
pub(super) fn for_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Fix => include_str!("prompts/kinds/fix.md"),
        Kind::Refactor => include_str!("prompts/kinds/refactor.md"),
        Kind::Test => include_str!("prompts/kinds/test.md"),
        Kind::Debug => include_str!("prompts/kinds/debug.md"),
        Kind::Feature => include_str!("prompts/kinds/feature.md"),
        Kind::Docs => include_str!("prompts/kinds/docs.md"),
        Kind::Chore => include_str!("prompts/kinds/chore.md"),
        Kind::Ask => include_str!("prompts/kinds/ask.md"),
    }
}
