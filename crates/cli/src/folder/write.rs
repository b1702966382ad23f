//! Several files changed as one: all new contents are written beside the folder's files first, the old ones are moved
//! away next, and only then do the new ones take their places. What fails on the way is taken back at once; what a kill
//! leaves half done is taken back by the next call, from the list that stands in the stage folder.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use domain::patch::{BaseFile, FileMode, FileResult, RepoPath};
use serde::{Deserialize, Serialize};

/// The stage folder, directly below the changed folder: the same file system, so that a move is one step.
const STAGE: &str = ".codex-task-apply";
/// The list of what is being done; as long as it is there, the change is not complete.
const LIST: &str = "list.json";

/// A change of files that failed; the folder is as it was.
#[derive(Debug)]
pub(crate) struct WriteError {
    pub(crate) path: PathBuf,
    pub(crate) source: io::Error,
}

type Done<T> = Result<T, WriteError>;

fn at<T>(path: &Path, result: io::Result<T>) -> Done<T> {
    result.map_err(|source| WriteError { path: path.to_owned(), source })
}

/// What is being done, as it stands in the stage folder.
#[derive(Serialize, Deserialize)]
struct List {
    files: Vec<Item>,
    /// Folders that did not exist, outermost first.
    made: Vec<RepoPath>,
}

#[derive(Serialize, Deserialize)]
struct Item {
    path: RepoPath,
    existed: bool,
}

/// Whether this path is in the stage folder.
pub(crate) fn is_own(path: &RepoPath) -> bool {
    path.as_str().split('/').next() == Some(STAGE)
}

/// Changes the files, wholly or not at all.
pub(crate) fn write(root: &Path, files: &[FileResult]) -> Done<()> {
    let stage = root.join(STAGE);
    at(&stage, fs::create_dir(&stage))?;
    let list = List {
        files: files.iter().map(|f| Item { path: f.path.clone(), existed: f.before.is_some() }).collect(),
        made: new_folders(root, files),
    };
    let result = prepare(root, &stage, files, &list).and_then(|()| swap(root, &stage, files, &list));
    match result {
        Ok(()) => finish(root, &stage, files),
        Err(error) => {
            take_back(root, &stage, &list);
            Err(error)
        }
    }
}

/// Takes back what a killed call left half done. Gives whether there was something.
pub(crate) fn recover(root: &Path) -> Done<bool> {
    let stage = root.join(STAGE);
    if !stage.is_dir() {
        return Ok(false);
    }
    let path = stage.join(LIST);
    match fs::read(&path) {
        Ok(bytes) => {
            let list: List = at(&path, serde_json::from_slice(&bytes).map_err(io::Error::from))?;
            take_back(root, &stage, &list);
        }
        // The list is written before the first file of the folder moves and removed after the last one has: without it
        // there is nothing to take back.
        Err(error) if error.kind() == io::ErrorKind::NotFound => at(&stage, fs::remove_dir_all(&stage))?,
        Err(error) => return at(&path, Err(error)),
    }
    Ok(true)
}

fn new_folders(root: &Path, files: &[FileResult]) -> Vec<RepoPath> {
    let written = files.iter().filter(|file| file.after.is_some());
    let mut folders: Vec<RepoPath> =
        written.flat_map(|file| file.path.folders()).filter(|f| !root.join(f.as_str()).is_dir()).collect();
    folders.sort();
    folders.dedup();
    folders
}

/// The new contents and the list, durable before anything of the folder moves.
fn prepare(root: &Path, stage: &Path, files: &[FileResult], list: &List) -> Done<()> {
    for (index, file) in files.iter().enumerate() {
        let Some(after) = &file.after else { continue };
        let place = stage.join(format!("new-{index}"));
        at(&place, write_new(&place, after, &root.join(file.path.as_str())))?;
    }
    let path = stage.join(LIST);
    let text = at(&path, serde_json::to_vec(list).map_err(io::Error::from))?;
    // Written under another name first: a list that can be read is whole.
    let draft = stage.join("draft");
    at(
        &draft,
        fs::File::create(&draft).and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all())),
    )?;
    at(&path, fs::rename(&draft, &path))?;
    at(stage, fs::File::open(stage).and_then(|folder| folder.sync_all()))
}

fn write_new(place: &Path, after: &BaseFile, old: &Path) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(place)?;
    file.write_all(&after.bytes)?;
    let executable = if after.mode == FileMode::Executable { 0o111 } else { 0 };
    let mode = match fs::symlink_metadata(old) {
        Ok(meta) => meta.permissions().mode(),
        Err(_) => file.metadata()?.permissions().mode(),
    };
    // Whoever may read it may run it, as git does; other bits are the old file's.
    let mode = (mode & 0o666) | (mode >> 2 & executable);
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.sync_all()
}

/// The old files away, then the new ones in their places.
fn swap(root: &Path, stage: &Path, files: &[FileResult], list: &List) -> Done<()> {
    for (index, item) in list.files.iter().enumerate().filter(|(_, item)| item.existed) {
        let place = root.join(item.path.as_str());
        at(&place, fs::rename(&place, stage.join(format!("old-{index}"))))?;
    }
    for folder in &list.made {
        let place = root.join(folder.as_str());
        at(&place, fs::create_dir(&place))?;
    }
    for (index, file) in files.iter().enumerate().filter(|(_, file)| file.after.is_some()) {
        let place = root.join(file.path.as_str());
        at(&place, fs::rename(stage.join(format!("new-{index}")), &place))?;
    }
    Ok(())
}

/// From here on the change is complete; what is left of the old files goes, and so do folders that became empty.
fn finish(root: &Path, stage: &Path, files: &[FileResult]) -> Done<()> {
    let list = stage.join(LIST);
    at(&list, fs::remove_file(&list))?;
    at(stage, fs::remove_dir_all(stage))?;
    for folder in files.iter().filter(|file| file.after.is_none()).flat_map(|file| file.path.folders()) {
        // One that is not empty stays, and says so by an error that is no failure.
        let _ = fs::remove_dir(root.join(folder.as_str()));
    }
    Ok(())
}

/// Everything as it was. Each step may fail because it was never done; what could not be taken back stays in the
/// stage folder, which then is not removed.
fn take_back(root: &Path, stage: &Path, list: &List) {
    for (index, item) in list.files.iter().enumerate() {
        let place = root.join(item.path.as_str());
        // The list may be somebody else's work: nothing is moved through a link.
        if !stands_inside(root, &item.path) {
            continue;
        }
        let old = stage.join(format!("old-{index}"));
        let new_is_in_place = !stage.join(format!("new-{index}")).exists();
        if item.existed {
            if old.exists() {
                let _ = fs::rename(&old, &place);
            }
        } else if new_is_in_place && stage.join(LIST).exists() {
            let _ = fs::remove_file(&place);
        }
    }
    for folder in list.made.iter().rev() {
        let _ = fs::remove_dir(root.join(folder.as_str()));
    }
    let all_back = !(0..list.files.len()).any(|index| stage.join(format!("old-{index}")).exists());
    if all_back {
        let _ = fs::remove_file(stage.join(LIST));
        let _ = fs::remove_dir_all(stage);
    }
}

/// Whether no folder on the way to this path is a symbolic link.
fn stands_inside(root: &Path, path: &RepoPath) -> bool {
    path.folders().all(|folder| !root.join(folder.as_str()).is_symlink())
}
