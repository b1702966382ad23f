//! Requests that are sent again, decisions at once, streams of events, and who may listen where.

use domain::agent::Right;
use serde_json::{Value, json};
use server::{Limits, Options, ServerError};

use crate::client::eventually;
use crate::house::{ASTRAY, House, PATCH};

#[test]
fn a_request_that_is_sent_again_is_done_once() {
    let house = House::new();
    let (key, other) = (house.proposer(), house.agent("other", &[Right::Propose]));
    let body = json!({ "patch": PATCH }).to_string();
    let once = [("Idempotency-Key", "4f1c")];
    let first = house.client.send("POST", "/proposals", &key, &once, &body).ok().id();
    let again = house.client.send("POST", "/proposals", &key, &once, &body).ok();
    assert_eq!(again.id(), first);
    assert_eq!(again.header("location"), Some(format!("/intents/{first}").as_str()));
    let different = json!({ "patch": PATCH, "text": "another" }).to_string();
    house.client.send("POST", "/proposals", &key, &once, &different).is(422, "idempotency-mismatch");
    assert_ne!(house.client.send("POST", "/proposals", &other, &once, &body).ok().id(), first);
    for bad in ["", "a b", "é", &"x".repeat(201)] {
        house
            .client
            .send("POST", "/proposals", &key, &[("Idempotency-Key", bad)], &body)
            .is(400, "bad-request");
    }
    assert_eq!(house.client.get("/intents", &key).ok().json()["intents"].as_array().unwrap().len(), 1);
}

