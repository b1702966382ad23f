//! The HTTP providers against a real server on the loopback that answers by a script, in every way in which servers misbehave.

mod official;

use std::collections::BTreeMap;
use std::time::Duration;

use domain::ids::Sha256;
use domain::money::MicroDollars;
use domain::proposal::{ChargeBasis, FailureKind, Form, Usage};
use domain::task::{Kind, Task};
use engine::provider::{Answer, Provider, Refusal, Repair, Request};
use testkit::{Reply, ScriptedModel, Step};

use engine::config::{Config, Structured};

use super::{Http, HttpSettings, Waits};
use crate::asking::Question;
use crate::prices::{Prices, Pricing};

const KEY: &str = "sk-hunter2-0123456789";
const TEXT: &str = "def f():\n    return os.getcwd()  # ünïcödé \u{1f600}\n";

/// Long enough for a loopback on a busy machine where it must not pass, short where it must.
const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(80);

fn question() -> Question {
    Question::finding("F821", "src/a.py", TEXT, 2)
}

/// The built-in settings of a provider.
pub(crate) fn settings_for(name: &str) -> HttpSettings {
    let config = Config::default();
    let found = config.providers.all().into_iter().find(|(own, _)| *own == name);
    HttpSettings::new(name, found.unwrap().1, &config, 0)
}

fn settings(model: &ScriptedModel) -> HttpSettings {
    HttpSettings {
        url: Some(model.base_url()),
        model: Some("small".to_owned()),
        waits: Waits { first_byte: LONG, idle: LONG, total: LONG },
        ..settings_for("local")
    }
}

fn paid(model: &ScriptedModel) -> HttpSettings {
    let dollars = MicroDollars::from_micros;
    let pricing = Pricing::Set(Prices { input: dollars(1_000_000), output: dollars(2_000_000) });
    HttpSettings { pricing, ..settings(model) }
}

fn local(settings: HttpSettings) -> Http {
    Http::new(settings, &BTreeMap::from([("MODEL_KEY".to_owned(), KEY.to_owned())]))
}

async fn ask(settings: HttpSettings) -> (Request, Result<Answer, Refusal>) {
    let question = question();
    let provider = local(settings);
    let request = provider.request(&question.ask()).unwrap();
    let answer = provider.propose(&request, &question.ask()).await;
    (request, answer)
}

/// Asks and expects a failure of this kind whose sentence holds this word.
async fn fails(settings: HttpSettings, kind: FailureKind, word: &str) -> Refusal {
    let refusal = ask(settings).await.1.unwrap_err();
    assert_eq!(refusal.failure.kind, kind, "{refusal:?}");
    assert!(refusal.failure.detail.contains(word), "{word:?} in {refusal:?}");
    refusal
}

#[tokio::test]
async fn a_good_reply_comes_back_as_it_was_with_model_and_usage() {
    let model = ScriptedModel::script([Step::text("{\"patch\": \"ünï\u{1f600}\\n\"}")]);
    let (request, answer) = ask(settings(&model)).await;
    let answer = answer.unwrap();
    assert_eq!(
        (answer.form, answer.bytes.as_slice()),
        (Form::Reply, "{\"patch\": \"ünï\u{1f600}\\n\"}".as_bytes())
    );
    assert_eq!(answer.model.as_deref(), Some("scripted"));
    assert_eq!(answer.usage, Some(Usage { prompt: 100, cached: 0, completion: 20, reasoning: 0 }));
    assert_eq!((answer.charge.billed, answer.charge.basis), (MicroDollars::ZERO, ChargeBasis::Free));
    assert_eq!(request.model.as_deref(), Some("small"));
    let sent = model.only_request();
    assert!(sent.prompt().contains("# ünïcödé \u{1f600}") && sent.prompt().contains("src/a.py"));
    assert_eq!((&sent.body["temperature"], &sent.body["stream"]), (&0.into(), &false.into()));
}

#[tokio::test]
async fn what_is_hashed_is_exactly_what_is_sent() {
    let model = ScriptedModel::script([Step::text("x")]);
    let (request, _) = ask(settings(&model)).await;
    let sent = model.only_request();
    let expected = [format!("local POST {}\n", sent.path).as_bytes(), &sent.bytes].concat();
    assert_eq!(request.bytes, expected);
}

