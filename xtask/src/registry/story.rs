//! The stories of made-up intents: legal events in the steps in which the engine appends them. Everything follows from
//! the intent's number, so that two runs write the same.

use domain::agent::AgentName;
use domain::confidence::{ChecksSoFar, Confidence, Facts, History, assess};
use domain::decision::{Decider, Decision, Goal};
use domain::event::{BaseRef, Candidate, Ending, Event, PatchRecord, Publication};
use domain::finding::Finding;
use domain::gate::{Judgement, Verdict as GateVerdict};
use domain::ids::{IntentId, Sha256, SuggestionId};
use domain::intent::Intent;
use domain::money::MicroDollars;
use domain::patch::{How, Stat};
use domain::plan::Wanted;
use domain::proposal::{Charge, ChargeBasis, Form, Proposal, ProviderId, Usage};
use domain::route::{Leg, Route};
use domain::task::{Kind, Task};
use domain::verification::{Verdict, Verification};

/// How many intents make a round of all sorts; together they have three times as many events.
const ROUND: u64 = 100;
/// 2026-01-01 00:00 UTC, in microseconds.
const BEGIN: u64 = 1_767_225_600_000_000;
/// A year's time is spread over the intents.
const YEAR: u64 = 365 * 86_400_000_000;
const PROVIDERS: [&str; 4] = ["codemod", "local", "openai", "anthropic"];
const RULES: [&str; 12] =
    ["E711", "F401", "F841", "B006", "UP007", "SIM102", "C4", "PLR2004", "S101", "W605", "N806", "RUF100"];

/// How an intent goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Published,
    Waiting,
    Asked,
    Refused,
    Ended,
    Registered,
}

impl Sort {
    /// By the place in the round: 6 are published, 2 wait, 1 is under way, 1 was refused, 81 ended at once, 9 were only
    /// registered.
    fn of(number: u64) -> Self {
        match mixed(number / ROUND).wrapping_add(number * 37) % ROUND {
            0..6 => Self::Published,
            6..8 => Self::Waiting,
            8 => Self::Asked,
            9 => Self::Refused,
            10..91 => Self::Ended,
            _ => Self::Registered,
        }
    }
}

/// What is appended together.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) events: Vec<Event>,
    pub(crate) blobs: Vec<Vec<u8>>,
    /// Whether the answer is kept for the same request.
    pub(crate) answers: bool,
}

/// One made-up intent on its way.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) number: u64,
    pub(crate) id: IntentId,
    pub(crate) suggestion: SuggestionId,
    pub(crate) intent: Option<Intent>,
    sort: Sort,
    step: u32,
    spread: u64,
}

