//! `prepare` fetches what the base's lock files name, once, with a network; checks then find it, and have none. All of it
//! from a registry on 127.0.0.1.

use std::fs;
use std::sync::atomic::Ordering;

use domain::verification::Verdict;
use testkit::{Need, Snapshot, TestRepo};

use crate::support::packages::{Registry, plain_tarball, zip};
use crate::support::{Place, SOON, wait_for};

/// Whether the sandbox can show to checks what was fetched: the program says so itself.
fn overlays(place: &Place) -> Need {
    place.run(&["doctor"]);
    let machine = fs::read_to_string(place.cache().join("machine.json")).unwrap_or_default();
    let there = machine.contains("\"strongest\":\"strict\"") && machine.contains("\"why_no_overlay\":null");
    Need::Other("overlays in a box of its own".to_owned(), there)
}

/// A check that fails where it reaches the registry.
fn is_closed(registry: &Registry) -> String {
    format!(
        "node -e \"require('net').connect({}, '127.0.0.1').on('connect', () => process.exit(1)).on('error', () => process.exit(0))\"",
        registry.port
    )
}

fn policy(registry: &Registry) -> String {
    format!(
        "checks:\n  commands:\n    - name: closed\n      kind: command\n      run: >-\n        {}\n",
        is_closed(registry)
    )
}

const APP: &str = "const left = require('left');\nmodule.exports = (text) => left(text, 3);\n";
const TEST: &str = "const test = require('node:test');\nconst assert = require('node:assert');\n\
                    test('it is padded', () => assert.equal(require('./app.js')('x'), '  x'));\n";
const MANIFEST: &str = "{\"name\": \"app\", \"version\": \"1.0.0\", \"scripts\": {\"test\": \"node --test\"}, \
                        \"dependencies\": {\"left\": \"*\"}}\n";
/// Another way to the same.
const PATCH: &str = "--- a/app.js\n+++ b/app.js\n@@ -1,2 +1,2 @@\n const left = require('left');\n\
                     -module.exports = (text) => left(text, 3);\n+module.exports = (t) => left(t, 3);\n";

fn tarball(version: &str) -> Vec<u8> {
    let manifest = format!(
        "{{\"name\": \"left\", \"version\": \"{version}\", \"scripts\": {{\"postinstall\": \"touch ran-a-script\"}}}}"
    );
    plain_tarball(
        "package",
        &[("package.json", &manifest), ("index.js", "module.exports = (text, n) => text.padStart(n);\n")],
    )
}

fn lock(registry: &Registry, version: &str) -> String {
    format!(
        "{{\n \"name\": \"app\",\n \"version\": \"1.0.0\",\n \"lockfileVersion\": 3,\n \"packages\": {{\n  \"\": {{\"name\": \"app\", \
         \"version\": \"1.0.0\", \"dependencies\": {{\"left\": \"*\"}}}},\n  \"node_modules/left\": {{\n   \"version\": \
         \"{version}\",\n   \"resolved\": \"{}\",\n   \"hasInstallScript\": true\n  }}\n }}\n}}\n",
        registry.url(&format!("/left-{version}.tgz"))
    )
}

/// A package whose one dependency is in the registry and nowhere else.
fn node_place(registry: &Registry) -> Place {
    for version in ["0.1.0", "0.2.0"] {
        registry.put(&format!("/left-{version}.tgz"), tarball(version));
    }
    let repo = TestRepo::with(&[
        ("app.js", APP),
        ("app.test.js", TEST),
        ("package.json", MANIFEST),
        ("package-lock.json", &lock(registry, "0.1.0")),
    ]);
    let place = Place::new(repo, &policy(registry));
    fs::write(place.home.join("patch"), PATCH).unwrap();
    place
}

fn verify(place: &Place, code: i32, patch: &str) -> (String, Verdict) {
    place.ends_with(code, &["verify", &place.home.join(patch).to_string_lossy()]);
    let verification = place.intents()[0].attempts.last().unwrap().verification.clone().unwrap();
    (verification.tree_form, verification.verdict)
}

/// The folders of what was fetched, whole or not.
fn layers(place: &Place) -> Vec<std::path::PathBuf> {
    let below = |folder| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    below(place.cache().join("prepared")).flat_map(below).collect()
}

