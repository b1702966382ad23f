//! Programs that run another program: where the inner command begins.

use super::call::Call;
use super::shell::Arg;

/// A wrapper's name, its letters that take the next argument, and how many operands stand before the inner command.
const WRAPPERS: &[(&str, &str, usize)] = &[
    ("env", "uC", 0),
    ("genv", "uC", 0),
    ("nice", "n", 0),
    ("ionice", "cnpPu", 0),
    ("nohup", "", 0),
    ("setsid", "", 0),
    ("stdbuf", "ioe", 0),
    ("timeout", "ks", 1),
    ("gtimeout", "ks", 1),
    ("command", "", 0),
    ("builtin", "", 0),
    ("exec", "a", 0),
    ("chrt", "TPD", 1),
    ("taskset", "", 1),
    ("numactl", "", 0),
    ("time", "fo", 0),
    ("gtime", "fo", 0),
    ("unbuffer", "", 0),
    ("caffeinate", "tw", 0),
    ("sudo", "ugphCDRrTtU", 0),
    ("doas", "uC", 0),
    ("pkexec", "", 0),
    ("chroot", "", 1),
    ("unshare", "", 0),
    ("nsenter", "tSGC", 0),
    ("flock", "wE", 1),
    ("xargs", "IEdLnPsaR", 0),
    ("gxargs", "IEdLnPsa", 0),
    ("parallel", "jNnLSaIC", 0),
    ("watch", "n", 0),
    ("strace", "eopsPEuOab", 0),
    ("ltrace", "eopsu", 0),
    ("valgrind", "", 0),
    ("perf", "eopF", 1),
    ("busybox", "", 0),
    ("toybox", "", 0),
    ("setarch", "", 1),
    ("linux32", "", 0),
    ("linux64", "", 0),
    ("firejail", "", 0),
    ("fakeroot", "lsb", 0),
    ("xvfb-run", "nspefw", 0),
    ("dbus-run-session", "", 0),
    ("catchsegv", "", 0),
    ("rlwrap", "", 0),
    ("coproc", "", 0),
    ("rustup", "", 2),
    ("uv", "", 1),
    ("poetry", "", 1),
    ("pipenv", "", 1),
    ("hatch", "", 1),
    ("pdm", "", 1),
    ("npx", "pc", 0),
    ("bunx", "", 0),
    ("pnpx", "", 0),
    ("direnv", "", 2),
    ("mise", "", 1),
    ("hyperfine", "wmMrnpS", 0),
    ("entr", "", 0),
    ("watchexec", "weif", 0),
    ("script", "cEmTOIBt", 0),
    ("tini", "", 0),
    ("dumb-init", "", 0),
    ("su", "cs", 1),
    ("runuser", "ucs", 0),
    ("gosu", "", 1),
    ("setpriv", "", 0),
    ("capsh", "", 0),
    ("proot", "rbwq", 0),
    ("bwrap", "", 0),
    ("systemd-run", "pt", 0),
    ("systemd-cat", "tp", 0),
    ("ssh", "pilFoJbcDEeILmOQRSWwB", 1),
    ("tmux", "", 1),
    ("screen", "SdmRT", 0),
    ("docker", "vewup", 2),
    ("podman", "vewup", 2),
    ("kubectl", "ncf", 2),
    ("nix-shell", "p", 0),
    ("then", "", 0),
    ("ld-linux-x86-64.so.2", "", 0),
    ("ld-linux.so.2", "", 0),
    ("ld-linux-aarch64.so.1", "", 0),
    ("ld.so", "", 0),
    ("ld-musl-x86_64.so.1", "", 0),
    ("qemu-x86_64", "", 0),
    ("wine", "", 0),
    ("rtk", "", 0),
    ("chronic", "", 0),
    ("ts", "", 0),
    ("chpst", "u", 0),
    ("softlimit", "", 0),
    ("daemonize", "", 0),
    ("start-stop-daemon", "", 0),
    ("disown", "", 0),
    ("ifne", "", 0),
    ("pee", "", 0),
    ("cgexec", "g", 0),
    ("schedtool", "", 0),
    ("eatmydata", "", 0),
    ("faketime", "", 1),
    ("cpulimit", "l", 0),
    ("prlimit", "", 0),
    ("lima", "", 0),
    ("wsl", "", 0),
    ("aa-exec", "p", 0),
];

/// The inner command of a wrapper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inner {
    /// Where it begins among the arguments; `None` when there is none.
    pub(super) start: Option<usize>,
    /// Whether its last arguments come from a list that nobody knows.
    pub(super) fed: bool,
}

/// Whether a program runs another one that its arguments name.
pub(super) fn is_wrapper(name: &str) -> bool {
    WRAPPERS.iter().any(|(wrapper, ..)| *wrapper == name)
}

/// What this call runs, if it is a wrapper.
pub(super) fn inner(call: &Call<'_>) -> Option<Inner> {
    let (name, letters, operands) = WRAPPERS.iter().find(|(name, ..)| *name == call.name)?;
    let is_env = matches!(*name, "env" | "genv");
    let mut left = *operands;
    let mut at = 0;
    let mut start = None;
    while let Some(arg) = call.args.get(at) {
        let text = arg.text.as_str();
        if text == "--" {
            at += 1;
        } else if text.len() > 1 && text.starts_with('-') {
            let mut chars = text.chars().skip(1);
            let lone = chars.next().filter(|_| chars.next().is_none());
            at += if lone.is_some_and(|c| letters.contains(c)) { 2 } else { 1 };
        } else if is_env && text.contains('=') {
            at += 1;
        } else if left > 0 {
            left -= 1;
            at += 1;
        } else {
            start = Some(at);
            break;
        }
    }
    Some(Inner { start, fed: call.is(&["xargs", "gxargs", "parallel"]) })
}

/// Whether a wrapper's arguments may be whole command lines.
pub(super) fn takes_lines(call: &Call<'_>) -> bool {
    call.is(&[
        "watch",
        "parallel",
        "hyperfine",
        "flock",
        "script",
        "su",
        "runuser",
        "ssh",
        "tmux",
        "screen",
        "entr",
        "watchexec",
        "env",
        "genv",
        "npx",
        "nix-shell",
        "docker",
        "podman",
        "kubectl",
        "xvfb-run",
        "strace",
        "sudo",
        "at",
        "batch",
        "wsl",
        "lima",
        "systemd-run",
        "pee",
        "find",
    ])
}

/// The commands that `find -exec` and its kind run.
pub(super) fn found_commands<'a>(call: &Call<'a>) -> Vec<&'a [Arg]> {
    let begins: &[&str] = match call.name {
        "find" | "gfind" | "bfs" => &["-exec", "-execdir", "-ok", "-okdir"],
        "fd" | "fdfind" => &["-x", "-X", "--exec", "--exec-batch"],
        _ => return Vec::new(),
    };
    let mut commands = Vec::new();
    let mut rest = call.args;
    while let Some(at) = rest.iter().position(|a| begins.contains(&a.text.as_str())) {
        rest = rest.get(at + 1..).unwrap_or_default();
        let end = rest.iter().position(|a| matches!(a.text.as_str(), ";" | "+")).unwrap_or(rest.len());
        commands.push(rest.get(..end).unwrap_or_default());
        rest = rest.get(end..).unwrap_or_default();
    }
    commands
}
