//! Whether the staged tree is what was judged: paths, modes, types and contents, file by file, as git's own objects say
//! and not as we meant them.

use domain::patch::{BaseFile, FileResult, blob_id};
use git::{Delta, Entry, Mode};

use crate::source::git_mode;

/// The first thing in which the difference of the two trees is not the judged change; none when they are the same.
pub(crate) fn difference(judged: &[FileResult], found: &[Delta]) -> Option<String> {
    let mut found = found.iter();
    // Both are sorted by path, and no path stands twice.
    for file in judged {
        let Some(delta) = found.next() else {
            return Some(format!("{} was to change and did not", file.path));
        };
        if delta.path != file.path.as_str() {
            return Some(format!("{} differs where {} was to change", delta.path, file.path));
        }
        for (side, judged, found) in
            [("before", &file.before, &delta.old), ("after", &file.after, &delta.new)]
        {
            if !is_same(judged.as_ref(), found.as_ref()) {
                return Some(format!("{} is another one {side} the change than what was judged", file.path));
            }
        }
    }
    found.next().map(|delta| format!("{} differs and was not judged", delta.path))
}

fn is_same(judged: Option<&BaseFile>, found: Option<&Entry>) -> bool {
    match (judged, found) {
        (None, None) => true,
        (Some(judged), Some(found)) => {
            // A submodule's entry names a commit of another repository; its content is not ours to compare.
            let same_content = found.mode == Mode::Submodule
                || found.blob().is_some_and(|blob| blob.as_str() == blob_id(&judged.bytes));
            found.mode == git_mode(judged.mode) && same_content
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::patch::FileMode;

    fn file(path: &str, before: Option<&str>, after: Option<&str>) -> FileResult {
        let side = |text: Option<&str>| {
            text.map(|text| BaseFile { bytes: text.as_bytes().to_vec(), mode: FileMode::Regular })
        };
        FileResult::edited(path.parse().unwrap(), side(before), side(after))
    }

    fn delta(path: &str, old: Option<&str>, new: Option<&str>) -> Delta {
        let entry = |text: Option<&str>| {
            text.map(|text| Entry { mode: Mode::File, id: blob_id(text.as_bytes()).parse().unwrap() })
        };
        Delta { path: path.to_owned(), old: entry(old), new: entry(new) }
    }

    #[test]
    fn what_was_judged_is_what_stands_in_the_trees() {
        let judged =
            [file("a", Some("1"), Some("2")), file("b", None, Some("3")), file("c", Some("4"), None)];
        let found =
            [delta("a", Some("1"), Some("2")), delta("b", None, Some("3")), delta("c", Some("4"), None)];
        assert_eq!(difference(&judged, &found), None);
        assert_eq!(difference(&[], &[]), None);
    }

    #[test]
    fn every_other_difference_is_named() {
        let judged = [file("a", Some("1"), Some("2"))];
        let told = |found: &[Delta]| difference(&judged, found).unwrap();
        assert_eq!(told(&[]), "a was to change and did not");
        assert_eq!(told(&[delta("b", Some("1"), Some("2"))]), "b differs where a was to change");
        assert!(told(&[delta("a", Some("0"), Some("2"))]).contains("before"));
        assert!(told(&[delta("a", Some("1"), Some("0"))]).contains("after"));
        assert!(told(&[delta("a", Some("1"), None)]).contains("after"));
        assert_eq!(
            told(&[delta("a", Some("1"), Some("2")), delta("b", None, Some(""))]),
            "b differs and was not judged"
        );
        let mut mode = delta("a", Some("1"), Some("2"));
        mode.new.as_mut().unwrap().mode = Mode::Executable;
        assert!(told(&[mode]).contains("after"));
    }
}
