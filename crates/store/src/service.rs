//! The store's interface for servers: agents and their keys, promises to requests, traces, and following the journal.

use domain::agent::AgentName;
use domain::ids::IntentId;

use crate::agents::{Agent, Figures, KeyHolder, NewKey, Promise, Told, Trace};
use crate::error::StoreError;
use crate::list::Row;
use crate::store::Store;
use crate::time::Micros;

impl Store {
    /// Adds an agent with its first key; `false` when the name is taken, also by one that was revoked: names in the
    /// journal must not come to mean somebody else.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_agent(&self, agent: &Agent, key: &NewKey) -> Result<bool, StoreError> {
        self.db.add_agent(agent, key).await.map_err(self.named())
    }

    /// Gives an agent a new key; those before it are taken until `until`. `false` when there is no such agent, or it is
    /// revoked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rotate_key(
        &self,
        agent: &AgentName,
        key: &NewKey,
        at: Micros,
        until: Micros,
    ) -> Result<bool, StoreError> {
        self.db.rotate_key(agent, key, at, until).await.map_err(self.named())
    }

    /// Revokes an agent and forgets its keys: no process takes one of them from now on. `false` when there is no such
    /// agent, or it is revoked already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_agent(&self, agent: &AgentName, at: Micros) -> Result<bool, StoreError> {
        self.db.revoke_agent(agent, at).await.map_err(self.named())
    }

    /// Sets whether an agent is certified; `false` when there is no such agent, or it is revoked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn certify_agent(&self, agent: &AgentName, certified: bool) -> Result<bool, StoreError> {
        self.db.certify_agent(agent, certified).await.map_err(self.named())
    }

    /// One agent, revoked or not, with the keys that are kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn agent(&self, name: &AgentName) -> Result<Option<Agent>, StoreError> {
        self.db.agent(name).await.map_err(self.named())
    }

    /// All agents by name, revoked ones too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn agents(&self) -> Result<Vec<Agent>, StoreError> {
        self.db.agents().await.map_err(self.named())
    }

    /// What the part of a key that is not secret leads to, when that key is taken at this time. The caller has to compare
    /// the hash of the whole key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn agent_by_key(&self, prefix: &str, at: Micros) -> Result<Option<KeyHolder>, StoreError> {
        self.db.agent_by_key(prefix, at).await.map_err(self.named())
    }

    /// What an agent's idempotency key stands for: `wanted`, when it is new, else what was promised under it before.
    /// Promises from before `forget` are dropped. A new one is safe on disk with the next append, which has to be that of
    /// the intent that it names.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn promise(
        &self,
        agent: &AgentName,
        key: &str,
        wanted: &Promise,
        at: Micros,
        forget: Micros,
    ) -> Result<Promise, StoreError> {
        self.db.promise(agent, key, wanted, at, forget).await.map_err(self.named())
    }

    /// Keeps a trace of what somebody tried; traces from before `forget` are dropped.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_trace(&self, trace: &Trace, forget: Micros) -> Result<(), StoreError> {
        self.db.add_trace(trace, forget).await.map_err(self.named())
    }

    /// The newest traces first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn traces(&self, limit: u32) -> Result<Vec<Trace>, StoreError> {
        self.db.traces(limit).await.map_err(self.named())
    }

    /// Takes up to `wanted` requests of an agent out of the present minute, whoever else takes some, and gives how many
    /// there still were of `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_requests(
        &self,
        agent: &AgentName,
        limit: u32,
        wanted: u32,
        at: Micros,
    ) -> Result<u32, StoreError> {
        self.db.take_requests(agent, limit, wanted, at).await.map_err(self.named())
    }

    /// The figures of the whole registry.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn figures(&self) -> Result<Figures, StoreError> {
        self.db.figures().await.map_err(self.named())
    }

    /// The sequence number of the journal's last entry; 0 when it is empty.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_seq(&self) -> Result<u64, StoreError> {
        self.db.last_seq().await.map_err(self.named())
    }

    /// The journal's entries behind `seq` in short, in order, at most `limit`; of one intent, where one is named. Their
    /// hashes are not checked: act on [`Store::events`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn events_after(
        &self,
        seq: u64,
        only: Option<&IntentId>,
        limit: u32,
    ) -> Result<Vec<Told>, StoreError> {
        self.db.events_after(seq, only, limit).await.map_err(self.named())
    }

    /// One intent's row of the registry.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn row(&self, intent: &IntentId) -> Result<Option<Row>, StoreError> {
        self.db.row(intent).await.map_err(self.named())
    }
}
