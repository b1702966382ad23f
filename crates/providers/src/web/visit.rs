//! One visit of a site: the adapter's steps in order, each within its own deadline, and the reason where one fails.
//!
//! A question is typed only on the site's own hosts. Whatever the page does, the end is an answer's text or a [`Stop`].

use std::time::Duration;

use reqwest::Url;
use tokio::time::{Instant, sleep};

use super::adapter::{Adapter, Click, Read, Step, WaitAnswer};
use super::devtools::{DevTools, Fault};
use super::page::{Answers, Page};

/// Between two looks at the page.
const TICK: Duration = Duration::from_millis(100);

/// Why a visit gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) cause: Cause,
    /// Which step, from 1, and its word.
    pub(super) step: Option<(usize, &'static str)>,
    /// What happened, in words.
    pub(super) detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Nobody is signed in, or no longer.
    Expired,
    /// The site wants a proof that a person is there.
    Captcha,
    /// The page is not as the adapter says.
    Changed,
    /// The page does not take the whole question.
    TooLong,
    /// The answer is above the cap.
    TooLarge,
    /// Nothing came in time.
    TimedOut,
    /// The site is not there.
    Unreachable,
    /// The browser failed.
    Browser,
}

impl Cause {
    /// Whether only a person can help.
    pub(super) fn needs_person(self) -> bool {
        matches!(self, Self::Expired | Self::Captcha | Self::Changed)
    }
}

/// One visit under way.
pub(super) struct Visit<'a> {
    pub(super) adapter: &'a Adapter,
    /// The site's address.
    pub(super) url: &'a Url,
    /// The most bytes of an answer.
    pub(super) cap: usize,
    pub(super) until: Instant,
    pub(super) page: Page<'a>,
    /// What the page held before the question was sent.
    before: Option<Answers>,
    /// How long the page itself took for its answer: from the question's sending to the last change that was seen.
    pub(super) answered: Duration,
}

type Stopped<T> = Result<T, Stop>;

fn stop<T>(cause: Cause, detail: impl Into<String>) -> Stopped<T> {
    Err(Stop { cause, step: None, detail: detail.into() })
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        let cause = if fault == Fault::Late { Cause::TimedOut } else { Cause::Browser };
        Self { cause, step: None, detail: fault.to_string() }
    }
}

impl<'a> Visit<'a> {
    pub(super) fn new(
        adapter: &'a Adapter,
        url: &'a Url,
        cap: usize,
        until: Instant,
        devtools: &'a mut DevTools,
    ) -> Self {
        Self { adapter, url, cap, until, page: Page { devtools }, before: None, answered: Duration::ZERO }
    }

