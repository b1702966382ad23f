//! Commands that agents want to run: `allow`, `ask` or `deny`, by what the parsed command line does.
//!
//! A tripwire, not the wall: whatever is allowed still runs in the sandbox, which must hold if a verdict was wrong.
//! Parsed once, judged whole: every command counts, wherever it stands; the strictest finding wins; what no rule allows is
//! `ask`; what is not understood is never allowed.

mod call;
mod examples;
mod facts;
mod letters;
mod paths;
mod policy;
mod rules;
mod safe;
mod shell;
mod walk;
mod wrappers;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use policy::{CommandPolicy, CommandRules, PolicyError, RuleEntry};
pub use rules::Rule;

use walk::Walk;

/// A longer command line is refused without a look, in bytes.
pub const LONGEST: usize = 16 << 10;

/// No more findings are kept of one command line.
const MOST_FINDINGS: usize = 32;

/// May it run?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It may run without asking.
    Allow,
    /// A person is asked.
    Ask,
    /// It does not run.
    Deny,
}

/// Something that speaks against running it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's id: a built-in one ([`Rule::id`]) or the policy's own.
    pub rule: String,
    /// What follows from it.
    pub verdict: Verdict,
    /// What the rule is about.
    pub text: String,
    /// Where it was found: the words that it stands on.
    pub what: String,
    /// What to do instead.
    pub advice: String,
}

/// What is said of one command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The strictest verdict of all findings.
    pub verdict: Verdict,
    /// Why, in one line.
    pub why: String,
    /// The rule that decided: of the first finding, or the one that allows.
    pub rule: String,
    /// All findings, the strictest first. None, if it is allowed.
    pub findings: Vec<Finding>,
    /// The allow rules that cover it, one for each of its commands in order. None, unless it is allowed.
    pub allowed_by: Vec<String>,
}

/// Judges a command line as a shell would read it. Never fails, never panics, and takes bounded time and memory.
pub fn judge(command: &str, policy: &CommandPolicy) -> Judgement {
    let (walk, allowed_by) = looked(command, policy);
    let mut findings = walk.findings;
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
    match findings.first() {
        None => {
            let rule = allowed_by.first().cloned().unwrap_or_default();
            let why = format!("allowed by {}", allowed_by.join(", "));
            Judgement { verdict: Verdict::Allow, why, rule, findings, allowed_by }
        }
        Some(first) => Judgement {
            verdict: first.verdict,
            why: if first.what.is_empty() {
                first.text.clone()
            } else {
                format!("{} ({})", first.text, first.what)
            },
            rule: first.rule.clone(),
            findings,
            allowed_by: Vec::new(),
        },
    }
}

/// The same for bytes: what is no UTF-8 is denied.
pub fn judge_bytes(command: &[u8], policy: &CommandPolicy) -> Judgement {
    match std::str::from_utf8(command) {
        Ok(text) => judge(text, policy),
        // The replacement character keeps the rest readable and is refused as such.
        Err(_) => judge(&format!("\u{feff}{}", String::from_utf8_lossy(command)), policy),
    }
}

/// What in a line of a script, a build file or a build server's recipe harms wherever it stands: the first such finding.
/// Lines that are only a part of a command are read as far as they go.
pub fn tripwire(line: &str) -> Option<Finding> {
    if line.len() > LONGEST {
        return None;
    }
    let mut found = Walk::over(line).found;
    let shorn = shorn(line);
    if shorn != line {
        found.take(Walk::over(&shorn).found, |_| true);
    }
    found.of.into_iter().find(|(rule, _)| rule.is_tripwire()).map(|(rule, what)| finding(rule, what))
}

/// A line without the words of a compound command that begin or end on other lines.
fn shorn(line: &str) -> String {
    let mut line = line.trim().trim_end_matches('\\').trim_end();
    loop {
        let before = line;
        for word in [
            "then ", "do ", "else ", "done; ", "fi; ", "} ", "elif ", "if ", "while ", "until ", "{ ", "( ",
            "&& ", "|| ", "| ", "@", "- ",
        ] {
            line = line.strip_prefix(word).unwrap_or(line).trim_start();
        }
        for word in ["; then", "; do", ";;", "; fi", "; done", " {", "; }", " )", "&&", "||", " |"] {
            line = line.strip_suffix(word).unwrap_or(line).trim_end();
        }
        if line == before {
            return line.to_owned();
        }
    }
}

/// Findings while they are collected.
#[derive(Debug, Clone, Default)]
struct Found {
    of: Vec<(Rule, String)>,
}

impl Found {
    /// Notes a finding; the same one counts once.
    fn add(&mut self, rule: Rule, what: impl Into<String>) {
        let room = if rule.verdict() == Verdict::Deny { MOST_FINDINGS } else { MOST_FINDINGS / 2 };
        if self.of.len() >= room && self.of.iter().any(|(other, _)| *other == rule) {
            return;
        }
        let what = short(&what.into());
        if !self.of.iter().any(|(other, text)| *other == rule && *text == what) {
            self.of.push((rule, what));
        }
    }

    /// Takes over the findings of another one that `keep` wants.
    fn take(&mut self, other: Self, keep: impl Fn(Rule) -> bool) {
        other.of.into_iter().filter(|(rule, _)| keep(*rule)).for_each(|(rule, what)| self.add(rule, what));
    }
}

/// Words for a report: not too long, and nothing that steers a terminal.
fn short(what: &str) -> String {
    let clean: String = what
        .chars()
        .take(81)
        .map(|c| if c == shell::UNKNOWN { '\u{2026}' } else { c })
        .flat_map(|c| if letters::is_odd(c) { c.escape_unicode().collect::<Vec<_>>() } else { vec![c] })
        .collect();
    if what.chars().nth(81).is_some() { format!("{clean}\u{2026}") } else { clean }
}

fn finding(rule: Rule, what: String) -> Finding {
    Finding {
        rule: rule.id().to_owned(),
        verdict: rule.verdict(),
        text: rule.text().to_owned(),
        what,
        advice: rule.advice().to_owned(),
    }
}

/// What a policy finds in a text.
struct Looked {
    findings: Vec<Finding>,
}

fn looked(command: &str, policy: &CommandPolicy) -> (Looked, Vec<String>) {
    let mut found = Found::default();
    let mut own = Vec::new();
    let mut allowed_by = Vec::new();
    if command.len() > LONGEST {
        found.add(Rule::TooMuch, format!("{} bytes", command.len()));
    } else {
        letters::look(command, &mut found);
        let walk = Walk::over(command);
        found.take(walk.found, |_| true);
        own = walk.all.iter().flat_map(|argv| policy.own(argv)).collect();
        own.dedup();
        if walk.calls.is_empty() && found.of.is_empty() {
            found.add(Rule::Nothing, "");
        }
        for argv in &walk.calls {
            match policy.allows(argv) {
                Some(id) => allowed_by.push(id.to_owned()),
                None => found.add(Rule::NoRule, line(argv)),
            }
        }
    }
    let mut findings: Vec<Finding> = found.of.into_iter().map(|(rule, what)| finding(rule, what)).collect();
    own.truncate(MOST_FINDINGS);
    findings.extend(own);
    (Looked { findings }, allowed_by)
}

/// The words of a call in a line.
fn line(argv: &[shell::Arg]) -> String {
    argv.iter().take(8).map(|a| a.text.as_str()).collect::<Vec<_>>().join(" ")
}
