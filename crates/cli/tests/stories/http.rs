//! The services over HTTP, through the whole program: each mood of a server ends in a named state with the money settled.

use domain::proposal::ChargeBasis;
use testkit::{Reply, ScriptedModel, Step};

use crate::support::Place;
use crate::support::patches::{ASK, COMMA, POLICY, greeter};

const KEY: &str = "sk-hunter2-0123456789abcdef";

/// A place where a service is the scripted server, with a key and a price.
fn place(name: &str, model: &ScriptedModel) -> Place {
    let section = format!(
        "{{url: \"{}\", first_byte_seconds: 1, idle_seconds: 1, total_seconds: 20, price_in: 1, price_out: 2}}",
        model.base_url()
    );
    let mut place = Place::new(greeter(), &format!("providers:\n  {name}: {section}\n{POLICY}"));
    place.set(if name == "openai" { "OPENAI_API_KEY" } else { "ANTHROPIC_API_KEY" }, KEY);
    place
}

#[test]
fn each_mood_of_each_service_ends_in_a_named_state_with_the_money_settled() {
    for name in ["openai", "anthropic"] {
        for (step, (status, code, failure), basis) in [
            (Step::patch(COMMA, 0.9), ("published", 0, None), ChargeBasis::Reported),
            (Step::Status(401, "no key".to_owned()), ("no-provider", 6, Some("status")), ChargeBasis::Free),
            (Step::RateLimited { retry_after: 600 }, ("no-provider", 6, Some("status")), ChargeBasis::Free),
            (Step::Status(500, "boom".to_owned()), ("no-provider", 6, Some("status")), ChargeBasis::Ceiling),
            (Step::Hang, ("no-provider", 6, Some("timed-out")), ChargeBasis::Ceiling),
            (
                Step::HangInTheMiddle { after_bytes: 40 },
                ("no-provider", 6, Some("timed-out")),
                ChargeBasis::Ceiling,
            ),
            (Step::NoJson, ("no-provider", 6, Some("protocol")), ChargeBasis::Ceiling),
            (
                Step::CutConnection { after_bytes: 40 },
                ("no-provider", 6, Some("truncated")),
                ChargeBasis::Ceiling,
            ),
            (
                Step::Reply(Reply::text("{\"patch").finish_reason("length")),
                ("no-provider", 6, Some("truncated")),
                ChargeBasis::Reported,
            ),
        ] {
            let model = ScriptedModel::script([step.clone()]);
            let place = place(name, &model);
            let untouched = place.digest();
            let document = place.json(code, &[ASK, "--provider", name]);
            assert_eq!(document["intent"]["status"], status, "{name} {step:?} {document}");
            let intent = place.intent();
            let attempt = &intent.attempts[0];
            assert_eq!(attempt.failure.as_ref().map(|f| f.kind.as_str()), failure, "{name} {step:?}");
            let (charge, reserved) = (attempt.charge.unwrap(), attempt.reserved.unwrap());
            assert_eq!(charge.basis, basis, "{name} {step:?}");
            match basis {
                ChargeBasis::Reported => assert_eq!(charge.billed.micros(), 140),
                ChargeBasis::Ceiling => assert!(charge.billed == reserved && reserved.micros() > 0),
                _ => assert_eq!(charge.billed.micros(), 0),
            }
            place.assert_nothing_left();
            place.assert_untouched(&untouched);
            model.wait_until_idle(crate::support::SOON);
            model.finish();
        }
    }
}

#[test]
fn whole_files_become_the_same_small_change() {
    let whole = "The comma is missing.\nconfidence: 0.9\n\ngreet.py\n```python\ndef greet(name):\n    return \"Hello, \" + name\n```\n";
    let model = ScriptedModel::script([Step::text(whole)]);
    let mut place = Place::new(greeter(), POLICY);
    place.ask_model_at(&model.base_url());
    place.set("CODEX_TASK_PROVIDERS__LOCAL__ANSWER", "whole_file");
    place.ends_with(0, &[ASK, "--provider", "local"]);
    let intent = place.intent();
    let attempt = &intent.attempts[0];
    let patch = attempt.patch.as_ref().unwrap();
    assert_eq!((patch.stat.files, patch.stat.added, patch.stat.deleted), (1, 1, 1), "{patch:?}");
    assert_eq!(patch.explanation, "The comma is missing.");
    assert_eq!(patch.raw_confidence.map(|c| c.value()), Some(0.9));
    model.finish();
}
