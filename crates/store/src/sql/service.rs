//! The calls about agents, and those of a server that follows the journal.

use domain::agent::AgentName;
use domain::ids::IntentId;

use super::{Database, agents, budgets, registry, tallies};
use crate::agents::{Agent, Figures, KeyHolder, NewKey, Promise, Told, Trace};
use crate::error::Fault;
use crate::list::Row;
use crate::time::Micros;

impl Database {
    pub(crate) async fn add_agent(&self, agent: &Agent, key: &NewKey) -> Result<bool, Fault> {
        let mut turn = self.turn().await?;
        let mut tx = turn.begin().await?;
        let added = agents::add(&mut tx.db(), agent, key).await?;
        tx.commit().await?;
        Ok(added)
    }

    pub(crate) async fn rotate_key(
        &self,
        agent: &AgentName,
        key: &NewKey,
        at: Micros,
        until: Micros,
    ) -> Result<bool, Fault> {
        let mut turn = self.turn().await?;
        let mut tx = turn.begin().await?;
        let rotated = agents::rotate(&mut tx.db(), agent, key, at, until).await?;
        tx.commit().await?;
        Ok(rotated)
    }

    pub(crate) async fn revoke_agent(&self, agent: &AgentName, at: Micros) -> Result<bool, Fault> {
        let mut turn = self.turn().await?;
        let mut tx = turn.begin().await?;
        let revoked = agents::revoke(&mut tx.db(), agent, at).await?;
        tx.commit().await?;
        Ok(revoked)
    }

    pub(crate) async fn certify_agent(&self, agent: &AgentName, certified: bool) -> Result<bool, Fault> {
        let mut turn = self.turn().await?;
        let mut tx = turn.begin().await?;
        let done = agents::certify(&mut tx.db(), agent, certified).await?;
        tx.commit().await?;
        Ok(done)
    }

    pub(crate) async fn agent(&self, name: &AgentName) -> Result<Option<Agent>, Fault> {
        let mut look = self.look().await?;
        let found = agents::get(&mut look.db(), name).await;
        look.done(found)
    }

    pub(crate) async fn agents(&self) -> Result<Vec<Agent>, Fault> {
        let mut look = self.look().await?;
        let found = agents::all(&mut look.db()).await;
        look.done(found)
    }

    pub(crate) async fn agent_by_key(&self, prefix: &str, at: Micros) -> Result<Option<KeyHolder>, Fault> {
        let mut look = self.look().await?;
        let found = agents::holder(&mut look.db(), prefix, at).await;
        look.done(found)
    }

    pub(crate) async fn promise(
        &self,
        agent: &AgentName,
        key: &str,
        wanted: &Promise,
        at: Micros,
        forget: Micros,
    ) -> Result<Promise, Fault> {
        let mut turn = self.turn().await?;
        let mut tx = turn.begin().await?;
        let kept = agents::promise(&mut tx.db(), agent, key, wanted, (at, forget)).await?;
        // A new one is on the disk with the change that follows it, and without that one it promises nothing.
        match kept.intent == wanted.intent {
            true => tx.commit_unflushed().await?,
            false => tx.commit_all().await?,
        }
        Ok(kept)
    }

    pub(crate) async fn add_trace(&self, trace: &Trace, forget: Micros) -> Result<(), Fault> {
        let mut turn = self.turn().await?;
        let mut tx = turn.begin().await?;
        agents::trace(&mut tx.db(), trace, forget).await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn traces(&self, limit: u32) -> Result<Vec<Trace>, Fault> {
        let mut look = self.look().await?;
        let found = agents::traces(&mut look.db(), limit).await;
        look.done(found)
    }

    pub(crate) async fn take_requests(
        &self,
        agent: &AgentName,
        limit: u32,
        wanted: u32,
        at: Micros,
    ) -> Result<u32, Fault> {
        let mut turn = self.turn().await?;
        let mut tx = turn.begin().await?;
        let granted = budgets::take_requests(&mut tx.db(), agent, limit, wanted, at).await?;
        tx.commit().await?;
        Ok(granted)
    }

    pub(crate) async fn figures(&self) -> Result<Figures, Fault> {
        let mut look = self.look().await?;
        let found = tallies::figures(&mut look.db()).await;
        look.done(found)
    }

    pub(crate) async fn last_seq(&self) -> Result<u64, Fault> {
        let mut look = self.look().await?;
        let found = agents::last_seq(&mut look.db()).await;
        look.done(found)
    }

    pub(crate) async fn events_after(
        &self,
        seq: u64,
        only: Option<&IntentId>,
        limit: u32,
    ) -> Result<Vec<Told>, Fault> {
        let mut look = self.look().await?;
        let found = agents::after(&mut look.db(), seq, only, limit).await;
        look.done(found)
    }

    pub(crate) async fn row(&self, intent: &IntentId) -> Result<Option<Row>, Fault> {
        let mut look = self.look().await?;
        let found = registry::one(&mut look.db(), intent).await;
        look.done(found)
    }
}
