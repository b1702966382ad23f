//! Commands in added lines: of scripts, recipes, build servers and texts that a program hands to a shell. Each is parsed
//! and judged as a command that harms wherever it stands; a tripwire in front of the sandbox.

use super::patterns::patterns;
use super::{Findings, Rule, Verdict};
use crate::command;
use crate::patch::Touched;

/// No more lines of one change are parsed; beyond it a person is asked.
const MOST: usize = 5_000;

/// The longest line of a source that is looked into, in bytes.
const LONGEST_LINE: usize = 2_000;

/// Rules about commands that agents must not run and that scripts have their reasons for.
const ORDINARY: [&str; 3] = ["send-away", "raw-network", "secrets"];

/// In which way a file holds commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Every line is one.
    Script,
    /// Lines after a tab are.
    Makefile,
    /// What stands after `RUN` and the lines that it goes on over.
    Container,
    /// Values of some keys, entries of lists, lines of blocks.
    Server,
    /// Values of some keys.
    Yaml,
    /// Values of keys.
    Json,
    /// Texts in calls that start programs.
    Program,
}

patterns! {
    SCRIPT = r"(?i)\.(?:sh|bash|zsh|ksh|bats)$|(?:^|/)(?:\.envrc|\.husky/[^/]+|\.githooks/[^/]+|configure|gradlew)$";
    MAKEFILE = r"(?i)(?:^|/)(?:GNU)?Makefile(?:\.\w+)?$|\.mk$|(?:^|/)\.?justfile$";
    CONTAINER = r"(?i)(?:^|/)(?:Dockerfile|Containerfile)[^/]*$|\.dockerfile$";
    SERVER = r"(?i)(?:^|/)(?:\.github/(?:workflows|actions)/.*|action|\.gitlab-ci|\.gitlab/.*|\.circleci/.*|azure-pipelines[^/]*|\.travis|\.drone|\.woodpecker[^/]*|\.woodpecker/.*|bitbucket-pipelines|appveyor|\.cirrus|\.forgejo/.*|\.gitea/workflows/.*|Taskfile)\.ya?ml$";
    YAML = r"(?i)\.ya?ml$";
    JSON = r"(?i)(?:^|/)(?:package|composer|deno|tasks|launch|devcontainer)\.jsonc?$";
    PROGRAM = r"(?i)\.(?:py|js|ts|mjs|cjs|jsx|tsx|rs|go|rb)$";
    SHEBANG = r"\A#![^\n]*\b(?:ba|z|k|da)?sh\b";
    STARTS = r"(?:^|[^.\w])(?:exec(?:Sync|File|FileSync)?|spawn(?:Sync)?|execa\w*|system|shell|Popen|check_(?:call|output)|getoutput)[ \t]*\(|\b(?:os\.(?:system|popen)|subprocess\.\w+|child_process\.\w+|Command::new|exec\.Command)[ \t]*\(";
    YAML_KEY = r"^[ \t]*(?:-[ \t]+)?[\x22']?(run|command|cmd|script|before_script|after_script|install|entrypoint|args|bash|sh|pre|post|prepare|test)[\x22']?:[ \t]+(.*)$";
    YAML_OTHER = r"^[ \t]*(?:-[ \t]+)?[\x22']?[\w./-]+[\x22']?:(?:[ \t]|$)";
    YAML_ITEM = r"^[ \t]*-[ \t]+";
    JSON_VALUE = r#""[^"\n]*"[ \t]*:[ \t]*"((?:[^"\\\n]|\\.)*)""#;
    TEXT = r#""((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'"#;
    RUN = r"(?i)^[ \t]*(?:RUN|CMD|ENTRYPOINT)[ \t]+((?:--\S+[ \t]+)*)";
}

