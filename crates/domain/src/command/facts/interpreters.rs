//! Interpreters: where the code comes from that they run.

use crate::command::Found;
use crate::command::call::{Call, Input};
use crate::command::paths::{Place, place};
use crate::command::rules::Rule;
use crate::command::shell::Arg;

const SHELLS: &[&str] = &[
    "sh",
    "bash",
    "zsh",
    "dash",
    "ksh",
    "ksh93",
    "ash",
    "fish",
    "mksh",
    "csh",
    "tcsh",
    "rbash",
    "rzsh",
    "pdksh",
    "yash",
    "hush",
    "osh",
    "elvish",
    "nu",
    "xonsh",
    "pwsh",
    "powershell",
    "cmd",
    "lksh",
    "oksh",
    "posh",
    "bash5",
    "sash",
];

/// Other interpreters, with the letters and words behind which code stands.
const OTHERS: &[(&str, &str, &[&str])] = &[
    ("python", "c", &[]),
    ("pypy", "c", &[]),
    ("ipython", "c", &[]),
    ("perl", "eE", &[]),
    ("ruby", "e", &[]),
    ("jruby", "e", &[]),
    ("node", "ep", &["--eval", "--print", "--require", "--import", "--loader"]),
    ("nodejs", "ep", &["--eval", "--print"]),
    ("deno", "", &["eval", "repl"]),
    ("bun", "ep", &["--eval", "--print"]),
    ("tsx", "ep", &["--eval"]),
    ("ts-node", "ep", &["--eval"]),
    ("php", "rBRE", &["--run"]),
    ("lua", "e", &[]),
    ("luajit", "e", &[]),
    ("rscript", "e", &[]),
    ("r", "e", &[]),
    ("julia", "eE", &["--eval"]),
    ("osascript", "e", &[]),
    ("groovy", "e", &[]),
    ("scala", "e", &[]),
    ("kotlin", "e", &[]),
    ("elixir", "e", &["--eval"]),
    ("erl", "", &["-eval"]),
    ("ghc", "e", &[]),
    ("runghc", "e", &[]),
    ("ocaml", "e", &[]),
    ("racket", "e", &["--eval"]),
    ("guile", "c", &[]),
    ("sbcl", "", &["--eval", "--load"]),
    ("clisp", "x", &[]),
    ("clojure", "e", &[]),
    ("bb", "e", &[]),
    ("swift", "e", &[]),
    ("tclsh", "", &[]),
    ("wish", "", &[]),
    ("expect", "c", &[]),
    ("irb", "e", &[]),
    ("jshell", "", &[]),
    ("gnuplot", "e", &[]),
    ("octave", "", &["--eval"]),
    ("emacs", "", &["--eval", "-f", "-l", "--script"]),
    ("emacsclient", "e", &["--eval"]),
    ("sqlite3", "", &["-cmd"]),
    ("gdb", "", &["-ex", "-x", "--eval-command", "--command", "--args"]),
    ("lldb", "o", &["--one-line"]),
    ("bc", "", &[]),
    ("dc", "e", &[]),
    ("m4", "", &[]),
    ("as", "", &[]),
    ("crystal", "", &["eval"]),
    ("raku", "e", &[]),
    ("nim", "", &["e"]),
    ("vim", "cS", &["--cmd"]),
    ("vi", "cS", &["--cmd"]),
    ("nvim", "cS", &["--cmd"]),
    ("view", "cS", &["--cmd"]),
    ("ex", "cS", &["--cmd"]),
    ("awk", "", &[]),
    ("gawk", "", &[]),
    ("mawk", "", &[]),
    ("nawk", "", &[]),
];

/// Where the code comes from that an interpreter runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::command) enum Source<'a> {
    /// It is no interpreter, or only tells its version.
    None,
    /// From an argument; the shell's own language when `shell` says so.
    Code { arg: &'a Arg, shell: bool },
    /// From standard input.
    Input { shell: bool },
    /// From a file.
    File(&'a Arg),
    /// From an installed module.
    Module,
}

/// Where the code of this call comes from.
pub(in crate::command) fn source<'a>(call: &Call<'a>) -> Source<'a> {
    if matches!(call.args, [one] if matches!(one.text.as_str(), "--version" | "-V" | "--help" | "-h" | "-v" | "version"))
    {
        return Source::None;
    }
    if call.is(SHELLS) {
        return shell(call);
    }
    let bare = call.name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    match OTHERS.iter().find(|(name, ..)| *name == bare || *name == call.name) {
        Some((name, letters, words)) => other(call, name, letters, words),
        None => Source::None,
    }
}

