//! How many diffs of a corpus each tool applies, how many it refuses, and how many it puts into a wrong place. The
//! corpus is no part of the project; its form is described at [`Corpus`].

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, ensure};
use clap::Args;
use serde::Deserialize;
use sha1::{Digest, Sha1};

/// A folder with `llm-patches/{raw,tool-made}.jsonl`, `llm-patches/blobs/` and `mutants.jsonl`.
#[derive(Debug, Args)]
pub(crate) struct Corpus {
    /// The unpacked corpus.
    #[arg(long)]
    corpus: PathBuf,
    /// One more tool: a name, an equals sign, and a command in which {dir} and {patch} are replaced.
    #[arg(long = "tool", value_name = "NAME=COMMAND")]
    tools: Vec<String>,
    /// Only every N-th case, for a quick look.
    #[arg(long, default_value_t = 1)]
    every: usize,
}

/// Tools that are on most machines.
const USUAL: [(&str, &str); 4] = [
    ("git apply", "git -C {dir} apply {patch}"),
    ("git apply --recount", "git -C {dir} apply --recount {patch}"),
    ("GNU patch", "patch -d {dir} -p1 -f -s --no-backup-if-mismatch -i {patch}"),
    ("GNU patch --fuzz=5", "patch -d {dir} -p1 -f -s --no-backup-if-mismatch --fuzz=5 -i {patch}"),
];

/// One diff with the files that it is about.
#[derive(Debug, Default, Deserialize)]
struct Case {
    patch: String,
    base_files: BTreeMap<String, Option<String>>,
    #[serde(default)]
    nowhere: bool,
    #[serde(default)]
    no_diff: bool,
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    mutation: Option<String>,
    #[serde(default)]
    expected_tree: Option<String>,
    #[serde(default)]
    changed: Option<bool>,
}

impl Case {
    /// A file of a line, made.
    fn plain() -> Self {
        let patch = "diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+x\n";
        Self { patch: patch.to_owned(), ..Self::default() }
    }

    /// The row of the table in which it counts.
    fn row(&self) -> String {
        match (&self.mutation, &self.group) {
            (Some(mutation), _) => format!("defect {mutation}"),
            (None, Some(_)) if self.no_diff => "no diff at all (to be refused)".to_owned(),
            (None, Some(_)) if self.nowhere => "stands nowhere (to be refused)".to_owned(),
            (None, Some(group)) => format!("written by a model, {group}"),
            (None, None) => "made by a program".to_owned(),
        }
    }
}

/// What became of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Applied, with the right result where that is known.
    Applied,
    /// Refused, and nothing was changed.
    Refused,
    /// Applied where it must not be, or with another result.
    Wrong,
    /// Refused, and something was changed.
    HalfDone,
}

pub(crate) fn run(root: &Path, options: &Corpus) -> anyhow::Result<ExitCode> {
    let ours = super::build(root)?;
    let mut tools =
        vec![("codex-task".to_owned(), format!("{} patch apply --json {{dir}} {{patch}}", ours.display()))];
    tools.extend(USUAL.iter().map(|(name, command)| ((*name).to_owned(), (*command).to_owned())));
    for tool in &options.tools {
        let (name, command) = tool.split_once('=').context("--tool wants NAME=COMMAND")?;
        tools.push((name.to_owned(), command.to_owned()));
    }
    let cases: Vec<Case> = cases(&options.corpus)?.into_iter().step_by(options.every.max(1)).collect();
    for (name, command) in &tools {
        ensure!(
            outcome(&Case::plain(), command, &options.corpus)?.0 == Outcome::Applied,
            "{name} does not apply the plainest patch there is, so it is not set up: {command}"
        );
    }
    let mut table = Table::new(tools.iter().map(|(name, _)| name.clone()));
    let mut steps = Table::new(STEPS.map(str::to_owned));
    for (number, (name, command)) in tools.iter().enumerate() {
        crate::say(format_args!("{name}: {command}"));
        for (case, (outcome, step)) in cases.iter().zip(outcomes(&cases, command, &options.corpus)?) {
            table.count(case.row(), number, outcome);
            if number == 0 {
                table.add_case(case.row());
            }
            if let Some(step) = step {
                steps.count(case.row(), step, outcome);
                steps.add_case(case.row());
            }
        }
    }
    table.print();
    crate::say("\nHow far from the text the hunk was that stood farthest from it, where codex-task applied:");
    steps.print();
    Ok(ExitCode::SUCCESS)
}

/// The ways in which a hunk is found, nearest first, as `codex-task` writes them.
const STEPS: [&str; 6] = ["exact", "recounted", "moved", "whitespace", "trimmed", "numbered"];

/// Of a report of ours, the farthest of its hunks; nothing for other tools.
fn farthest(report: &[u8]) -> Option<usize> {
    let report: serde_json::Value = serde_json::from_slice(report).ok()?;
    let places = report.get("places")?.as_array()?;
    let hunks = places.iter().filter_map(|place| place.get("hunks")?.as_array()).flatten();
    let steps = hunks.filter_map(|hunk| STEPS.iter().position(|step| hunk["how"] == *step));
    Some(steps.max().unwrap_or(0))
}

/// Counts of outcomes, by row and column, and how many cases a row stands for.
#[derive(Debug)]
struct Table {
    columns: Vec<String>,
    rows: BTreeMap<String, Vec<[usize; 4]>>,
    cases: BTreeMap<String, usize>,
}

