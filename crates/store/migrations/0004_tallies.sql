-- Format 4: the figures of the whole registry, kept with every append, and lists by time.

-- One row a status, `status:published`: what the intents with it add up to. `intents` of the row `suggestions` is the
-- number of answers that providers were asked for.
CREATE TABLE tallies (
    name       TEXT   NOT NULL PRIMARY KEY,
    intents    BIGINT NOT NULL,
    unfinished BIGINT NOT NULL,
    rated      BIGINT NOT NULL,
    confidence BIGINT NOT NULL,
    billed     BIGINT NOT NULL
);

INSERT INTO tallies SELECT 'status:' || status, COUNT(*), CAST(SUM(unfinished) AS BIGINT), COUNT(confidence),
    CAST(COALESCE(SUM(confidence), 0) AS BIGINT), CAST(SUM(billed) AS BIGINT) FROM intents GROUP BY status;
INSERT INTO tallies SELECT 'suggestions', COUNT(*), 0, 0, 0, 0 FROM suggestions HAVING COUNT(*) > 0;

-- A list by time goes from the newest to the oldest too, and on from any row.
DROP INDEX intents_created;
CREATE INDEX intents_created ON intents (created_at, first_seq);
