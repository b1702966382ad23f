//! The rows of agents, their keys, promises and traces, and what a server asks of the journal. Its statements are its
//! own: nothing else touches these tables.

use std::collections::BTreeSet;

use domain::agent::{AgentName, Right};
use domain::ids::{IntentId, Sha256};
use domain::money::MicroDollars;

use super::conn::{Db, Row, query};
use super::registry::parsed;
use crate::agents::{Agent, AgentKey, KeyHolder, NewKey, Promise, Told, Trace};
use crate::error::Fault;
use crate::time::Micros;

const ADD_AGENT: &str = "INSERT INTO agents (name, rights, certified, monthly, per_minute, created_at, revoked_at) \
     VALUES ($1, $2, $3, $4, $5, $6, NULL) ON CONFLICT (name) DO NOTHING";
const ADD_KEY: &str =
    "INSERT INTO agent_keys (prefix, agent, hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)";
const AGENT: &str =
    "SELECT name, rights, certified, monthly, per_minute, created_at, revoked_at FROM agents WHERE name = $1";
const AGENTS: &str =
    "SELECT name, rights, certified, monthly, per_minute, created_at, revoked_at FROM agents ORDER BY name";
const KEYS: &str =
    "SELECT prefix, created_at, expires_at FROM agent_keys WHERE agent = $1 ORDER BY created_at, prefix";
const HOLDER: &str = "SELECT k.hash, a.name, a.rights, a.certified, a.monthly, a.per_minute, a.created_at, a.revoked_at \
     FROM agent_keys k JOIN agents a ON a.name = k.agent WHERE k.prefix = $1 AND a.revoked_at IS NULL \
     AND (k.expires_at IS NULL OR k.expires_at > $2)";
const EXPIRE_KEYS: &str =
    "UPDATE agent_keys SET expires_at = $2 WHERE agent = $1 AND (expires_at IS NULL OR expires_at > $2)";
const REVOKE: &str = "UPDATE agents SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL";
const FORGET_KEYS: &str = "DELETE FROM agent_keys WHERE agent = $1";
const CERTIFY: &str = "UPDATE agents SET certified = $2 WHERE name = $1 AND revoked_at IS NULL";
const PROMISE: &str = "INSERT INTO promises (agent, key, request, intent, at) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (agent, key) DO NOTHING";
const PROMISED: &str = "SELECT request, intent FROM promises WHERE agent = $1 AND key = $2";
const OLD_PROMISES: &str = "DELETE FROM promises WHERE at < $1";
const ADD_TRACE: &str = "INSERT INTO traces (at, who, what, subject, outcome) VALUES ($1, $2, $3, $4, $5)";
const OLD_TRACES: &str = "DELETE FROM traces WHERE at < $1";
const TRACES: &str = "SELECT at, who, what, subject, outcome FROM traces ORDER BY at DESC LIMIT $1";
const LAST_SEQ: &str = "SELECT COALESCE(MAX(seq), 0) FROM journal";
const AFTER: &str =
    "SELECT seq, intent, at, name FROM journal WHERE seq > $1 AND intent <> 'registry' ORDER BY seq LIMIT $2";
const AFTER_OF: &str =
    "SELECT seq, intent, at, name FROM journal WHERE intent = $3 AND seq > $1 ORDER BY version LIMIT $2";
/// Adds an agent with its first key; `false` when the name is taken, also by one that was revoked.
pub(super) async fn add(db: &mut Db<'_>, agent: &Agent, key: &NewKey) -> Result<bool, Fault> {
    let words: Vec<&str> = agent.rights.iter().map(|right| right.as_str()).collect();
    let words = words.join(" ");
    let monthly = agent.monthly.map(|m| i64::try_from(m.micros()).unwrap_or(i64::MAX));
    let added = query(ADD_AGENT)
        .bind(agent.name.as_str())
        .bind(words.as_str())
        .bind(i64::from(agent.certified))
        .bind(monthly)
        .bind(agent.per_minute.map(i64::from))
        .bind(agent.created.0)
        .execute(db)
        .await?;
    if added == 0 {
        return Ok(false);
    }
    add_key(db, &agent.name, key, agent.created).await?;
    Ok(true)
}

