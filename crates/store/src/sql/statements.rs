//! The text of every statement, in one place; `$n` placeholders. Rows that come in numbers go into a [`Table`].

use super::rows::Kind::{Bytes, Number, Text};
use super::rows::Table;

// The journal.

/// Origin and last row in one row; `seq` is NULL in an empty journal.
pub(super) const TAIL: &str = "SELECT m.value AS origin, j.seq, j.hash, j.at FROM meta m \
     LEFT JOIN journal j ON j.seq = (SELECT MAX(seq) FROM journal) WHERE m.name = 'origin'";
/// The same once for each of some intents, with the intent's row, and with the live intent that stands for a finding.
/// `wanted` gives an array for each: the id, the finding's repository and fingerprint (or neither).
pub(super) fn standings(wanted: &str) -> String {
    format!("{STANDINGS}{wanted}{STANDINGS_JOINED}")
}
const STANDINGS: &str = "SELECT m.value AS origin, j.seq, j.hash, j.at, w.value->>0 AS wanted, i.version, \
     i.first_seq, i.created_at, i.status, i.unfinished, i.confidence, i.billed, \
     (SELECT l.id FROM intents l WHERE l.repository = w.value->>1 AND l.fingerprint = w.value->>2 AND l.live = 1) AS live \
     FROM ";
const STANDINGS_JOINED: &str = " AS w CROSS JOIN meta m LEFT JOIN journal j ON j.seq = (SELECT MAX(seq) FROM journal) \
     LEFT JOIN intents i ON i.id = w.value->>0 WHERE m.name = 'origin'";
pub(super) const SET_ORIGIN: &str = "INSERT INTO meta (name, value) VALUES ('origin', $1)";
pub(super) const ORIGIN: &str = "SELECT value FROM meta WHERE name = 'origin'";
/// How many entries the registry itself has.
pub(super) const REGISTRY_VERSION: &str =
    "SELECT COALESCE(MAX(version), 0) FROM journal WHERE intent = 'registry'";
pub(super) const JOURNAL: Table = Table {
    name: "journal",
    columns: &[
        ("seq", Number),
        ("intent", Text),
        ("version", Number),
        ("at", Number),
        ("name", Text),
        ("format", Number),
        ("body", Bytes),
        ("attached", Text),
        ("prev", Text),
        ("hash", Text),
    ],
    rest: "",
};
pub(super) const ENTRIES_OF_INTENT: &str = "SELECT seq, intent, version, at, name, format, body, attached, prev, hash FROM journal \
     WHERE intent = $1 ORDER BY version";
pub(super) const ENTRIES_AFTER: &str = "SELECT seq, intent, version, at, name, format, body, attached, prev, hash FROM journal \
     WHERE seq > $1 ORDER BY seq LIMIT $2";
pub(super) const CHECKPOINTS: Table = Table {
    name: "checkpoints",
    columns: &[("seq", Number), ("hash", Text), ("at", Number), ("key", Text), ("signature", Text)],
    rest: "",
};
pub(super) const CHECKPOINTS_AFTER: &str = "SELECT c.seq, c.hash, c.at, c.key, c.signature, j.hash AS journal_hash \
     FROM checkpoints c LEFT JOIN journal j ON j.seq = c.seq WHERE c.seq > $1 ORDER BY c.seq LIMIT $2";

// Compaction. The intents that go are in `compacting`, what they name and nobody else does in `going`; both are temporary.

