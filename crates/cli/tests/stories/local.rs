//! A model server in every mood: each ends in a named state, with its cost settled and the documented exit code.

use domain::proposal::ChargeBasis;
use testkit::{ScriptedModel, Step};

use crate::support::Place;
use crate::support::patches::{ASK, COMMA, POLICY, greeter};

/// What is expected of one mood.
struct Mood {
    step: Step,
    /// The status at rest, the exit code, and why the provider gave no answer.
    end: (&'static str, i32, Option<&'static str>),
    /// On what the charge is based when the model has a price.
    priced: ChargeBasis,
}

const PRICES: &str = ", price_in: 1, price_out: 2";

fn tell(mood: &Mood, prices: &str) {
    let model = ScriptedModel::script([mood.step.clone()]);
    let bounds = "providers:\n  local: {max_reply_bytes: 100000, first_byte_seconds: 1, idle_seconds: 1, total_seconds: 20";
    let mut place = Place::new(greeter(), &format!("{bounds}{prices}}}\n{POLICY}"));
    place.ask_model_at(&model.base_url());
    let untouched = place.digest();
    let (status, code, failure) = mood.end;
    let document = place.json(code, &[ASK, "--provider", "local"]);
    assert_eq!(document["intent"]["status"], status, "{document}");
    let intent = place.intent();
    let attempt = &intent.attempts[0];
    assert_eq!(attempt.failure.as_ref().map(|f| f.kind.as_str()), failure, "{:?}", attempt.failure);
    let (charge, reserved) = (attempt.charge.unwrap(), attempt.reserved.unwrap());
    let basis = if prices.is_empty() { ChargeBasis::Free } else { mood.priced };
    assert_eq!(charge.basis, basis, "{:?}", mood.step);
    match basis {
        ChargeBasis::Free => assert_eq!(charge.billed.micros(), 0),
        // 100 prompt tokens at 1 and 20 of the answer at 2 dollars a million.
        ChargeBasis::Reported => assert_eq!(charge.billed.micros(), 140),
        ChargeBasis::Ceiling => assert!(charge.billed == reserved && reserved.micros() > 0),
        ChargeBasis::Recorded => panic!("nothing was recorded"),
    }
    assert_eq!(document["intent"]["cost"]["billed_micros"], charge.billed.micros());
    place.assert_nothing_left();
    place.assert_refs_told();
    place.assert_untouched(&untouched);
    model.wait_until_idle(crate::support::SOON);
    model.finish();
}

fn free_and_priced(step: Step, end: (&'static str, i32, Option<&'static str>), priced: ChargeBasis) {
    let mood = Mood { step, end, priced };
    tell(&mood, "");
    tell(&mood, PRICES);
}

#[test]
fn a_good_reply_is_published() {
    free_and_priced(Step::patch(COMMA, 0.9), ("published", 0, None), ChargeBasis::Reported);
}

#[test]
fn a_malformed_reply_is_paid_and_refused() {
    free_and_priced(Step::MalformedReply, ("no-provider", 6, None), ChargeBasis::Reported);
}

#[test]
fn a_reply_over_the_cap_is_given_up() {
    free_and_priced(Step::TooLarge(3 << 20), ("no-provider", 6, Some("too-large")), ChargeBasis::Ceiling);
}

#[test]
fn an_endless_stream_is_given_up_at_the_cap() {
    free_and_priced(Step::EndlessStream, ("no-provider", 6, Some("too-large")), ChargeBasis::Ceiling);
}

#[test]
fn an_error_of_the_server_is_charged_at_the_ceiling_since_it_may_have_worked() {
    let step = Step::Status(500, "boom".to_owned());
    free_and_priced(step, ("no-provider", 6, Some("status")), ChargeBasis::Ceiling);
}

#[test]
fn a_refused_request_costs_nothing() {
    let step = Step::Status(401, "no key".to_owned());
    free_and_priced(step, ("no-provider", 6, Some("status")), ChargeBasis::Free);
}

#[test]
fn a_hang_ends_at_the_deadline_of_the_first_byte() {
    free_and_priced(Step::Hang, ("no-provider", 6, Some("timed-out")), ChargeBasis::Ceiling);
}

#[test]
fn a_hang_after_the_headers_ends_at_a_deadline_too() {
    free_and_priced(Step::HangAfterHeaders, ("no-provider", 6, Some("timed-out")), ChargeBasis::Ceiling);
}

#[test]
fn an_answer_that_breaks_off_is_no_answer() {
    let step = Step::CutConnection { after_bytes: 40 };
    free_and_priced(step, ("no-provider", 6, Some("truncated")), ChargeBasis::Ceiling);
}

#[test]
fn an_answer_of_another_protocol_is_no_answer() {
    free_and_priced(Step::NoJson, ("no-provider", 6, Some("protocol")), ChargeBasis::Ceiling);
}

#[test]
fn an_answer_without_usage_is_charged_at_the_ceiling() {
    let reply = serde_json::json!({"patch": COMMA, "explanation": "", "confidence": 0.9, "meta": {}});
    free_and_priced(Step::no_usage(reply.to_string()), ("published", 0, None), ChargeBasis::Ceiling);
}

#[test]
fn a_server_that_is_not_there_costs_nothing() {
    let mut place = Place::new(greeter(), POLICY);
    place.ask_model_at("http://127.0.0.1:1/v1");
    place.ends_with(6, &[ASK, "--provider", "local"]);
    let intent = place.intent();
    let failure = intent.attempts[0].failure.as_ref().unwrap();
    assert_eq!((failure.kind.as_str(), intent.billed().micros()), ("unreachable", 0));
    place.assert_nothing_left();
}
