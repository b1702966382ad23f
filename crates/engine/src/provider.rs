//! The trait toward those who propose. The engine knows no provider by name; it asks, bounds, records and judges.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::event::BaseRef;
use domain::money::MicroDollars;
use domain::plan::{Plan, Wanted};
use domain::proposal::{Charge, Form, ProviderFailure, ProviderId, Usage};
use domain::task::Task;
use serde::{Deserialize, Serialize};

use crate::agent::Workspaces;
use crate::context::{AnswerForm, Beside, PackedFile};
use crate::image::Image;

/// What a provider may read: files of the base tree, never the user's working tree.
pub trait Source: Send + Sync {
    /// The content of a file of the base tree; `None` when it is not there, is no ordinary file, or is over the cap.
    fn read(&self, path: &str) -> Option<Vec<u8>>;
    /// The names in one folder of the base tree (`""` is the root); folders end in `/`.
    fn list(&self, folder: &str) -> Vec<String>;
}

/// A tool's run inside the sandbox, on a tree made from the base.
#[derive(Debug, Clone)]
pub struct ToolRun {
    /// The exit code; `None` when the tool was killed.
    pub code: Option<i32>,
    /// Standard output, capped.
    pub stdout: Vec<u8>,
    /// Standard error, capped.
    pub stderr: Vec<u8>,
}

/// Runs a trusted tool (a linter) on the base, inside the sandbox.
#[async_trait]
pub trait Tools: Send + Sync {
    /// Whether the tool is installed: found on the search path that the sandbox gives.
    fn has(&self, program: &str) -> bool;
    /// Runs it in the root of the base's tree.
    ///
    /// # Errors
    /// One sentence, when it could not be started.
    async fn run(&self, argv: &[String]) -> Result<ToolRun, String>;
}

/// The failed attempt that a proposal is to repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// The canonical diff of the failed attempt.
    pub diff: String,
    /// What failed, bounded.
    pub log: String,
}

/// One question to a provider.
pub struct Ask<'a> {
    /// What is asked for.
    pub task: &'a Task,
    /// Whether a plan is wanted of it, or the change itself.
    pub wanted: Wanted,
    /// The approved plan that the change is to carry out.
    pub plan: Option<&'a Plan>,
    /// The images that go along; only those who say so are given any.
    pub images: &'a [Image],
    /// What the change starts from.
    pub base: &'a BaseRef,
    /// The base's files.
    pub source: &'a dyn Source,
    /// Tools in the sandbox.
    pub tools: &'a dyn Tools,
    /// Trees to work in, for those who edit.
    pub workspaces: &'a dyn Workspaces,
    /// The attempt to repair.
    pub repair: Option<&'a Repair>,
    /// The model that the user named, over the configured one.
    pub model: Option<&'a str>,
    /// A patch that the caller handed in.
    pub handed_in: Option<&'a [u8]>,
    /// What the machine's owner wants to be said for this kind of task, in place of our words.
    pub own_rule: Option<&'a str>,
    /// The most that the whole answer may take.
    pub deadline: Duration,
    /// Where it leaves what shows how it worked.
    pub evidence: &'a Evidence,
}

impl Ask<'_> {
    /// What a prompt says beside the task and its files.
    pub fn beside(&self) -> Beside<'_> {
        Beside { repair: self.repair, plan: self.plan, own_rule: self.own_rule, images: self.images.len() }
    }
}

/// What shows how a provider worked: a screenshot, a page's text. It is recorded whether or not there is an answer, also
/// when the run is stopped meanwhile.
#[derive(Debug, Default)]
pub struct Evidence(Mutex<Vec<(String, Vec<u8>)>>);

impl Evidence {
    /// The most bytes of one attempt's evidence; what would go above it is not kept.
    pub const MOST_BYTES: usize = 6 << 20;

    /// The most pieces.
    pub const MOST_PIECES: usize = 16;

    /// Keeps some bytes under the name of a file; says whether there was room.
    pub fn keep(&self, name: &str, bytes: Vec<u8>) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held: usize = all.iter().map(|(_, bytes)| bytes.len()).sum();
        let has_room = all.len() < Self::MOST_PIECES && held.saturating_add(bytes.len()) <= Self::MOST_BYTES;
        if has_room {
            all.push((name.to_owned(), bytes));
        }
        has_room
    }

    /// All that was kept, in order; nothing is left.
    pub fn take(&self) -> Vec<(String, Vec<u8>)> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A canonical request: its bytes are hashed, and equal bytes are the same request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The bytes. They hold no secret: the provider adds its key when it sends.
    pub bytes: Vec<u8>,
    /// The model that is asked, where there is one.
    pub model: Option<String>,
    /// What images make of the bytes: they are not charged as text.
    pub images: Attached,
}

