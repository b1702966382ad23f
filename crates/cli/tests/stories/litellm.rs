//! A LiteLLM proxy in front of the scripted model, used as `local`: a gateway that nobody here wrote understands what we send,
//! and we what it answers.

use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use domain::proposal::ChargeBasis;
use testkit::{Need, ScriptedModel, Step};

use crate::support::Place;
use crate::support::patches::{ASK, COMMA, POLICY, greeter};
use crate::web::{Server, command, on_path};

const KEY: &str = "sk-hunter2-0123456789abcdef";

#[test]
fn a_litellm_proxy_works_as_local() {
    testkit::requires!(Need::Program("litellm"));
    let model = ScriptedModel::script([Step::patch(COMMA, 0.9)]);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let providers = format!(
        "providers:\n  local: {{url: \"http://127.0.0.1:{port}\", model: fast, api_key_env: LOCAL_KEY, price_in: 1, price_out: 2}}\n"
    );
    let mut place = Place::new(greeter(), &format!("{providers}{POLICY}"));
    place.set("LOCAL_KEY", KEY);
    let mut proxy = proxy(&place, &model, port);
    let until = Instant::now() + Duration::from_secs(240);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let log = || std::fs::read_to_string(place.home.join("proxy.log")).unwrap();
        assert!(proxy.0.try_wait().unwrap().is_none() && Instant::now() < until, "{}", log());
        std::thread::sleep(Duration::from_millis(50));
    }
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
fn proxy(place: &Place, model: &ScriptedModel, port: u16) -> Server {
    let folder = place.home.join("proxy");
    std::fs::create_dir(&folder).unwrap();
    let settings = format!(
        "model_list:\n  - model_name: fast\n    litellm_params: {{model: openai/scripted, api_base: \"{}\", api_key: none}}\n\
         litellm_settings: {{telemetry: false, num_retries: 0}}\ngeneral_settings: {{master_key: {KEY}}}\n",
        model.base_url()
    );
    std::fs::write(folder.join("proxy.yaml"), settings).unwrap();
    let program = on_path("litellm");
    let mut command = command(&program);
    command.args(["--config", "proxy.yaml", "--host", "127.0.0.1", "--port", &port.to_string()]);
    command.current_dir(&folder).env("HOME", &folder).env("LITELLM_LOCAL_MODEL_COST_MAP", "True");
    let log = std::fs::File::create(place.home.join("proxy.log")).unwrap();
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    Server(command.spawn().unwrap())
}
