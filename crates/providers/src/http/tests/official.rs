//! Our requests, as they are sent, against the types of the official Python clients of both services.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use domain::plan::Wanted;
use domain::task::Kind;
use engine::config::{Structured, Wire};
use engine::context::AnswerForm;
use serde_json::{Value, json};
use testkit::{Need, ScriptedModel, Step};

use super::{HttpSettings, local, question, service, settings};
use engine::provider::Provider;

/// The Python that has the official clients: beside LiteLLM, which is installed with them.
#[expect(clippy::disallowed_methods, reason = "a test finds its tools where the machine has them")]
fn python() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&path).map(|folder| folder.join("litellm")).find(|file| file.is_file());
    found.unwrap().with_file_name("python")
}

/// What the clients' types say about these requests: a line for each that does not fit.
#[expect(clippy::disallowed_methods, reason = "starts a tool of this test")]
fn judged(requests: &[(Wire, Value)]) -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/tests/official_clients.py");
    let mut clients =
        Command::new(python()).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = clients.stdin.take().unwrap();
    for (wire, body) in requests {
        writeln!(stdin, "{}", json!({ "wire": wire, "body": body })).unwrap();
    }
    drop(stdin);
    let told = clients.wait_with_output().unwrap();
    assert!(told.status.success());
    let told = String::from_utf8(told.stdout).unwrap();
    let mut lines: Vec<String> = told.lines().map(str::to_owned).collect();
    assert_eq!(lines.pop(), Some(format!("read {}", requests.len())));
    lines
}

/// The body that arrives at the server for these settings.
async fn sent(settings: HttpSettings, kind: Kind, model: &ScriptedModel) -> Value {
    let mut question = question();
    if kind != Kind::Fix {
        question.task.finding = None;
        question.task.kind = kind;
        question.task.text = "explain src/a.py".to_owned();
        // A feature is asked for a plan first, and images go along.
        let png = b"\x89PNG\r\n\x1a\n".to_vec();
        question.images = vec![engine::image::Image::new("a.png", png).unwrap()];
        question.wanted = if kind == Kind::Feature { Wanted::Plan } else { Wanted::Change };
    }
    let provider = local(settings);
    let request = provider.request(&question.ask()).unwrap();
    drop(provider.propose(&request, &question.ask()).await);
    model.only_request().body
}

#[tokio::test]
async fn every_request_fits_the_official_clients_types() {
    testkit::requires!(Need::Program("litellm"));
    let mut all = Vec::new();
    let forms = AnswerForm::ALL.map(Some).into_iter().chain([None]);
    let structured = [Structured::Auto, Structured::JsonSchema, Structured::JsonObject, Structured::None];
    for answer in forms {
        for structured in structured {
            for (name, kind) in ["local", "openai", "anthropic"]
                .into_iter()
                .flat_map(|n| [Kind::Fix, Kind::Ask, Kind::Feature].map(|kind| (n, kind)))
            {
                // A service that has no such wish says so before anything is sent.
                if name == "anthropic" && structured == Structured::JsonObject {
                    continue;
                }
                let model = ScriptedModel::script([Step::text("{}")]);
                let own = if name == "local" { settings(&model) } else { service(name, &model) };
                let own = HttpSettings { answer, structured, ..own };
                let wire = own.wire;
                all.push((wire, sent(own, kind, &model).await));
            }
        }
    }
    assert!(all.len() > 80, "{}", all.len());
    assert_eq!(judged(&all), Vec::<String>::new());
    // The types are a judge that can say no: to a key that nobody knows, deep down too, and to a role that is none.
    let spoilt: Vec<(Wire, Value)> = all
        .iter()
        .take(6)
        .flat_map(|(wire, body)| {
            let (mut unknown, mut deep, mut role) = (body.clone(), body.clone(), body.clone());
            let list = if body.get("messages").is_some() { "messages" } else { "input" };
            unknown["no_such_key"] = 1.into();
            deep[list][0]["no_such_key"] = 1.into();
            role[list][0]["role"] = "nobody".into();
            [unknown, deep, role].map(|body| (*wire, body))
        })
        .collect();
    assert_eq!(judged(&spoilt).len(), spoilt.len());
}