impl Table {
    fn new(columns: impl IntoIterator<Item = String>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: BTreeMap::new(), cases: BTreeMap::new() }
    }

    fn add_case(&mut self, row: String) {
        *self.cases.entry(row).or_default() += 1;
    }

    fn count(&mut self, row: String, column: usize, outcome: Outcome) {
        let columns = self.columns.len();
        self.rows.entry(row).or_insert_with(|| vec![[0; 4]; columns])[column][outcome as usize] += 1;
    }

    /// In markdown: applied, then what ended badly.
    fn print(&self) {
        crate::say(format_args!(
            "\n| cases | number | {} |\n|---|---|{}",
            self.columns.join(" | "),
            "---|".repeat(self.columns.len())
        ));
        for (row, counts) in &self.rows {
            let total = self.cases.get(row).copied().unwrap_or_default();
            let cells: Vec<String> = counts.iter().map(cell).collect();
            crate::say(format_args!("| {row} | {total} | {} |", cells.join(" | ")));
        }
    }
}

fn cell([applied, _, wrong, half]: &[usize; 4]) -> String {
    let mut text = applied.to_string();
    for (count, word) in [(wrong, "wrong"), (half, "half")] {
        if *count > 0 {
            text.push_str(&format!(", **{count} {word}**"));
        }
    }
    text
}

fn cases(corpus: &Path) -> anyhow::Result<Vec<Case>> {
    let mut all = Vec::new();
    for name in ["llm-patches/raw.jsonl", "llm-patches/tool-made.jsonl", "mutants.jsonl"] {
        let path = corpus.join(name);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        for (number, line) in text.lines().enumerate() {
            let case: Case =
                serde_json::from_str(line).with_context(|| format!("{}:{}", path.display(), number + 1))?;
            // A defect that left the diff as it was shows nothing.
            if case.changed != Some(false) {
                all.push(case);
            }
        }
    }
    Ok(all)
}

/// All cases through one tool, on as many threads as there are processors.
fn outcomes(cases: &[Case], command: &str, corpus: &Path) -> anyhow::Result<Vec<Seen>> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(vec![(Outcome::Refused, None); cases.len()]);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || -> anyhow::Result<()> {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(at) else { return Ok(()) };
            let outcome = outcome(case, command, corpus)?;
            if let Ok(mut found) = found.lock() {
                found[at] = outcome;
            }
        }
    };
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        started.into_iter().try_for_each(|thread| {
            thread.join().map_err(|_| anyhow::anyhow!("a thread of the comparison panicked"))?
        })
    })?;
    found.into_inner().map_err(|_| anyhow::anyhow!("a thread of the comparison panicked"))
}

/// What became of a case and, of ours, the farthest step that it took, as an index of [`STEPS`].
type Seen = (Outcome, Option<usize>);

fn outcome(case: &Case, command: &str, corpus: &Path) -> anyhow::Result<Seen> {
    let place = tempfile::Builder::new().prefix("corpus").tempdir_in("/dev/shm")?;
    let (folder, patch) = (place.path().join("base"), place.path().join("p.diff"));
    fs::create_dir(&folder)?;
    for (path, blob) in case.base_files.iter().filter_map(|(path, blob)| Some((path, blob.as_ref()?))) {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().context("a path of the corpus is empty")?)?;
        fs::copy(corpus.join("llm-patches/blobs").join(blob), file)?;
    }
    fs::write(&patch, &case.patch)?;
    let before = tree_hash(&folder)?;
    let words: Vec<String> = command
        .split_whitespace()
        .map(|word| {
            word.replace("{dir}", &folder.display().to_string())
                .replace("{patch}", &patch.display().to_string())
        })
        .collect();
    ensure!(!words.is_empty(), "an empty command");
    #[expect(clippy::disallowed_methods, reason = "a comparison runs what it compares")]
    let output = Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .with_context(|| words[0].clone())?;
    let after = tree_hash(&folder)?;
    let outcome = match (output.status.success(), &case.expected_tree) {
        (false, _) if after == before => Outcome::Refused,
        (false, _) => Outcome::HalfDone,
        (true, Some(expected)) if after != *expected => Outcome::Wrong,
        (true, None) if case.nowhere || case.no_diff => Outcome::Wrong,
        (true, _) => Outcome::Applied,
    };
    Ok((outcome, farthest(&output.stdout).filter(|_| output.status.success())))
}

/// The corpus's own hash of a folder: SHA-1 over paths and contents, folder by folder, twelve digits of it.
fn tree_hash(root: &Path) -> anyhow::Result<String> {
    let mut folders = vec![root.to_owned()];
    let mut files: BTreeMap<String, BTreeMap<String, PathBuf>> = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                let names = files.entry(folder.display().to_string()).or_default();
                names.insert(name.unwrap_or_default(), path);
            }
        }
    }
    let mut hasher = Sha1::new();
    for path in files.values().flat_map(BTreeMap::values) {
        hasher.update(path.strip_prefix(root)?.display().to_string());
        hasher.update([0]);
        hasher.update(if path.is_symlink() { b"L".to_vec() } else { fs::read(path)? });
        hasher.update([0]);
    }
    Ok(hex::encode(hasher.finalize())[..12].to_owned())
}