async fn add_key(db: &mut Db<'_>, agent: &AgentName, key: &NewKey, at: Micros) -> Result<(), Fault> {
    let add = query(ADD_KEY).bind(key.prefix.as_str()).bind(agent.as_str()).bind(key.hash.as_str());
    add.bind(at.0).bind(key.expires.map(|e| e.0)).execute(db).await?;
    Ok(())
}

/// Gives an agent a new key; those before it are taken until `until`. `false` when there is no such agent.
pub(super) async fn rotate(
    db: &mut Db<'_>,
    agent: &AgentName,
    key: &NewKey,
    at: Micros,
    until: Micros,
) -> Result<bool, Fault> {
    if get(db, agent).await?.is_none_or(|agent| agent.revoked.is_some()) {
        return Ok(false);
    }
    query(EXPIRE_KEYS).bind(agent.as_str()).bind(until.0).execute(db).await?;
    add_key(db, agent, key, at).await?;
    Ok(true)
}

/// Revokes an agent and forgets its keys; `false` when there is none that is not revoked.
pub(super) async fn revoke(db: &mut Db<'_>, agent: &AgentName, at: Micros) -> Result<bool, Fault> {
    let changed = query(REVOKE).bind(agent.as_str()).bind(at.0).execute(db).await?;
    query(FORGET_KEYS).bind(agent.as_str()).execute(db).await?;
    Ok(changed > 0)
}

/// Sets whether an agent is certified; `false` when there is none that is not revoked.
pub(super) async fn certify(db: &mut Db<'_>, agent: &AgentName, certified: bool) -> Result<bool, Fault> {
    let changed = query(CERTIFY).bind(agent.as_str()).bind(i64::from(certified)).execute(db).await?;
    Ok(changed > 0)
}

pub(super) async fn get(db: &mut Db<'_>, name: &AgentName) -> Result<Option<Agent>, Fault> {
    let Some(row) = query(AGENT).bind(name.as_str()).row(db).await? else { return Ok(None) };
    let mut agent = read(&row)?;
    agent.keys = keys(db, name).await?;
    Ok(Some(agent))
}

pub(super) async fn all(db: &mut Db<'_>) -> Result<Vec<Agent>, Fault> {
    let mut agents = Vec::new();
    for row in query(AGENTS).rows(db).await? {
        let mut agent = read(&row)?;
        agent.keys = keys(db, &agent.name).await?;
        agents.push(agent);
    }
    Ok(agents)
}

/// What a prefix leads to, when that key is taken at this time.
pub(super) async fn holder(db: &mut Db<'_>, prefix: &str, at: Micros) -> Result<Option<KeyHolder>, Fault> {
    let Some(row) = query(HOLDER).bind(prefix).bind(at.0).row(db).await? else { return Ok(None) };
    Ok(Some(KeyHolder { hash: parsed(&row.get::<String>("hash")?)?, agent: read(&row)? }))
}

async fn keys(db: &mut Db<'_>, agent: &AgentName) -> Result<Vec<AgentKey>, Fault> {
    let rows = query(KEYS).bind(agent.as_str()).rows(db).await?;
    let key = |row: &Row| -> Result<AgentKey, Fault> {
        Ok(AgentKey {
            prefix: row.get("prefix")?,
            created: Micros(row.get("created_at")?),
            expires: row.get::<Option<i64>>("expires_at")?.map(Micros),
        })
    };
    rows.iter().map(key).collect()
}

