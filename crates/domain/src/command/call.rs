//! One program with its arguments, as the facts look at it.

use super::paths::{Folder, Place, place};
use super::shell::Arg;

/// What a program's standard input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Input {
    /// Nothing, or a file of its own.
    #[default]
    None,
    /// What another command puts out.
    Pipe,
    /// A text in the command itself.
    Text,
    /// A file by redirection.
    File,
}

/// A program, its arguments, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    /// The program's name: no folder, lower case, no `.exe`.
    pub(super) name: &'a str,
    /// What stands behind the name.
    pub(super) args: &'a [Arg],
    pub(super) folder: &'a Folder,
    pub(super) input: Input,
}

impl<'a> Call<'a> {
    /// Whether the program is one of these.
    pub(super) fn is(&self, names: &[&str]) -> bool {
        names.contains(&self.name)
    }

    /// The options: what starts with `-`, up to `--`.
    pub(super) fn options(&self) -> impl Iterator<Item = &'a str> {
        let args = self.args;
        args.iter().map(|a| a.text.as_str()).take_while(|a| *a != "--").filter(|a| is_option(a))
    }

    /// Everything that is no option.
    pub(super) fn operands(&self) -> impl Iterator<Item = &'a Arg> {
        let end = self.args.iter().position(|a| a.text == "--").unwrap_or(self.args.len());
        self.args
            .iter()
            .enumerate()
            .filter(move |(at, a)| *at > end || *at < end && !is_option(&a.text))
            .map(|(_, a)| a)
    }

    /// The first operand's text; empty when there is none.
    pub(super) fn first(&self) -> &'a str {
        self.operands().next().map_or("", |a| a.text.as_str())
    }

    /// Whether one of these options is given: letters in any cluster, long names also shortened, with a value or not.
    pub(super) fn has(&self, letters: &str, long: &[&str]) -> bool {
        self.options().any(|option| match option.strip_prefix("--") {
            Some(name) => {
                let name = name.split('=').next().unwrap_or(name);
                name.len() > 1 && long.iter().any(|long| long.starts_with(name))
            }
            None => option.chars().skip(1).any(|c| letters.contains(c)),
        })
    }

    /// Whether one of these words is an argument, alone or with `=` behind it.
    pub(super) fn says(&self, words: &[&str]) -> bool {
        self.args.iter().any(|arg| {
            let word = arg.text.split('=').next().unwrap_or(&arg.text);
            words.contains(&word)
        })
    }

    /// Where the operands point to.
    pub(super) fn places(&self) -> impl Iterator<Item = (&'a Arg, Place)> {
        let folder = self.folder;
        self.operands().map(move |arg| (arg, place(arg, folder)))
    }
}

fn is_option(text: &str) -> bool {
    text.len() > 1 && text.starts_with('-')
}
