//! A scenario through the library: the operator itself, with a clock and ids that a test decides.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use domain::ids::{IntentId, SuggestionId};
use engine::config::Flags;
use engine::world::{Clock, Folders, Ids, NoFaults, Quiet, World};
use engine::{Call, Cancel, Operator, Project};
use sandbox::Launcher;
use store::Store;
use testkit::{FixedIds, ScriptedModel, TestClock};

use crate::providers;
use crate::seen::Story;
use crate::support::{PROGRAM, Place};
use crate::task::Scenario;

struct Time(TestClock);

impl Clock for Time {
    fn now_micros(&self) -> i64 {
        self.0.now_micros()
    }
}

struct Counted(FixedIds);

impl Ids for Counted {
    fn intent(&self) -> IntentId {
        self.0.intent()
    }

    fn suggestion(&self) -> SuggestionId {
        self.0.suggestion()
    }
}

/// Runs it, and gives what is to be seen afterwards.
pub(crate) fn run(scenario: &Scenario, place: &mut Place) -> Story {
    let model = ScriptedModel::script(scenario.answers());
    place.ask_model_at(&model.base_url());
    scenario.point_at(&model.base_url(), &place.home.join("config.yaml"));
    let world = world(place);
    let mut project = Project::open(
        &world,
        place.repo.path(),
        None,
        Some(&place.home.join("config.yaml")),
        &Flags::default(),
    )
    .unwrap();
    project.providers = providers::of(&project, &world.environment);
    let job = scenario.job(&place.repo);
    let approved = scenario.task.approved;
    place.with_store(|store| async move { drive(world, store, &project, job, approved).await });
    let mut story = Story::of(place);
    story.exit_code = Story::read(&scenario.folder.join("expected.yaml")).unwrap().exit_code;
    story.requests = model.requests().len();
    story.prompted = model.requests().last().map(|r| r.prompt()).into_iter().collect();
    model.finish();
    story
}

async fn drive(world: World, store: Arc<Store>, project: &Project, job: engine::Job, approved: bool) {
    let operator = Operator { world, store };
    let cancel = Cancel::default();
    let call = Call { progress: &Quiet, cancel: &cancel };
    let intent = operator.run(project, job, call).await.unwrap();
    if approved {
        assert_eq!(intent.status(), "needs-approval");
        let decider = operator.world.decider();
        operator.approve_asked(project, &intent.id, decider, call).await.unwrap();
    }
}

fn world(place: &Place) -> World {
    World {
        clock: Arc::new(Time(TestClock::new())),
        ids: Arc::new(Counted(FixedIds::new())),
        faults: Arc::new(NoFaults),
        folders: Folders { state: place.state(), cache: place.cache() },
        environment: place.environment().into_iter().collect(),
        person: "tester".to_owned(),
        launcher: Launcher { program: PathBuf::from(PROGRAM), first_args: vec![OsString::from("__sandbox")] },
    }
}
