//! Adapter files: how one site's chat page is used, as steps and selectors in YAML. Read strictly: an unknown key, a step
//! too few or in the wrong place is an error with its line.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_saphyr::Spanned;

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

/// What shows that a person is needed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Signs {
    /// Nobody is signed in, or no longer.
    pub(super) expired: Vec<Sign>,
    /// The site wants proof that a person is there.
    pub(super) captcha: Vec<Sign>,
}

/// One sign; any of them is enough.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum Sign {
    /// Something that this CSS selector finds can be seen.
    Selector(String),
    /// The page's address holds this text.
    Url(String),
    /// The page's visible text holds this text.
    Text(String),
}

/// One thing that is done on the page.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum Step {
    /// Goes to an address; `{url}` in it stands for the site's.
    Open(String),
    /// Waits until something can be seen.
    WaitFor(WaitFor),
    /// Puts the question into a field.
    Fill(Fill),
    /// Clicks on something.
    Click(Click),
    /// Presses a key in the field that has the focus.
    Press(Key),
    /// Waits until a new answer is there and finished.
    WaitAnswer(WaitAnswer),
    /// Takes the last answer's text; code blocks as they were written.
    Read(Read),
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitFor {
    pub(super) selector: String,
    #[serde(default = "twenty")]
    pub(super) seconds: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fill {
    pub(super) selector: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Click {
    pub(super) selector: String,
    /// Until it can be clicked on: pages enable their button a moment after the text is there.
    #[serde(default = "ten")]
    pub(super) seconds: u64,
}

/// The keys that send a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Key {
    Enter,
    #[serde(rename = "Control+Enter")]
    ControlEnter,
    Tab,
    Escape,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitAnswer {
    /// All answers on the page; the last one counts.
    pub(super) selector: String,
    /// While something that this finds can be seen, the answer is not finished: a button to stop it.
    #[serde(default)]
    pub(super) gone: Option<String>,
    /// Once something that this finds can be seen within the answer or on the page, it is: a button to copy it.
    #[serde(default)]
    pub(super) present: Option<String>,
    /// For how long the text must not have changed, in milliseconds.
    #[serde(default = "stable")]
    pub(super) stable_ms: u64,
    /// The most seconds for the whole answer.
    #[serde(default = "four_minutes")]
    pub(super) seconds: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Read {
    pub(super) selector: String,
    /// What within the answer is no part of its text: buttons of the page, the model's reasoning.
    #[serde(default)]
    pub(super) skip: Vec<String>,
}

fn ten() -> u64 {
    10
}

fn twenty() -> u64 {
    20
}

fn stable() -> u64 {
    1000
}

fn four_minutes() -> u64 {
    240
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

impl Step {
    /// The step's word, as in the file.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::WaitFor(_) => "wait_for",
            Self::Fill(_) => "fill",
            Self::Click(_) => "click",
            Self::Press(_) => "press",
            Self::WaitAnswer(_) => "wait_answer",
            Self::Read(_) => "read",
        }
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

type Fault = (Option<u64>, String);

/// What the types cannot say: the order of the steps and the ranges of numbers.
fn check(file: &File) -> Result<(), Fault> {
    if file.version.value != VERSION {
        let message = format!("version: {} is not known; this program reads {VERSION}", file.version.value);
        return Err((Some(file.version.referenced.line()), message));
    }
    if let Some(url) = &file.url {
        address(&url.value).map_err(|why| (Some(url.referenced.line()), format!("url: {why}")))?;
    }
    for host in &file.hosts {
        let bare = !host.value.is_empty() && !host.value.contains(['/', ':', ' ', '*']);
        if !bare {
            let message = format!("hosts: {:?} is no host's name", host.value);
            return Err((Some(host.referenced.line()), message));
        }
    }
    for sign in file.signs.expired.iter().chain(&file.signs.captcha) {
        let (Sign::Selector(text) | Sign::Url(text) | Sign::Text(text)) = sign;
        if text.trim().is_empty() {
            return Err((None, "signs: an empty sign would always be seen".to_owned()));
        }
    }
    for step in &file.steps {
        let fault =
            |message| (Some(step.referenced.line()), format!("steps: {}: {message}", step.value.word()));
        ranges(&step.value).map_err(fault)?;
    }
    order(&file.steps)
}

/// An address of a page: over HTTP, without a password in it.
pub(super) fn address(text: &str) -> Result<reqwest::Url, String> {
    let url = reqwest::Url::parse(text.trim()).map_err(|e| format!("{text:?} is no address: {e}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(format!("{text:?} must begin with http:// or https:// and name a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address must not hold a password".to_owned());
    }
    Ok(url)
}

fn ranges(step: &Step) -> Result<(), String> {
    let seconds = |seconds: u64| match seconds {
        1..=3600 => Ok(()),
        _ => Err(format!("seconds: {seconds} is not from 1 to 3600")),
    };
    let filled = |key: &str, text: &str| {
        if text.trim().is_empty() { Err(format!("{key} is empty")) } else { Ok(()) }
    };
    match step {
        Step::Open(at) if !at.starts_with("{url}") => address(at).map(drop),
        Step::Open(_) | Step::Press(_) => Ok(()),
        Step::WaitFor(wait) => filled("selector", &wait.selector).and(seconds(wait.seconds)),
        Step::Fill(fill) => filled("selector", &fill.selector),
        Step::Click(click) => filled("selector", &click.selector).and(seconds(click.seconds)),
        Step::WaitAnswer(wait) => {
            filled("selector", &wait.selector)?;
            if !(100..=60_000).contains(&wait.stable_ms) {
                return Err(format!("stable_ms: {} is not from 100 to 60000", wait.stable_ms));
            }
            seconds(wait.seconds)
        }
        Step::Read(read) => filled("selector", &read.selector),
    }
}

/// `open` comes first, then `fill`, something that sends, `wait_answer`, and `read` as the last: each of them once.
fn order(steps: &[Spanned<Step>]) -> Result<(), Fault> {
    let line = |at: usize| steps.get(at).map(|step: &Spanned<Step>| step.referenced.line());
    let only = |word: &str| -> Result<usize, Fault> {
        let mut places = (0..steps.len()).filter(|at| steps[*at].value.word() == word);
        match (places.next(), places.next()) {
            (Some(at), None) => Ok(at),
            (None, _) => Err((line(0), format!("steps: there is no {word}"))),
            (Some(_), Some(second)) => Err((line(second), format!("steps: a second {word}"))),
        }
    };
    let (open, fill, wait, read) = (only("open")?, only("fill")?, only("wait_answer")?, only("read")?);
    let comes = |at: usize, word: &str, why: &str| Err((line(at), format!("steps: {word} must {why}")));
    let is_sending = |step: &Spanned<Step>| matches!(step.value, Step::Click(_) | Step::Press(_));
    if open != 0 {
        return comes(open, "open", "come first");
    }
    if wait < fill {
        return comes(wait, "wait_answer", "come after fill");
    }
    if !steps[fill..wait].iter().any(is_sending) {
        return comes(wait, "wait_answer", "come after a click or press that sends the question");
    }
    if read != steps.len() - 1 {
        return comes(read, "read", "come last");
    }
    Ok(())
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
