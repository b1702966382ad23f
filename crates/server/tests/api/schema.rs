//! The API against its own description: schemathesis (PyPI) sends what the OpenAPI document allows and what it does not,
//! with a key and without one. Its choices follow from a fixed seed.

use std::process::{Command, Stdio};

use domain::agent::Right;
use serde_json::json;
use testkit::Need;

use crate::client::eventually;
use crate::house::{House, PATCH};

/// A request that the document allows may be refused for what it asks for (422: there is no such branch), never for its
/// form (400). A change that was just registered has no patch yet: of this one route it is not asked that it knows at once
/// what another one made.
const SETTINGS: &str = r#"
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "412", "422", "428", "429"]

[[operations]]
include-operation-id = "get_patch"
checks.ensure_resource_availability.enabled = false
"#;

const PHASES: &str = "examples,coverage,fuzzing,stateful";

/// How many requests are made up for each operation in each phase; `CODEX_TASK_EXAMPLES` asks for more.
#[expect(clippy::disallowed_methods, reason = "for longer runs by hand")]
fn examples() -> String {
    std::env::var("CODEX_TASK_EXAMPLES").unwrap_or("5".to_owned())
}

/// What is asked of some of the routes, of so many operations. Streams of events have no end, and are left out.
#[expect(clippy::disallowed_methods, reason = "runs a tool of the test's own against the server")]
fn finds_nothing(
    house: &House,
    key: Option<&str>,
    id: Option<&str>,
    (routes, tested): (&[&str], u32),
) -> String {
    let settings = house.repo.side_folder("schemathesis.toml");
    let id = id.map(|id| format!("parameters.\"path.id\" = \"{id}\"\n")).unwrap_or_default();
    std::fs::write(&settings, format!("{id}{SETTINGS}")).unwrap();
    let mut command = Command::new("st");
    command.arg("--config-file").arg(&settings).arg("run");
    command.arg(format!("http://{}/openapi.json", house.client.address));
    command.args(["--seed", "1", "--max-examples", &examples(), "--phases", PHASES]);
    command.args(routes).args(["--no-color", "--request-timeout", "60"]);
    if let Some(key) = key {
        command.arg("-H").arg(format!("Authorization: Bearer {key}"));
    }
    let folder = settings.parent().unwrap();
    let done = command.current_dir(folder).stdin(Stdio::null()).output().unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    println!("{told}");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(told.contains(&format!("Tested: {tested}\n")), "{told}");
    told.into_owned()
}

/// The routes of changes and of all the rest, of agents, and of one change, with how many operations they have. A run over
/// the agents learns their names from a list and revokes them, its own too: nothing else is asked in it.
const CHANGES: (&[&str], u32) = (&["--exclude-path-regex", "events|^/agents"], 12);
const AGENTS: (&[&str], u32) = (&["--include-path-regex", "^/agents"], 6);
const ONE: (&[&str], u32) =
    (&["--include-path-regex", "^/intents/.id.", "--exclude-path-regex", "events"], 4);

#[test]
fn a_key_of_every_right_meets_no_answer_that_the_document_does_not_know() {
    testkit::requires!(Need::Program("st"));
    let house = House::new();
    let key = house.agent("root", &[Right::Propose, Right::Review, Right::Admin]);
    let told = finds_nothing(&house, Some(&key), None, CHANGES);
    assert!(!told.contains("Authentication failed"), "{told}");
    let told = finds_nothing(&house, Some(&key), None, AGENTS);
    assert!(!told.contains("Authentication failed"), "{told}");
}

#[test]
fn without_a_key_no_answer_is_unknown_to_the_document() {
    testkit::requires!(Need::Program("st"));
    let house = House::new();
    finds_nothing(&house, None, None, CHANGES);
    finds_nothing(&house, None, None, AGENTS);
}

/// Ids that are made up meet changes that are not there. Here there is one with a patch, and one that waits for a decision.
#[test]
fn the_routes_of_a_change_that_is_there_keep_to_the_document() {
    testkit::requires!(Need::Program("st"));
    let handed_in =
        |house: &House, key: &str| house.client.post("/proposals", key, &json!({ "patch": PATCH })).ok().id();
    let (house, other) = (House::new(), House::on_approval());
    let (key, other_key) = (house.proposer(), other.proposer());
    let (id, waiting) = (handed_in(&house, &key), handed_in(&other, &other_key));
    eventually(|| (house.client.get(&format!("/intents/{id}/patch"), &key).status == 200).then_some(()));
    assert_eq!(other.rested(&waiting, &other_key)["status"], "needs-approval");
    for (house, id) in [(house, id), (other, waiting)] {
        let lead = house.agent("lead", &[Right::Review]);
        let told = finds_nothing(&house, Some(&lead), Some(&id), ONE);
        assert!(told.contains("Stateful"), "{told}");
    }
}
