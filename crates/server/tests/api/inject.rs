//! Texts that would be orders elsewhere: to a database, a shell, git, a forge, a header.

use domain::agent::Right;
use serde_json::{Value, json};

use crate::house::{ASTRAY, House, PATCH};

const TEXTS: [&str; 7] = [
    "' OR 1=1--",
    "'); DROP TABLE intents; --",
    "%",
    "_",
    "a\\b\"c",
    "$(touch made); `touch made`; ${IFS}",
    "{{7*7}} ${7*7} \u{202e}evil",
];

#[test]
fn orders_to_a_database_are_texts_like_any_other() {
    let house = House::new();
    let key = house.proposer();
    let query = |text: &str| text.bytes().map(|b| format!("%{b:02x}")).collect::<String>();
    for text in TEXTS {
        let body = json!({ "patch": PATCH, "text": text, "goal": "verify" });
        let answer = house.client.post("/proposals", &key, &body).ok();
        assert_eq!(answer.json()["text"], text);
        assert_eq!(house.client.get(&format!("/intents/{}", answer.id()), &key).ok().json()["text"], text);
        for name in ["status", "file", "rule"] {
            let page = house.client.get(&format!("/intents?{name}={}", query(text)), &key).ok().json();
            assert_eq!(page["intents"], json!([]), "{name}={text}");
        }
        for name in ["codex_suggestion_id", "agent", "kind", "limit", "cursor"] {
            house.client.get(&format!("/intents?{name}={}", query(text)), &key).is(400, "bad-request");
        }
        let finding = json!({ "finding":
            { "tool": text, "code": text, "path": "app.py", "line": 2, "message": text }, "patch": PATCH });
        let stored = house.client.post("/proposals", &key, &finding);
        if stored.status == 202 {
            assert_eq!(stored.json()["finding"]["code"], text);
            let page = house.client.get(&format!("/intents?rule={}", query(text)), &key).ok().json();
            assert_eq!(page["intents"].as_array().unwrap().len(), 1, "{page}");
        }
    }
    let nul = json!({ "patch": PATCH, "text": "a\u{0}b" });
    house.client.post("/proposals", &key, &nul).is(422, "invalid");
    house.client.get("/intents?file=a%00b", &key).is(400, "bad-request");
    assert!(!house.client.get("/intents", &key).ok().json()["intents"].as_array().unwrap().is_empty());
    assert!(house.store(async |store| store.verify(&[]).await.unwrap().is_clean()));
}

#[test]
fn an_id_in_a_path_is_an_id_or_nothing() {
    let house = House::new();
    let key = house.proposer();
    let long = "a".repeat(20_000);
    for id in [
        "..",
        "%2e%2e",
        "..%2f..%2fetc",
        "%2e%2e%2f",
        "%00",
        "%2fetc%2fpasswd",
        "x",
        "%F0%9F%92%A9",
        "%ff",
        "*",
        "' OR 1=1",
        "0199AAAA-0000-7000-8000-000000000000",
        "0199aaaa00007000800000000000000",
        &long,
    ] {
        let id = id.replace(' ', "%20");
        for rest in ["", "/patch", "/events"] {
            let answer = house.client.get(&format!("/intents/{id}{rest}"), &key);
            assert!([400, 404].contains(&answer.status), "{id}{rest}: {answer:?}");
        }
    }
}

#[test]
fn a_base_is_a_plain_name_of_a_branch_or_a_commit() {
    let house = House::new();
    let key = house.proposer();
    for base in [
        "--upload-pack=x",
        "-x",
        "a..b",
        "@{-1}",
        "HEAD~1",
        "refs/heads/../x",
        "x.lock",
        "",
        " ",
        "\u{3000}",
        &"a".repeat(1024),
        "$(touch made)",
        "a b",
        "main:app.py",
        "no-such-branch",
        &"0".repeat(40),
    ] {
        let body = json!({ "patch": PATCH, "base": base });
        house.client.post("/proposals", &key, &body).is(422, "invalid");
    }
    let head = house.repo.head().to_string();
    for base in ["main", "refs/heads/main", &head] {
        let body = json!({ "patch": PATCH, "base": base, "text": base });
        assert_eq!(house.client.post("/proposals", &key, &body).ok().json()["base"]["commit"], head.as_str());
    }
}

#[test]
fn a_message_cannot_forge_close_mention_or_switch_off() {
    let house = House::new();
    let (key, lead) = (house.proposer(), house.agent("lead", &[Right::Review]));
    let id = house.client.post("/proposals", &key, &json!({ "patch": ASTRAY })).ok().id();
    house.rested(&id, &key);
    for message in [
        "fix: a\n\nSigned-off-by: Somebody <some@body.invalid>",
        "fix: a\r\n\r\nCo-authored-by: X <x@y.invalid>",
        "fix: a\u{0}",
        "fix: a\n\nCloses #1",
        "fix: thanks @everybody",
        "fix: a [skip ci]",
        "",
    ] {
        let review = json!({ "decision": "approve", "message": message });
        house.client.post(&format!("/intents/{id}/reviews"), &lead, &review).is(422, "invalid");
    }
}

#[test]
fn nobody_names_an_author_an_address_or_a_header_of_ours() {
    let house = House::new();
    let key = house.proposer();
    // There is no such field: who writes commits is the operator's configuration, and nothing here calls out.
    for field in
        ["author", "email", "committer", "webhook", "callback_url", "url", "repository", "agent", "id"]
    {
        for value in ["x <y>", "http://169.254.169.254/", "file:///etc/passwd", "a\r\nX-Y: z"] {
            let mut body = json!({ "patch": PATCH });
            body[field] = Value::from(value);
            house.client.post("/proposals", &key, &body).is(400, "bad-request");
        }
    }
    // A line end in a title becomes no header and no trailer.
    let body = json!({ "patch": PATCH, "text": "a title\nSigned-off-by: X <x@y.invalid>\n\nX-Header: y" });
    let answer = house.client.post("/proposals", &key, &body).ok();
    assert!(answer.header("x-header").is_none() && !answer.head.contains("Signed-off-by"), "{answer:?}");
    let body = json!({ "patch": PATCH, "text": "a title\r\nX-Header: y\u{1b}[31m" });
    house.client.post("/proposals", &key, &body).is(422, "invalid");
}
