//! Names that are two names here and one name elsewhere: on file systems that fold case, or that store letters with
//! accents in one form only.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization;

use super::{Findings, GateInput, Rule};
use crate::patch::RepoPath;

/// The form in which two names collide: one case, one form of letters with accents, no dots or blanks at the end. Wider
/// than any one file system (NTFS does not take `ß` for `SS`, ext4 folds nothing), since a change is for all of them.
fn folded(name: &str) -> String {
    let one_case = name.nfd().collect::<String>().to_uppercase().to_lowercase();
    one_case.trim_end_matches(['.', ' ']).nfc().collect()
}

pub(super) fn judge(input: &GateInput<'_>, findings: &mut Findings) {
    let files = input.diff.files();
    let comes = files.iter().filter(|file| file.before.is_none() && file.after.is_some());
    let gone: BTreeSet<&str> = files.iter().filter(|f| f.after.is_none()).map(|f| f.path.as_str()).collect();
    // Every entry that is new, file or folder, by the folder that it is in.
    let mut new: BTreeMap<Option<RepoPath>, BTreeSet<String>> = BTreeMap::new();
    for file in comes {
        for entry in std::iter::once(file.path.clone()).chain(file.path.folders()) {
            new.entry(entry.folders().next()).or_default().insert(entry.name().to_owned());
        }
    }
    for (folder, names) in new {
        match input.base.list(folder.as_ref()) {
            Ok(there) => compare(folder.as_ref(), &names, &there, &gone, findings),
            Err(error) => {
                findings.add(Rule::BaseUnreadable, Rule::BaseUnreadable.verdict(), error.to_string())
            }
        }
    }
}

fn compare(
    folder: Option<&RepoPath>,
    new: &BTreeSet<String>,
    there: &[String],
    gone: &BTreeSet<&str>,
    findings: &mut Findings,
) {
    let full = |name: &str| folder.map_or(name.to_owned(), |folder| format!("{folder}/{name}"));
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    for name in there.iter().filter(|name| !gone.contains(full(name).as_str())) {
        known.entry(folded(name)).or_insert(name);
    }
    for name in new {
        match known.get(&folded(name)) {
            Some(other) if other != name => {
                let text = format!("{} and {} are one name on some file systems", full(name), full(other));
                findings.add(Rule::CaseCollision, Rule::CaseCollision.verdict(), text);
            }
            Some(_) => {}
            None => {
                known.insert(folded(name), name);
            }
        }
    }
}
