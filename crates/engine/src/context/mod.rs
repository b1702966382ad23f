//! What a prompt is made of: the contract, the question, the files that belong to it, and the failed attempt to repair.
//!
//! Pure and deterministic: the same task over the same files gives the same bytes, because the request is hashed and
//! its answer recorded. For that reason nothing of the base's commit or of the clock stands in a prompt. Files that
//! look like secrets are never read, and every text that others wrote is fenced as data.

mod agent;
mod answer;
mod defined;
mod excerpt;
mod failure;
mod fence;
mod hints;
mod named;
mod pack;
mod plan;
mod secrets;
mod template;

#[cfg(test)]
mod tests;

use domain::finding::Finding;
use domain::plan::{Plan, Wanted};
use domain::task::{Kind, Task};

use crate::provider::{Ask, Repair, Source};

pub use agent::{agent_plan_prompt, agent_prompt};
pub use answer::AnswerForm;
pub use failure::{failure, is_failing};
pub use plan::plan_prompt;
pub use secrets::looks_secret;

/// The version of the prompt texts in `prompts/`. It is raised with every change of them, so that the record tells
/// which wording an answer belongs to.
pub const PROMPT_VERSION: u32 = 4;

/// How large a prompt may become, and what it says about the size of the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// The most tokens of the whole prompt, by the estimate of [`approx_tokens`].
    pub max_tokens: usize,
    /// The most files that the change may touch: told to the model, judged by the gate.
    pub max_files: u64,
    /// The most added and removed lines: told to the model, judged by the gate.
    pub max_lines: u64,
}

impl Bounds {
    /// The built-in bounds for a task: 50,000 tokens; 5 files and 200 lines for a finding, else 10 files and 500 lines.
    pub fn for_task(task: &Task) -> Self {
        let (max_files, max_lines) = if task.finding.is_some() { (5, 200) } else { (10, 500) };
        Self { max_tokens: 50_000, max_files, max_lines }
    }
}

/// One prompt, and what went into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The contract: the same for every question of the same bounds.
    pub system: String,
    /// The question with its files.
    pub user: String,
    /// The files that stand in it, in the order in which they do.
    pub files: Vec<PackedFile>,
    /// What was left out, and why, in sentences; for `--dry-run`.
    pub left_out: Vec<String>,
    /// The estimated tokens of `system` and `user` together.
    pub approx_tokens: usize,
}

/// A file that stands in a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedFile {
    /// The path from the repository's root.
    pub path: String,
    /// The bytes of it that stand in the prompt, line numbers and fences not counted.
    pub bytes: usize,
    /// How much of the file that is.
    pub portion: Portion,
}

/// How much of a file stands in a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Portion {
    /// All of it.
    Whole,
    /// These lines: first and last of each block, counted from 1.
    Excerpt(Vec<(usize, usize)>),
}

/// Why a question cannot be put into a prompt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// The finding's file is not in the base, is no ordinary file, or is above the size cap.
    #[error("{0:?} is not a readable file of the base")]
    Missing(String),
    /// The file's name says that it holds secrets.
    #[error("{0:?} looks like a file with secrets; it is never sent to a model")]
    Secret(String),
    /// The file is binary or not UTF-8.
    #[error("{0:?} is not UTF-8 text")]
    NotText(String),
    /// Even the reported line alone is above the bound, or the contract and the request are.
    #[error("the prompt for {what} needs about {needed} tokens; at most {most} are allowed")]
    TooLarge {
        /// The file, or "the task".
        what: String,
        /// The estimate.
        needed: usize,
        /// The bound.
        most: usize,
    },
}

/// An estimate of the tokens of a text: a third of its bytes, rounded up. It is meant to be high for code (current
/// tokenizers average between 3 and 4.5 bytes a token there) and is no bound: what may be charged is not based on it.
pub fn approx_tokens(text: &str) -> usize {
    text.len().div_ceil(3)
}

/// The files of the base that a request names, each once.
pub fn named_paths(text: &str, source: &dyn Source) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for mention in named::mentions(text) {
        if let named::Found::File(path, _) = named::resolve(source, &mention.name, |_| true)
            && !paths.contains(&path)
        {
            paths.push(path);
        }
    }
    paths
}

/// What is said beside the task and its files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// The failed attempt to repair.
    pub repair: Option<&'a Repair>,
    /// The approved plan to carry out.
    pub plan: Option<&'a Plan>,
    /// What the machine's owner wants to be said for this kind of task, in place of ours.
    pub own_rule: Option<&'a str>,
    /// How many images go along.
    pub images: usize,
}

/// The prompt for a question to a model: for a plan, or for an answer in this form.
///
/// # Errors
/// As [`prompt`].
pub fn for_model(ask: &Ask<'_>, bounds: &Bounds, form: AnswerForm) -> Result<Prompt, ContextError> {
    match ask.wanted {
        Wanted::Plan => plan_prompt(ask.task, ask.source, &ask.beside(), bounds),
        Wanted::Change => prompt(ask.task, ask.source, &ask.beside(), bounds, form),
    }
}

/// The words of a question to an agent.
pub fn for_agent(ask: &Ask<'_>, bounds: &Bounds) -> String {
    match ask.wanted {
        Wanted::Plan => agent_plan_prompt(ask.task, bounds, ask.own_rule),
        Wanted::Change => agent_prompt(ask.task, &ask.beside(), bounds),
    }
}