/// A number that looks like chance (splitmix64, <https://prng.di.unimi.it/splitmix64.c>).
pub(crate) fn mixed(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A UUID of version 7 of this time.
fn uuid(micros: u64, random: u64) -> String {
    let (ms, low) = (micros / 1000, mixed(random));
    format!(
        "{:08x}-{:04x}-7{:03x}-8{:03x}-{:012x}",
        ms >> 16,
        ms & 0xffff,
        random & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

impl Story {
    /// The intent of this number, of so many in the year.
    pub(crate) fn new(number: u64, of: u64) -> anyhow::Result<Self> {
        let at = BEGIN + YEAR / of.max(1) * number;
        Ok(Self {
            number,
            id: uuid(at, 2 * number).parse()?,
            suggestion: uuid(at + 1_000, 2 * number + 1).parse()?,
            intent: None,
            sort: Sort::of(number),
            step: 0,
            spread: mixed(number),
        })
    }

    /// When its next step is taken, in microseconds.
    pub(crate) fn at(&self, of: u64) -> i64 {
        (BEGIN + YEAR / of.max(1) * self.number + u64::from(self.step) * 700_000) as i64
    }

    /// The agent that asks, for three in four.
    pub(crate) fn agent(&self) -> anyhow::Result<Option<AgentName>> {
        let name = format!("agent-{:02}", self.spread / 4 % 50);
        if self.spread.is_multiple_of(4) { Ok(None) } else { Ok(Some(name.parse()?)) }
    }

    pub(crate) fn provider(&self) -> ProviderId {
        ProviderId::new(PROVIDERS[(self.spread / 200 % 4) as usize])
    }

    pub(crate) fn request(&self) -> Sha256 {
        Sha256::of(self.suggestion.as_str().as_bytes())
    }

    pub(crate) fn answer(&self) -> Vec<u8> {
        let diff = String::from_utf8_lossy(&self.diff()).into_owned();
        serde_json::json!({ "patch": diff, "explanation": "as asked", "confidence": 0.8 }).to_string().into()
    }

    fn diff(&self) -> Vec<u8> {
        let file = self.file();
        let lines: String = (0..8).map(|n| format!("+    value_{n} = {}\n", self.number + n)).collect();
        format!("--- a/{file}\n+++ b/{file}\n@@ -1,2 +1,10 @@\n import os\n{lines} done()\n").into()
    }

    fn file(&self) -> String {
        format!("src/part{}/module_{}.py", self.spread / 7 % 40, self.spread / 300 % 50)
    }

    /// Whether it asks a provider, so that there is an answer with an id.
    pub(crate) fn asks(&self) -> bool {
        !matches!(self.sort, Sort::Ended | Sort::Registered)
    }

    /// What happens next; `None` when the story is told.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<Step>> {
        let step = self.step;
        self.step += 1;
        let plain = |events| Ok(Some(Step { events, blobs: Vec::new(), answers: false }));
        match (step, self.sort) {
            (0, Sort::Registered) => plain(vec![self.registered()?]),
            (0, Sort::Ended) => {
                let ending =
                    [Ending::NoChange, Ending::Aborted, Ending::Failed][(self.spread / 9 % 3) as usize];
                plain(vec![self.registered()?, ended(ending)])
            }
            (0, _) => plain(vec![self.registered()?, self.routed()]),
            (_, Sort::Registered | Sort::Ended) => Ok(None),
            (1, _) => plain(self.asked()),
            (_, Sort::Asked) => Ok(None),
            (2, _) => Ok(Some(Step { events: self.answered(), blobs: vec![self.answer()], answers: true })),
            (3, Sort::Refused) => {
                let mut events = self.judged(GateVerdict::Refuse);
                events.push(ended(Ending::Refused));
                Ok(Some(Step { events, blobs: vec![self.diff()], answers: false }))
            }
            (3, _) => {
                let (events, blobs) = (self.judged(GateVerdict::Pass), vec![self.diff()]);
                Ok(Some(Step { events, blobs, answers: false }))
            }
            (4, Sort::Published | Sort::Waiting) => plain(self.staged()?),
            (5, Sort::Published | Sort::Waiting) => plain(vec![self.verified()?]),
            (6, Sort::Waiting) => {
                let reasons = vec!["touches the configuration".to_owned()];
                plain(vec![Event::Decided { attempt: 1, decision: Decision::NeedsPerson { reasons } }])
            }
            (6, Sort::Published) => {
                Ok(self.decided().map(|events| Step { events, blobs: Vec::new(), answers: false }))
            }
            _ => Ok(None),
        }
    }

    pub(crate) fn registered(&self) -> anyhow::Result<Event> {
        let task = if self.spread % 10 < 7 {
            let (line, rule) = (1 + (self.spread % 400) as u32, RULES[(self.spread / 11 % 12) as usize]);
            let text = format!("{}value_{} == None\n", "\n".repeat(line as usize - 1), self.number);
            Task::from_finding(Finding::at("ruff", rule, &self.file(), &text, line, 5, "a made-up finding"))
        } else {
            let kind = [Kind::Refactor, Kind::Docs, Kind::Test, Kind::Chore][(self.spread / 13 % 4) as usize];
            Task { kind, text: format!("Tidy up part {} of the sources", self.number), finding: None }
        };
        Ok(Event::IntentReserved {
            task,
            base: BaseRef {
                commit: object("commit", self.number / 50).parse()?,
                tree: object("tree", self.number / 50).parse()?,
                branch: Some("main".to_owned()),
            },
            repository: format!("/srv/repositories/project-{}/.git", self.spread / 17 % 8),
            goal: Goal::Publish,
            policy: Sha256::of(b"policy"),
            model: None,
            handed_in: None,
            agent: self.agent()?,
            images: Vec::new(),
        })
    }

    fn routed(&self) -> Event {
        let leg = Leg {
            provider: self.provider(),
            reason: "first of the table for this kind".to_owned(),
            repairs: true,
            needs_approval: false,
        };
        Event::Routed { route: Route { providers: vec![leg], ..Route::default() } }
    }

    /// The most that the answer can cost.
    pub(crate) fn ceiling(&self) -> MicroDollars {
        MicroDollars::from_micros(1_000 + self.spread % 9_000)
    }

    fn asked(&self) -> Vec<Event> {
        vec![
            Event::Reserved { attempt: 1, amount: self.ceiling() },
            Event::ProposalAsked {
                attempt: 1,
                suggestion: self.suggestion.clone(),
                provider: self.provider(),
                request: self.request(),
                repairs: None,
                wanted: Wanted::Change,
            },
        ]
    }

    pub(crate) fn usage(&self) -> Usage {
        Usage { prompt: 1_000 + self.spread % 3_000, cached: 0, completion: 200, reasoning: 0 }
    }

    fn answered(&self) -> Vec<Event> {
        let billed = MicroDollars::from_micros(self.ceiling().micros() / 2);
        vec![
            Event::ProposalReceived {
                attempt: 1,
                proposal: Proposal {
                    id: self.suggestion.clone(),
                    provider: self.provider(),
                    model: Some("small".to_owned()),
                    form: Form::Reply,
                    request: self.request(),
                    answer: Sha256::of(&self.answer()),
                    usage: Some(self.usage()),
                    replayed: false,
                },
            },
            Event::Settled {
                attempt: 1,
                charge: Charge { billed, imputed: MicroDollars::ZERO, basis: ChargeBasis::Reported },
            },
        ]
    }

    fn stat(&self) -> Stat {
        Stat { files: 1, added: 8, deleted: (self.spread % 5) as u32, per_file: Vec::new() }
    }

    fn judged(&self, verdict: GateVerdict) -> Vec<Event> {
        let patch = Sha256::of(&self.diff());
        let base = self.intent.as_ref().map(|intent| intent.base.tree.clone());
        let judgement = base.map(|base| Judgement {
            verdict,
            findings: Vec::new(),
            patch: patch.clone(),
            base,
            stat: self.stat(),
            policy: Sha256::of(b"policy"),
        });
        let patch = PatchRecord {
            sha256: patch,
            stat: self.stat(),
            explanation: "The comparison with None is by identity now.".to_owned(),
            raw_confidence: Confidence::new((self.spread % 100) as f64 / 100.0).ok(),
            anchor: How::Exact,
            mended: Vec::new(),
        };
        let mut events = vec![Event::PatchRead { attempt: 1, patch }];
        events.extend(judgement.map(|judgement| Event::GateJudged { attempt: 1, judgement }));
        events
    }

    fn staged(&self) -> anyhow::Result<Vec<Event>> {
        let reference = format!("refs/codex-task/candidates/{}", self.id);
        let candidate = Candidate {
            tree: object("result", self.number).parse()?,
            commit: object("candidate", self.number).parse()?,
            reference: reference.clone(),
        };
        Ok(vec![
            Event::Staging { attempt: 1, reference },
            Event::Staged { attempt: 1, candidate },
            Event::Verifying { attempt: 1, tree_name: format!("{}-1", self.id.short()) },
        ])
    }

    fn verified(&self) -> anyhow::Result<Event> {
        let facts = Facts {
            changed_lines: 8,
            files: 1,
            anchor: How::Exact,
            review_findings: 0,
            checks: ChecksSoFar::Passed,
            history: History::default(),
        };
        Ok(Event::Verified {
            attempt: 1,
            verification: Verification {
                tree: object("result", self.number).parse()?,
                limits: Vec::new(),
                sandbox: "strict".to_owned(),
                tree_form: "warm overlay".to_owned(),
                checks: Vec::new(),
                changed: Vec::new(),
                verdict: Verdict::Verified,
            },
            confidence: assess(Confidence::new((self.spread % 100) as f64 / 100.0).ok(), &facts),
        })
    }

    fn decided(&self) -> Option<Vec<Event>> {
        let intent = self.intent.as_ref()?;
        let decision =
            Decision::Approved { decider: Decider::Policy, binding: intent.binding()?, message: None };
        let commit = intent.current()?.candidate.as_ref()?.commit.clone();
        let publication =
            Publication { reference: format!("refs/heads/feature/fix/{}", self.id.short()), commit };
        Some(vec![
            Event::Decided { attempt: 1, decision },
            Event::Publishing { attempt: 1, publication: publication.clone() },
            Event::Published { attempt: 1, publication },
        ])
    }
}

fn ended(ending: Ending) -> Event {
    Event::Ended { ending, why: "the story ends here".to_owned() }
}

/// Forty hexadecimal digits that stand for a git object.
fn object(what: &str, number: u64) -> String {
    Sha256::of(format!("{what} {number}").as_bytes()).as_str()[..40].to_owned()
}
