//! One intent on its way: its state, the events that are not durable yet, and the proof that nobody else drives it.
//! Pure steps note events; before and after an outside effect they are made durable, all or none.

use domain::event::Event;
use domain::ids::{IntentId, Sha256};
use domain::intent::{Attempt, Intent};
use domain::money::MicroDollars;
use domain::patch::CanonicalDiff;
use store::{Append, Exchange, Micros, MoneyOp};

use crate::error::EngineError;
use crate::image::Image;
use crate::lock::IntentLock;
use crate::operator::{Call, Job, Operator};
use crate::project::Project;
use crate::world::Update;

/// One intent on its way.
pub(crate) struct Run<'a> {
    pub(crate) operator: &'a Operator,
    pub(crate) project: &'a Project,
    pub(crate) call: Call<'a>,
    pub(crate) intent: Intent,
    /// When the intent was registered: the date of everything made for it, so that a resumed run makes the same bytes.
    pub(crate) began_at: i64,
    /// The provider that the caller named.
    pub(crate) only: Option<domain::proposal::ProviderId>,
    /// Whether the record is passed over.
    pub(crate) fresh: bool,
    /// The answer and the patch of the current attempt, when this process has them.
    pub(crate) answer: Option<Vec<u8>>,
    pub(crate) diff: Option<CanonicalDiff>,
    /// The journal's head after our last append: sequence number and hash.
    pub(crate) head: (u64, Sha256),
    pending: Pending,
    durable_version: u64,
    _lock: IntentLock,
}

#[derive(Default)]
struct Pending {
    events: Vec<Event>,
    money: Vec<MoneyOp>,
    blobs: Vec<(Sha256, Vec<u8>)>,
    exchange: Option<Exchange>,
}

impl<'a> Run<'a> {
    /// Registers a new intent; nothing is durable yet.
    pub(crate) fn begin(
        operator: &'a Operator,
        project: &'a Project,
        job: Job,
        call: Call<'a>,
    ) -> Result<Self, EngineError> {
        let id = job.id.unwrap_or_else(|| operator.world.ids.intent());
        let lock = IntentLock::take(&operator.world.folders, &id)?;
        let mut pending = Pending::default();
        pending.blobs.push((project.policy.clone(), project.policy_text.clone().into_bytes()));
        let handed_in = job.patch.map(|bytes| pending.blob(bytes));
        let images = job.images.iter().map(|image| image.record.clone()).collect();
        job.images.into_iter().for_each(|image| drop(pending.blob(image.bytes)));
        let event = Event::IntentReserved {
            task: job.task,
            base: project.base.clone(),
            repository: project.repository.identity(),
            goal: job.goal,
            policy: project.policy.clone(),
            model: job.model,
            handed_in,
            agent: job.agent,
            images,
        };
        let intent = Intent::begin(id, event.clone())?;
        pending.events.push(event);
        Ok(Self {
            operator,
            project,
            call,
            intent,
            began_at: operator.world.clock.now_micros(),
            only: job.provider,
            fresh: job.fresh,
            answer: None,
            diff: None,
            head: (0, Sha256::of(b"")),
            pending,
            durable_version: 0,
            _lock: lock,
        })
    }

    /// Takes up a recorded intent.
    pub(crate) async fn reopen(
        operator: &'a Operator,
        project: &'a Project,
        id: &IntentId,
        lock: IntentLock,
        call: Call<'a>,
    ) -> Result<Self, EngineError> {
        let recorded = operator.store.events(id).await?;
        let (Some(first), Some(last)) = (recorded.first(), recorded.last()) else {
            return Err(EngineError::NoSuchIntent { name: id.to_string() });
        };
        let (began_at, head) = (first.at.0, (last.seq, last.hash.clone()));
        let intent = Intent::fold(id.clone(), recorded.into_iter().map(|r| r.event))?
            .ok_or_else(|| EngineError::NoSuchIntent { name: id.to_string() })?;
        Ok(Self {
            operator,
            project,
            call,
            began_at,
            only: None,
            fresh: false,
            answer: None,
            diff: None,
            head,
            pending: Pending::default(),
            durable_version: intent.version,
            intent,
            _lock: lock,
        })
    }

