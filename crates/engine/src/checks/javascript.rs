//! The checks of a JavaScript or TypeScript package at the root: its tests, eslint, the type checker. The scripts of
//! `package.json` say what is run; where they name one runner only, it is run with a report that tells each test.

use std::collections::BTreeMap;

use domain::verification::CheckKind;
use serde::Deserialize;

use super::detect::Found;
use super::language::{Language, Wanted, of};
use super::project::Project;
use super::{FilesArg, Reader};

/// What is read of `package.json`; anything else in it is none of ours.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Manifest {
    scripts: BTreeMap<String, String>,
    dependencies: BTreeMap<String, serde_json::Value>,
    #[serde(rename = "devDependencies")]
    dev_dependencies: BTreeMap<String, serde_json::Value>,
    #[serde(rename = "eslintConfig")]
    eslint_config: Option<serde_json::Value>,
}

/// The package under `package.json`, with what its tools are called by.
struct Package {
    manifest: Manifest,
    manager: &'static str,
}

/// A test runner's report: outside of the tracked files.
const REPORT: &str = "{tmp}/codex-task-javascript";

/// For runners that do not make the folder of their report.
const WITH_FOLDER: [&str; 4] = ["sh", "-c", "mkdir -p \"$0\" && exec \"$@\"", "{tmp}"];

/// What `npm init` writes as the test script.
const NO_TESTS: &str = "no test specified";

/// Names that projects give to the script that checks types.
const TYPE_SCRIPTS: [&str; 4] = ["typecheck", "type-check", "check-types", "check:types"];

/// Adds the checks of a package. `test_command` says that the caller runs the tests in another way.
pub(super) fn detect(
    project: &Project<'_>,
    changed: &[String],
    wanted: Wanted,
    test_command: bool,
    found: &mut Found<'_>,
) {
    if !project.has("package.json") {
        if wanted == Wanted::All {
            found.note("JavaScript files changed, but there is no package.json at the root".to_owned());
        }
        return;
    }
    let text = project.text("package.json").unwrap_or_default();
    let Ok(manifest) = serde_json::from_str::<Manifest>(&text) else {
        found.note("package.json cannot be read".to_owned());
        return;
    };
    let package = Package { manifest, manager: manager(project, found) };
    if wanted == Wanted::All {
        lint(project, &package, changed, found);
        types(project, &package, found);
    }
    if !test_command {
        tests(project, &package, found);
    }
}

/// The package manager by its lock file; npm, which runs the same scripts, where that one is not installed.
fn manager(project: &Project<'_>, found: &Found<'_>) -> &'static str {
    let by_lock = [("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn")];
    by_lock
        .into_iter()
        .find(|(lock, program)| project.has(lock) && found.has(program))
        .map_or("npm", |(_, program)| program)
}

impl Package {
    fn script(&self, name: &str) -> Option<&str> {
        self.manifest.scripts.get(name).map(String::as_str)
    }

    /// Whether the tool is on the search path, or a dependency that lies in the tree once the base is prepared.
    fn has(&self, tool: &str, package: &str, found: &Found<'_>) -> bool {
        found.has(tool) || self.has_dependency(package)
    }

    fn has_dependency(&self, name: &str) -> bool {
        self.manifest.dev_dependencies.contains_key(name) || self.manifest.dependencies.contains_key(name)
    }

    fn run(&self, script: &str) -> Vec<String> {
        [self.manager, "run", "--silent", script].map(str::to_owned).to_vec()
    }
}

fn lint(project: &Project<'_>, package: &Package, changed: &[String], found: &mut Found<'_>) {
    const CONFIGS: [&str; 10] = [
        "eslint.config.js",
        "eslint.config.mjs",
        "eslint.config.cjs",
        "eslint.config.ts",
        ".eslintrc",
        ".eslintrc.js",
        ".eslintrc.cjs",
        ".eslintrc.json",
        ".eslintrc.yml",
        ".eslintrc.yaml",
    ];
    let configured = package.manifest.eslint_config.is_some() || CONFIGS.iter().any(|name| project.has(name));
    if configured {
        let files: Vec<String> =
            changed.iter().filter(|p| of(p) == Language::JavaScript && is_code(p)).cloned().collect();
        if files.is_empty() {
            return;
        }
        if !package.has("eslint", "eslint", found) {
            found.note("eslint is configured but not installed".to_owned());
            return;
        }
        let argv = ["eslint", "--format", "json", "--"];
        let files = FilesArg::Existing(files);
        found.add_with("eslint", CheckKind::Lint, &argv, files, Reader::EslintJson, environment());
    } else if package.script("lint").is_some() {
        script(package, "lint", CheckKind::Lint, Reader::ExitCode, found);
    }
}

