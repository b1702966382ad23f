//! Shell as a tree: what bash would see, with every quote taken away and every expansion left standing. Own code, since
//! the parsers that were tried do not hold on hostile text (docs/manual/command-policy.md says which); it reads in linear
//! time, nests to a bound, and gives up with a reason rather than guess.

mod expand;
mod parse;
mod word;

pub(super) use expand::{Arg, UNKNOWN, Variables, expand, known_text};
pub(super) use parse::parse;

/// Commands one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Script {
    pub(super) items: Vec<Item>,
}

/// One pipeline of a list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// The commands with a pipe between them, at least one.
    pub(super) stages: Vec<Command>,
    /// Whether it is left running behind the shell's back.
    pub(super) background: bool,
}

/// One command of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Command {
    Simple(Simple),
    Compound(Compound),
}

/// Assignments, words and redirections.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Simple {
    pub(super) assigns: Vec<Assign>,
    pub(super) words: Vec<Word>,
    pub(super) redirections: Vec<Redirection>,
}

/// `NAME=value`, or an array's values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Assign {
    pub(super) name: String,
    /// One value, unless it is an array or adds to what is there.
    pub(super) values: Vec<Word>,
    /// Whether it is a plain `NAME=value`.
    pub(super) plain: bool,
}

/// Anything that holds other commands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Compound {
    pub(super) kind: Kind,
    /// The name of a function or of a loop's variable.
    pub(super) name: Option<String>,
    /// The words of a loop, the subject and patterns of `case`, the operands of `[[ ]]`.
    pub(super) words: Vec<Word>,
    pub(super) bodies: Vec<Script>,
    pub(super) redirections: Vec<Redirection>,
}

/// What sort of compound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Subshell,
    Group,
    If,
    /// `while` and `until`: the first body is the condition.
    While,
    For,
    Case,
    Function,
    Test,
    Arithmetic,
    Coprocess,
}

/// A redirection.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Redirection {
    pub(super) way: Way,
    pub(super) target: Word,
}

/// Which way a redirection goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Read,
    Write,
    Both,
    /// `>&` and `<&` with a number or `-`.
    Duplicate,
    /// `<<<`.
    HereString,
    /// `<<`: the body is [`Parsed::documents`] at this place.
    HereDocument(usize),
}

/// A word before expansion.
pub(super) type Word = Vec<Unit>;

/// One piece of a word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Unit {
    /// A character outside of quotes.
    Plain(char),
    /// A character that is quoted.
    Quoted(char),
    /// `''`: makes a word where nothing else does.
    Empty,
    /// `$name` or `${name...}`.
    Parameter {
        name: String,
        /// `${...}` with an operator: its value is not the variable's.
        changed: bool,
        quoted: bool,
        /// Everything between the braces, for the commands in it.
        inside: Word,
    },
    /// `$(...)` or backquotes.
    Output { script: Script, quoted: bool },
    /// `<(...)` or `>(...)`.
    File(Script),
    /// `$((...))`, with what is expanded inside.
    Number(Word),
}

/// Why a text is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotShell {
    #[error("a quote or bracket is not closed")]
    Unclosed,
    #[error("it is not what the shell's grammar allows")]
    Grammar,
    #[error("it is nested deeper than anybody would write by hand")]
    TooDeep,
}
