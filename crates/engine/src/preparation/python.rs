//! Python packages into `.venv` of the tree, by uv or poetry where their lock files are, else by pip and the
//! requirements at the root. Without scripts only wheels are taken: everything else is built by code of its own.

use std::collections::BTreeSet;

use super::Looking;
use crate::checks::TREE;
use crate::trees::{SCRAP, VENV};

/// Extras and groups of a `pyproject.toml` that tests need.
const FOR_TESTS: [&str; 4] = ["dev", "test", "tests", "testing"];

/// How deep requirement files may name one another.
const DEPTH: usize = 8;

pub(super) fn look(looking: &mut Looking<'_>) {
    if looking.has("uv.lock") {
        return uv(looking);
    }
    if looking.has("poetry.lock") {
        return poetry(looking);
    }
    if let Some(list) = requirements(looking).or_else(|| of_pyproject(looking)) {
        pip(looking, &list);
    }
}

fn uv(looking: &mut Looking<'_>) {
    if !looking.wants("uv", "uv.lock") {
        return;
    }
    let cache = format!("{TREE}/{SCRAP}/uv");
    let env = [
        ("UV_PROJECT_ENVIRONMENT", VENV),
        ("UV_CACHE_DIR", &cache),
        ("UV_LINK_MODE", "copy"),
        ("UV_PYTHON_DOWNLOADS", "never"),
    ];
    // The project itself is not installed: its modules are found in the tree, where the change is.
    let mut argv = vec!["uv", "sync", "--frozen", "--all-extras", "--no-install-workspace"];
    if !looking.scripts {
        argv.push("--no-build");
    }
    looking.step("uv", &argv, &env);
    looking.depends_on(&["uv.lock", "pyproject.toml", "uv.toml"]);
}

fn poetry(looking: &mut Looking<'_>) {
    if !looking.wants("poetry", "poetry.lock") {
        return;
    }
    let cache = format!("{TREE}/{SCRAP}/poetry");
    let only = if looking.scripts { ":none:" } else { ":all:" };
    let env = [
        ("POETRY_VIRTUALENVS_IN_PROJECT", "true"),
        ("POETRY_VIRTUALENVS_CREATE", "true"),
        ("POETRY_CACHE_DIR", &cache),
        ("POETRY_INSTALLER_ONLY_BINARY", only),
    ];
    looking.step("poetry", &["poetry", "install", "--no-root", "--no-interaction", "--all-extras"], &env);
    looking.depends_on(&["poetry.lock", "pyproject.toml", "poetry.toml"]);
}

/// Lines of requirements, and the files that they come from.
#[derive(Default)]
struct List {
    lines: Vec<String>,
    files: BTreeSet<String>,
    /// Lines that would be built, with their files.
    built: Vec<String>,
}

