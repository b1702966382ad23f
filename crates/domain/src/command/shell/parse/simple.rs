//! Reads simple commands: assignments, words and redirections, and functions that begin like one.

use super::{Read, Reader, plain_text};
use crate::command::shell::{Assign, Command, NotShell, Simple, Unit, Word};

impl Reader {
    pub(super) fn simple(&mut self) -> Read<Command> {
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
}
