//! Who gets in, who sees what, and how often.

use domain::agent::Right;
use serde_json::json;
use server::Limits;

use crate::house::{ASTRAY, House, PATCH};

/// Every route behind a key, and one that is not there.
const ROUTES: [(&str, &str); 18] = [
    ("POST", "/intents"),
    ("GET", "/intents"),
    ("GET", "/intents/0199aaaa-0000-7000-8000-000000000000"),
    ("GET", "/intents/0199aaaa-0000-7000-8000-000000000000/patch"),
    ("POST", "/intents/0199aaaa-0000-7000-8000-000000000000/abort"),
    ("POST", "/intents/0199aaaa-0000-7000-8000-000000000000/reviews"),
    ("GET", "/intents/0199aaaa-0000-7000-8000-000000000000/events"),
    ("GET", "/events"),
    ("POST", "/proposals"),
    ("POST", "/agents"),
    ("GET", "/agents"),
    ("GET", "/agents/bot"),
    ("DELETE", "/agents/bot"),
    ("POST", "/agents/bot/keys"),
    ("POST", "/agents/bot/certificate"),
    ("GET", "/usage"),
    ("GET", "/metrics"),
    ("GET", "/nothing/there"),
];

#[test]
fn without_a_valid_key_every_route_gives_the_same_answer() {
    let house = House::new();
    let key = house.proposer();
    let (rest, last) = key.split_at(key.len() - 1);
    let wrong = format!("{rest}{}", if last == "0" { "1" } else { "0" });
    let unknown = format!("ctk_{}_{}", "0".repeat(12), "1".repeat(64));
    let first = house.client.get("/intents", "").is(401, "unauthorized");
    assert_eq!(first.header("www-authenticate"), Some("Bearer"));
    for (method, path) in ROUTES.into_iter().chain([("POST", "/mcp")]) {
        for key in ["", "x", &wrong, &unknown] {
            let answer = house.client.send(method, path, key, &[], "").is(401, "unauthorized");
            assert_eq!(answer.body, first.body, "{method} {path} {key}");
        }
    }
    for path in ["/health", "/ready", "/openapi.json"] {
        house.client.get(path, "").ok();
    }
}

#[test]
fn what_is_somebody_elses_is_not_there() {
    let house = House::new();
    let (owner, stranger) = (house.proposer(), house.agent("other", &[Right::Propose]));
    let reviewer = house.agent("lead", &[Right::Review]);
    let admin = house.agent("root", &[Right::Admin]);
    let id = house.client.post("/proposals", &owner, &json!({ "patch": ASTRAY })).ok().id();
    house.rested(&id, &owner);
    let nowhere = "0199aaaa-0000-7000-8000-000000000000";
    for (method, rest, body) in [
        ("GET", "", ""),
        ("GET", "/patch", ""),
        ("GET", "/events", ""),
        ("POST", "/abort", ""),
        ("POST", "/reviews", "{\"decision\":\"approve\"}"),
    ] {
        let theirs = house.client.send(method, &format!("/intents/{id}{rest}"), &stranger, &[], body);
        let none = house.client.send(method, &format!("/intents/{nowhere}{rest}"), &stranger, &[], body);
        assert_eq!(theirs.is(404, "not-found").body, none.is(404, "not-found").body, "{method} {rest}");
    }
    assert_eq!(house.client.get("/intents", &stranger).ok().json()["intents"], json!([]));
    assert_eq!(house.client.get("/intents?agent=bot", &stranger).ok().json()["intents"], json!([]));
    for key in [&owner, &reviewer, &admin] {
        house.client.get(&format!("/intents/{id}"), key).ok();
        assert_eq!(house.client.get("/intents", key).ok().json()["intents"][0]["id"], id.as_str());
    }
    // Each try is on record, for admins alone.
    let traces = house.client.get("/traces", &admin).ok().json();
    let tries = |subject: &str| {
        let all = traces["traces"].as_array().unwrap().iter();
        all.filter(|t| t["subject"] == subject && t["who"] == "other" && t["outcome"] == "not-found").count()
    };
    assert_eq!((tries(&id), tries(nowhere)), (5, 5), "{traces}");
    house.client.get("/traces", &reviewer).is(403, "forbidden");
}

