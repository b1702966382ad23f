//! A LiteLLM proxy in front of the scripted model, used as `local`: a gateway that nobody here wrote understands what we send,
//! and we what it answers.

use domain::proposal::ChargeBasis;
use testkit::{Need, OtherServer, ScriptedModel, Step};

use crate::support::Place;
use crate::support::patches::{ASK, COMMA, POLICY, greeter};

const KEY: &str = "sk-hunter2-0123456789abcdef";

#[test]
fn a_litellm_proxy_works_as_local() {
    testkit::requires!(Need::Program("litellm"));
    let model = ScriptedModel::script([Step::patch(COMMA, 0.9)]);
    let folder = tempfile::tempdir().unwrap();
    let proxy = proxy(folder.path(), &model);
    let url = proxy.url();
    let providers = format!(
        "providers:\n  local: {{url: \"{url}\", model: fast, api_key_env: LOCAL_KEY, price_in: 1, price_out: 2}}\n"
    );
    let mut place = Place::new(greeter(), &format!("{providers}{POLICY}"));
    place.set("LOCAL_KEY", KEY);
    let document = place.json(0, &[ASK, "--provider", "local"]);
    assert_eq!(document["intent"]["status"], "published", "{document}");
    let charge = place.intent().attempts[0].charge.unwrap();
    assert_eq!(
        (charge.billed.micros(), charge.basis),
        (140, ChargeBasis::Reported),
        "the usage comes through"
    );
    drop(proxy);
    let sent = model.only_request();
    assert_eq!(sent.body["model"], "scripted", "the proxy's own name for it");
    assert_eq!(sent.body["temperature"].as_f64(), Some(0.0));
    assert!(sent.body.get("seed").is_some());
    assert!(sent.body.get("response_format").is_some(), "the wish for a form comes through");
    assert!(!sent.bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes()));
    place.assert_nothing_left();
    model.finish();
}

/// The proxy with one model, by a key of its own, without a database and without the internet.
fn proxy(folder: &std::path::Path, model: &ScriptedModel) -> OtherServer {
    let settings = format!(
        "model_list:\n  - model_name: fast\n    litellm_params: {{model: openai/scripted, api_base: \"{}\", api_key: none}}\n\
         litellm_settings: {{telemetry: false, num_retries: 0}}\ngeneral_settings: {{master_key: {KEY}}}\n",
        model.base_url()
    );
    std::fs::write(folder.join("proxy.yaml"), settings).unwrap();
    OtherServer::start("litellm", folder, |command, port| {
        command.args(["--config", "proxy.yaml", "--host", "127.0.0.1", "--port", &port.to_string()]);
        command.env("LITELLM_LOCAL_MODEL_COST_MAP", "True");
    })
}
