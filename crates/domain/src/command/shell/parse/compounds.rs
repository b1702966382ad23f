//! Reads what stands behind the first word of a compound command: groups, conditions, loops, cases, functions.

use super::{Read, Reader, Until, compound_of, plain_text, with_words};
use crate::command::shell::{Command, Compound, Item, Kind, NotShell, Script};

impl Reader {
    /// A compound command behind its first word.
    pub(super) fn compound(&mut self, word: &str) -> Read<Compound> {
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

    pub(super) fn function(&mut self, name: String) -> Read<Compound> {
        self.gap()?;
        let Command::Compound(body) = self.command()? else { return Err(NotShell::Grammar) };
        let item = Item { stages: vec![Command::Compound(body)], background: false };
        let mut found = compound_of(Kind::Function, vec![Script { items: vec![item] }]);
        found.name = Some(name);
        Ok(found)
    }
}