#[test]
fn of_many_equal_requests_at_once_one_change_comes() {
    let house = House::new();
    let key = house.proposer();
    let body = json!({ "patch": PATCH }).to_string();
    let ids: Vec<String> = std::thread::scope(|scope| {
        let ask = || {
            eventually(|| {
                let answer =
                    house.client.send("POST", "/proposals", &key, &[("Idempotency-Key", "k")], &body);
                // The one that came second while the first was being registered may be told to come again.
                assert!([202, 409].contains(&answer.status), "{answer:?}");
                (answer.status == 202).then(|| answer.id())
            })
        };
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(house.client.get("/intents", &key).ok().json()["intents"].as_array().unwrap().len(), 1);
}

#[test]
fn pages_follow_one_another_without_gaps() {
    let house = House::new();
    let key = house.proposer();
    let mut all: Vec<String> = (0..5)
        .map(|n| {
            house
                .client
                .post("/proposals", &key, &json!({ "patch": ASTRAY, "text": n.to_string() }))
                .ok()
                .id()
        })
        .collect();
    all.reverse();
    let (mut found, mut path) = (Vec::new(), "/intents?limit=2".to_owned());
    loop {
        let page = house.client.get(&path, &key).ok().json();
        found
            .extend(page["intents"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/intents?limit=2&cursor={next}");
    }
    assert_eq!(found, all);
    let view = house.rested(&all[0], &key);
    let suggestion = view["attempts"][0]["codex_suggestion_id"].as_str().unwrap();
    let page = house.client.get(&format!("/intents?codex_suggestion_id={suggestion}"), &key).ok().json();
    assert_eq!(page["intents"][0]["id"], all[0].as_str());
    assert_eq!(page["intents"].as_array().unwrap().len(), 1);
    for bad in ["limit=0", "limit=201", "limit=-1", "cursor=x", "cursor=99999999999999999999", "kind=x"] {
        house.client.get(&format!("/intents?{bad}"), &key).is(400, "bad-request");
    }
}

/// The names of the events in a stream's text.
fn names(body: &str) -> Vec<&str> {
    body.lines().filter_map(|line| line.strip_prefix("event: ").or(line.strip_prefix("event:"))).collect()
}

#[test]
fn the_events_of_a_change_are_told_until_it_rests() {
    let house = House::new();
    let key = house.proposer();
    let id = house.client.post("/proposals", &key, &json!({ "patch": ASTRAY })).ok().id();
    let told = house.client.get(&format!("/intents/{id}/events"), &key).ok();
    assert_eq!(told.header("content-type"), Some("text/event-stream"));
    let names = names(&told.body);
    assert_eq!(names[..2], ["IntentReserved", "Routed"], "{told:?}");
    assert!(house.client.get(&format!("/intents/{id}"), &key).ok().json()["at_rest"] == true);
    // From the middle on.
    let ids: Vec<&str> =
        told.body.lines().filter_map(|l| l.strip_prefix("id: ").or(l.strip_prefix("id:"))).collect();
    let path = format!("/intents/{id}/events");
    let rest = house.client.send("GET", &path, &key, &[("Last-Event-ID", ids[1])], "").ok();
    assert_eq!(self::names(&rest.body), names[2..]);
    house.client.send("GET", &path, &key, &[("Last-Event-ID", "x")], "").is(400, "bad-request");
}

#[test]
fn what_others_write_is_told_too_and_only_what_may_be_seen() {
    use std::io::{BufRead, BufReader, Write};
    let house = House::new();
    let (bot, other) = (house.proposer(), house.agent("other", &[Right::Propose]));
    let second = house.another(Limits { agent_per_minute: 0, ..Limits::default() }, None);
    let mut stream = house.client.connect();
    write!(stream, "GET /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bot}\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines();
    while !lines.next().unwrap().unwrap().is_empty() {}
    // By another server over the same registry, as another process would be.
    let hidden = second.post("/proposals", &other, &json!({ "patch": PATCH, "text": "hidden" })).ok().id();
    let seen = second.post("/proposals", &bot, &json!({ "patch": PATCH, "text": "seen" })).ok().id();
    let data = lines.map(Result::unwrap).find_map(|line| {
        line.strip_prefix("data: ")
            .or(line.strip_prefix("data:"))
            .map(|json| serde_json::from_str::<Value>(json).unwrap())
    });
    let data = data.unwrap();
    assert_eq!((&data["intent"], &data["name"]), (&json!(seen), &json!("IntentReserved")), "not {hidden}");
}

#[test]
fn another_address_than_loopback_wants_keys_and_tls() {
    let house = House::new();
    let options = |behind_proxy| Options {
        address: ([0, 0, 0, 0], 0).into(),
        tls: None,
        behind_proxy,
        jobs: 1,
        grace: std::time::Duration::from_secs(1),
        limits: Limits::default(),
        retention: None,
    };
    let refused = |behind_proxy| house.bind(options(behind_proxy)).err();
    assert!(matches!(refused(true), Some(ServerError::NoKeys { .. })));
    house.proposer();
    assert!(matches!(refused(false), Some(ServerError::NoTls { .. })));
    assert!(refused(true).is_none());
}

#[test]
fn an_agent_that_names_a_provider_does_not_approve_what_it_costs() {
    let house = House::on_approval();
    let key = house.proposer();
    let body = json!({ "text": "do it", "provider": "external" });
    let id = house.client.post("/intents", &key, &body).ok().id();
    assert_eq!(house.rested(&id, &key)["status"], "needs-approval");
}

#[test]
fn a_change_starts_from_the_commit_that_is_there_when_it_is_asked_for() {
    let house = House::new();
    let key = house.proposer();
    let based_on = |text: &str| {
        let body = json!({ "patch": ASTRAY, "text": text });
        house.client.post("/proposals", &key, &body).ok().json()["base"]["commit"].clone()
    };
    let first = based_on("one");
    assert_eq!(based_on("two"), first);
    house.repo.write("app.py", "def empty(x):\n    return not x\n");
    house.repo.commit("another");
    let second = based_on("three");
    assert_ne!(second, first);
    assert_eq!(second, house.repo.git(&["rev-parse", "HEAD"]).trim());
}

#[test]
fn a_server_puts_what_is_older_than_the_owner_keeps_into_a_file() {
    let house = House::new();
    let key = house.proposer();
    let [old, last] = ["old", "last"].map(|text| {
        let body = json!({ "patch": ASTRAY, "text": text });
        let id = house.client.post("/proposals", &key, &body).ok().id();
        house.rested(&id, &key);
        id
    });
    let archive = house.repo.side_folder("archive").join("of/old");
    house.pass_days(3);
    let client = house.start(Options {
        address: ([127, 0, 0, 1], 0).into(),
        tls: None,
        behind_proxy: false,
        jobs: 1,
        grace: std::time::Duration::from_secs(1),
        limits: Limits::default(),
        retention: Some(engine::Retention { days: 2, archive: archive.clone() }),
    });
    let file = [archive.join("compacted-000001.jsonl")];
    let gone = |id: &str| client.get(&format!("/intents/{id}"), &key).status == 410;
    eventually(|| gone(&old).then_some(()));
    assert!(!gone(&last), "it has the journal's last entry of a change");
    house.store(async |store| {
        let report = store.verify_and_tell(&[], &file, &mut |_, _| {}).await.unwrap();
        assert!(report.is_clean() && report.proven > 0, "{report:?}");
    });
}

#[test]
fn a_compacted_change_is_listed_and_told_to_be_gone() {
    let house = House::new();
    let (key, reviewer) = (house.proposer(), house.agent("reviewer", &[Right::Review]));
    let other = house.agent("other", &[Right::Propose]);
    let [old, last] = ["old", "last"].map(|text| {
        let body = json!({ "patch": ASTRAY, "text": text });
        let id = house.client.post("/proposals", &key, &body).ok().id();
        house.rested(&id, &key);
        id
    });
    let file = house.repo.side_folder("old.jsonl");
    house.store(async |store| {
        let later = store::Micros(1_767_229_200_000_000);
        let wanted = store::Compacting {
            before: later,
            file: &file,
            keep_blobs: false,
            most: None,
            at: later,
            by: "root",
        };
        assert_eq!(store.compact(&wanted).await.unwrap().unwrap().intents, 1, "the last one stays whole");
    });
    for path in ["", "/events", "/patch"] {
        let gone = house.client.get(&format!("/intents/{old}{path}"), &key).is(410, "compacted");
        assert_eq!(gone.json()["detail"], "it is over, and its record was compacted on 2026-01-01", "{path}");
    }
    house.client.post(&format!("/intents/{old}/abort"), &key, &json!({})).is(410, "compacted");
    let review = json!({ "decision": "reject", "reason": "late" });
    house.client.post(&format!("/intents/{old}/reviews"), &reviewer, &review).is(410, "compacted");
    // Who could not see it before does not learn that it was there.
    house.client.get(&format!("/intents/{old}"), &other).is(404, "not-found");
    house.client.get(&format!("/intents/{last}"), &key).ok();
    let page = house.client.get("/intents", &key).ok().json();
    let listed: Vec<&str> =
        page["intents"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(listed, [last.as_str(), old.as_str()]);
    // What was asked for by an idempotency key, or is handed in again, is another change.
    assert_ne!(
        house.client.post("/proposals", &key, &json!({ "patch": ASTRAY, "text": "old" })).ok().id(),
        old
    );
}
