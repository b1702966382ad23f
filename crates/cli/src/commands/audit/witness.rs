//! `audit checkpoint`, `audit witness` and `audit rotate-key`: what keeps the journal honest from outside of it.

use std::io::BufRead;
use std::path::Path;

use domain::exit_code::ExitCode;
use engine::message::JOURNAL_TRAILER;
use git::{OwnRef, Repository, Signature};
use serde_json::json;
use store::{Archives, Checkpoint, Consistency, Inconsistent, JournalEntry, Micros};

use super::document;
use crate::args::usage::{CheckpointArgs, WitnessArgs};
use crate::error::Failure;
use crate::session::Session;

/// Where checkpoints are anchored in a repository.
pub(super) const ANCHORS: &str = "refs/codex-task/checkpoints/";
/// The one that is moved on, below `refs/codex-task/`.
const ANCHOR: &str = "checkpoints/journal";
/// How many entries are read in one go.
const PAGE: u32 = 200;

/// Prints the signed checkpoint of the journal's end, and anchors it in the repository where that is wanted.
pub(super) async fn checkpoint(session: &Session<'_>, args: &CheckpointArgs) -> Result<ExitCode, Failure> {
    let checkpoint = session.store().await?.checkpoint().await?;
    let anchored = match args.anchor {
        true => Some(anchor(&session.repository()?, &checkpoint, session.world.clock.now_micros())?),
        false => None,
    };
    if session.shell.is_json() {
        let (seq, hash) = checkpoint.head();
        let fields = json!({
            "checkpoint": checkpoint.text(),
            "seq": seq,
            "hash": hash,
            "key": checkpoint.key(),
            "anchor": anchored,
            "exit_code": 0,
        });
        document(session, "audit checkpoint", fields);
        return Ok(ExitCode::Done);
    }
    session.shell.out_raw(&checkpoint.text());
    if let Some(anchored) = anchored {
        session.remark(&format!("anchored at {anchored}: push that ref to where others keep it"));
    }
    Ok(ExitCode::Done)
}

/// A commit with HEAD's tree whose message is the checkpoint; each goes on from the one before.
fn anchor(repository: &Repository, checkpoint: &Checkpoint, now: i64) -> Result<String, Failure> {
    let name = OwnRef::hidden(ANCHOR)?;
    let before = repository.read_ref(&name)?;
    let (seq, hash) = checkpoint.head();
    let message =
        format!("Checkpoint of the journal\n\n{}\n{JOURNAL_TRAILER}: {seq}:{hash}\n", checkpoint.text());
    let signature = Signature {
        name: "codex-task".to_owned(),
        email: "codex-task@localhost".to_owned(),
        seconds: now.div_euclid(1_000_000),
        offset: 0,
    };
    let parents: Vec<_> = before.iter().cloned().collect();
    let commit = repository.commit(&repository.head()?.tree, &parents, &message, &signature)?;
    match before {
        Some(before) => repository.update_ref(&name, &commit, &before)?,
        None => repository.create_ref(&name, &commit)?,
    }
    Ok(name.full())
}

/// Exit code 1 when the two checkpoints are not of one history.
pub(super) async fn run(session: &Session<'_>, args: &WitnessArgs) -> Result<ExitCode, Failure> {
    let folder = &session.environment.folder;
    let archives = Archives::open(&super::archives(session, &args.proof)?)?;
    let verdict = match (read(&folder.join(&args.old))?, read(&folder.join(&args.new))?) {
        (None, _) => Err(Inconsistent::NotOne { which: "old" }),
        (_, None) => Err(Inconsistent::NotOne { which: "new" }),
        (Some(old), Some(new)) => match Consistency::between(&old, &new) {
            Err(inconsistent) => Err(inconsistent),
            Ok(walk) => match &args.entries {
                Some(file) => from_file(walk, &folder.join(file), &archives)?,
                None => from_store(session, walk, &archives).await?,
            },
        },
    };
    let code = if verdict.is_ok() { ExitCode::Done } else { ExitCode::NotVerified };
    let why = verdict.err().map(|inconsistent| inconsistent.to_string());
    if !session.shell.is_json() {
        match &why {
            None => session.shell.out("the newer checkpoint goes on from the older one"),
            Some(why) => session.shell.out(&format!("NOT one history: {why}")),
        }
    }
    let fields = json!({ "consistent": why.is_none(), "why": why, "exit_code": code.code() });
    document(session, "audit witness", fields);
    Ok(code)
}

fn read(path: &Path) -> Result<Option<Checkpoint>, Failure> {
    let bytes = std::fs::read(path).map_err(|e| Failure::file(path, &e))?;
    Ok(Checkpoint::parse(&String::from_utf8_lossy(&bytes)))
}

/// Needs nothing of ours but the files.
fn from_file(
    mut walk: Consistency,
    path: &Path,
    archives: &Archives,
) -> Result<Result<(), Inconsistent>, Failure> {
    let unreadable = |e: std::io::Error| Failure::file(path, &e);
    let file = std::fs::File::open(path).map_err(unreadable)?;
    for line in std::io::BufReader::new(file).lines() {
        let line = line.map_err(unreadable)?;
        let entry: JournalEntry = serde_json::from_str(&line)
            .map_err(|e| Failure::usage(format!("{} has a line that is no entry: {e}", path.display())))?;
        if let Err(inconsistent) = walk.entry(&archives.whole(entry)?) {
            return Ok(Err(inconsistent));
        }
    }
    Ok(walk.finish())
}

async fn from_store(
    session: &Session<'_>,
    mut walk: Consistency,
    archives: &Archives,
) -> Result<Result<(), Inconsistent>, Failure> {
    let store = session.store().await?;
    while !walk.is_done() {
        let page = store.entries(walk.after(), PAGE).await?;
        if page.is_empty() {
            break;
        }
        for entry in page {
            if let Err(inconsistent) = walk.entry(&archives.whole(entry)?) {
                return Ok(Err(inconsistent));
            }
        }
    }
    Ok(walk.finish())
}

/// The old key vouches for the new one in the journal.
pub(super) async fn rotate_key(session: &Session<'_>) -> Result<ExitCode, Failure> {
    let key = session.store().await?.rotate_signing_key(Micros(session.world.clock.now_micros())).await?;
    if session.shell.is_json() {
        document(session, "audit rotate-key", json!({ "key": key, "exit_code": 0 }));
    } else {
        session.shell.out(&format!("from now on this key signs: {key}"));
    }
    Ok(ExitCode::Done)
}