/// Which intents can be compacted: at rest for good, standing for no finding, owing nothing, older than `$1`. Whoever has the
/// journal's last entry or that of the last checkpoint stays whole. `$2` is shorter than any first event, and longer than a
/// stub.
const COMPACTABLE: &str = "FROM intents i WHERE i.updated_at < $1 AND i.unfinished = 0 \
     AND i.phase IN ('published', 'undone', 'ended') AND (i.live = 0 OR i.fingerprint IS NULL) \
     AND NOT EXISTS (SELECT 1 FROM ledger l WHERE l.intent = i.id AND l.state = 'open') \
     AND EXISTS (SELECT 1 FROM journal j WHERE j.intent = i.id AND j.version = 1 AND octet_length(j.body) >= $2) \
     AND i.id NOT IN (SELECT j.intent FROM journal j WHERE j.seq = (SELECT MAX(seq) FROM journal) \
     OR j.seq = (SELECT MAX(seq) FROM checkpoints))";
pub(super) fn choose_compactable() -> String {
    format!("INSERT INTO compacting (id) SELECT i.id {COMPACTABLE} ORDER BY i.last_seq LIMIT $3")
}
/// How many intents, entries and bytes of bodies.
pub(super) fn compactable() -> String {
    format!(
        "SELECT COUNT(DISTINCT e.intent), COUNT(*), CAST(COALESCE(SUM(octet_length(e.body)), 0) AS BIGINT) \
         FROM journal e WHERE e.intent IN (SELECT i.id {COMPACTABLE})"
    )
}
pub(super) const COMPACTING_TABLES: &str = "DROP TABLE IF EXISTS compacting; DROP TABLE IF EXISTS going; \
     DROP TABLE IF EXISTS stubs; CREATE TEMP TABLE compacting (id TEXT NOT NULL PRIMARY KEY); \
     CREATE TEMP TABLE going (name TEXT NOT NULL PRIMARY KEY); \
     CREATE TEMP TABLE stubs (seq INTEGER NOT NULL PRIMARY KEY, attached TEXT NOT NULL, exchange TEXT NOT NULL)";
pub(super) const DROP_COMPACTING: &str = "DROP TABLE compacting; DROP TABLE going; DROP TABLE stubs";
/// What the stub of each entry keeps: always, and while the answer is there that was recorded with it.
pub(super) const STUBS: Table =
    Table { name: "stubs", columns: &[("seq", Number), ("attached", Text), ("exchange", Text)], rest: "" };
pub(super) const COMPACTING_SPAN: &str = "SELECT COUNT(*), COALESCE(MIN(seq), 0), COALESCE(MAX(seq), 0) FROM journal \
     WHERE intent IN (SELECT id FROM compacting)";
pub(super) const COMPACTING_AFTER: &str = "SELECT id FROM compacting WHERE id > $1 ORDER BY id LIMIT $2";
pub(super) const STAYING_AFTER: &str = "SELECT seq, body, attached FROM journal WHERE seq > $1 \
     AND intent NOT IN (SELECT id FROM compacting) ORDER BY seq LIMIT $2";
fn places(count: usize, each: &str) -> String {
    (1..=count).map(|place| each.replace('n', &place.to_string())).collect::<Vec<_>>().join(", ")
}
/// Notes those that something is kept under.
pub(super) fn note_names(count: usize) -> String {
    let names = places(count, "$n");
    format!(
        "INSERT INTO going (name) SELECT sha256 FROM blobs WHERE sha256 IN ({names}) \
         UNION SELECT request FROM exchanges WHERE request IN ({names}) ON CONFLICT (name) DO NOTHING"
    )
}
pub(super) const GOING_AFTER: &str = "SELECT name FROM going WHERE name > $1 ORDER BY name LIMIT $2";
pub(super) fn spare_names(count: usize) -> String {
    format!("DELETE FROM going WHERE name IN ({})", places(count, "$n"))
}
pub(super) const GOING_ANSWERS: &str = "SELECT request, provider, model, form, answer, usage, at, seq FROM exchanges \
     WHERE request > $1 AND request IN (SELECT name FROM going) ORDER BY request LIMIT $2";
