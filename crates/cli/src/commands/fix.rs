//! `fix`: scans, takes each finding the whole way, and reports each one's end.

use domain::exit_code::ExitCode;
use domain::finding::Finding;
use domain::gate;
use domain::intent::Intent;
use domain::money::MicroDollars;
use domain::task::Task;
use engine::{Cancel, Operator, Project};
use serde_json::{Value, json};

use super::document;
use crate::args::FixArgs;
use crate::error::Failure;
use crate::files::{self, Wanted};
use crate::judge::{Preview, preview};
use crate::session::Session;
use crate::take::{Taken, job, on_signals, take};
use crate::ui::diff::coloured;
use crate::ui::shell::{BOLD, clean};
use crate::ui::table::table;
use crate::ui::words::{self, count};
use crate::view;

/// One finding and what became of it.
struct Item {
    finding: Finding,
    end: End,
}

enum End {
    Ran(Box<Intent>),
    Already(Box<Intent>),
    /// Something of ours or of the machine's failed; the others go on.
    Failed(Failure),
}

pub(crate) async fn run(session: &Session<'_>, args: &FixArgs) -> Result<ExitCode, Failure> {
    let project = session.project(&args.steering.flags())?;
    let paths = files::inside(&project.repository, &session.folder(), &args.paths)?;
    let found = files::scan(&project, &Wanted { paths, select: &args.select, working_tree: false })?;
    let all = found.findings.len();
    let findings: Vec<Finding> = found.findings.into_iter().take(args.limit.unwrap_or(usize::MAX)).collect();
    session.remark(&format!(
        "{} in {}, {} taken",
        count(all as u64, "finding"),
        count(found.files as u64, "file"),
        findings.len()
    ));
    if args.dry_run {
        return dry_run(session, &project, &findings);
    }
    let operator = session.operator().await?;
    let items = take_all(session, args, &operator, &project, findings).await?;
    let code = exit_code(&items);
    report(session, &items);
    let views: Vec<Value> = items.iter().map(item_view).collect();
    let fields = json!({ "found": all, "items": views, "billed_micros": billed(&items).micros(), "exit_code": code.code() });
    document(session, "fix", fields);
    Ok(code)
}

async fn take_all(
    session: &Session<'_>,
    args: &FixArgs,
    operator: &Operator,
    project: &Project,
    findings: Vec<Finding>,
) -> Result<Vec<Item>, Failure> {
    let (cancel, total) = (on_signals()?, findings.len());
    let mut items = Vec::new();
    for (number, finding) in findings.into_iter().enumerate() {
        if cancel.is_set() {
            break;
        }
        let end = one(session, args, operator, project, (&finding, number + 1, total), &cancel).await;
        items.push(Item { finding, end });
    }
    Ok(items)
}

async fn one(
    session: &Session<'_>,
    args: &FixArgs,
    operator: &Operator,
    project: &Project,
    (finding, number, total): (&Finding, usize, usize),
    cancel: &Cancel,
) -> End {
    let head = format!("[{number}/{total}] {}:{} {}", clean(&finding.path), finding.line, finding.code);
    session.remark(&session.shell.paint_err(BOLD, &head));
    let reporter = session.reporter();
    let job = job(Task::from_finding(finding.clone()), args.review, &args.steering);
    match take(operator, project, job, &reporter, cancel).await {
        Ok(Taken::Ran(intent)) => End::Ran(intent),
        Ok(Taken::Already(intent)) => End::Already(intent),
        Err(failure) => {
            reporter.line(&format!("      failed  {}", failure.message));
            End::Failed(failure)
        }
    }
}

/// See the help of the command.
fn exit_code(items: &[Item]) -> ExitCode {
    let codes: Vec<ExitCode> = items
        .iter()
        .map(|item| match &item.end {
            End::Ran(intent) => words::exit_code(intent),
            End::Already(_) => ExitCode::Done,
            End::Failed(failure) => failure.code,
        })
        .collect();
    let worst = [ExitCode::Aborted, ExitCode::Internal, ExitCode::NotVerified];
    if let Some(code) = worst.into_iter().find(|code| codes.contains(code)) {
        return code;
    }
    if codes.is_empty() || codes.contains(&ExitCode::Done) {
        return ExitCode::Done;
    }
    codes[0]
}

fn end_words(end: &End) -> (String, String) {
    match end {
        End::Ran(intent) => (intent.id.short().to_owned(), words::end_state(intent)),
        End::Already(intent) => {
            (intent.id.short().to_owned(), format!("taken already; {}", words::end_state(intent)))
        }
        End::Failed(failure) => (String::new(), format!("failed: {}", failure.message)),
    }
}

fn billed(items: &[Item]) -> MicroDollars {
    items.iter().fold(MicroDollars::ZERO, |sum, item| match &item.end {
        End::Ran(intent) => sum.plus(intent.billed()),
        End::Already(_) | End::Failed(_) => sum,
    })
}

fn report(session: &Session<'_>, items: &[Item]) {
    if items.is_empty() {
        session.shell.out("nothing to fix");
        return;
    }
    let rows = items.iter().map(|item| {
        let (id, end) = end_words(&item.end);
        let place = format!("{}:{}", item.finding.path, item.finding.line);
        vec![id, clean(&place), item.finding.code.clone(), clean(&words::shorten(&end, 110))]
    });
    session.shell.out(&table(&["intent", "finding", "rule", "end"], rows));
    let done = items
        .iter()
        .filter(|i| matches!(&i.end, End::Ran(n) if words::exit_code(n) == ExitCode::Done))
        .count();
    let total = items.len() as u64;
    session.shell.out(&format!(
        "{done} of {} made a branch, cost {}",
        count(total, "finding"),
        billed(items)
    ));
}

fn item_view(item: &Item) -> Value {
    let (state, intent) = match &item.end {
        End::Ran(intent) => ("ran", Some(intent)),
        End::Already(intent) => ("already", Some(intent)),
        End::Failed(_) => ("failed", None),
    };
    json!({
        "finding": item.finding,
        "state": state,
        "summary": end_words(&item.end).1,
        "intent": intent.map(|intent| view::intent(intent)),
    })
}

/// The diffs that the embedded rules would make, with the gate's verdicts.
fn dry_run(session: &Session<'_>, project: &Project, findings: &[Finding]) -> Result<ExitCode, Failure> {
    let shell = session.shell;
    let mut views = Vec::new();
    for finding in findings {
        let place = format!("{}:{} {} {}", finding.path, finding.line, finding.code, finding.message);
        shell.out(&shell.paint_out(BOLD, &clean(&place)));
        match preview(project, finding)? {
            Preview::Change { diff, explanation, judgement } => {
                let text = String::from_utf8_lossy(diff.bytes()).into_owned();
                shell.out(&format!("gate: {}; {explanation}", judgement.verdict));
                gate::refusals(&judgement).iter().for_each(|line| shell.out(&format!("  {line}")));
                shell.out(&coloured(shell, &text));
                views.push(json!({ "finding": finding, "diff": text, "gate": judgement }));
            }
            Preview::NoFix(why) => {
                shell.out(&format!("no embedded fix: {why}\n"));
                views.push(json!({ "finding": finding, "no_fix": why }));
            }
        }
    }
    shell.out("dry run: nothing was run, sent or recorded");
    document(session, "fix", json!({ "dry_run": true, "items": views, "exit_code": 0 }));
    Ok(ExitCode::Done)
}
