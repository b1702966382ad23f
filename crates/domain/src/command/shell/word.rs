//! Reads one word: quotes, escapes, and the expansions in it.

use super::parse::{Reader, Until};
use super::{NotShell, Unit, Word};

type Read<T> = Result<T, NotShell>;

/// Characters that end a word outside of quotes.
pub(super) fn is_meta(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')')
}

impl Reader {
    /// A word at the current place; empty when none starts here.
    pub(super) fn word(&mut self) -> Read<Word> {
        let mut word = Word::new();
        loop {
            let Some(c) = self.peek() else { return Ok(word) };
            if matches!(c, '<' | '>') && self.at(1) == Some('(') {
                self.skip(2);
                word.push(Unit::File(self.nested(Until::Parenthesis)?));
                continue;
            }
            if is_meta(c) {
                return Ok(word);
            }
            self.unit(&mut word)?;
        }
    }

    /// One piece outside of quotes.
    fn unit(&mut self, word: &mut Word) -> Read<()> {
        let Some(c) = self.next() else { return Ok(()) };
        match c {
            '\\' => match self.next() {
                Some('\n') => {}
                Some(c) => word.push(Unit::Quoted(c)),
                None => return Err(NotShell::Unclosed),
            },
            '\'' => self.single(word)?,
            '"' => self.double(word)?,
            '`' => self.backquoted(word, false)?,
            '$' => self.dollar(word, false)?,
            c => word.push(Unit::Plain(c)),
        }
        Ok(())
    }

    fn single(&mut self, word: &mut Word) -> Read<()> {
        word.push(Unit::Empty);
        loop {
            match self.next().ok_or(NotShell::Unclosed)? {
                '\'' => return Ok(()),
                c => word.push(Unit::Quoted(c)),
            }
        }
    }

    fn double(&mut self, word: &mut Word) -> Read<()> {
        word.push(Unit::Empty);
        loop {
            match self.next().ok_or(NotShell::Unclosed)? {
                '"' => return Ok(()),
                c => self.in_double(c, word)?,
            }
        }
    }

    /// One piece inside double quotes or a here document, of which `c` was taken already.
    fn in_double(&mut self, c: char, word: &mut Word) -> Read<()> {
        match c {
            '\\' => match self.peek() {
                Some('\n') => self.skip(1),
                Some(c @ ('$' | '`' | '"' | '\\')) => {
                    self.skip(1);
                    word.push(Unit::Quoted(c));
                }
                _ => word.push(Unit::Quoted('\\')),
            },
            '`' => self.backquoted(word, true)?,
            '$' => self.dollar(word, true)?,
            c => word.push(Unit::Quoted(c)),
        }
        Ok(())
    }

    /// A text in which only `$`, backquotes and backslashes count: the body of a here document.
    pub(super) fn document(&mut self) -> Read<Word> {
        let mut word = Word::new();
        while let Some(c) = self.next() {
            self.in_double(c, &mut word)?;
        }
        Ok(word)
    }

    /// What follows a `$` that was taken already.
    fn dollar(&mut self, word: &mut Word, quoted: bool) -> Read<()> {
        match self.peek() {
            Some('(') if self.at(1) == Some('(') && self.closes_twice(2) => {
                self.skip(2);
                let inside = self.inside(Closing::Arithmetic)?;
                word.push(Unit::Number(inside));
            }
            Some('(') => {
                self.skip(1);
                let script = self.nested(Until::Parenthesis)?;
                word.push(Unit::Output { script, quoted });
            }
            Some('[') => {
                self.skip(1);
                let inside = self.inside(Closing::Bracket)?;
                word.push(Unit::Number(inside));
            }
            Some('{') => {
                self.skip(1);
                self.braced(word, quoted)?;
            }
            Some('\'') if !quoted => {
                self.skip(1);
                self.ansi(word)?;
            }
            Some('"') if !quoted => {
                self.skip(1);
                self.double(word)?;
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let mut name = String::new();
                while let Some(c) = self.peek().filter(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(c);
                    self.skip(1);
                }
                word.push(Unit::Parameter { name, changed: false, quoted, inside: Word::new() });
            }
            Some(c) if c.is_ascii_digit() || "@*#?$!-".contains(c) => {
                self.skip(1);
                word.push(Unit::Parameter {
                    name: c.to_string(),
                    changed: false,
                    quoted,
                    inside: Word::new(),
                });
            }
            _ => word.push(if quoted { Unit::Quoted('$') } else { Unit::Plain('$') }),
        }
        Ok(())
    }

