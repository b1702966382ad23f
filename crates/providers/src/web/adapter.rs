//! Adapter files: how one site's chat page is used, as steps and selectors in YAML. Read strictly: an unknown key, a step
//! too few or in the wrong place is an error with its line.

mod check;
mod form;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_saphyr::Spanned;

pub(super) use check::address;
use check::check;
pub(super) use form::{Click, Fill, Key, Read, Sign, Signs, Step, WaitAnswer, WaitFor};

/// The version of the form; a file of another one is refused.
const VERSION: u32 = 1;

/// An adapter file is no larger.
const MOST_BYTES: u64 = 64 << 10;

/// The adapters that come with the program, by name.
const EMBEDDED: [(&str, &str); 3] = [
    ("generic", include_str!("adapters/generic.yaml")),
    ("gradio", include_str!("adapters/gradio.yaml")),
    ("chainlit", include_str!("adapters/chainlit.yaml")),
];

/// How one chat page is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapter {
    /// Where it stands: a file, or the name of an embedded one.
    pub(super) source: String,
    /// The page's address; the configuration's address goes before it.
    pub(super) url: Option<String>,
    /// Hosts beside the address's own on which the question may be typed.
    pub(super) hosts: Vec<String>,
    /// What shows that a person is needed.
    pub(super) signs: Signs,
    /// What is done, in order.
    pub(super) steps: Vec<Step>,
}

/// Why an adapter cannot be used: the file, the line where it is known, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{source_name}{}: {message}", line.map(|l| format!(":{l}")).unwrap_or_default())]
pub struct AdapterError {
    /// The file, or the name of an embedded one.
    pub source_name: String,
    /// The line, from 1.
    pub line: Option<u64>,
    /// What is wrong, with the key.
    pub message: String,
}

/// The file's own form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Spanned<u32>,
    #[serde(default)]
    url: Option<Spanned<String>>,
    #[serde(default)]
    hosts: Vec<Spanned<String>>,
    #[serde(default)]
    signs: Signs,
    steps: Vec<Spanned<Step>>,
}

impl Adapter {
    /// The adapter of this name: `NAME.yaml` in the folder of the user's own ones, else an embedded one.
    ///
    /// # Errors
    /// [`AdapterError`] when there is none, or when it cannot be used.
    pub fn find(name: &str, folder: Option<&Path>) -> Result<Self, AdapterError> {
        let failed = |message: String| AdapterError { source_name: name.to_owned(), line: None, message };
        if !is_name(name) {
            return Err(failed("a site's name is letters, digits, '-' and '_'".to_owned()));
        }
        let own = folder.map(|folder| folder.join(format!("{name}.yaml")));
        if let Some(path) = &own
            && let Some(text) = read(path)?
        {
            return Self::parse(&path.display().to_string(), &text);
        }
        match EMBEDDED.iter().find(|(own, _)| *own == name) {
            Some((name, text)) => Self::parse(&format!("the embedded adapter {name}"), text),
            None => {
                let names: Vec<&str> = EMBEDDED.iter().map(|(name, _)| *name).collect();
                let place = own.map_or_else(String::new, |path| format!("; {} is not there", path.display()));
                Err(failed(format!("there is no such adapter (embedded: {}){place}", names.join(", "))))
            }
        }
    }

    /// Reads an adapter's text.
    ///
    /// # Errors
    /// [`AdapterError`] with the line and the key.
    pub fn parse(source: &str, text: &str) -> Result<Self, AdapterError> {
        let failed = |line: Option<u64>, message: String| AdapterError {
            source_name: source.to_owned(),
            line: line.filter(|line| *line > 0),
            message,
        };
        let file: File = serde_saphyr::from_str(text).map_err(|error| {
            let plain = error.without_snippet();
            let message = plain.to_string();
            let message = message.lines().next().unwrap_or_default();
            let message = message.split(" at line ").next().unwrap_or(message).trim().to_owned();
            failed(plain.location().map(|l| l.line()), message)
        })?;
        check(&file).map_err(|(line, message)| failed(line, message))?;
        Ok(Self {
            source: source.to_owned(),
            url: file.url.map(|url| url.value),
            hosts: file.hosts.into_iter().map(|host| host.value.to_ascii_lowercase()).collect(),
            signs: file.signs,
            steps: file.steps.into_iter().map(|step| step.value).collect(),
        })
    }

