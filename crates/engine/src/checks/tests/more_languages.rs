//! JavaScript, TypeScript, Go and make: what is detected, and what their tools' output says (jest 30, vitest 3,
//! eslint 9, tsc 5.9, pyright 1.1, go 1.19).

use super::*;

const PACKAGE: &str = r#"{"scripts": {"test": "jest --silent", "lint": "eslint ."},
  "devDependencies": {"jest": "^30.0.0", "eslint": "^9.0.0"}}"#;

fn js(files: &[(&'static str, &'static str)], tools: &[&str], changed: &[&str]) -> Detected {
    detected(files, tools, changed, &Checks::default())
}

#[test]
fn a_package_gets_its_runner_with_a_report_its_linter_and_its_types() {
    let files = [("package.json", PACKAGE), ("eslint.config.js", ""), ("tsconfig.json", "{}"), ("a.ts", "")];
    let found = js(&files, &["npm", "tsc"], &["a.ts", "package.json"]);
    assert_eq!(names(&found), ["eslint", "tsc", "jest"]);
    assert_eq!(check(&found, "eslint").files, FilesArg::Existing(vec!["a.ts".to_owned()]));
    let command = check(&found, "jest").command("/t", "/s", &|_| true).unwrap();
    let report = "--outputFile=/s/codex-task-javascript.json";
    assert_eq!(command.argv[3..], ["/s", "jest", "--silent", "--ci", "--json", report], "the folder first");
    assert_eq!(command.report.as_deref(), Some("/s/codex-task-javascript.json"));
    assert_eq!(command.env["PATH"], "/t/node_modules/.bin:{path}", "the box fills in the rest");
}

#[test]
fn a_script_that_is_more_than_a_runner_is_run_by_the_package_manager_of_the_lock_file() {
    let script = r#"{"scripts": {"test": "tsc -b && mocha", "typecheck": "tsc"}}"#;
    for (lock, manager) in [("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"), ("package-lock.json", "npm")] {
        let found = js(&[("package.json", script), (lock, "")], &["npm", "pnpm", "yarn"], &["a.js"]);
        let (types, test) = (format!("{manager} typecheck"), format!("{manager} test"));
        assert_eq!(names(&found), [types.as_str(), test.as_str()]);
        assert_eq!(check(&found, &test).argv, [manager, "run", "--silent", "test"]);
    }
    let found = js(&[("package.json", script), ("yarn.lock", "")], &["npm"], &["a.js"]);
    assert_eq!(names(&found), ["npm typecheck", "npm test"], "without yarn, npm runs the same scripts");
}

#[test]
fn each_runner_is_asked_for_its_report() {
    let argv = |script: &'static str| {
        let text: &'static str =
            Box::leak(format!(r#"{{"scripts": {{"test": "{script}"}}}}"#).into_boxed_str());
        let tools = ["node", "npm", "vitest", "mocha", "jest"];
        js(&[("package.json", text)], &tools, &["a.js"]).checks.first().map(|c| c.argv.join(" "))
    };
    let xml = "{tmp}/codex-task-javascript.xml";
    let vitest = format!("vitest run --reporter=default --reporter=junit --outputFile.junit={xml}");
    assert_eq!(argv("vitest"), Some(vitest));
    assert_eq!(
        argv("mocha test"),
        Some(format!("mocha test --reporter xunit --reporter-option output={xml}"))
    );
    let node = format!("node --test-reporter=junit --test-reporter-destination={xml} --test tests");
    assert!(argv("node --test tests").is_some_and(|argv| argv.ends_with(&node)));
    assert_eq!(argv("echo no test specified && exit 1"), None);
}

#[test]
fn a_tool_that_is_nowhere_is_a_note() {
    let files = [
        ("package.json", r#"{"scripts": {"test": "vitest"}}"#),
        ("eslint.config.mjs", ""),
        ("tsconfig.json", ""),
    ];
    let found = js(&files, &["npm"], &["a.ts"]);
    assert!(found.checks.is_empty());
    assert_eq!(found.notes.len(), 3, "{:?}", found.notes);
}

#[test]
fn a_module_of_go_is_built_vetted_and_tested() {
    let files = [("go.mod", "module x\n"), ("a.go", "")];
    let found = js(&files, &["go"], &["a.go"]);
    assert_eq!(names(&found), ["go-build", "go-vet", "go-test"]);
    assert_eq!(check(&found, "go-test").argv, ["go", "test", "-json", "-count=1", "./..."]);
    let found = js(&files, &["go", "gotestsum"], &["README.md"]);
    assert_eq!(names(&found), ["go-test"]);
    assert_eq!(check(&found, "go-test").argv[0], "gotestsum");
}

#[test]
fn targets_of_make_stand_in_for_what_no_runner_does() {
    let makefile = "test: build\n\t./run\nlint:\n\ttrue\n";
    let found = js(&[("Makefile", makefile)], &["make"], &["a.c"]);
    assert_eq!(names(&found), ["make-lint", "make-test"]);
    assert!(found.notes.is_empty());
    let with_python = [("Makefile", makefile), ("tests/test_a.py", "")];
    assert_eq!(
        names(&js(&with_python, &["make", "pytest", "python3"], &["a.py"])),
        ["python-syntax", "pytest", "make-lint"]
    );
    let off = Checks { make: false, ..Checks::default() };
    assert!(detected(&[("Makefile", makefile)], &["make"], &["a.c"], &off).checks.is_empty());
}

#[test]
fn each_language_can_be_switched_off() {
    let files = [("package.json", PACKAGE), ("go.mod", ""), ("Makefile", "test:\n")];
    let off = Checks { javascript: false, go: false, make: false, ..Checks::default() };
    assert!(detected(&files, &["jest", "go", "make", "npm"], &["a.js", "a.go"], &off).checks.is_empty());
}

#[test]
fn nextest_runs_the_tests_of_a_project_that_is_set_up_for_it() {
    let files = [("Cargo.toml", "[package]\n"), (".config/nextest.toml", "")];
    let found = js(&files, &["cargo", "cargo-nextest"], &["src/lib.rs"]);
    assert_eq!(names(&found), ["cargo-check", "nextest"]);
    let found = js(&files, &["cargo"], &["src/lib.rs"]);
    assert_eq!(names(&found), ["cargo-check", "cargo-test"]);
}

#[test]
fn jests_and_eslints_json_is_read() {
    let jest = spec(CheckKind::Test, Reader::JestJson { file: "x".to_owned() }, &[]);
    let json = br#"{"testResults":[
        {"name":"j/a.test.js","status":"failed","message":"","assertionResults":[
          {"fullName":"adds","status":"passed"},{"fullName":"more fails","status":"failed"},{"fullName":"more later","status":"pending"}]},
        {"name":"j/b.test.js","status":"failed","message":"  Test suite failed to run\n\n    Cannot find module './nothere' from 'b.test.js'","assertionResults":[]}]}"#;
    let run = read(&jest, FAILED, b"", b"", Some(json));
    assert_eq!(ended(&run, TestEnd::Failed), ["j/a.test.js::more fails", "j/b.test.js"]);
    assert_eq!((run.tests_run, run.tests.last().unwrap().cause), (Some(3), Some(Cause::ImportError)));
    let eslint = spec(CheckKind::Lint, Reader::EslintJson, &["l/a.js"]);
    let json = br#"[{"filePath":"/x/l/a.js","messages":[
        {"ruleId":"no-undef","severity":2,"message":"'y' is not defined.","line":1},
        {"ruleId":null,"fatal":true,"severity":2,"message":"Parsing error: Unexpected token ="},
        {"ruleId":null,"severity":1,"message":"File ignored because of a matching ignore pattern."}]}]"#;
    let run = read(&eslint, FAILED, json, b"", None);
    let reports = run.reports.unwrap();
    assert_eq!(
        reports,
        ["l/a.js no-undef 'y' is not defined.", "l/a.js syntax Parsing error: Unexpected token ="]
    );
    let (run, note) = read_noting(&eslint, RunEnd::Failed { code: 2 }, b"Oops!", b"", None);
    assert!(run.reports.is_none() && note.is_some());
}