/// The form of a file, by its name or its first line; none where nothing starts commands.
fn form(path: &[u8], content: &[u8]) -> Option<Form> {
    let by_name = [
        (&*SCRIPT, Form::Script),
        (&*MAKEFILE, Form::Makefile),
        (&*CONTAINER, Form::Container),
        (&*SERVER, Form::Server),
        (&*YAML, Form::Yaml),
        (&*JSON, Form::Json),
        (&*PROGRAM, Form::Program),
    ];
    let named = by_name.into_iter().find(|(pattern, _)| pattern.is_match(path)).map(|(_, form)| form);
    named.or_else(|| SHEBANG.is_match(content).then_some(Form::Script))
}

pub(super) fn judge(touched: &[Touched<'_>], findings: &mut Findings) {
    let mut left = MOST;
    for file in touched {
        let content = file.file.after.as_ref().map_or(&b""[..], |after| &after.bytes);
        let Some(form) = form(file.file.path.as_str().as_bytes(), content) else { continue };
        let commands = commands(form, &file.added);
        if commands.len() > left {
            let text = "more commands are added than are looked at";
            findings.at(Rule::ForbiddenCommand, Verdict::Review, file, None, text);
        }
        commands.iter().take(left).for_each(|(line, text)| judge_line(file, *line, text, findings));
        left = left.saturating_sub(commands.len());
    }
}

fn judge_line(file: &Touched<'_>, line: u32, text: &str, findings: &mut Findings) {
    let Some(found) = command::tripwire(text) else { return };
    let verdict = match found.verdict {
        // What leaves the machine or opens a key is ordinary where releases are made: a person knows.
        command::Verdict::Deny if ORDINARY.contains(&found.rule.as_str()) => Verdict::Review,
        command::Verdict::Deny => Rule::ForbiddenCommand.verdict(),
        command::Verdict::Ask | command::Verdict::Allow => Verdict::Review,
    };
    let said = format!("{}: {} ({})", Rule::ForbiddenCommand.text(), found.text, found.rule);
    findings.at(Rule::ForbiddenCommand, verdict, file, Some(line), said);
}

/// The command lines among added lines, with the number of the first line of each.
fn commands(form: Form, added: &[(u32, &[u8])]) -> Vec<(u32, String)> {
    let mut commands = Vec::new();
    for (line, text) in joined(form, added) {
        match form {
            Form::Script => commands.push((line, text)),
            Form::Makefile => {
                if let Some(recipe) = text.strip_prefix('\t').or_else(|| text.strip_prefix("    ")) {
                    commands.push((line, recipe.trim_start_matches(['@', '-', '+']).to_owned()));
                }
            }
            Form::Container => {
                if let Some(found) = RUN.find(text.as_bytes()) {
                    commands.push((line, listed(&text[found.end()..])));
                }
            }
            Form::Server => commands.extend(keyed(&text).or_else(|| bare(&text)).map(|text| (line, text))),
            Form::Yaml => commands.extend(keyed(&text).map(|text| (line, text))),
            Form::Json => {
                let values = JSON_VALUE.captures_iter(text.as_bytes());
                commands.extend(values.map(|found| (line, unescaped(&found[1]))));
            }
            Form::Program => commands.extend(program(&text).into_iter().map(|command| (line, command))),
        }
    }
    commands
}

/// Lines put together where a backslash carries one on. In a recipe for a container, lines that follow others which were
/// there before are taken as commands of their own.
fn joined(form: Form, added: &[(u32, &[u8])]) -> Vec<(u32, String)> {
    let mut lines: Vec<(u32, String)> = Vec::new();
    let mut open: Option<u32> = None;
    for (number, text) in added {
        let text = String::from_utf8_lossy(text);
        let text = text.trim_end();
        let goes_on = text.ends_with('\\');
        let part = text.strip_suffix('\\').unwrap_or(text);
        match lines.last_mut().filter(|_| open == Some(*number)) {
            Some((_, before)) => {
                before.push(' ');
                before.push_str(part.trim_start());
            }
            None if form == Form::Container && !is_instruction(part) => {
                lines.push((*number, format!("RUN {}", part.trim_start().trim_start_matches("&&"))));
            }
            None => lines.push((*number, part.to_owned())),
        }
        open = goes_on.then_some(number + 1);
    }
    lines
}

/// Whether a line of a container's recipe begins with an instruction, is a comment or empty.
fn is_instruction(line: &str) -> bool {
    let word = line.split_whitespace().next().unwrap_or("#");
    word.starts_with('#') || (word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase()))
}

