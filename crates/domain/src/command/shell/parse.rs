//! Reads scripts: lists and pipelines of commands. The commands themselves are read in the rooms below.

mod compounds;
mod redirections;
mod simple;

use super::word::is_meta;
use super::{Command, Compound, Item, Kind, NotShell, Script, Unit, Word};

type Read<T> = Result<T, NotShell>;

/// What was read of a text.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::command) struct Parsed {
    /// The whole script, or what stands before the place that was not understood.
    pub(in crate::command) script: Script,
    /// The bodies of here documents, by [`Way::HereDocument`].
    pub(in crate::command) documents: Vec<Word>,
    /// Why the rest is not understood.
    pub(in crate::command) problem: Option<NotShell>,
}

/// Reads a text, nested at most `depth` deep. Linear in time but for `((`, which is looked at once for each level.
pub(in crate::command) fn parse(text: &str, depth: usize) -> Parsed {
    let mut reader = Reader::new(text.chars().collect(), depth);
    let mut script = Script::default();
    let mut problem = reader.list(&mut script, Until::End).err();
    if problem.is_none() && reader.peek().is_some() {
        problem = Some(NotShell::Grammar);
    }
    if problem.is_none() {
        problem = reader.bodies().err();
    }
    let documents = reader.documents.into_iter().map(|d| d.body).collect();
    Parsed { script, documents, problem }
}

/// Where a list ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    End,
    Parenthesis,
    /// One of these reserved words.
    Words(&'static [&'static str]),
    /// `;;` and its kind, or `esac`.
    Case,
}

struct Document {
    delimiter: String,
    quoted: bool,
    tabs: bool,
    body: Word,
}

/// The text and where the reading stands.
pub(super) struct Reader {
    text: Vec<char>,
    place: usize,
    depth: usize,
    documents: Vec<Document>,
    /// How many of `documents` have their body.
    filled: usize,
}

impl Reader {
    fn new(text: Vec<char>, depth: usize) -> Self {
        Self { text, place: 0, depth, documents: Vec::new(), filled: 0 }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.at(0)
    }

    pub(super) fn at(&self, ahead: usize) -> Option<char> {
        self.text.get(self.place + ahead).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.place += 1;
        Some(c)
    }

    pub(super) fn skip(&mut self, count: usize) {
        self.place = (self.place + count).min(self.text.len());
    }

    pub(super) fn back(&mut self) {
        self.place = self.place.saturating_sub(1);
    }

    pub(super) fn enter(&mut self) -> Read<()> {
        self.depth = self.depth.checked_sub(1).ok_or(NotShell::TooDeep)?;
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.depth += 1;
    }

    /// A script inside this one, with what closes it.
    pub(super) fn nested(&mut self, until: Until) -> Read<Script> {
        self.enter()?;
        let mut script = Script::default();
        self.list(&mut script, until)?;
        if until == Until::Parenthesis {
            self.expect(')')?;
        }
        self.leave();
        Ok(script)
    }

    /// A script that is a text of its own.
    pub(super) fn other_text(&mut self, text: Vec<char>) -> Read<Script> {
        self.enter()?;
        let mut inner = Reader::new(text, self.depth);
        let mut script = Script::default();
        inner.list(&mut script, Until::End)?;
        inner.bodies()?;
        self.leave();
        // A here document in backquotes would need its body carried along; nobody writes it.
        if inner.peek().is_some() || !inner.documents.is_empty() {
            return Err(NotShell::Grammar);
        }
        Ok(script)
    }

    fn expect(&mut self, wanted: char) -> Read<()> {
        match self.next() {
            Some(c) if c == wanted => Ok(()),
            Some(_) => Err(NotShell::Grammar),
            None => Err(NotShell::Unclosed),
        }
    }

    fn starts(&self, with: &str) -> bool {
        with.chars().enumerate().all(|(i, c)| self.at(i) == Some(c))
    }

    fn blanks(&mut self) {
        loop {
            if matches!(self.peek(), Some(' ' | '\t')) {
                self.skip(1);
            } else if self.starts("\\\n") {
                self.skip(2);
            } else {
                break;
            }
        }
        if self.peek() == Some('#') {
            while self.peek().is_some_and(|c| c != '\n') {
                self.skip(1);
            }
        }
    }

    /// Blanks, comments and ends of lines.
    fn gap(&mut self) -> Read<()> {
        self.blanks();
        while self.peek() == Some('\n') {
            self.skip(1);
            self.bodies()?;
            self.blanks();
        }
        Ok(())
    }