/// The prompt for a task, within bounds, that asks for an answer in this form; a question is answered in text.
///
/// # Errors
/// When the finding's file cannot be shown, or when nothing useful fits into the bounds.
pub fn prompt(
    task: &Task,
    source: &dyn Source,
    beside: &Beside<'_>,
    bounds: &Bounds,
    form: AnswerForm,
) -> Result<Prompt, ContextError> {
    let limits = limits(bounds);
    let limits = limits.each_ref().map(|(name, value)| (*name, value.as_str()));
    let answer = template::fill(form.rules(), &limits);
    let system = template::fill(include_str!("prompts/system.md"), &[("answer", &answer)]);
    let kind_rule = beside.own_rule.unwrap_or_else(|| hints::for_kind(task.kind)).trim_end();
    if task.kind == Kind::Ask {
        let system = include_str!("prompts/ask_system.md").to_owned();
        let images = images(beside);
        let end = End { kind_rule, images, ..End::of(include_str!("prompts/ask.md")) };
        return for_task(task, source, system, &end, bounds);
    }
    let end = End {
        plan: beside.plan.map(plan::approved).unwrap_or_default(),
        files: beside.plan.map(plan::files).unwrap_or_default(),
        images: images(beside),
        repair: beside.repair.map(repair_text).unwrap_or_default(),
        now: form.call(),
        kind_rule,
        ..End::of(include_str!("prompts/task.md"))
    };
    match &task.finding {
        Some(finding) => for_finding(finding, source, system, &end, bounds),
        None => for_task(task, source, system, &end, bounds),
    }
}

/// What is said of images that go along: what they show is data too.
fn images(beside: &Beside<'_>) -> String {
    match beside.images {
        0 => String::new(),
        count => template::fill(include_str!("prompts/images.md"), &[("count", &count.to_string())]),
    }
}

/// What a contract says of the size of a change.
fn limits(bounds: &Bounds) -> [(&'static str, String); 2] {
    [("max_files", bounds.max_files.to_string()), ("max_lines", bounds.max_lines.to_string())]
}

/// What stands in every question beside the task and its files.
struct End<'a> {
    /// The approved plan, in words.
    plan: String,
    /// The files that the plan names: they go along as if the task named them.
    files: String,
    /// That images go along.
    images: String,
    repair: String,
    now: &'static str,
    kind_rule: &'a str,
    /// The question itself, where it is not about a finding.
    template: &'static str,
}

impl End<'_> {
    /// Nothing but the question.
    fn of(template: &'static str) -> Self {
        let (plan, files, images, repair) = (String::new(), String::new(), String::new(), String::new());
        Self { plan, files, images, repair, now: "", kind_rule: "", template }
    }
}

fn for_finding(
    finding: &Finding,
    source: &dyn Source,
    system: String,
    end: &End<'_>,
    bounds: &Bounds,
) -> Result<Prompt, ContextError> {
    let question = |files: &str| {
        template::fill(
            include_str!("prompts/finding.md"),
            &[
                ("tool", &fence::inline(&finding.tool)),
                ("code", &fence::inline(&finding.code)),
                ("path", &fence::inline(&finding.path)),
                ("line", &finding.line.to_string()),
                (
                    "column",
                    &if finding.column == 0 { "unknown".to_owned() } else { finding.column.to_string() },
                ),
                ("message", &fence::block(&finding.message)),
                ("hint", hints::for_rule(&finding.code)),
                ("files", files),
                ("repair", &end.repair),
                ("now", end.now),
            ],
        )
    };
    let room = Room::after(&system, &question(""), bounds);
    let packed = pack::finding_file(finding, source, &room)?;
    Ok(assemble(system, question(&packed.text), vec![packed.file], Vec::new()))
}

fn for_task(
    task: &Task,
    source: &dyn Source,
    system: String,
    end: &End<'_>,
    bounds: &Bounds,
) -> Result<Prompt, ContextError> {
    let listing = pack::root_listing(source);
    let question = |files: &str| {
        template::fill(
            end.template,
            &[
                ("kind", task.kind.as_str()),
                ("kind_rule", end.kind_rule),
                ("text", &fence::block(&task.text)),
                ("files", files),
                ("listing", &listing),
                ("images", &end.images),
                ("plan", &end.plan),
                ("repair", &end.repair),
                ("now", end.now),
            ],
        )
    };
    let room = Room::after(&system, &question(""), bounds);
    room.check("the task")?;
    let mut packed = pack::named_files(&format!("{}\n{}", task.text, end.files), source, &room);
    pack::add_definitions(&mut packed, &task.text, source, &room);
    Ok(assemble(system, question(&packed.text), packed.files, packed.left_out))
}

/// How many tokens are left for files.
pub(super) struct Room {
    used: usize,
    most: usize,
}

impl Room {
    fn after(system: &str, user: &str, bounds: &Bounds) -> Self {
        Self { used: approx_tokens(system) + approx_tokens(user), most: bounds.max_tokens }
    }

    fn left(&self) -> usize {
        self.most.saturating_sub(self.used)
    }

    fn check(&self, what: &str) -> Result<(), ContextError> {
        if self.used <= self.most { Ok(()) } else { Err(self.too_large(what, 0)) }
    }

    fn too_large(&self, what: &str, more: usize) -> ContextError {
        ContextError::TooLarge { what: what.to_owned(), needed: self.used + more, most: self.most }
    }
}

fn assemble(system: String, user: String, files: Vec<PackedFile>, left_out: Vec<String>) -> Prompt {
    let approx_tokens = approx_tokens(&system) + approx_tokens(&user);
    Prompt { system, user, files, left_out, approx_tokens }
}

fn repair_text(repair: &Repair) -> String {
    template::fill(
        include_str!("prompts/repair.md"),
        &[("diff", &fence::block(&repair.diff)), ("log", &fence::block(&repair.log))],
    )
}
