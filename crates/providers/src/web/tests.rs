//! `web` in headless Chromium against a page of ours: what it reads, and each way in which a page can fail.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use domain::proposal::{ChargeBasis, FailureKind, Form, ProviderFailure};
use domain::task::Kind;
use engine::config::Config;
use engine::provider::{Answer, Provider, Refusal};
use testkit::{ChatPage, Need, PageMode};

use super::{Report, Web, WebFolders, WebSettings, check};
use crate::asking::Question;

/// Far beyond what anything takes on a busy machine.
const LONG: u64 = 120;

const ANSWER: &str = "Here it is, with *one* change.

```json
{\"patch\": \"-a  *b* _c_\\n+<b> &amp; \\\"d\\\"\\n\", \"confidence\": 0.9}
```

- first
- `second`

That is **all**.";

struct Place {
    folder: tempfile::TempDir,
    page: ChatPage,
}

impl Place {
    fn new(mode: PageMode) -> Self {
        let page = ChatPage::start(mode, |_| ANSWER.to_owned());
        Self { folder: tempfile::tempdir().unwrap(), page }
    }

    fn settings(&self) -> WebSettings {
        let folders = WebFolders {
            state: self.folder.path().join("state"),
            adapters: Some(self.folder.path().join("web")),
        };
        let temporary = self.folder.path().join("tmp");
        std::fs::create_dir_all(&temporary).unwrap();
        let environment = BTreeMap::from([
            ("PATH".to_owned(), path()),
            ("TMPDIR".to_owned(), temporary.display().to_string()),
        ]);
        let mut settings = WebSettings::new(&Config::default(), folders, &environment, 0);
        settings.site = Some("generic".to_owned());
        settings.url = Some(self.page.url());
        // No test reaches the internet, whatever a browser would like to fetch.
        settings.arguments =
            vec!["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost".to_owned()];
        settings.total = Duration::from_secs(LONG);
        settings
    }

