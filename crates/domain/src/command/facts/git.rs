//! git: what loses work, what runs other programs, what reads or writes its settings, what publishes.

use crate::command::Found;
use crate::command::call::Call;
use crate::command::paths::{Place, place};
use crate::command::rules::Rule;
use crate::command::shell::Arg;

/// Options in front of the verb that take the next argument.
const WITH_VALUE: &[&str] = &[
    "-c",
    "-C",
    "--git-dir",
    "--work-tree",
    "--namespace",
    "--config-env",
    "--exec-path",
    "--super-prefix",
    "--attr-source",
];

/// Options that run a program or read settings, whatever the verb.
const RUNNING: &[&str] = &[
    "--upload-pack",
    "--receive-pack",
    "--exec",
    "--ext-diff",
    "--textconv",
    "--open-files-in-pager",
    "--extcmd",
    "--tool",
    "--template",
    "--config",
    "--config-env",
    "--exec-path",
    "--git-dir",
    "--work-tree",
    "--unsafe-paths",
    "--upload-archive",
    "--sequence-editor",
    "--filter-process",
    "--smtp-server",
    "--sendmail-cmd",
    "--to-cmd",
    "--cc-cmd",
    "--trailer-command",
    "--no-index",
    "--output",
    "--separate-git-dir",
    "--reference",
    "--hook-path",
];

pub(super) fn look(call: &Call<'_>, found: &mut Found) {
    let verb_at = front(call, found);
    let Some(verb) = call.args.get(verb_at) else { return };
    let rest = call.args.get(verb_at + 1..).unwrap_or_default();
    let git = Call { name: "git", args: rest, folder: call.folder, input: call.input };
    for option in git.options().filter(|o| o.starts_with("--")) {
        let name = option.split('=').next().unwrap_or(option);
        if name.len() > 5 && RUNNING.iter().any(|running| running.starts_with(name)) {
            found.add(Rule::GitRunsPrograms, format!("git {} {option}", verb.text));
        }
    }
    if rest.iter().any(|a| a.text.starts_with("ext::") || a.text.contains("::") && a.text.starts_with("fd")) {
        found.add(Rule::GitRunsPrograms, "a transport that runs a program");
    }
    let verb = verb.text.as_str();
    let loses = loses(verb, &git);
    if loses {
        found.add(Rule::GitLosesWork, format!("git {verb}"));
    }
    if runs(verb, &git) {
        found.add(Rule::GitRunsPrograms, format!("git {verb}"));
    }
    if config(verb, &git) {
        found.add(Rule::GitConfig, format!("git {verb}"));
    }
    if matches!(
        verb,
        "push" | "send-pack" | "send-email" | "imap-send" | "request-pull" | "http-push" | "svn" | "p4"
    ) {
        found.add(Rule::GitPublish, format!("git {verb}"));
    }
    if matches!(verb, "fetch" | "pull" | "clone" | "ls-remote" | "fetch-pack" | "archive" | "submodule") {
        found.add(Rule::Network, format!("git {verb}"));
    }
    if git.has("", &["no-verify"]) || verb == "commit" && git.has("n", &[]) {
        found.add(Rule::GitLosesWork, format!("git {verb} without its hooks"));
    }
}

/// The options before the verb; gives the place of the verb.
fn front(call: &Call<'_>, found: &mut Found) -> usize {
    let mut at = 0;
    while let Some(arg) = call.args.get(at).filter(|a| a.text.starts_with('-')) {
        let option = arg.text.as_str();
        let name = option.split('=').next().unwrap_or(option);
        let takes_next = WITH_VALUE.contains(&option);
        match name {
            "-C" => {
                let target = call.args.get(at + 1);
                let inside = target.is_some_and(|t| matches!(place(t, call.folder), Place::Tree(_)));
                if !inside {
                    found.add(Rule::ReadsOutside, "git works in another folder");
                }
                found.add(Rule::NotPlain, "git works in another folder");
            }
            "-c" | "--config-env" | "--exec-path" | "--git-dir" | "--work-tree" | "--attr-source"
            | "--super-prefix" => {
                found.add(Rule::GitRunsPrograms, format!("git {option}"));
            }
            _ if option.starts_with("-c") || option.starts_with("-C") => {
                found.add(Rule::GitRunsPrograms, format!("git {option}"));
            }
            "--no-pager"
            | "--version"
            | "--help"
            | "-P"
            | "-v"
            | "-h"
            | "--literal-pathspecs"
            | "--no-optional-locks" => {}
            _ => found.add(Rule::NotPlain, format!("git {option}")),
        }
        at += if takes_next { 2 } else { 1 };
    }
    at
}

