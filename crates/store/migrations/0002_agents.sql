-- Agents with their keys, what is promised to their requests, and what they tried. Not part of the journal.

CREATE TABLE agents (
    name       TEXT   NOT NULL PRIMARY KEY,
    rights     TEXT   NOT NULL,
    certified  BIGINT NOT NULL,
    monthly    BIGINT,
    per_minute BIGINT,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

-- `hash` is the SHA-256 of the whole key, which has 256 random bits: nothing slower is needed to protect it.
CREATE TABLE agent_keys (
    prefix     TEXT   NOT NULL PRIMARY KEY,
    agent      TEXT   NOT NULL REFERENCES agents (name),
    hash       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);

CREATE INDEX agent_keys_agent ON agent_keys (agent);

-- The first request with an idempotency key, and the intent that was promised to it.
CREATE TABLE promises (
    agent   TEXT   NOT NULL REFERENCES agents (name),
    key     TEXT   NOT NULL,
    request TEXT   NOT NULL,
    intent  TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (agent, key)
);

CREATE INDEX promises_age ON promises (at);

CREATE TABLE traces (
    at      BIGINT NOT NULL,
    who     TEXT   NOT NULL,
    what    TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    outcome TEXT   NOT NULL
);

CREATE INDEX traces_age ON traces (at);

-- Which agent asked; NULL where it was a person, as in all intents of the format before.
ALTER TABLE intents ADD COLUMN agent TEXT;

CREATE INDEX intents_agent ON intents (agent, first_seq);