fn shell<'a>(call: &Call<'a>) -> Source<'a> {
    let (mut code, mut input) = (false, false);
    let mut args = call.args.iter();
    while let Some(arg) = args.next() {
        let text = arg.text.as_str();
        let low = text.to_ascii_lowercase();
        match text.strip_prefix(['-', '+']) {
            Some("") | Some("-") => {
                if let Some(next) = args.next() {
                    return if code { Source::Code { arg: next, shell: true } } else { Source::File(next) };
                }
            }
            Some("o" | "O" | "-rcfile" | "-init-file") => {
                args.next();
            }
            Some(letters) if !letters.starts_with('-') => {
                code |= letters.contains('c')
                    || letters.contains('C') && call.is(&["fish", "cmd"])
                    || low.contains("command");
                input |= letters.contains('s');
            }
            Some(long) => code |= long.starts_with("-command") || long.starts_with("-init-command"),
            None if call.is(&["cmd"]) && low.starts_with("/c") => code = true,
            None if code => return Source::Code { arg, shell: true },
            None if input || is_input(text) => return Source::Input { shell: true },
            None => return Source::File(arg),
        }
    }
    Source::Input { shell: true }
}

fn is_input(text: &str) -> bool {
    matches!(text, "-" | "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0")
}

fn other<'a>(call: &Call<'a>, name: &str, letters: &str, words: &[&str]) -> Source<'a> {
    let mut args = call.args.iter();
    while let Some(arg) = args.next() {
        let text = arg.text.as_str();
        let head = text.split('=').next().unwrap_or(text);
        if words.contains(&head) {
            let value = if text.contains('=') { Some(arg) } else { args.next() };
            return value.map_or(Source::Input { shell: false }, |arg| Source::Code { arg, shell: false });
        }
        if is_input(text) {
            return Source::Input { shell: false };
        }
        if let Some(cluster) = text.strip_prefix('-').filter(|c| !c.starts_with('-') && !c.is_empty()) {
            if matches!(name, "python" | "pypy") && cluster.contains('m') {
                return Source::Module;
            }
            if let Some(at) = cluster.find(|c| letters.contains(c)) {
                let attached = cluster.get(at + 1..).is_some_and(|rest| !rest.is_empty());
                let value = if attached { Some(arg) } else { args.next() };
                return value
                    .map_or(Source::Input { shell: false }, |arg| Source::Code { arg, shell: false });
            }
            continue;
        }
        if text.starts_with("--") {
            continue;
        }
        if let Some(command) = text.strip_prefix('+').filter(|c| !c.is_empty()) {
            return if command.contains('!') { Source::Code { arg, shell: false } } else { Source::None };
        }
        return match name {
            "awk" | "gawk" | "mawk" | "nawk" => Source::Code { arg, shell: false },
            "vim" | "vi" | "nvim" | "view" | "ex" | "emacs" | "bc" | "dc" | "as" | "sqlite3" | "gdb" => {
                continue;
            }
            "deno" | "bun" if matches!(text, "run" | "test" | "serve") => continue,
            _ => Source::File(arg),
        };
    }
    Source::Input { shell: false }
}

/// What in code reaches beyond the code itself.
const MARKS: &[&str] = &[
    "unlink",
    "rmtree",
    "rm_rf",
    "rm -",
    "rmdir",
    "remove",
    "delete",
    "system",
    "exec",
    "spawn",
    "popen",
    "subprocess",
    "child_process",
    "fork",
    "socket",
    "eval",
    "base64",
    "b64",
    "urlopen",
    "urllib",
    "requests",
    "http",
    "fetch(",
    "environ",
    "getenv",
    "env[",
    "process.env",
    "%env",
    "open(",
    "write",
    "chmod",
    "chown",
    "ctypes",
    "importlib",
    "__import__",
    "import pty",
    "pty.",
    "`",
    "qx",
    "shutil",
    "pathlib",
    "unpack",
    "decode",
    "fromcharcode",
    "net.",
    "/dev/",
    "/etc/",
    "/proc/",
    "kill",
    "pickle",
    "compile(",
    "getline",
    "| \"",
    "|&",
    "rename",
    "truncate",
    "shell",
    ":!",
    "!r",
    "require(",
    "io.",
    "fileutils",
    "os.",
    "file.",
    "fs.",
    "tcp",
    "inet",
    "ftp",
    "smtp",
    "require '",
    "require \"",
];

pub(super) fn look(call: &Call<'_>, found: &mut Found) {
    match source(call) {
        Source::None | Source::Module => {}
        Source::Code { arg, .. } if arg.is_unknown() => {
            found.add(Rule::ComputedCode, format!("{} runs it", call.name))
        }
        Source::Code { arg, shell } => {
            let low = arg.text.to_ascii_lowercase();
            if !shell && MARKS.iter().any(|mark| low.contains(mark)) {
                found.add(Rule::HiddenCommand, format!("{}: {}", call.name, arg.text));
            }
            found.add(Rule::InlineCode, call.name);
        }
        Source::Input { .. } if call.input != Input::None => {
            if !call.is(&["bc", "dc", "awk", "gawk", "mawk", "nawk"]) {
                found.add(Rule::PipeToInterpreter, call.name);
            }
        }
        Source::Input { .. } => {}
        Source::File(arg) => match place(arg, call.folder) {
            Place::Unknown => {
                found.add(Rule::PipeToInterpreter, format!("{} runs what is known only then", call.name))
            }
            Place::Tree(_) if arg.glob => {
                found.add(Rule::ComputedCode, format!("{} {}", call.name, arg.text))
            }
            Place::Tree(_) => {}
            _ => found.add(Rule::ProgramOutside, format!("{} {}", call.name, arg.text)),
        },
    }
}
