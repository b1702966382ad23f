//! Whatever is changed behind the store's back is found and named.

use std::path::PathBuf;

use domain::event::EVENT_FORMAT;
use domain::ids::Sha256;
use store::{Anchor, AppendError, Micros, Problem, Scope, Store, StoreError, Window};

use crate::on_both;
use crate::place::Place;
use crate::story::*;

on_both! {
    an_untouched_journal_is_clean_and_counted,
    a_changed_column_of_the_journal_is_named_by_its_entry,
    an_entry_with_a_new_hash_breaks_the_chain_behind_it,
    deleted_exchanged_and_inserted_entries_are_named,
    a_cut_tail_is_named_with_both_numbers_and_nothing_is_appended_to_it,
    anchors_are_compared_with_the_entry_they_name,
    an_edited_head_file_is_found_byte_by_byte,
    the_head_of_another_journal_and_another_key_are_refused,
    edited_checkpoints_are_found,
    every_column_of_the_registry_is_compared,
    every_column_of_the_ledger_that_the_journal_knows_is_compared,
    every_counter_of_a_budget_that_lasts_is_compared,
    every_kept_figure_is_compared,
    lost_and_changed_bytes_and_answers_are_found_and_never_served,
    an_edited_event_is_not_acted_upon,
    an_event_of_a_newer_format_is_refused_by_its_number,
    a_changed_schema_and_a_planted_trigger_are_found,
}

/// Nine whole stories (72 entries, one checkpoint) and one that waits for its answer (4 entries).
async fn tell(place: &Place) {
    let store = place.open().await;
    for number in 1..=9 {
        Story::new(number).tell(&store, None).await;
    }
    let mut under_way = Story::new(10);
    under_way.begin(&store, Some(finding("x == None"))).await.unwrap();
    under_way.ask(&store, 700).await.unwrap();
    store.close().await.unwrap();
}

fn head(place: &Place) -> PathBuf {
    place.path().join("journal.head")
}

async fn an_untouched_journal_is_clean_and_counted(place: Place) {
    tell(&place).await;
    let report = place.open().await.verify(&[]).await.unwrap();
    assert_eq!(report.problems, []);
    assert_eq!((report.events, report.intents, report.blobs, report.checkpoints), (76, 10, 2, 1));
    assert!(report.is_clean());
}

async fn a_changed_column_of_the_journal_is_named_by_its_entry(place: Place) {
    tell(&place).await;
    let changed_body =
        place.texts(&format!("SELECT {} FROM journal WHERE seq = 5", place.body_as_text())).await;
    let changed_body = place.bytes(&changed_body[0].replace("1000", "1001"));
    let mut changes = vec![
        "at = at + 1".to_owned(),
        "name = 'Routed'".to_owned(),
        "format = 0".to_owned(),
        format!("body = {changed_body}"),
        "attached = ''".to_owned(),
        "prev = hash".to_owned(),
        "hash = prev".to_owned(),
        "intent = '01990000-0000-7000-8000-00000000000a', version = 5".to_owned(),
        "version = 99".to_owned(),
        "hash = NULLIF(hash, '') || 'x'".to_owned(),
    ];
    if place.is_file() {
        // SQLite takes anything into any column.
        changes.extend(["body = CAST(body AS TEXT)", "body = 5", "at = 'noon'"].map(str::to_owned));
    }
    for change in changes {
        // Entry 5 is the answer to the first story: its blobs and its exchange are attached to it.
        let found = place.problems_after(&format!("UPDATE journal SET {change} WHERE seq = 5")).await;
        assert!(found.contains(&Problem::ByteChanged { seq: 5 }), "{change}: {found:?}");
    }
}

