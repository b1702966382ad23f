//! Goes through a script the way a shell would, and collects what each command does.

mod inner;
mod loops;

use std::collections::BTreeSet;

use super::Found;
use super::call::{Call, Input};
use super::facts::{self, Source, source};
use super::paths::{Folder, Place, place};
use super::rules::Rule;
use super::shell::{
    Arg, Command, Compound, Item, Kind, NotShell, Redirection, Script, Simple, Unit, Variables, Way, Word,
    expand, known_text, parse,
};
use super::wrappers::found_commands;
use loops::{breaks, calls, is_true};

/// How deep commands may lie in each other, counting texts that are commands themselves.
pub(super) const DEEPEST: usize = 28;

/// How many characters of texts in texts are read, over all.
const FUEL: usize = 64 << 10;

/// How many calls are looked at, over all; one with many arguments counts for several.
const MOST_CALLS: usize = 2_000;

/// What was found in one text.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) found: Found,
    /// The calls that stand in the text itself, in order: what allow rules are asked about.
    pub(super) calls: Vec<Vec<Arg>>,
    /// Every call, wherever it stands: what the owner's rules are asked about.
    pub(super) all: Vec<Vec<String>>,
    variables: Variables,
    functions: BTreeSet<String>,
    folder: Folder,
    fuel: usize,
    left: usize,
    /// Whether something was fetched.
    fetched: bool,
}

/// Where in the text something stands.
#[derive(Debug, Clone, Copy)]
struct At<'a> {
    depth: usize,
    input: Input,
    documents: &'a [Word],
    /// What its standard input is, where that is known.
    text: Option<&'a str>,
}

impl At<'_> {
    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
}

impl Walk {
    /// Reads a text and looks at all of it.
    pub(super) fn over(text: &str) -> Self {
        let mut walk = Self {
            found: Found::default(),
            calls: Vec::new(),
            all: Vec::new(),
            variables: Variables::new(),
            functions: BTreeSet::new(),
            folder: Some(Vec::new()),
            fuel: FUEL,
            left: MOST_CALLS,
            fetched: false,
        };
        walk.text(text, 0, Input::None);
        walk
    }

    /// A text that is a script.
    fn text(&mut self, text: &str, depth: usize, input: Input) {
        let Some(fuel) = self.fuel.checked_sub(text.len()) else {
            self.found.add(Rule::TooMuch, "commands in commands in commands");
            return;
        };
        self.fuel = fuel;
        let parsed = parse(text, DEEPEST.saturating_sub(depth));
        match parsed.problem {
            None => {}
            Some(problem @ NotShell::TooDeep) => self.found.add(Rule::TooMuch, problem.to_string()),
            Some(problem) => self.found.add(Rule::NotUnderstood, problem.to_string()),
        }
        let at = At { depth, input, documents: &parsed.documents, text: None };
        self.script(&parsed.script, at);
    }

    fn script(&mut self, script: &Script, at: At<'_>) {
        if at.depth > DEEPEST {
            self.found.add(Rule::TooMuch, "it is nested too deep");
            return;
        }
        script.items.iter().for_each(|item| self.item(item, at));
    }

    fn item(&mut self, item: &Item, at: At<'_>) {
        if item.background {
            self.found.add(Rule::Background, "`&` leaves it running");
        }
        for (place, stage) in item.stages.iter().enumerate() {
            let at = if place == 0 { at } else { At { input: Input::Pipe, text: None, ..at } };
            match stage {
                Command::Simple(simple) => self.simple(simple, at),
                Command::Compound(compound) => self.compound(compound, at),
            }
        }
    }

