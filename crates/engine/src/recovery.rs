//! After a crash: finds what dead processes left and takes every unfinished intent to rest. Nothing of a live process
//! is touched: its intents are locked.

use domain::ids::IntentId;
use domain::intent::Intent;
use store::{Filter, Life, Micros, Page};

use crate::error::EngineError;
use crate::lock::IntentLock;
use crate::operator::{Call, Operator};
use crate::project::Project;
use crate::trees::Trees;

/// What recovery did.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Intents that were taken to rest, as they are now.
    pub intents: Vec<Intent>,
    /// Intents that live processes are working on.
    pub busy: Vec<IntentId>,
    /// Intents of other repositories, with the repository: resume them there.
    pub elsewhere: Vec<(IntentId, String)>,
    /// Intents that could not be taken on, with the reason; a person has to look.
    pub failed: Vec<(IntentId, String)>,
    /// How many trees without a live intent were removed.
    pub trees: usize,
}

/// How many intents are looked at in one go.
const PAGE: u32 = 200;

impl Operator {
    /// Goes on with every unfinished intent of the project's repository, and removes what is left over.
    ///
    /// # Errors
    /// Only when the journal cannot be read; what fails for one intent is in the result.
    pub async fn recover(
        &self,
        project_of: &dyn Fn(&Intent) -> Result<Project, EngineError>,
        repository: &str,
        call: Call<'_>,
    ) -> Result<Recovered, EngineError> {
        let mut recovered = Recovered::default();
        // Whoever holds a reservation beyond its lease is dead, on whatever machine it was.
        self.store.expire_leases(Micros(self.world.clock.now_micros())).await?;
        for id in self.unfinished().await? {
            let Some(intent) = self.store.intent(&id).await? else { continue };
            if intent.repository != repository {
                recovered.elsewhere.push((id, intent.repository));
                continue;
            }
            let outcome = match project_of(&intent) {
                Ok(project) => self.resume(&project, &id, call).await,
                Err(error) => Err(error),
            };
            match outcome {
                Ok(intent) => recovered.intents.push(intent),
                Err(EngineError::Busy { intent }) => recovered.busy.push(intent),
                Err(error) => recovered.failed.push((id, error.to_string())),
            }
        }
        recovered.trees = self.sweep_orphans();
        self.sweep_locks();
        Ok(recovered)
    }

    /// The intents that are not at rest, oldest first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn unfinished(&self) -> Result<Vec<IntentId>, EngineError> {
        let filter = Filter { life: Some(Life::Unfinished), ..Filter::default() };
        let (mut found, mut page) = (Vec::new(), Page::first(PAGE));
        loop {
            let rows = self.store.list(&filter, page).await?;
            let Some(last) = rows.last() else { break };
            page.before = Some(last.seq);
            found.extend(rows.into_iter().map(|row| row.id));
        }
        found.reverse();
        Ok(found)
    }

    /// Removes trees whose intent no process works on. A tree's name begins with its intent's id.
    fn sweep_orphans(&self) -> usize {
        let trees = Trees::new(&self.world.folders);
        let mut removed = 0;
        for name in trees.names() {
            let Some(Ok(id)) = name.get(..36).map(str::parse::<IntentId>) else { continue };
            if IntentLock::take(&self.world.folders, &id).is_ok() {
                trees.sweep(&name);
                removed += 1;
            }
        }
        removed
            + trees.sweep_preparations()
            + trees.sweep_unfinished()
            + sandbox::sweep_trials(&self.world.folders.cache.join("trees"))
    }

    /// Removes the lock files of dead processes: taking a lock and letting it go removes its file.
    fn sweep_locks(&self) {
        for id in IntentLock::listed(&self.world.folders) {
            drop(IntentLock::take(&self.world.folders, &id));
        }
    }
}
