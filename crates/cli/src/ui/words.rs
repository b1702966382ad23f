//! Values of the domain in words for people.

use domain::decision::{Decision, Goal};
use domain::event::Ending;
use domain::event::Event;
use domain::exit_code::ExitCode;
use domain::intent::{Intent, Phase};
use domain::money::MicroDollars;
use domain::patch::{Class, Stat};
use domain::plan::{Plan, Wanted};
use domain::proposal::ProviderId;
use domain::verification::{CheckVerdict, Run, RunEnd, Verdict};

/// `1 file, +3 -2`.
pub(crate) fn size(stat: &Stat) -> String {
    format!("{}, +{} -{}", count(u64::from(stat.files), "file"), stat.added, stat.deleted)
}

/// `2 steps in 1 file, 1 test`.
pub(crate) fn plan_size(plan: &Plan) -> String {
    let count = |entries: usize, noun| count(entries as u64, noun);
    let (steps, files) = (count(plan.steps.len(), "step"), count(plan.files.len(), "file"));
    format!("{steps} in {files}, {}", count(plan.tests.len(), "test"))
}

/// `1 file`, `2 files`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// How one run of a check ended, with the number of its tests.
pub(crate) fn run_end(run: &Run) -> String {
    let end = match &run.end {
        RunEnd::NotRun { .. } => "not run".to_owned(),
        RunEnd::NoSandbox { .. } => "no sandbox".to_owned(),
        RunEnd::NotStarted { .. } => "not started".to_owned(),
        other => other.to_string(),
    };
    match run.tests_run {
        Some(tests) => format!("{end} ({})", count(tests, "test")),
        None => end,
    }
}

/// What a check says, in a word or two.
pub(crate) fn check_verdict(verdict: &CheckVerdict) -> String {
    match verdict {
        CheckVerdict::Passed => "passed".to_owned(),
        CheckVerdict::Fixed => "fixed".to_owned(),
        CheckVerdict::Regressed { what } if what.is_empty() => "REGRESSED".to_owned(),
        CheckVerdict::Regressed { what } => format!("REGRESSED: {}", shorten(&what.join(", "), 100)),
        CheckVerdict::PreExisting => "fails as before".to_owned(),
        CheckVerdict::Flaky { what } if what.is_empty() => "flaky".to_owned(),
        CheckVerdict::Flaky { what } => format!("flaky: {}", shorten(&what.join(", "), 100)),
        CheckVerdict::NotVerified { why } => format!("shows nothing: {}", shorten(why, 100)),
    }
}

/// What all checks say, in a sentence.
pub(crate) fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Verified => "verified".to_owned(),
        Verdict::Failed { why } => format!("failed: {}", why.join("; ")),
        Verdict::NotVerified { why } => format!("not verified: {why}"),
        Verdict::BaselineBroken { why } => format!("baseline broken: {why}"),
        Verdict::Void { changed } => {
            format!("void: the checks changed tracked files: {}", changed.join(", "))
        }
    }
}

/// The end of an intent in one short sentence: what it came to, and why.
pub(crate) fn end_state(intent: &Intent) -> String {
    if let Some((ending, why)) = &intent.ended {
        return format!("{}: {why}", ending_word(*ending));
    }
    match intent.phase {
        Phase::Published => format!("published as {}", branch(intent).unwrap_or("a branch")),
        Phase::Undone => format!("taken back: {} is gone", branch(intent).unwrap_or("the branch")),
        Phase::Unapproved => match &intent.asks_for {
            Some(asks) => {
                format!("needs a person: {}", asked_for(&asks.provider, asks.ceiling, asks.plan.is_some()))
            }
            None => "needs a person".to_owned(),
        },
        Phase::Waiting if intent.goal == Goal::Verify => "verified; kept as a candidate".to_owned(),
        Phase::Waiting => {
            let reasons = match intent.current().and_then(|a| a.decision.as_ref()) {
                Some(Decision::NeedsPerson { reasons }) => reasons.join("; "),
                _ => String::new(),
            };
            format!("verified; needs a person: {reasons}")
        }
        other => format!("unfinished: {}", other.as_str()),
    }
}

