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

/// Tries the site step by step; ends with the first that fails. It asks one question, which counts for the hour's.
pub async fn check(settings: &WebSettings) -> (Vec<Checked>, Option<PathBuf>) {
    let mut all = Vec::new();
    let site = match settings.site() {
        Ok(site) => site,
        Err(why) => return (vec![Checked::new("adapter", Err(why))], None),
    };
    all.push(Checked::new("adapter", Ok(format!("{} for {}", site.adapter.source, site.url))));
    let until = Instant::now() + settings.total;
    let profile = match settings.profile(&site.name, until).await {
        Ok(profile) => profile,
        Err(error) => {
            all.push(Checked::new("session", Err(of_profile(&error).detail)));
            return (all, None);
        }
    };
    if let Err(wait) = profile.count_question(settings.questions_per_hour, settings.now) {
        let why = format!("the hour's questions are used up; the next one in {} min", wait / 60_000_000 + 1);
        all.push(Checked::new("session", Err(why)));
        return (all, None);
    }
    all.push(Checked::new("session", Ok(profile.profile().display().to_string())));
    let began = Instant::now();
    let mut browser = match Browser::start(&settings.start(&site.program, false), &profile, until).await {
        Ok(browser) => browser,
        Err(why) => {
            all.push(Checked::new("browser", Err(why)));
            return (all, None);
        }
    };
    all.push(Checked::new("browser", Ok(format!("{}, {}", site.program.display(), time(began.elapsed())))));
    let cap = settings.max_reply_bytes;
    let mut visit = Visit::new(&site.adapter, &site.url, cap, until, &mut browser.devtools);
    let steps = &mut all;
    let asked = visit
        .ask(QUESTION, |number, word, took| {
            steps.push(Checked::new(format!("{number} {word}"), Ok(time(took))))
        })
        .await;
    let mut kept = None;
    match asked {
        Ok(answer) => {
            let line: String = answer.lines().next().unwrap_or_default().chars().take(80).collect();
            all.push(Checked::new("answer", Ok(line)));
        }
        Err(stop) => {
            let soon = Instant::now() + Duration::from_secs(10);
            let picture = visit.page.screenshot(soon).await.ok();
            kept = picture.and_then(|(_, bytes)| profile.keep_screenshot(&bytes));
            let what = stop.step.map_or("adapter".to_owned(), |(number, word)| format!("{number} {word}"));
            all.push(Checked::new(what, Err(of_stop(&stop, &site.name, kept.as_deref()).detail)));
        }
    }
    browser.close().await;
    (all, kept)
}

fn time(took: Duration) -> String {
    format!("{}.{:02} s", took.as_secs(), took.subsec_millis() / 10)
}
