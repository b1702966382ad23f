//! A server under a constant stream of requests, sent by wrk (Debian's package) at a rate that does not follow the
//! answers: keys, limits and idempotency keys are on. The disk of TMPDIR holds the repository and the registry.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use testkit::TestRepo;

/// `cargo xtask bench api`.
#[derive(Debug, Args)]
pub(crate) struct ApiBench {
    /// The program to measure; else a release build of this checkout.
    #[arg(long)]
    program: Option<PathBuf>,
    /// An empty schema of a PostgreSQL server for the registry; else SQLite.
    #[arg(long)]
    url: Option<String>,
    /// Requests a second.
    #[arg(long, default_value_t = 2_000)]
    rate: u32,
    /// Seconds for each kind of request.
    #[arg(long, default_value_t = 15)]
    seconds: u32,
    /// Connections.
    #[arg(long, default_value_t = 32)]
    connections: u32,
    /// Changes in the registry before it begins.
    #[arg(long, default_value_t = 500)]
    changes: u32,
}

/// Threads of wrk.
const THREADS: u32 = 2;

/// Fits nowhere: its change comes to rest without a sandbox, and has the id of an answer.
const ASTRAY: &str = "--- a/app.py\n+++ b/app.py\n@@ -1 +1 @@\n-def other(y):\n+def another(y):\n";

pub(crate) fn run(root: &Path, options: &ApiBench) -> anyhow::Result<ExitCode> {
    let served = Served::start(&super::program(root, options.program.as_deref())?, options.url.as_deref())?;
    let (id, suggestion) = served.fill(options.changes)?;
    let loads = fs::read_to_string("/proc/loadavg")?;
    crate::say(format!(
        "{} requests a second, {} s each, {} connections; the machine's load before: {}",
        options.rate,
        options.seconds,
        options.connections,
        loads.split_whitespace().next().unwrap_or("?")
    ));
    let by_suggestion = format!("/intents?codex_suggestion_id={suggestion}");
    for (what, path) in [
        ("a page of fifty", "/intents"),
        ("by codex_suggestion_id", &by_suggestion),
        ("one change", &format!("/intents/{id}")),
        ("registering", "-"),
    ] {
        crate::say(format!("{what:24} {}", served.measure(path, options)?));
    }
    Ok(ExitCode::SUCCESS)
}

/// A running server; ended when dropped.
struct Served {
    process: Child,
    address: String,
    key: String,
    _repo: TestRepo,
}

impl Served {
    fn start(program: &Path, url: Option<&str>) -> anyhow::Result<Self> {
        let repo = TestRepo::with(&[("app.py", "def empty(x):\n    return x == None\n")]);
        let home = repo.side_folder("home");
        let store = url.map(|url| format!("store:\n  url: {url}\n")).unwrap_or_default();
        fs::write(home.join("config.yaml"), format!("checks:\n  detect: false\n{store}"))?;
        let command = |args: &[&str]| {
            #[expect(clippy::disallowed_methods, reason = "a benchmark runs the program that it measures")]
            let mut command = Command::new(program);
            command.args(args).current_dir(repo.path()).stdin(Stdio::null()).env_clear();
            command.envs([("PATH", "/usr/local/bin:/usr/bin:/bin")]);
            command.env("HOME", &home).env("CODEX_TASK_HOME", &home);
            command
        };
        let added = command(&["agent", "add", "bench", "--scope", "propose,admin"]).output()?;
        ensure!(added.status.success(), "no agent: {}", String::from_utf8_lossy(&added.stderr));
        let key = String::from_utf8(added.stdout)?.trim().to_owned();
        let mut process = command(&["serve", "--listen", "127.0.0.1:0", "--rpm", "1000000"])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("no output")?).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on http://").context("no server")?.to_owned();
        Ok(Self { process, address, key, _repo: repo })
    }

    /// Registers changes and waits until the last one rests; its id, and that of its answer.
    fn fill(&self, changes: u32) -> anyhow::Result<(String, String)> {
        let mut id = String::new();
        for number in 0..changes.max(1) {
            let body = json!({ "patch": ASTRAY, "text": format!("Patch {number}") });
            id = text(&self.ask("POST", "/proposals", &body.to_string())?["id"])?;
        }
        loop {
            let view = self.ask("GET", &format!("/intents/{id}"), "")?;
            if view["at_rest"] == true {
                return Ok((id, text(&view["attempts"][0]["codex_suggestion_id"])?));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// One request on a connection of its own.
    fn ask(&self, method: &str, path: &str, body: &str) -> anyhow::Result<Value> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        ensure!(head.starts_with("HTTP/1.1 20"), "{method} {path}: {answer}");
        Ok(serde_json::from_str(body)?)
    }

    fn measure(&self, path: &str, options: &ApiBench) -> anyhow::Result<String> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bench/api.lua");
        #[expect(clippy::disallowed_methods, reason = "the program that measures")]
        let mut command = Command::new("wrk");
        command.arg(format!("-t{THREADS}")).arg(format!("-c{}", options.connections));
        command.arg(format!("-d{}s", options.seconds)).args(["-s", script]);
        command.arg(format!("http://{}/", self.address)).arg("--");
        command.args([&options.rate.to_string(), &THREADS.to_string(), &self.key, path]);
        let done = command.output().context("wrk, the package of Debian")?;
        let told = String::from_utf8_lossy(&done.stdout);
        let Some(line) = told.lines().find_map(|line| line.strip_prefix("figures ")) else {
            bail!("wrk: {told}{}", String::from_utf8_lossy(&done.stderr));
        };
        let figures: Vec<f64> = line.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let &[requests, micros, median, p99, max, refused, broken, late, worst] = figures.as_slice() else {
            bail!("unexpected: {line}");
        };
        ensure!(requests > 0.0, "no request was answered");
        Ok(format!(
            "{:6.0} a second, median {:6.2} ms, p99 {:7.2} ms, most {:7.2} ms; {refused} refused, {broken} broken, \
             {late} sent late (by {worst:.0} ms at most)",
            requests / micros * 1e6,
            median / 1e3,
            p99 / 1e3,
            max / 1e3,
        ))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let _ = self.process.wait();
    }
}

fn text(value: &Value) -> anyhow::Result<String> {
    value.as_str().map(str::to_owned).context("no text where an id was expected")
}
