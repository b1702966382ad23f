//! Dependencies that a change brings along. Checks have no network and see what was fetched for the base: a change that asks
//! for more meets errors that look like the network's, so the verification says where they come from.

/// Files that name exact versions, by their last part.
const LOCKS: [&str; 11] = [
    "Cargo.lock",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "uv.lock",
    "poetry.lock",
    "Pipfile.lock",
    "pdm.lock",
    "go.sum",
    "Gemfile.lock",
];

/// Files that ask for packages.
const MANIFESTS: [&str; 7] =
    ["Cargo.toml", "package.json", "pyproject.toml", "setup.py", "setup.cfg", "go.mod", "Pipfile"];

/// What to say of a change of these paths, when it may need packages that nobody fetched. `reference` names its commit.
pub(crate) fn unprepared(changed: &[String], reference: &str) -> Option<String> {
    let mut files: Vec<&str> = changed.iter().map(String::as_str).filter(|path| asks(path)).collect();
    files.sort_by_key(|path| !LOCKS.contains(&name(path)));
    files.dedup();
    let first = files.first()?;
    let more = if files.len() > 1 { format!(" and {} more", files.len() - 1) } else { String::new() };
    Some(format!(
        "dependencies of the change are not prepared: it alters {first}{more}, and checks without a network see only \
         what was fetched for the base; `codex-task prepare --at {reference}` fetches what the change names"
    ))
}

fn asks(path: &str) -> bool {
    let name = name(path);
    let requirements = name.starts_with("requirements") && (name.ends_with(".txt") || name.ends_with(".in"));
    LOCKS.contains(&name) || MANIFESTS.contains(&name) || requirements
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(paths: &[&str]) -> Option<String> {
        unprepared(&paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>(), "refs/x")
    }

    #[test]
    fn a_change_of_lock_files_or_manifests_is_told_by_the_file_that_says_most() {
        for path in ["Cargo.lock", "web/package.json", "requirements-dev.txt", "go.sum"] {
            assert!(said(&["src/a.rs", path]).unwrap().contains(&format!("alters {path},")), "{path}");
        }
        assert!(said(&["Cargo.toml", "Cargo.lock"]).unwrap().contains("alters Cargo.lock and 1 more,"));
    }

    #[test]
    fn other_changes_need_nothing_more() {
        assert_eq!(said(&["src/lib.rs", "docs/requirements.md", "my-package.json"]), None);
        assert_eq!(said(&[]), None);
    }
}