    /// The reserved word that stands here, if one does.
    fn reserved(&self, words: &[&'static str]) -> Option<&'static str> {
        words.iter().copied().find(|word| {
            let end = self.at(word.chars().count());
            self.starts(word) && end.is_none_or(is_meta)
        })
    }

    fn take(&mut self, word: &'static str) -> Read<()> {
        self.gap()?;
        if self.reserved(&[word]).is_none() {
            return Err(if self.peek().is_none() { NotShell::Unclosed } else { NotShell::Grammar });
        }
        self.skip(word.len());
        Ok(())
    }

    fn ends(&self, until: Until) -> bool {
        match until {
            Until::End => self.peek().is_none(),
            Until::Parenthesis => self.peek() == Some(')'),
            Until::Words(words) => self.reserved(words).is_some(),
            Until::Case => self.starts(";;") || self.starts(";&") || self.reserved(&["esac"]).is_some(),
        }
    }

    /// Lists up to `until`, which is not taken. What was read before an error stays in `script`.
    pub(super) fn list(&mut self, script: &mut Script, until: Until) -> Read<()> {
        loop {
            self.gap()?;
            if self.ends(until) {
                return Ok(());
            }
            if self.peek().is_none() {
                return Err(NotShell::Unclosed);
            }
            let first = script.items.len();
            self.and_or(script)?;
            self.blanks();
            match self.peek() {
                Some(';') if !self.ends(until) => self.skip(1),
                Some('&') => {
                    self.skip(1);
                    script.items.iter_mut().skip(first).for_each(|item| item.background = true);
                }
                Some('\n') | None => {}
                Some(_) if self.ends(until) => {}
                Some(_) => return Err(NotShell::Grammar),
            }
        }
    }

    /// Whether the two parentheses that stand before `ahead` are closed by two: arithmetic, and no subshell in a subshell.
    /// Quotes are skipped, nothing is parsed.
    pub(super) fn closes_twice(&self, ahead: usize) -> bool {
        let (mut open, mut quote) = (0_usize, None);
        let mut chars = self.text.iter().copied().skip(self.place + ahead).peekable();
        while let Some(c) = chars.next() {
            match (quote, c) {
                (Some('"') | None, '\\') => {
                    chars.next();
                }
                (Some(q), c) if q == c => quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"') => quote = Some(c),
                (None, '(') => open += 1,
                (None, ')') if open == 0 => return chars.peek() == Some(&')'),
                (None, ')') => open -= 1,
                _ => {}
            }
        }
        false
    }

    fn and_or(&mut self, script: &mut Script) -> Read<()> {
        loop {
            let stages = self.pipeline()?;
            script.items.push(Item { stages, background: false });
            self.blanks();
            if !self.starts("&&") && !self.starts("||") {
                return Ok(());
            }
            self.skip(2);
            self.gap()?;
        }
    }

    fn pipeline(&mut self) -> Read<Vec<Command>> {
        let mut marked = false;
        loop {
            self.blanks();
            match self.reserved(&["!", "time"]) {
                Some(word) => self.skip(word.len()),
                None => break,
            }
            marked = true;
            self.blanks();
            if word_is(self, "-p") {
                self.skip(2);
            }
        }
        let mut stages = vec![self.command()?];
        loop {
            self.blanks();
            if self.peek() != Some('|') || self.at(1) == Some('|') {
                break;
            }
            self.skip(if self.starts("|&") { 2 } else { 1 });
            self.gap()?;
            stages.push(self.command()?);
        }
        // `time` and `!` change nothing about what is run, but what stands behind them is no plain command any more.
        if marked {
            let body = Script { items: vec![Item { stages, background: false }] };
            stages = vec![compound(Kind::Group, vec![body])];
        }
        Ok(stages)
    }

    fn command(&mut self) -> Read<Command> {
        self.blanks();
        let word = self.reserved(&[
            "if", "while", "until", "for", "select", "case", "function", "coproc", "{", "[[", "then", "elif",
            "else", "fi", "do", "done", "esac", "}", "in",
        ]);
        let mut command = match (self.peek(), word) {
            (Some('('), _) if self.at(1) == Some('(') && self.closes_twice(2) => {
                self.skip(2);
                let inside = self.arithmetic()?;
                with_words(Kind::Arithmetic, vec![inside])
            }
            (Some('('), _) => {
                self.skip(1);
                compound_of(Kind::Subshell, vec![self.nested(Until::Parenthesis)?])
            }
            (_, None) => return self.simple(),
            (_, Some(word)) => {
                self.skip(word.len());
                self.enter()?;
                let command = self.compound(word)?;
                self.leave();
                command
            }
        };
        loop {
            self.blanks();
            match self.redirection()? {
                Some(redirection) => command.redirections.push(redirection),
                None => return Ok(Command::Compound(command)),
            }
        }
    }
}

fn word_is(reader: &Reader, word: &'static str) -> bool {
    reader.reserved(&[word]).is_some()
}

fn compound_of(kind: Kind, bodies: Vec<Script>) -> Compound {
    Compound { kind, name: None, words: Vec::new(), bodies, redirections: Vec::new() }
}

fn with_words(kind: Kind, words: Vec<Word>) -> Compound {
    Compound { words, ..compound_of(kind, Vec::new()) }
}

fn compound(kind: Kind, bodies: Vec<Script>) -> Command {
    Command::Compound(compound_of(kind, bodies))
}

/// The text of a word without quotes and expansions.
fn plain_text(word: &Word) -> Option<String> {
    word.iter().map(|unit| if let Unit::Plain(c) = unit { Some(*c) } else { None }).collect()
}
