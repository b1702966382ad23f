//! Files that steer tools or people: changing one changes what runs, what is reported, or who decides.

use std::sync::LazyLock;

use globset::{GlobSet, GlobSetBuilder};

use super::{Findings, Rule, paths};
use crate::patch::Touched;

/// Patterns by rule, with blanks between them; see [`paths::PathSet`] for how they are read. Our own list, from the
/// manuals of the tools.
const FAMILIES: &[(Rule, &str)] = &[
    (Rule::OwnPolicy, ".codex-task.yaml .codex-task.yml .codex-task/**"),
    (
        Rule::CiConfig,
        ".github/workflows/** .github/actions/** action.yml action.yaml .gitlab-ci.yml .gitlab/ci/** \
         .circleci/** .travis.yml azure-pipelines.yml Jenkinsfile .buildkite/** .drone.yml \
         appveyor.yml .cirrus.yml bitbucket-pipelines.yml .woodpecker.yml .woodpecker/** .ci/** \
         .github/dependabot.yml renovate.json .forgejo/** .gitea/**",
    ),
    (
        Rule::HookConfig,
        ".pre-commit-config.yaml .husky/** lefthook.yml .lefthook.yml .githooks/** hooks/** \
         .lintstagedrc* .commitlintrc* commitlint.config.*",
    ),
    (Rule::GitConfig, ".gitattributes .gitignore .lfsconfig .gitconfig .mailmap .git-blame-ignore-revs"),
    (
        Rule::AgentInstructions,
        "AGENTS.md AGENTS.override.md CLAUDE.md CLAUDE.local.md GEMINI.md QWEN.md **/.claude/** \
         **/.codex/** **/.gemini/** **/.qwen/** **/.cursor/** .cursorrules .cursorignore \
         .windsurfrules **/.windsurf/** .clinerules **/.clinerules/** .roorules **/.roo/** .aider* \
         .mcp.json mcp.json **/.github/copilot* **/.github/instructions/** **/.github/prompts/** \
         **/.github/agents/** **/.agents/** **/.continue/** **/.kiro/** CONVENTIONS.md .rules",
    ),
    (
        Rule::EditorConfig,
        "**/.vscode/** **/.idea/** **/.devcontainer/** *.code-workspace .vimrc .exrc .dir-locals.el \
         .editorconfig **/.zed/**",
    ),
    (
        Rule::BuildScript,
        "build.rs setup.py setup.cfg conftest.py sitecustomize.py usercustomize.py *.pth noxfile.py \
         tasks.py Makefile GNUmakefile *.mk CMakeLists.txt *.cmake configure configure.ac meson.build \
         BUILD BUILD.bazel WORKSPACE MODULE.bazel .bazelrc justfile .justfile Taskfile.y*ml Rakefile \
         *.gradle *.gradle.kts gradlew* **/gradle/wrapper/** mvnw* **/.mvn/** **/.cargo/** \
         rust-toolchain rust-toolchain.toml .npmrc .yarnrc* .yarn/** .pnpmfile.cjs bunfig.toml \
         pip.conf .pypirc .envrc .python-version .nvmrc .tool-versions mise.toml .mise.toml \
         webpack.config.* vite.config.* rollup.config.* babel.config.* gulpfile.* Gruntfile.* \
         scripts/** *.nix",
    ),
    (
        Rule::Manifest,
        "Cargo.toml package.json pyproject.toml go.mod go.work pom.xml Gemfile composer.json \
         requirements*.txt constraints*.txt Pipfile environment.y*ml *.csproj Package.swift deno.json*",
    ),
    (
        Rule::LockFile,
        "Cargo.lock package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock* \
         poetry.lock uv.lock pdm.lock Pipfile.lock go.sum go.work.sum Gemfile.lock composer.lock \
         gradle.lockfile flake.lock deno.lock Package.resolved",
    ),
    (
        Rule::LintConfig,
        "clippy.toml .clippy.toml rustfmt.toml deny.toml ruff.toml .ruff.toml .flake8 .pylintrc \
         pylintrc mypy.ini .mypy.ini pyrightconfig.json .eslintrc* eslint.config.* .prettierrc* \
         biome.json* tsconfig*.json .golangci.y*ml staticcheck.conf .semgrepignore .gitleaks*",
    ),
    (
        Rule::TestConfig,
        "pytest.ini tox.ini .coveragerc codecov.yml .codecov.yml jest.config.* vitest.config.* \
         playwright.config.* cypress.config.* karma.conf.* .mocharc* nextest.toml .nycrc*",
    ),
    (Rule::EnvFile, ".env .env.* *.env"),
    (
        Rule::Infrastructure,
        "Dockerfile* *.dockerfile .dockerignore docker-compose*.y*ml compose*.y*ml *.tf *.tfvars \
         **/k8s/** **/kubernetes/** **/helm/** **/charts/** **/ansible/** Vagrantfile Procfile \
         serverless.y*ml fly.toml vercel.json netlify.toml skaffold.yaml",
    ),
    (Rule::Governance, "CODEOWNERS LICENSE* LICENCE* COPYING* NOTICE SECURITY.md MAINTAINERS* OWNERS"),
    (
        Rule::KeyFile,
        "*.pem *.key *.p12 *.pfx *.jks *.keystore id_rsa* id_ed25519* .netrc .htpasswd credentials \
         credentials.json",
    ),
    (
        Rule::SensitivePath,
        "config/** **/config/** **/settings/** settings.py config.y*ml config.json config.toml \
         **/*production* **/*production*/** **/prod/** **/migrations/** **/schema/** schema.* *.prisma \
         **/auth/** auth.* auth_* *_auth.* authentication* authorization* **/authentication/** \
         **/authorization/** **/payment/** **/payments/** *payment* **/billing/** *billing*",
    ),
];