    /// Folds an event in; it becomes durable with the next [`Run::commit`].
    pub(crate) fn note(&mut self, event: Event) -> Result<(), EngineError> {
        self.intent.apply(&event)?;
        self.pending.events.push(event);
        Ok(())
    }

    /// Keeps some bytes beside the journal, from the next commit on.
    pub(crate) fn blob(&mut self, bytes: Vec<u8>) -> Sha256 {
        self.pending.blob(bytes)
    }

    /// Moves money with the next commit.
    pub(crate) fn money(&mut self, op: MoneyOp) {
        self.pending.money.push(op);
    }

    /// Records a request with its answer with the next commit.
    pub(crate) fn exchange(&mut self, exchange: Exchange) {
        self.pending.exchange = Some(exchange);
    }

    /// Makes all that was noted durable, in one transaction. Does nothing when there is nothing.
    ///
    /// # Errors
    /// When the store refuses; then nothing of it is durable and the pending events are dropped: the caller either
    /// restores an earlier state or gives up.
    pub(crate) async fn commit(&mut self) -> Result<(), EngineError> {
        if self.pending.events.is_empty() {
            return Ok(());
        }
        let pending = std::mem::take(&mut self.pending);
        let blobs: Vec<(&Sha256, &[u8])> = pending.blobs.iter().map(|(h, b)| (h, b.as_slice())).collect();
        let appended = self
            .operator
            .store
            .append(Append {
                intent: &self.intent.id,
                at: Micros(self.operator.world.clock.now_micros()),
                events: &pending.events,
                after: &self.intent,
                expected_version: self.durable_version,
                money: pending.money,
                blobs: &blobs,
                exchange: pending.exchange,
            })
            .await?;
        self.head = (appended.last_seq, appended.hash);
        self.durable_version = self.intent.version;
        for event in &pending.events {
            self.call.progress.update(&self.intent.id, &Update::Event(event));
        }
        let names: Vec<&'static str> = pending.events.iter().map(Event::name).collect();
        self.operator.world.faults.after(&names);
        Ok(())
    }

    /// Notes an event and makes it durable at once: for announcing an outside effect.
    pub(crate) async fn announce(&mut self, event: Event) -> Result<(), EngineError> {
        self.note(event)?;
        self.commit().await
    }

    /// The state, to come back to when a commit is refused for a lack of budget.
    pub(crate) fn checkpoint(&self) -> Intent {
        self.intent.clone()
    }

    /// The current attempt. There is one from the first reservation on.
    pub(crate) fn attempt(&self) -> Result<&Attempt, EngineError> {
        self.intent.current().ok_or_else(|| EngineError::defect("a step needs an attempt and there is none"))
    }

    /// Recorded bytes: those that are pending, else those in the store.
    pub(crate) async fn bytes(&self, hash: &Sha256) -> Result<Vec<u8>, EngineError> {
        if let Some((_, bytes)) = self.pending.blobs.iter().find(|(h, _)| h == hash) {
            return Ok(bytes.clone());
        }
        let found = self.operator.store.blob(hash).await?;
        found.ok_or_else(|| EngineError::Erased { hash: hash.clone() })
    }

    /// The images that go along with the task, with their bytes.
    pub(crate) async fn images(&self) -> Result<Vec<Image>, EngineError> {
        let mut images = Vec::new();
        for record in &self.intent.images {
            images.push(Image { bytes: self.bytes(&record.sha256).await?, record: record.clone() });
        }
        Ok(images)
    }

    /// Money that is reserved and not settled by the current attempt.
    pub(crate) fn reserved(&self) -> MicroDollars {
        self.intent.current().and_then(|a| a.reserved).unwrap_or_default()
    }
}

impl Pending {
    fn blob(&mut self, bytes: Vec<u8>) -> Sha256 {
        let hash = Sha256::of(&bytes);
        if !self.blobs.iter().any(|(h, _)| *h == hash) {
            self.blobs.push((hash.clone(), bytes));
        }
        hash
    }
}