#[test]
fn an_unprepared_base_is_broken_and_a_prepared_one_verifies_without_a_network() {
    let registry = Registry::new();
    let place = node_place(&registry);
    testkit::requires!(Need::Program("npm"));
    testkit::requires!(overlays(&place));
    let untouched = place.digest();
    let (form, verdict) = verify(&place, 7, "patch");
    assert_eq!(form, "overlay");
    let Verdict::BaselineBroken { why } = verdict else { panic!("{verdict:?}") };
    assert!(why.contains("`codex-task prepare` fetches it"), "{why}");
    assert_eq!(registry.asked(), Vec::<String>::new(), "nothing is fetched by itself");
    assert!(place.run(&["doctor"]).stdout.contains("not prepared (package-lock.json)"));

    let told = place.ends_with(0, &["prepare", "--dry-run"]).stdout;
    assert!(told.contains("npm ci") && told.contains("--ignore-scripts"), "{told}");
    assert_eq!(registry.asked(), Vec::<String>::new());
    let done = place.json(0, &["prepare"]);
    assert_eq!((done["state"].as_str(), done["steps"][0].as_str()), (Some("done"), Some("npm")), "{done}");
    assert_eq!(registry.asked(), ["/left-0.1.0.tgz"]);
    assert!(place.run(&["doctor"]).stdout.contains("prepared for the lock files of HEAD: npm"));
    let left = layers(&place)[0].join("layer/node_modules/left");
    assert!(left.join("index.js").exists() && !left.join("ran-a-script").exists());

    let (form, verdict) = verify(&place, 0, "patch");
    assert_eq!((form.as_str(), verdict), ("prepared overlay", Verdict::Verified));
    let checks = place.intents()[0].attempts[0].verification.clone().unwrap().checks;
    assert!(checks.iter().any(|check| check.name == "closed"), "the network was looked for");
    assert_eq!(place.json(0, &["prepare"])["state"], "already");
    assert_eq!(registry.asked().len(), 1);
    place.assert_nothing_left();
    place.assert_untouched(&untouched);
}

#[test]
fn bases_with_the_same_lock_files_share_what_was_fetched() {
    let registry = Registry::new();
    let place = node_place(&registry);
    testkit::requires!(Need::Program("npm"));
    testkit::requires!(overlays(&place));
    place.ends_with(0, &["prepare"]);
    place.repo.write("README.md", "Another base.\n");
    place.repo.commit("docs: another base");
    assert_eq!(place.json(0, &["prepare"])["state"], "already");
    assert_eq!(verify(&place, 0, "patch").0, "prepared overlay");
    assert_eq!((registry.asked().len(), layers(&place).len()), (1, 1));
    // It counts, and it goes when there is no room for it; what was known with it is not taken for a run without.
    let collected = place.json(0, &["gc", "--dry-run"]);
    assert!(collected["bytes"].as_u64().unwrap() > 0, "{collected}");
    let mut place = place;
    place.set("CODEX_TASK_TREES__QUOTA_MB", "0");
    place.ends_with(0, &["gc"]);
    assert_eq!(layers(&place), Vec::<std::path::PathBuf>::new());
    assert_eq!(verify(&place, 7, "patch").0, "overlay");
}

#[test]
fn a_change_of_the_lock_file_is_not_verified_with_what_was_fetched_for_the_base() {
    let registry = Registry::new();
    let place = node_place(&registry);
    testkit::requires!(Need::Program("npm"));
    testkit::requires!(overlays(&place));
    place.ends_with(0, &["prepare"]);
    let (before, after) = (lock(&registry, "0.1.0"), lock(&registry, "0.2.0"));
    let file = place.home.join("newer");
    fs::write(
        &file,
        similar::TextDiff::from_lines(&before, &after)
            .unified_diff()
            .header("a/package-lock.json", "b/package-lock.json")
            .to_string(),
    )
    .unwrap();
    let done = place.run(&["verify", &file.to_string_lossy()]);
    let attempt = place.intents()[0].attempts.last().unwrap().clone();
    let verdict = attempt.verification.unwrap().verdict;
    let Verdict::NotVerified { why } = verdict else { panic!("{verdict:?}\n{}", done.stderr) };
    let reference = attempt.candidate.unwrap().reference;
    assert!(why.contains(&format!("`codex-task prepare --at {reference}`")), "{why}");
    assert_eq!(registry.asked(), ["/left-0.1.0.tgz"], "nothing is fetched by itself");

    place.ends_with(0, &["prepare", "--at", &reference]);
    assert_eq!(registry.asked(), ["/left-0.1.0.tgz", "/left-0.2.0.tgz"]);
    place.run(&["verify", &file.to_string_lossy()]);
    let verification = place.intents()[0].attempts.last().unwrap().verification.clone().unwrap();
    assert_eq!(
        (verification.verdict, verification.tree_form.as_str()),
        (Verdict::Verified, "prepared overlay")
    );
}

