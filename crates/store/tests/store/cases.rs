//! Every case of the collections about budgets and the audit, with the test that shows it, wherever that test stands.

use std::collections::BTreeSet;

/// The test that shows a case: its file and its name.
struct By(&'static str, &'static str);

const BUDGET: &str = "crates/store/tests/store/budget.rs";
const AUDIT: &str = "crates/store/tests/store/audit.rs";
const JOURNAL: &str = "crates/store/tests/store/journal.rs";
const PROCESSES: &str = "crates/store/tests/store/processes.rs";
const WITNESS: &str = "crates/store/tests/store/witness.rs";
const ERASE: &str = "crates/store/tests/store/erase.rs";
const FAULTS: &str = "crates/cli/tests/stories/faults.rs";
const LOCAL: &str = "crates/cli/tests/stories/local.rs";

const BUDGET_CASES: &[(&str, By)] = &[
    // Each test of this file runs on SQLite and on PostgreSQL, whose writers take turns by a lock of the transaction.
    ("bud-002", By(BUDGET, "of_fifty_callers_for_ten_places_exactly_ten_get_one")),
    ("bud-003", By(BUDGET, "both_agents_at_the_limit_take_their_rows_in_one_order")),
    ("bud-004", By(BUDGET, "the_first_callers_of_an_unknown_agent_are_held_to_its_limit")),
    ("bud-005", By(BUDGET, "a_reservation_belongs_to_the_day_in_which_it_was_made")),
    ("bud-006", By(PROCESSES, "killed_spenders_lose_nothing_once_their_leases_ran_out")),
    (
        "bud-007",
        By(FAULTS, "killed_while_a_paid_question_is_announced_its_ceiling_is_charged_and_else_what_it_cost"),
    ),
    (
        "bud-010",
        By(
            "crates/cli/tests/stories/http.rs",
            "each_mood_of_each_service_ends_in_a_named_state_with_the_money_settled",
        ),
    ),
    ("bud-011", By(BUDGET, "a_release_gives_everything_back_and_happens_once")),
    ("bud-014", By(LOCAL, "an_answer_without_usage_is_charged_at_the_ceiling")),
    ("bud-018", By(BUDGET, "a_limit_that_was_lowered_below_what_is_spent_refuses_what_is_new")),
    ("bud-020", By(BUDGET, "each_attempt_takes_of_the_intents_own_room_until_there_is_none")),
    (
        "bud-021",
        By(
            "crates/server/tests/api/auth.rs",
            "two_servers_of_one_registry_count_the_requests_of_an_agent_together",
        ),
    ),
];

const AUDIT_CASES: &[(&str, By)] = &[
    ("aud-001", By(AUDIT, "a_changed_column_of_the_journal_is_named_by_its_entry")),
    (
        "aud-003",
        By(
            "crates/cli/tests/stories/audit.rs",
            "a_cut_tail_is_found_by_the_commits_when_the_head_file_is_taken_away_too",
        ),
    ),
    ("aud-005", By(WITNESS, "a_rewritten_history_does_not_go_on_from_what_a_witness_kept")),
    ("aud-006", By(PROCESSES, "a_killed_writer_leaves_a_chain_that_verifies_and_goes_on")),
    ("aud-009", By("crates/domain/src/ids.rs", "moving_a_delimiter_between_fields_changes_the_hash")),
    ("aud-010", By(PROCESSES, "fifty_writers_with_their_own_connections_leave_no_gap")),
    ("aud-011", By(ERASE, "what_is_erased_leaves_a_salted_hash_and_a_whole_chain")),
    ("aud-012", By(JOURNAL, "a_clock_that_goes_back_is_counted_and_does_not_disturb_the_order")),
    ("aud-013", By(WITNESS, "a_new_key_signs_and_what_the_old_one_signed_still_verifies")),
];

#[test]
fn every_case_is_shown_by_a_test_that_exists() {
    let root = testkit::workspace_root();
    for (list, file) in [(BUDGET_CASES, "budget.jsonl"), (AUDIT_CASES, "audit.jsonl")] {
        for (id, By(place, name)) in list {
            let text = std::fs::read_to_string(root.join(place)).unwrap_or_default();
            assert!(text.contains(&format!("fn {name}(")), "{id}: no test {name} in {place}");
        }
        let Some(cases) = testkit::cases_dir() else {
            println!("the collection of cases is not here: the ids of {file} were not compared");
            continue;
        };
        let text = std::fs::read_to_string(cases.join(file)).unwrap();
        let id = |line: &str| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_owned()
        };
        let wanted: BTreeSet<String> = text.lines().filter(|line| !line.is_empty()).map(id).collect();
        let listed: BTreeSet<String> = list.iter().map(|(id, _)| (*id).to_owned()).collect();
        assert_eq!(listed, wanted, "{file}");
    }
}
