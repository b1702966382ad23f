//! What an agent made of its tree, taken from the disk: files before and after, whatever was committed, staged or told.
//! In an overlay only the upper layer is looked at. Nothing is followed and nothing of it is run.
//!
//! Left out is what no commit of the repository would have: what it ignores, tools' caches, and the git directory.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, DirEntry, OpenOptions};
use std::io::Read as _;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use domain::patch::{Base as _, BaseFile, FileMode, FileResult, paths};
use git::{Entry, Mode};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::warm::{NEVER, OWN_CACHE, is_cache};
use super::{Content, SCRAP, changed};
use crate::source::BaseSource;

/// Above this a file is more than any change of ours, in bytes.
const MOST_FILE: u64 = 16 << 20;
/// The same for all files together.
const MOST_BYTES: u64 = 64 << 20;
/// The most files that may differ.
const MOST_FILES: usize = 10_000;
/// The most bytes of a list of ignored names.
const MOST_IGNORE: u64 = 1 << 20;
/// The most folders below one another.
const MOST_DEPTH: usize = 256;

/// What the upper layer of an overlay changes.
pub(super) fn of_upper(upper: &Path, content: &Content<'_>) -> Result<Vec<FileResult>, String> {
    let mut look = Look::new(upper, content, true);
    look.folder("", 0)?;
    look.results()
}

/// What a checkout of its own changed. `unwritten` was missing from the start.
pub(super) fn of_checkout(
    root: &Path,
    content: &Content<'_>,
    unwritten: &[String],
) -> Result<Vec<FileResult>, String> {
    let mut look = Look::new(root, content, false);
    look.folder("", 0)?;
    let mut tracked = Vec::new();
    let walked = content.repository.walk(content.base, &mut |file| {
        tracked.push((file.path.to_owned(), file.entry.mode));
        ControlFlow::Continue(())
    });
    walked.map_err(|error| error.to_string())?;
    for (path, mode) in tracked {
        let there = fs::symlink_metadata(root.join(&path));
        let is_gone = there.map_or(true, |meta| meta.is_dir()) && mode != Mode::Submodule;
        if is_gone && !unwritten.contains(&path) {
            look.found.entry(path).or_insert(None);
        }
    }
    look.results()
}

struct Look<'a> {
    root: &'a Path,
    content: &'a Content<'a>,
    is_upper: bool,
    ignored: Ignored,
    /// The file after the change, by path; none where it is gone.
    found: BTreeMap<String, Option<BaseFile>>,
    bytes: u64,
}

impl<'a> Look<'a> {
    fn new(root: &'a Path, content: &'a Content<'a>, is_upper: bool) -> Self {
        Self { root, content, is_upper, ignored: Ignored::default(), found: BTreeMap::new(), bytes: 0 }
    }

    fn base(&self, path: &str) -> Result<Option<Entry>, String> {
        self.content.repository.entry(self.content.base, path).map_err(|error| error.to_string())
    }

