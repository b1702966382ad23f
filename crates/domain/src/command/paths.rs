//! Where a path of a command line lies, by its letters alone: nothing is looked up on disk.

use std::sync::LazyLock;

use super::shell::{Arg, UNKNOWN};

/// The folder in which a command runs, from the tree's root; `None` once it has left the tree.
pub(super) type Folder = Option<Vec<String>>;

/// Where a path lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Inside the tree, by its parts from the root; none: the tree itself.
    Tree(Vec<String>),
    /// The root of the file system, a home, or something above the tree, as a whole.
    Whole,
    /// Somewhere else on the machine, by its parts from the file system's root or from a home.
    Outside(Vec<String>),
    /// Below a folder for temporary files.
    Temporary,
    /// `/dev/null` and the standard streams.
    Stream,
    /// Another device.
    Device,
    /// It cannot be known.
    Unknown,
}

/// Where an argument points to.
pub(super) fn place(arg: &Arg, folder: &Folder) -> Place {
    place_of(&arg.text, arg.home, folder)
}

/// The same for a text, which starts with a home when `home` says so.
pub(super) fn place_of(text: &str, home: bool, folder: &Folder) -> Place {
    if text.contains(UNKNOWN) {
        return Place::Unknown;
    }
    if home || text.starts_with('~') {
        let rest = text.split_once('/').map_or("", |(_, rest)| rest);
        return match normal(Vec::new(), rest) {
            Some(parts) if !is_everything(&parts) => Place::Outside(parts),
            _ => Place::Whole,
        };
    }
    if text.starts_with('/') {
        return absolute(text);
    }
    match folder.clone().and_then(|folder| normal(folder, text)) {
        Some(parts) => Place::Tree(parts),
        None if is_everything(&parts_of(text)) => Place::Whole,
        None => Place::Outside(parts_of(text)),
    }
}

fn absolute(text: &str) -> Place {
    let mut parts = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part.to_owned()),
        }
    }
    let words: Vec<&str> = parts.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["dev", "null" | "stdin" | "stdout" | "stderr" | "tty"] | ["dev", "fd", _] => Place::Stream,
        ["dev", ..] => Place::Device,
        ["tmp", _, ..] | ["var", "tmp", _, ..] => Place::Temporary,
        _ if is_everything(&parts) => Place::Whole,
        _ => Place::Outside(parts),
    }
}

/// The parts of a path below a folder, with `.` and `..` taken out; `None` when it leads above the folder's root.
fn normal(mut folder: Vec<String>, path: &str) -> Option<Vec<String>> {
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                folder.pop()?;
            }
            part => folder.push(part.to_owned()),
        }
    }
    Some(folder)
}

fn parts_of(text: &str) -> Vec<String> {
    text.split('/').filter(|p| !matches!(*p, "" | "." | "..")).map(str::to_owned).collect()
}

/// Whether nothing, or nothing but wildcards, says what is meant.
pub(super) fn is_everything(parts: &[String]) -> bool {
    parts.iter().all(|part| part.chars().all(|c| matches!(c, '*' | '?' | '.' | '[' | ']' | '!' | '^')))
}

/// Parts of a path that steer git, agents, editors, build servers or the shell, in lower case.
const STEERING: &[&str] = &[
    ".git",
    ".claude",
    ".codex",
    ".cursor",
    ".gemini",
    ".qwen",
    ".aider.conf.yml",
    ".continue",
    ".windsurf",
    ".mcp.json",
    ".github",
    ".gitlab-ci.yml",
    ".circleci",
    ".vscode",
    ".idea",
    ".husky",
    ".devcontainer",
    ".envrc",
    ".direnv",
    ".gitattributes",
    ".gitmodules",
    ".gitconfig",
    ".gitignore",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".pnpmfile.cjs",
    ".cargo",
    ".codex-task.yaml",
    "agents.md",
    "claude.md",
    "gemini.md",
    ".cursorrules",
    ".windsurfrules",
    "copilot-instructions.md",
    ".bashrc",
    ".bash_profile",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".vimrc",
    ".exrc",
    ".nvimrc",
    ".pre-commit-config.yaml",
    "lefthook.yml",
    "sitecustomize.py",
    "usercustomize.py",
    ".pypirc",
    "pip.conf",
    ".editorconfig",
    ".tool-versions",
    "mise.toml",
    ".mise.toml",
    ".pdbrc",
    ".gdbinit",
    ".lldbinit",
    ".inputrc",
    ".ssh",
    ".config",
];

