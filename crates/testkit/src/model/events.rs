//! A whole answer as a stream of server-sent events, as OpenAI's two interfaces send it: in few pieces, because how many
//! there are is nothing that a client may rely on.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// Of chat completions: a piece with what is said and called, one with the reason of the end, one with the usage.
pub(super) fn chat(answer: &Value) -> String {
    let choice = &answer["choices"][0];
    let mut delta = choice["message"].clone();
    for (index, call) in delta["tool_calls"].as_array_mut().into_iter().flatten().enumerate() {
        call["index"] = json!(index);
    }
    let piece = |choices: Value, usage: &Value| {
        json!({
            "id": answer["id"],
            "object": "chat.completion.chunk",
            "created": answer["created"],
            "model": answer["model"],
            "choices": choices,
            "usage": usage,
        })
    };
    let said = json!([{"index": 0, "delta": delta, "finish_reason": null}]);
    let ended = json!([{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]);
    let mut pieces = vec![piece(said, &Value::Null), piece(ended, &Value::Null)];
    if !answer["usage"].is_null() {
        pieces.push(piece(json!([]), &answer["usage"]));
    }
    let mut text = String::new();
    for piece in pieces {
        let _ = write!(text, "data: {piece}\n\n");
    }
    text + "data: [DONE]\n\n"
}

/// Of Responses: created, each item when it is done, completed.
pub(super) fn responses(answer: &Value) -> String {
    let mut created = answer.clone();
    created["status"] = json!("in_progress");
    created["output"] = json!([]);
    let mut events = vec![("response.created", json!({"response": created}))];
    for (index, item) in answer["output"].as_array().into_iter().flatten().enumerate() {
        let done = json!({"output_index": index, "item": item});
        events.push(("response.output_item.added", done.clone()));
        // Some clients show what comes in pieces and never look at the whole.
        if let Some(text) = item["content"][0]["text"].as_str() {
            let piece =
                json!({"output_index": index, "content_index": 0, "item_id": item["id"], "delta": text});
            events.push(("response.output_text.delta", piece));
        }
        events.push(("response.output_item.done", done));
    }
    let last = if answer["status"] == "completed" { "response.completed" } else { "response.incomplete" };
    events.push((last, json!({"response": answer})));
    let mut text = String::new();
    for (number, (name, mut event)) in events.into_iter().enumerate() {
        event["type"] = json!(name);
        event["sequence_number"] = json!(number);
        let _ = write!(text, "event: {name}\ndata: {event}\n\n");
    }
    text
}
