//! A registry on a PostgreSQL server, named by the environment: the same stories, and two machines that share them.

use crate::tell::Tale;

#[test]
fn a_change_is_recorded_and_audited_on_a_server_and_its_budget_reset() {
    testkit::requires!(testkit::postgres_need());
    let url = testkit::postgres_schema();
    let mut told = Tale::PUBLISHED.begin();
    told.place.set("CODEX_TASK_STORE__URL", &url);
    told.place.ends_with(0, Tale::PUBLISHED.commands[0]);
    assert!(!told.place.state().join("journal.db").exists(), "nothing is kept in a file");
    let report = told.place.json(0, &["audit", "verify"]);
    assert_eq!((&report["clean"], &report["report"]["intents"]), (&true.into(), &1.into()), "{report}");
    let usage = told.place.json(0, &["usage", "--by", "agent,kind"]);
    assert_eq!(usage["groups"].as_array().map(Vec::len), Some(1), "{usage}");
    told.place.ends_with(0, &["--reset-budget"]);
    told.place.ends_with(0, &["audit", "verify"]);
    let config = told.place.ends_with(0, &["config"]).stdout;
    assert!(!config.contains(&url), "an address may hold a password: {config}");
}