    /// An adapter of this test's own, with the waits short where the test waits for them.
    fn adapter(&self, steps: &str) {
        let folder = self.folder.path().join("web");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("own.yaml"), format!("version: 1\nsteps:\n{steps}")).unwrap();
    }

    async fn ask(&self, settings: WebSettings, question: &Question) -> Result<Answer, Refusal> {
        let web = Web::new(settings);
        let request = web.request(&question.ask()).unwrap();
        let told = web.propose(&request, &question.ask()).await;
        self.nothing_runs().await;
        told
    }

    async fn fails(&self, settings: WebSettings) -> ProviderFailure {
        let question = question();
        let refusal = self.ask(settings, &question).await.unwrap_err();
        assert_eq!(refusal.charge.basis, ChargeBasis::Free);
        refusal.failure
    }

    /// No process whose command line names this test's folder, which holds the profile.
    async fn nothing_runs(&self) {
        let until = Instant::now() + Duration::from_secs(30);
        while let Some(left) = processes_of(self.folder.path()) {
            assert!(Instant::now() < until, "still running: {left}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let left: Vec<_> = std::fs::read_dir(self.folder.path().join("tmp")).unwrap().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[expect(clippy::disallowed_methods, reason = "a test finds the browser where the machine has it")]
fn path() -> String {
    std::env::var("PATH").unwrap()
}

#[expect(clippy::disallowed_methods, reason = "asks the machine, for tests only")]
fn processes_of(folder: &Path) -> Option<String> {
    let listed = Command::new("ps").args(["-eo", "pid,stat,args", "-ww"]).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let name = folder.display().to_string();
    listed.lines().find(|line| line.contains(&name)).map(str::to_owned)
}

/// Keeps a picture where whoever runs the tests wants to look at them.
#[expect(clippy::disallowed_methods, reason = "a test's own settings come from its environment")]
fn keep_picture(name: &str, bytes: &[u8]) {
    if let Ok(folder) = std::env::var("CODEX_TASK_KEEP_PICTURES") {
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), bytes).unwrap();
    }
}

fn question() -> Question {
    Question::finding("F401", "src/a.py", "import os\n\tprint('*x* \\\\ `y` <b>')\n", 1)
}

fn chromium() -> Need {
    Need::Program("chromium")
}

#[tokio::test]
async fn an_answer_is_read_as_it_was_written_with_its_evidence() {
    testkit::requires!(chromium());
    let place = Place::new(PageMode::Streams);
    let question = question();
    let answer = place.ask(place.settings(), &question).await.unwrap();
    let text = String::from_utf8(answer.bytes).unwrap();
    let expected = ANSWER.replace("*one*", "one").replace("**all**", "all");
    assert_eq!(text, expected.replace("- first\n- `second`", "- first - `second`"));
    assert_eq!((answer.form, answer.charge.basis, answer.usage), (Form::Reply, ChargeBasis::Free, None));
    let asked = place.page.questions();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].contains("\tprint('*x* \\\\ `y` <b>')"), "{}", asked[0]);
    assert!(asked[0].contains("You propose one change") && asked[0].ends_with("fences."), "{}", asked[0]);
    let kept = question.evidence.take();
    let names: Vec<&str> = kept.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["page.txt", "page.png"]);
    assert!(String::from_utf8_lossy(&kept[0].1).contains("Here it is"));
    assert!(kept[1].1.starts_with(b"\x89PNG"));
    keep_picture("own-page", &kept[1].1);
    let session = place.folder.path().join("state/web/generic");
    assert_eq!(std::fs::metadata(session).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn what_only_a_person_can_mend_is_told_with_the_screenshot() {
    testkit::requires!(chromium());
    for (mode, words, remedy) in [
        (PageMode::Expired, "signed out: step 1 (open)", "codex-task login own"),
        (PageMode::WantsSession, "signed out: step 1 (open)", "codex-task login own"),
        (PageMode::Elsewhere, "signed out: step 1 (open)", "codex-task login own"),
        (PageMode::Captcha, "captcha: step 1 (open)", "codex-task login own"),
        (PageMode::NoField, "the page has changed: step 2 (wait_for): nothing that", "doctor --provider web"),
        (
            PageMode::OtherLayout,
            "the page has changed: step 5 (wait_answer): the page shows something new",
            "the adapter own",
        ),
    ] {
        let place = Place::new(mode);
        place.adapter(STEPS);
        let failure = place.fails(WebSettings { site: Some("own".to_owned()), ..place.settings() }).await;
        assert_eq!(failure.kind, FailureKind::NeedsPerson, "{failure:?}");
        assert!(failure.detail.contains(words) && failure.detail.contains(remedy), "{mode:?}: {failure:?}");
        let (_, path) = failure.detail.rsplit_once("screenshot: ").unwrap();
        let picture = std::fs::read(path).unwrap();
        assert!(picture.starts_with(b"\x89PNG"), "{path}");
        keep_picture(&format!("{mode:?}"), &picture);
        let asked = usize::from(mode == PageMode::OtherLayout);
        assert_eq!(place.page.questions().len(), asked, "nothing is typed where nobody may read it");
    }
}

const STEPS: &str = "  - open: \"{url}\"
  - wait_for: {selector: textarea, seconds: 3}
  - fill: {selector: textarea}
  - click: {selector: \"#send\"}
  - wait_answer: {selector: .message.assistant, gone: .stop-button, stable_ms: 300, seconds: 6}
  - read: {selector: .message.assistant, skip: [button]}
signs:
  expired: [selector: \"input[type=password]\"]
  captcha: [selector: .g-recaptcha]
";

#[tokio::test]
async fn a_question_is_typed_on_the_sites_own_hosts_only() {
    testkit::requires!(chromium());
    let place = Place::new(PageMode::Elsewhere);
    // An adapter without any signs, at a page that leads to another host: only the host tells.
    place.adapter(
        "  - open: \"{url}\"\n  - fill: {selector: input}\n  - press: Enter
  - wait_answer: {selector: p}\n  - read: {selector: p}\n",
    );
    let failure = place.fails(WebSettings { site: Some("own".to_owned()), ..place.settings() }).await;
    assert_eq!(failure.kind, FailureKind::NeedsPerson);
    assert!(failure.detail.contains("the page is at localhost"), "{failure:?}");
}

#[tokio::test]
async fn other_failures_have_their_names() {
    testkit::requires!(chromium());
    for (mode, kind, words) in [
        (
            PageMode::ShortField,
            FailureKind::TooLarge,
            "the question is too long: step 3 (fill): the page took ",
        ),
        (PageMode::Endless, FailureKind::TimedOut, "the answer did not end in 6 s"),
    ] {
        let place = Place::new(mode);
        place.adapter(STEPS);
        let failure = place.fails(WebSettings { site: Some("own".to_owned()), ..place.settings() }).await;
        assert_eq!(failure.kind, kind, "{failure:?}");
        assert!(failure.detail.contains(words), "{failure:?}");
    }
    let place = Place::new(PageMode::Streams);
    let url = Some("http://127.0.0.1:1/".to_owned());
    let failure = place.fails(WebSettings { url, ..place.settings() }).await;
    assert_eq!(failure.kind, FailureKind::Unreachable, "{failure:?}");
    let failure = place.fails(WebSettings { max_reply_bytes: 20, ..place.settings() }).await;
    assert_eq!(failure.kind, FailureKind::TooLarge, "{failure:?}");
}

#[tokio::test]
async fn a_dialog_does_not_stop_a_visit_and_a_text_answer_stays_text() {
    testkit::requires!(chromium());
    let place = Place::new(PageMode::Dialog);
    let mut question = question();
    question.task.finding = None;
    question.task.kind = Kind::Ask;
    let answer = place.ask(place.settings(), &question).await.unwrap();
    assert_eq!(answer.form, Form::Text);
    assert!(!place.page.questions()[0].contains("JSON"), "{}", place.page.questions()[0]);
}

#[tokio::test]
async fn a_visit_that_is_given_up_leaves_no_process_and_its_deadline_holds() {
    testkit::requires!(chromium());
    let place = Place::new(PageMode::Endless);
    let question = question();
    let web = Web::new(place.settings());
    let request = web.request(&question.ask()).unwrap();
    let asked = async {
        while place.page.questions().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let ask = question.ask();
    tokio::select! {
        told = web.propose(&request, &ask) => panic!("{told:?}"),
        () = asked => {}
    }
    place.nothing_runs().await;
    let total = Duration::from_secs(4);
    let failure = place.fails(WebSettings { total, ..place.settings() }).await;
    assert_eq!(failure.kind, FailureKind::TimedOut, "{failure:?}");
}

#[tokio::test]
async fn questions_within_an_hour_are_bounded() {
    testkit::requires!(chromium());
    let place = Place::new(PageMode::Streams);
    let settings = WebSettings { questions_per_hour: 1, ..place.settings() };
    place.ask(settings.clone(), &question()).await.unwrap();
    // Half an hour later.
    let failure = place.fails(WebSettings { now: 1_800_000_000, ..settings }).await;
    assert_eq!(failure.kind, FailureKind::OverBudget);
    assert!(failure.detail.contains("the next one in "), "{failure:?}");
    assert_eq!(place.page.questions().len(), 1);
}

#[tokio::test]
async fn a_check_tells_each_step_and_the_one_that_fails() {
    testkit::requires!(chromium());
    let place = Place::new(PageMode::Streams);
    place.adapter(STEPS);
    let settings = WebSettings { site: Some("own".to_owned()), ..place.settings() };
    let Report { all, answered, .. } = check(&settings).await;
    assert!(answered.unwrap() < Duration::from_secs(60), "{answered:?}");
    let words: Vec<&str> = all.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(
        words,
        [
            "adapter",
            "session",
            "browser",
            "1 open",
            "2 wait_for",
            "3 fill",
            "4 click",
            "5 wait_answer",
            "6 read",
            "answer",
            "time"
        ]
    );
    assert!(all.iter().all(|one| one.found.is_ok()), "{all:?}");
    place.page.becomes(PageMode::NoField);
    let Report { all, screenshot: picture, .. } = check(&settings).await;
    let last = all.last().unwrap();
    assert_eq!(last.what, "2 wait_for");
    assert!(last.found.as_ref().unwrap_err().contains("the page has changed"), "{last:?}");
    assert!(picture.unwrap().exists());
    place.adapter(&STEPS.replace("\"#send\"", "\"[[\""));
    let all = check(&settings).await.all;
    assert!(all.last().unwrap().found.as_ref().unwrap_err().contains("\"[[\" is no CSS selector"), "{all:?}");
}

#[test]
fn what_is_missing_is_said_before_anybody_is_asked() {
    let place = Place::new(PageMode::Streams);
    let task = question().task;
    let why = |settings: WebSettings| Web::new(settings).suits(&task).unwrap_err();
    assert!(why(WebSettings { site: None, ..place.settings() }).contains("providers.web.site"));
    assert!(why(WebSettings { url: None, ..place.settings() }).contains("set providers.web.url"));
    assert!(why(WebSettings { url: Some("x".to_owned()), ..place.settings() }).contains("providers.web.url"));
    let missing = Some("none".to_owned());
    assert!(
        why(WebSettings { site: missing, ..place.settings() }).contains("no such adapter (embedded: generic")
    );
    place.adapter("  - open: \"{url}\"\n  - fil: {}\n");
    let broken = why(WebSettings { site: Some("own".to_owned()), ..place.settings() });
    assert!(broken.contains("own.yaml:4: ") && broken.contains("fil"), "{broken}");
    let failure =
        Web::new(WebSettings { site: None, ..place.settings() }).request(&question().ask()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotConfigured);
}
