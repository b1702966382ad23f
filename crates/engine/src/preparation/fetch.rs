//! Fetches what the lock files of a base call for: with a network, in a strict box, in a tree of its own, before and
//! outside of any change. What is left becomes a layer; a fetch that does not come to its end leaves nothing.

use std::time::{Duration, Instant};

use domain::event::BaseRef;
use domain::ids::Sha256;
use sandbox::{Level, Limits, Network, Outcome, Report};

use super::{Preparation, Step, look, not_here};
use crate::boxes::Command;
use crate::cancel::Cancel;
use crate::checks::TREE;
use crate::error::EngineError;
use crate::operator::Operator;
use crate::project::Project;
use crate::trees::{Content, Over, Prepared, PreparedEnd, Tree, TreeForm, Trees, Turn, preparing_name};

/// How much of a failed command's output is shown, from its end.
const TAIL_LINES: usize = 40;

/// How often it is looked whether another process is done.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What is told on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Telling<'a> {
    /// Something worth a line.
    Note(&'a str),
    /// A command begins.
    Begins {
        /// Its name.
        name: &'a str,
        /// The words.
        argv: &'a [String],
    },
    /// A command ended by itself, with success.
    Ended {
        /// Its name.
        name: &'a str,
        /// How long it took.
        took: Duration,
        /// What it printed last, a line each.
        said: &'a [String],
    },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preparing {
    /// Nothing at the root calls for anything.
    Nothing,
    /// It was there already.
    Already {
        /// What had been run.
        steps: Vec<String>,
        /// Its size on disk.
        bytes: u64,
    },
    /// It is there now.
    Done {
        /// What was run.
        steps: Vec<String>,
        /// Its size on disk.
        bytes: u64,
    },
    /// What would be run; nothing was.
    Would {
        /// The commands, as words.
        commands: Vec<Vec<String>>,
        /// The files that call for it.
        files: Vec<String>,
    },
    /// A command failed; nothing is kept.
    Failed {
        /// Its name.
        step: String,
        /// How it ended, in words.
        how: String,
        /// The end of what it printed, a line each.
        said: Vec<String>,
    },
    /// What was fetched cannot be kept, and why.
    NotKept {
        /// The reason, in a sentence.
        why: String,
    },
    /// This machine cannot show to checks what would be fetched.
    NotHere {
        /// The reason, in a sentence.
        why: String,
    },
    /// The caller wanted it to stop.
    Stopped,
}

/// What the caller wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wish {
    /// Whether it is fetched also when it is there.
    pub again: bool,
    /// Whether it is only told what would be run.
    pub dry_run: bool,
}

/// One preparation on its way.
struct Fetching<'a> {
    operator: &'a Operator,
    project: &'a Project,
    wanted: Preparation,
    key: Sha256,
    level: Level,
    cancel: &'a Cancel,
    tell: &'a (dyn Fn(&Telling<'_>) + Sync),
}