pub(super) const DROP_GOING_ANSWERS: &str = "DELETE FROM exchanges WHERE request IN (SELECT name FROM going)";
/// Those that were recorded with what goes, whoever names them.
pub(super) const DROP_OWN_ANSWERS: &str = "DELETE FROM exchanges WHERE seq IN (SELECT seq FROM stubs)";
/// A recorded answer that stays needs its bytes.
pub(super) const SPARE_ANSWERS: &str = "DELETE FROM going WHERE name IN (SELECT answer FROM exchanges)";
pub(super) const GOING_BLOB: &str = "SELECT sha256 FROM blobs WHERE sha256 > $1 AND bytes IS NOT NULL \
     AND sha256 IN (SELECT name FROM going) ORDER BY sha256 LIMIT 1";
pub(super) const DROP_GOING_BLOBS: &str = "DELETE FROM blobs WHERE sha256 IN (SELECT name FROM going)";
/// Stubs came with format 7: a program that knows none has to say that it is too old.
pub(super) const MAKE_STUBS: &str = "UPDATE journal SET body = $1, \
     attached = (SELECT ltrim(s.attached || CASE WHEN s.seq IN (SELECT seq FROM exchanges) THEN ' ' || s.exchange ELSE '' END) \
     FROM stubs s WHERE s.seq = journal.seq), \
     format = CASE WHEN format < 7 THEN 7 ELSE format END WHERE seq IN (SELECT seq FROM stubs)";
pub(super) const FIRST_BODY: &str = "SELECT body FROM journal WHERE intent = $1 AND version = 1";
pub(super) const COMPACTIONS: &str = "SELECT seq, intent, version, at, name, format, body, attached, prev, hash FROM journal \
     WHERE intent = $1 AND name IN ('Compacted', 'IntentsErased') ORDER BY version";

// Erasing.

/// Whether an intent is over, owes nothing, and what its first entry says.
pub(super) const ERASABLE: &str = "SELECT CAST(CASE WHEN i.unfinished = 0 AND i.phase IN ('published', 'undone', 'ended') \
     AND NOT EXISTS (SELECT 1 FROM ledger l WHERE l.intent = i.id AND l.state = 'open') THEN 1 ELSE 0 END AS BIGINT), i.status, j.body \
     FROM intents i JOIN journal j ON j.intent = i.id AND j.version = 1 WHERE i.id = $1";
pub(super) const CHOOSE: &str = "INSERT INTO compacting (id) VALUES ($1)";
/// All of the rows that others may have written words into. It stands for no finding any more.
pub(super) const CLEAR_TEXTS: &str = "UPDATE intents SET title = '(erased)', fingerprint = NULL, file = NULL, rule = NULL, \
     branch = NULL WHERE id IN (SELECT id FROM compacting)";
/// A promise has the hash of the request, which is none with a salt.
pub(super) const DROP_PROMISES: &str = "DELETE FROM promises WHERE intent IN (SELECT id FROM compacting)";
pub(super) const EMPTY_CACHE: &str = "DELETE FROM cache";
pub(super) const ENTRIES: &str =
    "SELECT seq, intent, body, attached FROM journal WHERE seq > $1 ORDER BY seq LIMIT $2";
pub(super) const BLOB_COUNT: &str = "SELECT COUNT(*) FROM blobs";

// The registry. The order of columns is that of `columns::columns_of`.

