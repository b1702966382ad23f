//! `gc`: removes trees, base checkouts and build caches that are not needed.

use domain::exit_code::ExitCode;
use serde_json::json;

use super::{config, document};
use crate::args::GcArgs;
use crate::error::Failure;
use crate::session::Session;
use crate::ui::words::count;

pub(crate) async fn run(session: &Session<'_>, args: &GcArgs) -> Result<ExitCode, Failure> {
    let operator = session.operator().await?;
    let quota = config::loaded(session)?.config.trees.quota();
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
    let fields = json!({
        "dry_run": args.dry_run, "removed": done.removed, "kept": done.kept,
        "bytes_freed": freed, "bytes": done.bytes, "quota_bytes": quota, "exit_code": 0,
    });
    document(session, "gc", fields);
    Ok(ExitCode::Done)
}
