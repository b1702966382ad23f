//! The seeds' flags as equals of the verbs: `codex-task --undo` is `codex-task undo`. Those of later versions say what
//! to do instead.

use std::ffi::OsString;

use crate::error::Failure;

/// Flag and verb; what follows the flag follows the verb.
const VERBS: [(&str, &str); 6] = [
    ("--undo", "undo"),
    ("--commit", "commit"),
    ("--usage", "usage"),
    ("--reset-budget", "usage --reset"),
    ("--examples", "examples"),
    ("--demo", "demo"),
];

/// Flags that this version does not have yet, and what helps meanwhile.
const LATER: [(&str, &str); 6] = [
    (
        "--restore-stash",
        "nothing of yours was stashed or changed: this version never writes to the working tree",
    ),
    ("--restore", "this version never writes to the working tree, so there is nothing to restore"),
    (
        "--blame",
        "`git log --grep Codex-Task-Intent` lists our commits; `codex-task intent list` lists all changes",
    ),
    ("--abort", "press Ctrl-C where the task runs, or send that process SIGTERM: it ends cleanly"),
    (
        "--create-pr",
        "the branch is made locally; push it and open the pull request with your forge's own tool",
    ),
    ("--force-push", "nothing is pushed by this version; push the branch yourself"),
];

/// Turns the seeds' flags into verbs, where no verb is given.
pub(crate) fn rewrite(words: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    let options = words.iter().take_while(|word| *word != "--");
    let place = options.clone().position(|word| VERBS.iter().any(|(flag, _)| word == flag));
    // Behind a verb, a flag is the verb's own.
    let first_plain = options.clone().position(|word| !word.to_string_lossy().starts_with('-'));
    if first_plain == Some(0) && words.first().is_some_and(|word| is_verb(&word.to_string_lossy())) {
        return Ok(words);
    }
    for word in options {
        let text = word.to_string_lossy();
        let name = text.split_once('=').map_or(&*text, |(name, _)| name);
        if let Some((flag, instead)) = LATER.iter().find(|(flag, _)| *flag == name) {
            return Err(Failure::usage(format!("{flag} is not in this version yet")).hint(*instead));
        }
    }
    let Some(place) = place else { return Ok(verb_first(words)) };
    let mut rewritten = words;
    let flag = rewritten.remove(place);
    let verb = VERBS.iter().find(|(name, _)| flag == *name).map_or("help", |(_, verb)| verb);
    rewritten.splice(0..0, verb.split(' ').map(OsString::from));
    Ok(rewritten)
}

/// Brings a verb in front of the options that every command takes: behind them clap would take it for a task in words,
/// and a task may cost money.
fn verb_first(mut words: Vec<OsString>) -> Vec<OsString> {
    let mut at = 0;
    while let Some(step) = words.get(at).and_then(|word| global_option(&word.to_string_lossy())) {
        at += step;
    }
    if words.get(at).is_some_and(|word| is_verb(&word.to_string_lossy())) {
        words[..=at].rotate_right(1);
    }
    words
}

/// How many words an option of [`crate::args::GlobalArgs`] takes, itself included; `None` for every other word.
fn global_option(word: &str) -> Option<usize> {
    match word {
        "--repo" | "--color" => Some(2),
        "--json" | "--verbose" | "--quiet" => Some(1),
        _ if word.starts_with("--repo=") || word.starts_with("--color=") => Some(1),
        _ => {
            let letters = word.strip_prefix('-').filter(|rest| !rest.is_empty())?;
            letters.chars().all(|letter| matches!(letter, 'v' | 'q')).then_some(1)
        }
    }
}

fn is_verb(word: &str) -> bool {
    use clap::CommandFactory;
    crate::args::Cli::command().find_subcommand(word).is_some() || word == "help"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(line: &str) -> Result<String, Failure> {
        let words = line.split(' ').map(OsString::from).collect();
        let words = rewrite(words)?;
        Ok(words.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn the_seeds_flags_are_verbs() {
        for (line, verb) in [
            ("--undo", "undo"),
            ("--undo 3f2a", "undo 3f2a"),
            ("--commit -m refactor:x", "commit -m refactor:x"),
            ("--json --usage", "usage --json"),
            ("--reset-budget", "usage --reset"),
            ("--usage --reset", "usage --reset"),
        ] {
            assert_eq!(rewritten(line).unwrap(), verb);
        }
    }

    #[test]
    fn a_verb_behind_the_options_of_every_command_is_still_a_verb() {
        for (line, verb) in [
            ("--repo /x scan a.py", "scan --repo /x a.py"),
            ("--json -vv --color=never intent list", "intent --json -vv --color=never list"),
            ("-q undo", "undo -q"),
        ] {
            assert_eq!(rewritten(line).unwrap(), verb);
        }
        for line in
            ["--repo scan", "--repo scan words", "--type test fix", "--json -- fix", "-", "--json text"]
        {
            assert_eq!(rewritten(line).unwrap(), line);
        }
    }

    #[test]
    fn a_task_in_words_and_a_verb_stay_as_they_are() {
        for line in ["text", "--type test text", "show --json", "commit --undo", "-- --undo"] {
            assert_eq!(rewritten(line).unwrap(), line);
        }
    }

    #[test]
    fn a_flag_of_a_later_version_says_what_to_do_instead() {
        for (flag, _) in LATER {
            let failure = rewritten(flag).unwrap_err();
            assert!(failure.message.contains("not in this version") && failure.hint.is_some(), "{flag}");
        }
    }
}