pub(super) const INTENTS: Table = Table {
    name: "intents",
    columns: &[
        ("id", Text),
        ("reversed", Text),
        ("version", Number),
        ("first_seq", Number),
        ("last_seq", Number),
        ("created_at", Number),
        ("updated_at", Number),
        ("repository", Text),
        ("kind", Text),
        ("title", Text),
        ("fingerprint", Text),
        ("file", Text),
        ("rule", Text),
        ("phase", Text),
        ("status", Text),
        ("live", Number),
        ("unfinished", Number),
        ("provider", Text),
        ("suggestion", Text),
        ("branch", Text),
        ("billed", Number),
        ("imputed", Number),
        ("files", Number),
        ("added", Number),
        ("deleted", Number),
        ("confidence", Number),
        ("agent", Text),
    ],
    rest: " ON CONFLICT (id) DO UPDATE SET version = excluded.version, last_seq = excluded.last_seq, \
           updated_at = excluded.updated_at, phase = excluded.phase, status = excluded.status, live = excluded.live, \
           unfinished = excluded.unfinished, provider = excluded.provider, suggestion = excluded.suggestion, \
           branch = excluded.branch, billed = excluded.billed, imputed = excluded.imputed, files = excluded.files, \
           added = excluded.added, deleted = excluded.deleted, confidence = excluded.confidence \
           WHERE intents.version < excluded.version",
};
pub(super) const SUGGESTIONS: Table = Table {
    name: "suggestions",
    columns: &[("suggestion", Text), ("intent", Text), ("attempt", Number)],
    rest: "",
};
pub(super) const LIVE_FOR_FINDING: &str =
    "SELECT id FROM intents WHERE repository = $1 AND fingerprint = $2 AND live = 1";
pub(super) const INTENT_OF_SUGGESTION: &str = "SELECT intent FROM suggestions WHERE suggestion = $1";
pub(super) const INTENTS_BY_ENDING: &str =
    "SELECT id FROM intents WHERE reversed >= $1 AND reversed < $2 ORDER BY first_seq DESC LIMIT $3";
pub(super) const LAST_INTENT: &str = "SELECT id FROM intents ORDER BY first_seq DESC LIMIT 1";
/// The columns of a list's row, as `registry` reads them.
macro_rules! listed {
    ($rest:literal) => {
        concat!(
            "SELECT id, first_seq, version, created_at, updated_at, status, phase, kind, title, repository, agent, file, \
             rule, provider, suggestion, branch, billed, files, added, deleted, confidence FROM intents WHERE ",
            $rest
        )
    };
}
pub(super) const INTENT: &str = listed!("id = $1");
/// A page of intents; conditions may follow, from `$3` on, and then [`NEWEST_FIRST`].
pub(super) const LIST: &str = listed!("first_seq < $1");
pub(super) const NEWEST_FIRST: &str = " ORDER BY first_seq DESC LIMIT $2";
/// The same of a stretch of time, in the order of time; a clock that went back is no reason to read the whole list. It ends
/// at `$3` or at the page before, whichever is earlier: in one comparison, because an index is read from one place only.
pub(super) const LIST_BY_TIME: &str = listed!(
    "(created_at, first_seq) < \
     (CASE WHEN (SELECT created_at FROM intents WHERE first_seq = $1) < $3 \
     THEN (SELECT created_at FROM intents WHERE first_seq = $1) ELSE $3 END, $1)"
);
pub(super) const LATEST_FIRST: &str = " ORDER BY created_at DESC, first_seq DESC LIMIT $2";

// The figures.

/// What is put there is added.
pub(super) const COUNTED: Table = Table {
    name: "tallies",
    columns: &[
        ("name", Text),
        ("intents", Number),
        ("unfinished", Number),
        ("rated", Number),
        ("confidence", Number),
        ("billed", Number),
    ],
    rest: " ON CONFLICT (name) DO UPDATE SET intents = tallies.intents + excluded.intents, \
           unfinished = tallies.unfinished + excluded.unfinished, rated = tallies.rated + excluded.rated, \
           confidence = tallies.confidence + excluded.confidence, billed = tallies.billed + excluded.billed",
};
pub(super) const TALLIES: &str = "SELECT name, intents, unfinished, rated, confidence, billed FROM tallies";
pub(super) const TALLY_SUMS: &str = "SELECT 'status:' || status AS name, COUNT(*) AS intents, \
     CAST(SUM(unfinished) AS BIGINT) AS unfinished, COUNT(confidence) AS rated, \
     CAST(COALESCE(SUM(confidence), 0) AS BIGINT) AS confidence, CAST(SUM(billed) AS BIGINT) AS billed \
     FROM intents GROUP BY status \
     UNION ALL SELECT 'suggestions' AS name, COUNT(*) AS intents, 0 AS unfinished, 0 AS rated, 0 AS confidence, 0 AS billed \
     FROM suggestions";