#[test]
fn a_revoked_or_expired_key_is_refused_at_once_by_every_server() {
    let house = House::new();
    let (admin, key) = (house.agent("root", &[Right::Admin]), house.proposer());
    let other = house.another(Limits::default(), None);
    other.get("/intents", &key).ok();
    // A new key, with an overlap for the old one.
    let rotated =
        house.client.post("/agents/bot/keys", &admin, &json!({ "overlap_seconds": 60 })).ok().json();
    let second = rotated["key"].as_str().unwrap().to_owned();
    other.get("/intents", &key).ok();
    house.pass(61);
    other.get("/intents", &key).is(401, "unauthorized");
    other.get("/intents", &second).ok();
    // While it is in use by others.
    let client = house.client;
    let in_use = second.clone();
    let users = std::thread::spawn(move || {
        let mut answers: Vec<u16> = Vec::new();
        while answers.last() != Some(&401) {
            answers.push(client.get("/intents", &in_use).status);
        }
        answers
    });
    house.client.send("DELETE", "/agents/bot", &admin, &[], "").ok();
    other.get("/intents", &second).is(401, "unauthorized");
    house.client.get("/intents", &second).is(401, "unauthorized");
    let answers = users.join().unwrap();
    assert!(answers.iter().all(|status| [200, 401].contains(status)), "{answers:?}");
}

#[test]
fn an_agent_without_the_scope_is_refused_and_nobody_approves_their_own() {
    let house = House::new();
    let bot = house.proposer();
    for (method, path, body) in [
        ("GET", "/agents", ""),
        ("POST", "/agents", "{\"name\":\"x\"}"),
        ("DELETE", "/agents/bot", ""),
        ("POST", "/agents/bot/keys", "{}"),
        ("POST", "/agents/bot/certificate", "{\"certified\":true}"),
        ("GET", "/traces", ""),
        ("GET", "/usage", ""),
    ] {
        house.client.send(method, path, &bot, &[], body).is(403, "forbidden");
    }
    house.client.get("/agents/bot", &bot).ok();
    house.client.get("/agents/other", &bot).is(403, "forbidden");
    let lead = house.agent("lead", &[Right::Review]);
    house.client.post("/proposals", &lead, &json!({ "patch": PATCH })).is(403, "forbidden");
    let all = house.agent("all", &[Right::Propose, Right::Review, Right::Admin]);
    let body = json!({ "patch": PATCH, "goal": "review" });
    let id = house.client.post("/proposals", &all, &body).ok().id();
    for decision in [json!({ "decision": "approve" }), json!({ "decision": "reject", "reason": "no" })] {
        let own = house.client.post(&format!("/intents/{id}/reviews"), &all, &decision).is(403, "forbidden");
        assert!(own.body.contains("what it asked for"), "{own:?}");
    }
}

#[test]
fn a_key_in_the_address_is_refused() {
    let house = House::new();
    let key = house.proposer();
    for query in [format!("key={key}"), format!("access_token={key}"), format!("x={key}")] {
        for header in ["", &key] {
            let answer = house.client.get(&format!("/intents?{query}"), header).is(400, "bad-request");
            assert!(!answer.body.contains(&key), "{answer:?}");
        }
    }
}

#[test]
fn a_burst_of_one_agent_is_told_when_to_come_back_and_others_are_not_concerned() {
    let house = House::with(Limits { strangers_per_minute: 3, ..Limits::default() });
    let (bot, other) =
        (house.agent_with("bot", &[Right::Propose], Some(5)), house.agent("other", &[Right::Propose]));
    assert!((0..5).all(|_| house.client.get("/intents", &bot).status == 200));
    let refused = house.client.get("/intents", &bot).is(429, "too-many-requests");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    house.client.get("/intents", &other).ok();
    // The limit of those without a key is their address's, and does not touch those who have one.
    assert!((0..3).all(|_| house.client.get("/intents", "").status == 401));
    let refused = house.client.get("/intents", "x").is(429, "too-many-requests");
    assert!(refused.header("retry-after").is_some());
    house.client.get("/intents", &other).ok();
}

#[test]
fn two_servers_of_one_registry_count_the_requests_of_an_agent_together() {
    let house = House::new();
    let key = house.agent_with("bot", &[Right::Propose], Some(7));
    let other = house.another(Limits::default(), None);
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(house.client.get("/intents", &key).status);
        answers.push(other.get("/intents", &key).status);
    }
    assert_eq!(answers, [200, 200, 200, 200, 200, 200, 200, 429, 429, 429]);
    let refused = other.get("/intents", &key).is(429, "too-many-requests");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    // A minute later there are seven more, as far as each server's own counter lets them through.
    house.pass(60);
    assert_eq!(house.client.get("/intents", &key).status, 200);
}

#[test]
fn the_keys_of_one_agent_share_its_limit() {
    let house = House::new();
    let admin = house.agent("root", &[Right::Admin]);
    let first = house.agent_with("bot", &[Right::Propose], Some(6));
    let mut keys = vec![first];
    for _ in 0..2 {
        let made =
            house.client.post("/agents/bot/keys", &admin, &json!({ "overlap_seconds": 600 })).ok().json();
        keys.push(made["key"].as_str().unwrap().to_owned());
    }
    for key in keys.iter().cycle().take(6) {
        house.client.get("/intents", key).ok();
    }
    for key in &keys {
        house.client.get("/intents", key).is(429, "too-many-requests");
    }
}