impl Operator {
    /// Fetches what the lock files of `at` call for, and keeps it for every base of the project's repository with the same
    /// lock files.
    ///
    /// # Errors
    /// What is wrong with our folders or the sandbox. That a command fails is a result.
    pub async fn prepare(
        &self,
        project: &Project,
        at: &BaseRef,
        wish: Wish,
        cancel: &Cancel,
        tell: &(dyn Fn(&Telling<'_>) + Sync),
    ) -> Result<Preparing, EngineError> {
        let (world, boxes) = (&self.world, &project.boxes);
        let source = crate::source::BaseSource::new(&project.repository, &at.tree);
        let wanted = look(&source, &|tool| boxes.has(world, tool), &project.config.prepare);
        for note in &wanted.notes {
            tell(&Telling::Note(note));
        }
        if wanted.is_nothing() {
            return Ok(Preparing::Nothing);
        }
        if wish.dry_run {
            let commands = wanted.steps.iter().map(|step| step.argv.clone()).collect();
            return Ok(Preparing::Would { commands, files: wanted.files() });
        }
        let level = boxes.level(world)?;
        if boxes.form(world, level)? != TreeForm::Overlay {
            return Ok(Preparing::NotHere { why: not_here(level) });
        }
        let key = wanted.key(boxes, world, level);
        let fetching = Fetching { operator: self, project, wanted, key, level, cancel, tell };
        fetching.run(at, wish).await
    }
}

impl Fetching<'_> {
    async fn run(&self, at: &BaseRef, wish: Wish) -> Result<Preparing, EngineError> {
        let trees = Trees::new(&self.operator.world.folders);
        let Some(_turn) = self.turn(&trees).await? else { return Ok(Preparing::Stopped) };
        if let Some(there) = trees.prepared(&self.project.repository, &self.key) {
            if !wish.again {
                return Ok(already(&there));
            }
            drop(there);
            if !trees.forget_prepared(&self.project.repository, &self.key) {
                return Ok(Preparing::NotKept { why: "checks use what was fetched before".to_owned() });
            }
        }
        let content = Content::base(&self.project.repository, at);
        let name = preparing_name(&self.key);
        let tree = trees.open(&name, &content, TreeForm::Overlay, self.level, Over::default())?;
        for (path, text) in &self.wanted.made {
            tree.put_scrap(path, &text.replace(TREE, &tree.at().to_string_lossy()))?;
        }
        for step in &self.wanted.steps {
            if let Some(end) = self.step(step, &tree, &name).await? {
                return Ok(end);
            }
        }
        self.keep(&trees, &tree, &content)
    }

    /// Waits until no other process fetches the same; `None` when the caller wants it to stop.
    async fn turn(&self, trees: &Trees) -> Result<Option<Turn>, EngineError> {
        let mut told = false;
        loop {
            if let Some(turn) = trees.prepare_turn(&self.key)? {
                return Ok(Some(turn));
            }
            if self.cancel.is_set() {
                return Ok(None);
            }
            if !told {
                (self.tell)(&Telling::Note("another process fetches the same: waiting for it"));
                told = true;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Runs one command; gives the end of it all when it does not succeed.
    async fn step(&self, step: &Step, tree: &Tree, marker: &str) -> Result<Option<Preparing>, EngineError> {
        let (world, config) = (&self.operator.world, &self.project.config.prepare);
        (self.tell)(&Telling::Begins { name: &step.name, argv: &step.argv });
        let at = tree.at().to_string_lossy().into_owned();
        let fill = |text: &String| text.replace(TREE, &at);
        let passed =
            config.env.iter().filter_map(|name| Some((name.clone(), world.variable(name)?.to_owned())));
        let passed = certificates(|name| world.variable(name)).chain(passed);
        let own = step.env.iter().map(|(name, value)| (name.clone(), fill(value)));
        let command = Command {
            argv: step.argv.iter().map(fill).collect(),
            env: passed.chain(own).collect(),
            limits: Limits { wall: Duration::from_secs(config.timeout_seconds), ..Limits::default() },
            network: Network::Host,
            marker: marker.to_owned(),
        };
        let began = Instant::now();
        let report = self.project.boxes.run(world, self.level, tree, command, self.cancel).await?;
        let said = tail(&report);
        if report.outcome == (Outcome::Exited { code: 0 }) {
            (self.tell)(&Telling::Ended { name: &step.name, took: began.elapsed(), said: &said });
            return Ok(None);
        }
        if report.outcome == Outcome::Cancelled {
            return Ok(Some(Preparing::Stopped));
        }
        Ok(Some(Preparing::Failed {
            step: step.name.clone(),
            how: how(&report.outcome, config.timeout_seconds),
            said,
        }))
    }

    fn keep(&self, trees: &Trees, tree: &Tree, content: &Content<'_>) -> Result<Preparing, EngineError> {
        let mut steps: Vec<String> = self.wanted.steps.iter().map(|step| step.name.clone()).collect();
        steps.dedup();
        let (quota, now) = (self.project.config.trees.quota(), self.operator.world.clock.now_micros());
        let kept = trees.keep_prepared(tree, content, &self.key, (steps.clone(), now), quota)?;
        Ok(match kept {
            PreparedEnd::Kept(bytes) => {
                // Held, so that what makes room for it does not take it.
                let _held = trees.prepared(&self.project.repository, &self.key);
                trees.trim(&self.project.repository, content.base, quota);
                Preparing::Done { steps, bytes }
            }
            PreparedEnd::TooLarge => {
                Preparing::NotKept { why: "it is larger than trees.quota_mb".to_owned() }
            }
            PreparedEnd::Changed(paths) => {
                let (first, more) = (paths.first().map_or("", String::as_str), paths.len().saturating_sub(1));
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                Preparing::NotKept { why: format!("the commands changed tracked files: {first}{more}") }
            }
        })
    }
}

fn already(there: &Prepared) -> Preparing {
    Preparing::Already { steps: there.steps().to_vec(), bytes: there.bytes() }
}

/// The last lines of both streams, those of the error stream last: tools say there why they stopped.
fn tail(report: &Report) -> Vec<String> {
    let texts = [report.stdout.text(), report.stderr.text()];
    let lines: Vec<String> = texts
        .iter()
        .flat_map(|text| text.lines())
        .filter(|line| !line.trim().is_empty())
        .map(str::to_owned)
        .collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].to_vec()
}

fn how(outcome: &Outcome, seconds: u64) -> String {
    match outcome {
        Outcome::Exited { code } => format!("ended with exit code {code}"),
        Outcome::Signalled { signal } => format!("was killed by signal {signal}"),
        Outcome::TimedOut => format!("took longer than prepare.timeout_seconds ({seconds})"),
        Outcome::OutputLimit => "printed more than is taken".to_owned(),
        Outcome::DiskLimit => "left too little room on the disk".to_owned(),
        Outcome::MemoryLimit => "needed more memory than sandbox.memory_mb".to_owned(),
        Outcome::Cancelled => "was stopped".to_owned(),
        Outcome::SetupFailed { what } => format!("could not be put into a box: {what}"),
        Outcome::ExecFailed { what } => format!("could not be started: {what}"),
    }
}

/// The variables that name certificates to trust, for pip, uv, npm, cargo, git and whatever uses OpenSSL. Behind a proxy with an
/// authority of its own nothing comes without them. Only what every box sees counts.
fn certificates<'a>(
    variable: impl Fn(&'static str) -> Option<&'a str>,
) -> impl Iterator<Item = (String, String)> {
    const NAMES: [&str; 8] = [
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "PIP_CERT",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "CARGO_HTTP_CAINFO",
        "GIT_SSL_CAINFO",
    ];
    let is_seen = |value: &&str| ["/etc/", "/usr/"].iter().any(|folder| value.starts_with(folder));
    let found = NAMES.map(|name| (name, variable(name).filter(is_seen)));
    found.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_of_the_system_are_trusted_in_the_box_too() {
        let environment =
            [("SSL_CERT_FILE", "/etc/ssl/own.crt"), ("PIP_CERT", "/home/me/own.crt"), ("HOME", "/etc/x")];
        let variable = |name| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let passed: Vec<_> = certificates(variable).collect();
        assert_eq!(passed, [("SSL_CERT_FILE".to_owned(), "/etc/ssl/own.crt".to_owned())]);
    }
}