fn ending_word(ending: Ending) -> &'static str {
    match ending {
        Ending::Refused => "refused by the gate",
        Ending::NotVerified => "not verified",
        Ending::NoProvider => "no fix",
        Ending::ProviderNeedsPerson => "a provider needs a person",
        Ending::NoChange => "no change",
        Ending::OverBudget => "over budget",
        Ending::BaselineBroken => "baseline broken",
        Ending::Rejected => "rejected",
        Ending::Answered => "answered",
        Ending::Aborted => "aborted",
        Ending::Failed => "failed",
    }
}

/// The published branch, as `git switch` takes it.
pub(crate) fn branch(intent: &Intent) -> Option<&str> {
    let name = intent.publication.as_ref()?.reference.as_str();
    Some(name.strip_prefix("refs/heads/").unwrap_or(name))
}

/// The code with which a run of this intent exits.
pub(crate) fn exit_code(intent: &Intent) -> ExitCode {
    match (&intent.ended, intent.phase) {
        (Some((ending, _)), _) => match ending {
            Ending::Refused => ExitCode::Refused,
            Ending::NotVerified => ExitCode::NotVerified,
            Ending::NoProvider | Ending::NoChange => ExitCode::NoProvider,
            Ending::ProviderNeedsPerson => ExitCode::NeedsPerson,
            Ending::OverBudget => ExitCode::OverBudget,
            Ending::BaselineBroken => ExitCode::BaselineBroken,
            Ending::Rejected => ExitCode::Refused,
            Ending::Answered => ExitCode::Done,
            Ending::Aborted => ExitCode::Aborted,
            Ending::Failed => ExitCode::Internal,
        },
        (None, Phase::Waiting) if intent.goal == Goal::Verify => ExitCode::Done,
        (None, Phase::Waiting | Phase::Unapproved) => ExitCode::NeedsPerson,
        (None, _) => ExitCode::Done,
    }
}

/// Who decided what, and why.
pub(crate) fn decision(decision: &Decision) -> String {
    match decision {
        Decision::Approved { decider, .. } => format!("approved by {decider}"),
        Decision::Rejected { decider, reason } => format!("rejected by {decider}: {reason}"),
        Decision::NeedsPerson { reasons } => format!("needs a person: {}", reasons.join("; ")),
    }
}

/// What a person is asked about a provider.
fn approval(provider: &ProviderId, ceiling: Option<MicroDollars>) -> String {
    let most = ceiling.map_or_else(|| "its cost is not known".to_owned(), |most| format!("at most {most}"));
    format!("may {provider} be asked? It costs money: {most}")
}

/// What a person is asked before it goes on.
fn asked_for(provider: &ProviderId, ceiling: Option<MicroDollars>, is_plan: bool) -> String {
    if !is_plan {
        return approval(provider, ceiling);
    }
    let cost = match ceiling {
        Some(MicroDollars::ZERO) => String::new(),
        Some(most) => format!(", which costs at most {most}"),
        None => ", whose cost is not known".to_owned(),
    };
    format!("may this plan be carried out? {provider} is asked for the change{cost}")
}

/// Milliseconds as people read them.
pub(crate) fn time(ms: u64) -> String {
    match ms {
        0..=999 => format!("{ms} ms"),
        _ => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
    }
}

/// A moment as `2026-11-21 09:00:01` in UTC.
pub(crate) fn moment(micros: i64) -> String {
    let time = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// At most `most` characters in one line.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    let line = text.lines().next().unwrap_or("");
    if line.chars().count() <= most && line.len() == text.len() {
        line.to_owned()
    } else {
        line.chars().take(most.saturating_sub(1)).chain(['…']).collect()
    }
}

