//! `web`: a chat page that is used through a real browser, with the person's own session, by an adapter file.
//!
//! The answer is read like every other one; what the page showed is kept as evidence. A session that is over, a captcha or
//! a page that has changed end with a sentence for a person and a screenshot; nothing is done to get around them.

mod adapter;
mod browser;
mod check;
mod devtools;
mod login;
mod page;
mod profile;
mod settings;
mod visit;

#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use domain::money::MicroDollars;
use domain::plan::Wanted;
use domain::proposal::{Charge, ChargeBasis, FailureKind, Form, ProviderFailure, ProviderId};
use domain::task::{Kind, Task};
use engine::context::{self, AnswerForm, Prompt};
use engine::provider::{Answer, Ask, Attached, Evidence, Packed, Provider, Refusal, Request};
use tokio::time::Instant;

use crate::failure;
use browser::Browser;
use page::Page;
use profile::ProfileError;
use settings::Site;
use visit::{Cause, Stop, Visit};

pub use adapter::{Adapter, AdapterError};
pub use browser::lacks_own_sandbox;
pub use check::{Checked, Report, check};
pub use login::{LoginError, login};
pub use settings::{WebFolders, WebSettings};

/// How long the evidence of a visit may take.
const EVIDENCE: Duration = Duration::from_secs(15);

/// The chat page that the configuration names.
pub struct Web {
    settings: WebSettings,
    /// The site, else why it cannot be asked.
    site: Result<Site, String>,
    began: Instant,
}

impl Web {
    /// From settings. The adapter is read once, here.
    pub fn new(settings: WebSettings) -> Self {
        let site = settings.site();
        Self { settings, site, began: Instant::now() }
    }

    fn site(&self) -> Result<&Site, ProviderFailure> {
        self.site.as_ref().map_err(|why| failure(FailureKind::NotConfigured, why.clone()))
    }

    fn form(&self) -> AnswerForm {
        self.settings.answer.unwrap_or(AnswerForm::Diff)
    }

    /// The question with all that is said around it: a page has one field for both parts of a prompt.
    fn put(&self, ask: &Ask<'_>) -> Result<(Request, Prompt), ProviderFailure> {
        let (site, form) = (self.site()?, self.form());
        let bounds = if ask.task.finding.is_some() { &self.settings.finding } else { &self.settings.task };
        let prompt = context::for_model(ask, bounds, form)
            .map_err(|error| failure(FailureKind::NoFix, error.to_string()))?;
        let is_json = ask.wanted == Wanted::Plan || (form.is_json() && ask.task.kind != Kind::Ask);
        let page = if is_json { include_str!("page.md").trim_end() } else { "" };
        let text = format!("{}\n\n{}{page}", prompt.system.trim_end(), prompt.user.trim_end());
        let bytes = format!("web {}\n{text}", site.name).into_bytes();
        Ok((Request { bytes, model: None, images: Attached::default() }, prompt))
    }

    /// Microseconds since 1970.
    fn now(&self) -> i64 {
        let passed = i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.settings.now.saturating_add(passed)
    }

    async fn visit(&self, question: &str, ask: &Ask<'_>) -> Result<String, ProviderFailure> {
        let site = self.site()?;
        let until = Instant::now() + self.settings.total.min(ask.deadline);
        let profile = self.settings.profile(&site.name, until).await.map_err(|error| of_profile(&error))?;
        profile
            .count_question(self.settings.questions_per_hour, self.now())
            .map_err(|wait| self.too_many(wait))?;
        let start = self.settings.start(&site.program, false);
        let started = Browser::start(&start, &profile, until).await;
        let late = Instant::now() >= until;
        let kind = if late { FailureKind::TimedOut } else { FailureKind::Unreachable };
        let mut browser = started.map_err(|why| failure(kind, why))?;
        let cap = self.settings.max_reply_bytes;
        let mut visit = Visit::new(&site.adapter, &site.url, cap, until, &mut browser.devtools);
        let answer = visit.ask(question, |_, _, _| ()).await;
        let picture = keep(ask.evidence, &mut visit.page).await;
        let told = answer.map_err(|stop| {
            let shot = picture.filter(|_| stop.cause.needs_person());
            let shot = shot.and_then(|bytes| profile.keep_screenshot(&bytes));
            of_stop(&stop, &site.name, shot.as_deref())
        });
        browser.close().await;
        told
    }

    fn too_many(&self, wait: i64) -> ProviderFailure {
        let minutes = wait.div_euclid(60_000_000) + 1;
        let most = self.settings.questions_per_hour;
        let why = format!(
            "{most} questions were asked within an hour, as many as providers.web.questions_per_hour allows; the next one in {minutes} min"
        );
        failure(FailureKind::OverBudget, why)
    }
}

