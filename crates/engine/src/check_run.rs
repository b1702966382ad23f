//! One run of one check in one tree: the box's report, read into plain facts.

use std::path::Path;
use std::time::Duration;

use domain::ids::{Sha256, TreeId};
use domain::verification::{Run, RunEnd};
use git::Repository;
use sandbox::{Level, Limits, Network, Outcome, Report};

use crate::boxes::{Boxes, Command};
use crate::cancel::Cancel;
use crate::checks::{self, CheckSpec};
use crate::error::EngineError;
use crate::provider::Source;
use crate::source::BaseSource;
use crate::trees::Tree;
use crate::world::World;

/// The largest result file of a test runner that is read.
const RESULT_CAP: u64 = 64 << 20;

/// The folder in the tree for result files: a box's own temporary folder is gone when the box is.
pub(crate) const OUT: &str = ".codex-task-out";

/// How much of each output stream is read: the JSON of a linter over a large project is some megabytes.
const KEPT: usize = 16 << 20;

/// How much of each output stream is recorded.
const STORED: usize = 512 << 10;

/// Where a check runs.
pub(crate) struct CheckPlace<'a> {
    pub(crate) level: Level,
    pub(crate) tree: &'a Tree,
    pub(crate) marker: String,
    pub(crate) repository: &'a Repository,
    /// The tree id that is laid out there.
    pub(crate) at: &'a TreeId,
}

/// Runs a check. Gives its result, and the kept output where there is any.
pub(crate) async fn run_check(
    world: &World,
    boxes: &Boxes,
    place: &CheckPlace<'_>,
    check: &CheckSpec,
    cancel: &Cancel,
) -> Result<(Run, Option<Vec<u8>>), EngineError> {
    let source = BaseSource::new(place.repository, place.at);
    let at = place.tree.at();
    let (tree, out) = (at.to_string_lossy(), at.join(OUT));
    let Some(filled) = check.command(&tree, &out.to_string_lossy(), &|path| source.read(path).is_some())
    else {
        return Ok((check.nothing_to_look_at(), None));
    };
    let mut env = filled.env;
    if let Some(path) = env.get_mut("PATH") {
        *path = path.replace(checks::SEARCH_PATH, &boxes.search_path(world, place.tree));
    }
    let wall = Duration::from_secs(check.timeout_seconds);
    let command = Command {
        argv: filled.argv,
        env,
        limits: Limits { wall, output_kept: KEPT, ..Limits::default() },
        network: Network::None,
        marker: place.marker.clone(),
    };
    let report = boxes.run(world, place.level, place.tree, command, cancel).await?;
    let end = end(&report.outcome);
    let report_file = filled.report.as_deref().and_then(|path| Path::new(path).strip_prefix(&at).ok());
    let file = report_file.and_then(|path| place.tree.written(path, RESULT_CAP));
    // Where trees lie at paths of their own, what names a file must be the same on both sides.
    let own = format!("{tree}/");
    let (out, err) = (report.stdout.text().replace(&own, ""), report.stderr.text().replace(&own, ""));
    let file = file.map(|bytes| String::from_utf8_lossy(&bytes).replace(&own, ""));
    let file = file.as_deref().map(str::as_bytes);
    let mut run = checks::read(check, end, out.as_bytes(), err.as_bytes(), file);
    run.wall_ms = millis(report.wall);
    let output = output(&report);
    run.output = output.as_deref().map(Sha256::of);
    Ok((run, output))
}

fn end(outcome: &Outcome) -> RunEnd {
    match outcome {
        Outcome::Exited { code: 0 } => RunEnd::Passed,
        Outcome::Exited { code } => RunEnd::Failed { code: *code },
        Outcome::Signalled { signal } => RunEnd::Signalled { signal: *signal },
        Outcome::TimedOut => RunEnd::TimedOut,
        Outcome::OutputLimit => RunEnd::OutputLimit,
        Outcome::DiskLimit => RunEnd::DiskLimit,
        Outcome::MemoryLimit => RunEnd::MemoryLimit,
        Outcome::Cancelled => RunEnd::NotRun { why: "stopped on request".to_owned() },
        Outcome::SetupFailed { what } => RunEnd::NoSandbox { why: what.clone() },
        Outcome::ExecFailed { what } => RunEnd::NotStarted { why: what.clone() },
    }
}

/// Both streams as people read them, with what was dropped said; at most [`STORED`] bytes of each are recorded.
fn output(report: &Report) -> Option<Vec<u8>> {
    let mut text = shortened(&report.stdout.text());
    if report.stderr.total > 0 {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&shortened(&report.stderr.text()));
    }
    (!text.is_empty()).then(|| text.into_bytes())
}

/// The beginning and the end of a long text.
fn shortened(text: &str) -> String {
    if text.len() <= STORED {
        return text.to_owned();
    }
    let (mut head, mut tail) = (STORED / 2, text.len() - STORED / 2);
    while !text.is_char_boundary(head) {
        head -= 1;
    }
    while !text.is_char_boundary(tail) {
        tail += 1;
    }
    format!("{}\n[{} bytes are not recorded]\n{}", &text[..head], tail - head, &text[tail..])
}

fn millis(wall: Duration) -> u64 {
    u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)
}