/// The value of a key under which commands stand.
fn keyed(line: &str) -> Option<String> {
    let found = YAML_KEY.captures(line.as_bytes())?;
    let value = String::from_utf8_lossy(&found[2]).into_owned();
    Some(listed(unquoted(&value)))
}

/// An entry of a list, or a line of a block. A line that begins with a sign goes on with another one's command.
fn bare(line: &str) -> Option<String> {
    if YAML_OTHER.is_match(line.as_bytes()) {
        return None;
    }
    let item = YAML_ITEM.find(line.as_bytes()).map_or(line, |found| &line[found.end()..]);
    let item = unquoted(item);
    item.starts_with(|ch: char| ch.is_alphanumeric() || "./:([{$_".contains(ch))
        .then(|| item.to_owned())
        .filter(|item| item.split_whitespace().count() > 1)
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    text
}

/// A list of words in brackets as the command that it stands for; any other text as it is.
fn listed(text: &str) -> String {
    let text = text.trim();
    if !text.starts_with('[') {
        return text.to_owned();
    }
    words(text).join(" ")
}

/// The texts in quotes.
fn words(text: &str) -> Vec<String> {
    let texts = TEXT.captures_iter(text.as_bytes());
    texts.filter_map(|found| found.get(1).or(found.get(2)).map(|inner| unescaped(inner.as_bytes()))).collect()
}

fn unescaped(text: &[u8]) -> String {
    String::from_utf8_lossy(text).replace("\\\"", "\"").replace("\\'", "'").replace("\\\\", "\\")
}

/// The texts that a call hands to a program or a shell: each by itself, and all of them as the words of one command.
fn program(line: &str) -> Vec<String> {
    // A longer line was written by a program, and a rule of its own asks a person about it.
    if line.len() > LONGEST_LINE {
        return Vec::new();
    }
    let Some(found) = STARTS.find(line.as_bytes()) else { return Vec::new() };
    let mut all = words(line.get(found.start()..).unwrap_or_default());
    if all.len() > 1 {
        all.push(all.join(" "));
    }
    all
}

#[cfg(test)]
mod cases {
    use super::*;

    fn of(form: Form, text: &str) -> Vec<String> {
        let lines: Vec<(u32, &[u8])> = (1..).zip(text.split_inclusive('\n').map(str::as_bytes)).collect();
        commands(form, &lines).into_iter().map(|(_, command)| command).collect()
    }

    #[test]
    fn forms_are_known_by_name_or_first_line() {
        for (path, wanted) in [
            ("a.sh", Some(Form::Script)),
            ("Makefile", Some(Form::Makefile)),
            ("a/Dockerfile.dev", Some(Form::Container)),
            (".github/workflows/a.yml", Some(Form::Server)),
            (".gitlab-ci.yml", Some(Form::Server)),
            (".github/ISSUE_TEMPLATE/a.yml", Some(Form::Yaml)),
            ("package.json", Some(Form::Json)),
            ("a.py", Some(Form::Program)),
            ("README.md", None),
        ] {
            assert_eq!(form(path.as_bytes(), b""), wanted, "{path}");
        }
        assert_eq!(form(b"run", b"#!/usr/bin/env bash\nx\n"), Some(Form::Script));
        assert_eq!(form(b"run", b"x\n#!/bin/sh\n"), None);
    }