/// Whether a path inside the tree steers tools.
pub(super) fn is_steering(parts: &[String]) -> bool {
    parts.iter().any(|part| {
        let part = part.to_ascii_lowercase();
        STEERING.contains(&part.as_str())
            || part.starts_with(".git") && part != ".gitkeep"
            || part.contains(['*', '?', '[']) && STEERING.iter().any(|name| wildcard(&part, name))
    })
}

/// Names that hold keys or passwords, with `*` for anything.
const SECRET: &[&str] = &[
    ".env",
    ".env.*",
    "*.env",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".my.cnf",
    ".git-credentials",
    "credentials",
    "credentials.json",
    "credentials.toml",
    ".credentials*",
    ".htpasswd",
    "*_history",
    ".lesshst",
    ".vault-token",
    "secrets.y*ml",
    "secrets.json",
    "secrets.toml",
    ".secrets*",
    "kubeconfig",
    ".kube",
    ".dockercfg",
    ".docker",
    "wallet.dat",
    ".xauthority",
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".gcloud",
    ".password-store",
    "auth.json",
    "service-account*.json",
    "service_account*.json",
    ".terraformrc",
    "*.tfstate",
];

/// Pieces of paths that hold keys or passwords.
const SECRET_PATHS: &[&str] = &[
    ".git/config",
    "/run/secrets",
    "etc/ssh",
    "etc/shadow",
    "etc/gshadow",
    "etc/passwd",
    "etc/sudoers",
    ".config/gh",
    "config/gcloud",
    "library/keychains",
];

/// No file system has longer names, in bytes.
const LONGEST_NAME: usize = 255;

/// Endings of `.env` files that are made to be shared.
const SHARED: &[&str] = &["example", "sample", "template", "dist", "defaults"];

/// Whether something in this text names a file that may hold keys or passwords: a path, or one behind `=`, `:`, `@`.
pub(super) fn names_secret(text: &str) -> bool {
    text.split(['=', ':', '@', ',', ' ', '"', '\'', '(', ')', UNKNOWN]).any(|path| {
        let low = path.to_ascii_lowercase();
        let process = low.starts_with("/proc") && !low.ends_with("info") || low.contains("/proc/");
        process
            || SECRET_PATHS.iter().any(|piece| low.contains(piece))
            || low.split('/').any(|name| name.len() <= LONGEST_NAME && is_secret_name(name))
    })
}

fn is_secret_name(name: &str) -> bool {
    // Nearly every word is none of them, and this is asked of every word.
    let like = name.contains(['.', '_', '*', '?', '[']) || matches!(name, "credentials" | "kubeconfig");
    if !like {
        return false;
    }
    let shared = SHARED.iter().any(|ending| name.ends_with(ending)) || name.ends_with(".pub");
    if shared {
        return false;
    }
    let chars: Vec<char> = name.chars().collect();
    SECRET.iter().any(|pattern| pattern == &name || is_glob_for(name, pattern))
        || SECRET_WITH_WILDCARDS.iter().any(|pattern| fits(pattern, &chars))
}

/// Those of [`SECRET`] that hold wildcards, ready to be compared.
static SECRET_WITH_WILDCARDS: LazyLock<Vec<Vec<char>>> = LazyLock::new(|| {
    let wild = SECRET.iter().filter(|pattern| pattern.contains(['*', '?', '[']));
    wild.map(|pattern| simplified(pattern)).collect()
});

/// Whether a name with wildcards could be this secret one; plain `*` alone says nothing.
fn is_glob_for(name: &str, pattern: &str) -> bool {
    name.contains(['*', '?', '['])
        && name.starts_with(['.', 'i', 's'])
        && name.len() > 2
        && !pattern.contains('*')
        && wildcard(name, pattern)
}

/// Whether a name fits a pattern in which `*` stands for anything, `?` and `[...]` for one character.
pub(super) fn wildcard(pattern: &str, name: &str) -> bool {
    if pattern.len() > LONGEST_NAME || name.len() > LONGEST_NAME {
        return false;
    }
    if !pattern.contains(['*', '?', '[']) {
        return pattern == name;
    }
    fits(&simplified(pattern), &name.chars().collect::<Vec<char>>())
}

/// Whether a name fits a pattern without `[...]`.
fn fits(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || Some(c) == name.get(n) => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

/// The pattern with `[...]` as `?`: any one character.
fn simplified(pattern: &str) -> Vec<char> {
    let mut plain = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c == '[' {
            let rest: String = chars.clone().collect();
            if let Some(end) = rest.char_indices().skip(1).find(|(_, c)| *c == ']').map(|(at, _)| at) {
                let inside = rest.get(..=end).map_or(0, |inside| inside.chars().count());
                (0..inside).for_each(|_| {
                    chars.next();
                });
                plain.push('?');
                continue;
            }
        }
        plain.push(c);
    }
    plain
}
