//! Questions: the answer is text on stdout or in a file; nothing is changed; and one run's answer is another's task.

use testkit::{FaultRun, Killed, ScriptedModel, Step};

use crate::support::Place;
use crate::support::patches::{COMMA, POLICY, greeter};

fn place(model: &ScriptedModel) -> Place {
    let mut place = Place::new(greeter(), POLICY);
    place.ask_model_at(&model.base_url());
    place
}

#[test]
fn an_answer_is_all_that_stands_on_stdout() {
    let model = ScriptedModel::script([Step::text("It greets.\nSee greet.py:2.\n")]);
    let place = place(&model);
    let untouched = place.digest();
    let done = place.ends_with(0, &["ask", "What does greet.py do?"]);
    assert_eq!(done.stdout, "It greets.\nSee greet.py:2.\n");
    assert!(done.stderr.contains("local answered") && done.stderr.contains("cost $0.00"), "{}", done.stderr);
    let sent = model.only_request();
    assert!(sent.body.get("response_format").is_none(), "a text is held to no schema");
    assert!(sent.prompt().contains("What does greet.py do?") && sent.prompt().contains("Hello"));
    let intent = place.intent();
    assert_eq!((intent.status(), intent.attempts.len()), ("answered", 1));
    place.assert_untouched(&untouched);
    place.assert_nothing_left();
    // The same question is answered from the record.
    let again = place.json(0, &["What does greet.py do?"]);
    assert_eq!(again["answer"], "It greets.\nSee greet.py:2.\n");
    place.ends_with(0, &["audit", "verify"]);
    model.finish();
}

#[test]
fn an_answer_goes_to_a_file_and_code_goes_there_alone() {
    let model = ScriptedModel::script([Step::text("Merge sort:\n\n```python\ndef sort(a): ...\n```\n")]);
    let place = place(&model);
    let folder = place.repo.side_folder("out");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("solution.py");
    let done = place.ends_with(0, &["-o", file.to_str().unwrap(), "Implement merge sort"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "def sort(a): ...\n");
    assert_eq!(done.stdout, "");
    place.ends_with(2, &["-o", "x", "--type", "fix", "Change something here"]);
    model.finish();
}

#[test]
fn one_answer_is_the_next_task_in_a_pipe() {
    let model =
        ScriptedModel::script([Step::text("Put a comma behind Hello in greet.py"), Step::patch(COMMA, 0.9)]);
    let place = place(&model);
    let line = "\"$0\" \"Analyze this\" 2>err1 | \"$0\" --type refactor - 2>err2";
    let done = place.shell(line);
    let read = |name: &str| std::fs::read_to_string(place.repo.path().join(name)).unwrap();
    let stdout = done.stdout;
    assert_eq!(done.code, 0, "{stdout}\n{}\n{}", read("err1"), read("err2"));
    assert!(stdout.contains("published as feature/refactor/"), "{stdout}");
    assert!(read("err1").contains("answered") && read("err2").contains("publish"));
    let asked = model.requests();
    assert!(asked[1].prompt().contains("Put a comma behind Hello in greet.py"));
    assert!(asked[1].prompt().contains("existing tests must pass unchanged"));
    model.finish();
}

#[test]
fn a_verb_names_the_kind_and_the_owner_may_put_it_in_words_of_his_own() {
    let model = ScriptedModel::script([Step::patch(COMMA, 0.9), Step::patch(COMMA, 0.9)]);
    let mut place = place(&model);
    let done = place.json(0, &["refactor", "Put a comma behind Hello in greet.py"]);
    assert_eq!(done["intent"]["kind"], "refactor");
    let own = place.home.join("debug.md");
    std::fs::write(&own, "Our own words about debugging.\n").unwrap();
    place.set("CODEX_TASK_CONTEXT__PROMPTS__DEBUG", own.to_str().unwrap());
    place.ends_with(0, &["debug", "greet.py greets without a comma"]);
    let asked = model.requests();
    assert!(asked[0].prompt().contains("existing tests must pass unchanged"));
    assert!(asked[1].prompt().contains("Our own words about debugging."));
    place.ends_with(2, &["debug", "--type", "docs", "greet.py has no comma"]);
    model.finish();
}

#[test]
fn the_library_asks_as_the_program_does() {
    let model = ScriptedModel::script([Step::text("It greets.\n")]);
    let place = place(&model);
    let example = std::path::Path::new(crate::support::PROGRAM).with_file_name("examples").join("ask");
    let question = "What does greet.py do?";
    let run = FaultRun::new(&example, place.repo.path()).args(&[".", question]);
    let ended = run.variables(place.environment()).without_fault();
    assert_eq!((ended.killed, ended.stdout.as_str()), (Killed::No(0), "It greets.\n\n"));
    // One registry: what the library asked, the program finds.
    assert_eq!(place.ends_with(0, &["ask", question]).stdout, "It greets.\n");
    assert!(model.only_request().prompt().contains(question));
    place.assert_nothing_left();
    model.finish();
}