fn loses(verb: &str, git: &Call<'_>) -> bool {
    let first = git.first();
    let whole = |arg: &Arg| {
        arg.text == "." || arg.text == ":/" || arg.text.starts_with(":(") || arg.glob || arg.text == "*"
    };
    match verb {
        "reset" => git.has("", &["hard", "merge", "keep"]),
        "clean" => !git.has("n", &["dry-run"]) || git.has("f", &["force"]) && !git.has("n", &["dry-run"]),
        "checkout" => {
            git.has(
                "fBm",
                &[
                    "force",
                    "ours",
                    "theirs",
                    "merge",
                    "pathspec-from-file",
                    "patch",
                    "overwrite-ignore",
                    "orphan",
                ],
            ) || git.args.iter().any(|a| a.text == "--")
                || git.operands().any(whole)
                || !git.has("b", &["track", "detach"]) && git.operands().count() > 1
                || git.has("p", &[])
        }
        "checkout-index" | "read-tree" => {
            git.has("fau", &["force", "all", "reset", "index"]) || verb == "read-tree"
        }
        "restore" => !git.has("S", &["staged"]) || git.has("W", &["worktree"]),
        "switch" => git.has("fC", &["force", "discard-changes", "force-create", "orphan"]),
        "stash" => matches!(first, "drop" | "clear"),
        "branch" => git.has("DdMmfC", &["delete", "force", "move", "copy"]),
        "tag" => git.has("df", &["delete", "force"]),
        "reflog" => matches!(first, "expire" | "delete" | "drop"),
        "gc" => {
            git.has("", &["prune", "aggressive", "force"]) || git.options().any(|o| o.starts_with("--prune"))
        }
        "prune" | "prune-packed" | "filter-branch" | "filter-repo" | "update-ref" | "replace"
        | "lost-found" | "rerere" => true,
        "symbolic-ref" => git.operands().count() > 1 || git.has("d", &["delete"]),
        "repack" => git.has("daA", &["unpack-unreachable"]),
        "worktree" => matches!(first, "remove" | "prune" | "move" | "repair"),
        "rm" => {
            git.has("rf", &["force"])
                || git.operands().any(whole)
                || git.operands().any(crate::command::shell::Arg::is_unknown)
        }
        "rebase" | "cherry-pick" | "merge" | "am" | "revert" => {
            git.has("", &["abort", "skip", "quit", "reset-author"])
        }
        "commit" => git.has("", &["amend"]),
        "submodule" => matches!(first, "deinit"),
        "notes" => matches!(first, "remove" | "prune"),
        "remote" => matches!(first, "prune"),
        "fetch" | "pull" => {
            git.has("f", &["force", "prune", "rebase"])
                || git.operands().any(|a| a.text.contains(":") && !a.text.contains("//"))
        }
        "sparse-checkout" | "multi-pack-index" | "pack-refs" | "fast-import" | "unpack-objects"
        | "update-index" => true,
        _ => false,
    }
}

fn runs(verb: &str, git: &Call<'_>) -> bool {
    match verb {
        "difftool"
        | "mergetool"
        | "instaweb"
        | "daemon"
        | "http-backend"
        | "shell"
        | "cvsserver"
        | "upload-pack"
        | "receive-pack"
        | "upload-archive"
        | "hook"
        | "maintenance"
        | "fsmonitor--daemon"
        | "web--browse"
        | "gui"
        | "citool"
        | "gitk"
        | "remote-ext"
        | "remote-fd"
        | "credential-cache--daemon"
        | "for-each-repo"
        | "filter-process"
        | "merge-index"
        | "merge-one-file"
        | "quiltimport"
        | "interpret-trailers"
        | "scalar"
        | "lfs" => true,
        "grep" => git.has("O", &[]),
        "rebase" => git.has("xi", &["exec", "interactive"]),
        "bisect" => git.first() == "run",
        "submodule" => git.first() == "foreach",
        "clone" => git.has("uc", &[]) || git.operands().any(|a| a.text.starts_with('-')),
        "archive" => git.has("o", &["remote", "exec", "output"]),
        "var" | "help" => git.has("w", &["web"]),
        "apply" => git.has("", &["unsafe-paths", "directory"]),
        "diff" | "log" | "show" | "format-patch" => git.has("O", &["output"]),
        _ => false,
    }
}

fn config(verb: &str, git: &Call<'_>) -> bool {
    match verb {
        "config"
        | "credential"
        | "credential-store"
        | "credential-cache"
        | "credential-osxkeychain"
        | "init"
        | "var" => verb != "init" || git.has("", &["template", "separate-git-dir"]),
        "remote" => {
            matches!(
                git.first(),
                "add" | "set-url" | "rename" | "remove" | "rm" | "set-head" | "get-url" | "update"
            ) || git.has("v", &["verbose"])
        }
        "submodule" => matches!(git.first(), "add" | "set-url"),
        _ => false,
    }
}