async fn an_entry_with_a_new_hash_breaks_the_chain_behind_it(place: Place) {
    tell(&place).await;
    let copy = place.copy().await;
    let column = async |name: &str| {
        let statement = format!("SELECT {name} FROM journal WHERE seq = 6");
        copy.texts(&statement).await.remove(0)
    };
    let body = column(copy.body_as_text()).await.replace("300", "301");
    let (intent, at, prev) = (column("intent").await, column("CAST(at AS TEXT)").await, column("prev").await);
    let (attached, format) = (column("attached").await, EVENT_FORMAT.to_string());
    let said = Sha256::of_fields(&["codex-task said v1", &body, &attached].map(str::as_bytes)).to_string();
    let fields: [&str; 9] =
        ["codex-task journal v2", &prev, "6", &intent, "6", &at, "Settled", &format, &said];
    let hash = Sha256::of_fields(&fields.map(str::as_bytes));
    let body = copy.bytes(&body);
    copy.execute(&format!("UPDATE journal SET body = {body}, hash = '{hash}' WHERE seq = 6")).await;
    let found = copy.problems().await;
    assert!(found.contains(&Problem::ChainBroken { seq: 7 }), "{found:?}");
    assert!(
        !found.contains(&Problem::ByteChanged { seq: 6 }),
        "the test did not make the hash that the store makes"
    );
    assert!(
        found.iter().any(|p| matches!(p, Problem::LedgerDiffers { column, .. } if column == "billed")),
        "{found:?}"
    );
}

async fn deleted_exchanged_and_inserted_entries_are_named(place: Place) {
    tell(&place).await;
    let found = place.problems_after("DELETE FROM journal WHERE seq = 20").await;
    assert!(found.contains(&Problem::Missing { first: 20, last: 20 }), "{found:?}");
    let found = place.problems_after("DELETE FROM journal WHERE seq BETWEEN 1 AND 16").await;
    assert!(found.contains(&Problem::Missing { first: 1, last: 16 }), "{found:?}");
    let swapped = "UPDATE journal SET seq = -1 WHERE seq = 3; UPDATE journal SET seq = 3 WHERE seq = 4; \
                   UPDATE journal SET seq = 4 WHERE seq = -1";
    let found = place.problems_after(swapped).await;
    for seq in [3, 4] {
        assert!(found.contains(&Problem::ByteChanged { seq }), "{found:?}");
    }
    let inserted = "INSERT INTO journal SELECT 77, intent, 5, at, name, format, body, attached, hash, prev \
                    FROM journal WHERE seq = 76";
    let found = place.problems_after(inserted).await;
    assert!(found.contains(&Problem::ByteChanged { seq: 77 }), "{found:?}");
    let format = i64::from(EVENT_FORMAT) + 1;
    let found = place.problems_after(&format!("UPDATE journal SET format = {format} WHERE seq = 30")).await;
    assert!(found.contains(&Problem::NewerFormat { seq: 30, format }), "{found:?}");
}

async fn a_cut_tail_is_named_with_both_numbers_and_nothing_is_appended_to_it(place: Place) {
    tell(&place).await;
    let copy = place.copy().await;
    let statements = "DELETE FROM journal WHERE seq > 72; DELETE FROM intents WHERE first_seq > 72; \
                      DELETE FROM suggestions WHERE intent NOT IN (SELECT id FROM intents); \
                      DELETE FROM ledger WHERE intent NOT IN (SELECT id FROM intents); \
                      UPDATE budgets SET money = money - 700, requests = requests - 1; \
                      DELETE FROM tallies WHERE name = 'status:proposing'; \
                      UPDATE tallies SET intents = intents - 1 WHERE name = 'suggestions'";
    copy.execute(statements).await;
    let where_from = "the head file".to_owned();
    assert_eq!(copy.problems().await, [Problem::TailCut { expected: 76, found: 72, where_from }]);
    let store = copy.open().await;
    let refused = Story::new(11).begin(&store, None).await.unwrap_err();
    let cut = matches!(refused, AppendError::Store(StoreError::TailCut { expected: 76, found: 72, .. }));
    assert!(cut, "{refused}");
    std::fs::remove_file(head(&copy)).unwrap();
    let anchor = Anchor { seq: 75, hash: Sha256::of(b"x"), where_from: "commit c0ffee".to_owned() };
    let found = store.verify(&[anchor]).await.unwrap().problems;
    let by_anchor = Problem::TailCut { expected: 75, found: 72, where_from: "commit c0ffee".to_owned() };
    assert!(found.contains(&by_anchor) && found.contains(&Problem::HeadMissing), "{found:?}");
}

