//! The relay between a client that plays the agent and the scripted model.

use std::time::Duration;

use domain::proposal::FailureKind;
use reqwest::Client;
use testkit::{Reply, ScriptedModel, Step};

use super::*;

const KEY: &str = "sk-hunter2-0123456789abcdef";
const WORD: &str = "run-word";

struct Setup {
    url: String,
    account: Account,
    _relay: Relay,
}

fn setup(model: &ScriptedModel, wire: Wire) -> Setup {
    let seconds = Duration::from_secs;
    let waits = Waits { first_byte: seconds(30), idle: seconds(30), total: seconds(60) };
    let endpoint = Endpoint::parse(&model.base_url(), "providers.qwen", wire).unwrap();
    let upstream = Upstream {
        client: crate::http::send::client(&endpoint, &waits).unwrap(),
        endpoint,
        key: Some(SecretString::from(KEY)),
        key_setting: "providers.qwen.api_key_env".to_owned(),
        headers: HeaderMap::new(),
        wire,
        model: "scripted".to_owned(),
        until: Instant::now() + waits.total,
        waits,
        cap: 1 << 20,
        is_bounded: true,
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let account = Account::new(Bounds { requests: 2, prompt_tokens: 10_000, output_tokens: 500 });
    let relay = Relay::serve(listener, upstream, SecretString::from(WORD), account.clone()).unwrap();
    Setup { url, account, _relay: relay }
}

fn chat(stream: bool) -> Value {
    let messages = json!([{"role": "user", "content": "hi"}]);
    json!({"model": "another", "stream": stream, "messages": messages, "max_tokens": 100_000})
}

async fn post(setup: &Setup, path: &str, word: &str, body: &Value) -> (u16, String) {
    // Without certificates: the way is as short as the test's own.
    let client = crate::http::send::client(
        &Endpoint::parse("http://127.0.0.1/v1", "x", Wire::OpenaiChat).unwrap(),
        &Waits {
            first_byte: Duration::from_secs(30),
            idle: Duration::from_secs(30),
            total: Duration::from_secs(30),
        },
    );
    let client: Client = client.unwrap();
    let request = client.post(format!("{}{path}", setup.url)).bearer_auth(word);
    let request = request.header("content-type", "application/json").body(body.to_string());
    // An answer that is cut may be cut before its head has come.
    let Ok(answer) = request.send().await else { return (0, String::new()) };
    (answer.status().as_u16(), answer.text().await.unwrap_or_default())
}

#[tokio::test]
async fn the_key_the_model_and_the_bounds_are_ours() {
    let model = ScriptedModel::script([Step::text("hello")]);
    let setup = setup(&model, Wire::OpenaiChat);
    let (status, body) = post(&setup, "/chat/completions", WORD, &chat(true)).await;
    assert!(status == 200 && body.contains("hello") && body.contains("[DONE]"), "{status} {body}");
    let sent = model.only_request();
    assert_eq!(sent.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    assert_eq!((&sent.body["model"], &sent.body["max_tokens"]), (&json!("scripted"), &json!(500)));
    assert_eq!(sent.body["stream_options"], json!({"include_usage": true}));
    let seen = setup.account.seen();
    assert_eq!((seen.requests, seen.unknown, seen.total().prompt, seen.total().completion), (1, 0, 100, 20));
    assert_eq!(seen.failed, None);
}

#[tokio::test]
async fn strangers_and_other_places_are_not_sent_on() {
    let model = ScriptedModel::script([]);
    let setup = setup(&model, Wire::OpenaiChat);
    assert_eq!(post(&setup, "/chat/completions", KEY, &chat(false)).await.0, 401);
    assert_eq!(post(&setup, "/responses", WORD, &chat(false)).await.0, 404);
    assert_eq!(post(&setup, "/files", WORD, &chat(false)).await.0, 404);
    assert_eq!(post(&setup, "/chat/completions", WORD, &json!([])).await.0, 400);
    assert_eq!(setup.account.seen().failed, None);
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn a_bound_ends_the_run() {
    let model = ScriptedModel::script([Step::text("a"), Step::text("b")]);
    let setup = setup(&model, Wire::OpenaiChat);
    for _ in 0..2 {
        assert_eq!(post(&setup, "/chat/completions", WORD, &chat(false)).await.0, 200);
    }
    assert_eq!(post(&setup, "/chat/completions", WORD, &chat(false)).await.0, 429);
    tokio::time::timeout(Duration::from_secs(20), setup.account.trouble()).await.unwrap();
    assert_eq!(setup.account.seen().failed.unwrap().kind, FailureKind::Unfinished);
}

#[tokio::test]
async fn a_refusal_of_the_service_ends_the_run_and_never_shows_the_key() {
    let model = ScriptedModel::script([Step::Status(401, format!("no such key: {KEY}"))]);
    let setup = setup(&model, Wire::OpenaiResponses);
    let body = json!({"model": "m", "stream": true, "input": "hi"});
    let (status, said) = post(&setup, "/responses", WORD, &body).await;
    assert!(status == 401 && !said.contains(KEY), "{status} {said}");
    let seen = setup.account.seen();
    assert_eq!((seen.requests, seen.unknown), (1, 0), "nothing was processed");
    assert!(seen.failed.unwrap().detail.contains("check the key"));
}

#[tokio::test]
async fn an_answer_without_usage_costs_what_nobody_knows() {
    let model = ScriptedModel::script([Step::Reply(Reply::text("x").no_usage()), Step::NoJson]);
    let setup = setup(&model, Wire::OpenaiChat);
    assert_eq!(post(&setup, "/chat/completions", WORD, &chat(true)).await.0, 200);
    assert_eq!(setup.account.seen().unknown, 1);
    post(&setup, "/chat/completions", WORD, &chat(true)).await;
    let seen = setup.account.seen();
    assert_eq!((seen.unknown, seen.failed.unwrap().kind), (2, FailureKind::Protocol));
}
