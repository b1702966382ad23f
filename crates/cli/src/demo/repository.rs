//! Makes the demo's repository: files from this program, objects by the git program. Knows nothing of findings.

use std::ffi::OsStr;
use std::path::Path;

use git::Signature;
use git::run::{Place, Runner};

use crate::environment::Environment;
use crate::error::Failure;

/// A file's path and text.
type File = (&'static str, &'static str);

/// The second language beside Rust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Second {
    Python,
    JavaScript,
    /// Neither is installed.
    None,
}

const RUST: &[File] = &[
    ("README.md", include_str!("repo/README.md")),
    (".gitignore", "target/\n__pycache__/\n"),
    ("Cargo.toml", include_str!("repo/rust/Cargo.toml.in")),
    ("Cargo.lock", include_str!("repo/rust/Cargo.lock.in")),
    ("src/lib.rs", include_str!("repo/rust/src/lib.rs")),
    ("tests/cart.rs", include_str!("repo/rust/tests/cart.rs")),
];

const PYTHON: &[File] = &[
    ("stock/__init__.py", include_str!("repo/python/stock/__init__.py")),
    ("stock/report.py", include_str!("repo/python/stock/report.py")),
    ("stock/query.py", include_str!("repo/python/stock/query.py")),
    ("stock/labels.py", include_str!("repo/python/stock/labels.py")),
    ("tests/__init__.py", include_str!("repo/python/tests/__init__.py")),
    ("tests/test_stock.py", include_str!("repo/python/tests/test_stock.py")),
    ("vendor/oldtable.py", include_str!("repo/python/vendor/oldtable.py")),
];

const JAVASCRIPT: &[File] = &[
    (".codex-task.yaml", include_str!("repo/javascript/codex-task.yaml.in")),
    ("web/cart.js", include_str!("repo/javascript/web/cart.js")),
    ("web/cart.test.js", include_str!("repo/javascript/web/cart.test.js")),
    ("vendor/version.js", include_str!("repo/javascript/vendor/version.js")),
];

/// Writes and commits the repository at `folder`.
pub(crate) fn make(
    environment: &Environment,
    folder: &Path,
    second: Second,
    now: i64,
) -> Result<(), Failure> {
    let path = environment.variable("PATH").unwrap_or_default();
    let runner = Runner::find(OsStr::new(path))
        .map_err(|e| Failure::from(e).hint("the demo makes a real repository: install git and try again"))?;
    let more = match second {
        Second::Python => PYTHON,
        Second::JavaScript => JAVASCRIPT,
        Second::None => &[],
    };
    for (name, text) in RUST.iter().chain(more) {
        let file = folder.join(name);
        let parent = file.parent().unwrap_or(folder);
        let written = std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&file, text));
        written.map_err(|e| Failure::file(&file, &e))?;
    }
    let init = ["init", "--quiet", "--initial-branch=main"].map(OsStr::new);
    runner.call(Place::Nowhere, init.into_iter().chain([folder.as_os_str()])).run()?;
    let git_dir = folder.join(".git");
    let place = Place::Repository { git_dir: &git_dir, work_tree: Some(folder), index: None };
    runner.call(place, ["add", "--all"]).run()?;
    let who = Signature {
        name: "Demo".to_owned(),
        email: "demo@localhost".to_owned(),
        seconds: now.div_euclid(1_000_000),
        offset: 0,
    };
    runner.call(place, ["commit", "--quiet", "--message=A small shop"]).identity(&who).run()?;
    Ok(())
}