    fn compound(&mut self, compound: &Compound, at: At<'_>) {
        self.found.add(Rule::NotPlain, "control flow");
        compound.words.iter().for_each(|word| self.word(word, at));
        let at = self.redirected(&compound.redirections, at).deeper();
        let folder = self.folder.clone();
        match compound.kind {
            Kind::For => {
                let values: Vec<Arg> =
                    compound.words.iter().flat_map(|w| expand(w, &self.variables)).collect();
                let value = if let [one] = values.as_slice() {
                    Some(one.text.clone()).filter(|_| !one.is_unknown())
                } else {
                    None
                };
                if let Some(name) = &compound.name {
                    self.variables.insert(name.clone(), value);
                }
                let head: String =
                    compound.words.iter().flatten().filter_map(letter).filter(|c| *c != ' ').collect();
                let endless = compound.name.is_none() && head.contains(";;");
                if endless && !breaks(&compound.bodies) {
                    self.found.add(Rule::Endless, "a loop that nothing ends");
                }
            }
            Kind::While if is_true(compound.bodies.first()) && !breaks(&compound.bodies) => {
                self.found.add(Rule::Endless, "a loop that nothing ends");
            }
            Kind::Function => {
                if let Some(name) = &compound.name {
                    if compound.bodies.iter().any(|body| calls(body, name, 0)) {
                        self.found.add(Rule::Endless, format!("the function {name} calls itself"));
                    }
                    self.functions.insert(name.clone());
                }
            }
            _ => {}
        }
        compound.bodies.iter().for_each(|body| self.script(body, at));
        if compound.kind == Kind::Subshell {
            self.folder = folder;
        }
    }

    /// Everything that is expanded in a word.
    fn word(&mut self, word: &Word, at: At<'_>) {
        let below = At { depth: at.depth + 1, ..at };
        for unit in word {
            match unit {
                Unit::Plain(_) | Unit::Quoted(_) | Unit::Empty => continue,
                Unit::Parameter { name, inside, .. } => {
                    let inner: String = inside.iter().filter_map(letter).collect();
                    if facts::holds_key(name) || name.is_empty() && facts::holds_key(&inner) {
                        self.found.add(Rule::EnvironmentDump, format!("the value of {name}{inner}"));
                    }
                    self.word(inside, below);
                }
                Unit::Output { script, .. } => self.script(script, At { input: Input::None, ..below }),
                Unit::File(script) => self.script(script, At { input: Input::Pipe, text: None, ..below }),
                Unit::Number(inside) => self.word(inside, below),
            }
            self.found.add(Rule::NotPlain, "something is expanded");
        }
    }

    /// What redirections do, and what the standard input is behind them.
    fn redirected<'a>(&mut self, redirections: &'a [Redirection], mut at: At<'a>) -> At<'a> {
        for redirection in redirections {
            self.word(&redirection.target, at);
            let args = expand(&redirection.target, &self.variables);
            let several = args.len() != 1;
            for arg in &args {
                match redirection.way {
                    Way::Read => {
                        at.input = Input::File;
                        if !facts::read_from(arg, &self.folder, &mut self.found) || several || !arg.plain {
                            self.found.add(Rule::NotPlain, "an input that is no file of the tree");
                        }
                    }
                    Way::Write => facts::written_to(arg, &self.folder, &mut self.found),
                    Way::Both => {
                        at.input = Input::File;
                        self.found.add(Rule::NotPlain, "a file to read and write");
                        facts::written_to(arg, &self.folder, &mut self.found);
                    }
                    Way::Duplicate => {}
                    Way::HereString | Way::HereDocument(_) => {
                        at.input = Input::Text;
                        self.found.add(Rule::NotPlain, "a text as input");
                    }
                }
            }
            if let Way::HereDocument(index) = redirection.way
                && let Some(body) = at.documents.get(index)
            {
                self.word(body, at);
            }
        }
        at
    }

    /// The text that a command reads, where it stands in the command itself and is known.
    fn given(&self, redirections: &[Redirection], at: At<'_>) -> Option<String> {
        let redirection = redirections.last()?;
        match redirection.way {
            Way::HereString => known_text(&redirection.target, &self.variables),
            Way::HereDocument(index) => known_text(at.documents.get(index)?, &self.variables),
            _ => None,
        }
    }

