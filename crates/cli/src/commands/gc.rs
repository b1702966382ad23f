//! `gc`: removes trees, base checkouts and build caches that are not needed, and puts old records into files.

use domain::exit_code::ExitCode;
use engine::{Retention, Retired};
use serde_json::json;
use store::Compactable;

use super::{config, document};
use crate::args::GcArgs;
use crate::error::Failure;
use crate::session::Session;
use crate::ui::shell::Shell;
use crate::ui::words::count;

pub(crate) async fn run(session: &Session<'_>, args: &GcArgs) -> Result<ExitCode, Failure> {
    let operator = session.operator().await?;
    let config = config::loaded(session)?.config;
    let quota = config.trees.quota();
    let done = operator.collect(quota, args.dry_run).await?;
    let shell = session.shell;
    let verb = if args.dry_run { "would be removed" } else { "removed" };
    for gone in &done.removed {
        shell.out(&format!("{verb}  {}  ({}; {} MiB)", gone.path.display(), gone.why, gone.bytes >> 20));
    }
    for left in &done.kept {
        shell.out(&format!("kept  {}  ({})", left.path.display(), left.why));
    }
    let freed: u64 = done.removed.iter().map(|gone| gone.bytes).sum();
    shell.out(&format!(
        "{} {verb}, {} MiB; base checkouts and build caches take {} MiB of {}",
        count(done.removed.len() as u64, "folder"),
        freed >> 20,
        done.bytes >> 20,
        quota >> 20
    ));
    let (mut retired, mut would) = (Vec::new(), None);
    if let Some(retention) = Retention::of(&config.store, &operator.world.folders.state) {
        if args.dry_run {
            would = Some(operator.would_retire(&retention).await?);
        } else {
            retired = operator.retire(&retention).await?;
        }
        tell(shell, &retention, would.as_ref(), &retired);
    }
    let fields = json!({
        "dry_run": args.dry_run, "removed": done.removed, "kept": done.kept,
        "bytes_freed": freed, "bytes": done.bytes, "quota_bytes": quota,
        "compacted": retired, "would_compact": would, "exit_code": 0,
    });
    document(session, "gc", fields);
    Ok(ExitCode::Done)
}

/// What goes out of the registry, or would.
fn tell(shell: &Shell, retention: &Retention, would: Option<&Compactable>, retired: &[Retired]) {
    let older = format!("older than {}", count(retention.days.into(), "day"));
    let changes = |number| format!("{} {older}", count(number, "change"));
    for Retired { path, compaction } in retired {
        shell.out(&format!("compacted  {} into {}", changes(compaction.intents), path.display()));
    }
    match would {
        Some(would) => shell.out(&format!("would be compacted  {}", changes(would.intents))),
        None if retired.is_empty() => shell.out(&format!("no finished change is {older}")),
        None => {}
    }
}