#[test]
fn the_lines_of_type_checkers_and_the_json_of_pyright_are_read() {
    let tsc = spec(CheckKind::Types, Reader::TscLines, &[]);
    let out = b"a.ts(1,7): error TS2322: Type 'string' is not assignable to type 'number'.\nsrc/b.ts(9,42): error TS2307: Cannot find module './x'.\n";
    let reports = read(&tsc, FAILED, out, b"", None).reports.unwrap();
    assert_eq!(reports[1], "src/b.ts TS2307 Cannot find module './x'.");
    assert_eq!(read(&tsc, FAILED, b"error TS5058: no project", b"", None).reports, None);
    let pyright = spec(CheckKind::Types, Reader::PyrightJson, &[]);
    let out = br#"{"generalDiagnostics":[{"file":"a.py","severity":"error","message":"Import \"x\" could not be resolved","rule":"reportMissingImports"},
        {"file":"a.py","severity":"error","message":"Expected expression"},{"file":"a.py","severity":"information","message":"x"}]}"#;
    let reports = read(&pyright, FAILED, out, b"", None).reports.unwrap();
    assert_eq!(
        reports,
        ["a.py reportMissingImports Import \"x\" could not be resolved", "a.py syntax Expected expression"]
    );
}

#[test]
fn the_events_and_lines_of_go_are_read() {
    let go = spec(CheckKind::Test, Reader::GoTestJson, &[]);
    let out = br#"{"Action":"run","Package":"x","Test":"TestA"}
{"Action":"pass","Package":"x","Test":"TestA","Elapsed":0}
{"Action":"fail","Package":"x","Test":"TestB","Elapsed":0}
{"Action":"skip","Package":"x","Test":"TestC","Elapsed":0}
{"Action":"fail","Package":"x","Elapsed":0.1}
{"Action":"output","Package":"x/y","Output":"FAIL\tx/y [build failed]\n"}
{"Action":"fail","Package":"x/y","Elapsed":0}
"#;
    let run = read(&go, FAILED, out, b"y/y.go:5:1: syntax error: unexpected }\n", None);
    assert_eq!(ended(&run, TestEnd::Failed), ["x/y", "x::TestB"]);
    assert_eq!((run.tests_run, run.tests[0].cause), (Some(3), Some(Cause::SyntaxError)));
    assert_eq!(read(&go, RunEnd::Passed, b"", b"", None).tests_run, Some(0));
    let vet = spec(CheckKind::Lint, Reader::GoLines, &[]);
    let err = b"# x\n./a.go:5:2: fmt.Printf format %d has arg \"a\" of wrong type string\n";
    let reports = read(&vet, FAILED, b"", err, None).reports.unwrap();
    assert_eq!(reports, ["a.go go fmt.Printf format %d has arg \"a\" of wrong type string"]);
    let err = b"a.go:3:8: no required module provides package x.org/y; to add it:\n\tgo get x.org/y\n";
    let reports = read(&vet, FAILED, b"", err, None).reports.unwrap();
    assert!(reports[0].starts_with("a.go missing-package "), "{reports:?}");
}