// The ledger.

/// Refused when the intent has no room; `$12` is its limit, or NULL.
pub(super) const RESERVE: &str = "INSERT INTO ledger (intent, attempt, provider, agent, at, day, month, week, state, amount, \
     counted, billed, imputed, basis, prompt_tokens, completion_tokens, requests, lease_until) \
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, 'open', $9, $9, 0, 0, NULL, 0, 0, $10, $11 \
     WHERE $12 IS NULL OR $9 = 0 \
     OR (SELECT CAST(COALESCE(SUM(counted), 0) AS BIGINT) FROM ledger WHERE intent = $1) + $9 <= $12 \
     ON CONFLICT (intent, attempt) DO NOTHING";
pub(super) const SPENT_BY_INTENT: &str =
    "SELECT CAST(COALESCE(SUM(counted), 0) AS BIGINT) FROM ledger WHERE intent = $1";
pub(super) const LEDGER_ROW: &str =
    "SELECT at, agent, state, counted, requests FROM ledger WHERE intent = $1 AND attempt = $2";
pub(super) const SETTLE: &str = "UPDATE ledger SET state = 'settled', billed = $3, imputed = $4, basis = $5, \
     counted = $3 WHERE intent = $1 AND attempt = $2 AND state <> 'settled'";
pub(super) const RELEASE: &str = "UPDATE ledger SET state = 'released', counted = 0, requests = 0 \
     WHERE intent = $1 AND attempt = $2 AND state = 'open'";
pub(super) const COUNT_TOKENS: &str =
    "UPDATE ledger SET prompt_tokens = $3, completion_tokens = $4 WHERE intent = $1 AND attempt = $2";
pub(super) const OPEN: &str = "SELECT intent, attempt, provider, agent, amount, at, lease_until FROM ledger \
     WHERE state = 'open' ORDER BY at, intent, attempt";
pub(super) const EXPIRED: &str = "SELECT intent, attempt, provider, agent, amount, at, lease_until FROM ledger \
     WHERE state = 'open' AND lease_until <= $1 ORDER BY at, intent, attempt LIMIT 100";
pub(super) const USAGE: &str = "SELECT l.day, l.provider, l.agent, i.kind, COUNT(*) AS attempts, \
     CAST(SUM(l.requests) AS BIGINT) AS requests, CAST(SUM(l.billed) AS BIGINT) AS billed, \
     CAST(SUM(l.imputed) AS BIGINT) AS imputed, \
     CAST(SUM(CASE WHEN l.state = 'open' THEN l.amount ELSE 0 END) AS BIGINT) AS reserved, \
     CAST(SUM(l.prompt_tokens) AS BIGINT) AS prompt_tokens, \
     CAST(SUM(l.completion_tokens) AS BIGINT) AS completion_tokens \
     FROM ledger l JOIN intents i ON i.id = l.intent WHERE l.at >= $1 AND l.at < $2 \
     GROUP BY l.day, l.provider, l.agent, i.kind ORDER BY l.day DESC, l.provider, l.agent, i.kind";

// Budgets.

pub(super) const TAKE: &str = "INSERT INTO budgets (scope, stretch, money, requests, tokens, forgiven_money, forgiven_requests) \
     VALUES ($1, $2, $3, $4, $5, 0, 0) ON CONFLICT (scope, stretch) DO UPDATE SET money = budgets.money + $3, \
     requests = budgets.requests + $4, tokens = budgets.tokens + $5 \
     WHERE ($6 IS NULL OR $3 = 0 OR budgets.money - budgets.forgiven_money + $3 <= $6) \
     AND ($7 IS NULL OR $4 = 0 OR budgets.requests - budgets.forgiven_requests + $4 <= $7) \
     AND ($8 IS NULL OR $5 = 0 OR budgets.tokens + $5 <= $8)";