/// Keeps what the page shows; gives the picture. Whatever fails here is not worth an answer.
async fn keep(evidence: &Evidence, page: &mut Page<'_>) -> Option<Vec<u8>> {
    let until = Instant::now() + EVIDENCE;
    if let Ok(text) = page.text(until).await {
        evidence.keep("page.txt", text.into_bytes());
    }
    let (ending, picture) = page.screenshot(until).await.ok()?;
    evidence.keep(&format!("page.{ending}"), picture.clone());
    Some(picture)
}

fn of_profile(error: &ProfileError) -> ProviderFailure {
    let kind = match error {
        ProfileError::Busy(_) => FailureKind::TimedOut,
        ProfileError::Folder(..) => FailureKind::NotConfigured,
    };
    failure(kind, error.to_string())
}

/// A stop as a failure, with what a person can do about it.
fn of_stop(stop: &Stop, site: &str, screenshot: Option<&std::path::Path>) -> ProviderFailure {
    let step = stop.step.map(|(number, word)| format!("step {number} ({word}): ")).unwrap_or_default();
    let (kind, what, remedy) = match stop.cause {
        Cause::Expired => (
            FailureKind::NeedsPerson,
            "signed out: ",
            format!("; sign in by `codex-task login {site}` and ask again"),
        ),
        Cause::Captcha => (
            FailureKind::NeedsPerson,
            "captcha: ",
            format!("; answer it by `codex-task login {site}` and ask again"),
        ),
        Cause::Changed => (
            FailureKind::NeedsPerson,
            "the page has changed: ",
            format!("; see `codex-task doctor --provider web` and the adapter {site}"),
        ),
        Cause::TooLong => {
            (FailureKind::TooLarge, "the question is too long: ", "; lower context.max_tokens".to_owned())
        }
        Cause::TooLarge => (FailureKind::TooLarge, "", String::new()),
        Cause::TimedOut => (FailureKind::TimedOut, "", String::new()),
        Cause::Unreachable => (FailureKind::Unreachable, "", String::new()),
        Cause::Browser => (FailureKind::Unreachable, "", String::new()),
    };
    let seen = screenshot.map(|path| format!("; screenshot: {}", path.display())).unwrap_or_default();
    failure(kind, format!("{site}: {what}{step}{}{remedy}{seen}", stop.detail))
}

#[async_trait]
impl Provider for Web {
    fn id(&self) -> ProviderId {
        ProviderId::new("web")
    }

    fn suits(&self, _task: &Task) -> Result<String, String> {
        let site = self.site.as_ref().map_err(Clone::clone)?;
        // A person should know that nothing but the page's own good will holds it then.
        let walls = if lacks_own_sandbox() { "; as root Chromium runs with --no-sandbox" } else { "" };
        Ok(format!("the page of {} at {}{walls}", site.name, site.url))
    }

    fn repairs(&self) -> bool {
        true
    }

    fn request(&self, ask: &Ask<'_>) -> Result<Request, ProviderFailure> {
        Ok(self.put(ask)?.0)
    }

    fn packed(&self, ask: &Ask<'_>) -> Option<Result<Packed, ProviderFailure>> {
        let packed = |(_, prompt): (Request, Prompt)| Packed {
            model: "whatever the page uses".to_owned(),
            form: self.form(),
            approx_tokens: prompt.approx_tokens,
            files: prompt.files,
            left_out: prompt.left_out,
            ceiling: Some(MicroDollars::ZERO),
        };
        Some(self.put(ask).map(packed))
    }

    fn ceiling(&self, _request: &Request) -> Result<MicroDollars, ProviderFailure> {
        Ok(MicroDollars::ZERO)
    }

    fn price(&self) -> Option<String> {
        Some("nothing: the person's own session".to_owned())
    }

    async fn propose(&self, request: &Request, ask: &Ask<'_>) -> Result<Answer, Refusal> {
        let charge = Charge::nothing(ChargeBasis::Free);
        let text = String::from_utf8_lossy(&request.bytes);
        let question = text.split_once('\n').map_or("", |(_, question)| question);
        let answer = self.visit(question, ask).await.map_err(|failure| Refusal { failure, charge })?;
        let form = match (ask.wanted, ask.task.kind, self.form().is_json()) {
            (Wanted::Plan, ..) | (_, Kind::Ask, _) => Form::Text,
            (_, _, true) => Form::Reply,
            (_, _, false) => Form::Files,
        };
        Ok(Answer { form, bytes: answer.into_bytes(), model: None, usage: None, charge })
    }
}
