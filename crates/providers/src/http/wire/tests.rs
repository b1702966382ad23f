//! What is sent, field by field, and what is read however much a server adds, leaves out or gets wrong.

use serde_json::{Value, json};

use super::*;
use crate::http::tests::settings_for;

const WIRES: [Wire; 3] = [Wire::OpenaiChat, Wire::OpenaiResponses, Wire::AnthropicMessages];

fn prompt() -> Prompt {
    let (system, user) = ("rules \u{1f600}".to_owned(), "line\n\"quoted\" \\ ä".to_owned());
    Prompt { system, user, files: Vec::new(), left_out: Vec::new(), approx_tokens: 0 }
}

fn bytes(wire: Wire, structured: Structured, model: &str, json: bool) -> Vec<u8> {
    let settings = HttpSettings { wire, structured, ..settings_for("openai") };
    let shape = if json { Shape::Reply } else { Shape::Text };
    body(&Question { model, prompt: &prompt(), shape, images: &[] }, &settings).unwrap()
}

fn sent(wire: Wire, structured: Structured) -> Value {
    serde_json::from_slice(&bytes(wire, structured, "m", true)).unwrap()
}

#[test]
fn a_body_is_deterministic_and_bounded_and_asks_for_the_schema() {
    for wire in WIRES {
        assert_eq!(
            bytes(wire, Structured::Auto, "m", true),
            bytes(wire, Structured::JsonSchema, "m", true),
            "{wire:?}"
        );
        let body = sent(wire, Structured::Auto);
        assert_eq!(body["stream"], false, "{wire:?}");
        let temperature = (wire != Wire::AnthropicMessages).then(|| 0.into());
        assert_eq!(body.get("temperature"), temperature.as_ref(), "{wire:?}");
    }
    let chat = sent(Wire::OpenaiChat, Structured::Auto);
    assert_eq!((&chat["seed"], &chat["max_completion_tokens"]), (&SEED.into(), &8192.into()));
    assert_eq!(chat["messages"][1]["content"], "line\n\"quoted\" \\ ä");
    let schema = &chat["response_format"]["json_schema"];
    assert_eq!((&schema["strict"], &schema["schema"]["required"][1]), (&true.into(), &"patch".into()));
    let responses = sent(Wire::OpenaiResponses, Structured::Auto);
    assert_eq!((&responses["store"], &responses["max_output_tokens"]), (&false.into(), &8192.into()));
    assert_eq!(responses["instructions"], "rules \u{1f600}");
    assert_eq!(responses["input"][0]["content"][0]["text"], "line\n\"quoted\" \\ ä");
    assert_eq!(responses["text"]["format"]["schema"]["required"][1], "patch");
    assert!(responses.get("seed").is_none());
    let messages = sent(Wire::AnthropicMessages, Structured::Auto);
    assert_eq!((&messages["max_tokens"], &messages["messages"][0]["role"]), (&8192.into(), &"user".into()));
    assert_eq!(messages["output_config"]["format"]["schema"]["required"][1], "patch");
    assert!(messages.get("seed").is_none());
}

#[test]
fn a_plan_has_a_schema_of_its_own() {
    for wire in WIRES {
        let settings = HttpSettings { wire, structured: Structured::Auto, ..settings_for("openai") };
        let bytes =
            body(&Question { model: "m", prompt: &prompt(), shape: Shape::Plan, images: &[] }, &settings)
                .unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains("\"steps\"") && !text.contains("\"patch\""), "{wire:?} {text}");
        assert_eq!(text.contains("change_plan"), wire != Wire::AnthropicMessages, "{wire:?}");
    }
}

