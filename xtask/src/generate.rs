//! Files that are written from the code and committed, so that a reader finds them and a change of them is seen.
//! A generator gives a text and touches nothing; writing and comparing is done here.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use crate::say;

/// One generated file.
struct Generator {
    /// Where it lies, from the workspace's folder.
    path: &'static str,
    /// What stands in it.
    text: fn() -> anyhow::Result<String>,
}

/// Every generated file.
const ALL: &[Generator] = &[
    Generator { path: "docs/manual/gate.md", text: crate::gate_page::text },
    Generator { path: "docs/manual/openapi.json", text: || Ok(server::openapi()?) },
];

/// Writes each file that is not as it should be.
pub(crate) fn write(root: &Path) -> anyhow::Result<ExitCode> {
    for generator in stale(root, ALL)? {
        let text = (generator.text)()?;
        fs::write(root.join(generator.path), text).with_context(|| format!("writing {}", generator.path))?;
        say(format_args!("wrote {}", generator.path));
    }
    say(summary(ALL.len()));
    Ok(ExitCode::SUCCESS)
}

/// Names each file that is not as it should be, and fails if there is one.
pub(crate) fn check(root: &Path) -> anyhow::Result<ExitCode> {
    let stale = stale(root, ALL)?;
    for generator in &stale {
        say(format_args!("{} is out of date: run `cargo xtask generate`", generator.path));
    }
    say(summary(ALL.len()));
    Ok(if stale.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn summary(files: usize) -> String {
    match files {
        0 => "generate: nothing is generated yet".to_owned(),
        1 => "generate: 1 file looked at".to_owned(),
        n => format!("generate: {n} files looked at"),
    }
}

/// The generators whose file is missing or says something else.
fn stale<'a>(root: &Path, all: &'a [Generator]) -> anyhow::Result<Vec<&'a Generator>> {
    let mut found = Vec::new();
    for generator in all {
        let wanted = (generator.text)().with_context(|| format!("generating {}", generator.path))?;
        let same = fs::read(root.join(generator.path)).is_ok_and(|bytes| bytes == wanted.as_bytes());
        if !same {
            found.push(generator);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &[Generator] = &[Generator { path: "made.txt", text: || Ok("made\n".to_owned()) }];

    #[test]
    fn a_missing_file_and_a_changed_one_are_stale_and_the_right_one_is_not() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(stale(root.path(), EXAMPLE).unwrap().len(), 1);
        fs::write(root.path().join("made.txt"), "made by hand\n").unwrap();
        assert_eq!(stale(root.path(), EXAMPLE).unwrap().len(), 1);
        fs::write(root.path().join("made.txt"), "made\n").unwrap();
        assert!(stale(root.path(), EXAMPLE).unwrap().is_empty());
    }

    #[test]
    fn a_generator_that_fails_names_its_file() {
        let broken = [Generator { path: "broken.txt", text: || anyhow::bail!("no source") }];
        let error = stale(Path::new("/"), &broken).err().unwrap();
        assert_eq!(format!("{error:#}"), "generating broken.txt: no source");
    }
}
