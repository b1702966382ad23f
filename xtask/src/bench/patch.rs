//! What judging a patch costs in process: the usual case, and what must be refused quickly.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use domain::patch::{
    Base, BaseError, BaseFile, FileMode, Form, Limits, RepoPath, Tolerance, apply, emit, read,
};

/// The judge of patches in process.
#[derive(Debug, Args)]
pub(crate) struct PatchBench {
    /// How often each case is run, after one run that is not counted.
    #[arg(long, default_value_t = 30)]
    runs: usize,
}

/// Files in memory.
struct Memory(BTreeMap<String, BaseFile>);

impl Base for Memory {
    fn file(&self, path: &RepoPath) -> Result<Option<BaseFile>, BaseError> {
        Ok(self.0.get(path.as_str()).cloned())
    }

    fn list(&self, _: Option<&RepoPath>) -> Result<Vec<String>, BaseError> {
        Ok(Vec::new())
    }
}

struct Case {
    name: &'static str,
    patch: Vec<u8>,
    taken: bool,
}

pub(crate) fn run(options: &PatchBench) -> anyhow::Result<ExitCode> {
    let text = source(1 << 20);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let file = BaseFile { bytes: text.clone().into_bytes(), mode: FileMode::Regular };
    let base = Memory([("big.py".to_owned(), file)].into());
    crate::say(format!(
        "one file of {} bytes, {} lines; {} runs each; milliseconds: read, place, write the canonical diff",
        text.len(),
        lines.len(),
        options.runs
    ));
    for case in cases(&lines) {
        let mut taken = Vec::new();
        for run in 0..=options.runs {
            let began = Instant::now();
            let patch = read(&case.patch, Form::Auto, Tolerance::Lenient, &Limits::default());
            let result = patch.and_then(|patch| apply(&patch, &base)).map(|applied| emit(applied.files));
            let took = began.elapsed();
            anyhow::ensure!(
                result.is_ok() == case.taken,
                "{}: {:?}",
                case.name,
                result.err().map(|findings| findings.into_iter().take(2).collect::<Vec<_>>())
            );
            if run > 0 {
                taken.push(took.as_secs_f64() * 1e3);
            }
        }
        taken.sort_by(f64::total_cmp);
        crate::say(format!(
            "{:38} {:>9} bytes   median {:8.3}   max {:8.3}   {}",
            case.name,
            case.patch.len(),
            taken[taken.len() / 2],
            taken[taken.len() - 1],
            if case.taken { "taken" } else { "refused" }
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Lines of code that differ from each other, as in a real file, with repetition of the usual short ones.
fn source(bytes: usize) -> String {
    let mut text = String::new();
    let mut n = 0;
    while text.len() < bytes {
        n += 1;
        text +=
            &format!("def function_{n}(a, b):\n    if a > {n}:\n        return b\n    return a + {n}\n\n\n");
    }
    text
}

fn cases(lines: &[&str]) -> Vec<Case> {
    let at = lines.len() / 2 / 6 * 6;
    let hunk = |start: usize, claimed: usize| {
        let body: String = (start..start + 20)
            .map(|n| match n % 6 {
                3 => format!("-{}+    return a - b\n", lines[n]),
                _ => format!(" {}", lines[n]),
            })
            .collect();
        format!("@@ -{claimed},20 +{claimed},20 @@\n{body}")
    };
    let file = "--- a/big.py\n+++ b/big.py\n";
    let many = |count: usize, shift: usize| -> String {
        (0..count).map(|n| hunk(n * 24, n * 24 + 1 + shift)).collect()
    };
    let case = |name, text: String, taken| Case { name, patch: text.into_bytes(), taken };
    let broken = hunk(at, at + 1).replace(" def function_", " def functoin_");
    let spaced = hunk(at, at + 41).replace("    ", "  ");
    let trimmed = hunk(at, at + 41).replacen(" def function_", " def other_", 1);
    vec![
        case("one hunk, exact", format!("{file}{}", hunk(at, at + 1)), true),
        case("six hunks, exact (2 kB)", format!("{file}{}", many(6, 0)), true),
        case("six hunks, 40 lines off (2 kB)", format!("{file}{}", many(6, 40)), true),
        case("one hunk, other white space", format!("{file}{spaced}"), true),
        case("one hunk, outer line differs", format!("{file}{trimmed}"), true),
        case("one hunk, fits nowhere", format!("{file}{broken}"), false),
        case("1,000 hunks, 40 lines off", format!("{file}{}", many(1_000, 40)), true),
        case(
            "10,000 hunks of nothing but blanks",
            format!("{file}{}", "@@\n \n-\n+x\n \n".repeat(10_000)),
            false,
        ),
        case("200,000 hunks", format!("{file}{}", "@@ -1 +1 @@\n-a\n+b\n".repeat(200_000)), false),
        case("a line of 50 MB", format!("{file}@@ -1 +1 @@\n-a\n+{}\n", "b".repeat(50_000_000)), false),
        case(
            "100,000 files",
            "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n".repeat(100_000),
            false,
        ),
        case("80,000 blocks", "x.py\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n".repeat(80_000), false),
    ]
}
