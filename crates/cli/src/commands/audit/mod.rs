//! `audit`: the journal against itself, its signatures, and what the repository's commits know of it; and what others need
//! who check it elsewhere.

mod compact;
mod erase;
mod export;
mod witness;

use std::path::PathBuf;

use domain::exit_code::ExitCode;
use engine::message::journal_anchors;
use git::Repository;
use serde_json::json;
use store::{Anchor, AuditReport};

use super::document;
use crate::args::{AuditCommand, ProofArgs};
use crate::error::Failure;
use crate::session::Session;
use crate::ui::progress::Gauge;
use crate::ui::shell::{GREEN, RED};
use crate::ui::words::count;

/// The commits of changes that were judged, each under the id of its change.
const CANDIDATES: &str = "refs/codex-task/candidates/";
/// Where commits that name the journal's head are found.
const OURS: [&str; 3] = [CANDIDATES, "refs/heads/feature/", witness::ANCHORS];

pub(crate) async fn run(session: &Session<'_>, command: &AuditCommand) -> Result<ExitCode, Failure> {
    match command {
        AuditCommand::Verify(args) => verify(session, args).await,
        AuditCommand::Export(args) => export::run(session, args).await,
        AuditCommand::Show(args) => export::show(session, args).await,
        AuditCommand::Checkpoint(args) => witness::checkpoint(session, args).await,
        AuditCommand::Witness(args) => witness::run(session, args).await,
        AuditCommand::Compact(args) => compact::run(session, args).await,
        AuditCommand::Erase(args) => erase::run(session, args).await,
        AuditCommand::RotateKey => witness::rotate_key(session).await,
    }
}

async fn verify(session: &Session<'_>, args: &ProofArgs) -> Result<ExitCode, Failure> {
    let report = audit(session, &archives(session, args)?).await?;
    let code = if report.is_clean() { ExitCode::Done } else { ExitCode::NotVerified };
    show(session, &report);
    document(
        session,
        "audit verify",
        json!({ "clean": report.is_clean(), "report": report, "exit_code": code.code() }),
    );
    Ok(code)
}

/// The files of compactions, from where the caller stands; of a folder all that end in `.jsonl`.
fn archives(session: &Session<'_>, args: &ProofArgs) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for named in args.archives.iter().map(|file| session.environment.folder.join(file)) {
        if !named.is_dir() {
            files.push(named);
            continue;
        }
        let cannot = |e| Failure::machine(format!("{}: {e}", named.display()));
        let mut inside = Vec::new();
        for entry in named.read_dir().map_err(cannot)? {
            inside.push(entry.map_err(cannot)?.path());
        }
        inside.retain(|file| file.extension().is_some_and(|end| end == "jsonl"));
        inside.sort();
        files.append(&mut inside);
    }
    Ok(files)
}

/// The whole audit, with files of compactions; in a repository, with the anchors of its commits.
pub(crate) async fn audit(session: &Session<'_>, archives: &[PathBuf]) -> Result<AuditReport, Failure> {
    let anchors = match session.repository() {
        Ok(repository) => anchors(&repository)?,
        // Outside of a repository the journal is checked by itself; a named one has to be there.
        Err(failure) if session.global.repo.is_some() => return Err(failure),
        Err(_) => Vec::new(),
    };
    let store = session.store().await?;
    let mut progress = Gauge::new(session.shell, "entries");
    let report =
        store.verify_and_tell(&anchors, archives, &mut |done, total| progress.at(done, total)).await?;
    Ok(report)
}

fn anchors(repository: &Repository) -> Result<Vec<Anchor>, Failure> {
    let mut anchors = Vec::new();
    for prefix in OURS {
        for (name, commit) in repository.list_refs(prefix)? {
            let message = repository.message(&commit)?;
            for (seq, hash) in journal_anchors(&message) {
                anchors.push(Anchor { seq, hash, where_from: format!("commit {commit} ({name})") });
            }
        }
    }
    // A candidate's first entry has no journal before it.
    anchors.retain(|anchor| anchor.seq > 0);
    Ok(anchors)
}

pub(crate) fn show(session: &Session<'_>, report: &AuditReport) {
    let shell = session.shell;
    let checked = format!(
        "{}, {}, {}, {}, {}",
        count(report.events, "entry").replace("entrys", "entries"),
        count(report.intents, "intent"),
        count(report.blobs, "blob"),
        count(report.checkpoints, "checkpoint"),
        count(report.anchors, "anchor") + " in commits",
    );
    if report.is_clean() {
        shell.out(&format!("{} {checked}", shell.paint_out(GREEN, "the journal is what was written:")));
    } else {
        shell.out(&format!("{} {checked}", shell.paint_out(RED, "the journal is NOT what was written:")));
    }
    if report.stubs > 0 {
        let entries = |number| count(number, "entry").replace("entrys", "entries");
        let compacted = report.compacted.saturating_sub(report.erased_intents);
        let which = match (compacted, report.erased_intents) {
            (compacted, 0) => count(compacted, "compacted intent"),
            (0, erased) => count(erased, "erased intent"),
            (compacted, erased) => format!("{compacted} compacted and {}", count(erased, "erased intent")),
        };
        let proved = match (compacted, report.proven) {
            (0, _) => String::new(),
            (_, 0) => "; the files of compactions (`--with FILE`) would prove what they said".to_owned(),
            (_, proven) => format!("; {} proved by the files", entries(proven)),
        };
        let stubs = entries(report.stubs);
        shell.out(&format!("  {stubs} of {which}: hashes and rows are as recorded{proved}"));
    }
    for problem in &report.problems {
        shell.out(&format!("  {problem}"));
    }
    if report.more_problems > 0 {
        shell.out(&format!("  and {} more", report.more_problems));
    }
}
