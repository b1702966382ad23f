//! What makes a call of git harmless: the environment, the configuration set over the repository's own, and harmless
//! values for every driver and command that a repository can name. Values only; nothing is run here.

use std::ffi::{OsStr, OsString};

/// A folder that does not exist: git's home, and its work tree where none was given.
pub(super) const NOWHERE: &str = "/nonexistent";

/// Variables of every call, besides the search path and the configuration. `GIT_OPTIONAL_LOCKS=0` keeps `status` from
/// writing the user's index.
const ENVIRONMENT: [(&str, &str); 17] = [
    ("HOME", NOWHERE),
    ("LC_ALL", "C"),
    ("TZ", "UTC"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ASKPASS", ""),
    ("GIT_EDITOR", "false"),
    ("GIT_SEQUENCE_EDITOR", "false"),
    ("GIT_SSH_COMMAND", "false"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_PROTOCOL_FROM_USER", "0"),
    ("GIT_PAGER", "cat"),
    ("GIT_ADVICE", "0"),
];

/// Configuration of every call. Only local paths may be fetched from or pushed to here; a push to a forge will have to
/// say otherwise by name.
const SETTINGS: [(&str, &str); 22] = [
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "false"),
    ("core.askPass", ""),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.pager", "cat"),
    ("credential.helper", ""),
    ("credential.interactive", "false"),
    ("protocol.allow", "never"),
    ("protocol.file.allow", "always"),
    ("commit.gpgSign", "false"),
    ("tag.gpgSign", "false"),
    ("push.gpgSign", "false"),
    ("log.showSignature", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("submodule.recurse", "false"),
    ("diff.submodule", "short"),
    ("rerere.enabled", "false"),
    ("init.templateDir", ""),
    ("init.defaultBranch", "main"),
];

/// Commands that show differences; they get the flags that leave outside programs out.
const DIFFING: [&str; 7] = ["diff", "diff-files", "diff-index", "diff-tree", "format-patch", "log", "show"];

pub(super) fn fixed() -> Vec<(String, String)> {
    SETTINGS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The arguments, with the flags against outside programs where the command takes them.
pub(super) fn arguments(args: &[OsString]) -> Vec<OsString> {
    let mut args = args.to_vec();
    if args.first().is_some_and(|command| DIFFING.iter().any(|known| command == known)) {
        args.splice(1..1, ["--no-ext-diff".into(), "--no-textconv".into()]);
    }
    args
}

/// The whole environment of a call. Configuration goes by variables rather than `-c`, which cannot carry a `=` in a name.
pub(super) fn environment(search_path: &OsStr, settings: &[(String, String)]) -> Vec<(OsString, OsString)> {
    let mut environment: Vec<(OsString, OsString)> =
        ENVIRONMENT.iter().map(|(name, value)| (name.into(), value.into())).collect();
    environment.push(("PATH".into(), search_path.into()));
    environment.push(("GIT_CONFIG_COUNT".into(), settings.len().to_string().into()));
    for (index, (name, value)) in settings.iter().enumerate() {
        environment.push((format!("GIT_CONFIG_KEY_{index}").into(), name.into()));
        environment.push((format!("GIT_CONFIG_VALUE_{index}").into(), value.into()));
    }
    environment
}

/// From the NUL-separated names of `git config --list`: each that names a program, with a harmless value.
pub(super) fn neutral_values(names: &[u8]) -> Vec<(String, String)> {
    let names = names.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    names
        .filter_map(|name| neutral(&name).map(|value| (name.clone().into_owned(), value.to_owned())))
        .collect()
}

/// The harmless value for one name; none when the setting runs nothing. Git gives section and key in lower case.
///
/// An empty filter is no filter. An empty merge driver would be run, end well and lose one side, so it is one that fails:
/// git then reports a conflict. An empty textconv cannot be run at all, so it is one that changes nothing.
fn neutral(name: &str) -> Option<&'static str> {
    let section = name.split('.').next()?;
    let key = name.rsplit('.').next()?;
    match (section, key) {
        ("filter", "clean" | "smudge" | "process") => Some(""),
        ("filter", "required") | ("hook", "enabled") => Some("false"),
        ("diff", "textconv") => Some("cat"),
        ("diff", "command" | "external") => Some("false"),
        ("merge", "driver") | ("gpg", "program" | "defaultkeycommand") | ("tar", "command") => Some("false"),
        ("hook" | "trailer", "command" | "cmd") => Some("true"),
        ("core", "alternaterefscommand") => Some("true"),
        ("core", "gitproxy") => Some("none"),
        ("credential", "helper") => Some(""),
        ("remote", "uploadpack") => Some("git-upload-pack"),
        ("remote", "receivepack") => Some("git-receive-pack"),
        ("submodule", "update") => Some("none"),
        ("protocol", "allow") if name != "protocol.allow" && name != "protocol.file.allow" => Some("never"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_with_any_name_are_found_and_plain_settings_are_left() {
        let names =
            b"core.bare\0filter.a=b.c\nd.clean\0diff.X.textconv\0merge.ours.driver\0merge.ff\0user.name\0";
        let found = neutral_values(names);
        let expected =
            [("filter.a=b.c\nd.clean", ""), ("diff.X.textconv", "cat"), ("merge.ours.driver", "false")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_transport_that_the_repository_allows_is_forbidden_again() {
        assert_eq!(neutral("protocol.ext.allow"), Some("never"));
        assert_eq!(neutral("protocol.file.allow"), None);
    }
}
