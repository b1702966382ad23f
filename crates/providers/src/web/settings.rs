//! What `web` is made from: its section of the configuration, the machine's folders, and the site that they give.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::config::Config;
use engine::context::{AnswerForm, Bounds};
use reqwest::Url;
use tokio::time::Instant;

use super::adapter::{self, Adapter};
use super::browser::{self, Start};
use super::profile::{Profile, ProfileError};

/// Where sessions and adapters lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebFolders {
    /// Our folder for what must not be lost; each site's session lies below it, in `web/SITE`.
    pub state: PathBuf,
    /// The folder of the person's own adapters, `SITE.yaml` each; `None` where there is none.
    pub adapters: Option<PathBuf>,
}

/// What `web` is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSettings {
    /// The adapter's name; `None` when no site is configured.
    pub site: Option<String>,
    /// The site's address, over the adapter's own.
    pub url: Option<String>,
    /// The browser, when it is not found by the PATH.
    pub browser: Option<String>,
    /// More arguments for the browser.
    pub arguments: Vec<String>,
    /// The most time for one question, from the browser's start to its end.
    pub total: Duration,
    /// The most questions within an hour.
    pub questions_per_hour: u32,
    /// The most bytes of an answer.
    pub max_reply_bytes: usize,
    /// In which form it is asked to answer; `None` for a diff.
    pub answer: Option<AnswerForm>,
    /// The bounds of a prompt for a finding.
    pub finding: Bounds,
    /// The bounds of a prompt for any other task.
    pub task: Bounds,
    /// Where sessions and adapters lie.
    pub folders: WebFolders,
    /// The variables that this process was given: for the PATH, and the display of a sign-in.
    pub environment: BTreeMap<String, String>,
    /// Microseconds since 1970, when these settings were made.
    pub now: i64,
}

/// A site that can be asked.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) name: String,
    pub(super) adapter: Adapter,
    pub(super) url: Url,
    pub(super) program: PathBuf,
}

impl WebSettings {
    /// Those of a configuration.
    pub fn new(
        config: &Config,
        folders: WebFolders,
        environment: &BTreeMap<String, String>,
        now: i64,
    ) -> Self {
        let (web, safety) = (&config.providers.web, &config.safety);
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let bounds = |files: u32, lines: u32| Bounds {
            max_tokens: size(config.context_tokens()),
            max_files: u64::from(files),
            max_lines: u64::from(lines),
        };
        Self {
            site: web.site.clone(),
            url: web.url.clone(),
            browser: web.browser.clone(),
            arguments: web.arguments.clone(),
            total: Duration::from_secs(web.total_seconds),
            questions_per_hour: web.questions_per_hour,
            max_reply_bytes: size(web.max_reply_bytes),
            answer: web.answer,
            finding: bounds(safety.finding_max_files, safety.finding_max_lines),
            task: bounds(safety.max_files_changed, safety.max_lines_changed),
            folders,
            environment: environment.clone(),
            now,
        }
    }

    /// The same for another site: `login` and `doctor` may name one.
    #[must_use]
    pub fn at_site(mut self, site: &str) -> Self {
        if self.site.as_deref() != Some(site) {
            self.url = None;
        }
        self.site = Some(site.to_owned());
        self
    }

    /// The site that can be asked.
    ///
    /// # Errors
    /// What is missing, with the setting.
    pub(super) fn site(&self) -> Result<Site, String> {
        let name = self.site.as_deref().ok_or("no site is configured (providers.web.site)")?;
        let adapter = self.adapter(name)?;
        let url = self
            .url
            .as_deref()
            .or(adapter.url.as_deref())
            .ok_or_else(|| format!("{} names no address; set providers.web.url", adapter.source))?;
        let url = adapter::address(url).map_err(|why| format!("providers.web.url: {why}"))?;
        let program = browser::find(self.browser.as_deref(), &self.environment)?;
        Ok(Site { name: name.to_owned(), adapter, url, program })
    }

    fn adapter(&self, name: &str) -> Result<Adapter, String> {
        Adapter::find(name, self.folders.adapters.as_deref()).map_err(|error| error.to_string())
    }

    pub(super) fn start<'a>(&'a self, program: &'a Path, visible: bool) -> Start<'a> {
        Start { program, arguments: &self.arguments, environment: &self.environment, visible }
    }

    pub(super) async fn profile(&self, site: &str, until: Instant) -> Result<Profile, ProfileError> {
        let temporary = self.environment.get("TMPDIR").filter(|folder| folder.starts_with('/'));
        let temporary = temporary.map_or("/tmp", String::as_str);
        Profile::take(&self.folders.state, site, Path::new(temporary), until).await
    }
}
