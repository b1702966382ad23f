//! Commands that are given to commands: by builtins, interpreters, wrappers and standard input.

use super::{At, Scan, Walk};
use crate::command::Verdict;
use crate::command::call::{Call, Input};
use crate::command::facts::{self, Source, source};
use crate::command::paths::{Place, is_steering, place};
use crate::command::rules::Rule;
use crate::command::shell::Arg;
use crate::command::wrappers::{inner as wrapped_command, is_wrapper, takes_lines};

/// How many places of a command line are tried as the beginning of an inner command.
const MOST_PLACES: usize = 48;

/// How many arguments of an inner command are looked at when its beginning is only tried.
const MOST_TRIED: usize = 64;

impl Walk {
    /// What the shell does itself.
    pub(super) fn builtin(&mut self, call: &Call<'_>, at: At<'_>) {
        match call.name {
            "cd" | "chdir" | "pushd" => self.change_folder(call),
            "export" | "declare" | "typeset" | "readonly" | "local" => {
                facts::declared(call, &mut self.found);
                self.found.add(Rule::NotPlain, "a variable is set");
                for arg in call.args {
                    if let Some((name, value)) = arg.text.split_once('=') {
                        self.variables
                            .insert(name.to_owned(), Some(value.to_owned()).filter(|_| !arg.is_unknown()));
                    }
                }
            }
            "read" | "mapfile" | "readarray" | "getopts" | "printf" | "unset" | "let" => {
                for arg in call.operands() {
                    if let Some(value) = self.variables.get_mut(&arg.text) {
                        *value = None;
                    }
                }
            }
            "eval" => {
                let words: Vec<&str> = call.args.iter().map(|a| a.text.as_str()).collect();
                let mut code = Arg::known(&words.join(" "));
                code.plain = false;
                self.code(&code, at);
            }
            "trap" => {
                if let Some(code) = call.operands().next().filter(|_| call.operands().count() > 1) {
                    self.code(code, at);
                }
            }
            "alias" => {
                for arg in call.args {
                    if let Some((_, code)) = arg.text.split_once('=') {
                        self.code(&Arg::known(code), at);
                    }
                }
            }
            "source" | "." => self.sourced(call),
            "enable" | "hash" | "complete" | "bind" | "shopt" | "set" if !call.args.is_empty() => {
                self.found.add(Rule::NotPlain, format!("{} changes the shell", call.name));
            }
            _ => {}
        }
    }

    fn change_folder(&mut self, call: &Call<'_>) {
        let first = call.operands().next();
        match first.map(|arg| (arg, place(arg, &self.folder))) {
            Some((arg, Place::Tree(parts))) if arg.text != "-" && !arg.glob => {
                // Inside `.git` and its kind, names that say nothing are those of settings.
                if is_steering(&parts) {
                    self.found.add(Rule::ReadsOutside, format!("it works inside {}", arg.text));
                }
                self.folder = Some(parts);
            }
            first => {
                self.found.add(Rule::LeaveTree, first.map_or("home", |(arg, _)| arg.text.as_str()));
                self.folder = None;
            }
        }
    }

    fn sourced(&mut self, call: &Call<'_>) {
        // Without a name a shell runs nothing: it says how it wants to be called.
        if call.args.is_empty() {
            return;
        }
        match call.operands().next().map(|arg| (arg, place(arg, &self.folder))) {
            Some((arg, Place::Tree(_))) if !arg.glob => {
                self.found.add(Rule::InlineCode, format!("{} runs {}", call.name, arg.text))
            }
            Some((arg, Place::Outside(_) | Place::Temporary)) => {
                self.found.add(Rule::ProgramOutside, arg.text.clone())
            }
            _ => {
                self.found.add(Rule::PipeToInterpreter, format!("{} runs what is known only then", call.name))
            }
        }
    }

    /// Code in the shell's language.
    fn code(&mut self, code: &Arg, at: At<'_>) {
        self.found.add(Rule::InlineCode, "a text is run");
        if code.is_unknown() || code.text.contains("{}") {
            self.found.add(Rule::ComputedCode, "a text that is known only when it runs");
        }
        // What is not known may still stand beside what is.
        let text = code.text.replace(crate::command::shell::UNKNOWN, "$_");
        self.text(&text, at.depth + 1, at.input);
    }

    pub(super) fn interpreted(&mut self, call: &Call<'_>, at: At<'_>) {
        match source(call) {
            Source::Code { arg, shell: true } => self.code(arg, at),
            Source::Code { arg, shell: false } => self.quoted_lines(&arg.text, at),
            Source::Input { shell: true } => {
                if let Some(text) = at.text {
                    let text = text.to_owned();
                    self.text(&text, at.depth + 1, Input::None);
                }
            }
            _ => {}
        }
        if call.is(&["at", "batch", "crontab"])
            && let Some(text) = at.text
        {
            let text = text.to_owned();
            self.text(&text, at.depth + 1, Input::None);
        }
    }

