//! A scenario through the program: the command line that a user would type, its exit code and its JSON document.

use domain::decision::Goal;
use testkit::ScriptedModel;

use crate::seen::Story;
use crate::support::Place;
use crate::task::Scenario;

/// Runs it, and gives what is to be seen afterwards. What the document says must be what the registry says.
pub(crate) fn run(scenario: &Scenario, place: &mut Place) -> Story {
    let model = ScriptedModel::script(scenario.answers());
    place.ask_model_at(&model.base_url());
    scenario.point_at(&model.base_url(), &place.home.join("config.yaml"));
    let words = command(scenario);
    let mut done = place.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    if scenario.task.approved {
        assert_eq!(done.code, 3, "stdout: {}\nstderr: {}", done.stdout, done.stderr);
        let next = done.json()["intent"]["next"][0].as_str().unwrap_or_default().to_owned();
        assert!(next.starts_with("codex-task approve "), "{next}");
        done = place.run(&["approve", "last", "--json"]);
    }
    let document = done.json();
    let intent = &document["intent"];
    let mut story = Story::of(place);
    assert_eq!(intent["status"], story.end.as_str(), "{document}");
    assert_eq!(intent["cost"]["billed_micros"], story.billed, "{document}");
    assert_eq!(document["exit_code"], done.code, "{document}");
    story.exit_code = done.code;
    story.requests = model.requests().len();
    story.prompted = model.requests().last().map(|r| r.prompt()).into_iter().collect();
    model.finish();
    story
}

/// The command line for a task: a finding is suggested for, a patch verified, anything else asked for in words.
fn command(scenario: &Scenario) -> Vec<String> {
    let task = &scenario.task;
    let (mut words, mut options) = (Vec::new(), vec![("--json", None)]);
    let (line, column, kind);
    if scenario.is_external() {
        words.extend(["verify".to_owned(), scenario.proposals[0].to_string_lossy().into_owned()]);
    } else if let Some(f) = &task.finding {
        (line, column) = (f.line.to_string(), f.column.to_string());
        words.push("suggest".to_owned());
        options.extend([
            ("--file", Some(f.path.as_str())),
            ("--line", Some(&line)),
            ("--column", Some(&column)),
        ]);
        options.extend([
            ("--code", Some(f.code.as_str())),
            ("--tool", Some(&f.tool)),
            ("--message", Some(&f.message)),
        ]);
    } else {
        kind = task.kind.to_string();
        words.push(task.text.clone());
        options.push(("--type", Some(&kind)));
    }
    if !scenario.is_external() {
        options.extend(task.provider.as_deref().map(|name| ("--provider", Some(name))));
        options.extend((task.goal == Goal::Review).then_some(("--review", None)));
    }
    words.extend(
        options.into_iter().flat_map(|(name, value)| [Some(name), value]).flatten().map(str::to_owned),
    );
    words
}
