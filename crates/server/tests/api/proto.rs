//! What the protocol allows and this server does not, or the other way round.

use serde_json::json;

use crate::house::{ASTRAY, House};

#[test]
fn only_three_methods_are_known() {
    let house = House::new();
    let key = house.proposer();
    for method in ["HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "CONNECT", "PROPFIND", "FOO"] {
        for path in ["/intents", "/health"] {
            let answer = house.client.send(method, path, &key, &[], "");
            // CONNECT is no request for a path, which is refused before any route is looked for.
            assert!([400, 405].contains(&answer.status) || method == "CONNECT", "{method}: {answer:?}");
            if answer.status == 405 {
                assert!(answer.header("allow").is_some(), "{answer:?}");
            }
        }
    }
    // `Allow` lists what this route has, and no more.
    for (method, path, allowed) in [
        ("DELETE", "/intents", "GET, POST"),
        ("PUT", "/intents", "GET, POST"),
        ("POST", "/health", "GET"),
        ("POST", "/agents/bot", "GET, DELETE"),
        ("GET", "/intents/01990000-0000-7000-8000-000000000001/abort", "POST"),
    ] {
        let refused = house.client.send(method, path, &key, &[], "").is(405, "method-not-allowed");
        assert_eq!(refused.header("allow"), Some(allowed), "{method} {path}");
    }
    for header in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
        let answer = house.client.send("GET", "/intents?_method=DELETE", &key, &[(header, "DELETE")], "");
        answer.is(400, "bad-request");
        house.client.send("GET", "/intents", &key, &[(header, "POST")], "").ok();
    }
}

#[test]
fn no_page_of_another_origin_may_read_anything() {
    let house = House::new();
    let key = house.proposer();
    for origin in ["https://evil.invalid", "null", "http://127.0.0.1:1"] {
        let headers = [("Origin", origin), ("Access-Control-Request-Method", "POST")];
        for (method, path) in [("OPTIONS", "/intents"), ("GET", "/intents"), ("GET", "/health")] {
            let answer = house.client.send(method, path, &key, &headers, "");
            assert!(!answer.head.to_lowercase().contains("access-control-"), "{answer:?}");
        }
    }
    let answer = house.client.get("/health", "").ok();
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("content-security-policy"), Some("default-src 'none'"));
}

/// How many answers are in it.
fn answers(text: &str) -> usize {
    text.matches("HTTP/1.1 ").count()
}

#[test]
fn one_request_is_not_read_as_two() {
    let house = House::new();
    let key = house.proposer();
    let auth = format!("Host: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n");
    let hidden = "GET /agents/bot HTTP/1.1\r\nHost: x\r\n\r\n";
    let refused = [
        // Two lengths, a length that is none, a coding that is not the last, a coding in HTTP/1.0.
        format!("POST /intents HTTP/1.1\r\n{auth}Content-Length: 5\r\nContent-Length: 6\r\n\r\n{{}}   "),
        format!("POST /intents HTTP/1.1\r\n{auth}Content-Length: +2\r\n\r\n{{}}"),
        format!("POST /intents HTTP/1.1\r\n{auth}Content-Length: 0x2\r\n\r\n{{}}"),
        format!("POST /intents HTTP/1.1\r\n{auth}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        format!("POST /intents HTTP/1.0\r\n{auth}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        format!("POST /intents HTTP/1.1\r\n{auth}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
        "GET /health HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n".to_owned(),
        "GET /health HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n".to_owned(),
        "GET /health HTTP/9.9\r\nHost: x\r\n\r\n".to_owned(),
    ];
    for request in refused {
        let answer = house.client.raw(format!("{request}{hidden}").as_bytes());
        assert!(answer.status == 400 || answer.status == 505, "{request:?}: {answer:?}");
        assert_eq!(answers(&answer.body), 0, "{request:?}: {answer:?}");
    }
    // Both a length and chunks: the chunks count and the length is dropped, as RFC 9112 has it, and what follows the
    // last chunk is the next request, never a part of this one. There is no other server in front that could differ.
    let both = format!(
        "POST /intents HTTP/1.1\r\n{auth}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n\
         2\r\n{{}}\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    );
    let answer = house.client.raw(both.as_bytes());
    assert!([400, 422].contains(&answer.status), "{answer:?}");
    assert!(answers(&answer.body) <= 1, "{answer:?}");
    // Extensions of chunks are passed over.
    let extended = format!(
        "POST /intents HTTP/1.1\r\n{auth}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\n{{}}\r\n0\r\n\r\n"
    );
    house.client.raw(extended.as_bytes()).is(422, "invalid");
}

#[test]
fn heads_are_bounded() {
    let house = House::new();
    let long = "x".repeat(100_000);
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    for head in [format!("X: {long}\r\n"), many] {
        let request = format!("GET /health HTTP/1.1\r\nHost: x\r\n{head}\r\n");
        assert_eq!(house.client.raw(request.as_bytes()).status, 431);
    }
    let answer = house.client.get(&format!("/{long}"), "");
    assert!([414, 431].contains(&answer.status), "{answer:?}");
}

#[test]
fn a_known_state_is_not_sent_again_and_an_old_one_is_not_decided_about() {
    let house = House::new();
    let (key, lead) = (house.proposer(), house.agent("lead", &[domain::agent::Right::Review]));
    let id = house.client.post("/proposals", &key, &json!({ "patch": ASTRAY })).ok().id();
    house.rested(&id, &key);
    let path = format!("/intents/{id}");
    let tag = house.client.get(&path, &key).ok().header("etag").unwrap().to_owned();
    let again = house.client.send("GET", &path, &key, &[("If-None-Match", &tag)], "");
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    house.client.send("GET", &path, &key, &[("If-None-Match", "\"0\"")], "").ok();
    let review = "{\"decision\":\"reject\",\"reason\":\"no\"}";
    let old = [("If-Match", "\"1\"")];
    house.client.send("POST", &format!("{path}/reviews"), &lead, &old, review).is(412, "precondition-failed");
}
