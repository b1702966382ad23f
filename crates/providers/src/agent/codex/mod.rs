//! Codex, OpenAI's agent for the command line: `codex exec --json`, one prompt on its input, events on its output.
//!
//! Observed with 0.169.0 and 0.171.0: it ends with 0 after a patch that failed; its home may not lie below its temporary
//! folder; a refused connection makes it wait without end unless a feature is switched off. Its own sandbox is left off,
//! because namespaces cannot be made inside of our box, which is the wall.

mod events;

use std::path::PathBuf;

use domain::proposal::{FailureKind, ProviderFailure};
use engine::agent::{Exit, Process, Program};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncWriteExt as _;

use super::lines::Lines;
use super::watch::Watch;
use crate::failure;
use events::Story;

/// The variable in which it gets the word for the relay. Commands that it runs do not see it.
const TOKEN: &str = "CODEX_TASK_RUN_TOKEN";

/// Features that reach for other servers, or that a single change does not need.
const DISABLED: [&str; 7] = [
    "unbounded_connection_retries",
    "multi_agent",
    "goals",
    "plugins",
    "apps",
    "view_image",
    "shell_snapshot",
];

/// Its arguments, environment and home.
pub(super) fn program(model: &str, url: &str, token: &SecretString) -> Program {
    let words =
        ["exec", "--json", "--ephemeral", "--ignore-user-config", "--ignore-rules", "--skip-git-repo-check"];
    let mut argv: Vec<String> = words.map(str::to_owned).to_vec();
    argv.extend(["-s", "danger-full-access", "-m", model].map(str::to_owned));
    // The relay tries again where that cannot cost twice, and has the deadlines.
    let relay = format!(
        "model_providers.relay={{name=\"relay\",base_url=\"{url}\",env_key=\"{TOKEN}\",wire_api=\"responses\",\
         request_max_retries=0,stream_max_retries=0,stream_idle_timeout_ms=86400000}}"
    );
    for setting in [
        "model_provider=\"relay\"",
        &relay,
        "approval_policy=\"never\"",
        "web_search=\"disabled\"",
        "analytics.enabled=false",
        "check_for_update_on_startup=false",
        "shell_environment_policy.inherit=\"core\"",
        "skills.bundled.enabled=false",
    ] {
        argv.extend(["-c".to_owned(), setting.to_owned()]);
    }
    for feature in DISABLED {
        argv.extend(["--disable", feature].map(str::to_owned));
    }
    argv.push("-".to_owned());
    let env = [("CODEX_HOME", "/home/box/.codex"), (TOKEN, token.expose_secret())];
    Program {
        argv,
        env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        files: [(PathBuf::from(".codex/config.toml"), String::new())].into(),
        ..Program::default()
    }
}

/// Gives it the prompt and reads its events until it ends. The answer is its last message.
pub(super) async fn talk(
    process: &mut Process,
    prompt: &str,
    watch: &Watch,
) -> Result<String, ProviderFailure> {
    if let Some(mut input) = process.input.take() {
        // A program that died does not read; its end tells more than this error.
        let _ = input.write_all(prompt.as_bytes()).await;
    }
    let mut story = Story::default();
    let mut lines = Lines::new(&mut process.output);
    while let Some(line) = lines.next().await? {
        watch.sign();
        story.read(&line);
    }
    match process.ended().await.exit {
        Exit::Code(0) if story.is_complete() => Ok(story.last_message()),
        _ => Err(failure(FailureKind::Crashed, story.why_not())),
    }
}