    /// All steps; `done` is told of each that went well.
    ///
    /// # Errors
    /// The step that failed, and why.
    pub(super) async fn ask(
        &mut self,
        question: &str,
        mut done: impl FnMut(usize, &'static str, Duration) + Send,
    ) -> Stopped<String> {
        self.selectors().await?;
        let mut answer = String::new();
        let adapter = self.adapter;
        for (index, step) in adapter.steps.iter().enumerate() {
            let (number, began) = (index + 1, Instant::now());
            match self.step(step, question).await {
                Ok(read) => answer = read.unwrap_or(answer),
                Err(stop) => {
                    return Err(Stop { step: Some((number, step.word())), ..self.seen_signs(stop).await });
                }
            }
            done(number, step.word(), began.elapsed());
        }
        Ok(answer)
    }

    /// The steps up to the question: whether the site would take one.
    ///
    /// # Errors
    /// The step that failed, and why.
    pub(super) async fn arrive(&mut self) -> Stopped<()> {
        self.selectors().await?;
        let adapter = self.adapter;
        for (index, step) in adapter.steps.iter().enumerate() {
            if matches!(step, Step::Fill(_)) {
                break;
            }
            if let Err(stop) = self.step(step, "").await {
                return Err(Stop { step: Some((index + 1, step.word())), ..self.seen_signs(stop).await });
            }
        }
        self.is_at_home().await
    }

    async fn selectors(&mut self) -> Stopped<()> {
        let invalid = self.page.invalid(&self.adapter.selectors(), self.until).await?;
        match invalid.first() {
            None => Ok(()),
            Some(selector) => {
                let detail = format!("{}: {selector:?} is no CSS selector", self.adapter.source);
                stop(Cause::Changed, detail)
            }
        }
    }

    async fn step(&mut self, step: &Step, question: &str) -> Stopped<Option<String>> {
        match step {
            Step::Open(at) => self.open(at).await?,
            Step::WaitFor(wait) => self.wait_for(&wait.selector, wait.seconds).await?,
            Step::Fill(fill) => self.fill(&fill.selector, question).await?,
            Step::Click(click) => self.click(click).await?,
            Step::Press(key) => self.page.press(*key, self.until).await?,
            Step::WaitAnswer(wait) => self.wait_answer(wait, question).await?,
            Step::Read(read) => return self.read(read).await.map(Some),
        }
        Ok(None)
    }

    /// A step that failed because the session is over, or for a captcha, is told as that.
    async fn seen_signs(&mut self, stop: Stop) -> Stop {
        let soon = Instant::now() + Duration::from_secs(5);
        match self.page.look(&self.adapter.signs, None, soon).await {
            Ok(look) if look.captcha => Stop { cause: Cause::Captcha, ..stop },
            Ok(look) if look.expired => Stop { cause: Cause::Expired, ..stop },
            _ => stop,
        }
    }

    fn within(&self, seconds: u64) -> Instant {
        self.until.min(Instant::now() + Duration::from_secs(seconds))
    }

    async fn open(&mut self, at: &str) -> Stopped<()> {
        let address = at.replacen("{url}", self.url.as_str().trim_end_matches('/'), 1);
        match self.page.open(&address, self.until).await? {
            Ok(()) => {}
            Err(error) => return stop(Cause::Unreachable, format!("{}: {error}", self.url)),
        }
        loop {
            let look = self.page.look(&self.adapter.signs, None, self.until).await?;
            self.signs(look.expired, look.captcha)?;
            if look.ready {
                return Ok(());
            }
            self.tick("the page was not read").await?;
        }
    }

    fn signs(&self, expired: bool, captcha: bool) -> Stopped<()> {
        match (captcha, expired) {
            (true, _) => stop(Cause::Captcha, "the site asks for a proof that a person is there"),
            (_, true) => stop(Cause::Expired, "nobody is signed in there, or no longer"),
            _ => Ok(()),
        }
    }

    async fn tick(&self, late: &str) -> Stopped<()> {
        if Instant::now() >= self.until {
            return stop(Cause::TimedOut, format!("{late} in the time that the whole question has"));
        }
        sleep(TICK).await;
        Ok(())
    }

    async fn wait_for(&mut self, selector: &str, seconds: u64) -> Stopped<()> {
        let until = self.within(seconds);
        loop {
            let look = self.page.look(&self.adapter.signs, Some(selector), self.until).await?;
            self.signs(look.expired, look.captcha)?;
            if look.seen {
                return Ok(());
            }
            if Instant::now() >= until {
                return stop(
                    Cause::Changed,
                    format!("nothing that {selector:?} finds was seen in {seconds} s"),
                );
            }
            self.tick("it was not seen").await?;
        }
    }

    /// Whether the page is one of the site's own: a question with source code in it is typed nowhere else.
    fn is_home(&self, at: &str) -> Stopped<()> {
        let elsewhere = |place: &str| {
            let detail =
                format!("the page is at {place} and not at {}; the question was not typed there", self.url);
            stop(Cause::Expired, detail)
        };
        let Ok(at) = Url::parse(at) else { return elsewhere("no address") };
        let host = at.host_str().unwrap_or_default().to_ascii_lowercase();
        let own = self.url.host_str().is_some_and(|own| own.eq_ignore_ascii_case(&host));
        if !own && !self.adapter.hosts.contains(&host) {
            return elsewhere(&host);
        }
        if self.url.scheme() == "https" && at.scheme() != "https" {
            return elsewhere("an address without encryption");
        }
        Ok(())
    }

    async fn is_at_home(&mut self) -> Stopped<()> {
        let look = self.page.look(&self.adapter.signs, None, self.until).await?;
        self.signs(look.expired, look.captcha)?;
        self.is_home(&look.url)
    }

    async fn fill(&mut self, selector: &str, question: &str) -> Stopped<()> {
        if let Some(wait) = self.waits() {
            self.before = Some(self.page.answers(&wait, self.until).await?);
        }
        self.is_at_home().await?;
        let Some(focus) = self.page.focus(selector, self.until).await? else {
            return stop(Cause::Changed, format!("nothing that {selector:?} finds is there"));
        };
        self.is_home(&focus.url)?;
        if !focus.active {
            return stop(Cause::Changed, format!("what {selector:?} finds takes no text"));
        }
        self.page.insert(question, self.until).await?;
        let held = self.page.held(selector, self.until).await?.unwrap_or_default();
        let (held, asked) = (bare(&held), bare(question));
        if held == asked {
            return Ok(());
        }
        let cause =
            if asked.starts_with(&held) && !held.is_empty() { Cause::TooLong } else { Cause::Changed };
        let detail = format!(
            "the page took {} of the {} characters of the question",
            held.chars().count().min(asked.chars().count()),
            asked.chars().count()
        );
        stop(cause, detail)
    }

    fn waits(&self) -> Option<WaitAnswer> {
        self.adapter.steps.iter().find_map(|step| match step {
            Step::WaitAnswer(wait) => Some(wait.clone()),
            _ => None,
        })
    }

    async fn click(&mut self, click: &Click) -> Stopped<()> {
        let until = self.within(click.seconds);
        loop {
            let place = self.page.place(&click.selector, self.until).await?;
            if let Some(place) = place.as_ref().filter(|place| place.enabled && place.free) {
                return Ok(self.page.click(place, self.until).await?);
            }
            if Instant::now() >= until {
                let why = match place {
                    None => "is not there",
                    Some(place) if !place.enabled => "is disabled",
                    Some(_) => "lies below something else",
                };
                return stop(Cause::Changed, format!("what {:?} finds {why}", click.selector));
            }
            self.tick("it could not be clicked on").await?;
        }
    }

    async fn wait_answer(&mut self, wait: &WaitAnswer, question: &str) -> Stopped<()> {
        let before = self.before.take();
        let until = self.within(wait.seconds);
        let stable = Duration::from_millis(wait.stable_ms);
        let sent = self.page.answers(wait, self.until).await?;
        let start = Instant::now();
        let (mut last, mut since, mut began) = (sent, start, false);
        loop {
            let now = self.page.answers(wait, self.until).await?;
            if (now.hash, now.length, now.count, now.page) != (last.hash, last.length, last.count, last.page)
            {
                (last, since) = (now, Instant::now());
            }
            let is_new = before.is_none_or(|b| now.count > b.count || now.hash != b.hash);
            began = began || (is_new && now.length > 0);
            if began && now.length > 0 && now.gone && now.present && since.elapsed() >= stable {
                self.answered = since - start;
                return Ok(());
            }
            if Instant::now() >= until {
                let more = before.map_or(0, |b| now.page.saturating_sub(b.page));
                return late(wait, began, more > question.chars().count() as u64);
            }
            self.look_around().await?;
            self.tick("the answer did not come").await?;
        }
    }

    async fn look_around(&mut self) -> Stopped<()> {
        let look = self.page.look(&self.adapter.signs, None, self.until).await?;
        self.signs(look.expired, look.captcha)
    }

    async fn read(&mut self, read: &Read) -> Stopped<String> {
        match self.page.read(read, self.until).await? {
            Some(text) if text.len() > self.cap => {
                stop(Cause::TooLarge, format!("the answer is larger than {} bytes", self.cap))
            }
            Some(text) if !text.is_empty() => Ok(text),
            _ => stop(Cause::Changed, format!("nothing that {:?} finds has a text", read.selector)),
        }
    }
}

/// No answer in time. A page that shows more than the question since then, and nothing that the adapter finds, is not the page
/// that the adapter was written for; whether it is can be told only now, because a site may think in silence.
fn late(wait: &WaitAnswer, began: bool, shows_more: bool) -> Stopped<()> {
    match (began, shows_more) {
        (true, _) => stop(Cause::TimedOut, format!("the answer did not end in {} s", wait.seconds)),
        (false, false) => stop(Cause::TimedOut, format!("no answer was seen in {} s", wait.seconds)),
        (false, true) => {
            let detail = format!("the page shows something new that {:?} does not find", wait.selector);
            stop(Cause::Changed, detail)
        }
    }
}

/// A text without what fields change of it: white space, and marks without width.
fn bare(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '\u{200b}' | '\u{feff}')).collect()
}
