//! Reads redirections and the bodies of here documents.

use super::{Document, Read, Reader, plain_text};
use crate::command::shell::{NotShell, Redirection, Unit, Way, Word};

impl Reader {
    pub(super) fn redirection(&mut self) -> Read<Option<Redirection>> {
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
    pub(super) fn bodies(&mut self) -> Read<()> {
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
}

fn is_stream(word: &Word) -> bool {
    let text = plain_text(word).unwrap_or_default();
    let number = text.strip_suffix('-').unwrap_or(&text);
    !text.is_empty() && number.chars().all(|c| c.is_ascii_digit())
}