fn read(row: &Row) -> Result<Agent, Fault> {
    let rights = row.get::<String>("rights")?;
    let rights = rights.split_whitespace().map(parsed::<Right>).collect::<Result<BTreeSet<_>, _>>()?;
    let monthly = row.get::<Option<i64>>("monthly")?;
    let per_minute = row.get::<Option<i64>>("per_minute")?;
    Ok(Agent {
        name: parsed(&row.get::<String>("name")?)?,
        rights,
        certified: row.get::<i64>("certified")? != 0,
        monthly: monthly.map(|m| MicroDollars::from_micros(m.unsigned_abs())),
        per_minute: per_minute.map(|n| u32::try_from(n).unwrap_or(u32::MAX)),
        created: Micros(row.get("created_at")?),
        revoked: row.get::<Option<i64>>("revoked_at")?.map(Micros),
        keys: Vec::new(),
    })
}

/// What an idempotency key stands for: `wanted`, when it is new, else what was promised before. Promises older than
/// `forget` are dropped.
pub(super) async fn promise(
    db: &mut Db<'_>,
    agent: &AgentName,
    key: &str,
    wanted: &Promise,
    (at, forget): (Micros, Micros),
) -> Result<Promise, Fault> {
    query(OLD_PROMISES).bind(forget.0).execute(db).await?;
    let insert = query(PROMISE).bind(agent.as_str()).bind(key).bind(wanted.request.as_str());
    insert.bind(wanted.intent.as_str()).bind(at.0).execute(db).await?;
    let row = query(PROMISED).bind(agent.as_str()).bind(key).row(db).await?;
    let row = row.ok_or_else(|| Fault::Damaged("a promise is gone at once".to_owned()))?;
    Ok(Promise {
        request: parsed::<Sha256>(&row.get::<String>("request")?)?,
        intent: parsed::<IntentId>(&row.get::<String>("intent")?)?,
    })
}

/// Keeps a trace; those older than `forget` are dropped.
pub(super) async fn trace(db: &mut Db<'_>, trace: &Trace, forget: Micros) -> Result<(), Fault> {
    query(OLD_TRACES).bind(forget.0).execute(db).await?;
    let add = query(ADD_TRACE).bind(trace.at.0).bind(trace.who.as_str()).bind(trace.what.as_str());
    add.bind(trace.subject.as_str()).bind(trace.outcome.as_str()).execute(db).await?;
    Ok(())
}

/// The newest traces.
pub(super) async fn traces(db: &mut Db<'_>, limit: u32) -> Result<Vec<Trace>, Fault> {
    let trace = |row: &Row| -> Result<Trace, Fault> {
        Ok(Trace {
            at: Micros(row.get("at")?),
            who: row.get("who")?,
            what: row.get("what")?,
            subject: row.get("subject")?,
            outcome: row.get("outcome")?,
        })
    };
    query(TRACES).bind(i64::from(limit)).rows(db).await?.iter().map(trace).collect()
}

/// The sequence number of the journal's last entry; 0 when it is empty.
pub(super) async fn last_seq(db: &mut Db<'_>) -> Result<u64, Fault> {
    Ok(query(LAST_SEQ).number(db).await?.unsigned_abs())
}

/// Entries behind `seq`, in order; of one intent, where one is named.
pub(super) async fn after(
    db: &mut Db<'_>,
    seq: u64,
    only: Option<&IntentId>,
    limit: u32,
) -> Result<Vec<Told>, Fault> {
    let seq = i64::try_from(seq).unwrap_or(i64::MAX);
    let query = query(if only.is_some() { AFTER_OF } else { AFTER }).bind(seq).bind(i64::from(limit));
    let query = match only {
        Some(intent) => query.bind(intent.as_str()),
        None => query,
    };
    let told = |row: &Row| -> Result<Told, Fault> {
        Ok(Told {
            seq: row.get::<i64>("seq")?.unsigned_abs(),
            intent: parsed(&row.get::<String>("intent")?)?,
            at: Micros(row.get("at")?),
            name: row.get("name")?,
        })
    };
    query.rows(db).await?.iter().map(told).collect()
}