    #[test]
    fn commands_are_taken_out_of_what_is_around_them() {
        assert_eq!(of(Form::Script, "a \\\n  b\nc\n"), ["a  b", "c"]);
        assert_eq!(of(Form::Makefile, "all:\n\t@a b\n"), ["a b"]);
        assert_eq!(of(Form::Container, "FROM x\nRUN a && \\\n  b\nCMD [\"c\", \"d\"]\n"), ["a &&  b", "c d"]);
        assert_eq!(of(Form::Container, "    && rm x\n"), [" rm x".trim_start()]);
        assert_eq!(of(Form::Container, "    curl x\n# RUN a\n\nENV RUN a\n"), ["curl x"]);
        assert_eq!(of(Form::Container, "    AB x\nADD a b\n"), ["AB x"], "no instruction is that short");
        assert_eq!(
            of(Form::Server, "name: x\n- run: \"a b\"\n  - c d\n  e f\nenv:\n# g\n"),
            ["a b", "c d", "e f"]
        );
        assert_eq!(of(Form::Server, "  - -c x\n  .\n  # a b\n  ./a b\n"), ["./a b"]);
        assert_eq!(of(Form::Yaml, "command: [\"a\", \"b\"]\n- a b\nvalue: c\n"), ["a b"]);
        assert_eq!(of(Form::Json, "  \"x\": \"a \\\"b\\\"\",\n"), ["a \"b\""]);
        assert_eq!(of(Form::Program, "os.system('a b')\nx = 'c'\n"), ["a b"]);
        assert_eq!(of(Form::Program, "subprocess.run(['a', 'b'])\n"), ["a", "b", "a b"]);
        assert_eq!(of(Form::Program, "x = exec(\"a 'b'\")\n"), ["a 'b'"]);
        assert_eq!(of(Form::Program, "/x/.exec('a b')\n"), [] as [&str; 0]);
        let at_most = |length: usize| format!("exec('{}')\n", "a".repeat(length - 8));
        assert_eq!(of(Form::Program, &at_most(2_000)).len(), 1);
        assert_eq!(of(Form::Program, &at_most(2_001)).len(), 0);
    }

    #[test]
    fn more_commands_than_are_looked_at_are_for_a_person() {
        let file = crate::patch::FileResult::edited("a.sh".parse().unwrap(), None, None);
        let judged = |counts: [usize; 2], last: &'static [u8]| {
            let touched = counts.map(|count| {
                let mut added: Vec<(u32, &[u8])> = (1..).zip(vec![&b"ls\n"[..]; count]).collect();
                added.extend((count > 0).then_some((count as u32 + 1, last)));
                Touched { file: &file, added, removed: Vec::new() }
            });
            let mut findings = Findings::default();
            judge(&touched, &mut findings);
            findings.0.into_iter().map(|found| (found.verdict, found.line)).collect::<Vec<_>>()
        };
        let (harm, more) = ((Verdict::Refuse, Some(MOST as u32)), (Verdict::Review, None));
        assert_eq!(judged([MOST - 1, 0], b"rm -rf /\n"), [harm]);
        assert_eq!(judged([MOST, 0], b"rm -rf /\n"), [more]);
        assert_eq!(judged([MOST - 2, 1], b"ls\n"), [more], "all files together");
    }

    #[test]
    fn rules_that_scripts_have_their_reasons_for_are_known_by_their_ids() {
        let ids: Vec<&str> = command::Rule::ALL.iter().map(|rule| rule.id()).collect();
        assert!(ORDINARY.iter().all(|id| ids.contains(id)));
    }

    #[test]
    fn lines_apart_are_not_put_together() {
        let lines: [(u32, &[u8]); 2] = [(1, b"a \\\n"), (9, b"b\n")];
        assert_eq!(commands(Form::Script, &lines), [(1, "a ".to_owned()), (9, "b".to_owned())]);
        assert!(all_patterns().len() > 10);
    }
}
