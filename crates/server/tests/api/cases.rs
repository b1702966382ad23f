//! Every case of the collection with the test that shows it, wherever that test stands.

use std::collections::BTreeSet;

/// How a case is shown.
enum Shown {
    /// By the test of this name in this file.
    By(&'static str, &'static str),
    /// The part that it is about is not built.
    NotBuilt(&'static str),
}

use Shown::{By, NotBuilt};

const AUTH: &str = "crates/server/tests/api/auth.rs";
const BODIES: &str = "crates/server/tests/api/bodies.rs";
const SLOW: &str = "crates/server/tests/api/slow.rs";
const INJECT: &str = "crates/server/tests/api/inject.rs";
const PROTO: &str = "crates/server/tests/api/proto.rs";
const FLOW: &str = "crates/server/tests/api/flow.rs";
const TLS: &str = "crates/server/tests/api/tls.rs";
const WHOLE: &str = "crates/cli/tests/api/whole.rs";

const NO_DASHBOARD: Shown = NotBuilt("there is no dashboard yet");
const NO_FORGE: Shown = NotBuilt("nothing is sent to a forge yet");

const CASES: &[(&str, Shown)] = &[
    ("api-001", By(AUTH, "without_a_valid_key_every_route_gives_the_same_answer")),
    ("api-003", By(AUTH, "what_is_somebody_elses_is_not_there")),
    ("api-005", By(AUTH, "a_revoked_or_expired_key_is_refused_at_once_by_every_server")),
    ("api-006", By(AUTH, "an_agent_without_the_scope_is_refused_and_nobody_approves_their_own")),
    ("api-007", By(AUTH, "a_key_in_the_address_is_refused")),
    ("api-012", By(BODIES, "a_body_without_an_end_is_cut_at_the_cap_in_flat_memory")),
    ("api-013", By(BODIES, "packed_bodies_are_not_taken")),
    ("api-015", By(BODIES, "what_is_no_plain_json_is_refused_and_nothing_breaks")),
    ("api-017", By(SLOW, "a_head_that_does_not_come_is_not_waited_for_and_others_are_served")),
    ("api-018", By(SLOW, "a_body_that_does_not_come_is_not_waited_for")),
    ("api-019", By(SLOW, "an_answer_that_is_not_read_is_not_kept_ready_for_ever")),
    ("api-020", By(SLOW, "streams_of_events_are_capped_for_each_agent")),
    ("api-021", By(INJECT, "orders_to_a_database_are_texts_like_any_other")),
    ("api-022", By(INJECT, "an_id_in_a_path_is_an_id_or_nothing")),
    ("api-024", By(INJECT, "a_base_is_a_plain_name_of_a_branch_or_a_commit")),
    ("api-025", By(INJECT, "a_message_cannot_forge_close_mention_or_switch_off")),
    ("api-026", By(INJECT, "nobody_names_an_author_an_address_or_a_header_of_ours")),
    ("api-027", By(INJECT, "nobody_names_an_author_an_address_or_a_header_of_ours")),
    ("api-028", By(INJECT, "nobody_names_an_author_an_address_or_a_header_of_ours")),
    ("api-029", NO_DASHBOARD),
    ("api-030", NO_DASHBOARD),
    ("api-031", NO_DASHBOARD),
    ("api-033", By(PROTO, "no_page_of_another_origin_may_read_anything")),
    ("api-036", NO_DASHBOARD),
    ("api-038", NO_FORGE),
    ("api-039", By(AUTH, "a_burst_of_one_agent_is_told_when_to_come_back_and_others_are_not_concerned")),
    ("api-040", By(AUTH, "the_keys_of_one_agent_share_its_limit")),
    ("api-043", By(FLOW, "a_request_that_is_sent_again_is_done_once")),
    ("api-044", By(WHOLE, "of_two_decisions_at_once_one_wins_and_both_are_on_record")),
    ("api-046", By(BODIES, "refusals_tell_nothing_of_the_inside")),
    ("api-047", By(WHOLE, "no_secret_is_in_the_logs_after_a_whole_run")),
    ("api-048", By("crates/engine/src/context/tests.rs", "secrets_are_never_read_whoever_names_them")),
    ("api-049", By(BODIES, "the_counters_name_no_repository_file_agent_or_key")),
    // Not measured, for a loaded machine would measure itself: both take one look-up of a row and give the same answer.
    ("api-050", By(AUTH, "what_is_somebody_elses_is_not_there")),
    ("api-051", By(PROTO, "one_request_is_not_read_as_two")),
    ("api-052", By(PROTO, "only_three_methods_are_known")),
    ("api-054", By(TLS, "plain_requests_and_old_versions_get_no_answer")),
];

#[test]
fn every_case_is_shown_by_a_test_that_exists_or_says_why_not() {
    let root = testkit::workspace_root();
    for (id, shown) in CASES {
        match shown {
            By(file, name) => {
                let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
                assert!(text.contains(&format!("fn {name}()")), "{id}: no test {name} in {file}");
            }
            NotBuilt(why) => println!("{id} is not shown: {why}"),
        }
    }
    let Some(cases) = testkit::cases_dir() else {
        return println!("the collection of cases is not here: its ids were not compared");
    };
    let text = std::fs::read_to_string(cases.join("api.jsonl")).unwrap();
    let id = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let wanted: BTreeSet<String> = text.lines().filter(|line| !line.is_empty()).map(id).collect();
    let listed: BTreeSet<String> = CASES.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert_eq!(listed, wanted);
}
