//! The loop of one change, read first. Fold the journal into a state, ask the state what comes next, do it, record it,
//! until the intent rests. A live run and a resumed one are the same loop.

use std::sync::Arc;

use domain::agent::AgentName;
use domain::decision::Goal;
use domain::event::{Ending, Event};
use domain::ids::{IntentId, Sha256};
use domain::intent::{Intent, Next, Phase};
use domain::proposal::ProviderId;
use domain::task::{Kind, Task};
use store::Store;
use tracing::Instrument;

use crate::cancel::Cancel;
use crate::error::EngineError;
use crate::image::Image;
use crate::lock::IntentLock;
use crate::project::Project;
use crate::run::Run;
use crate::spans;
use crate::steps;
use crate::world::{Progress, World};

/// Turns tasks into verified candidates. One for each process; it holds no state of its own beside the store.
#[derive(Clone)]
pub struct Operator {
    /// The outside.
    pub world: World,
    /// The journal and its tables.
    pub store: Arc<Store>,
}

/// One task with what the caller wants of it.
#[derive(Debug, Clone)]
pub struct Job {
    /// What is asked for.
    pub task: Task,
    /// How far it is to go.
    pub goal: Goal,
    /// The only provider to ask; `None` leaves the choice to the routing rules.
    pub provider: Option<ProviderId>,
    /// The model to ask, over the configured one.
    pub model: Option<String>,
    /// A patch that the caller hands in.
    pub patch: Option<Vec<u8>>,
    /// Images that go along with the task.
    pub images: Vec<Image>,
    /// Whether the provider is asked even when an equal request is on record.
    pub fresh: bool,
    /// The agent that asks, where it is one.
    pub agent: Option<AgentName>,
    /// The id that was promised to the caller; a new one is made where there is none.
    pub id: Option<IntentId>,
}

impl Job {
    /// A task to be taken as far as policy allows, by the providers of the routing rules.
    pub fn new(task: Task) -> Self {
        Self {
            task,
            goal: Goal::Publish,
            provider: None,
            model: None,
            patch: None,
            images: Vec::new(),
            fresh: false,
            agent: None,
            id: None,
        }
    }
}

/// What a call gives besides the project: who watches, and how to stop.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Who watches.
    pub progress: &'a dyn Progress,
    /// Set to stop at the next safe point; what runs in a sandbox is killed.
    pub cancel: &'a Cancel,
}

impl Operator {
    /// Takes one task through the whole flow and gives its state at rest.
    ///
    /// # Errors
    /// [`EngineError::Duplicate`] when a live intent stands for the same finding; otherwise only what is wrong with us,
    /// the machine or the configuration. What is wrong with a proposal is in the intent.
    pub async fn run(&self, project: &Project, job: Job, call: Call<'_>) -> Result<Intent, EngineError> {
        let mut run = Run::begin(self, project, job, call)?;
        self.drive(&mut run).await?;
        Ok(run.intent)
    }

    /// Asks about the project's code and gives the answer's text. It is routed, paid for, bounded and recorded like any
    /// task, and changes nothing; the same question on the same base is answered from the record.
    ///
    /// # Errors
    /// [`EngineError::Unanswered`] when nobody answered, or somebody may be asked only after an approval; otherwise as
    /// [`Operator::run`].
    pub async fn ask(
        &self,
        project: &Project,
        question: &str,
        call: Call<'_>,
    ) -> Result<String, EngineError> {
        let task = Task { kind: Kind::Ask, text: question.to_owned(), finding: None };
        let intent = self.run(project, Job::new(task), call).await?;
        self.answer(&intent).await?.ok_or_else(|| {
            let why = intent.ended.as_ref().map(|(_, why)| why.clone()).unwrap_or_default();
            EngineError::Unanswered { status: intent.status().to_owned(), intent: intent.id, why }
        })
    }

    /// The text that a question was answered with; `None` where there is none, or the intent is no question.
    ///
    /// # Errors
    /// As [`Operator::text`].
    pub async fn answer(&self, intent: &Intent) -> Result<Option<String>, EngineError> {
        let answered = matches!(intent.ended, Some((Ending::Answered, _)));
        match intent.current().and_then(|attempt| attempt.proposal.as_ref()).filter(|_| answered) {
            Some(proposal) => Ok(Some(self.text(&proposal.answer).await?)),
            None => Ok(None),
        }
    }