async fn anchors_are_compared_with_the_entry_they_name(place: Place) {
    tell(&place).await;
    let store = place.open().await;
    let third = store.events(&Story::new(1).id).await.unwrap().remove(2);
    let anchor = |hash| Anchor { seq: 3, hash, where_from: "a commit".to_owned() };
    assert_eq!(store.verify(&[anchor(third.hash)]).await.unwrap().problems, []);
    let rewritten = Problem::Rewritten { seq: 3, where_from: "a commit".to_owned() };
    assert_eq!(store.verify(&[anchor(Sha256::of(b"x"))]).await.unwrap().problems, [rewritten]);
}

async fn an_edited_head_file_is_found_byte_by_byte(place: Place) {
    tell(&place).await;
    let text = std::fs::read(head(&place)).unwrap();
    let store = place.open().await;
    for at in (0..text.len()).step_by(5) {
        let mut edited = text.clone();
        edited[at] ^= 1;
        std::fs::write(head(&place), edited).unwrap();
        assert!(!store.verify(&[]).await.unwrap().is_clean(), "byte {at}");
    }
    std::fs::write(head(&place), "not a head").unwrap();
    let refused = Story::new(11).begin(&store, None).await.unwrap_err();
    assert!(matches!(refused, AppendError::Store(StoreError::Damaged { .. })), "{refused}");
    std::fs::write(head(&place), "").unwrap();
    assert_eq!(store.verify(&[]).await.unwrap().problems, [Problem::HeadMissing]);
    std::fs::remove_file(head(&place)).unwrap();
    assert_eq!(store.verify(&[]).await.unwrap().problems, [Problem::HeadMissing]);
}

async fn the_head_of_another_journal_and_another_key_are_refused(place: Place) {
    let other = place.another();
    tell(&place).await;
    tell(&other).await;
    std::fs::copy(head(&other), head(&place)).unwrap();
    let found = place.problems().await;
    let foreign =
        |p: &Problem| matches!(p, Problem::BadSignature { detail, .. } if detail.contains("another journal"));
    assert!(found.iter().any(foreign), "{found:?}");

    let (old, new) = (other.path().join("checkpoint.key"), place.path().join("checkpoint.key"));
    let copy = other.copy().await;
    std::fs::copy(new, copy.path().join("checkpoint.key")).unwrap();
    let found = copy.problems().await;
    let by = |name: &str| {
        found.iter().any(|p| matches!(p, Problem::BadSignature { where_from, .. } if where_from == name))
    };
    assert!(by("the head file") && by("the checkpoint of entry 64"), "{found:?}");
    let public = std::fs::read_to_string(head(&other)).unwrap();
    let public = public.lines().find_map(|l| l.strip_prefix("key ")).unwrap();
    std::fs::write(copy.path().join("checkpoint.trusted"), public).unwrap();
    assert_eq!(copy.problems().await, []);

    std::fs::remove_file(old).unwrap();
    assert_eq!(other.problems().await, [Problem::KeyMissing]);
}

async fn edited_checkpoints_are_found(place: Place) {
    tell(&place).await;
    for (statements, wanted) in [
        ("DELETE FROM checkpoints", Problem::CheckpointMissing { seq: 64 }),
        (
            "UPDATE checkpoints SET signature = replace(signature, '0', '1')",
            Problem::BadSignature {
                where_from: "the checkpoint of entry 64".to_owned(),
                detail: "its signature is wrong".to_owned(),
            },
        ),
        (
            "UPDATE checkpoints SET hash = (SELECT hash FROM journal WHERE seq = 63)",
            Problem::Rewritten { seq: 64, where_from: "the checkpoint of entry 64".to_owned() },
        ),
    ] {
        let found = place.problems_after(statements).await;
        assert!(found.contains(&wanted), "{statements}: {found:?}");
    }
}

async fn every_column_of_the_registry_is_compared(place: Place) {
    tell(&place).await;
    let columns = place.columns("intents").await;
    assert_eq!(columns.len(), 27);
    for column in columns.into_iter().filter(|c| c != "id") {
        let found =
            place.problems_after(&format!("UPDATE intents SET {column} = '777' WHERE id LIKE '%1'")).await;
        let named = |p: &Problem| matches!(p, Problem::RowDiffers { column: c, .. } if *c == column);
        assert!(found.iter().any(named), "{column}: {found:?}");
    }
    for statements in [
        "DELETE FROM intents WHERE id LIKE '%1'",
        "INSERT INTO suggestions VALUES ('x', '01990000-0000-7000-8000-000000000001', 2)",
        "DELETE FROM suggestions WHERE intent LIKE '%1'",
    ] {
        let found = place.problems_after(statements).await;
        assert!(found.iter().any(|p| matches!(p, Problem::RowDiffers { .. })), "{statements}: {found:?}");
    }
}