/// Images within a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attached {
    /// How many.
    pub count: u64,
    /// The bytes of the request that they take.
    pub bytes: u64,
}

/// A provider's answer as it came, before anybody judged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// How the bytes are to be read.
    pub form: Form,
    /// The answer. For [`Form::Edits`] the JSON of [`Edits`].
    pub bytes: Vec<u8>,
    /// The model that the provider named.
    pub model: Option<String>,
    /// The tokens that it reports.
    pub usage: Option<Usage>,
    /// What it costs.
    pub charge: Charge,
}

/// Files as they should be: the answer of a provider that edits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edits {
    /// What was done, in a sentence.
    pub explanation: String,
    /// From 0 to 1.
    pub confidence: f64,
    /// The new text by path; `None` deletes the file.
    pub files: BTreeMap<String, Option<String>>,
}

/// The line above the diff in an answer of the form [`Form::Tree`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worked {
    /// What the agent said of its work, in its last message. It proves nothing.
    pub explanation: String,
    /// What it asked to do, and what it was told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<Permission>,
}

/// One decision about something that an agent asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    /// What it asked for.
    pub asked: String,
    /// Whether it was allowed.
    pub allowed: bool,
    /// By which rule.
    pub why: String,
}

impl Worked {
    /// The whole answer: this line and the diff of the tree.
    pub fn answer(&self, diff: &[u8]) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).unwrap_or_else(|_| b"{}".to_vec());
        bytes.push(b'\n');
        bytes.extend_from_slice(diff);
        bytes
    }
}

/// One who proposes.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The name, as routes and `--provider` write it.
    fn id(&self) -> ProviderId;

    /// Whether it can be asked at all about this task: the reason for (`Ok`) or against (`Err`) it, in a sentence.
    /// Cheap: no network, no process.
    ///
    /// # Errors
    /// The reason why it is skipped.
    fn suits(&self, task: &Task) -> Result<String, String>;

    /// Whether images may go along with what it is asked.
    fn takes_images(&self) -> bool {
        false
    }

    /// Whether it can make something of the logs of a failed verification.
    fn repairs(&self) -> bool;

    /// The canonical request for this question. The same question gives the same bytes.
    ///
    /// # Errors
    /// When the question cannot be put, for instance because a file is not there.
    fn request(&self, ask: &Ask<'_>) -> Result<Request, ProviderFailure>;

    /// What would be sent for this question; `None` for those that are sent nothing.
    fn packed(&self, _ask: &Ask<'_>) -> Option<Result<Packed, ProviderFailure>> {
        None
    }

    /// The most that sending this request can cost.
    ///
    /// # Errors
    /// When the price is unknown: unknown means refuse.
    fn ceiling(&self, request: &Request) -> Result<MicroDollars, ProviderFailure>;

    /// What its configured model costs, in words for people; `None` for those that have no price.
    fn price(&self) -> Option<String> {
        None
    }

    /// Whether an equal request may be answered from the record.
    fn is_recorded(&self) -> bool {
        true
    }

    /// Whether only the record may answer; a miss is an error.
    fn only_recorded(&self) -> bool {
        false
    }

    /// The most tokens that question and answer can have, for the budget's limits.
    fn most_tokens(&self, request: &Request) -> u64 {
        request.bytes.len() as u64
    }

    /// A cheap look at whether anybody is there, after a row of failures: it asks for nothing that costs.
    ///
    /// # Errors
    /// Why it is not well, in a sentence.
    async fn probe(&self) -> Result<(), String> {
        Ok(())
    }

    /// Sends the request and waits for the answer, bounded in time and size.
    ///
    /// # Errors
    /// Why there is no answer. Dropping the future stops whatever it started.
    async fn propose(&self, request: &Request, ask: &Ask<'_>) -> Result<Answer, Refusal>;
}

/// What would be sent to a provider, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The model.
    pub model: String,
    /// The form in which it would be asked to answer.
    pub form: AnswerForm,
    /// Tokens of the prompt, by our estimate.
    pub approx_tokens: usize,
    /// The files that stand in it.
    pub files: Vec<PackedFile>,
    /// What was left out, and why.
    pub left_out: Vec<String>,
    /// The most that it can cost, where the price is known.
    pub ceiling: Option<MicroDollars>,
}

/// No answer, and what it cost all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub failure: ProviderFailure,
    /// What is owed for it; the ceiling when that cannot be known.
    pub charge: Charge,
}