    /// `${...}` behind its opening brace.
    fn braced(&mut self, word: &mut Word, quoted: bool) -> Read<()> {
        let mut name = String::new();
        while let Some(c) = self.peek().filter(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(c);
            self.skip(1);
        }
        let inside = self.inside(Closing::Brace)?;
        let changed = !inside.is_empty() || name.is_empty();
        word.push(Unit::Parameter { name, changed, quoted, inside });
        Ok(())
    }

    /// Everything up to the closing sign, which is taken too.
    fn inside(&mut self, closing: Closing) -> Read<Word> {
        self.enter()?;
        let mut word = Word::new();
        let mut open = 0_usize;
        loop {
            let c = self.peek().ok_or(NotShell::Unclosed)?;
            match (closing, c) {
                (Closing::Brace, '}') | (Closing::Bracket, ']') if open == 0 => {
                    self.skip(1);
                    break;
                }
                (Closing::Arithmetic, ')') if open == 0 => {
                    self.skip(2);
                    break;
                }
                (Closing::Arithmetic, '(') | (Closing::Bracket, '[') => {
                    open += 1;
                    self.skip(1);
                }
                (Closing::Arithmetic, ')') | (Closing::Bracket, ']') => {
                    open -= 1;
                    self.skip(1);
                }
                _ => self.unit(&mut word)?,
            }
        }
        self.leave();
        Ok(word)
    }

    /// The commands between `((` and `))`, whose opening was taken.
    pub(super) fn arithmetic(&mut self) -> Read<Word> {
        self.inside(Closing::Arithmetic)
    }

    /// Backquotes: their text, with one layer of backslashes taken away, is a script.
    fn backquoted(&mut self, word: &mut Word, quoted: bool) -> Read<()> {
        let mut text = Vec::new();
        loop {
            match self.next().ok_or(NotShell::Unclosed)? {
                '`' => break,
                '\\' => match self.next().ok_or(NotShell::Unclosed)? {
                    c @ ('`' | '\\' | '$') => text.push(c),
                    '"' if quoted => text.push('"'),
                    c => text.extend(['\\', c]),
                },
                c => text.push(c),
            }
        }
        let script = self.other_text(text)?;
        word.push(Unit::Output { script, quoted });
        Ok(())
    }

    /// `$'...'` behind its opening quote.
    fn ansi(&mut self, word: &mut Word) -> Read<()> {
        word.push(Unit::Empty);
        loop {
            let c = match self.next().ok_or(NotShell::Unclosed)? {
                '\'' => return Ok(()),
                '\\' => match self.escape()? {
                    Some(c) => c,
                    None => continue,
                },
                c => c,
            };
            word.push(Unit::Quoted(c));
        }
    }

    /// What stands for a character in `$'...'`, behind the backslash. `None`: nothing does.
    fn escape(&mut self) -> Read<Option<char>> {
        let c = self.next().ok_or(NotShell::Unclosed)?;
        let code = match c {
            'a' => 7,
            'b' => 8,
            'e' | 'E' => 27,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            'x' => self.digits(16, 2),
            'u' => self.digits(16, 4),
            'U' => self.digits(16, 8),
            'c' => self.next().ok_or(NotShell::Unclosed)? as u32 & 0x1f,
            '0'..='7' => {
                self.back();
                self.digits(8, 3) & 0xff
            }
            other => other as u32,
        };
        // Bash ends the text at a NUL; whoever writes one hides something, and the text is refused for it elsewhere.
        Ok(char::from_u32(code).filter(|c| *c != '\0'))
    }

    fn digits(&mut self, radix: u32, most: usize) -> u32 {
        let mut value = 0_u32;
        for _ in 0..most {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(radix)) else { break };
            value = value.wrapping_mul(radix).wrapping_add(digit);
            self.skip(1);
        }
        value
    }
}

#[derive(Clone, Copy)]
enum Closing {
    Brace,
    Bracket,
    Arithmetic,
}