#[test]
fn killed_in_the_middle_it_leaves_nothing_that_is_used() {
    let registry = Registry::new();
    let place = node_place(&registry);
    testkit::requires!(Need::Program("npm"));
    testkit::requires!(overlays(&place));
    registry.is_stuck.store(true, Ordering::Relaxed);
    let mut running = place.start(&["prepare"]);
    wait_for("a request of npm", || (!registry.asked().is_empty()).then_some(()));
    let trees = place.cache().join("trees");
    let name = fs::read_dir(&trees).unwrap().flatten().next().unwrap().file_name().into_string().unwrap();
    running.kill().unwrap();
    running.wait().unwrap();
    place.watch_processes().processes(&name).wait_until_nothing_left(&Snapshot::default(), SOON);
    assert_eq!(layers(&place), Vec::<std::path::PathBuf>::new());
    assert!(place.run(&["doctor"]).stdout.contains("not prepared"));
    let collected = place.json(0, &["gc", "--dry-run"]);
    assert_eq!(collected["removed"][0]["path"], trees.join(&name).to_string_lossy().as_ref(), "{collected}");
    place.ends_with(0, &["resume"]);
    place.assert_nothing_left();
    registry.is_stuck.store(false, Ordering::Relaxed);
    place.ends_with(0, &["prepare"]);
    assert_eq!(verify(&place, 0, "patch").0, "prepared overlay");
}

#[test]
fn a_fetch_that_fails_says_why_and_keeps_nothing() {
    let registry = Registry::new();
    let place = node_place(&registry);
    testkit::requires!(Need::Program("npm"));
    testkit::requires!(overlays(&place));
    let wrong = lock(&registry, "0.3.0");
    place.repo.write("package-lock.json", &wrong);
    place.repo.commit("chore: a version that is not there");
    let done = place.ends_with(7, &["prepare"]);
    assert!(done.stdout.contains("not prepared: npm ended with exit code"), "{}", done.stdout);
    assert!(done.stderr.contains("404"), "{}", done.stderr);
    assert_eq!(layers(&place), Vec::<std::path::PathBuf>::new());
    place.assert_nothing_left();
}

#[test]
fn at_weak_it_says_that_it_cannot() {
    let registry = Registry::new();
    let mut place = node_place(&registry);
    testkit::requires!(Need::Program("npm"));
    place.set("CODEX_TASK_SANDBOX__LEVEL", "weak");
    let done = place.ends_with(70, &["prepare"]);
    assert!(done.stderr.contains("nothing can be prepared here: checks run at weak"), "{}", done.stderr);
    assert_eq!(registry.asked(), Vec::<String>::new());
}