/// The step and what happened, for the progress; `None` when the event says nothing to people.
pub(crate) fn step(event: &Event) -> Option<(&'static str, String)> {
    Some(match event {
        Event::IntentReserved { task, .. } => ("task", task.title()),
        Event::Routed { route } => {
            let names: Vec<&str> = route.providers.iter().map(|l| l.provider.as_str()).collect();
            ("route", if names.is_empty() { "nobody can be asked".to_owned() } else { names.join(" -> ") })
        }
        Event::ApprovalAsked { provider, ceiling, plan } => {
            ("approve", asked_for(provider, *ceiling, plan.is_some()))
        }
        Event::PlanApproved { decider, .. } => {
            ("approve", format!("the plan may be carried out, says {decider}"))
        }
        Event::ProviderApproved { provider, decider } => {
            ("approve", format!("{provider} may be asked, says {decider}"))
        }
        Event::ProposalAsked { provider, repairs, wanted, .. } => {
            let what = match (repairs, wanted) {
                (Some(_), _) => " to repair",
                (None, Wanted::Plan) => " for a plan",
                (None, Wanted::Change) => "",
            };
            ("propose", format!("{provider} is asked{what}"))
        }
        Event::ProposalReceived { proposal, .. } => {
            let from = if proposal.replayed { " (from the record)" } else { "" };
            let model = proposal.model.as_deref().map(|m| format!(" with {m}")).unwrap_or_default();
            ("propose", format!("{} answered{model}{from}", proposal.provider))
        }
        Event::ProviderFailed { provider, failure, .. } => {
            ("propose", format!("{provider}: {}: {}", failure.kind.as_str(), shorten(&failure.detail, 160)))
        }
        Event::ReplyRefused { reasons, class, .. } => {
            let what = match class {
                Class::NoChange => "nothing to change",
                Class::Conflict => "the patch does not fit",
                Class::Malformed => "unreadable answer",
                Class::Refused => "refused",
            };
            ("read", format!("{what}: {}", shorten(&reasons.join("; "), 160)))
        }
        Event::PlanRead { plan, .. } => ("plan", plan_size(plan)),
        Event::PatchRead { patch, .. } => {
            ("patch", format!("{} sha256 {}", size(&patch.stat), &patch.sha256.as_str()[..12]))
        }
        Event::GateJudged { judgement, .. } => {
            let why = domain::gate::refusals(judgement).join("; ");
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            ("gate", format!("{}{why}", judgement.verdict))
        }
        Event::Staged { candidate, .. } => {
            ("stage", format!("candidate commit {}", &candidate.commit.as_str()[..12]))
        }
        Event::Verified { verification, confidence, .. } => (
            "verify",
            format!(
                "{} (sandbox {}, confidence {})",
                verdict(&verification.verdict),
                verification.sandbox,
                confidence.combined
            ),
        ),
        Event::Decided { decision: taken, .. } => ("decide", decision(taken)),
        Event::Published { publication, .. } => {
            ("publish", publication.reference.trim_start_matches("refs/heads/").to_owned())
        }
        Event::Undone { redo, .. } => {
            ("undo", if *redo { "the branch is back" } else { "the branch is gone" }.to_owned())
        }
        Event::Ended { ending, why } => ("end", format!("{}: {why}", ending_word(*ending))),
        Event::Reserved { .. }
        | Event::EvidenceKept { .. }
        | Event::Settled { .. }
        | Event::Staging { .. }
        | Event::Verifying { .. }
        | Event::Publishing { .. }
        | Event::Undoing { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_say_them() {
        assert_eq!((count(1, "file").as_str(), count(2, "file").as_str()), ("1 file", "2 files"));
        assert_eq!((time(999).as_str(), time(61_250).as_str()), ("999 ms", "61.2 s"));
        assert_eq!(moment(0), "1970-01-01 00:00:00");
    }

    #[test]
    fn a_text_is_cut_at_a_character_and_at_its_first_line() {
        assert_eq!(shorten("äöü", 3), "äöü");
        assert_eq!(shorten("äöüß", 3), "äö…");
        assert_eq!(shorten("one\ntwo", 10), "one…");
    }
}