    fn simple(&mut self, simple: &Simple, at: At<'_>) {
        let at = self.redirected(&simple.redirections, at);
        for assign in &simple.assigns {
            assign.values.iter().for_each(|value| self.word(value, at));
            facts::assigned(&assign.name, &mut self.found);
            let value = match assign.values.as_slice() {
                [one] if assign.plain => known_text(one, &self.variables),
                _ => None,
            };
            if !facts::is_harmless(&assign.name) || value.is_none() || simple.words.is_empty() {
                self.found.add(Rule::NotPlain, format!("{} is set", assign.name));
            }
            if simple.words.is_empty() || self.variables.contains_key(&assign.name) {
                self.variables.insert(assign.name.clone(), value);
            }
        }
        simple.words.iter().for_each(|word| self.word(word, at));
        let argv: Vec<Arg> = simple.words.iter().flat_map(|word| expand(word, &self.variables)).collect();
        if argv.iter().any(|arg| !arg.plain) {
            self.found.add(Rule::NotPlain, "an argument is expanded");
        }
        let given = self.given(&simple.redirections, at);
        if !argv.is_empty() {
            self.calls.push(argv.clone());
            self.call(&argv, At { text: given.as_deref(), ..at }, Scan::Inner);
        } else if !simple.words.is_empty() {
            self.found.add(Rule::ComputedCommand, "the words come from a variable");
        }
    }

    /// One program with its arguments.
    fn call(&mut self, argv: &[Arg], at: At<'_>, scan: Scan) {
        let Some((program, args)) = argv.split_first() else { return };
        // What a look costs grows with the arguments, and a wrapper hands all of them on.
        let left = self.left.checked_sub(1 + args.len() / 8);
        let (Some(left), true) = (left, at.depth <= DEEPEST) else {
            self.found.add(Rule::TooMuch, "commands in commands in commands");
            return;
        };
        self.left = left;
        let name = self.name(program);
        if scan == Scan::Inner {
            self.all.push(std::iter::once(name.clone()).chain(args.iter().map(|a| a.text.clone())).collect());
        }
        let folder = self.folder.clone();
        let call = Call { name: &name, args, folder: &folder, input: at.input };
        match scan {
            Scan::Inner | Scan::Tried => facts::look(&call, &mut self.found),
            Scan::Grave => facts::look_for_deletions(&call, &mut self.found),
        }
        self.fetching(&call, program);
        self.builtin(&call, at);
        self.interpreted(&call, at);
        for command in found_commands(&call) {
            self.found.add(Rule::RunsOther, format!("{name} runs another command"));
            self.fed(command, at);
        }
        if scan == Scan::Inner {
            self.wrapped(&call, at);
        }
    }

    /// The program's name without its folder; what hides behind a name is found.
    fn name(&mut self, program: &Arg) -> String {
        if program.is_unknown() || program.glob && program.text.len() > 1 || program.text.is_empty() {
            self.found.add(Rule::ComputedCommand, "the program's name is worked out");
        }
        if let Some((folder, _)) = program.text.rsplit_once('/') {
            let system = [
                "/bin",
                "/usr/bin",
                "/sbin",
                "/usr/sbin",
                "/usr/local/bin",
                "/opt/homebrew/bin",
                "/usr/local/sbin",
            ]
            .contains(&folder);
            if !system && !program.is_unknown() && !matches!(place(program, &self.folder), Place::Tree(_)) {
                self.found.add(Rule::ProgramOutside, program.text.clone());
            }
        }
        let base = program.text.rsplit('/').next().unwrap_or(&program.text).to_ascii_lowercase();
        base.strip_suffix(".exe").map(str::to_owned).unwrap_or(base)
    }

    /// Fetching first and running afterwards.
    fn fetching(&mut self, call: &Call<'_>, program: &Arg) {
        let runs = match source(call) {
            Source::File(_) => true,
            Source::Code { arg, .. } => arg.is_unknown(),
            _ => program.text.contains('/') || call.is(&["source", ".", "chmod", "make", "eval"]),
        };
        if self.fetched && runs {
            self.found.add(Rule::FetchAndRun, format!("{} after a download", call.name));
        }
        self.fetched |= call.is(&["curl", "wget", "wget2", "aria2c", "axel", "fetch", "scp", "ftp", "lftp"])
            || call.is(&["git"]) && call.first() == "clone";
    }
}

/// What a call is looked at for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scan {
    /// Everything, and its arguments are looked through for an inner command.
    Inner,
    /// Everything: it may be no command at all.
    Tried,
    /// Only what [`is_grave`](inner) finds, for it is most likely none.
    Grave,
}

/// The character that a piece of a word stands for.
fn letter(unit: &Unit) -> Option<char> {
    match unit {
        Unit::Plain(c) | Unit::Quoted(c) => Some(*c),
        _ => None,
    }
}
