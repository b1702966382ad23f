//! What a word becomes, as far as it can be known without running anything: braces, the home, variables that the same
//! text sets. What cannot be known is marked and never guessed.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use super::{Unit, Word};
use crate::command::paths::names_secret;

/// Stands in [`Arg::text`] for whatever cannot be known. No command line that is judged holds it.
pub(in crate::command) const UNKNOWN: char = '\0';

/// No word becomes more arguments than this.
const MOST_WORDS: usize = 64;

/// No value that is filled in is longer than this, in bytes: `x=$x$x` would double it each time.
const MOST_VALUE: usize = 2048;

/// No argument gets longer than this by expansion, in bytes.
const MOST_TEXT: usize = 32 << 10;

/// A longer word with braces is not looked into, in units.
const MOST_BRACED: usize = 512;

/// What the text has set so far: the value where it is known.
pub(in crate::command) type Variables = BTreeMap<String, Option<String>>;

/// One argument, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::command) struct Arg {
    /// The text without quotes; [`UNKNOWN`] where something is expanded that is not known. The home is a leading `~`.
    pub(in crate::command) text: String,
    /// Whether a `*`, `?` or `[` stands outside of quotes.
    pub(in crate::command) glob: bool,
    /// Whether the text is just what was written: no expansion took part in it.
    pub(in crate::command) plain: bool,
    /// Whether it starts with the home of somebody.
    pub(in crate::command) home: bool,
    /// Whether the text names a secret, once somebody asked: the same argument is looked at in many places.
    secret: OnceCell<bool>,
}

impl Arg {
    /// Whether something in it names a file that may hold keys or passwords.
    pub(in crate::command) fn names_secret(&self) -> bool {
        *self.secret.get_or_init(|| names_secret(&self.text))
    }

    /// A part of it, which is expanded if it is.
    pub(in crate::command) fn part(&self, text: &str) -> Self {
        Self { text: text.to_owned(), home: text.starts_with('~'), secret: OnceCell::new(), ..self.clone() }
    }

    /// Whether something in it is not known.
    pub(in crate::command) fn is_unknown(&self) -> bool {
        self.text.contains(UNKNOWN)
    }

    /// An argument that is known as it stands.
    pub(in crate::command) fn known(text: &str) -> Self {
        Self { text: text.to_owned(), plain: true, ..Self::default() }
    }
}

/// The arguments that a word becomes.
pub(in crate::command) fn expand(word: &Word, variables: &Variables) -> Vec<Arg> {
    let mut words = Vec::new();
    let whole = braces(word, &mut words, 0);
    if words.is_empty() {
        words.push(word.clone());
    }
    let several = words.len() > 1;
    let mut args: Vec<Arg> = words.iter().flat_map(|word| fields(word, variables)).collect();
    args.truncate(MOST_WORDS);
    if several {
        args.iter_mut().for_each(|arg| arg.plain = false);
    }
    if !whole {
        args.push(Arg { text: UNKNOWN.to_string(), ..Arg::default() });
    }
    args
}

/// The text of a word that makes one value, as in an assignment; `None` when it is not known.
pub(in crate::command) fn known_text(word: &Word, variables: &Variables) -> Option<String> {
    let quoted: Word = word
        .iter()
        .map(|unit| match unit {
            Unit::Parameter { name, changed, inside, .. } => Unit::Parameter {
                name: name.clone(),
                changed: *changed,
                quoted: true,
                inside: inside.clone(),
            },
            other => other.clone(),
        })
        .collect();
    let fields = fields(&quoted, variables);
    match fields.as_slice() {
        [] => Some(String::new()),
        [one] if !one.is_unknown() => Some(one.text.clone()),
        _ => None,
    }
}

