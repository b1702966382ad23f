//! Progress on stderr: a spinner with the current step on a terminal, a line for each finished step everywhere.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::event::Event;
use domain::ids::IntentId;
use domain::verification::RunEnd;
use engine::world::{Progress, Update};
use indicatif::{ProgressBar, ProgressStyle};

use super::shell::{CYAN, GREEN, RED, Shell, YELLOW, clean};
use super::words;

/// Tells people what happens as it happens.
pub(crate) struct Reporter<'a> {
    shell: &'a Shell,
    bar: Option<ProgressBar>,
    level: Detail,
    /// The checks that run, as they are told: two may run at the same time.
    running: Mutex<Vec<String>>,
}

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    /// Nothing.
    Quiet,
    /// A line for each step.
    Steps,
    /// Every event with its values.
    Events,
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(shell: &'a Shell, level: Detail) -> Self {
        let bar = (shell.is_live() && level != Detail::Quiet).then(spinner);
        Self { shell, bar, level, running: Mutex::default() }
    }

    /// A line of its own between the steps.
    pub(crate) fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.shell.err(line)),
            None => self.shell.err(line),
        }
    }

    fn now(&self, what: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(what);
        }
    }

    /// The checks that run became others.
    fn running(&self, change: impl FnOnce(&mut Vec<String>)) {
        let mut all = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut all);
        if !all.is_empty() {
            self.now(all.join(", "));
        }
    }

    fn event(&self, event: &Event) {
        match event {
            Event::ProposalAsked { provider, .. } => self.now(format!("{provider} is asked")),
            Event::Staging { .. } => self.now("writing the candidate".to_owned()),
            Event::Verifying { .. } => self.now("preparing the sandbox".to_owned()),
            _ => {}
        }
        // What is asked is followed by its answer; a line for both would be a line too many.
        let asked = matches!(event, Event::ProposalAsked { .. });
        if let Some((step, text)) = words::step(event).filter(|_| !asked || self.level == Detail::Events) {
            self.step(step, &text);
        }
        if self.level == Detail::Events {
            let text = serde_json::to_string(event).unwrap_or_default();
            self.line(&format!("             {}", clean(&words::shorten(&text, 400))));
        }
    }

    fn step(&self, step: &str, text: &str) {
        let name = self.shell.paint_err(CYAN, &format!("{step:>9}"));
        self.line(&format!("  {name}  {}", clean(text)));
    }
}

impl Progress for Reporter<'_> {
    fn update(&self, intent: &IntentId, update: &Update<'_>) {
        if let Update::Event(event) = update {
            tracing::info!(%intent, event = event.name(), "recorded");
        }
        if self.level == Detail::Quiet {
            return;
        }
        match update {
            Update::Event(event) => self.event(event),
            Update::CheckBegins { name, baseline } => {
                self.running(|all| all.push(check_on(name, *baseline)));
            }
            Update::CheckEnded { name, baseline, cached, run } => {
                self.running(|all| all.retain(|one| *one != check_on(name, *baseline)));
                let (mark, style) = match run.end {
                    RunEnd::Passed => ("ok", GREEN),
                    RunEnd::NotRun { .. } | RunEnd::NoSandbox { .. } | RunEnd::NotStarted { .. } => {
                        ("--", YELLOW)
                    }
                    _ => ("!!", RED),
                };
                let time = if *cached { "from the cache".to_owned() } else { words::time(run.wall_ms) };
                let text = format!("{}: {} ({time})", check_on(name, *baseline), words::run_end(run));
                let step = self.shell.paint_err(CYAN, "    check");
                self.line(&format!("  {step}  {} {}", self.shell.paint_err(style, mark), clean(&text)));
            }
            Update::Note(note) => self.step("note", note),
        }
    }
}

impl Drop for Reporter<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// How far a long count is: a bar on a terminal, elsewhere a line for each half a million.
pub(crate) struct Gauge<'a> {
    shell: &'a Shell,
    bar: Option<ProgressBar>,
    what: &'static str,
    lines: u64,
}

impl<'a> Gauge<'a> {
    /// Lines tell of this many at once: shorter work needs none.
    const LINE: u64 = 500_000;

    pub(crate) fn new(shell: &'a Shell, what: &'static str) -> Self {
        Self { shell, bar: shell.is_live().then(gauge), what, lines: 0 }
    }

    pub(crate) fn at(&mut self, done: u64, total: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
        } else if done / Self::LINE > self.lines {
            self.lines = done / Self::LINE;
            self.shell.err(&format!("  {done} of {total} {}", self.what));
        }
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn gauge() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("  {bar:30} {pos} of {len} {elapsed:.dim}") {
        bar.set_style(style);
    }
    bar
}

fn check_on(name: &str, baseline: bool) -> String {
    format!("{name} on the {}", if baseline { "base" } else { "candidate" })
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("  {spinner:>9}  {msg} {elapsed:.dim}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
