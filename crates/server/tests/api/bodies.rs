//! Bodies that are too large, packed, or no JSON that anybody should read.

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::json;
use server::Limits;

use crate::client::{Client, Response};
use crate::house::{ASTRAY, House, PATCH};

fn small() -> Limits {
    Limits { body: 1 << 20, strangers_per_minute: 0, agent_per_minute: 0, ..Limits::default() }
}

/// The kibibytes of this process that are in memory: the server is in it.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_body_without_an_end_is_cut_at_the_cap_in_flat_memory() {
    let house = House::with(small());
    let key = house.proposer();
    let before = resident();
    let mut stream = house.client.connect();
    let head = format!(
        "POST /proposals HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    // A gibibyte, as long as it is taken.
    let taken = (0..16_384).take_while(|_| stream.write_all(chunk.as_bytes()).is_ok()).count();
    assert!(taken < 16_384, "the connection stayed open");
    assert!(resident() - before < 64 << 10, "{} KiB more", resident() - before);
    // A length that is over the cap is refused before the body comes.
    let head = head.replace("Transfer-Encoding: chunked", "Content-Length: 1073741824");
    house.client.raw(head.as_bytes()).is(413, "too-large");
    house.client.get("/intents", &key).ok();
}

#[test]
fn packed_bodies_are_not_taken() {
    let house = House::with(small());
    let key = house.proposer();
    for coding in ["gzip", "br", "deflate", "zstd", "x"] {
        let headers = [("Content-Encoding", coding)];
        house
            .client
            .send("POST", "/intents", &key, &headers, "{\"text\":\"x\"}")
            .is(415, "unsupported-media-type");
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let headers = [("Content-Type", kind)];
        house
            .client
            .send("POST", "/intents", &key, &headers, "{\"text\":\"x\"}")
            .is(415, "unsupported-media-type");
    }
}

#[test]
fn what_is_no_plain_json_is_refused_and_nothing_breaks() {
    let house = House::with(small());
    let key = house.proposer();
    let deep = format!("{{\"text\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let mut wide = String::from("{\"text\":\"x\"");
    for number in 0..60_000 {
        let _ = write!(wide, ",\"k{number}\":{number}");
    }
    wide.push('}');
    let twice = "{\"text\":\"a\",\"text\":\"b\"}".to_owned();
    let inner_twice = "{\"text\":\"a\",\"finding\":{\"tool\":\"a\",\"tool\":\"b\"}}".to_owned();
    let not_a_number = "{\"text\":\"a\",\"finding\":{\"line\":NaN}}".to_owned();
    let huge = "{\"text\":\"a\",\"finding\":{\"line\":1e400}}".to_owned();
    let others =
        ["", "{", "null", "[]", "\"x\"", "{\"text\":\"a\"} {}", "\u{feff}{}", "{\"text\":\"\\ud800\"}"];
    let bodies = [deep, wide, twice, inner_twice, not_a_number, huge].into_iter();
    for body in bodies.chain(others.iter().map(|text| (*text).to_owned())) {
        let headers = [("Content-Type", "application/json")];
        let answer = house.client.send("POST", "/intents", &key, &headers, &body).is(400, "bad-request");
        says_nothing_of_the_inside(&answer);
    }
    house.client.get("/ready", "").ok();
}

/// Neither a path of the machine, nor the source, nor SQL.
#[track_caller]
pub(crate) fn says_nothing_of_the_inside(answer: &Response) {
    let body = answer.body.to_lowercase();
    for word in
        ["/tmp", "/root", "/home", ".rs:", "src/", "select ", "insert ", "sqlite", "panicked", "backtrace"]
    {
        assert!(!body.contains(word), "{word}: {answer:?}");
    }
}

#[test]
fn refusals_tell_nothing_of_the_inside() {
    let house = House::new();
    let key = house.proposer();
    let client: Client = house.client;
    let answers = [
        client.get("/nothing", &key),
        client.get("/intents?limit=x", &key),
        client.get("/intents?nothing=1", &key),
        client.get("/intents/x", &key),
        client.post("/intents", &key, &json!({ "text": 5 })),
        client.post("/intents", &key, &json!({ "text": "x", "base": "no-such-branch" })),
        client.post(
            "/intents",
            &key,
            &json!({ "finding":
            { "tool": "ruff", "code": "E711", "path": "no.py", "line": 1, "message": "m" } }),
        ),
        client.post(
            "/proposals",
            &key,
            &json!({ "patch": PATCH, "finding":
            { "tool": "ruff", "code": "E711", "path": "../../etc/passwd", "line": 1, "message": "m" } }),
        ),
        client.send("PUT", "/intents", &key, &[], ""),
    ];
    for answer in answers {
        assert!((400..500).contains(&answer.status), "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        says_nothing_of_the_inside(&answer);
    }
}

#[test]
fn the_counters_name_no_repository_file_agent_or_key() {
    let house = House::new();
    let (key, lead) = (house.agent("very-special-bot", &[domain::agent::Right::Propose]), house.proposer());
    let id = house.client.post("/proposals", &key, &json!({ "patch": ASTRAY })).ok().id();
    house.rested(&id, &key);
    house.client.get("/metrics", "").is(401, "unauthorized");
    let text = house.client.get("/metrics", &lead).ok().body;
    for name in [
        "codex_suggestions_total",
        "codex_suggestions_passed_verification",
        "codex_suggestions_pr_opened",
        "codex_cost_total",
        "codex_http_requests_total",
        "codex_http_request_seconds_bucket",
    ] {
        assert!(text.contains(name), "{name}\n{text}");
    }
    assert!(text.contains("route=\"/intents/{id}\"") && text.ends_with("# EOF\n"), "{text}");
    let folder = house.repo.path().to_string_lossy().into_owned();
    for word in ["very-special-bot", "app.py", &id, &folder, &key[4..16], "main"] {
        assert!(!text.contains(word), "{word}\n{text}");
    }
}
