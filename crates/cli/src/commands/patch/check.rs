//! `patch check`: would a patch fit its base, what would come out, and what would the gate say? Nothing is written, not
//! even an object.

use domain::exit_code::ExitCode;
use domain::gate::{self, GateInput, Judgement, Scope, Verdict};
use domain::ids::TreeId;
use domain::patch::{self, Anchor, CanonicalDiff, ParsedPatch, PatchFinding, Tolerance};
use engine::config::Flags;
use engine::{BaseSource, changes};
use serde_json::{Value, json};

use crate::args::judges::PatchCheckArgs;
use crate::commands::document;
use crate::error::Failure;
use crate::session::Session;
use crate::ui::shell::{GREEN, RED, YELLOW, clean};
use crate::ui::words;

pub(super) fn run(session: &Session<'_>, args: &PatchCheckArgs) -> Result<ExitCode, Failure> {
    let bytes = super::text(session, &args.patch)?;
    let project = session.project_at(&args.base, &Flags::default())?;
    let source = BaseSource::new(&project.repository, &project.base.tree);
    let base = json!({ "base": project.base.commit, "base_tree": project.base.tree });
    // `default` is how it is read when nothing was asked for.
    let fit = |default| -> Result<_, Vec<PatchFinding>> {
        let parsed = super::read(&bytes, &args.reading, default)?;
        let applied = patch::apply(&parsed, &source)?;
        Ok((parsed, applied))
    };
    let (parsed, applied) = match fit(Tolerance::Strict) {
        Ok(fitting) => fitting,
        Err(findings) => {
            let code = super::not_taken(session, "patch check", &findings, &base);
            if args.reading.reading.is_none() && fit(Tolerance::Lenient).is_ok() {
                session.remark("read as models write, it fits: try it with --reading lenient");
            }
            return code;
        }
    };
    let anchor = applied.weakest_anchor();
    let diff = patch::emit(applied.files);
    let (judgement, _) = gate::judge(&GateInput {
        diff: &diff,
        anchor,
        base_tree: &project.base.tree,
        base: &source,
        scope: Scope::Request(args.kind),
        policy: project.gate_policy(),
        policy_hash: &project.policy,
    });
    // A refused change has no result: some of what is refused cannot be written as a tree at all.
    let tree = match judgement.verdict {
        Verdict::Refuse => None,
        Verdict::Pass | Verdict::Review => {
            Some(project.repository.edited(&project.base.tree, &changes(diff.files()))?)
        }
    };
    let code = code(judgement.verdict);
    if session.shell.is_json() {
        let fields = fields(&parsed, &diff, &judgement, tree.as_ref(), &base, code);
        document(session, "patch check", fields);
    } else {
        tell(session, &diff, &judgement);
    }
    Ok(code)
}

fn code(verdict: Verdict) -> ExitCode {
    match verdict {
        Verdict::Pass => ExitCode::Done,
        Verdict::Review => ExitCode::NeedsPerson,
        Verdict::Refuse => ExitCode::Refused,
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "accept",
        Verdict::Review => "review",
        Verdict::Refuse => "reject",
    }
}

fn fields(
    parsed: &ParsedPatch,
    diff: &CanonicalDiff,
    judgement: &Judgement,
    tree: Option<&TreeId>,
    base: &Value,
    code: ExitCode,
) -> Value {
    let places: Vec<Value> =
        diff.files().iter().map(|file| json!({ "path": file.path, "hunks": file.anchors })).collect();
    json!({
        "verdict": word(judgement.verdict),
        "tree": tree,
        "base": base["base"],
        "base_tree": base["base_tree"],
        "patch_sha256": diff.sha256(),
        "form": parsed.form,
        "mended": parsed.mended,
        "stat": diff.stat(),
        "places": places,
        "findings": judgement.findings,
        "exit_code": code.code(),
    })
}

fn tell(session: &Session<'_>, diff: &CanonicalDiff, judgement: &Judgement) {
    let shell = session.shell;
    for file in diff.files() {
        for line in file.anchors.iter().filter_map(remark) {
            shell.err(&format!("{}: {line}", file.path));
        }
    }
    for finding in &judgement.findings {
        shell.err(&clean(&finding.to_string()));
    }
    let (style, means) = match judgement.verdict {
        Verdict::Pass => (GREEN, "it fits, and no rule objects"),
        Verdict::Review => (YELLOW, "it fits; a person has to look at it"),
        Verdict::Refuse => (RED, "it fits, and the gate lets nobody take it"),
    };
    shell.out(&format!(
        "{}: {means} ({})",
        shell.paint_out(style, word(judgement.verdict)),
        words::size(diff.stat())
    ));
}

/// What a person should know of a hunk that was not taken as written.
pub(super) fn remark(anchor: &Anchor) -> Option<String> {
    let what = match anchor.how {
        patch::How::Exact => return None,
        patch::How::Recounted => "its line counts were wrong and were counted again".to_owned(),
        patch::How::Moved => "it stands at another line than it says, and only there".to_owned(),
        patch::How::Whitespace => "it fits but for white space".to_owned(),
        patch::How::Trimmed => {
            format!("it fits without {} of its outer lines", words::count(u64::from(anchor.trimmed), "line"))
        }
        patch::How::Numbered => {
            "only its number says where, and the other hunks prove the numbers right".to_owned()
        }
    };
    Some(format!("hunk {} at line {}: {what}", anchor.hunk, anchor.line))
}
