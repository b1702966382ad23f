//! A scenario through the program: the command line that a user would type, its exit code and its JSON document.

use testkit::ScriptedModel;

use crate::seen::Story;
use crate::support::Place;
use crate::task::Scenario;

/// Runs it, and gives what is to be seen afterwards. What the document says must be what the registry says.
pub fn run(scenario: &Scenario, place: &mut Place) -> Story {
    let model = ScriptedModel::script(scenario.answers());
    place.ask_model_at(&model.base_url());
    let words = command(scenario);
    let done = place.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
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
    let mut words: Vec<String> = vec!["--json".to_owned()];
    if scenario.is_external() {
        words.extend(["verify".to_owned(), scenario.proposals[0].to_string_lossy().into_owned()]);
        return words;
    }
    if let Some(provider) = &task.provider {
        words.extend(["--provider".to_owned(), provider.clone()]);
    }
    if task.goal == domain::decision::Goal::Review {
        words.push("--review".to_owned());
    }
    match &task.finding {
        Some(f) => {
            words.push("suggest".to_owned());
            let (line, column) = (f.line.to_string(), f.column.to_string());
            let named = [
                ("--file", &f.path),
                ("--line", &line),
                ("--column", &column),
                ("--code", &f.code),
                ("--tool", &f.tool),
                ("--message", &f.message),
            ];
            words.extend(named.into_iter().flat_map(|(name, value)| [name.to_owned(), value.clone()]));
        }
        None => words.extend(["--type".to_owned(), task.kind.to_string(), task.text.clone()]),
    }
    words
}
