//! Keys and passwords: files that hold them, and programs that print them.

use crate::command::Found;
use crate::command::call::Call;
use crate::command::paths::{Place, place_of};
use crate::command::rules::Rule;

/// Programs whose arguments are words and no files.
const WORDS: &[&str] = &["echo", "printf", "true", "false", ":", "type", "which", "man", "alias"];

/// Programs that do nothing but hold secrets.
const KEEPERS: &[&str] = &[
    "pass",
    "gopass",
    "op",
    "bw",
    "vault",
    "lpass",
    "keepassxc-cli",
    "secret-tool",
    "security",
    "keyring",
    "kwallet-query",
    "gpg",
    "gpg2",
    "gpgconf",
    "gpg-agent",
    "ssh-keygen",
    "ssh-add",
    "ssh-agent",
    "ssh-keyscan",
    "age",
    "sops",
    "chamber",
    "doppler",
    "infisical",
    "mimikatz",
    "keytool",
    "certutil",
    "xclip",
    "xsel",
    "pbpaste",
    "wl-paste",
    "history",
    "fc",
    "aws-vault",
    "saml2aws",
    "cmdkey",
    "hashcat",
    "john",
    "import",
    "scrot",
    "screencapture",
];

pub(super) fn look(call: &Call<'_>, found: &mut Found) {
    if call.is(KEEPERS) {
        found.add(Rule::Secrets, call.name);
    }
    let words: Vec<&str> = call.operands().map(|a| a.text.as_str()).collect();
    if keeps(call.name, &words) {
        found.add(Rule::Secrets, format!("{} {}", call.name, words.join(" ")));
    }
    if call.is(WORDS) {
        return;
    }
    for arg in call.args.iter().skip(pattern_words(call)) {
        if arg.names_secret() {
            found.add(Rule::Secrets, format!("{} {}", call.name, arg.text));
        }
        if reads_device(call, &arg.text) {
            found.add(Rule::Disk, format!("{} {}", call.name, arg.text));
        }
        let outside = arg.home
            || arg.text.starts_with('/') && !arg.text.starts_with("/dev/null")
            || leads_out(&arg.text);
        if outside
            && !matches!(
                place_of(&arg.text, arg.home, call.folder),
                Place::Temporary | Place::Stream | Place::Tree(_)
            )
        {
            found.add(Rule::ReadsOutside, arg.text.clone());
        }
    }
}

fn leads_out(text: &str) -> bool {
    text.starts_with("../") || text == ".." || text.contains("/../")
}

fn reads_device(call: &Call<'_>, text: &str) -> bool {
    place_of(text, false, call.folder) == Place::Device && !matches!(text, "/dev" | "/dev/")
}

/// How many arguments in front are a pattern and its options, so that a search for `.env` is no reading of it.
fn pattern_words(call: &Call<'_>) -> usize {
    if !call.is(&["grep", "egrep", "fgrep", "rg", "ag", "ack", "sed", "awk", "gawk"]) {
        return 0;
    }
    let with_pattern = call
        .args
        .iter()
        .any(|a| a.text.starts_with("-e") || a.text.starts_with("--regexp") || a.text.starts_with("-f"));
    if with_pattern {
        return 0;
    }
    call.args.iter().position(|a| !a.text.starts_with('-')).map_or(0, |at| at + 1)
}

/// Commands of larger programs that print keys.
fn keeps(name: &str, words: &[&str]) -> bool {
    match (name, words) {
        ("gh" | "glab", ["auth" | "secret" | "config", ..])
        | ("gcloud", ["auth" | "config" | "secrets", ..])
        | ("aws", ["configure" | "sts" | "secretsmanager" | "ssm" | "sso" | "ecr" | "iam" | "kms", ..])
        | ("npm" | "pnpm", ["token" | "whoami" | "profile", ..])
        | ("pip" | "pip3" | "poetry", ["config", ..])
        | ("az", ["account" | "keyvault" | "login" | "ad", ..])
        | ("docker" | "podman", ["login" | "secret" | "inspect", ..])
        | ("heroku", ["config" | "auth" | "auth:token", ..])
        | ("getent", ["shadow" | "passwd" | "gshadow", ..])
        | ("cargo", ["login" | "owner" | "logout", ..])
        | ("go", ["env", ..])
        | ("terraform", ["output" | "state" | "show", ..])
        | ("netlify" | "vercel" | "fly" | "flyctl", ["env" | "secrets" | "auth", ..]) => true,
        ("openssl", [first, ..]) => {
            matches!(*first, "rsa" | "pkcs12" | "pkey" | "ec" | "genrsa" | "genpkey" | "enc")
        }
        ("npm" | "pnpm" | "yarn", ["config" | "c", rest @ ..]) => !sets_a_plain_one(rest),
        ("npm" | "pnpm", ["set", ..]) => !sets_a_plain_one(words),
        ("npm" | "pnpm", ["get", ..]) => true,
        _ => false,
    }
}

/// Of a package manager's configuration: a setting is written and none read, and it is no key.
fn sets_a_plain_one(words: &[&str]) -> bool {
    const KEYS: [&str; 6] = ["auth", "token", "password", "cert", "key", "//"];
    words.first() == Some(&"set")
        && words[1..].iter().all(|word| {
            let word = word.to_ascii_lowercase();
            KEYS.iter().all(|key| !word.contains(key))
        })
}
