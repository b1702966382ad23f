//! Reads commands: lists, pipelines, compounds, redirections, here documents.

use super::word::is_meta;
use super::{Assign, Command, Compound, Item, Kind, NotShell, Redirection, Script, Simple, Unit, Way, Word};

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

    /// A compound command behind its first word.
    fn compound(&mut self, word: &str) -> Read<Compound> {
        match word {
            "{" => {
                let body = self.body(&["}"])?;
                Ok(compound_of(Kind::Group, vec![body]))
            }
            "if" => self.if_command(),
            "while" | "until" => {
                let condition = self.body(&["do"])?;
                let body = self.body(&["done"])?;
                Ok(compound_of(Kind::While, vec![condition, body]))
            }
            "for" | "select" => self.for_command(),
            "case" => self.case_command(),
            "[[" => self.test_command(),
            "function" => {
                self.blanks();
                let name = plain_text(&self.word()?).ok_or(NotShell::Grammar)?;
                self.blanks();
                if self.starts("(") {
                    self.skip(1);
                    self.blanks();
                    self.expect(')')?;
                }
                self.function(name)
            }
            "coproc" => {
                let command = self.command()?;
                let body = Script { items: vec![Item { stages: vec![command], background: true }] };
                Ok(compound_of(Kind::Coprocess, vec![body]))
            }
            _ => Err(NotShell::Grammar),
        }
    }

    /// A list and the reserved word that ends it, which is taken when it is the only one.
    fn body(&mut self, until: &'static [&'static str]) -> Read<Script> {
        let mut script = Script::default();
        self.list(&mut script, Until::Words(until))?;
        if let [only] = until {
            self.take(only)?;
        }
        Ok(script)
    }

    fn if_command(&mut self) -> Read<Compound> {
        let mut bodies = vec![self.body(&["then"])?];
        loop {
            bodies.push(self.body(&["elif", "else", "fi"])?);
            let word = self.reserved(&["elif", "else", "fi"]).ok_or(NotShell::Grammar)?;
            self.skip(word.len());
            match word {
                "elif" => bodies.push(self.body(&["then"])?),
                "else" => {
                    bodies.push(self.body(&["fi"])?);
                    break;
                }
                _ => break,
            }
        }
        Ok(compound_of(Kind::If, bodies))
    }

    fn for_command(&mut self) -> Read<Compound> {
        self.blanks();
        let mut found = compound_of(Kind::For, Vec::new());
        if self.starts("((") {
            self.skip(2);
            found.words.push(self.arithmetic()?);
        } else {
            found.name = Some(plain_text(&self.word()?).ok_or(NotShell::Grammar)?);
            self.gap()?;
            if self.reserved(&["in"]).is_some() {
                self.skip(2);
                loop {
                    self.blanks();
                    let word = self.word()?;
                    if word.is_empty() {
                        break;
                    }
                    found.words.push(word);
                }
            }
        }
        self.blanks();
        if self.peek() == Some(';') {
            self.skip(1);
        }
        self.gap()?;
        let braces = self.reserved(&["{"]).is_some();
        self.take(if braces { "{" } else { "do" })?;
        found.bodies.push(self.body(if braces { &["}"] } else { &["done"] })?);
        Ok(found)
    }

    fn case_command(&mut self) -> Read<Compound> {
        self.blanks();
        let mut found = with_words(Kind::Case, vec![self.word()?]);
        self.take("in")?;
        loop {
            self.gap()?;
            if self.reserved(&["esac"]).is_some() {
                self.skip(4);
                return Ok(found);
            }
            if self.peek() == Some('(') {
                self.skip(1);
            }
            loop {
                self.blanks();
                let pattern = self.word()?;
                if pattern.is_empty() {
                    return Err(if self.peek().is_none() { NotShell::Unclosed } else { NotShell::Grammar });
                }
                found.words.push(pattern);
                self.blanks();
                match self.next() {
                    Some('|') => {}
                    Some(')') => break,
                    Some(_) => return Err(NotShell::Grammar),
                    None => return Err(NotShell::Unclosed),
                }
            }
            let mut body = Script::default();
            self.list(&mut body, Until::Case)?;
            found.bodies.push(body);
            for end in [";;&", ";;", ";&"] {
                if self.starts(end) {
                    self.skip(end.len());
                    break;
                }
            }
        }
    }

    /// `[[ ... ]]`: which operands stand in it is enough, since nothing in it is run but their expansions.
    fn test_command(&mut self) -> Read<Compound> {
        let mut found = with_words(Kind::Test, Vec::new());
        loop {
            self.gap()?;
            if self.reserved(&["]]"]).is_some() {
                self.skip(2);
                return Ok(found);
            }
            let word = self.word()?;
            if word.is_empty() {
                self.next().ok_or(NotShell::Unclosed)?;
            } else {
                found.words.push(word);
            }
        }
    }

    fn function(&mut self, name: String) -> Read<Compound> {
        self.gap()?;
        let Command::Compound(body) = self.command()? else { return Err(NotShell::Grammar) };
        let item = Item { stages: vec![Command::Compound(body)], background: false };
        let mut found = compound_of(Kind::Function, vec![Script { items: vec![item] }]);
        found.name = Some(name);
        Ok(found)
    }

    fn simple(&mut self) -> Read<Command> {
        let mut simple = Simple::default();
        loop {
            self.blanks();
            if let Some(redirection) = self.redirection()? {
                simple.redirections.push(redirection);
                continue;
            }
            if simple.words.is_empty()
                && let Some(assign) = self.assignment()?
            {
                simple.assigns.push(assign);
                continue;
            }
            let word = self.word()?;
            if !word.is_empty() {
                simple.words.push(word);
                continue;
            }
            if self.peek() == Some('(') {
                return self.function_of(&simple);
            }
            let nothing =
                simple.words.is_empty() && simple.assigns.is_empty() && simple.redirections.is_empty();
            return if nothing { Err(NotShell::Grammar) } else { Ok(Command::Simple(simple)) };
        }
    }

    /// `name() compound`, standing before the parenthesis.
    fn function_of(&mut self, simple: &Simple) -> Read<Command> {
        self.skip(1);
        self.blanks();
        self.expect(')')?;
        let [name] = simple.words.as_slice() else { return Err(NotShell::Grammar) };
        let name = plain_text(name).ok_or(NotShell::Grammar)?;
        self.enter()?;
        let function = self.function(name)?;
        self.leave();
        Ok(Command::Compound(function))
    }

    /// `NAME=value`, `NAME+=value`, `NAME[...]=value`, `NAME=(values)`; nothing is taken when none stands here.
    fn assignment(&mut self) -> Read<Option<Assign>> {
        let mut length = 0;
        while self.at(length).is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
            length += 1;
        }
        if length == 0 || self.peek().is_some_and(|c| c.is_ascii_digit()) {
            return Ok(None);
        }
        let name: String = self.text.iter().skip(self.place).take(length).collect();
        match (self.at(length), self.at(length + 1)) {
            (Some('='), _) => {
                self.skip(length + 1);
                let plain = self.peek() != Some('(');
                let values = self.values()?;
                Ok(Some(Assign { name, values, plain }))
            }
            (Some('+'), Some('=')) => {
                self.skip(length + 2);
                let values = self.values()?;
                Ok(Some(Assign { name, values, plain: false }))
            }
            (Some('['), _) => {
                let start = self.place;
                let whole = self.word()?;
                let is_assignment = whole.contains(&Unit::Plain('='));
                if !is_assignment {
                    self.place = start;
                    return Ok(None);
                }
                Ok(Some(Assign { name, values: vec![whole], plain: false }))
            }
            _ => Ok(None),
        }
    }

    fn values(&mut self) -> Read<Vec<Word>> {
        if self.peek() != Some('(') {
            return Ok(vec![self.word()?]);
        }
        self.skip(1);
        let mut values = Vec::new();
        loop {
            self.gap()?;
            if self.peek() == Some(')') {
                self.skip(1);
                return Ok(values);
            }
            let word = self.word()?;
            if word.is_empty() {
                return Err(if self.peek().is_none() { NotShell::Unclosed } else { NotShell::Grammar });
            }
            values.push(word);
        }
    }

    fn redirection(&mut self) -> Read<Option<Redirection>> {
        let mut length = 0;
        if self.peek() == Some('{') {
            length = 1;
            while self.at(length).is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
                length += 1;
            }
            if length == 1 || self.at(length) != Some('}') {
                return Ok(None);
            }
            length += 1;
        } else {
            while self.at(length).is_some_and(|c| c.is_ascii_digit()) {
                length += 1;
            }
        }
        let both = length == 0 && self.starts("&>");
        if !both && !matches!(self.at(length), Some('<' | '>')) || self.at(length + 1) == Some('(') {
            return Ok(None);
        }
        self.skip(length);
        let ways = [
            ("&>>", Way::Write),
            ("&>", Way::Write),
            ("<<<", Way::HereString),
            ("<<-", Way::HereDocument(1)),
            ("<<", Way::HereDocument(0)),
            ("<>", Way::Both),
            ("<&", Way::Duplicate),
            (">&", Way::Duplicate),
            (">>", Way::Write),
            (">|", Way::Write),
            (">", Way::Write),
            ("<", Way::Read),
        ];
        let Some((sign, way)) = ways.into_iter().find(|(sign, _)| self.starts(sign)) else { return Ok(None) };
        self.skip(sign.len());
        self.blanks();
        let target = self.word()?;
        if target.is_empty() {
            return Err(if self.peek().is_none() { NotShell::Unclosed } else { NotShell::Grammar });
        }
        let way = match way {
            Way::HereDocument(tabs) => self.announce(&target, tabs == 1)?,
            // `>& file` writes both streams; only a number or `-` names a stream.
            Way::Duplicate if !is_stream(&target) => Way::Write,
            way => way,
        };
        Ok(Some(Redirection { way, target }))
    }

    /// A here document whose body comes behind the end of the line.
    fn announce(&mut self, target: &Word, tabs: bool) -> Read<Way> {
        let mut delimiter = String::new();
        let mut quoted = false;
        for unit in target {
            match unit {
                Unit::Plain(c) => delimiter.push(*c),
                Unit::Quoted(c) => {
                    delimiter.push(*c);
                    quoted = true;
                }
                Unit::Empty => quoted = true,
                _ => return Err(NotShell::Grammar),
            }
        }
        self.documents.push(Document { delimiter, quoted, tabs, body: Word::new() });
        Ok(Way::HereDocument(self.documents.len() - 1))
    }

    /// The bodies of all here documents that wait for one; the reading stands at the beginning of a line.
    fn bodies(&mut self) -> Read<()> {
        while self.filled < self.documents.len() {
            let index = self.filled;
            self.filled += 1;
            let Some(document) = self.documents.get(index) else { break };
            let (delimiter, quoted, tabs) =
                (document.delimiter.chars().collect::<Vec<_>>(), document.quoted, document.tabs);
            let mut text = Vec::new();
            loop {
                if self.peek().is_none() {
                    return Err(NotShell::Unclosed);
                }
                let mut line = Vec::new();
                while let Some(c) = self.next() {
                    if c == '\n' {
                        break;
                    }
                    line.push(c);
                }
                let tabbed = if tabs { line.iter().take_while(|c| **c == '\t').count() } else { 0 };
                let line = line.get(tabbed..).unwrap_or_default();
                if line == delimiter.as_slice() {
                    break;
                }
                text.extend_from_slice(line);
                text.push('\n');
            }
            let body = if quoted {
                text.into_iter().map(Unit::Quoted).collect()
            } else {
                self.enter()?;
                let mut inner = Reader::new(text, self.depth);
                let body = inner.document()?;
                self.leave();
                body
            };
            if let Some(document) = self.documents.get_mut(index) {
                document.body = body;
            }
        }
        Ok(())
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

fn is_stream(word: &Word) -> bool {
    let text = plain_text(word).unwrap_or_default();
    let number = text.strip_suffix('-').unwrap_or(&text);
    !text.is_empty() && number.chars().all(|c| c.is_ascii_digit())
}

/// The text of a word without quotes and expansions.
fn plain_text(word: &Word) -> Option<String> {
    word.iter().map(|unit| if let Unit::Plain(c) = unit { Some(*c) } else { None }).collect()
}