#[test]
fn images_go_along_in_the_form_of_each_interface_and_change_nothing_else() {
    let image = Image::new("a.png", b"\x89PNG\r\n\x1a\n".to_vec()).unwrap();
    let images = [image.clone(), image];
    let asked = |wire, images| {
        let settings = HttpSettings { wire, structured: Structured::Auto, ..settings_for("openai") };
        let prompt = prompt();
        let question = Question { model: "m", prompt: &prompt, shape: Shape::Reply, images };
        body(&question, &settings).unwrap()
    };
    let read = |wire| serde_json::from_slice::<Value>(&asked(wire, &images)).unwrap();
    let url = "data:image/png;base64,iVBORw0KGgo=";
    let chat = &read(Wire::OpenaiChat)["messages"][1]["content"];
    assert_eq!(chat[0]["type"], "text");
    assert_eq!(chat[2], json!({"type": "image_url", "image_url": {"url": url}}));
    let responses = &read(Wire::OpenaiResponses)["input"][0]["content"];
    assert_eq!(responses[0]["type"], "input_text");
    assert_eq!(responses[2], json!({"type": "input_image", "image_url": url, "detail": "auto"}));
    let messages = &read(Wire::AnthropicMessages)["messages"][0]["content"];
    let source = json!({"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="});
    assert_eq!(messages[0], json!({"type": "image", "source": source}));
    assert_eq!(messages[2]["type"], "text");
    for wire in WIRES {
        let more = asked(wire, &images).len() - asked(wire, &[]).len();
        let counted = attached(&images);
        assert_eq!((counted.count, counted.bytes), (2, 24), "{wire:?}");
        assert!(more as u64 > counted.bytes, "{wire:?}: what is not the image itself is counted as text");
    }
}

#[test]
fn servers_beside_openais_are_told_the_limit_by_its_older_name() {
    let settings = HttpSettings { wire: Wire::OpenaiChat, ..settings_for("local") };
    let body = body(&Question { model: "m", prompt: &prompt(), shape: Shape::Reply, images: &[] }, &settings)
        .unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&body["max_tokens"], body.get("max_completion_tokens")), (&8192.into(), None));
}

#[test]
fn a_model_that_refuses_a_temperature_is_sent_none() {
    for (model, has) in
        [("gpt-4o-mini", true), ("gpt-5-mini", false), ("gpt-5-chat-latest", true), ("o3", false)]
    {
        let body: Value =
            serde_json::from_slice(&bytes(Wire::OpenaiResponses, Structured::Auto, model, true)).unwrap();
        assert_eq!(body.get("temperature").is_some(), has, "{model}");
    }
}

#[test]
fn taking_a_wish_out_changes_nothing_else() {
    for wire in WIRES {
        let full = bytes(wire, Structured::Auto, "m", true);
        let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        assert_eq!(
            read(&without(&full, &[Wish::Format]).unwrap()),
            read(&bytes(wire, Structured::None, "m", true)),
            "{wire:?}"
        );
        assert_eq!(
            read(&bytes(wire, Structured::Auto, "m", false)),
            read(&bytes(wire, Structured::None, "m", true))
        );
        assert!(
            read(&without(&full, &[Wish::Temperature, Wish::Seed]).unwrap()).get("temperature").is_none()
        );
    }
    assert!(without(b"[]", &[Wish::Format]).is_err());
}

#[test]
fn a_complaint_names_the_wish_that_it_is_about() {
    for (complaint, wish) in [
        ("Unknown field `response_format`", Some(Wish::Format)),
        ("output_config.format: this model does not support structured outputs", Some(Wish::Format)),
        ("Unsupported value: 'temperature' does not support 0 with this model.", Some(Wish::Temperature)),
        ("Unknown parameter: 'seed'.", Some(Wish::Seed)),
        ("context length exceeded", None),
    ] {
        assert_eq!(Wish::refused_by(complaint), wish, "{complaint}");
    }
}

/// An answer of this text in the form of each interface.
fn answer(wire: Wire, text: &str, cut: bool) -> Value {
    match wire {
        Wire::OpenaiChat => {
            json!({"id": 1, "model": "m-1", "new": [], "choices": [{"index": 0, "logprobs": null,
            "finish_reason": if cut { "length" } else { "stop" },
            "message": {"role": "assistant", "content": text, "tool_calls": null}}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14,
                "prompt_tokens_details": {"cached_tokens": 6}, "completion_tokens_details": {"reasoning_tokens": 3}}})
        }
        Wire::OpenaiResponses => json!({"id": "r", "model": "m-1", "error": null,
            "status": if cut { "incomplete" } else { "completed" },
            "incomplete_details": if cut { json!({"reason": "max_output_tokens"}) } else { Value::Null },
            "output": [{"type": "reasoning", "summary": []},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text, "annotations": []}]}],
            "usage": {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 6}, "output_tokens": 4,
                "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 14}}),
        Wire::AnthropicMessages => json!({"id": "m", "type": "message", "model": "m-1", "role": "assistant",
            "stop_reason": if cut { "max_tokens" } else { "end_turn" }, "stop_sequence": null,
            "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": text}],
            "usage": {"input_tokens": 3, "cache_creation_input_tokens": 1, "cache_read_input_tokens": 6,
                "output_tokens": 4, "output_tokens_details": {"thinking_tokens": 3}}}),
    }
}

