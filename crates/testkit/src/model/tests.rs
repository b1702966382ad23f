//! Each step as it looks on the wire, through a client that knows no more than sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::*;

const SOON: Duration = Duration::from_secs(20);
const GOOD: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;

/// Sends a request, and leaves the connection open for reading.
fn send(model: &ScriptedModel, body: &str) -> TcpStream {
    send_raw(model, "POST /v1/chat/completions", body)
}

fn send_raw(model: &ScriptedModel, what: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(model.address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let head = format!(
        "{what} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer key\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    stream
}

fn all(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Status, headers and body of a whole exchange.
fn ask(model: &ScriptedModel, body: &str) -> (u16, String, String) {
    split(&all(send(model, body)))
}

fn split(text: &str) -> (u16, String, String) {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_lowercase(), body.to_owned())
}

fn json_of(body: &str) -> serde_json::Value {
    serde_json::from_str(body).unwrap()
}

#[test]
fn a_script_answers_in_order_and_keeps_what_was_asked() {
    let model = ScriptedModel::script([Step::patch("--- a\n", 0.9), Step::no_usage("later")]);
    let (status, head, body) = ask(&model, GOOD);
    assert_eq!(status, 200);
    assert!(head.contains("content-type: application/json"));
    let first = json_of(&body);
    let content = json_of(first["choices"][0]["message"]["content"].as_str().unwrap());
    assert_eq!((&content["patch"], &content["confidence"]), (&"--- a\n".into(), &0.9.into()));
    assert_eq!(first["usage"]["total_tokens"], 120);
    let second = json_of(&ask(&model, GOOD).2);
    assert_eq!(second["choices"][0]["message"]["content"], "later");
    assert!(second.get("usage").is_none());
    let requests = model.requests();
    assert_eq!((requests[0].number, requests[1].number), (1, 2));
    assert_eq!(requests[0].header("AUTHORIZATION"), Some("Bearer key"));
    assert_eq!((requests[0].prompt(), requests[0].bytes.as_slice()), ("hi".to_owned(), GOOD.as_bytes()));
    model.finish();
}

#[test]
fn a_closure_answers_by_what_was_asked() {
    let model = ScriptedModel::respond_with(|request| Step::text(format!("you said {}", request.prompt())));
    let body = json_of(&ask(&model, GOOD).2);
    assert_eq!(body["choices"][0]["message"]["content"], "you said hi");
    assert_eq!(model.only_request().path, "/v1/chat/completions");
}

#[test]
fn the_list_of_models_is_there_and_is_counted() {
    let model = ScriptedModel::script([]);
    let (status, _, body) = split(&all(send_raw(&model, "GET /v1/models", "")));
    assert_eq!((status, json_of(&body)["data"][0]["id"].as_str()), (200, Some("scripted")));
    assert_eq!((model.listings(), model.requests().len()), (1, 0));
}

#[test]
#[should_panic(expected = "request 2 came after the script's last step")]
fn a_request_beyond_the_script_is_refused_and_fails_the_test() {
    let model = ScriptedModel::script([Step::text("only")]);
    ask(&model, GOOD);
    assert_eq!(ask(&model, GOOD).0, 400);
}

#[test]
#[should_panic(expected = "1 steps of the script were never asked for")]
fn a_step_that_nobody_asked_for_is_told_at_the_end() {
    ScriptedModel::script([Step::Hang]).finish();
}

#[test]
fn what_is_no_chat_completion_is_refused_with_the_reason() {
    let cases = [
        ("[]", "its body is no JSON object"),
        (r#"{"messages":[{"role":"user","content":"x"}]}"#, "it names no model"),
        (r#"{"model":"m","messages":[]}"#, "its messages are not a list of role and content"),
        (r#"{"model":"m","messages":[{"role":"user"}]}"#, "its messages are not"),
        (r#"{"model":"m","messages":[{"role":"user","content":null}]}"#, "its messages are not"),
    ];
    for (body, reason) in cases {
        let model = ScriptedModel::script([Step::text("never")]);
        let (status, _, said) = ask(&model, body);
        assert_eq!(status, 400, "{body}");
        assert!(said.contains(reason), "{body} gave {said}");
        assert!(model.shared.look(|state| std::mem::take(&mut state.complaints))[0].contains(reason));
    }
}

#[test]
fn who_asks_for_a_stream_gets_events_with_calls_and_usage() {
    let call = || Step::Reply(Reply::call("edit", &serde_json::json!({"path": "a"})));
    let model = ScriptedModel::script([call(), call()]);
    let (_, head, body) =
        ask(&model, r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}"#);
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    assert!(body.contains(r#""name":"edit""#) && body.contains(r#""total_tokens":120"#), "{body}");
    assert!(body.contains("data: [DONE]"), "{body}");
    let asked = r#"{"model":"m","stream":true,"input":[{"type":"message","role":"user","content":[]},{"type":"function_call_output","call_id":"c","output":"x"}]}"#;
    let (_, _, body) = split(&all(send_raw(&model, "POST /v1/responses", asked)));
    assert!(
        body.contains(r#""type":"function_call""#) && body.contains(r#""type":"response.completed""#),
        "{body}"
    );
    model.finish();
}

#[test]
#[should_panic(expected = "no such endpoint: POST /v1/v1/chat/completions")]
fn a_wrong_path_is_named() {
    let model = ScriptedModel::script([]);
    assert_eq!(split(&all(send_raw(&model, "POST /v1/v1/chat/completions", GOOD))).0, 404);
}

#[test]
fn statuses_carry_their_body_and_headers() {
    let model = ScriptedModel::script([
        Step::Status(500, "boom".to_owned()),
        Step::RateLimited { retry_after: 7 },
        Step::Redirect { to: "http://elsewhere.invalid/".to_owned() },
        Step::WrongJson,
        Step::NoJson,
    ]);
    let (status, _, body) = ask(&model, GOOD);
    assert_eq!((status, body.as_str()), (500, "boom"));
    let (status, head, _) = ask(&model, GOOD);
    assert!(status == 429 && head.contains("retry-after: 7"), "{head}");
    let (status, head, _) = ask(&model, GOOD);
    assert!(status == 307 && head.contains("location: http://elsewhere.invalid/"), "{head}");
    assert!(json_of(&ask(&model, GOOD).2).get("choices").is_none());
    assert!(serde_json::from_str::<serde_json::Value>(&ask(&model, GOOD).2).is_err());
    model.finish();
}

#[test]
fn a_malformed_reply_is_a_good_completion_with_talk_in_it() {
    let model = ScriptedModel::script([Step::MalformedReply]);
    let body = json_of(&ask(&model, GOOD).2);
    let content = body["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(content).is_err());
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
}

#[test]
fn a_hang_sends_nothing_until_the_client_leaves() {
    let model = ScriptedModel::script([Step::Hang]);
    let mut stream = send(&model, GOOD);
    model.wait_for_requests(1, SOON);
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let error = stream.read(&mut [0]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    stream.shutdown(Shutdown::Both).unwrap();
    model.wait_until_idle(SOON);
}

#[test]
fn a_hang_after_headers_sends_the_headers_first() {
    let model = ScriptedModel::script([Step::HangAfterHeaders]);
    let mut stream = send(&model, GOOD);
    let head = read_head(&mut stream);
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    assert!(stream.read(&mut [0]).is_err());
    stream.shutdown(Shutdown::Both).unwrap();
    model.wait_until_idle(SOON);
}

fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

#[test]
fn an_endless_stream_goes_on_past_any_cap_and_stops_when_the_client_leaves() {
    let model = ScriptedModel::script([Step::EndlessStream]);
    let mut stream = send(&model, GOOD);
    let mut buffer = vec![0; 1 << 20];
    for _ in 0..20 {
        stream.read_exact(&mut buffer).unwrap();
    }
    stream.shutdown(Shutdown::Both).unwrap();
    model.wait_until_idle(SOON);
    assert!(model.streamed_bytes() >= 20 << 20, "{}", model.streamed_bytes());
    assert!(model.streamed_bytes() < 1 << 30, "{}", model.streamed_bytes());
}

#[test]
fn a_large_reply_is_whole_and_has_the_size_asked_for() {
    let model = ScriptedModel::script([Step::TooLarge(300_000)]);
    let (status, head, body) = ask(&model, GOOD);
    assert!(status == 200 && head.contains("transfer-encoding: chunked"), "{head}");
    assert_eq!(json_of(&unchunk(&body))["choices"][0]["message"]["content"].as_str().unwrap().len(), 300_000);
}

/// Undoes the chunked transfer coding.
fn unchunk(mut body: &str) -> String {
    let mut whole = String::new();
    loop {
        let (size, rest) = body.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return whole;
        }
        whole.push_str(&rest[..size]);
        body = &rest[size + 2..];
    }
}

#[test]
fn a_cut_connection_ends_after_the_bytes_asked_for() {
    for (asked, came) in [(0, 0), (10, 10)] {
        let model = ScriptedModel::script([Step::CutConnection { after_bytes: asked }]);
        let (_, head, body) = ask(&model, GOOD);
        let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
        assert_eq!(body.len(), came);
        assert!(length.parse::<usize>().unwrap() > came);
    }
}

#[test]
fn a_dripping_reply_is_whole_in_the_end() {
    let reply = Reply::text("slow").usage(1, 2).finish_reason("length");
    let model = ScriptedModel::script([Step::Drip { reply, piece: 50, pause: Duration::from_millis(1) }]);
    let body = json_of(&unchunk(&ask(&model, GOOD).2));
    assert_eq!(body["choices"][0]["finish_reason"], "length");
    assert_eq!(body["usage"]["completion_tokens"], 2);
}

#[test]
fn a_dropped_server_ends_though_answers_are_under_way() {
    let model = ScriptedModel::script([Step::Hang]);
    let mut stream = send(&model, GOOD);
    model.wait_for_requests(1, SOON);
    drop(model);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}