    /// Registers a task with its route and leaves it there: [`Operator::resume`] takes it on, in this process or another.
    ///
    /// # Errors
    /// As [`Operator::run`].
    pub async fn register(&self, project: &Project, job: Job, call: Call<'_>) -> Result<Intent, EngineError> {
        let mut run = Run::begin(self, project, job, call)?;
        steps::route::run(&mut run).await?;
        run.commit().await?;
        Ok(run.intent)
    }

    /// Goes on with an intent where a dead process left it.
    ///
    /// # Errors
    /// [`EngineError::Busy`] when a live process holds it, and as [`Operator::run`].
    pub async fn resume(
        &self,
        project: &Project,
        id: &IntentId,
        call: Call<'_>,
    ) -> Result<Intent, EngineError> {
        let lock = IntentLock::take(&self.world.folders, id)?;
        let mut run = Run::reopen(self, project, id, lock, call).await?;
        if run.intent.policy != project.policy && may_stop(run.intent.phase) {
            let why = "the policy changed since the intent began (options that change it are --test-command, --sandbox and --retries); \
                       run the task again";
            steps::end::stop(&mut run, Ending::Aborted, why)?;
        }
        self.drive(&mut run).await?;
        Ok(run.intent)
    }

    /// Does step after step until the intent rests.
    pub(crate) async fn drive(&self, run: &mut Run<'_>) -> Result<(), EngineError> {
        let span = spans::change(&run.intent);
        async {
            loop {
                if run.call.cancel.is_set() && may_stop(run.intent.phase) {
                    steps::end::abort(run)?;
                }
                let next = run.intent.next(&run.project.config.flow_rules());
                let (span, is_last) = (spans::step(&next), next == Next::Rest);
                step(run, next).instrument(span).await?;
                if is_last {
                    spans::rested(&run.intent);
                    return Ok(());
                }
            }
        }
        .instrument(span)
        .await
    }

    /// Removes what an intent may have left outside of the journal: its processes and its trees.
    pub(crate) fn sweep(&self, intent: &Intent) {
        for name in intent.attempts.iter().filter_map(|a| a.tree_name.as_deref()) {
            crate::trees::Trees::new(&self.world.folders).sweep(name);
        }
    }

    /// The text of a recorded blob, for people; bytes that are not UTF-8 are replaced.
    ///
    /// # Errors
    /// When the store fails or the blob is not there.
    pub async fn text(&self, hash: &Sha256) -> Result<String, EngineError> {
        let bytes = self.store.blob(hash).await?.ok_or_else(|| EngineError::Erased { hash: hash.clone() })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

async fn step(run: &mut Run<'_>, next: Next) -> Result<(), EngineError> {
    match next {
        Next::Route => steps::route::run(run).await,
        Next::AskPerson { leg } => steps::propose::ask_person(run, leg).await,
        Next::Ask { attempt, leg, repairs } => steps::propose::ask(run, attempt, leg, repairs).await,
        Next::Interrupted => steps::propose::interrupted(run),
        Next::Settle => steps::propose::settle(run),
        Next::Extract => steps::extract::run(run).await,
        Next::Plan { leg } => steps::plan::run(run, leg).await,
        Next::Gate => steps::gate::run(run).await,
        Next::Stage => steps::stage::run(run).await,
        Next::Verify => steps::verify::run(run).await,
        Next::Decide => steps::decide::run(run),
        Next::Publish => steps::publish::run(run).await,
        Next::Undo => steps::undo::run(run).await,
        Next::End(ending, why) => run.note(Event::Ended { ending, why }),
        Next::Rest => steps::end::rest(run).await,
    }
}

/// Whether an intent may be ended before its time. A branch that is being made or taken back is approved already:
/// stopped there, it would stay behind while the journal says that nothing came of it.
fn may_stop(phase: Phase) -> bool {
    !phase.is_at_rest() && !matches!(phase, Phase::Publishing | Phase::Undoing)
}