fn read_value(wire: Wire, value: &Value) -> Read {
    read(wire, value.to_string().as_bytes())
}

#[test]
fn an_answer_is_read_with_all_its_kinds_of_tokens() {
    for wire in WIRES {
        let read = read_value(wire, &answer(wire, "hi", false));
        assert_eq!(read.content.as_deref(), Ok("hi"), "{wire:?}");
        assert_eq!(
            read.usage,
            Some(Usage { prompt: 10, cached: 6, completion: 4, reasoning: 3 }),
            "{wire:?}"
        );
        assert_eq!(read.model.as_deref(), Some("m-1"));
    }
    let bare = read(
        Wire::OpenaiChat,
        br#"{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"x"},{"text":"b"}]}}]}"#,
    );
    assert_eq!((bare.content.as_deref(), bare.model, bare.usage), (Ok("ab"), None, None));
}

#[test]
fn an_answer_without_text_is_a_named_failure_and_keeps_its_usage() {
    for wire in WIRES {
        let cut = read_value(wire, &answer(wire, "{\"pat", true));
        assert_eq!(cut.content.unwrap_err().kind, FailureKind::Truncated, "{wire:?}");
        let empty = read_value(wire, &answer(wire, " ", false));
        assert_eq!(empty.content.unwrap_err().kind, FailureKind::Protocol, "{wire:?}");
        assert!(cut.usage.is_some() && empty.usage.is_some());
        let mut failed = answer(wire, "text beside an error", false);
        failed["error"] = json!({"message": "bad\nthing"});
        let failed = read_value(wire, &failed);
        assert!(failed.content.unwrap_err().detail.contains("bad thing"), "{wire:?}");
        for body in ["<html>", "[]", "{}", "null", "{\"choices\":null,\"output\":1,\"content\":{}}"] {
            let read = read(wire, body.as_bytes());
            assert_eq!(read.content.unwrap_err().kind, FailureKind::Protocol, "{wire:?} {body}");
        }
        assert_eq!(read(wire, b"{\"choices\":[").content.unwrap_err().kind, FailureKind::Truncated);
    }
}

#[test]
fn a_refusal_is_told_in_the_models_words() {
    let chat = json!({"choices": [{"message": {"content": null, "refusal": "not me"}}]});
    let responses = json!({"status": "completed",
        "output": [{"type": "message", "content": [{"type": "refusal", "refusal": "not me"}]}]});
    let messages = json!({"stop_reason": "refusal", "content": [{"type": "text", "text": "not me"}]});
    for (wire, value) in WIRES.into_iter().zip([chat, responses, messages]) {
        let failure = read_value(wire, &value).content.unwrap_err();
        assert!(failure.detail.contains("refused: not me"), "{wire:?} {failure:?}");
    }
}

#[test]
fn a_usage_that_cannot_be_true_counts_as_missing() {
    for usage in [
        json!({}),
        Value::Null,
        json!(7),
        json!({"prompt_tokens": 0, "completion_tokens": 0,
        "input_tokens": 0, "output_tokens": 0}),
        json!({"prompt_tokens": -1, "input_tokens": -1,
        "completion_tokens": 1, "output_tokens": 1}),
    ] {
        for wire in WIRES {
            let mut value = answer(wire, "x", false);
            value["usage"] = usage.clone();
            let read = read_value(wire, &value);
            assert_eq!((read.content.as_deref(), read.usage), (Ok("x"), None), "{wire:?} {usage}");
        }
    }
}
