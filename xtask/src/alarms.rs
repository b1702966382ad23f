//! What the gate says of the ordinary commits of a repository: how often each rule speaks, and of what. A rule that speaks
//! of what no reviewer would want to see is tuned by this; the numbers stand in `docs/design/gate.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, bail};
use clap::Args;
use domain::gate::{ForbiddenText, GateInput, GatePolicy, Judgement, Rule, Scope, judge};
use domain::ids::{Sha256, TreeId};
use domain::patch::{Base, BaseError, BaseFile, CanonicalDiff, FileMode, FileResult, How, RepoPath, emit};
use domain::task::Kind;

use crate::say;

/// Which commits are judged.
#[derive(Debug, Args)]
pub(crate) struct Alarms {
    /// The git directories of the repositories.
    #[arg(required = true)]
    repositories: Vec<PathBuf>,
    /// So many commits of each, the newest first, without merges.
    #[arg(long, default_value_t = 200)]
    commits: usize,
    /// Print the findings of this rule; may be given several times.
    #[arg(long)]
    show: Vec<String>,
    /// A text that the policy forbids; may be given several times.
    #[arg(long)]
    forbid: Vec<String>,
}

/// A tree with nothing else in it: names beside the changed ones are not looked at here.
struct NoBase;

impl Base for NoBase {
    fn file(&self, _: &RepoPath) -> Result<Option<BaseFile>, BaseError> {
        Ok(None)
    }
    fn list(&self, _: Option<&RepoPath>) -> Result<Vec<String>, BaseError> {
        Ok(Vec::new())
    }
}

pub(crate) fn run(options: &Alarms) -> anyhow::Result<ExitCode> {
    let mut rules: BTreeMap<Rule, usize> = BTreeMap::new();
    let mut judged = 0_usize;
    let forbidden = options.forbid.iter().cloned().map(ForbiddenText::try_from).collect::<Result<_, _>>()?;
    let policy = GatePolicy { forbidden, ..GatePolicy::default() };
    for repository in &options.repositories {
        let count = options.commits.to_string();
        let list = git(repository, &["rev-list", "--no-merges", "--max-count", &count, "HEAD"])?;
        for commit in String::from_utf8(list)?.lines() {
            let Some(diff) = change(repository, commit)? else { continue };
            judged += 1;
            let judgement = judgement(&diff, &policy)?;
            let mut spoke: Vec<Rule> = judgement.findings.iter().map(|finding| finding.rule).collect();
            spoke.sort_unstable();
            spoke.dedup();
            spoke.into_iter().for_each(|rule| *rules.entry(rule).or_default() += 1);
            for finding in &judgement.findings {
                if options.show.iter().any(|id| id == finding.rule.id()) {
                    say(format_args!("{} {:.10} {finding}", repository.display(), commit));
                }
            }
        }
    }
    say(format_args!("{judged} commits"));
    for (rule, count) in rules {
        say(format_args!("{count:5}  {rule}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn judgement(diff: &CanonicalDiff, policy: &GatePolicy) -> anyhow::Result<Judgement> {
    let base_tree: TreeId = "4b825dc642cb6eb9a060e54bf8d69288fbee4904".parse()?;
    let input = GateInput {
        diff,
        anchor: How::Exact,
        base_tree: &base_tree,
        base: &NoBase,
        scope: Scope::Request(Kind::Chore),
        policy,
        policy_hash: &Sha256::of(b"alarms"),
    };
    Ok(judge(&input).0)
}

/// A commit's change; none for the first commit and for one that names what no change may touch.
fn change(repository: &Path, commit: &str) -> anyhow::Result<Option<CanonicalDiff>> {
    let parent = format!("{commit}^");
    if git(repository, &["rev-parse", "--verify", "--quiet", &parent]).is_err() {
        return Ok(None);
    }
    let raw = git(repository, &["diff-tree", "-r", "-z", "--no-renames", "--abbrev=40", &parent, commit])?;
    let raw = String::from_utf8_lossy(&raw).into_owned();
    let mut fields = raw.split('\0');
    let mut files = Vec::new();
    while let (Some(entry), Some(path)) = (fields.next().filter(|entry| !entry.is_empty()), fields.next()) {
        let words: Vec<&str> = entry.trim_start_matches(':').split(' ').collect();
        let [old_mode, new_mode, old, new, _] = words[..] else { bail!("git diff-tree said {entry:?}") };
        let Ok(path) = path.parse::<RepoPath>() else { return Ok(None) };
        files.push(FileResult::edited(
            path,
            side(repository, old_mode, old)?,
            side(repository, new_mode, new)?,
        ));
    }
    Ok(Some(emit(files)).filter(|diff| !diff.is_empty()))
}

fn side(repository: &Path, mode: &str, id: &str) -> anyhow::Result<Option<BaseFile>> {
    let Some(mode) = FileMode::from_octal(mode) else { return Ok(None) };
    // A blob that this copy does not have is passed over as an empty one.
    let bytes = match mode {
        FileMode::Gitlink => Vec::new(),
        _ => git(repository, &["cat-file", "blob", id]).unwrap_or_default(),
    };
    Ok(Some(BaseFile { bytes, mode }))
}

fn git(repository: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "no part of the product; reads objects of a named repository"
    )]
    let mut git = Command::new("git");
    git.arg("--git-dir").arg(repository).args(arguments).stdin(Stdio::null());
    let done = git.output().context("starting git")?;
    if !done.status.success() {
        bail!("git {}: {}", arguments.join(" "), String::from_utf8_lossy(&done.stderr).trim_end());
    }
    Ok(done.stdout)
}