    fn folder(&mut self, folder: &str, depth: usize) -> Result<(), String> {
        if depth > MOST_DEPTH {
            return Err(format!("its folders are more than {MOST_DEPTH} deep"));
        }
        let place = self.root.join(folder);
        self.ignored.read(self.root, folder, self.content);
        if self.is_upper && changed::is_opaque(&place) {
            self.gone_below(folder, true)?;
        }
        let entries = fs::read_dir(&place).map_err(|error| format!("{}: {error}", named(folder)))?;
        for entry in entries {
            let entry = entry.map_err(|error| format!("{}: {error}", named(folder)))?;
            let Ok(name) = entry.file_name().into_string() else {
                return Err(format!("a name in {} is no UTF-8", named(folder)));
            };
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            if path != ".git" && path != SCRAP && path != OWN_CACHE {
                self.entry(&entry, &name, path, depth)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, entry: &DirEntry, name: &str, path: String, depth: usize) -> Result<(), String> {
        let meta = entry.metadata().map_err(|error| format!("{path}: {error}"))?;
        let (kind, base) = (meta.file_type(), self.base(&path)?);
        let was_folder = base.is_some_and(|base| base.mode == Mode::Tree);
        let was_file = base.is_some_and(|base| base.mode.is_blob());
        if self.is_upper && kind.is_char_device() && meta.rdev() == 0 {
            return self.gone(path, was_folder, base.is_some());
        }
        if kind.is_dir() {
            let is_submodule = base.is_some_and(|base| base.mode == Mode::Submodule);
            let is_left_out = || is_cache(name, &entry.path()) || name == NEVER;
            if is_submodule || (base.is_none() && (is_left_out() || self.ignored.is(&path, true))) {
                return Ok(());
            }
            if was_file {
                self.found.insert(path.clone(), None);
            }
            return self.folder(&path, depth + 1);
        }
        if !kind.is_file() && !kind.is_symlink() {
            // A socket or a pipe is nothing that git would know.
            return if base.is_some() { Err(format!("{path} is no ordinary file any more")) } else { Ok(()) };
        }
        if base.is_none() && self.ignored.is(&path, false) {
            return Ok(());
        }
        if was_folder {
            self.gone_below(&path, false)?;
        }
        if let Some(base) = base.filter(|_| !was_folder)
            && changed::same(&entry.path(), &path, base, self.content).map_err(|error| error.to_string())?
        {
            return Ok(());
        }
        let after = self.read(&entry.path(), &path, &meta)?;
        self.found.insert(path, Some(after));
        Ok(())
    }

    fn gone(&mut self, path: String, was_folder: bool, was_there: bool) -> Result<(), String> {
        if was_folder {
            return self.gone_below(&path, false);
        }
        if was_there {
            self.found.insert(path, None);
        }
        Ok(())
    }

    /// Everything that the base has below a folder is gone, but for what `unless_there` finds in its place.
    fn gone_below(&mut self, folder: &str, unless_there: bool) -> Result<(), String> {
        let listed =
            self.content.repository.list(self.content.base, folder).map_err(|error| error.to_string())?;
        if let Some(name) = listed.not_utf8.first() {
            return Err(format!("{name:?} in {} is gone, and its name is no UTF-8", named(folder)));
        }
        for (name, entry) in listed.entries {
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if unless_there && fs::symlink_metadata(self.root.join(&path)).is_ok() {
                // A folder that was made again is looked at as one: it is opaque itself, or below one that is.
                if entry.mode == Mode::Tree {
                    self.gone_below(&path, true)?;
                }
                continue;
            }
            match entry.mode {
                Mode::Tree => self.gone_below(&path, false)?,
                _ => drop(self.found.insert(path, None)),
            }
        }
        Ok(())
    }

    fn read(&mut self, place: &Path, path: &str, meta: &fs::Metadata) -> Result<BaseFile, String> {
        let failed = |error: std::io::Error| format!("{path} cannot be read: {error}");
        if meta.is_symlink() {
            let target = fs::read_link(place).map_err(failed)?;
            return Ok(BaseFile { bytes: target.as_os_str().as_bytes().to_vec(), mode: FileMode::Symlink });
        }
        self.bytes = self.bytes.saturating_add(meta.len());
        if meta.len() > MOST_FILE || self.bytes > MOST_BYTES || self.found.len() >= MOST_FILES {
            return Err(format!(
                "it is too large to be a change: more than {MOST_FILES} files, {} MiB in one or {} MiB in all ({path})",
                MOST_FILE >> 20,
                MOST_BYTES >> 20
            ));
        }
        let no_follow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
        let file = OpenOptions::new().read(true).custom_flags(no_follow).open(place).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(MOST_FILE).read_to_end(&mut bytes).map_err(failed)?;
        let mode = if meta.mode() & 0o100 == 0 { FileMode::Regular } else { FileMode::Executable };
        Ok(BaseFile { bytes, mode })
    }

    fn results(self) -> Result<Vec<FileResult>, String> {
        let base = BaseSource::new(self.content.repository, self.content.base);
        let result = |(path, after): (String, Option<BaseFile>)| {
            let path = paths::check(path.as_bytes()).map_err(|problem| format!("{path:?}: {problem}"))?;
            let before = base.file(&path).map_err(|error| error.to_string())?;
            Ok(FileResult::edited(path, before, after))
        };
        self.found.into_iter().map(result).collect()
    }
}

fn named(folder: &str) -> &str {
    if folder.is_empty() { "the top folder" } else { folder }
}

/// The `.gitignore` files of the folders on the way, each as the agent left it, else as the base has it.
#[derive(Default)]
struct Ignored {
    by_folder: HashMap<String, Gitignore>,
}

impl Ignored {
    fn read(&mut self, root: &Path, folder: &str, content: &Content<'_>) {
        let name = if folder.is_empty() { ".gitignore".to_owned() } else { format!("{folder}/.gitignore") };
        let place = root.join(&name);
        let own =
            fs::symlink_metadata(&place).ok().filter(|meta| meta.is_file() && meta.len() <= MOST_IGNORE);
        let text = match own {
            Some(_) => fs::read(&place).ok(),
            None => content
                .repository
                .read(content.base, &name, MOST_IGNORE)
                .ok()
                .flatten()
                .map(|blob| blob.bytes),
        };
        let Some(text) = text else { return };
        let mut builder = GitignoreBuilder::new("");
        for line in String::from_utf8_lossy(&text).lines() {
            // A line that is no pattern ignores nothing, as with git.
            let _ = builder.add_line(None, line);
        }
        if let Ok(rules) = builder.build() {
            self.by_folder.insert(folder.to_owned(), rules);
        }
    }

    /// Whether a path that is not tracked is ignored; the folders above it are not.
    fn is(&self, path: &str, is_folder: bool) -> bool {
        let mut folder = path;
        loop {
            folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
            let below = path.strip_prefix(folder).unwrap_or(path).trim_start_matches('/');
            match self.by_folder.get(folder).map(|rules| rules.matched(below, is_folder)) {
                Some(Match::Ignore(_)) => return true,
                Some(Match::Whitelist(_)) => return false,
                _ if folder.is_empty() => return false,
                _ => {}
            }
        }
    }
}
