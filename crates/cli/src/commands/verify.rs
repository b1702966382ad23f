//! `verify PATCH`: somebody else's patch through the gate and the checks. Nothing is published.

use domain::decision::Goal;
use domain::exit_code::ExitCode;
use domain::proposal::ProviderId;
use domain::task::Task;
use engine::Job;

use super::finish_with;
use crate::args::VerifyArgs;
use crate::error::Failure;
use crate::input;
use crate::session::Session;
use crate::take::{Taken, on_signals, take};
use crate::ui::words;

/// No patch is larger, in bytes; the reader of patches has a limit of its own below it.
const MOST: u64 = 8 << 20;

pub(crate) async fn run(session: &Session<'_>, args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let patch = read(session, args)?;
    let project = session.project(&args.judging.flags())?;
    let operator = session.operator().await?;
    let cancel = on_signals()?;
    let task = Task { kind: args.kind, text: args.title.clone(), finding: None };
    let job = Job {
        goal: Goal::Verify,
        provider: Some(ProviderId::new("external")),
        patch: Some(patch),
        ..Job::new(task)
    };
    let reporter = session.reporter();
    let (Taken::Ran(intent) | Taken::Already(intent)) =
        take(&operator, &project, job, &reporter, &cancel).await?;
    drop(reporter);
    // A patch that cannot be read or placed is refused; no provider is to blame.
    let unreadable = intent.current().is_some_and(|a| a.refused.is_some());
    let code = match words::exit_code(&intent) {
        ExitCode::NoProvider if unreadable => ExitCode::Refused,
        code => code,
    };
    finish_with(session, "verify", &operator, &intent, code).await
}

fn read(session: &Session<'_>, args: &VerifyArgs) -> Result<Vec<u8>, Failure> {
    let name = args.patch.display();
    let bytes = input::read(session.environment, &args.patch, MOST + 1)?;
    match bytes.len() as u64 {
        0 => {
            Err(Failure::usage(format!("{name}: the patch is empty"))
                .hint("`git diff | codex-task verify -`"))
        }
        size if size > MOST => Err(Failure::usage(format!("{name}: larger than 8 MiB"))),
        _ => Ok(bytes),
    }
}
