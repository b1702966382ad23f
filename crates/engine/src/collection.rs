//! Garbage collection by the registry: trees of changes at rest, and what is above the quota.

use std::collections::BTreeMap;

use domain::ids::IntentId;

use crate::error::EngineError;
use crate::lock::IntentLock;
use crate::operator::Operator;
use crate::trees::{Collected, Trees};

impl Operator {
    /// Removes what no change needs any more of our folders, and keeps base checkouts with their build caches below
    /// `quota` bytes, those used last. With `dry_run` it only tells.
    ///
    /// # Errors
    /// When the journal cannot be read. What could not be removed is in the result.
    pub async fn collect(&self, quota: u64, dry_run: bool) -> Result<Collected, EngineError> {
        let trees = Trees::new(&self.world.folders);
        let mut collected = Collected::default();
        // An intent may have several trees; its lock is held until all of them are gone.
        let (mut judged, mut locks) = (BTreeMap::<IntentId, Option<String>>::new(), Vec::new());
        for id in trees.names().iter().filter_map(|name| intent_of(name)) {
            if judged.contains_key(&id) {
                continue;
            }
            let why = match IntentLock::take(&self.world.folders, &id) {
                Ok(lock) => {
                    locks.push(lock);
                    self.why_not(&id).await?
                }
                Err(_) => Some("a process works on its change".to_owned()),
            };
            judged.insert(id, why);
        }
        let why_kept = |name: &str| match intent_of(name) {
            None if trees.is_abandoned_preparation(name) => None,
            None if Trees::is_preparation(name) => Some("a process fetches dependencies in it".to_owned()),
            Some(id) => judged.get(&id).cloned().unwrap_or_else(|| Some("it has only just come".to_owned())),
            None => Some("it is named after no change".to_owned()),
        };
        trees.collect_trees(&why_kept, dry_run, &mut collected);
        drop(locks);
        trees.collect_bases(quota, None, dry_run, &mut collected);
        if !dry_run {
            self.store.remove_leftovers(store::Micros(self.world.clock.now_micros()))?;
        }
        Ok(collected)
    }

    /// Why a tree of this intent has to stay.
    async fn why_not(&self, id: &IntentId) -> Result<Option<String>, EngineError> {
        let intent = match self.store.intent(id).await {
            // Only what is over is compacted.
            Err(store::StoreError::Compacted { .. }) => return Ok(None),
            intent => intent?,
        };
        Ok(match intent {
            None => Some("the registry does not know its change".to_owned()),
            Some(intent) if !intent.phase.is_at_rest() => {
                Some("its change is not finished: `codex-task resume`".to_owned())
            }
            Some(_) => None,
        })
    }
}

/// A tree's name begins with its intent's id.
fn intent_of(name: &str) -> Option<IntentId> {
    name.get(..36)?.parse().ok()
}
