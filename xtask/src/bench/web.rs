//! What a chat page costs beyond its own answer: `doctor --provider web` and a whole fix on the pages of gradio and
//! chainlit, with a model that answers at once.

use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::Value;
use testkit::{ChatPage, OtherServer, PageMode, ScriptedModel, Step, TestRepo};

use super::place::{Place, spread};

/// Chat pages of others in a headless browser: the seconds beyond the page's own answer.
///
/// `chromium`, `gradio` and `chainlit` have to be on the PATH: `scripts/test` puts the last two into
/// target/test-tools/chat-pages/bin.
#[derive(Debug, Args)]
pub(crate) struct Web {
    /// The program to measure, in place of a release build of this checkout.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// How many runs of each kind are counted, after one that is not.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
}

/// What the page's model says, to whatever it is asked.
const REPLY: &str = "Here it is:\n\n```json\n{\"patch\": \"--- a/greet.py\\n+++ b/greet.py\\n@@ -1,2 +1,2 @@\\n def greet(name):\\n\
                     -    return \\\"Hello \\\" + name\\n+    return \\\"Hello, \\\" + name\\n\", \"explanation\": \"A comma.\", \
                     \"confidence\": 0.9, \"meta\": {}}\n```\n";

pub(crate) fn run(root: &Path, options: &Web) -> anyhow::Result<ExitCode> {
    let binary = super::program(root, options.binary.as_deref())?;
    for name in ["gradio", "chainlit"] {
        let model = ScriptedModel::respond_with(|_| Step::text(REPLY));
        let folder = tempfile::tempdir()?;
        let server = OtherServer::chat_page(name, &model.base_url(), folder.path());
        visits(name, &server.url(), &binary, options.rounds)?;
    }
    let own = ChatPage::start(PageMode::Streams, |_| REPLY.to_owned());
    visits("generic", &own.url(), &binary, options.rounds)?;
    Ok(ExitCode::SUCCESS)
}

/// Measures one page.
fn visits(site: &str, url: &str, binary: &Path, rounds: usize) -> anyhow::Result<()> {
    // A browser that looks for its maker's servers would be measured with the network of the day.
    let config = format!(
        "providers:\n  web:\n    site: {site}\n    url: \"{url}\"\n    questions_per_hour: 1000\n    \
         arguments: [\"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1\"]\nchecks:\n  detect: false\n  \
         commands: [{{name: noop, run: [\"true\"], kind: command}}]\n"
    );
    let repo = TestRepo::new();
    repo.write("greet.py", "def greet(name):\n    return \"Hello \" + name\n");
    repo.commit("the benchmark's base");
    let place = Place::new(repo, binary.to_owned(), &config)?;
    let (mut checks, mut fixes) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let check = timed(&place, &["doctor", "--provider", "web", "--json"])?;
        // Another task each time: an equal question would be answered from the record.
        let task = format!("Fix typo number {round} in greet.py");
        let fix = timed(&place, &[&task, "--provider", "web", "--json"])?;
        if round > 0 {
            checks.push(check);
            fixes.push(fix);
        }
    }
    crate::say(format!("{site}, {rounds} runs, seconds"));
    row("doctor: the page's own answer", checks.iter().map(|taken| taken.own));
    row("doctor: all else", checks.iter().map(|taken| taken.whole - taken.own));
    row("a whole fix, the answer included", fixes.iter().map(|taken| taken.whole));
    Ok(())
}

/// What a run took, in seconds.
struct Taken {
    whole: f64,
    /// The page's own answer; of a fix it is not told.
    own: f64,
}

fn row(name: &str, values: impl Iterator<Item = f64>) {
    let [middle, least, most] = spread(&values.collect::<Vec<f64>>());
    crate::say(format!("  {name:34} median {middle:5.2}   min {least:5.2}   max {most:5.2}"));
}

/// Runs the program; a run that did not end well is no figure.
fn timed(place: &Place, args: &[&str]) -> anyhow::Result<Taken> {
    let began = Instant::now();
    let output = place.command(args).stdin(Stdio::null()).output()?;
    let whole = began.elapsed().as_secs_f64();
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{args:?}: {:?}: {errors}", output.status);
    let document: Value = serde_json::from_slice(&output.stdout).context("no JSON document")?;
    Ok(Taken { whole, own: document["answered_seconds"].as_f64().unwrap_or(0.0) })
}
