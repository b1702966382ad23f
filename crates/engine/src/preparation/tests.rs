//! What small trees call for, and what they do not.

use super::*;
use crate::config::CommandLine;

struct Files(BTreeMap<&'static str, &'static str>);

impl Source for Files {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.get(path).map(|text| text.as_bytes().to_vec())
    }

    fn list(&self, _root: &str) -> Vec<String> {
        let first = |path: &str| path.split_once('/').map_or(path.to_owned(), |(top, _)| format!("{top}/"));
        self.0.keys().map(|path| first(path)).collect()
    }
}

const TOOLS: [&str; 6] = ["cargo", "npm", "pnpm", "yarn", "python3", "go"];
const SOURCE: &str = "[[package]]\nname = \"a\"\nsource = \"registry+x\"\n";

fn found(files: &[(&'static str, &'static str)], config: &Prepare) -> Preparation {
    look(&Files(files.iter().copied().collect()), &|tool| TOOLS.contains(&tool), config)
}

fn lines(found: &Preparation) -> Vec<String> {
    found.steps.iter().map(|step| step.argv.join(" ")).collect()
}

fn requirements(found: &Preparation) -> Vec<&str> {
    found.made.iter().flat_map(|(_, text)| text.lines()).collect()
}

#[test]
fn each_lock_file_calls_for_its_own_tool() {
    for (files, name, wanted) in [
        (vec![("Cargo.toml", ""), ("Cargo.lock", SOURCE)], "cargo", "cargo fetch --locked"),
        (vec![("package.json", ""), ("package-lock.json", "\"node_modules/a\"")], "npm", "npm ci "),
        (vec![("package.json", ""), ("pnpm-lock.yaml", "")], "pnpm", "pnpm install --frozen-lockfile"),
        (vec![("package.json", ""), ("yarn.lock", "")], "yarn", "yarn install --frozen-lockfile"),
        (
            vec![("package.json", ""), ("yarn.lock", ""), (".yarnrc.yml", "")],
            "yarn",
            "yarn install --immutable",
        ),
        (vec![("go.mod", ""), ("go.sum", "")], "go", "go mod download"),
        (vec![("requirements.txt", "a==1\n")], "venv", "python3 -m venv .venv"),
    ] {
        let found = found(&files, &Prepare::default());
        assert_eq!(found.steps[0].name, name);
        assert!(lines(&found)[0].starts_with(wanted), "{:?}", lines(&found));
        assert!(!found.inputs.is_empty() && found.notes.is_empty(), "{found:?}");
    }
}

#[test]
fn what_names_no_package_of_others_calls_for_nothing() {
    for files in [
        vec![("Cargo.toml", ""), ("Cargo.lock", "[[package]]\nname = \"own\"\n")],
        vec![("package.json", ""), ("package-lock.json", "{\"packages\": {\"\": {}}}")],
        vec![("go.mod", "")],
        vec![("go.mod", ""), ("go.sum", ""), ("vendor/modules.txt", "")],
        vec![("requirements.txt", "# none yet\n\n")],
        vec![("pyproject.toml", "[tool.ruff]\n")],
        vec![("src/Cargo.lock", SOURCE)],
    ] {
        assert!(found(&files, &Prepare::default()).is_nothing(), "{files:?}");
    }
}

#[test]
fn a_missing_tool_is_told() {
    let found = found(&[("uv.lock", ""), ("poetry.lock", "")], &Prepare::default());
    assert!(found.is_nothing());
    assert_eq!(found.notes, ["uv.lock is there, but uv is not installed"]);
}

#[test]
fn scripts_run_only_when_they_are_allowed() {
    let files = [
        ("package.json", ""),
        ("package-lock.json", "\"node_modules/a\""),
        ("requirements.txt", "a==1\n-e .\n./local\nb @ git+https://x/y\nc @ https://x/c.whl\n"),
    ];
    let (without, with) =
        (found(&files, &Prepare::default()), found(&files, &Prepare { scripts: true, ..Prepare::default() }));
    assert_eq!(requirements(&without), ["a==1", "c @ https://x/c.whl"]);
    assert_eq!(without.notes.len(), 3, "{:?}", without.notes);
    assert_eq!(requirements(&with).len(), 5);
    for (all, is_there) in [(lines(&without), true), (lines(&with), false)] {
        let all = all.join("\n");
        assert_eq!(all.contains("--ignore-scripts"), is_there, "{all}");
        assert_eq!(all.contains("--only-binary=:all:"), is_there, "{all}");
    }
}

#[test]
fn requirement_files_are_read_with_those_that_they_name() {
    let files = [
        (
            "requirements.txt",
            "-r requirements/base.txt\n--extra-index-url https://x\na \\\n  --hash=sha256:0\n",
        ),
        ("requirements/base.txt", "-c ../pins.txt\nb>=1 # why\n-r base.txt\n-r ../../outside.txt\n"),
        ("pins.txt", "b==2\n"),
    ];
    let found = found(&files, &Prepare::default());
    assert_eq!(
        requirements(&found),
        ["-c {tree}/pins.txt", "b>=1", "--extra-index-url https://x", "a    --hash=sha256:0"]
    );
    let inputs: Vec<&str> = found.inputs.keys().map(String::as_str).collect();
    assert_eq!(inputs, ["pins.txt", "requirements.txt", "requirements/base.txt"]);
}

#[test]
fn a_project_without_a_lock_file_names_its_dependencies_and_those_of_its_tests() {
    let text = "[project]\nname = 'x'\ndependencies = ['a>=1']\n[project.optional-dependencies]\ntest = ['b']\ndocs = ['c']\n\
                [dependency-groups]\ndev = ['d', {include-group = 'test'}]\n";
    assert_eq!(requirements(&found(&[("pyproject.toml", text)], &Prepare::default())), ["a>=1", "b", "d"]);
}

#[test]
fn configured_commands_replace_what_is_found_and_depend_on_every_lock_file() {
    let config = Prepare { commands: vec![CommandLine::Shell("make deps".to_owned())], ..Prepare::default() };
    let found = found(&[("Cargo.toml", ""), ("Cargo.lock", SOURCE), ("README.md", "")], &config);
    assert_eq!(lines(&found), ["sh -c make deps"]);
    assert_eq!(found.files(), ["Cargo.lock", "Cargo.toml"]);
}
