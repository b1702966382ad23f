//! `doctor --provider web`: the adapter's steps one by one with a small question, and which of them fails.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::browser::Browser;
use super::settings::WebSettings;
use super::visit::Visit;
use super::{of_profile, of_stop};

/// The question of a check: short, and answered by any model.
const QUESTION: &str = "This checks a connection. Answer with the one word: ready";

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What: `adapter`, `browser`, or a step with its number, as in `3 fill`.
    pub what: String,
    /// What was found, or why it failed.
    pub found: Result<String, String>,
}

impl Checked {
    fn new(what: impl Into<String>, found: Result<String, String>) -> Self {
        Self { what: what.into(), found }
    }
}

/// What a check found.
#[derive(Debug, Default)]
pub struct Report {
    /// What was tried, in order; only the last one can have failed.
    pub all: Vec<Checked>,
    /// The picture of a page on which a step failed.
    pub screenshot: Option<PathBuf>,
    /// How long the page itself took for its answer: from the question's sending to the last change.
    pub answered: Option<Duration>,
}

impl Report {
    fn well(&mut self, what: impl Into<String>, found: String) {
        self.all.push(Checked::new(what, Ok(found)));
    }
}

/// Tries the site step by step; ends with the first that fails. It asks one question, which counts for the hour's.
pub async fn check(settings: &WebSettings) -> Report {
    let mut report = Report::default();
    if let Err(failed) = steps(settings, &mut report).await {
        report.all.push(failed);
    }
    report
}

/// All steps, each into the report when it went well; gives the one that did not.
async fn steps(settings: &WebSettings, report: &mut Report) -> Result<(), Checked> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |why: String| Checked::new(what, Err(why))
    };
    let site = settings.site().map_err(failed("adapter"))?;
    report.well("adapter", format!("{} for {}", site.adapter.source, site.url));
    let until = Instant::now() + settings.total;
    let profile = settings.profile(&site.name, until).await;
    let profile = profile.map_err(|error| failed("session")(of_profile(&error).detail))?;
    profile.count_question(settings.questions_per_hour, settings.now).map_err(|wait| {
        let minutes = wait / 60_000_000 + 1;
        failed("session")(format!("the hour's questions are used up; the next one in {minutes} min"))
    })?;
    report.well("session", profile.profile().display().to_string());
    let began = Instant::now();
    let browser = Browser::start(&settings.start(&site.program, false), &profile, until).await;
    let mut browser = browser.map_err(failed("browser"))?;
    report.well("browser", format!("{}, {}", site.program.display(), time(began.elapsed())));
    let cap = settings.max_reply_bytes;
    let mut visit = Visit::new(&site.adapter, &site.url, cap, until, &mut browser.devtools);
    let step = |number, word, took| report.well(format!("{number} {word}"), time(took));
    let asked = match visit.ask(QUESTION, step).await {
        Ok(answer) => {
            report.well("answer", answer.lines().next().unwrap_or_default().chars().take(80).collect());
            let (whole, page) = (began.elapsed(), visit.answered);
            let rest = whole.saturating_sub(page);
            report.well(
                "time",
                format!("{}: the page's answer {}, all else {}", time(whole), time(page), time(rest)),
            );
            report.answered = Some(page);
            Ok(())
        }
        Err(stop) => {
            let soon = Instant::now() + Duration::from_secs(10);
            let picture = visit.page.screenshot(soon).await.ok();
            report.screenshot = picture.and_then(|(_, bytes)| profile.keep_screenshot(&bytes));
            let what = stop.step.map_or("adapter".to_owned(), |(number, word)| format!("{number} {word}"));
            Err(failed(&what)(of_stop(&stop, &site.name, report.screenshot.as_deref()).detail))
        }
    };
    browser.close().await;
    asked
}

fn time(took: Duration) -> String {
    format!("{}.{:02} s", took.as_secs(), took.subsec_millis() / 10)
}