async fn every_column_of_the_ledger_that_the_journal_knows_is_compared(place: Place) {
    tell(&place).await;
    for column in [
        "provider",
        "at",
        "day",
        "month",
        "state",
        "amount",
        "counted",
        "billed",
        "imputed",
        "basis",
        "prompt_tokens",
        "completion_tokens",
    ] {
        let found =
            place.problems_after(&format!("UPDATE ledger SET {column} = '777' WHERE intent LIKE '%1'")).await;
        let named = |p: &Problem| matches!(p, Problem::LedgerDiffers { column: c, .. } if *c == column);
        assert!(found.iter().any(named), "{column}: {found:?}");
    }
    for statements in [
        "DELETE FROM ledger WHERE intent LIKE '%1'",
        "UPDATE ledger SET attempt = 2 WHERE intent LIKE '%1'",
        "UPDATE ledger SET counted = 0 WHERE state = 'open'",
        "UPDATE ledger SET state = 'settled' WHERE state = 'open'",
    ] {
        let found = place.problems_after(statements).await;
        assert!(found.iter().any(|p| matches!(p, Problem::LedgerDiffers { .. })), "{statements}: {found:?}");
    }
}

async fn every_counter_of_a_budget_that_lasts_is_compared(place: Place) {
    tell(&place).await;
    let store = place.open().await;
    let reset = store.reset_budget(&Scope::Global, Window::Month, Micros(NOON), "root").await.unwrap();
    assert!(reset.is_some());
    store.close().await.unwrap();
    assert_eq!(place.problems().await, []);
    for column in ["money", "requests", "tokens", "forgiven_money", "forgiven_requests"] {
        let statement = format!("UPDATE budgets SET {column} = {column} + 1 WHERE stretch LIKE 'month:%'");
        let found = place.problems_after(&statement).await;
        let named = |p: &Problem| matches!(p, Problem::BudgetDiffers { column: c, .. } if *c == column);
        assert!(found.iter().any(named), "{column}: {found:?}");
    }
    let found = place.problems_after("DELETE FROM budgets").await;
    assert!(found.iter().any(|p| matches!(p, Problem::BudgetDiffers { .. })), "{found:?}");
}

async fn every_kept_figure_is_compared(place: Place) {
    tell(&place).await;
    for column in ["intents", "unfinished", "rated", "confidence", "billed"] {
        let found = place.problems_after(&format!("UPDATE tallies SET {column} = {column} + 1")).await;
        let named = |p: &Problem| matches!(p, Problem::FiguresDiffer { column: c, .. } if *c == column);
        assert!(found.iter().any(named), "{column}: {found:?}");
    }
    let found = place.problems_after("DELETE FROM tallies WHERE name = 'suggestions'").await;
    let wanted = Problem::FiguresDiffer {
        name: "suggestions".to_owned(),
        column: "intents".to_owned(),
        expected: 10,
        found: 0,
    };
    assert_eq!(found, [wanted]);
}