#[test]
fn the_same_question_gives_the_same_request_whatever_host_and_key() {
    let hash = |url: &str, key: Option<&str>, model: Option<&'static str>| {
        let settings = HttpSettings {
            url: Some(url.to_owned()),
            model: Some("small".to_owned()),
            api_key_env: key.map(str::to_owned),
            ..settings_for("local")
        };
        let question = Question { model, ..question() };
        Sha256::of(&local(settings).request(&question.ask()).unwrap().bytes)
    };
    let first = hash("http://127.0.0.1:1", None, None);
    assert_eq!(first, hash("https://example.org/v1/", Some("MODEL_KEY"), None));
    assert_ne!(
        first,
        hash("http://127.0.0.1:1", None, Some("large")),
        "the user's model goes before the configured"
    );
}

#[test]
fn a_repair_is_another_request() {
    let provider = local(HttpSettings {
        url: Some("http://127.0.0.1:1".to_owned()),
        model: Some("small".to_owned()),
        ..settings_for("local")
    });
    let first = provider.request(&question().ask()).unwrap();
    let repair = Some(Repair { diff: "-a\n+b\n".to_owned(), log: "FAILED test_a".to_owned() });
    let second = provider.request(&Question { repair, ..question() }.ask()).unwrap();
    assert!(provider.repairs() && first != second);
    assert!(String::from_utf8(second.bytes).unwrap().contains("FAILED test_a"));
}

