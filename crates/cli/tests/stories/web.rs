//! `web` end to end, in headless Chromium: a page of ours that misbehaves, and the chat pages of gradio and chainlit, which
//! nobody here wrote, by adapter files alone.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use domain::money::MicroDollars;
use testkit::{ChatPage, KillAfter, Need, OtherServer, PageMode, ScriptedModel, Snapshot, Step};

use crate::support::patches::{ASK, COMMA, POLICY, greeter};
use crate::support::{Place, SOON};

/// What a model writes that keeps to what it was told.
fn reply() -> String {
    let reply = serde_json::json!({
        "patch": COMMA, "explanation": "A comma.", "confidence": 0.9,
        "meta": {"changed_files": ["greet.py"], "changed_lines": 2, "reason_codes": []}
    });
    format!("Here is the change:\n\n```json\n{reply}\n```\n")
}

/// A place whose `web` is at this address, by this adapter.
fn place(site: &str, url: &str) -> Place {
    // No test reaches the internet, whatever a page would like to fetch.
    let nowhere = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost";
    let web = format!("providers:\n  web: {{site: {site}, url: \"{url}\", arguments: [\"{nowhere}\"]}}\n");
    Place::new(greeter(), &format!("{web}{POLICY}"))
}

/// The fix is made through this page, and everything of it is on record.
fn makes_the_fix(place: &Place) {
    let untouched = place.digest();
    let document = place.json(0, &[ASK, "--provider", "web"]);
    assert_eq!(document["intent"]["status"], "published", "{document}");
    assert_eq!(document["intent"]["cost"]["billed_micros"], 0);
    let intent = place.intent();
    assert_eq!((intent.billed(), intent.imputed()), (MicroDollars::ZERO, MicroDollars::ZERO));
    let names: Vec<&str> = intent.attempts[0].evidence.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["page.txt", "page.png"]);
    place.ends_with(0, &["audit", "verify"]);
    place.ends_with(0, &["replay", "last"]);
    place.assert_nothing_left();
    place.assert_untouched(&untouched);
}

