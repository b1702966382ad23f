//! JavaScript and TypeScript: eslint, tsc, scripts, and the runners of tests.

use super::Control;

const ADD: &str = "function add(a, b) {\n  return a + b;\n}\nmodule.exports = { add };\n";
const ADD_GOOD: &str = "function add(a, b) {\n  return b + a;\n}\nmodule.exports = { add };\n";
const ADD_BAD: &str = "function add(a, b) {\n  return a - b;\n}\nmodule.exports = { add };\n";
const NODE_TEST: &str = "const { test } = require('node:test');\nconst assert = require('node:assert');\nconst { add } = require('./add.js');\ntest('adds', () => assert.equal(add(1, 2), 3));\n";
const NODE_PACKAGE: &str = "{\"scripts\": {\"test\": \"node --test\"}}\n";
const ESLINT: &str = "module.exports = [{ files: ['add.js'], rules: { 'no-debugger': 'error' } }];\n";

pub(crate) const ALL: &[&Control] =
    &[&NODE, &NODE_IMPORT, &JEST, &MOCHA, &VITEST, &ESLINTS, &TSC, &NPM_TEST, &NPM_LINT, &NPM_TYPES];

const NODE: Control = Control {
    files: &[("package.json", NODE_PACKAGE), ("add.js", ADD), ("add.test.js", NODE_TEST)],
    path: "add.js",
    good: ADD_GOOD,
    bad: ADD_BAD,
    red: &["node-test"],
    reason: "failing tests: node-test: test::adds",
    needs: &["node"],
    policy: "",
};

const NODE_IMPORT: Control = Control {
    bad: "require('./nothing-of-this-name.js');\nfunction add(a, b) {\n  return a + b;\n}\nmodule.exports = { add };\n",
    reason: "node-test: ",
    ..NODE
};

const JEST: Control = Control {
    files: &[
        ("package.json", "{\"scripts\": {\"test\": \"jest\"}}\n"),
        ("add.js", ADD),
        (
            "add.test.js",
            "const { add } = require('./add.js');\ntest('adds', () => expect(add(1, 2)).toBe(3));\n",
        ),
    ],
    red: &["jest"],
    reason: "failing tests: jest: add.test.js::adds",
    needs: &["node", "jest"],
    ..NODE
};

const MOCHA: Control = Control {
    files: &[
        ("package.json", "{\"scripts\": {\"test\": \"mocha\"}}\n"),
        ("add.js", ADD),
        (
            "test/add.js",
            "const assert = require('assert');\nconst { add } = require('../add.js');\nit('adds', () => assert.equal(add(1, 2), 3));\n",
        ),
    ],
    red: &["mocha"],
    reason: "failing tests: mocha: adds",
    needs: &["node", "mocha"],
    ..NODE
};

const VITEST: Control = Control {
    files: &[
        ("package.json", "{\"type\": \"module\", \"scripts\": {\"test\": \"vitest run --globals\"}}\n"),
        ("add.js", "export function add(a, b) {\n  return a + b;\n}\n"),
        ("add.test.js", "import { add } from './add.js';\ntest('adds', () => expect(add(1, 2)).toBe(3));\n"),
    ],
    good: "export function add(a, b) {\n  return b + a;\n}\n",
    bad: "export function add(a, b) {\n  return a - b;\n}\n",
    red: &["vitest"],
    reason: "failing tests: vitest: add.test.js::adds",
    needs: &["node", "vitest"],
    ..NODE
};

const ESLINTS: Control = Control {
    files: &[
        ("package.json", NODE_PACKAGE),
        ("eslint.config.js", ESLINT),
        ("add.js", ADD),
        ("add.test.js", NODE_TEST),
    ],
    bad: "function add(a, b) {\n  if (a > 1e9) { debugger; }\n  return a + b;\n}\nmodule.exports = { add };\n",
    red: &["eslint"],
    reason: "new critical lint findings: eslint: add.js no-debugger",
    needs: &["node", "eslint"],
    ..NODE
};

const TSC: Control = Control {
    files: &[
        ("package.json", NODE_PACKAGE),
        (
            "tsconfig.json",
            "{\"compilerOptions\": {\"strict\": true, \"noEmit\": true, \"types\": []}, \"include\": [\"*.ts\"]}\n",
        ),
        ("limit.ts", "export const limit: number = 3;\n"),
        ("add.js", ADD),
        ("add.test.js", NODE_TEST),
    ],
    path: "limit.ts",
    good: "export const limit: number = 4;\n",
    bad: "export const limit: number = \"4\";\n",
    red: &["tsc"],
    reason: "new type errors: tsc: limit.ts TS2322",
    needs: &["node", "tsc"],
    ..NODE
};

const NPM_TEST: Control = Control {
    files: &[
        ("package.json", "{\"scripts\": {\"test\": \"node add.test.js && true\"}}\n"),
        ("add.js", ADD),
        ("add.test.js", NODE_TEST),
    ],
    red: &["npm test"],
    reason: "failing tests: npm test: exit 1",
    needs: &["node", "npm"],
    ..NODE
};

const NPM_LINT: Control = Control {
    files: &[
        (
            "package.json",
            "{\"scripts\": {\"test\": \"node --test\", \"lint\": \"! grep -n debugger add.js\"}}\n",
        ),
        ("add.js", ADD),
        ("add.test.js", NODE_TEST),
    ],
    bad: "function add(a, b) {\n  if (a > 1e9) { debugger; }\n  return a + b;\n}\nmodule.exports = { add };\n",
    red: &["npm lint"],
    reason: "new critical lint findings: npm lint: exit 1",
    needs: &["node", "npm"],
    ..NODE
};

const NPM_TYPES: Control = Control {
    files: &[
        (
            "package.json",
            "{\"scripts\": {\"test\": \"node --test\", \"typecheck\": \"tsc --noEmit --strict limit.ts\"}}\n",
        ),
        ("limit.ts", "export const limit: number = 3;\n"),
        ("add.js", ADD),
        ("add.test.js", NODE_TEST),
    ],
    red: &["npm typecheck"],
    reason: "new type errors: npm typecheck: limit.ts TS2322",
    needs: &["node", "npm", "tsc"],
    ..TSC
};

#[test]
fn a_wrong_sum_turns_nodes_own_runner_red() {
    NODE.hold();
}

#[test]
fn a_missing_module_turns_nodes_own_runner_red() {
    NODE_IMPORT.hold();
}

#[test]
fn a_wrong_sum_turns_jest_red() {
    JEST.hold();
}

#[test]
fn a_wrong_sum_turns_mocha_red() {
    MOCHA.hold();
}

#[test]
fn a_wrong_sum_turns_vitest_red() {
    VITEST.hold();
}

#[test]
fn a_debugger_statement_turns_eslint_red() {
    ESLINTS.hold();
}

#[test]
fn a_wrong_type_turns_tsc_red() {
    TSC.hold();
}

#[test]
fn a_wrong_sum_turns_the_test_script_red() {
    NPM_TEST.hold();
}

#[test]
fn a_finding_turns_the_lint_script_red() {
    NPM_LINT.hold();
}

#[test]
fn a_wrong_type_turns_the_type_script_red() {
    NPM_TYPES.hold();
}
