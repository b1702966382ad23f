//! The log: JSON lines in the folder for state, rotated by size, for whoever has to find out later what happened. It is
//! opened with the journal, by commands that work on changes. Secrets that this process knows never get into it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer, SubscriberExt};

use crate::traces;

/// A file is not written on beyond this size, in bytes.
const LARGEST: u64 = 8 << 20;
/// How many files before the present one are kept.
const KEPT: u32 = 4;
/// What stands in the place of a secret.
const MASK: &str = "[redacted]";
/// How the keys of agents begin, and of what else they are made.
const KEY: &str = "ctk_";

/// The folder of the log and of those before it.
pub(crate) fn folder(state: &Path) -> PathBuf {
    state.join("logs")
}

/// The file that is written now.
pub(crate) fn file(state: &Path) -> PathBuf {
    folder(state).join("codex-task.jsonl")
}

/// Begins to log and to send spans, once for each process. What cannot be logged is no reason to stop.
///
/// # Errors
/// Why no spans are sent, where some are wanted; the log has begun.
pub(crate) fn begin(state: &Path, environment: &BTreeMap<String, String>, verbose: u8) -> Result<(), String> {
    let asked = environment.get("CODEX_DEBUG").is_some_and(|value| !value.is_empty() && value != "0");
    let level = if asked { LevelFilter::DEBUG } else { LevelFilter::INFO };
    let Ok(rotating) = Rotating::open(file(state), secrets(environment)) else { return Ok(()) };
    let rotating = Mutex::new(rotating);
    let lines = fmt::layer().json().flatten_event(true).with_writer(rotating).with_filter(level);
    let (spans, problem) = match traces::layer(environment) {
        Ok(spans) => (spans, Ok(())),
        Err(why) => (None, Err(why)),
    };
    // Three times verbose: the same on stderr, for people.
    let told = (verbose >= 3).then(|| fmt::layer().with_writer(io::stderr).with_filter(LevelFilter::DEBUG));
    // A second one in this process, as in tests, keeps the first.
    let all = tracing_subscriber::registry().with(lines).with(told).with(spans);
    let _ = tracing::subscriber::set_global_default(all);
    problem
}

/// The values of variables that are named like secrets.
fn secrets(environment: &BTreeMap<String, String>) -> Vec<String> {
    let names = ["KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "AUTH"];
    let is_secret = |name: &str| names.iter().any(|word| name.to_ascii_uppercase().contains(word));
    let values = environment.iter().filter(|(name, value)| is_secret(name) && value.len() >= 6);
    values.map(|(_, value)| value.clone()).collect()
}

/// A file that makes room for another one when it is full.
struct Rotating {
    path: PathBuf,
    file: File,
    size: u64,
    secrets: Vec<String>,
}

impl Rotating {
    fn open(path: PathBuf, secrets: Vec<String>) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = private(&path)?;
        let size = file.metadata()?.len();
        Ok(Self { path, file, size, secrets })
    }

    /// The files move one place on; the last one goes. Another process that does the same at this moment costs a file of
    /// the past, not a line of the present.
    fn rotate(&mut self) -> io::Result<()> {
        let numbered = |number: u32| self.path.with_extension(format!("{number}.jsonl"));
        for number in (1..KEPT).rev() {
            let _ = std::fs::rename(numbered(number), numbered(number + 1));
        }
        std::fs::rename(&self.path, numbered(1))?;
        self.file = private(&self.path)?;
        self.size = 0;
        Ok(())
    }
}

/// For the user alone, and only ever appended to.
fn private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

impl Write for Rotating {
    /// One call is one line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = masked(&String::from_utf8_lossy(line), &self.secrets);
        if self.size + text.len() as u64 > LARGEST {
            self.rotate()?;
        }
        self.file.write_all(text.as_bytes())?;
        self.size += text.len() as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The line without these secrets, and without anything that looks like an agent's key.
fn masked(line: &str, secrets: &[String]) -> String {
    let mut text = line.to_owned();
    for secret in secrets {
        // As it stands, and as it stands in JSON.
        let quoted = serde_json::to_string(secret).unwrap_or_default();
        let escaped = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(secret);
        text = text.replace(secret.as_str(), MASK).replace(escaped, MASK);
    }
    let mut found = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(KEY) {
        let end = rest[at + KEY.len()..].find(|c: char| !c.is_ascii_hexdigit() && c != '_');
        let end = end.map_or(rest.len(), |end| at + KEY.len() + end);
        found.push_str(&rest[..at]);
        found.push_str(MASK);
        rest = &rest[end..];
    }
    found.push_str(rest);
    found
}

/// The last lines of the log, the oldest first; the file before is looked at too.
pub(crate) fn last(state: &Path, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for path in [file(state).with_extension("1.jsonl"), file(state)] {
        let bytes = std::fs::read(path).unwrap_or_default();
        lines.extend(String::from_utf8_lossy(&bytes).lines().map(str::to_owned));
    }
    lines.split_off(lines.len().saturating_sub(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_keys_are_masked() {
        let secrets = vec!["hunter2 \"quoted\"".to_owned()];
        let line = r#"{"a":"hunter2 \"quoted\"","b":"Bearer ctk_0123_89ab","c":"ok"}"#;
        assert_eq!(masked(line, &secrets), r#"{"a":"[redacted]","b":"Bearer [redacted]","c":"ok"}"#);
        let environment = BTreeMap::from([
            ("OPENAI_API_KEY".to_owned(), "sk-canary".to_owned()),
            ("PATH".to_owned(), "/usr/bin".to_owned()),
            ("SHORT_TOKEN".to_owned(), "on".to_owned()),
        ]);
        assert_eq!(secrets_of(&environment), ["sk-canary"]);
    }

    fn secrets_of(environment: &BTreeMap<String, String>) -> Vec<String> {
        super::secrets(environment)
    }

    #[test]
    fn a_full_file_makes_room_and_the_oldest_goes() {
        let state = tempfile::tempdir().unwrap();
        let mut log = Rotating::open(file(state.path()), Vec::new()).unwrap();
        let line = format!("{}\n", "x".repeat(1 << 20));
        for _ in 0..50 {
            assert_eq!(log.write(line.as_bytes()).unwrap(), line.len());
        }
        let mut names: Vec<_> =
            std::fs::read_dir(folder(state.path())).unwrap().map(|e| e.unwrap().path()).collect();
        names.sort();
        assert_eq!(names.len(), 1 + KEPT as usize, "{names:?}");
        assert!(names.iter().all(|path| path.metadata().unwrap().len() <= LARGEST));
        assert_eq!(last(state.path(), 3).len(), 3);
    }
}