fn types(project: &Project<'_>, package: &Package, found: &mut Found<'_>) {
    if let Some(name) = TYPE_SCRIPTS.iter().find(|name| package.script(name).is_some()) {
        script(package, name, CheckKind::Types, Reader::TscLines, found);
    } else if project.has("tsconfig.json") {
        if !package.has("tsc", "typescript", found) {
            found.note("there is a tsconfig.json, but TypeScript is not installed".to_owned());
            return;
        }
        let argv = ["tsc", "--noEmit", "--pretty", "false"];
        found.add_with("tsc", CheckKind::Types, &argv, FilesArg::Nothing, Reader::TscLines, environment());
    }
}

fn script(package: &Package, name: &str, kind: CheckKind, reader: Reader, found: &mut Found<'_>) {
    if !found.has(package.manager) {
        found.note(format!("package.json has a script {name:?}, but {} is not installed", package.manager));
        return;
    }
    let argv = package.run(name);
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    let name = format!("{} {name}", package.manager);
    found.add_with(&name, kind, &words, FilesArg::Nothing, reader, environment());
}

fn tests(project: &Project<'_>, package: &Package, found: &mut Found<'_>) {
    let line = package.script("test").filter(|line| !line.contains(NO_TESTS));
    let default = || ["vitest", "jest", "mocha"].into_iter().find(|r| package.has_dependency(r));
    let Some(line) = line.or_else(default).or_else(|| built_in(project)) else { return };
    let Some((name, argv, reader)) = runner(line) else {
        script(package, "test", CheckKind::Test, Reader::TestSummary, found);
        return;
    };
    if !package.has(name, name, found) {
        found.note(format!("the tests are run by {name}, which is not installed"));
        return;
    }
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    let name = if name == "node" { "node-test" } else { name };
    found.add_with(name, CheckKind::Test, &words, FilesArg::Nothing, reader, environment());
}

/// Tests for Node's own runner, where nothing else is said.
fn built_in(project: &Project<'_>) -> Option<&'static str> {
    let is_test = |name: &str| [".test.js", ".test.mjs", ".test.cjs"].iter().any(|end| name.ends_with(end));
    let files = project.find(&[""], &is_test);
    project.any_holds(&files, &["node:test"]).then_some("node --test")
}

/// A script that starts one known runner and does nothing else, with a report that tells each test.
fn runner(line: &str) -> Option<(&'static str, Vec<String>, Reader)> {
    let plain = |c: char| c.is_ascii_alphanumeric() || " -_=./:@,".contains(c);
    if !line.chars().all(plain) {
        return None;
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let (program, rest) = words.split_first()?;
    let own = |all: &[&str]| all.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    let xml = format!("{REPORT}.xml");
    let junit = Reader::Junit { file: xml.clone() };
    Some(match *program {
        "vitest" => {
            let rest: Vec<&str> =
                rest.iter().filter(|w| !matches!(**w, "run" | "watch" | "--watch")).copied().collect();
            let mut argv = own(&["vitest", "run"]);
            argv.extend(own(&rest));
            argv.extend(own(&["--reporter=default", "--reporter=junit"]));
            argv.push(format!("--outputFile.junit={xml}"));
            ("vitest", argv, junit)
        }
        "jest" => {
            let json = format!("{REPORT}.json");
            let mut argv = own(&WITH_FOLDER);
            argv.push("jest".to_owned());
            argv.extend(own(rest));
            argv.extend(own(&["--ci", "--json"]));
            argv.push(format!("--outputFile={json}"));
            ("jest", argv, Reader::JestJson { file: json })
        }
        "mocha" => {
            let mut argv = own(&["mocha"]);
            argv.extend(own(rest));
            argv.extend(own(&["--reporter", "xunit", "--reporter-option"]));
            argv.push(format!("output={xml}"));
            ("mocha", argv, junit)
        }
        "node" if rest.contains(&"--test") => {
            let mut argv = own(&WITH_FOLDER);
            argv.extend(own(&["node", "--test-reporter=junit"]));
            argv.push(format!("--test-reporter-destination={xml}"));
            argv.extend(own(rest));
            ("node", argv, junit)
        }
        _ => return None,
    })
}

/// Whether eslint looks at files with this ending; what else steers the tools is not for it.
fn is_code(path: &str) -> bool {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    ["js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "vue", "svelte"].contains(&ending)
}

/// The tree's own tools come first; nothing asks the network for updates or other versions of itself.
fn environment() -> BTreeMap<String, String> {
    let pairs = [
        ("PATH", "{tree}/node_modules/.bin:{path}"),
        ("NPM_CONFIG_OFFLINE", "true"),
        ("NPM_CONFIG_UPDATE_NOTIFIER", "false"),
        ("NPM_CONFIG_LOGS_MAX", "0"),
        ("COREPACK_ENABLE_NETWORK", "0"),
        ("YARN_ENABLE_NETWORK", "0"),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
