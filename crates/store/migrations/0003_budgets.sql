-- Format 3: counters of what budgets limit, leases of reservations, and the indexes that lists are read by.

-- One row a scope and stretch: `global` or `agent:<name>`; `day:2026-11-21`, `week:2026-W47`, `month:2026-11` or
-- `minute:29854200`. Days, weeks and months are the sums of the ledger; minutes are kept for a while only.
-- `forgiven` is what a reset took out of the count.
CREATE TABLE budgets (
    scope             TEXT   NOT NULL,
    stretch           TEXT   NOT NULL,
    money             BIGINT NOT NULL,
    requests          BIGINT NOT NULL,
    tokens            BIGINT NOT NULL,
    forgiven_money    BIGINT NOT NULL,
    forgiven_requests BIGINT NOT NULL,
    PRIMARY KEY (scope, stretch)
);

-- `requests` is 1 where a provider was really to be asked. After `lease_until` nobody waits for the answer any more.
ALTER TABLE ledger ADD COLUMN week TEXT;
ALTER TABLE ledger ADD COLUMN requests BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN lease_until BIGINT;

INSERT INTO budgets SELECT 'global', 'day:' || day, CAST(SUM(counted) AS BIGINT), 0, 0, 0, 0 FROM ledger GROUP BY day;
INSERT INTO budgets SELECT 'global', 'month:' || month, CAST(SUM(counted) AS BIGINT), 0, 0, 0, 0 FROM ledger GROUP BY month;
INSERT INTO budgets SELECT 'agent:' || agent, 'day:' || day, CAST(SUM(counted) AS BIGINT), 0, 0, 0, 0
    FROM ledger WHERE agent IS NOT NULL GROUP BY agent, day;
INSERT INTO budgets SELECT 'agent:' || agent, 'month:' || month, CAST(SUM(counted) AS BIGINT), 0, 0, 0, 0
    FROM ledger WHERE agent IS NOT NULL GROUP BY agent, month;

-- The sums of the ledger are in `budgets` now.
DROP INDEX ledger_windows;
CREATE INDEX ledger_at ON ledger (at);

-- Lists go from the newest to the oldest, whatever they are filtered by.
CREATE INDEX intents_status ON intents (status, first_seq);
CREATE INDEX intents_phase ON intents (phase, first_seq);
CREATE INDEX intents_kind ON intents (kind, first_seq);
CREATE INDEX intents_file ON intents (file, first_seq) WHERE file IS NOT NULL;
CREATE INDEX intents_rule ON intents (rule, first_seq) WHERE rule IS NOT NULL;
CREATE INDEX intents_repository ON intents (repository, first_seq);
CREATE INDEX intents_created ON intents (created_at);
CREATE INDEX intents_live ON intents (first_seq) WHERE live = 1;
CREATE INDEX intents_unfinished ON intents (first_seq) WHERE unfinished = 1;
