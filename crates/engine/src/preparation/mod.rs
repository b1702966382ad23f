//! What has to be fetched before the checks of a base can run, by the lock files at its root: which commands, and what
//! they depend on. Pure; `fetch` runs them, and `trees/prepared.rs` keeps what they leave.

mod fetch;
mod node;
mod python;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use domain::ids::{Sha256, TreeId};

use crate::boxes::Boxes;
use crate::checks::TREE;
use crate::config::Prepare;
use crate::error::EngineError;
use crate::project::Project;
use crate::provider::Source;
use crate::source::BaseSource;
use crate::trees::{CARGO_HOME, GO_MODULES, Prepared, SCRAP, TreeForm, Trees};
use crate::world::World;

pub use fetch::{Preparing, Telling, Wish};

/// Files that a configured command may depend on, beside the lock files that are there.
const MANIFESTS: [&str; 6] =
    ["Cargo.toml", "package.json", "pyproject.toml", "setup.py", "setup.cfg", "Pipfile"];

/// Lock files and their like, each with what it depends on when it is read.
const LOCKS: [&str; 17] = [
    "Cargo.lock",
    ".cargo/config.toml",
    ".cargo/config",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    "yarn.lock",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    "uv.lock",
    "poetry.lock",
    "Pipfile.lock",
    "go.mod",
    "go.sum",
    "go.work",
];

/// One command that fetches. Its words and the values of its variables may hold [`TREE`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// What a person calls it: `cargo`, `npm`, `python`, `go`, ...
    pub(crate) name: String,
    pub(crate) argv: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
}

impl Step {
    fn new(name: &str, argv: &[&str], env: &[(&str, &str)]) -> Self {
        Self {
            name: name.to_owned(),
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }
}

/// What the files of a tree call for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Preparation {
    pub(crate) steps: Vec<Step>,
    /// The files on which the steps depend, by path, with the hash of their bytes.
    pub(crate) inputs: BTreeMap<String, Sha256>,
    /// Files that the steps read, made for them: path in the tree, text.
    pub(crate) made: Vec<(String, String)>,
    /// What was seen and cannot be fetched, and why, a sentence each.
    pub(crate) notes: Vec<String>,
}

/// Where it is looked, and by what rules.
pub(crate) struct Looking<'a> {
    tree: &'a dyn Source,
    root: Vec<String>,
    has_tool: &'a dyn Fn(&str) -> bool,
    scripts: bool,
    found: Preparation,
}

/// Finds what the tree calls for. `has_tool` tells whether the box finds a program.
pub(crate) fn look(tree: &dyn Source, has_tool: &dyn Fn(&str) -> bool, config: &Prepare) -> Preparation {
    let root = tree.list("");
    let mut looking =
        Looking { tree, root, has_tool, scripts: config.scripts, found: Preparation::default() };
    if config.commands.is_empty() {
        cargo(&mut looking);
        node::look(&mut looking);
        python::look(&mut looking);
        go(&mut looking);
    } else {
        configured(&mut looking, config);
    }
    looking.found
}

impl Looking<'_> {
    fn has(&self, name: &str) -> bool {
        self.root.iter().any(|entry| entry == name)
    }

    fn text(&self, path: &str) -> Option<String> {
        self.tree.read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Notes that the steps depend on these files, as far as they are there.
    fn depends_on(&mut self, paths: &[&str]) {
        for path in paths {
            if let Some(bytes) = self.tree.read(path) {
                self.found.inputs.insert((*path).to_owned(), Sha256::of(&bytes));
            }
        }
    }

    /// Whether the tool is there; a note when it is not.
    fn wants(&mut self, tool: &str, file: &str) -> bool {
        let there = (self.has_tool)(tool);
        if !there {
            self.found.notes.push(format!("{file} is there, but {tool} is not installed"));
        }
        there
    }

    fn step(&mut self, name: &str, argv: &[&str], env: &[(&str, &str)]) {
        self.found.steps.push(Step::new(name, argv, env));
    }
}

fn cargo(looking: &mut Looking<'_>) {
    // A lock file without sources names nothing but the repository's own packages.
    let fetches = |text: String| text.lines().any(|line| line.trim_start().starts_with("source ="));
    if !looking.has("Cargo.toml") || !looking.text("Cargo.lock").is_some_and(fetches) {
        return;
    }
    if looking.wants("cargo", "Cargo.lock") {
        let home = format!("{TREE}/{CARGO_HOME}");
        looking.step("cargo", &["cargo", "fetch", "--locked"], &[("CARGO_HOME", &home)]);
        looking.depends_on(&["Cargo.lock", ".cargo/config.toml", ".cargo/config"]);
    }
}

fn go(looking: &mut Looking<'_>) {
    let is_vendored = looking.has("vendor/") && looking.tree.read("vendor/modules.txt").is_some();
    if !looking.has("go.mod") || !looking.has("go.sum") || is_vendored {
        return;
    }
    if looking.wants("go", "go.sum") {
        let modules = format!("{TREE}/{GO_MODULES}");
        // What is made read-only could not be moved to where it is kept.
        let env = [("GOMODCACHE", modules.as_str()), ("GOFLAGS", "-modcacherw")];
        looking.step("go", &["go", "mod", "download"], &env);
        looking.depends_on(&["go.mod", "go.sum", "go.work", "go.work.sum"]);
    }
}