fn pip(looking: &mut Looking<'_>, list: &List) {
    let files: Vec<&str> = list.files.iter().map(String::as_str).collect();
    let first = files.first().copied().unwrap_or_default();
    for line in &list.built {
        looking.found.notes.push(format!(
            "{line} is left out: it would be built by code of its own (prepare.scripts: true allows that)"
        ));
    }
    if list.lines.is_empty() || !looking.wants("python3", first) {
        return;
    }
    let made = format!("{SCRAP}/requirements.txt");
    let python = format!("{VENV}/bin/python");
    looking.step("venv", &["python3", "-m", "venv", VENV], &[]);
    let mut argv = vec![python.as_str(), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"];
    argv.extend(["--no-cache-dir", "--progress-bar=off", "--no-warn-script-location"]);
    if !looking.scripts {
        argv.push("--only-binary=:all:");
    }
    argv.extend(["-r", &made]);
    looking.step("pip", &argv, &[]);
    looking.depends_on(&files);
    looking.found.made.push((made, list.lines.join("\n") + "\n"));
}

/// The names of requirement files at the root.
pub(super) fn requirement_files(looking: &Looking<'_>) -> Vec<String> {
    let is_one = |name: &&String| name.starts_with("requirements") && name.ends_with(".txt");
    looking.root.iter().filter(is_one).cloned().collect()
}

fn requirements(looking: &Looking<'_>) -> Option<List> {
    let files = requirement_files(looking);
    let mut list = List::default();
    for file in &files {
        read(looking, file, 0, &mut list);
    }
    (!files.is_empty()).then_some(list)
}

/// Reads one file of pip's requirement format, and those that it names, into one list: what would be built is left out
/// where scripts may not run, and that cannot be said to pip.
fn read(looking: &Looking<'_>, path: &str, depth: usize, list: &mut List) {
    if depth > DEPTH || !list.files.insert(path.to_owned()) {
        return;
    }
    let text = looking.text(path).unwrap_or_default().replace("\\\r\n", " ").replace("\\\n", " ");
    for line in text.lines().map(without_comment).filter(|line| !line.is_empty()) {
        if let Some(other) = option(line, "-r", "--requirement") {
            if let Some(other) = beside(path, other) {
                read(looking, &other, depth + 1, list);
            }
        } else if let Some(other) = option(line, "-c", "--constraint") {
            if let Some(other) = beside(path, other) {
                list.lines.push(format!("-c {TREE}/{other}"));
                list.files.insert(other);
            }
        } else if !looking.scripts && is_built(line) {
            list.built.push(format!("{path}: {line:?}"));
        } else {
            list.lines.push(line.to_owned());
        }
    }
}

fn without_comment(line: &str) -> &str {
    let line = line.trim();
    if line.starts_with('#') { "" } else { line.split(" #").next().unwrap_or(line).trim() }
}

fn option<'a>(line: &'a str, short: &str, long: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(long).or_else(|| line.strip_prefix(short))?;
    let rest = rest.trim_start().trim_start_matches('=').trim();
    (!rest.is_empty()).then_some(rest)
}

/// A path that a file names, from the root; `None` when it leads out of the tree.
fn beside(file: &str, other: &str) -> Option<String> {
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    if other.starts_with('/') || other.contains("://") {
        return None;
    }
    for part in other.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Whether pip would build what the line names: a folder, a repository, an archive that is no wheel.
fn is_built(line: &str) -> bool {
    if line.starts_with("-e") || line.starts_with("--editable") || line.starts_with(['.', '/']) {
        return true;
    }
    if line.starts_with('-') {
        return false;
    }
    let place = line.split_once(" @ ").map_or(line, |(_, place)| place).trim();
    let address = place.split([' ', '#', ';']).next().unwrap_or(place);
    let named = address.contains("://") || address.starts_with("file:") || address.contains('/');
    named && !address.ends_with(".whl")
}

/// The dependencies that a `pyproject.toml` names, with those of its tests; `None` when it names none that can be read.
fn of_pyproject(looking: &Looking<'_>) -> Option<List> {
    let text = looking.has("pyproject.toml").then(|| looking.text("pyproject.toml")).flatten()?;
    let table: toml::Table = text.parse().ok()?;
    let project = table.get("project").and_then(toml::Value::as_table);
    let mut values: Vec<&toml::Value> = project.and_then(|p| p.get("dependencies")).into_iter().collect();
    let extras = project.and_then(|p| p.get("optional-dependencies"));
    for group in [extras, table.get("dependency-groups")].into_iter().flatten() {
        values.extend(FOR_TESTS.iter().filter_map(|name| group.get(name)));
    }
    let lines = values.into_iter().filter_map(toml::Value::as_array).flatten();
    let lines: Vec<&str> = lines.filter_map(toml::Value::as_str).collect();
    let (built, lines): (Vec<&str>, Vec<&str>) =
        lines.into_iter().partition(|line| !looking.scripts && is_built(line));
    let files = BTreeSet::from(["pyproject.toml".to_owned()]);
    let built: Vec<String> = built.into_iter().map(|line| format!("pyproject.toml: {line:?}")).collect();
    let lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
    (!lines.is_empty() || !built.is_empty()).then_some(List { lines, files, built })
}
