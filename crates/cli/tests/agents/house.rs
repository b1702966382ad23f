//! What the tests of agents share: who they are, how their model is scripted, and a place that is set up for one of them.

use domain::proposal::Usage;
use serde_json::{Value, json};
use testkit::{Need, Reply, Request, ScriptedModel, Step};

use crate::support::Place;
use crate::support::patches::{ASK, POLICY, greeter};

/// The key of the service. No agent may ever see it.
pub(crate) const KEY: &str = "sk-hunter2-0123456789abcdef";

/// An agent from npm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agent {
    Codex,
    Qwen,
    /// Qwen by the protocol, with files and commands served by us.
    Acp,
    /// opencode, which speaks the protocol and edits by itself.
    OpenCode,
}

impl Agent {
    /// The provider's name.
    pub(crate) fn provider(self) -> &'static str {
        match self {
            Self::Codex => "codex-cli",
            Self::Qwen => "qwen",
            Self::Acp | Self::OpenCode => "acp",
        }
    }

    /// Whether it is installed; if not, that is told, and a failure where nothing may be skipped.
    #[track_caller]
    pub(crate) fn is_here(self) -> bool {
        testkit::has(&Need::Program(match self {
            Self::Codex => "codex",
            Self::Qwen | Self::Acp => "qwen",
            Self::OpenCode => "opencode",
        }))
    }

    /// A call by which the model has the agent run a line of the shell.
    pub(crate) fn shell(self, line: &str) -> Step {
        Step::Reply(match self {
            // Codex tells the model after ten seconds that a command still runs; a busy machine may need longer.
            Self::Codex => Reply::call("exec_command", &json!({"cmd": line, "yield_time_ms": 30_000})),
            Self::Qwen | Self::Acp => {
                let arguments = json!({"command": line, "is_background": false, "description": "as asked"});
                Reply::call("run_shell_command", &arguments)
            }
            Self::OpenCode => Reply::call("bash", &json!({"command": line, "description": "as asked"})),
        })
    }

    /// Its section of the configuration.
    fn section(self, model: &ScriptedModel, more: &str) -> String {
        let command = match self {
            Self::Codex | Self::Qwen => "",
            Self::Acp => {
                "command: [qwen, --acp, --bare, --auth-type, openai, --approval-mode, default], \
                 env: {QWEN_CODE_NO_RELAUNCH: \"true\", OPENAI_BASE_URL: \"{url}\", OPENAI_MODEL: \"{model}\", OPENAI_API_KEY: \"{key}\"}, \
                 files: {.qwen/settings.json: '{\"$version\": 4, \"tools\": {\"shell\": {\"enableInteractiveShell\": false}}, \"security\": {\"auth\": {\"selectedType\": \"openai\"}, \"folderTrust\": {\"enabled\": false}}}'}, "
            }
            // Its own question for a title is switched off, so that requests can be counted.
            Self::OpenCode => {
                "command: [opencode, acp], wire: openai-responses, env: {OPENCODE_CONFIG_CONTENT: \
                 '{\"model\": \"openai/gpt-5\", \"autoupdate\": false, \"share\": \"disabled\", \"agent\": {\"title\": {\"disable\": true}}, \
                 \"provider\": {\"openai\": {\"options\": {\"baseURL\": \"{url}\", \"apiKey\": \"{key}\"}}}}', \
                 OPENCODE_DISABLE_MODELS_FETCH: \"1\"}, "
            }
        };
        format!(
            "{{{command}url: \"{}\", model: scripted, api_key_env: AGENT_KEY, price_in: 1, price_out: 2, {more}}}",
            model.base_url()
        )
    }
}

/// A place in which this agent works with this model. `more` are further keys of its section.
pub(crate) fn place(agent: Agent, model: &ScriptedModel, more: &str) -> Place {
    let section = agent.section(model, more);
    let policy =
        format!("providers:\n  {}: {section}\nrouting: {{needs_approval: []}}\n{POLICY}", agent.provider());
    let mut place = Place::new(greeter(), &policy);
    place.set("AGENT_KEY", KEY);
    place
}

/// The model answers the n-th request by the n-th step, and by the last one ever after.
pub(crate) fn model(steps: Vec<Step>) -> ScriptedModel {
    ScriptedModel::respond_with(move |request: &Request| {
        let index = (request.number - 1).min(steps.len() - 1);
        steps[index].clone()
    })
}

/// Lets the agent do the usual task. Gives the document and the words for a test that is not content with it: also what the
/// agent told its model last.
#[track_caller]
pub(crate) fn ask(place: &Place, agent: Agent, model: &ScriptedModel, code: i32) -> (Value, String) {
    let done = place.run(&[ASK, "--provider", agent.provider(), "--json"]);
    let requests = model.requests();
    let last = requests.last().map(|request| {
        let list =
            if request.body["input"].is_array() { &request.body["input"] } else { &request.body["messages"] };
        list.as_array().and_then(|list| list.last()).map(Value::to_string).unwrap_or_default()
    });
    let told = format!(
        "{agent:?}, {} requests, the last one: {}\nstdout: {}\nstderr: {}",
        requests.len(),
        last.unwrap_or_default(),
        done.stdout,
        done.stderr
    );
    assert_eq!(done.code, code, "{told}");
    (done.json(), told)
}

/// The tokens that the server told: every answer of the scripts tells 100 and 20.
pub(crate) fn told(requests: usize) -> Usage {
    let requests = requests as u64;
    Usage { prompt: 100 * requests, completion: 20 * requests, ..Usage::default() }
}
