//! One file's text with its syntax tree, and the limits that keep a hostile file from costing more than its size.
//! The only place that calls a parser.

use std::ops::{ControlFlow, Range};

use ast_grep_core::AstGrep;
use ast_grep_core::tree_sitter::{LanguageExt, StrDoc};
use ast_grep_language::SupportLang;
use tree_sitter::{Node, ParseOptions, ParseState, Parser, Tree};

use crate::language::Language;

/// Files above this size are not read: nobody reviews a patch to a generated file of that size.
const MAX_BYTES: usize = 1 << 20;

/// Levels of syntax above which no rule looks at a file: some rules look up and down the tree from every node.
pub(crate) const MAX_DEPTH: usize = 1_000;

/// The parser frees its stack by recursion, one frame a token (measured: under 100 bytes, unoptimised). Texts up to
/// this size are parsed where we are, larger ones on a thread whose stack fits them.
const SMALL: usize = 4 << 10;
const STACK_PER_BYTE: usize = 160;

/// Parser steps per byte (and a floor) before a parse is given up. Ordinary code needs under one callback (about
/// 100 steps) per 100 bytes; only error recovery on rubbish goes far above it.
const CALLBACKS_PER_KIB: usize = 64;
const CALLBACKS_AT_LEAST: usize = 20_000;

/// Why a file was not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Skipped {
    /// No rules for files of this name.
    #[error("no rules for this kind of file")]
    UnknownLanguage,
    /// Above the size limit (1 MiB).
    #[error("the file is larger than 1 MiB")]
    TooLarge,
    /// The parser gave up.
    #[error("the parser needs too long for this file")]
    TooHard,
    /// Nested deeper than any code that people write.
    #[error("the file is nested too deeply")]
    TooDeep,
    /// The text does not parse; linters report nothing but the syntax error either.
    #[error("the file has a syntax error")]
    SyntaxError,
}

/// A parsed file.
pub(crate) struct Source {
    root: AstGrep<StrDoc<SupportLang>>,
    pub(crate) language: Language,
}

impl Source {
    pub(crate) fn parse(language: Language, text: &str) -> Result<Self, Skipped> {
        if text.len() > MAX_BYTES {
            return Err(Skipped::TooLarge);
        }
        let lang = language.grammar();
        let tree = parse_tree(lang, text).ok_or(Skipped::TooHard)?;
        Ok(Self { root: AstGrep::doc(StrDoc { src: text.to_owned(), lang, tree }), language })
    }

    pub(crate) fn grep(&self) -> &AstGrep<StrDoc<SupportLang>> {
        &self.root
    }

    pub(crate) fn text(&self) -> &str {
        &self.root.root().get_doc().src
    }

    pub(crate) fn root(&self) -> Node<'_> {
        self.root.root().get_inner_node()
    }

    /// The number of places where the grammar did not match: error nodes and missing tokens.
    pub(crate) fn problems(&self) -> usize {
        if !self.root().has_error() {
            return 0;
        }
        let mut count = 0;
        walk(self.root(), |node, _| {
            count += usize::from(node.is_error() || node.is_missing());
            node.has_error()
        });
        count
    }
}

/// Parses within the step budget; `None` when it runs out.
pub(crate) fn parse_tree(lang: SupportLang, text: &str) -> Option<Tree> {
    if text.len() <= SMALL {
        return parse_here(lang, text);
    }
    let size = (1 << 20) + text.len() * STACK_PER_BYTE;
    std::thread::scope(|scope| {
        let thread =
            std::thread::Builder::new().stack_size(size).spawn_scoped(scope, || parse_here(lang, text));
        thread.ok()?.join().ok().flatten()
    })
}

fn parse_here(lang: SupportLang, text: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&lang.get_ts_language()).ok()?;
    let mut left = CALLBACKS_AT_LEAST + (text.len() >> 10) * CALLBACKS_PER_KIB;
    let mut budget = |_: &ParseState| {
        left = left.saturating_sub(1);
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let bytes = text.as_bytes();
    let mut read = |offset: usize, _| bytes.get(offset..).unwrap_or_default();
    parser.parse_with_options(&mut read, None, Some(ParseOptions::new().progress_callback(&mut budget)))
}

/// Visits all nodes in source order without recursion; `enter` gets the depth and says whether to go inside.
pub(crate) fn walk<'t>(root: Node<'t>, mut enter: impl FnMut(Node<'t>, usize) -> bool) {
    let mut cursor = root.walk();
    let mut depth = 0usize;
    loop {
        if enter(cursor.node(), depth) && cursor.goto_first_child() {
            depth += 1;
            continue;
        }
        while !cursor.goto_next_sibling() {
            if depth == 0 || !cursor.goto_parent() {
                return;
            }
            depth -= 1;
        }
    }
}

/// Byte offsets of line starts; turns an offset into a line and a column.
pub(crate) struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { starts }
    }

    /// The line's number, from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// The bytes of a line (from 1), its ending included.
    pub(crate) fn range(&self, line: usize, text: &str) -> Range<usize> {
        let start = self.starts.get(line - 1).copied().unwrap_or(text.len());
        start..self.starts.get(line).copied().unwrap_or(text.len())
    }
}

/// Turns offsets, best in ascending order, into lines and columns.
pub(crate) struct Places<'t> {
    text: &'t str,
    lines: Lines,
    /// The last offset asked for, its line and the characters before it on that line.
    last: (usize, usize, usize),
}

impl<'t> Places<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, lines: Lines::of(text), last: (0, 1, 0) }
    }

    /// Line (from 1) and column (in characters, from 1; a leading byte order mark is no character).
    pub(crate) fn of(&mut self, offset: usize) -> (u32, u32) {
        let line = self.lines.line(offset);
        let (from, counted) = match self.last {
            (last, same, counted) if same == line && last <= offset => (last, counted),
            _ => (self.lines.range(line, self.text).start, 0),
        };
        let between = self.text.get(from..offset).unwrap_or_default();
        let between = if from == 0 { between.trim_start_matches('\u{feff}') } else { between };
        let counted = counted + between.chars().count();
        self.last = (offset, line, counted);
        (clamp(line), clamp(counted + 1))
    }
}

fn clamp(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