async fn lost_and_changed_bytes_and_answers_are_found_and_never_served(place: Place) {
    tell(&place).await;
    let diff = Sha256::of(DIFF).to_string();
    let found = place.problems_after(&format!("DELETE FROM blobs WHERE sha256 = '{diff}'")).await;
    assert!(found.contains(&Problem::BlobMissing { sha256: diff.clone(), seq: 7 }), "{found:?}");
    let other = place.bytes("other");
    for change in [&format!("bytes = {other}"), "bytes = NULL", "size = 1"] {
        let found = place.problems_after(&format!("UPDATE blobs SET {change} WHERE sha256 = '{diff}'")).await;
        assert_eq!(found, [Problem::BlobChanged { sha256: diff.clone() }], "{change}");
    }
    for change in ["model = 'large'", "provider = 'x'", "usage = NULL", "at = 1", "seq = 1", "form = 'diff'"]
    {
        let found = place.problems_after(&format!("UPDATE exchanges SET {change}")).await;
        assert!(found.iter().any(|p| matches!(p, Problem::ExchangeChanged { .. })), "{change}: {found:?}");
    }
    place.execute(&format!("UPDATE blobs SET bytes = {other}")).await;
    let store = place.open().await;
    let refused = store.blob(&Sha256::of(DIFF)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
}

async fn an_edited_event_is_not_acted_upon(place: Place) {
    tell(&place).await;
    place.execute("UPDATE journal SET at = at + 1 WHERE seq = 75").await;
    let store = place.open().await;
    let refused = store.intent(&Story::new(10).id).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Damaged { detail, .. } if detail == "entry 75 was changed"),
        "{refused}"
    );
    assert!(store.intent(&Story::new(1).id).await.unwrap().is_some());
}

async fn an_event_of_a_newer_format_is_refused_by_its_number(place: Place) {
    tell(&place).await;
    let newer = i64::from(EVENT_FORMAT) + 1;
    place.execute(&format!("UPDATE journal SET format = {newer} WHERE seq = 75")).await;
    let refused = place.open().await.intent(&Story::new(10).id).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::NewerEvent { seq: 75, format, .. } if format == newer),
        "{refused}"
    );
}

async fn a_changed_schema_and_a_planted_trigger_are_found(place: Place) {
    tell(&place).await;
    let trigger = if place.is_file() {
        "CREATE TRIGGER t AFTER INSERT ON journal BEGIN DELETE FROM ledger; END"
    } else {
        "CREATE TRIGGER t BEFORE UPDATE ON journal FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    };
    for statements in ["DROP INDEX intents_live_finding", trigger, "CREATE TABLE more (x TEXT)"] {
        let found = place.problems_after(statements).await;
        assert!(matches!(found.as_slice(), [Problem::Structure { .. }]), "{statements}: {found:?}");
    }
}

/// Whether a byte belongs to a b-tree's head or cells, and not to the room between them, where nothing is stored
/// (<https://www.sqlite.org/fileformat2.html#b_tree_pages>).
fn is_used(bytes: &[u8], at: usize) -> bool {
    const PAGE: usize = 4096;
    let page = &bytes[at / PAGE * PAGE..][..PAGE];
    let number = |at: usize| usize::from(page[at]) << 8 | usize::from(page[at + 1]);
    let head = if at < PAGE { 100 } else { 0 };
    let pointers = head + if matches!(page[head], 2 | 5) { 12 } else { 8 };
    let room = pointers + 2 * number(head + 3)..number(head + 5);
    // Blocks that were freed among the cells: each begins with the next one's place and its own size.
    let mut free = vec![room];
    let mut block = number(head + 1);
    while block != 0 {
        free.push(block + 4..block + number(block + 2));
        block = number(block);
    }
    !free.iter().any(|range| range.contains(&(at % PAGE)))
}

/// Every byte in use, in steps, behind the file's header (whose counters any writer changes).
#[tokio::test]
async fn a_flipped_byte_anywhere_in_the_file_is_noticed() {
    let place = Place::sqlite();
    tell(&place).await;
    // The counters of minutes are kept for a while only, and no part of the record. Without VACUUM, pages hold left-overs
    // of rows that moved, and nobody misses those.
    place.execute("DELETE FROM budgets WHERE stretch LIKE 'minute:%'; VACUUM").await;
    let bytes = std::fs::read(place.path().join("journal.db")).unwrap();
    let places: Vec<usize> = (100..bytes.len()).filter(|at| is_used(&bytes, *at)).step_by(397).collect();
    assert!(places.len() > 100, "{}", places.len());
    let mut missed = Vec::new();
    for at in places {
        let copy = place.copy().await;
        let mut edited = bytes.clone();
        edited[at] ^= 1;
        std::fs::write(copy.path().join("journal.db"), edited).unwrap();
        let clean = match Store::open(copy.path()).await {
            Ok(store) => store.verify(&[]).await.is_ok_and(|report| report.is_clean()),
            Err(_) => false,
        };
        if clean {
            missed.push(at);
        }
    }
    assert_eq!(missed, Vec::<usize>::new());
}