#[test]
fn python_packages_come_into_an_environment_that_checks_find_first() {
    let registry = Registry::new();
    let files = [
        ("left.py", "def left(text, n):\n    return text.rjust(n)\n"),
        ("left-0.1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: left\nVersion: 0.1.0\n"),
        (
            "left-0.1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        ),
        ("left-0.1.0.dist-info/RECORD", ""),
    ];
    testkit::requires!(Need::Program("python3"));
    registry.put("/simple/left/left-0.1.0-py3-none-any.whl", zip(&files).0);
    registry.put("/simple/left/", "<a href='left-0.1.0-py3-none-any.whl'>left-0.1.0-py3-none-any.whl</a>");
    let requirements = format!("--index-url {}\n-e .   # itself\nleft==0.1.0\n", registry.url("/simple"));
    let repo = TestRepo::with(&[
        ("app.py", "from left import left\n\n\ndef pad(text):\n    return left(text, 3)\n"),
        (
            "tests/test_app.py",
            "import unittest\n\nfrom app import pad\n\n\nclass Pads(unittest.TestCase):\n    def test_pads(self):\n        self.assertEqual(pad('x'), '  x')\n",
        ),
        ("requirements.txt", &requirements),
    ]);
    let place = Place::new(repo, "checks: {test_command: \"python3 -m unittest discover -v -s tests\"}\n");
    testkit::requires!(overlays(&place));
    let patch = "--- a/app.py\n+++ b/app.py\n@@ -4,2 +4,2 @@\n-def pad(text):\n-    return left(text, 3)\n+def pad(word):\n+    return left(word, 3)\n";
    fs::write(place.home.join("patch"), patch).unwrap();
    verify(&place, 7, "patch");
    let done = place.ends_with(0, &["prepare"]);
    assert!(done.stderr.contains("requirements.txt: \"-e .\" is left out"), "{}", done.stderr);
    let (form, verdict) = verify(&place, 0, "patch");
    assert_eq!((form.as_str(), verdict), ("prepared overlay", Verdict::Verified));
    place.assert_nothing_left();
}

#[test]
fn crates_come_into_a_registry_that_checks_build_from() {
    let registry = Registry::new();
    let krate = plain_tarball(
        "left-0.1.0",
        &[
            ("Cargo.toml", "[package]\nname = \"left\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
            ("src/lib.rs", "pub fn left(text: &str) -> String {\n    format!(\"{text:>3}\")\n}\n"),
        ],
    );
    let checksum = domain::ids::Sha256::of(&krate).as_str().to_owned();
    registry.put("/crates/left-0.1.0.crate", krate);
    let dl = registry.url("/crates/{crate}-{version}.crate");
    registry.put("/index/config.json", format!("{{\"dl\": \"{dl}\"}}"));
    registry.put(
        "/index/le/ft/left",
        format!("{{\"name\":\"left\",\"vers\":\"0.1.0\",\"deps\":[],\"cksum\":\"{checksum}\",\"features\":{{}},\"yanked\":false}}\n"),
    );
    let index = format!("sparse+{}", registry.url("/index/"));
    let config = format!("[registries.here]\nindex = \"{index}\"\n");
    let lock = format!(
        "# This file is automatically @generated by Cargo.\n# It is not intended for manual editing.\nversion = 4\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\n \"left\",\n]\n\n[[package]]\nname = \"left\"\n\
         version = \"0.1.0\"\nsource = \"{index}\"\nchecksum = \"{checksum}\"\n"
    );
    let repo = TestRepo::with(&[
        (
            "Cargo.toml",
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\nleft = {version = \"0.1\", registry = \"here\"}\n",
        ),
        ("Cargo.lock", &lock),
        (".cargo/config.toml", &config),
        (
            "src/lib.rs",
            "pub fn pad(text: &str) -> String {\n    left::left(text)\n}\n\n#[test]\nfn pads() {\n    assert_eq!(pad(\"x\"), \"  x\");\n}\n",
        ),
    ]);
    let policy = "checks:\n  detect: false\n  commands: [{name: tests, kind: test, run: \"cargo test --offline --locked --lib\"}]\n";
    let place = Place::new(repo, policy);
    testkit::requires!(Need::Program("cargo"));
    testkit::requires!(overlays(&place));
    let patch = "--- a/src/lib.rs\n+++ b/src/lib.rs\n@@ -1,3 +1,3 @@\n-pub fn pad(text: &str) -> String {\n-    left::left(text)\n+pub fn pad(word: &str) -> String {\n+    left::left(word)\n }\n";
    fs::write(place.home.join("patch"), patch).unwrap();
    verify(&place, 7, "patch");
    place.ends_with(0, &["prepare"]);
    let (form, verdict) = verify(&place, 0, "patch");
    assert_eq!((form.as_str(), verdict), ("warm prepared overlay", Verdict::Verified));
    place.assert_nothing_left();
}

#[test]
fn go_modules_come_from_the_proxy_that_the_owner_names() {
    let registry = Registry::new();
    testkit::requires!(Need::Program("python3"));
    testkit::requires!(Need::Program("go"));
    let module = "module example.org/left\n\ngo 1.18\n";
    let code = "package left\n\nimport \"fmt\"\n\nfunc Left(text string) string { return fmt.Sprintf(\"%3s\", text) }\n";
    let (archive, hash) =
        zip(&[("example.org/left@v0.1.0/go.mod", module), ("example.org/left@v0.1.0/left.go", code)]);
    let (_, hash_of_manifest) = zip(&[("go.mod", module)]);
    registry.put("/example.org/left/@v/v0.1.0.info", "{\"Version\": \"v0.1.0\"}");
    registry.put("/example.org/left/@v/v0.1.0.mod", module);
    registry.put("/example.org/left/@v/v0.1.0.zip", archive);
    let sums = format!("example.org/left v0.1.0 {hash}\nexample.org/left v0.1.0/go.mod {hash_of_manifest}\n");
    let repo = TestRepo::with(&[
        ("go.mod", "module example.org/app\n\ngo 1.18\n\nrequire example.org/left v0.1.0\n"),
        ("go.sum", &sums),
        (
            "app.go",
            "package app\n\nimport \"example.org/left\"\n\nfunc Pad(text string) string {\n\treturn left.Left(text)\n}\n",
        ),
        (
            "app_test.go",
            "package app\n\nimport \"testing\"\n\nfunc TestPad(t *testing.T) {\n\tif Pad(\"x\") != \"  x\" {\n\t\tt.Fail()\n\t}\n}\n",
        ),
    ]);
    let mut place = Place::new(repo, "prepare: {env: [GOPROXY]}\n");
    testkit::requires!(overlays(&place));
    let patch = "--- a/app.go\n+++ b/app.go\n@@ -5,3 +5,3 @@\n-func Pad(text string) string {\n-\treturn left.Left(text)\n+func Pad(word string) string {\n+\treturn left.Left(word)\n }\n";
    fs::write(place.home.join("patch"), patch).unwrap();
    verify(&place, 7, "patch");
    place.set("GOPROXY", &registry.url(""));
    place.ends_with(0, &["prepare"]);
    let (form, verdict) = verify(&place, 0, "patch");
    assert_eq!((form.as_str(), verdict), ("warm prepared overlay", Verdict::Verified));
    place.assert_nothing_left();
}