/// Puts the words that braces make into `words`; false when there would be too many of them.
fn braces(word: &[Unit], words: &mut Vec<Word>, depth: usize) -> bool {
    let Some((start, end, commas)) = first_braces(word) else {
        words.push(word.to_vec());
        return words.len() <= MOST_WORDS;
    };
    if depth > 6 || word.len() > MOST_BRACED {
        return false;
    }
    let mut from = start + 1;
    for to in commas.into_iter().chain([end]) {
        let (head, middle, tail) = (word.get(..start), word.get(from..to), word.get(end + 1..));
        let parts = [head, middle, tail].map(Option::unwrap_or_default);
        if words.len() > MOST_WORDS || !braces(&parts.concat(), words, depth + 1) {
            return false;
        }
        from = to + 1;
    }
    true
}

/// The first `{a,b}` outside of quotes: where it opens, closes, and its commas.
fn first_braces(word: &[Unit]) -> Option<(usize, usize, Vec<usize>)> {
    let mut open: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut found: Option<(usize, usize, Vec<usize>)> = None;
    for (at, unit) in word.iter().enumerate() {
        match unit {
            Unit::Plain('{') => open.push((at, Vec::new())),
            Unit::Plain(',') => {
                if let Some((_, commas)) = open.last_mut() {
                    commas.push(at);
                }
            }
            Unit::Plain('}') => {
                if let Some((start, commas)) = open.pop().filter(|(_, commas)| !commas.is_empty())
                    && found.as_ref().is_none_or(|(first, ..)| start < *first)
                {
                    found = Some((start, at, commas));
                }
            }
            _ => {}
        }
    }
    found
}

/// The arguments of a word without braces.
fn fields(word: &[Unit], variables: &Variables) -> Vec<Arg> {
    let mut done = Vec::new();
    let mut arg = Arg { plain: true, ..Arg::default() };
    let mut exists = false;
    for (at, unit) in word.iter().enumerate() {
        if arg.text.len() > MOST_TEXT {
            arg.text = UNKNOWN.to_string();
            break;
        }
        match unit {
            Unit::Plain('~') if at == 0 => {
                arg.home = true;
                arg.text.push('~');
            }
            Unit::Plain(c) => {
                arg.glob |= matches!(c, '*' | '?' | '[');
                arg.text.push(*c);
            }
            Unit::Quoted(c) => arg.text.push(*c),
            Unit::Empty => {}
            Unit::Parameter { name, changed, quoted, .. } => {
                arg.plain = false;
                match value(name, *changed, variables) {
                    Value::Home => {
                        arg.home |= arg.text.is_empty();
                        arg.text.push('~');
                    }
                    Value::Known(text) if *quoted => arg.text.push_str(&text),
                    Value::Known(text) => {
                        exists |= !arg.text.is_empty();
                        split(&text, &mut arg, &mut exists, &mut done);
                        continue;
                    }
                    Value::Unknown => arg.text.push(UNKNOWN),
                }
            }
            Unit::Output { .. } | Unit::File(_) | Unit::Number(_) => {
                arg.plain = false;
                arg.text.push(UNKNOWN);
            }
        }
        exists = true;
    }
    if exists {
        done.push(arg);
    }
    done
}

/// Splits a value at blanks, as the shell does outside of quotes.
fn split(text: &str, arg: &mut Arg, exists: &mut bool, done: &mut Vec<Arg>) {
    for c in text.chars() {
        if matches!(c, ' ' | '\t' | '\n') {
            if *exists {
                done.push(std::mem::take(arg));
                *exists = false;
            }
        } else {
            arg.glob |= matches!(c, '*' | '?' | '[');
            arg.text.push(c);
            *exists = true;
        }
    }
}

enum Value {
    Home,
    Known(String),
    Unknown,
}

fn value(name: &str, changed: bool, variables: &Variables) -> Value {
    match (variables.get(name), name) {
        (None, "HOME") => Value::Home,
        (Some(_), _) if changed => Value::Unknown,
        (Some(Some(text)), _) if text.len() <= MOST_VALUE => Value::Known(text.clone()),
        (Some(_), _) => Value::Unknown,
        (None, "IFS") => Value::Known(" ".to_owned()),
        (None, "PWD") if !changed => Value::Known(".".to_owned()),
        _ => Value::Unknown,
    }
}
