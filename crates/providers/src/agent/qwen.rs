//! Qwen Code, by the Agent Client Protocol: there its errors are errors, which they are not on its other outputs.
//!
//! Observed with 0.15.10: it starts itself a second time unless told not to, and its child outlives it; it repeats a failing
//! request without end; its own deadline does not cover a silence in an answer. The relay and the box are there for that.

use std::path::PathBuf;

use engine::agent::Program;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

/// Its arguments, environment and home.
pub(super) fn program(model: &str, url: &str, token: &SecretString) -> Program {
    let settings = json!({
        "$version": 4,
        "general": {"enableAutoUpdate": false, "gitCoAuthor": {"commit": false, "pr": false}},
        "privacy": {"usageStatisticsEnabled": false},
        "telemetry": {"enabled": false},
        "security": {"auth": {"selectedType": "openai"}, "folderTrust": {"enabled": false}},
        // There are no terminals in the box.
        "tools": {"shell": {"enableInteractiveShell": false}},
        "model": {"name": model, "generationConfig": {"timeout": 3_600_000, "maxRetries": 0}},
    });
    let words = ["--acp", "--bare", "--auth-type", "openai", "--approval-mode", "yolo"];
    let env = [
        ("QWEN_CODE_NO_RELAUNCH", "true"),
        ("OPENAI_BASE_URL", url),
        ("OPENAI_MODEL", model),
        ("OPENAI_API_KEY", token.expose_secret()),
    ];
    Program {
        argv: words.map(str::to_owned).to_vec(),
        env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        files: [(PathBuf::from(".qwen/settings.json"), settings.to_string())].into(),
        ..Program::default()
    }
}