    /// The names of the embedded adapters.
    pub fn embedded() -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|(name, _)| *name)
    }

    /// All selectors, so that a browser can say which of them is none.
    pub(super) fn selectors(&self) -> Vec<&str> {
        let signs = self.signs.expired.iter().chain(&self.signs.captcha);
        let mut all: Vec<&str> = signs
            .filter_map(|sign| match sign {
                Sign::Selector(selector) => Some(selector.as_str()),
                Sign::Url(_) | Sign::Text(_) => None,
            })
            .collect();
        for step in &self.steps {
            match step {
                Step::WaitFor(WaitFor { selector, .. })
                | Step::Fill(Fill { selector })
                | Step::Click(Click { selector, .. }) => all.push(selector),
                Step::WaitAnswer(wait) => {
                    all.push(&wait.selector);
                    all.extend(wait.gone.as_deref().into_iter().chain(wait.present.as_deref()));
                }
                Step::Read(read) => {
                    all.push(&read.selector);
                    all.extend(read.skip.iter().map(String::as_str));
                }
                Step::Open(_) | Step::Press(_) => {}
            }
        }
        all
    }
}

/// Names become parts of paths.
pub(super) fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.len() <= 64 && name.chars().all(fits)
}

fn read(path: &PathBuf) -> Result<Option<String>, AdapterError> {
    let failed =
        |message: String| AdapterError { source_name: path.display().to_string(), line: None, message };
    match std::fs::metadata(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(format!("cannot be read: {e}"))),
        Ok(data) if data.len() > MOST_BYTES => {
            return Err(failed(format!("larger than {MOST_BYTES} bytes, which no adapter is")));
        }
        Ok(_) => {}
    }
    std::fs::read_to_string(path).map(Some).map_err(|e| failed(format!("cannot be read: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "version: 1
url: http://127.0.0.1:1/chat
steps:
  - open: \"{url}\"
  - wait_for: {selector: textarea}
  - fill: {selector: textarea}
  - press: Enter
  - wait_answer: {selector: .answer, gone: .stop}
  - read: {selector: .answer, skip: [button]}
";

    fn wrong(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        Adapter::parse("own.yaml", &GOOD.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn the_embedded_ones_can_be_used() {
        for name in Adapter::embedded() {
            let adapter = Adapter::find(name, None).unwrap();
            assert!(adapter.selectors().len() >= 4, "{name}");
        }
    }

    #[test]
    fn a_mistake_is_told_with_file_line_and_key() {
        Adapter::parse("own.yaml", GOOD).unwrap();
        for (from, to, line, words) in [
            ("version: 1", "version: 2", 1, "version: 2 is not known"),
            ("http://127.0.0.1:1/chat", "ftp://x", 2, "url: "),
            ("http://127.0.0.1:1/chat", "http://me:secret@x/", 2, "password"),
            ("gone: .stop", "gon: .stop", 8, "gon"),
            ("press: Enter", "press: Return", 7, "Return"),
            ("- press: Enter", "- wait_for: {selector: x}", 8, "after a click or press"),
            ("gone: .stop", "stable_ms: 5", 8, "wait_answer: stable_ms: 5"),
            ("{selector: textarea}", "{selector: \"\"}", 5, "wait_for: selector is empty"),
            ("{selector: textarea}", "{selector: t, seconds: 0}", 5, "seconds: 0"),
            ("\"{url}\"", "/chat", 4, "open: "),
            ("- press: Enter", "- fill: {selector: x}", 7, "a second fill"),
            ("  - read: {selector: .answer, skip: [button]}\n", "", 4, "there is no read"),
        ] {
            let error = wrong(from, to);
            assert!(error.starts_with(&format!("own.yaml:{line}: ")), "{to}: {error}");
            assert!(error.contains(words), "{to}: {error}");
        }
    }

    #[test]
    fn a_file_of_the_users_goes_before_an_embedded_one_and_no_name_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("generic.yaml"), GOOD).unwrap();
        let found = Adapter::find("generic", Some(folder.path())).unwrap();
        assert!(found.source.ends_with("generic.yaml"), "{}", found.source);
        for name in ["../generic", "", "a/b", "none"] {
            let error = Adapter::find(name, Some(folder.path())).unwrap_err();
            assert!(error.line.is_none(), "{error}");
        }
    }
}