#[tokio::test]
async fn a_reply_that_breaks_the_contract_is_handed_on_unjudged() {
    let model = ScriptedModel::script([Step::MalformedReply]);
    let answer = ask(settings(&model)).await.1.unwrap();
    assert!(String::from_utf8(answer.bytes).unwrap().starts_with("Sure!"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_too_large_answer_is_cut_off_while_it_comes() {
    let model = ScriptedModel::script([Step::TooLarge(64 << 20)]);
    let settings = HttpSettings { max_reply_bytes: 100_000, ..paid(&model) };
    let refusal = fails(settings, FailureKind::TooLarge, "100000 bytes").await;
    assert_eq!(refusal.charge.basis, ChargeBasis::Ceiling);
    model.wait_until_idle(LONG);
    assert!(model.streamed_bytes() < 32 << 20, "{}", model.streamed_bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_endless_answer_ends_at_the_cap() {
    let model = ScriptedModel::script([Step::EndlessStream]);
    fails(settings(&model), FailureKind::TooLarge, "larger than").await;
    model.wait_until_idle(LONG);
}

#[tokio::test]
async fn an_answer_as_large_as_the_cap_is_taken() {
    let model = ScriptedModel::script([Step::text("x"), Step::text("x")]);
    let (_, answer) = ask(settings(&model)).await;
    assert!(answer.is_ok());
    let length = reqwest_length(&model).await;
    // With and without an announced length.
    let whole = || Reply::text("x");
    let drip = || Step::Drip { reply: whole(), piece: 50, pause: Duration::ZERO };
    for (cap, fits) in [(length, true), (length - 1, false)] {
        for step in [Step::Reply(whole()), drip()] {
            let model = ScriptedModel::script([step]);
            let answer = ask(HttpSettings { max_reply_bytes: cap, ..settings(&model) }).await.1;
            assert_eq!(answer.is_ok(), fits, "{cap}");
        }
    }
}

/// The bytes of the scripted answer's body, as another client counts them.
async fn reqwest_length(model: &ScriptedModel) -> usize {
    let url = format!("{}/chat/completions", model.base_url());
    let body = r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#;
    let request =
        reqwest::Client::builder().no_proxy().tls_backend_preconfigured(no_tls()).build().unwrap().post(url);
    let sent = request.header("content-type", "application/json").body(body).send().await.unwrap();
    sent.bytes().await.unwrap().len()
}

fn no_tls() -> rustls::ClientConfig {
    rustls::ClientConfig::builder_with_provider(std::sync::Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

#[tokio::test]
async fn an_error_status_is_named_and_never_sent_again() {
    let model = ScriptedModel::script([Step::Status(500, "{\"error\":\"out of\\nmemory\"}".to_owned())]);
    let refusal = fails(paid(&model), FailureKind::Status, "500").await;
    assert!(refusal.failure.detail.contains("out of"));
    assert_eq!(refusal.charge.basis, ChargeBasis::Ceiling, "what a failing server counts is not known");
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn a_client_error_costs_nothing() {
    for code in [400, 401, 404, 413] {
        let model = ScriptedModel::script([Step::Status(code, "no".repeat(5_000))]);
        let refusal = fails(paid(&model), FailureKind::Status, &code.to_string()).await;
        assert_eq!((refusal.charge.billed, refusal.charge.basis), (MicroDollars::ZERO, ChargeBasis::Free));
        assert!(refusal.failure.detail.len() < 500);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_server_that_hangs_runs_into_the_first_byte_deadline() {
    for step in [Step::Hang, Step::HangAfterHeaders] {
        let model = ScriptedModel::script([step]);
        let settings =
            HttpSettings { waits: Waits { first_byte: SHORT, idle: LONG, total: LONG }, ..paid(&model) };
        let refusal = fails(settings, FailureKind::TimedOut, "first-byte").await;
        assert_eq!(refusal.charge.basis, ChargeBasis::Ceiling);
        model.wait_until_idle(LONG);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_answer_that_stops_in_the_middle_runs_into_the_idle_deadline() {
    let drip = Step::Drip { reply: Reply::text("x"), piece: 10, pause: Duration::from_millis(400) };
    let model = ScriptedModel::script([drip]);
    let settings =
        HttpSettings { waits: Waits { first_byte: LONG, idle: SHORT, total: LONG }, ..settings(&model) };
    fails(settings, FailureKind::TimedOut, "idle").await;
    model.wait_until_idle(LONG);
}

#[tokio::test]
async fn an_answer_that_drips_for_ever_runs_into_the_total_deadline() {
    let drip =
        || Step::Drip { reply: Reply::text("x".repeat(10_000)), piece: 1, pause: Duration::from_millis(5) };
    let model = ScriptedModel::script([drip()]);
    let settings_own =
        HttpSettings { waits: Waits { first_byte: LONG, idle: LONG, total: SHORT }, ..settings(&model) };
    fails(settings_own, FailureKind::TimedOut, "total").await;
    let model = ScriptedModel::script([drip()]);
    let question = Question { deadline: SHORT, ..question() };
    let provider = local(settings(&model));
    let request = provider.request(&question.ask()).unwrap();
    let refusal = provider.propose(&request, &question.ask()).await.unwrap_err();
    assert!(refusal.failure.detail.contains("total"), "the caller's deadline holds too: {refusal:?}");
}

#[tokio::test]
async fn a_slow_answer_within_the_deadlines_is_taken() {
    let drip = Step::Drip { reply: Reply::text("slow"), piece: 40, pause: Duration::from_millis(2) };
    let model = ScriptedModel::script([drip]);
    assert_eq!(ask(settings(&model)).await.1.unwrap().bytes, b"slow");
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_truncated() {
    for after_bytes in [0, 40] {
        let model = ScriptedModel::script([Step::CutConnection { after_bytes }]);
        let refusal = fails(paid(&model), FailureKind::Truncated, "ended after").await;
        assert_eq!(refusal.charge.basis, ChargeBasis::Ceiling);
        assert_eq!(model.requests().len(), 1, "a lost answer may be paid: it is not asked for again");
    }
}

#[tokio::test]
async fn an_answer_at_its_token_limit_is_truncated_and_charged_as_reported() {
    let model = ScriptedModel::script([Step::Reply(Reply::text("{\"pat").finish_reason("length"))]);
    let refusal = fails(paid(&model), FailureKind::Truncated, "tokens").await;
    assert_eq!((refusal.charge.billed.micros(), refusal.charge.basis), (140, ChargeBasis::Reported));
}

#[tokio::test]
async fn what_is_not_of_the_protocol_is_named_so() {
    for step in [
        Step::WrongJson,
        Step::NoJson,
        Step::text(""),
        Step::Reply(Reply::text(" ").finish_reason("content_filter")),
    ] {
        let model = ScriptedModel::script([step]);
        fails(settings(&model), FailureKind::Protocol, "answer").await;
    }
}

#[tokio::test]
async fn a_server_that_says_later_is_asked_again_at_most_twice() {
    let later = || Step::RateLimited { retry_after: 0 };
    let model = ScriptedModel::script([later(), later(), Step::text("at last")]);
    assert_eq!(ask(settings(&model)).await.1.unwrap().bytes, b"at last");
    model.finish();
    let model = ScriptedModel::script([later(), later(), later()]);
    let refusal = fails(paid(&model), FailureKind::Status, "429").await;
    assert_eq!(refusal.charge.billed, MicroDollars::ZERO);
    model.finish();
}

#[tokio::test]
async fn a_server_that_wants_long_patience_is_left() {
    let model = ScriptedModel::script([Step::RateLimited { retry_after: 3600 }]);
    fails(settings(&model), FailureKind::Status, "429").await;
    model.finish();
}

#[tokio::test]
async fn usage_is_charged_at_its_price_and_missing_usage_at_the_ceiling() {
    let model = ScriptedModel::script([
        Step::text("x"),
        Step::no_usage("x"),
        Step::Reply(Reply::text("x").usage(1 << 60, 9)),
    ]);
    let question = question();
    let provider = local(paid(&model));
    let request = provider.request(&question.ask()).unwrap();
    let ceiling = provider.ceiling(&request).unwrap();
    assert_eq!(ceiling.micros(), request.bytes.len() as u64 + 2 * 8192);
    let mut charges = Vec::new();
    for _ in 0..3 {
        charges.push(provider.propose(&request, &question.ask()).await.unwrap().charge);
    }
    assert_eq!((charges[0].billed.micros(), charges[0].basis), (140, ChargeBasis::Reported));
    assert_eq!((charges[1].billed, charges[1].basis), (ceiling, ChargeBasis::Ceiling));
    assert_eq!(
        (charges[2].billed, charges[2].basis),
        (ceiling, ChargeBasis::Ceiling),
        "no server empties a budget"
    );
}

#[tokio::test]
async fn the_key_is_sent_and_stands_nowhere_else() {
    let echo = format!("{{\"error\":\"Incorrect API key provided: {KEY}\"}}");
    let model = ScriptedModel::script([Step::Status(401, echo)]);
    let settings = HttpSettings { api_key_env: Some("MODEL_KEY".to_owned()), ..settings(&model) };
    let (request, answer) = ask(settings).await;
    let sent = model.only_request();
    assert_eq!(sent.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    let refusal = answer.unwrap_err();
    let shown = format!("{refusal:?} {}", String::from_utf8_lossy(&request.bytes));
    assert!(!shown.contains("hunter2") && shown.contains("[key]"), "{shown}");
    assert!(!String::from_utf8_lossy(&sent.bytes).contains("hunter2"));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_gets_no_key() {
    let elsewhere = ScriptedModel::script([]);
    let to = format!("{}/chat/completions", elsewhere.base_url());
    let model = ScriptedModel::script([Step::Redirect { to }]);
    let settings = HttpSettings { api_key_env: Some("MODEL_KEY".to_owned()), ..settings(&model) };
    fails(settings, FailureKind::Status, "redirect").await;
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_server_that_is_not_there_costs_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Some(format!("http://{}", listener.local_addr().unwrap()));
    drop(listener);
    let model = ScriptedModel::script([]);
    let refusal =
        fails(HttpSettings { url, ..paid(&model) }, FailureKind::Unreachable, "no connection").await;
    assert_eq!(refusal.charge.billed, MicroDollars::ZERO);
}

#[tokio::test]
async fn certificates_are_looked_at_for_https() {
    let model = ScriptedModel::script([]);
    let url = Some(model.origin().replace("http:", "https:"));
    let refusal =
        fails(HttpSettings { url, ..paid(&model) }, FailureKind::Unreachable, "no connection").await;
    assert_eq!(refusal.charge.billed, MicroDollars::ZERO, "{refusal:?}");
}

#[tokio::test]
async fn a_server_without_structured_output_is_asked_once_more_in_words_only() {
    let model = ScriptedModel::respond_with(|request| match request.body.get("response_format") {
        Some(_) => Step::Status(400, "{\"error\":\"unknown field `response_format`\"}".to_owned()),
        None => Step::text("plain"),
    });
    let question = question();
    let provider = local(settings(&model));
    let request = provider.request(&question.ask()).unwrap();
    for requests in [2, 3] {
        let answer = provider.propose(&request, &question.ask()).await.unwrap();
        assert_eq!((answer.bytes.as_slice(), model.requests().len()), (b"plain".as_slice(), requests));
    }
    assert_eq!(
        provider.request(&question.ask()).unwrap(),
        request,
        "the hash stays that of the canonical request"
    );
}

#[tokio::test]
async fn a_schema_that_is_demanded_is_not_given_up() {
    let model = ScriptedModel::script([Step::Status(400, "response_format is not supported".to_owned())]);
    let settings = HttpSettings { structured: Structured::JsonSchema, ..settings(&model) };
    fails(settings, FailureKind::Status, "400").await;
    model.finish();
}

#[test]
fn what_is_missing_is_said_before_anybody_is_asked() {
    let task = question().task;
    let why = |settings: HttpSettings| local(settings).suits(&task).unwrap_err();
    let url = Some("http://127.0.0.1:1".to_owned());
    assert!(why(settings_for("local")).contains("providers.local.url"));
    assert!(
        why(HttpSettings { url: Some("h".to_owned()), ..settings_for("local") })
            .contains("providers.local.url")
    );
    let no_key =
        HttpSettings { url: url.clone(), api_key_env: Some("OTHER".to_owned()), ..settings_for("local") };
    assert!(why(no_key).contains("OTHER"));
    let provider = local(HttpSettings { url, ..settings_for("local") });
    assert!(provider.suits(&task).is_ok());
    assert!(provider.suits(&Task { kind: Kind::Ask, ..task.clone() }).is_ok());
    let failure = provider.request(&question().ask()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotConfigured);
    assert!(failure.detail.contains("providers.local.model"));
}

#[test]
fn a_file_that_is_not_there_is_no_question() {
    let mut question = question();
    question.files.0.clear();
    let provider = local(HttpSettings {
        url: Some("http://127.0.0.1:1".to_owned()),
        model: Some("small".to_owned()),
        ..settings_for("local")
    });
    let failure = provider.request(&question.ask()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::NoFix);
    assert!(failure.detail.contains("src/a.py"));
}

/// The built-in settings of a service, at the scripted server, with a key and a price.
fn service(name: &str, model: &ScriptedModel) -> HttpSettings {
    let waits = Waits { first_byte: LONG, idle: LONG, total: LONG };
    let pricing = paid(model).pricing;
    let url = Some(model.base_url());
    let api_key_env = Some("MODEL_KEY".to_owned());
    HttpSettings { url, waits, pricing, api_key_env, ..settings_for(name) }
}

const SERVICES: [(&str, &str, &str); 2] =
    [("openai", "/v1/responses", "authorization"), ("anthropic", "/v1/messages", "x-api-key")];

#[tokio::test]
async fn each_service_is_asked_by_its_own_interface_and_all_tokens_are_told() {
    for (name, path, header) in SERVICES {
        let tokens = testkit::Usage { prompt: 100, completion: 20, cached: 60, reasoning: 0 };
        let model = ScriptedModel::script([Step::Reply(Reply::text("{}").all_usage(tokens))]);
        let (request, answer) = ask(service(name, &model)).await;
        let answer = answer.unwrap();
        assert_eq!((answer.form, answer.bytes.as_slice()), (Form::Reply, b"{}".as_slice()), "{name}");
        assert_eq!(answer.usage, Some(Usage { prompt: 100, cached: 60, completion: 20, reasoning: 0 }));
        assert_eq!((answer.charge.billed.micros(), answer.charge.basis), (140, ChargeBasis::Reported));
        let sent = model.only_request();
        assert_eq!(sent.path, path);
        assert!(sent.header(header).unwrap().ends_with(KEY));
        assert!(sent.prompt().starts_with("You propose one change") && sent.prompt().contains("src/a.py"));
        let expected = [format!("{name} POST {path}\n").as_bytes(), &sent.bytes].concat();
        assert_eq!(request.bytes, expected);
        assert!(!String::from_utf8_lossy(&request.bytes).contains("hunter2"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn each_way_to_fail_has_its_name_and_its_charge_at_each_service() {
    let short = |settings: HttpSettings| HttpSettings {
        waits: Waits { first_byte: SHORT, idle: SHORT, total: LONG },
        ..settings
    };
    for (name, _, _) in SERVICES {
        for (step, kind, word, basis) in [
            (Step::Status(401, "no".to_owned()), FailureKind::Status, "check the key", ChargeBasis::Free),
            (Step::RateLimited { retry_after: 3600 }, FailureKind::Status, "429", ChargeBasis::Free),
            (Step::Status(500, "boom".to_owned()), FailureKind::Status, "500", ChargeBasis::Ceiling),
            (Step::Hang, FailureKind::TimedOut, "first-byte", ChargeBasis::Ceiling),
            (Step::HangInTheMiddle { after_bytes: 30 }, FailureKind::TimedOut, "idle", ChargeBasis::Ceiling),
            (Step::NoJson, FailureKind::Protocol, "form", ChargeBasis::Ceiling),
            (Step::WrongJson, FailureKind::Protocol, "answer", ChargeBasis::Ceiling),
            (
                Step::CutConnection { after_bytes: 30 },
                FailureKind::Truncated,
                "30 bytes",
                ChargeBasis::Ceiling,
            ),
            (
                Step::Reply(Reply::text("{").finish_reason("length")),
                FailureKind::Truncated,
                "tokens",
                ChargeBasis::Reported,
            ),
        ] {
            let hangs = matches!(step, Step::Hang | Step::HangInTheMiddle { .. });
            let model = ScriptedModel::script([step]);
            let settings = service(name, &model);
            let refusal = fails(if hangs { short(settings) } else { settings }, kind, word).await;
            assert_eq!(refusal.charge.basis, basis, "{name} {refusal:?}");
            assert_eq!(model.requests().len(), 1, "nothing is sent twice that may be paid");
            model.wait_until_idle(LONG);
        }
    }
}

#[tokio::test]
async fn what_a_service_refuses_in_a_request_is_left_out_and_not_tried_again() {
    for (name, _, _) in SERVICES {
        let model = ScriptedModel::respond_with(|request| {
            let field =
                ["temperature", "text", "output_config"].into_iter().find(|f| request.body.get(f).is_some());
            match field {
                Some("temperature") => {
                    Step::Status(400, "temperature is deprecated for this model".to_owned())
                }
                Some(_) => Step::Status(400, "this model knows no structured output".to_owned()),
                None => Step::text("plain"),
            }
        });
        let question = question();
        let provider = local(service(name, &model));
        let request = provider.request(&question.ask()).unwrap();
        let wishes = if name == "openai" { 2 } else { 1 };
        for requests in [wishes + 1, wishes + 2] {
            let answer = provider.propose(&request, &question.ask()).await.unwrap();
            assert_eq!((answer.bytes.as_slice(), model.requests().len()), (b"plain".as_slice(), requests));
        }
    }
}

#[tokio::test]
async fn a_model_whose_price_is_not_known_is_not_asked() {
    let model = ScriptedModel::script([]);
    for pricing in [Pricing::Unknown, Pricing::Listed { service: "openai".to_owned(), at: 0 }] {
        let settings =
            HttpSettings { pricing, model: Some("no-such-model".to_owned()), ..service("openai", &model) };
        let question = question();
        let provider = local(settings.clone());
        let request = provider.request(&question.ask()).unwrap();
        let failure = provider.ceiling(&request).unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotConfigured);
        assert!(failure.detail.contains("providers.openai.price_in"), "{failure:?}");
        fails(settings, FailureKind::NotConfigured, "price").await;
    }
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn a_small_local_model_is_asked_for_whole_files_and_by_no_schema() {
    let model = ScriptedModel::script([Step::text("Fixed.\nconfidence: 0.8\n\nsrc/a.py\n```\nx\n```\n")]);
    let settings = HttpSettings { model: Some("coder:7b".to_owned()), ..settings(&model) };
    let answer = ask(settings.clone()).await.1.unwrap();
    assert_eq!(answer.form, Form::Files);
    let sent = model.only_request();
    assert!(sent.body.get("response_format").is_none() && sent.prompt().contains("confidence: N"));
    let overridden = HttpSettings { answer: Some(engine::context::AnswerForm::SearchReplace), ..settings };
    let request = local(overridden).request(&question().ask()).unwrap();
    assert!(String::from_utf8(request.bytes).unwrap().contains("<<<<<<< SEARCH"));
}

#[test]
fn an_image_is_bounded_by_what_it_can_cost_and_not_by_its_bytes() {
    let model = ScriptedModel::script([]);
    let provider = local(paid(&model));
    let plain = provider.request(&question().ask()).unwrap();
    let png = [b"\x89PNG\r\n\x1a\n".to_vec(), vec![0; 1 << 20]].concat();
    let images = vec![engine::image::Image::new("a.png", png).unwrap()];
    let seen = provider.request(&Question { images, ..question() }.ask()).unwrap();
    assert!(seen.bytes.len() > 1_300_000);
    let most = |request: &Request| provider.ceiling(request).unwrap().micros();
    let more = most(&seen) - most(&plain);
    assert!((50_000..52_000).contains(&more), "{more}");
    assert!(provider.takes_images());
}
