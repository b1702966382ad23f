//! A story that a test tells several times: a repository, a model that answers by what it is asked, and a command.

use testkit::{ScriptedModel, Step, TestRepo};

use crate::support::Place;
use crate::support::patches::{ASK, COMMA, POLICY, greeter};

/// A place with its model. Dropping it ends both.
pub(crate) struct Told {
    pub(crate) place: Place,
    pub(crate) model: ScriptedModel,
}

/// How a story goes: everything that each telling makes anew.
#[derive(Clone, Copy)]
pub(crate) struct Tale {
    /// The user's configuration.
    pub(crate) policy: &'static str,
    /// The repository.
    pub(crate) repo: fn() -> TestRepo,
    /// The model's answer to a prompt.
    pub(crate) answer: fn(&str) -> Step,
    /// The command lines, in order; the last one is the one to look at. `{id}` is the intent's id.
    pub(crate) commands: &'static [&'static [&'static str]],
}

impl Tale {
    /// A good answer becomes a branch.
    pub(crate) const PUBLISHED: Self = Self {
        policy: POLICY,
        repo: greeter,
        answer: |_| Step::patch(COMMA, 0.9),
        commands: &[&[ASK, "--provider", "local"]],
    };

    /// The beginning: everything but running the commands.
    pub(crate) fn begin(&self) -> Told {
        let answer = self.answer;
        let model = ScriptedModel::respond_with(move |request| answer(&request.prompt()));
        let mut place = Place::new((self.repo)(), self.policy);
        place.ask_model_at(&model.base_url());
        Told { place, model }
    }

    /// Runs all commands but the last one, and gives the last one with everything filled in.
    pub(crate) fn up_to_the_last(&self, told: &Told) -> Vec<String> {
        let (last, before) = self.commands.split_last().unwrap();
        for command in before {
            let done = told.place.run(&words(command, told).iter().map(String::as_str).collect::<Vec<_>>());
            assert!([0, 3].contains(&done.code), "{command:?}: {}\n{}", done.code, done.stderr);
        }
        words(last, told)
    }
}

fn words(command: &[&str], told: &Told) -> Vec<String> {
    let id = || told.place.intent().id.to_string();
    command.iter().map(|word| if *word == "{id}" { id() } else { (*word).to_owned() }).collect()
}
