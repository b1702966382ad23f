//! The JSON contract: every document is one object with `codex_task` (the contract's version) and `command`.

use serde_json::{Map, Value, json};

use crate::error::Failure;

/// The contract's version; it goes up when a field is taken away or comes to mean something else.
const VERSION: u32 = 1;

/// A document of this command. `fields` is an object; its members follow the two fixed ones.
pub(crate) fn document(command: &str, fields: Value) -> Value {
    let mut document = Map::new();
    document.insert("codex_task".to_owned(), json!(VERSION));
    document.insert("command".to_owned(), json!(command));
    match fields {
        Value::Object(fields) => document.extend(fields),
        other => {
            document.insert("value".to_owned(), other);
        }
    }
    Value::Object(document)
}

/// The document of a command that could not be carried out.
pub(crate) fn failed(command: &str, failure: &Failure) -> Value {
    document(
        command,
        json!({
            "error": {
                "message": failure.message,
                "causes": failure.causes,
                "hint": failure.hint,
                "who": failure.who,
            },
            "exit_code": failure.code.code(),
        }),
    )
}