/// The owner's own commands: they may depend on every lock file and manifest at the root.
fn configured(looking: &mut Looking<'_>, config: &Prepare) {
    let (home, modules) = (format!("{TREE}/{CARGO_HOME}"), format!("{TREE}/{GO_MODULES}"));
    let scrap = format!("{TREE}/{SCRAP}");
    let env = [
        ("CARGO_HOME", home.as_str()),
        ("GOMODCACHE", &modules),
        ("NPM_CONFIG_CACHE", &scrap),
        ("PIP_NO_CACHE_DIR", "1"),
    ];
    for command in &config.commands {
        let argv = command.argv();
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        let name = match command {
            crate::config::CommandLine::Shell(line) => line.lines().next().unwrap_or_default().to_owned(),
            crate::config::CommandLine::Words(words) => words.join(" "),
        };
        looking.step(&name, &words, &env);
    }
    looking.depends_on(&LOCKS);
    looking.depends_on(&MANIFESTS);
    let requirements = python::requirement_files(looking);
    let names: Vec<&str> = requirements.iter().map(String::as_str).collect();
    looking.depends_on(&names);
}

impl Preparation {
    /// Whether there is nothing to fetch.
    pub(crate) fn is_nothing(&self) -> bool {
        self.steps.is_empty()
    }

    /// The files that call for it; what only steers a package manager is not among them.
    fn files(&self) -> Vec<String> {
        self.inputs.keys().filter(|path| !path.starts_with('.')).cloned().collect()
    }

    /// Names everything that what is fetched depends on: commands, the bytes of lock files, level, toolchains.
    fn key(&self, boxes: &Boxes, world: &World, level: sandbox::Level) -> Sha256 {
        let mut fields = vec![b"prepared 1".to_vec(), level.as_str().as_bytes().to_vec()];
        for step in &self.steps {
            let stamp = boxes.stamp(world, step.argv.first().map_or("", String::as_str));
            fields.push(format!("{:?} {:?} {stamp}", step.argv, step.env).into_bytes());
        }
        for (path, hash) in &self.inputs {
            fields.push(path.as_bytes().to_vec());
            fields.push(hash.as_str().as_bytes().to_vec());
        }
        for (path, text) in &self.made {
            fields.push(path.as_bytes().to_vec());
            fields.push(text.as_bytes().to_vec());
        }
        let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
        Sha256::of_fields(&fields)
    }
}

/// How a base stands, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// No lock file at the root calls for anything.
    Nothing,
    /// What was fetched can be shown to checks at the level strict with overlays only.
    NotHere {
        /// Why not.
        why: String,
    },
    /// Fetched.
    Prepared {
        /// What was run to fetch it.
        steps: Vec<String>,
        /// Its size on disk.
        bytes: u64,
    },
    /// Not fetched: checks see what this machine has.
    Unprepared {
        /// The files that call for it.
        files: Vec<String>,
    },
}

/// How the project's base stands.
///
/// # Errors
/// When the sandbox cannot be asked.
pub fn standing(project: &Project, world: &World) -> Result<Standing, EngineError> {
    let wanted = look(&project.source(), &|tool| project.boxes.has(world, tool), &project.config.prepare);
    if wanted.is_nothing() {
        return Ok(Standing::Nothing);
    }
    let level = project.boxes.level(world)?;
    let form = project.boxes.form(world, level)?;
    if form != TreeForm::Overlay {
        return Ok(Standing::NotHere { why: not_here(level) });
    }
    let key = wanted.key(&project.boxes, world, level);
    Ok(match Trees::new(&world.folders).prepared(&project.repository, &key) {
        Some(prepared) => Standing::Prepared { steps: prepared.steps().to_vec(), bytes: prepared.bytes() },
        None => Standing::Unprepared { files: wanted.files() },
    })
}

/// Whether two trees call for different dependencies.
pub(crate) fn differs(project: &Project, world: &World, one: &TreeId, other: &TreeId) -> bool {
    let of = |tree| {
        let source = BaseSource::new(&project.repository, tree);
        let found = look(&source, &|tool| project.boxes.has(world, tool), &project.config.prepare);
        (found.steps, found.inputs, found.made)
    };
    of(one) != of(other)
}

fn not_here(level: sandbox::Level) -> String {
    format!(
        "checks run at {level} without overlays here, and what is fetched can be shown to them only at strict with overlays"
    )
}

/// What was fetched for the lock files of a tree, if it was. Cheap where nothing was ever fetched for the repository.
pub(crate) fn prepared(
    project: &Project,
    world: &World,
    tree: &TreeId,
    (form, level): (TreeForm, sandbox::Level),
) -> Option<Prepared> {
    let trees = Trees::new(&world.folders);
    if form != TreeForm::Overlay || !trees.has_prepared(&project.repository) {
        return None;
    }
    let source = BaseSource::new(&project.repository, tree);
    let wanted = look(&source, &|tool| project.boxes.has(world, tool), &project.config.prepare);
    if wanted.is_nothing() {
        return None;
    }
    trees.prepared(&project.repository, &wanted.key(&project.boxes, world, level))
}