/// Keeps a picture where whoever runs the tests wants to look at them.
fn keep_pictures(place: &Place, name: &str) {
    let folder = place.home.join("pictures");
    place.ends_with(0, &["show", "last", "--evidence", folder.to_str().unwrap()]);
    let picture = folder.join("1-page.png");
    assert!(std::fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
    assert!(std::fs::read_to_string(folder.join("1-page.txt")).unwrap().contains("greet.py"));
    if let Some(kept) = setting("CODEX_TASK_KEEP_PICTURES") {
        std::fs::copy(picture, Path::new(&kept).join(format!("{name}.png"))).unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's own settings come from its environment")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[test]
fn a_chat_page_makes_the_fix_and_its_answer_is_read_as_strictly_as_any() {
    testkit::requires!(Need::Program("chromium"));
    let page = ChatPage::start(PageMode::Streams, |_| reply());
    let place = place("generic", &page.url());
    makes_the_fix(&place);
    keep_pictures(&place, "story-own-page");
    assert_eq!(page.questions().len(), 1, "a replay asks nobody");
    let explained = place.ends_with(0, &["route", "explain", ASK]).stdout;
    assert!(explained.contains("web: the page of generic at http://127.0.0.1"), "{explained}");
    // An answer that keeps to no form is refused like every other one.
    let page = ChatPage::start(PageMode::Streams, |_| "Certainly! Just add a comma.".to_owned());
    let place = self::place("generic", &page.url());
    place.ends_with(6, &[ASK, "--provider", "web"]);
    assert!(place.intent().attempts[0].refused.is_some());
}

#[test]
fn what_a_person_must_do_ends_with_code_3_and_the_screenshot() {
    testkit::requires!(Need::Program("chromium"));
    let page = ChatPage::start(PageMode::Captcha, |_| reply());
    let place = place("generic", &page.url());
    let document = place.json(3, &[ASK, "--provider", "web"]);
    let intent = &document["intent"];
    assert_eq!(intent["status"], "provider-needs-person", "{document}");
    let summary = intent["summary"].as_str().unwrap();
    assert!(summary.contains("captcha") && summary.contains("codex-task login generic"), "{summary}");
    let (_, picture) = summary.rsplit_once("screenshot: ").unwrap();
    assert!(Path::new(picture).exists(), "{picture}");
    assert!(intent["next"][0].as_str().unwrap().contains("--evidence"), "{intent}");
    let checked = place.ends_with(2, &["doctor", "--provider", "web"]).stdout;
    assert!(checked.contains("bad  1 open") && checked.contains("captcha"), "{checked}");
    page.becomes(PageMode::Streams);
    let checked = place.ends_with(0, &["doctor", "--provider", "web"]).stdout;
    assert!(checked.contains("ok   3 fill"), "{checked}");
    place.ends_with(0, &[ASK, "--provider", "web"]);
    let named = place.ends_with(70, &["login"]);
    assert!(named.stderr.contains("there is no display"), "{}", named.stderr);
    place.watch_processes().wait_until_nothing_left(&Snapshot::default(), SOON);
}

#[test]
fn a_run_that_is_killed_takes_its_browser_with_it() {
    testkit::requires!(Need::Program("chromium"));
    let page = ChatPage::start(PageMode::Endless, |_| reply());
    let place = place("generic", &page.url());
    let mut run = place.start(&[ASK, "--provider", "web"]);
    wait_for_question(&page, 1);
    run.kill().unwrap();
    run.wait().unwrap();
    place.watch_processes().wait_until_nothing_left(&Snapshot::default(), SOON);
    // The profile is free again, and what was begun goes on.
    page.becomes(PageMode::Streams);
    place.ends_with(0, &["resume"]);
    assert_eq!(place.intent().status(), "published");
    place.assert_nothing_left();
}

#[test]
fn a_run_that_dies_with_its_evidence_on_record_goes_on_without_asking_again() {
    testkit::requires!(Need::Program("chromium"));
    let page = ChatPage::start(PageMode::Streams, |_| reply());
    let place = place("generic", &page.url());
    place.program(&[ASK, "--provider", "web"]).must_be_killed(&KillAfter::first("EvidenceKept"));
    place.ends_with(0, &["resume"]);
    assert_eq!((place.intent().status(), page.questions().len()), ("published", 1));
    place.assert_nothing_left();
}

#[test]
fn who_signs_in_once_in_a_window_is_asked_no_more() {
    testkit::requires!(Need::Program("chromium"));
    testkit::requires!(Need::Program("Xvfb"));
    let page = ChatPage::start(PageMode::WantsSession, |_| reply());
    let mut place = place("generic", &page.url());
    place.ends_with(3, &[ASK, "--provider", "web"]);
    let display = Display::start();
    place.set("DISPLAY", &display.name);
    let mut login = place.start(&["login"]);
    // The page takes whoever looks at it in a window for a moment as signed in.
    wait_until("nobody signed in", || page.is_signed_in());
    let pid = rustix::process::Pid::from_child(&login);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(login.wait().unwrap().code(), Some(0));
    drop(display);
    let asked = place.json(0, &[ASK, "--provider", "web"]);
    assert_eq!(asked["intent"]["status"], "published", "{asked}");
    place.assert_nothing_left();
}

/// A display without a screen; it ends with this value.
struct Display {
    server: Child,
    name: String,
}

impl Display {
    fn start() -> Self {
        #[expect(clippy::disallowed_methods, reason = "starts the display of a test")]
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1280x1400x24", "-nolisten", "tcp"]);
        let mut server =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        Self { server, name: format!(":{}", number.trim()) }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

fn wait_for_question(page: &ChatPage, count: usize) {
    wait_until("no question came", || page.questions().len() >= count);
}

fn wait_until(missing: &str, came: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(120);
    while !came() {
        assert!(Instant::now() < until, "{missing}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn gradios_page_is_used_by_its_adapter_file_alone() {
    testkit::requires!(Need::Program("chromium"));
    testkit::requires!(Need::Program("gradio"));
    foreign_page("gradio");
}

#[test]
fn chainlits_page_is_used_by_its_adapter_file_alone() {
    testkit::requires!(Need::Program("chromium"));
    testkit::requires!(Need::Program("chainlit"));
    foreign_page("chainlit");
}

/// The fix through a page that somebody else wrote, in front of the scripted model.
fn foreign_page(name: &str) {
    let model = ScriptedModel::script([Step::text(reply())]);
    let folder = tempfile::tempdir().unwrap();
    let server = OtherServer::chat_page(name, &model.base_url(), folder.path());
    let place = place(name, &server.url());
    let untouched = place.digest();
    let document = place.json(0, &[ASK, "--provider", "web"]);
    assert_eq!(document["intent"]["status"], "published", "{document}");
    keep_pictures(&place, &format!("story-{name}"));
    drop(server);
    place.assert_nothing_left();
    place.assert_untouched(&untouched);
    let asked = model.only_request();
    assert!(
        asked.prompt().contains("You propose one change")
            && asked.prompt().contains("return \"Hello \" + name")
    );
    model.finish();
}