pub(super) const GIVE_BACK: &str =
    "UPDATE budgets SET money = money - $3, requests = requests - $4 WHERE scope = $1 AND stretch = $2";
pub(super) const COUNTS: &str = "SELECT money, requests, tokens, forgiven_money, forgiven_requests FROM budgets \
     WHERE scope = $1 AND stretch = $2";
pub(super) const FORGIVE: &str =
    "UPDATE budgets SET forgiven_money = $3, forgiven_requests = $4 WHERE scope = $1 AND stretch = $2";
pub(super) const FORGET_MINUTES: &str =
    "DELETE FROM budgets WHERE scope = $1 AND stretch >= 'minute:' AND stretch < $2";
pub(super) const BUDGET_ROWS: &str = "SELECT scope, stretch, money, requests, tokens, forgiven_money, forgiven_requests \
     FROM budgets WHERE stretch < 'minute:' OR stretch >= 'minute;' ORDER BY scope, stretch";
/// What the rows that last should count.
pub(super) const LEDGER_SUMS: &str = "SELECT 'global' AS scope, 'day:' || day AS stretch, CAST(SUM(counted) AS BIGINT) AS money, \
     CAST(SUM(requests) AS BIGINT) AS requests FROM ledger WHERE day IS NOT NULL GROUP BY day \
     UNION ALL SELECT 'global' AS scope, 'week:' || week AS stretch, CAST(SUM(counted) AS BIGINT) AS money, \
     CAST(SUM(requests) AS BIGINT) AS requests FROM ledger WHERE week IS NOT NULL GROUP BY week \
     UNION ALL SELECT 'global' AS scope, 'month:' || month AS stretch, CAST(SUM(counted) AS BIGINT) AS money, \
     CAST(SUM(requests) AS BIGINT) AS requests FROM ledger WHERE month IS NOT NULL GROUP BY month \
     UNION ALL SELECT 'agent:' || agent AS scope, 'day:' || day AS stretch, CAST(SUM(counted) AS BIGINT) AS money, \
     CAST(SUM(requests) AS BIGINT) AS requests FROM ledger WHERE day IS NOT NULL AND agent IS NOT NULL GROUP BY agent, day \
     UNION ALL SELECT 'agent:' || agent AS scope, 'week:' || week AS stretch, CAST(SUM(counted) AS BIGINT) AS money, \
     CAST(SUM(requests) AS BIGINT) AS requests FROM ledger WHERE week IS NOT NULL AND agent IS NOT NULL GROUP BY agent, week \
     UNION ALL SELECT 'agent:' || agent AS scope, 'month:' || month AS stretch, CAST(SUM(counted) AS BIGINT) AS money, \
     CAST(SUM(requests) AS BIGINT) AS requests FROM ledger WHERE month IS NOT NULL AND agent IS NOT NULL GROUP BY agent, month";
pub(super) const PUBLISHED: &str = "SELECT COUNT(*) FROM intents WHERE status = 'published'";
pub(super) const PUBLISHED_BY: &str =
    "SELECT COUNT(*) FROM intents WHERE agent = $1 AND status = 'published'";

/// What is open in a stretch, of an agent or, without one, of everybody.
pub(super) fn open_in(window: domain::budget::Window) -> Option<String> {
    use domain::budget::Window;
    let column = match window {
        Window::Day => "day",
        Window::Week => "week",
        Window::Month => "month",
        Window::Change | Window::Minute | Window::Now => return None,
    };
    Some(format!(
        "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM ledger WHERE state = 'open' \
         AND ($1 IS NULL OR agent = $1) AND {column} = $2"
    ))
}

// Blobs, exchanges, cache.

