//! npm, pnpm and yarn, by the lock file at the root. Their caches are thrown away; what they install stays in the tree.

use super::Looking;
use crate::checks::TREE;
use crate::trees::{SCRAP, YARN_CACHE};

pub(super) fn look(looking: &mut Looking<'_>) {
    if !looking.has("package.json") {
        return;
    }
    if looking.has("pnpm-lock.yaml") {
        pnpm(looking);
    } else if looking.has("yarn.lock") {
        yarn(looking);
    } else if let Some(lock) =
        ["npm-shrinkwrap.json", "package-lock.json"].into_iter().find(|name| looking.has(name))
    {
        npm(looking, lock);
    }
}

fn npm(looking: &mut Looking<'_>, lock: &str) {
    // A lock file of the package alone names no other.
    let names_others = |text: String| text.contains("\"node_modules/") || text.contains("\"dependencies\"");
    if !looking.text(lock).is_some_and(names_others) || !looking.wants("npm", lock) {
        return;
    }
    let cache = format!("{TREE}/{SCRAP}/npm");
    let env = [("NPM_CONFIG_CACHE", cache.as_str()), ("NPM_CONFIG_UPDATE_NOTIFIER", "false")];
    let mut argv = vec!["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"];
    if !looking.scripts {
        argv.push("--ignore-scripts");
    }
    looking.step("npm", &argv, &env);
    looking.depends_on(&[lock, ".npmrc"]);
}

fn pnpm(looking: &mut Looking<'_>) {
    if !looking.wants("pnpm", "pnpm-lock.yaml") {
        return;
    }
    let (store, cache) = (format!("{TREE}/{SCRAP}/pnpm"), format!("{TREE}/{SCRAP}/pnpm-cache"));
    // Copied, because the store that the files would be linked to is thrown away.
    let mut argv = vec!["pnpm", "install", "--frozen-lockfile", "--package-import-method=copy"];
    argv.extend(["--store-dir", &store, "--cache-dir", &cache]);
    if !looking.scripts {
        argv.push("--ignore-scripts");
    }
    looking.step("pnpm", &argv, &[]);
    looking.depends_on(&["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json", ".npmrc"]);
}

fn yarn(looking: &mut Looking<'_>) {
    if !looking.wants("yarn", "yarn.lock") {
        return;
    }
    let kept = format!("{TREE}/{YARN_CACHE}");
    let scrap = format!("{TREE}/{SCRAP}/yarn");
    if looking.has(".yarnrc.yml") {
        let scripts = if looking.scripts { "true" } else { "false" };
        let env = [
            ("YARN_ENABLE_SCRIPTS", scripts),
            ("YARN_ENABLE_TELEMETRY", "0"),
            ("YARN_ENABLE_GLOBAL_CACHE", "false"),
            ("YARN_CACHE_FOLDER", &kept),
        ];
        looking.step("yarn", &["yarn", "install", "--immutable"], &env);
    } else {
        let mut argv = vec!["yarn", "install", "--frozen-lockfile", "--non-interactive", "--no-progress"];
        if !looking.scripts {
            argv.push("--ignore-scripts");
        }
        looking.step("yarn", &argv, &[("YARN_CACHE_FOLDER", &scrap)]);
    }
    looking.depends_on(&["yarn.lock", "package.json", ".npmrc", ".yarnrc", ".yarnrc.yml"]);
}