    /// Texts in another language's quotes may be commands.
    fn quoted_lines(&mut self, code: &str, at: At<'_>) {
        let mut rest = code;
        for _ in 0..16 {
            let Some(start) = rest.find(['"', '\'', '`', '!']) else { return };
            let quote = rest.get(start..).and_then(|r| r.chars().next()).unwrap_or('"');
            let Some(behind) = rest.get(start + 1..) else { return };
            let end = if quote == '!' { behind.len() } else { behind.find(quote).unwrap_or(behind.len()) };
            let inside = behind.get(..end).unwrap_or_default().to_owned();
            self.strictly(|walk| walk.text(&inside, at.depth + 1, Input::None));
            rest = behind.get(end + 1..).unwrap_or_default();
        }
    }

    /// A command whose last arguments come from a list.
    pub(super) fn fed(&mut self, command: &[Arg], at: At<'_>) {
        let Some(program) = command.first() else { return };
        let name = self.name(program);
        if ["rm", "unlink", "rmdir", "shred", "mv", "truncate", "srm", "trash"].contains(&name.as_str()) {
            self.found.add(Rule::DeleteListed, format!("{name} with a list of files"));
        }
        self.call(command, at.deeper(), Scan::Inner);
    }

    /// What a wrapper runs, and what may stand anywhere in the arguments of other programs.
    pub(super) fn wrapped(&mut self, call: &Call<'_>, at: At<'_>) {
        let inner = wrapped_command(call);
        let mut places = call.args.len().min(MOST_PLACES);
        if let Some(inner) = &inner
            && let Some(command) = inner.start.and_then(|start| call.args.get(start..))
        {
            self.found.add(Rule::RunsOther, format!("{} runs another command", call.name));
            for arg in call.args.iter().take(inner.start.unwrap_or(0)).filter(|_| call.is(&["env", "genv"])) {
                if let Some((name, _)) = arg.text.split_once('=') {
                    facts::assigned(name, &mut self.found);
                }
            }
            if inner.fed {
                self.fed(command, at)
            } else {
                self.call(command, at.deeper(), Scan::Inner)
            }
            // A wrapper in a wrapper tries the same places by itself, and in the same way.
            if command.split_first().is_some_and(|(program, _)| is_wrapper(&self.name(program))) {
                places = places.min(inner.start.unwrap_or(0));
            }
        }
        if takes_lines(call) {
            let lines: Vec<&Arg> =
                call.args.iter().filter(|a| a.text.contains([' ', '\t', ';', '|'])).take(8).collect();
            for line in lines {
                if !line.is_unknown() {
                    self.strictly(|walk| walk.text(&line.text, at.depth + 1, Input::None));
                }
            }
        }
        if is_text_tool(call.name) {
            return;
        }
        let known = inner.is_some();
        for start in 0..places {
            let end = call.args.len().min(start + MOST_TRIED);
            let Some(rest) = call.args.get(start..end) else { break };
            if rest
                .first()
                .is_none_or(|first| first.text.starts_with('-') || first.is_unknown() || first.glob)
            {
                continue;
            }
            let at = At { input: Input::None, text: None, ..at.deeper() };
            let before = std::mem::take(&mut self.found);
            let (folder, fetched) = (self.folder.clone(), self.fetched);
            self.call(rest, at, if known { Scan::Tried } else { Scan::Grave });
            (self.folder, self.fetched) = (folder, fetched);
            let inside = std::mem::replace(&mut self.found, before);
            self.found.take(inside, |rule| if known { is_about_program(rule) } else { is_grave(rule) });
        }
    }

    /// Does something and keeps only what is forbidden of what it finds.
    fn strictly(&mut self, what: impl FnOnce(&mut Self)) {
        let before = std::mem::take(&mut self.found);
        let calls = self.calls.len();
        let (folder, fetched) = (self.folder.clone(), self.fetched);
        what(self);
        self.calls.truncate(calls);
        (self.folder, self.fetched) = (folder, fetched);
        let inside = std::mem::replace(&mut self.found, before);
        self.found.take(inside, is_about_program);
    }
}

/// Rules that are worth finding at a place that need not be the beginning of a command.
fn is_about_program(rule: Rule) -> bool {
    rule.verdict() == Verdict::Deny
        && !matches!(rule, Rule::ComputedCommand | Rule::ProgramOutside | Rule::Secrets | Rule::TooMuch)
}

/// The same for programs that are not known to run others; [`Scan::Grave`] looks for nothing else.
fn is_grave(rule: Rule) -> bool {
    matches!(rule, Rule::DeleteTree | Rule::DeleteListed)
}

/// Programs whose arguments are words, whatever they look like.
fn is_text_tool(name: &str) -> bool {
    [
        "echo", "printf", "grep", "egrep", "fgrep", "rg", "ag", "ack", "cat", "ls", "head", "tail", "wc",
        "man", "which", "type", "whatis", "apropos", "git", "tree", "rm", "cp", "mv", "mkdir", "touch",
        "help", "test", "[", "cargo", "pytest", "npm", "go", "make",
    ]
    .contains(&name)
}
