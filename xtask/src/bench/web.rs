//! What a chat page costs beyond its own answer: `doctor --provider web` and a whole fix on the pages of gradio and
//! chainlit, with a model that answers at once.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::Value;
use testkit::{OtherServer, ScriptedModel, Step, TestRepo};

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
        // A browser that looks for its maker's servers would be measured with the network of the day.
        let config = format!(
            "providers:\n  web:\n    site: {name}\n    url: \"{}\"\n    questions_per_hour: 1000\n    \
             arguments: [\"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1\"]\nchecks: {{detect: false}}\n",
            server.url()
        );
        let (mut checks, mut fixes) = (Vec::new(), Vec::new());
        for round in 0..=options.rounds {
            // A registry of its own: an equal question would be answered from the record.
            let repo = TestRepo::new();
            repo.write("greet.py", "def greet(name):\n    return \"Hello \" + name\n");
            repo.commit("the benchmark's base");
            let place = Place::new(repo, binary.clone(), &config)?;
            let check = timed(&place, &["doctor", "--provider", "web", "--json"])?;
            let fix = timed(&place, &["Fix the typo in greet.py", "--provider", "web", "--json"])?;
            if round > 0 {
                checks.push(check);
                fixes.push(fix);
            }
        }
        crate::say(format!("{name}, {} runs, seconds", options.rounds));
        let [own, rest]: [Vec<f64>; 2] = [own(&checks), checks.iter().map(|t| t.whole - t.own).collect()];
        row("doctor: the page's own answer", &own);
        row("doctor: all else", &rest);
        row("a whole fix, the answer included", &fixes.iter().map(|t| t.whole).collect::<Vec<f64>>());
    }
    Ok(ExitCode::SUCCESS)
}

/// What a run took, in seconds.
struct Taken {
    whole: f64,
    /// The page's own answer; of a fix it is not told.
    own: f64,
}

fn own(all: &[Taken]) -> Vec<f64> {
    all.iter().map(|taken| taken.own).collect()
}

fn row(name: &str, values: &[f64]) {
    let [middle, least, most] = spread(values);
    crate::say(format!("  {name:34} median {middle:5.2}   min {least:5.2}   max {most:5.2}"));
}

/// Runs the program; a run that did not end well is no figure.
fn timed(place: &Place, args: &[&str]) -> anyhow::Result<Taken> {
    let began = Instant::now();
    let output = place.command(args).stdin(Stdio::null()).output()?;
    let whole = began.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&output.stdout);
    // 3: a person is to decide, for nothing was verified.
    let ended = matches!(output.status.code(), Some(0 | 3));
    ensure!(ended, "{args:?}: {:?}: {text}{}", output.status, String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).context("no JSON document")?;
    Ok(Taken { whole, own: document["answered_seconds"].as_f64().unwrap_or(0.0) })
}
