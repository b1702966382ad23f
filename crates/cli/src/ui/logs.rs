//! The end of what failing checks printed: what a person looks for first when a verification did not pass.

use domain::intent::Intent;
use domain::verification::{CheckResult, RunEnd, Verdict};
use engine::Operator;

use super::shell::{DIM, Shell, clean};

/// How many lines of each check are shown.
const LINES: usize = 15;

/// Shows the end of the failing checks' output, unless the change was verified.
pub(crate) async fn failing(shell: &Shell, operator: &Operator, intent: &Intent) {
    let Some(verification) = intent.current().and_then(|a| a.verification.as_ref()) else { return };
    if verification.verdict == Verdict::Verified {
        return;
    }
    for check in &verification.checks {
        // Bytes may have been erased on purpose; the story is told without them.
        let Some((side, hash)) = failed_output(check) else { continue };
        let Ok(text) = operator.text(hash).await else { continue };
        shell.out(&shell.paint_out(
            DIM,
            &format!("{} {side} ({}), the end of its output:", check.name, check.candidate.end),
        ));
        let lines: Vec<&str> = text.trim_end().lines().collect();
        for line in &lines[lines.len().saturating_sub(LINES)..] {
            shell.out(&format!("  {}", clean(line)));
        }
    }
}

/// The output of the side that failed: the candidate's, else the base's.
fn failed_output(check: &CheckResult) -> Option<(&'static str, &domain::ids::Sha256)> {
    let failed = |end: &RunEnd| *end != RunEnd::Passed;
    if failed(&check.candidate.end) {
        return check.candidate.output.as_ref().map(|hash| ("on the candidate", hash));
    }
    if failed(&check.baseline.end) {
        return check.baseline.output.as_ref().map(|hash| ("on the base", hash));
    }
    None
}
