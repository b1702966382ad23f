-- Format 1: the journal, what is worked out from it (intents, suggestions, ledger), what lies beside it (blobs,
-- exchanges), its checkpoints, and a cache that is no part of it.
-- Portable types only. Times are microseconds since 1970-01-01 UTC, money is micro-dollars, hashes are hexadecimal.

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- One row an event. `seq` has no gaps; `hash` covers every other column, `prev` is the hash of the row before.
-- `attached` names the blobs and the exchange that were recorded with the event.
CREATE TABLE journal (
    seq      INTEGER NOT NULL PRIMARY KEY,
    intent   TEXT    NOT NULL,
    version  BIGINT  NOT NULL,
    at       BIGINT  NOT NULL,
    name     TEXT    NOT NULL,
    format   BIGINT  NOT NULL,
    body     BLOB    NOT NULL,
    attached TEXT    NOT NULL,
    prev     TEXT    NOT NULL,
    hash     TEXT    NOT NULL,
    UNIQUE (intent, version)
);

CREATE TABLE checkpoints (
    seq       INTEGER NOT NULL PRIMARY KEY,
    hash      TEXT    NOT NULL,
    at        BIGINT  NOT NULL,
    key       TEXT    NOT NULL,
    signature TEXT    NOT NULL
);

-- The registry: one row an intent, worked out from its events in the transaction that appends them.
-- `reversed` is the id from back to front, so that the end of an id is found through an index.
CREATE TABLE intents (
    id          TEXT   NOT NULL PRIMARY KEY,
    reversed    TEXT   NOT NULL UNIQUE,
    version     BIGINT NOT NULL,
    first_seq   BIGINT NOT NULL UNIQUE,
    last_seq    BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    repository  TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    title       TEXT   NOT NULL,
    fingerprint TEXT,
    file        TEXT,
    rule        TEXT,
    phase       TEXT   NOT NULL,
    status      TEXT   NOT NULL,
    live        BIGINT NOT NULL,
    unfinished  BIGINT NOT NULL,
    provider    TEXT,
    suggestion  TEXT,
    branch      TEXT,
    billed      BIGINT NOT NULL,
    imputed     BIGINT NOT NULL,
    files       BIGINT,
    added       BIGINT,
    deleted     BIGINT,
    confidence  BIGINT
);

-- Two live intents for one finding cannot exist, whoever writes.
CREATE UNIQUE INDEX intents_live_finding ON intents (repository, fingerprint) WHERE live = 1 AND fingerprint IS NOT NULL;

CREATE TABLE suggestions (
    suggestion TEXT   NOT NULL PRIMARY KEY,
    intent     TEXT   NOT NULL REFERENCES intents (id),
    attempt    BIGINT NOT NULL
);

CREATE INDEX suggestions_intent ON suggestions (intent);

-- `counted` is what the row takes from the budgets: the amount while it is open, then what was billed.
CREATE TABLE ledger (
    intent            TEXT   NOT NULL REFERENCES intents (id),
    attempt           BIGINT NOT NULL,
    provider          TEXT   NOT NULL,
    agent             TEXT,
    at                BIGINT NOT NULL,
    day               TEXT   NOT NULL,
    month             TEXT   NOT NULL,
    state             TEXT   NOT NULL,
    amount            BIGINT NOT NULL,
    counted           BIGINT NOT NULL,
    billed            BIGINT NOT NULL,
    imputed           BIGINT NOT NULL,
    basis             TEXT,
    prompt_tokens     BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    PRIMARY KEY (intent, attempt)
);

CREATE INDEX ledger_windows ON ledger (month, day, agent, counted);
CREATE INDEX ledger_open ON ledger (at) WHERE state = 'open';

-- Bytes named by their SHA-256. Erased bytes leave the row, so that erasing and losing are told apart.
CREATE TABLE blobs (
    sha256    TEXT   NOT NULL PRIMARY KEY,
    size      BIGINT NOT NULL,
    bytes     BLOB,
    erased_at BIGINT
);

-- What a provider answered to a request; `seq` is the journal row that names it.
CREATE TABLE exchanges (
    request  TEXT   NOT NULL PRIMARY KEY,
    provider TEXT   NOT NULL,
    model    TEXT,
    form     TEXT   NOT NULL,
    answer   TEXT   NOT NULL REFERENCES blobs (sha256),
    usage    TEXT,
    at       BIGINT NOT NULL,
    seq      BIGINT NOT NULL
);

CREATE TABLE cache (
    key    TEXT   NOT NULL PRIMARY KEY,
    at     BIGINT NOT NULL,
    sha256 TEXT   NOT NULL,
    bytes  BLOB   NOT NULL
);

CREATE INDEX cache_age ON cache (at);
