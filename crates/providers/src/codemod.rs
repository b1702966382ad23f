//! Deterministic fixes without a model: our rules first, else the reporting linter's own fix, run in the sandbox.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use codemods::linter_autofix::{self, Safety};
use codemods::{FixOutcome, Language, RuleInfo, RuleSet};
use domain::finding::Finding;
use domain::ids::Sha256;
use domain::money::MicroDollars;
use domain::proposal::{Charge, ChargeBasis, FailureKind, Form, ProviderFailure, ProviderId};
use domain::task::Task;
use engine::provider::{Answer, Ask, Attached, Edits, Provider, Refusal, Request};
use serde::Serialize;

use crate::failure;

/// How sure a fix is that the linter itself holds to be safe. Our own choice, not measured.
const LINTER_CONFIDENCE: f64 = 0.9;

/// `codemod`: embedded and user rules, and linters' own fixes.
pub struct Codemod {
    rules: Arc<RuleSet>,
}

/// What the request's hash covers: equal requests give equal fixes. The installed linter's version is not known here;
/// a recorded answer of an older linter stands until it is asked afresh.
#[derive(Serialize)]
struct Question<'a> {
    provider: &'static str,
    rules: &'a str,
    finding: &'a Finding,
    content: Sha256,
}

impl Codemod {
    /// With these rules.
    pub fn new(rules: Arc<RuleSet>) -> Self {
        Self { rules }
    }

    /// Whether a rule may fix it. The rules are compiled language by language as they are listed, Python's first: a
    /// Python finding does not pay for the others.
    fn knows(&self, finding: &Finding) -> bool {
        let Some(language) = codemods::language_of(&finding.path) else { return false };
        let is_it = |rule: RuleInfo| rule.language == language && rule.code == finding.code && rule.has_fix;
        match language {
            Language::Python => self.rules.rules().take_while(|rule| rule.language == language).any(is_it),
            _ => self.rules.rules().any(is_it),
        }
    }

    async fn fixed(&self, finding: &Finding, text: &str, ask: &Ask<'_>) -> Result<Edits, ProviderFailure> {
        let why = match codemods::fix(&self.rules, &finding.path, text, finding) {
            FixOutcome::Fixed(fixed) => {
                return Ok(edits(finding, fixed.text, fixed.explanation, fixed.confidence));
            }
            FixOutcome::NotFixable { why } => why,
            FixOutcome::Gone => format!("no rule of ours reports {} at this place", finding.code),
        };
        linter_fix(finding, text, ask).await.map_err(|other| no_fix(format!("{why}; {other}")))
    }
}

#[async_trait]
impl Provider for Codemod {
    fn id(&self) -> ProviderId {
        ProviderId::new("codemod")
    }

    fn suits(&self, task: &Task) -> Result<String, String> {
        let finding = task.finding.as_ref().ok_or("it fixes findings only")?;
        if self.knows(finding) {
            return Ok(format!("has a rule for {}", finding.code));
        }
        match linter_autofix::command(finding, &finding.path, Safety::SafeOnly) {
            Ok(_) => Ok(format!("has no rule for {}; {} may have a fix", finding.code, finding.tool)),
            Err(_) => Err(format!("has no rule for {} of {}", finding.code, finding.tool)),
        }
    }

    fn repairs(&self) -> bool {
        false
    }

    fn request(&self, ask: &Ask<'_>) -> Result<Request, ProviderFailure> {
        let finding = finding_of(ask)?;
        let content = Sha256::of(text_of(finding, ask)?.as_bytes());
        let question = Question { provider: "codemod", rules: self.rules.version(), finding, content };
        let bytes = serde_json::to_vec(&question).map_err(|error| no_fix(error.to_string()))?;
        Ok(Request { bytes, model: None, images: Attached::default() })
    }

    fn ceiling(&self, _request: &Request) -> Result<MicroDollars, ProviderFailure> {
        Ok(MicroDollars::ZERO)
    }

    async fn propose(&self, _request: &Request, ask: &Ask<'_>) -> Result<Answer, Refusal> {
        let answer = async {
            let finding = finding_of(ask)?;
            let text = text_of(finding, ask)?;
            let edits = self.fixed(finding, &text, ask).await?;
            serde_json::to_vec(&edits).map_err(|error| no_fix(error.to_string()))
        };
        let charge = Charge::nothing(ChargeBasis::Free);
        match tokio::time::timeout(ask.deadline, answer).await {
            Ok(Ok(bytes)) => Ok(Answer { form: Form::Edits, bytes, model: None, usage: None, charge }),
            Ok(Err(failure)) => Err(Refusal { failure, charge }),
            Err(_) => {
                let detail = format!("the linter took longer than {:?}", ask.deadline);
                Err(Refusal { failure: failure(FailureKind::TimedOut, detail), charge })
            }
        }
    }
}

/// The reporting linter's own safe fix for this one finding; else the reason why there is none.
async fn linter_fix(finding: &Finding, text: &str, ask: &Ask<'_>) -> Result<Edits, String> {
    let argv =
        linter_autofix::command(finding, &finding.path, Safety::SafeOnly).map_err(|e| e.to_string())?;
    let program = &finding.tool;
    if !ask.tools.has(program) {
        return Err(format!("{program}, which may have a fix, is not installed"));
    }
    let run = ask.tools.run(&argv).await.map_err(|why| format!("{program} could not be run: {why}"))?;
    // 0: nothing to fix; 1: there is a diff. Anything else is a linter that failed.
    if !matches!(run.code, Some(0 | 1)) {
        let code = run.code.map_or("a signal".to_owned(), |code| code.to_string());
        return Err(format!("{program} ended with {code}: {}", first_line(&run.stderr)));
    }
    let diff = String::from_utf8(run.stdout).map_err(|_| format!("{program} printed what is not UTF-8"))?;
    let fixed = linter_autofix::pick(finding, text, &diff).map_err(|e| e.to_string())?;
    let explanation = format!("{}: the fix of {program} itself.", finding.code);
    Ok(edits(finding, fixed, explanation, LINTER_CONFIDENCE))
}

fn first_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or("").chars().take(200).collect()
}

fn edits(finding: &Finding, text: String, explanation: String, confidence: f64) -> Edits {
    Edits { explanation, confidence, files: BTreeMap::from([(finding.path.clone(), Some(text))]) }
}

fn finding_of<'a>(ask: &Ask<'a>) -> Result<&'a Finding, ProviderFailure> {
    ask.task.finding.as_ref().ok_or_else(|| no_fix("it fixes findings only"))
}

fn text_of(finding: &Finding, ask: &Ask<'_>) -> Result<String, ProviderFailure> {
    let path = &finding.path;
    let bytes =
        ask.source.read(path).ok_or_else(|| no_fix(format!("{path:?} is no readable file of the base")))?;
    String::from_utf8(bytes).map_err(|_| no_fix(format!("{path:?} is not UTF-8 text")))
}

fn no_fix(detail: impl Into<String>) -> ProviderFailure {
    failure(FailureKind::NoFix, detail)
}
