//! Clients that take their time: each wait has an end, and others are served meanwhile.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use server::Limits;

use crate::client::{Response, SOON, eventually};
use crate::house::{ASTRAY, House};

#[expect(clippy::needless_pass_by_value, reason = "the rest of it is taken over")]
fn short(limits: Limits) -> House {
    let short = Duration::from_millis(300);
    House::with(Limits {
        head_time: short,
        request_time: short,
        write_time: short,
        agent_per_minute: 0,
        strangers_per_minute: 0,
        ..limits
    })
}

/// Whether the server has closed this connection.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

#[test]
fn a_head_that_does_not_come_is_not_waited_for_and_others_are_served() {
    let house = short(Limits { connections_per_address: 40, ..Limits::default() });
    let slow: Vec<TcpStream> = (0..30)
        .map(|_| {
            let mut stream = house.client.connect();
            stream.write_all(b"GET /health HTTP/1.1\r\nHo").unwrap();
            stream
        })
        .collect();
    house.client.get("/health", "").ok();
    for mut stream in slow {
        assert!(is_closed(&mut stream), "it was waited for");
    }
}

#[test]
fn an_address_may_hold_only_so_many_connections() {
    let house = House::with(Limits { connections_per_address: 5, ..Limits::default() });
    let held: Vec<TcpStream> = (0..5).map(|_| house.client.connect()).collect();
    // The sixth is closed without an answer.
    eventually(|| {
        let refused = house.client.raw(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        (refused.status == 0).then_some(())
    });
    drop(held);
    eventually(|| (house.client.get("/health", "").status == 200).then_some(()));
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let house = short(Limits::default());
    let key = house.proposer();
    let mut stream = house.client.connect();
    let head = format!(
        "POST /intents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n{{\"text\""
    );
    stream.write_all(head.as_bytes()).unwrap();
    Response::read(&mut stream).is(408, "timeout");
}

#[test]
fn an_answer_that_is_not_read_is_not_kept_ready_for_ever() {
    let house = short(Limits::default());
    let ask = "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";
    let one = house.client.get("/openapi.json", "").ok().body.len();
    let asked = (64 << 20) / one;
    let mut stream = house.client.connect();
    stream.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
    // More answers than any buffer on the way holds, and none of them is read: the server gives up, and resets.
    let all = ask.repeat(asked);
    let mut rest = all.as_bytes();
    eventually(|| match stream.write(if rest.is_empty() { b"\r\n" } else { rest }) {
        Ok(count) => {
            rest = &rest[count.min(rest.len())..];
            None
        }
        Err(error) => {
            [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&error.kind()).then_some(())
        }
    });
    house.client.get("/health", "").ok();
}

#[test]
fn streams_of_events_are_capped_for_each_agent() {
    let house = House::with(Limits { streams_per_agent: 3, agent_per_minute: 0, ..Limits::default() });
    let (bot, other) = (house.proposer(), house.agent("other", &[domain::agent::Right::Propose]));
    let open = |key: &str| {
        let mut stream = house.client.connect();
        let ask = format!("GET /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n");
        stream.write_all(ask.as_bytes()).unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        stream
    };
    let held: Vec<TcpStream> = (0..3).map(|_| open(&bot)).collect();
    let refused = house.client.get("/events", &bot).is(429, "too-many-requests");
    assert!(refused.header("retry-after").is_some());
    drop(open(&other));
    house.client.get("/intents", &bot).ok();
    drop(held);
    // The server notices that they are gone when it next speaks to them.
    let id = house.client.post("/proposals", &bot, &serde_json::json!({ "patch": ASTRAY })).ok().id();
    house.rested(&id, &bot);
    eventually(|| {
        let mut stream = house.client.connect();
        let ask = format!("GET /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bot}\r\n\r\n");
        stream.write_all(ask.as_bytes()).unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).unwrap();
        (&first == b"HTTP/1.1 200").then_some(())
    });
}
