//! Whatever a model's service or an agent does wrong ends in a named state, with the money settled and nothing left running.

use domain::proposal::ChargeBasis;
use testkit::Step;

use crate::house::{Agent, ask, model, place};
use crate::support::SOON;

/// What the service does, how the attempt ends, and on what the charge is based.
struct Mood {
    name: &'static str,
    steps: fn(Agent) -> Vec<Step>,
    keys: &'static str,
    failure: &'static str,
    basis: ChargeBasis,
    /// Requests whose usage was told, where that is what is billed.
    billed: u64,
}

const MOODS: &[Mood] = &[
    Mood {
        name: "401",
        steps: |_| vec![Step::Status(401, r#"{"error": {"message": "no such key"}}"#.to_owned())],
        keys: "",
        failure: "status",
        basis: ChargeBasis::Free,
        billed: 0,
    },
    Mood {
        name: "429",
        steps: |_| vec![Step::RateLimited { retry_after: 600 }],
        keys: "",
        failure: "status",
        basis: ChargeBasis::Free,
        billed: 0,
    },
    Mood {
        name: "500",
        steps: |_| vec![Step::Status(500, "boom".to_owned())],
        keys: "",
        failure: "status",
        basis: ChargeBasis::Ceiling,
        billed: 0,
    },
    Mood {
        name: "500 after a good answer",
        steps: |agent| vec![agent.shell("true"), Step::Status(500, "boom".to_owned())],
        keys: "",
        failure: "status",
        basis: ChargeBasis::Ceiling,
        billed: 0,
    },
    Mood {
        name: "silence before the first byte",
        steps: |_| vec![Step::Hang],
        keys: "first_byte_seconds: 1",
        failure: "timed-out",
        basis: ChargeBasis::Ceiling,
        billed: 0,
    },
    Mood {
        name: "silence behind the headers",
        steps: |_| vec![Step::HangAfterHeaders],
        keys: "first_byte_seconds: 1",
        failure: "timed-out",
        basis: ChargeBasis::Ceiling,
        billed: 0,
    },
    Mood {
        name: "silence in the middle",
        steps: |_| vec![Step::HangInTheMiddle { after_bytes: 60 }],
        keys: "idle_seconds: 1",
        failure: "timed-out",
        basis: ChargeBasis::Ceiling,
        billed: 0,
    },
    Mood {
        name: "garbage",
        steps: |_| vec![Step::NoJson],
        keys: "",
        failure: "protocol",
        basis: ChargeBasis::Ceiling,
        billed: 0,
    },
    Mood {
        name: "a cut connection",
        steps: |_| vec![Step::CutConnection { after_bytes: 60 }],
        keys: "",
        failure: "truncated",
        basis: ChargeBasis::Ceiling,
        billed: 0,
    },
    Mood {
        name: "the agent is killed",
        steps: |agent| vec![agent.shell("kill -9 -1"), Step::text("done")],
        keys: "",
        failure: "crashed",
        basis: ChargeBasis::Reported,
        billed: 1,
    },
    Mood {
        name: "the agent stops moving",
        steps: |agent| vec![agent.shell("kill -STOP -1"), Step::text("done")],
        keys: "quiet_seconds: 20",
        failure: "timed-out",
        basis: ChargeBasis::Reported,
        billed: 1,
    },
    Mood {
        name: "calls without end",
        steps: |agent| (0..40).map(|number| agent.shell(&format!("echo {number}"))).collect(),
        keys: "max_requests: 4",
        failure: "unfinished",
        basis: ChargeBasis::Reported,
        billed: 4,
    },
];

fn meets(agent: Agent, mood: &Mood) {
    if !agent.is_here() {
        return;
    }
    let model = model((mood.steps)(agent));
    let place = place(agent, &model, mood.keys);
    let untouched = place.digest();
    let (document, told) = ask(&place, agent, &model, 6);
    let told = format!("{}: {told}", mood.name);
    assert_eq!(document["intent"]["status"], "no-provider", "{told}");
    let intent = place.intent();
    let attempt = &intent.attempts[0];
    let failure = attempt.failure.as_ref().unwrap();
    assert_eq!(failure.kind.as_str(), mood.failure, "{told}");
    let (charge, reserved) = (attempt.charge.unwrap(), attempt.reserved.unwrap());
    assert_eq!(charge.basis, mood.basis, "{told}");
    match mood.basis {
        ChargeBasis::Ceiling => assert!(charge.billed == reserved && reserved.micros() > 0, "{told}"),
        _ => assert_eq!(charge.billed.micros(), mood.billed * 140, "{told}"),
    }
    place.assert_nothing_left();
    place.assert_untouched(&untouched);
    model.wait_until_idle(SOON);
}

/// Each mood for each agent is a test of its own: they are slow, and run beside one another.
macro_rules! moods {
    ($($agent:ident $name:ident $numbers:expr;)*) => {
        $(#[test]
        fn $name() {
            for number in $numbers {
                meets(Agent::$agent, &MOODS[number]);
            }
        })*
    };
}

moods! {
    Codex codex_meets_errors_of_the_service 0..4;
    Codex codex_meets_silence 4..7;
    Codex codex_meets_what_is_no_answer 7..9;
    Codex codex_dies_or_finds_no_end 9..12;
    Qwen qwen_meets_errors_of_the_service 0..4;
    Qwen qwen_meets_silence 4..7;
    Qwen qwen_meets_what_is_no_answer 7..9;
    Qwen qwen_dies_or_finds_no_end 9..12;
    Acp an_agent_by_the_protocol_meets_errors_of_the_service 0..4;
    Acp an_agent_by_the_protocol_meets_silence 4..7;
    Acp an_agent_by_the_protocol_meets_what_is_no_answer 7..9;
    OpenCode opencode_meets_an_error_and_silence [0, 4];
    OpenCode opencode_dies_or_finds_no_end [9, 11];
}

#[test]
fn every_mood_is_met() {
    assert_eq!(MOODS.len(), 12);
}

/// What an agent does beside its work, and what must come of it: the change and nothing else.
fn does_beside(agent: Agent, line: &str) {
    if !agent.is_here() {
        return;
    }
    let work = format!("{line}; sed -i 's/Hello /Hello, /' greet.py");
    let model = model(vec![agent.shell(&work), Step::text("The comma is there.")]);
    let place = place(agent, &model, "");
    let untouched = place.digest();
    let (document, told) = ask(&place, agent, &model, 0);
    assert_eq!(document["intent"]["status"], "published", "{line}: {told}");
    let intent = place.intent();
    let stat = &intent.attempts[0].patch.as_ref().unwrap().stat;
    assert_eq!((stat.files, stat.added, stat.deleted), (1, 1, 1), "{agent:?}, {line}: {stat:?}");
    place.assert_nothing_left();
    place.assert_untouched(&untouched);
    place.assert_refs_told();
}

const BESIDE: [&str; 4] = [
    // Outside of its tree: nothing of it reaches anything.
    "echo evil > /etc/evil; echo evil > ../evil; echo evil > \"$HOME/evil\"; echo evil > /tmp/evil",
    // Commits of its own, and refs.
    "git commit -q --allow-empty -m evil; git branch evil; git tag evil",
    // What would run for others.
    "printf '#!/bin/sh\\ntouch /tmp/evil\\n' > .git/hooks/post-commit; chmod +x .git/hooks/post-commit; git config core.fsmonitor /tmp/evil",
    // The key is not there, and nobody answers but the relay.
    "env > /tmp/env; grep -rl hunter2-[0]123 /proc/*/environ /tmp \"$HOME/.codex\" \"$HOME/.qwen\" 2>/dev/null && sed -i 1d greet.py",
];

#[test]
fn what_codex_does_beside_its_work_reaches_nothing() {
    BESIDE.iter().for_each(|line| does_beside(Agent::Codex, line));
}

#[test]
fn what_opencode_does_beside_its_work_reaches_nothing() {
    BESIDE.iter().for_each(|line| does_beside(Agent::OpenCode, line));
}

#[test]
fn what_qwen_does_beside_its_work_reaches_nothing() {
    BESIDE.iter().for_each(|line| does_beside(Agent::Qwen, line));
}