/// Bytes that were erased come back when they are recorded again.
pub(super) const BLOBS: Table = Table {
    name: "blobs",
    columns: &[("sha256", Text), ("size", Number), ("bytes", Bytes)],
    rest: " ON CONFLICT (sha256) DO UPDATE SET bytes = excluded.bytes, erased_at = NULL WHERE blobs.bytes IS NULL",
};
pub(super) const BLOB: &str = "SELECT bytes FROM blobs WHERE sha256 = $1";
pub(super) const HAS_BLOB: &str = "SELECT COUNT(*) FROM blobs WHERE sha256 = $1";
pub(super) const BLOBS_AFTER: &str =
    "SELECT sha256, size, bytes, erased_at FROM blobs WHERE sha256 > $1 ORDER BY sha256 LIMIT $2";
pub(super) const BLOB_SIZES_AFTER: &str =
    "SELECT CAST(octet_length(bytes) AS BIGINT) FROM blobs WHERE sha256 > $1 ORDER BY sha256 LIMIT $2";
pub(super) const EXCHANGES: Table = Table {
    name: "exchanges",
    columns: &[
        ("request", Text),
        ("provider", Text),
        ("model", Text),
        ("form", Text),
        ("answer", Text),
        ("usage", Text),
        ("at", Number),
        ("seq", Number),
    ],
    rest: " ON CONFLICT (request) DO UPDATE SET provider = excluded.provider, model = excluded.model, \
           form = excluded.form, answer = excluded.answer, usage = excluded.usage, at = excluded.at, seq = excluded.seq",
};
pub(super) const EXCHANGE: &str =
    "SELECT request, provider, model, form, answer, usage, at, seq FROM exchanges WHERE request = $1";
pub(super) const CACHED: &str = "SELECT sha256, bytes FROM cache WHERE key = $1";
pub(super) const PUT_CACHED: &str = "INSERT INTO cache (key, at, sha256, bytes) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (key) DO UPDATE SET at = excluded.at, sha256 = excluded.sha256, bytes = excluded.bytes";
pub(super) const TRIM_CACHE: &str = "DELETE FROM cache WHERE key IN (SELECT key FROM cache ORDER BY at DESC, key LIMIT 9223372036854775807 OFFSET $1)";

// The audit. It asks for whatever is stored as text: an edited column may hold another type, and tells so.

pub(super) const LAST_ENTRY: &str = "SELECT MAX(seq) FROM journal";
pub(super) const HASH_AND_TIME: &str = "SELECT hash, at FROM journal WHERE seq = $1";
/// The next ids that any table knows: the smallest of all are among the smallest of each.
pub(super) const IDS_AFTER: &str = "SELECT intent FROM (SELECT DISTINCT intent FROM journal WHERE intent > $1 ORDER BY intent LIMIT $2) j \
     UNION SELECT id FROM (SELECT id FROM intents WHERE id > $1 ORDER BY id LIMIT $2) i \
     UNION SELECT intent FROM (SELECT DISTINCT intent FROM ledger WHERE intent > $1 ORDER BY intent LIMIT $2) l \
     UNION SELECT intent FROM (SELECT DISTINCT intent FROM suggestions WHERE intent > $1 ORDER BY intent LIMIT $2) s \
     ORDER BY 1 LIMIT $2";

/// The rest of a statement that begins with the columns as text.
pub(super) const FROM_INTENTS: &str = " FROM intents WHERE id = $1";
pub(super) const FROM_SUGGESTIONS: &str = " FROM suggestions WHERE intent = $1 ORDER BY attempt, suggestion";
pub(super) const FROM_LEDGER: &str = " FROM ledger WHERE intent = $1 ORDER BY attempt";
pub(super) const FROM_EXCHANGES: &str = ", (SELECT attached FROM journal WHERE journal.seq = exchanges.seq) AS attached \
     FROM exchanges WHERE request > $1 ORDER BY request LIMIT $2";
