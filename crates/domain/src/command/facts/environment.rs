//! The environment: variables that steer other programs, and commands that print all of it.

use crate::command::Found;
use crate::command::call::Call;
use crate::command::rules::Rule;

/// Beginnings of names that decide what programs run, load or trust.
const STEERING: &[&str] = &[
    "LD_",
    "DYLD_",
    "GIT_",
    "PYTHON",
    "NODE_",
    "NPM_",
    "RUSTC",
    "RUSTDOC",
    "CARGO",
    "RUSTUP",
    "PERL",
    "RUBY",
    "GEM_",
    "BUNDLE_",
    "JAVA_",
    "_JAVA",
    "MAVEN_",
    "GRADLE_",
    "MAKE",
    "GO",
    "CGO_",
    "BASH",
    "LESS",
    "SSH_",
    "GCONV",
    "LUA_",
    "PHP",
    "SHELL",
    "PIP_",
    "UV_",
    "VIRTUAL_ENV",
    "PROMPT_",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "BROWSER",
    "PS4",
    "TAR_",
    "RSYNC_",
    "GZIP",
    "ZDOTDIR",
    "XDG_",
    "DOCKER_",
    "KUBE",
    "AWS_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_",
    "CURL_",
    "WGETRC",
    "OPENSSL_",
    "REQUESTS_",
    "PYTEST",
    "TOX_",
    "COVERAGE_",
    "CODEX_TASK",
    "T4_",
    "DENO_",
    "BUN_",
    "YARN_",
    "VIM",
    "EXINIT",
    "MAN",
    "GREP_",
    "RIPGREP_",
    "FZF_",
    "GROFF_",
    "TERMINFO",
    "LOCPATH",
    "NLSPATH",
    "MALLOC_",
    "GLIBC_",
    "DOTNET_",
    "CORECLR_",
    "JULIA_",
    "R_",
];

/// Names that decide it as a whole.
const STEERING_NAMES: &[&str] = &[
    "PATH",
    "HOME",
    "IFS",
    "ENV",
    "CDPATH",
    "CC",
    "CXX",
    "LD",
    "AR",
    "AS",
    "CFLAGS",
    "LDFLAGS",
    "FPATH",
    "TMPDIR",
    "PS1",
    "OLDPWD",
    "PWD",
    "SHELLOPTS",
    "HISTFILE",
    "FIGNORE",
    "GLOBIGNORE",
    "TERMCAP",
    "HOSTALIASES",
    "RES_OPTIONS",
    "RESOLV_HOST_CONF",
];

/// Names that change only how much is said and in which words.
const HARMLESS: &[&str] = &[
    "RUST_BACKTRACE",
    "RUST_LOG",
    "CI",
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR",
    "TERM",
    "LANG",
    "LC_ALL",
    "TZ",
    "COLUMNS",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
    "PYTHONHASHSEED",
    "CARGO_TERM_COLOR",
    "DEBUG",
    "VERBOSE",
    "SEED",
];

/// Whether setting this variable changes nothing but words and colours.
pub(in crate::command) fn is_harmless(name: &str) -> bool {
    HARMLESS.contains(&name)
}

/// What setting this variable is.
pub(in crate::command) fn assigned(name: &str, found: &mut Found) {
    let upper = name.to_ascii_uppercase();
    let steers = STEERING.iter().any(|start| upper.starts_with(start))
        || STEERING_NAMES.contains(&upper.as_str())
        || [
            "_COMMAND", "_WRAPPER", "_EDITOR", "_PAGER", "_PRELOAD", "_PATH", "_OPTS", "_OPTIONS", "_FLAGS",
            "_LINKER", "_RUNNER", "_PROXY", "_CONFIG",
        ]
        .iter()
        .any(|end| upper.ends_with(end));
    if steers && !is_harmless(name) {
        found.add(Rule::SteeringVariable, name);
    }
}

/// What `export`, `declare` and their kind set, or print.
pub(in crate::command) fn declared(call: &Call<'_>, found: &mut Found) {
    let bare = call.operands().next().is_none();
    let prints = bare && !call.has("fFaA", &[]) || call.has("p", &[]);
    if prints && call.is(&["export", "declare", "typeset", "readonly", "local", "set"]) {
        found.add(Rule::EnvironmentDump, call.name);
    }
    for arg in call.operands() {
        let name = arg.text.split(['=', '+', '[']).next().unwrap_or("");
        assigned(name, found);
    }
}

/// Words in names of variables that hold keys.
const KEYS: &[&str] = &[
    "TOKEN",
    "SECRET",
    "PASSW",
    "PASSPHRASE",
    "APIKEY",
    "API_KEY",
    "CREDENTIAL",
    "PRIVATE",
    "ACCESS_KEY",
    "AUTH",
    "_KEY",
    "_PAT",
    "SESSION",
    "COOKIE",
];

/// Whether a variable's name says that it holds a key.
pub(in crate::command) fn holds_key(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    KEYS.iter().any(|word| upper.contains(word))
}

pub(super) fn look(call: &Call<'_>, found: &mut Found) {
    if call.is(&["printenv", "compgen"]) {
        found.add(Rule::EnvironmentDump, call.name);
    }
    if call.is(&["set"]) && call.args.is_empty() {
        found.add(Rule::EnvironmentDump, "set");
    }
    if call.is(&["ps", "pargs"]) {
        let words = call.args.iter().map(|a| a.text.trim_start_matches('-'));
        if words.clone().any(|w| w.len() < 6 && w.contains('e') && w.contains(['w', 'a', 'x']))
            || call.is(&["pargs"])
        {
            found.add(Rule::EnvironmentDump, "it shows the environment of processes");
        }
    }
    if call.is(&["env", "genv"]) && names_no_command(call) {
        found.add(Rule::EnvironmentDump, "env");
    }
}

/// Whether `env` is asked for nothing but to print.
fn names_no_command(call: &Call<'_>) -> bool {
    let mut args = call.args.iter().map(|a| a.text.as_str());
    while let Some(arg) = args.next() {
        match arg {
            "-u" | "--unset" | "-C" | "--chdir" => {
                args.next();
            }
            "-S" | "--split-string" => return false,
            _ if arg.starts_with("-S") || arg.starts_with("--split-string=") || arg.starts_with("-vS") => {
                return false;
            }
            _ if arg.starts_with('-') || arg.contains('=') => {}
            _ => return false,
        }
    }
    true
}