/// Modules of Python's own library that programs import everywhere: a file of that name beside the tests is
/// imported in their place.
const PYTHON_MODULES: &str = "abc argparse ast asyncio base64 collections contextlib copy csv dataclasses datetime decimal email \
    enum functools glob hashlib http importlib inspect io itertools json logging math operator os \
    pathlib pickle platform queue random re secrets shutil signal site socket sqlite3 ssl statistics \
    string struct subprocess sys tempfile textwrap threading time traceback types typing unittest \
    urllib uuid warnings weakref zipfile pytest";

/// All patterns in one set, with the rule of each; built once.
static SET: LazyLock<Option<(GlobSet, Vec<Rule>)>> = LazyLock::new(|| {
    let mut builder = GlobSetBuilder::new();
    let mut rules = Vec::new();
    for (rule, patterns) in FAMILIES {
        for pattern in patterns.split_whitespace() {
            builder.add(paths::glob(pattern).ok()?);
            rules.push(*rule);
        }
    }
    Some((builder.build().ok()?, rules))
});

/// The rules whose patterns a path matches. A test holds that the patterns can be read; without them every path is one
/// for a person.
fn matched(path: &str) -> Vec<Rule> {
    let Some((set, rules)) = SET.as_ref() else { return vec![Rule::OwnPolicy] };
    let mut matched: Vec<Rule> =
        set.matches(path.to_lowercase()).into_iter().map(|index| rules[index]).collect();
    matched.dedup();
    matched
}

/// Whether a file steers builds, tests or linters, so that its numbers are about them.
pub(super) fn steers_checks(path: &str) -> bool {
    use Rule::{BuildScript, CiConfig, HookConfig, LintConfig, Manifest, TestConfig};
    let steering = [CiConfig, HookConfig, BuildScript, Manifest, LintConfig, TestConfig];
    matched(path).iter().any(|rule| steering.contains(rule))
}

pub(super) fn judge(file: &Touched<'_>, findings: &mut Findings) {
    let path = file.file.path.as_str();
    for rule in matched(path) {
        findings.say(rule, file, None);
    }
    let stem = path.strip_suffix("/__init__.py").or_else(|| path.strip_suffix(".py"));
    if file.file.before.is_none()
        && stem.is_some_and(|stem| PYTHON_MODULES.split_whitespace().any(|name| name == stem))
    {
        findings.say(Rule::ShadowedModule, file, None);
    }
    front_page(file, findings);
}

/// The page that people read first: that it stays, and what it says about the terms.
fn front_page(file: &Touched<'_>, findings: &mut Findings) {
    let path = &file.file.path;
    if !path.name().to_ascii_lowercase().starts_with("readme") {
        return;
    }
    if file.file.after.is_none() && path.folders().next().is_none() {
        findings.say(Rule::FrontPage, file, None);
        return;
    }
    let mut lines = file.added.iter().chain(&file.removed);
    if let Some((line, _)) = lines.find(|(_, line)| speaks_of_terms(line)) {
        findings.say(Rule::LicenceTerms, file, Some(*line));
    }
}

/// Whether a line has a word by which licences are named.
fn speaks_of_terms(line: &[u8]) -> bool {
    const WORDS: [&str; 14] = [
        "mit",
        "gpl",
        "lgpl",
        "agpl",
        "apache",
        "bsd",
        "mpl",
        "isc",
        "unlicense",
        "copyright",
        "license",
        "licence",
        "licensed",
        "proprietary",
    ];
    let text = String::from_utf8_lossy(line).to_lowercase();
    let mut words = text.split(|ch: char| !ch.is_ascii_alphabetic());
    words.any(|word| WORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_patterns_can_be_read() {
        assert!(SET.is_some());
    }

    #[test]
    fn ordinary_sources_steer_nothing() {
        let (set, rules) = SET.as_ref().unwrap();
        for path in [
            "src/lib.rs",
            "README.md",
            "docs/guide.md",
            "src/configuration.rs",
            "a/author.py",
            "src/build.py",
        ] {
            let matched: Vec<Rule> =
                set.matches(path.to_lowercase()).into_iter().map(|index| rules[index]).collect();
            assert_eq!(matched, [], "{path}");
        }
    }
}
