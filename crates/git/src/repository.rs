//! Finding and opening a repository, HEAD and revisions. Reads only; the environment (`GIT_DIR` and the like), the user's
//! and the system's configuration and includes are not looked at, and replacement refs are not followed.

use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use domain::ids::{CommitId, TreeId};
use gix::bstr::{BStr, ByteSlice};

use crate::GitError;
use crate::objects::commit_id;

/// A repository, opened for reading objects and refs and for writing new ones. Cheap to clone, usable from any thread.
#[derive(Clone)]
pub struct Repository {
    inner: gix::ThreadSafeRepository,
    git_dir: PathBuf,
    common_dir: PathBuf,
    work_dir: Option<PathBuf>,
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository")
            .field("git_dir", &self.git_dir)
            .field("work_dir", &self.work_dir)
            .finish()
    }
}

/// Where a change starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The commit.
    pub commit: CommitId,
    /// Its tree.
    pub tree: TreeId,
    /// The branch by which it was named, without `refs/heads/`; none for a detached HEAD, a tag or an id.
    pub branch: Option<String>,
}

/// Configuration that we set over the repository's own: no replaced objects, no reflog of ours, about a second for locks.
const OVERRIDES: [&str; 4] = [
    "core.useReplaceRefs=false",
    "core.logAllRefUpdates=false",
    "core.filesRefLockTimeout=1000",
    "core.packedRefsTimeout=1000",
];

/// Extensions of the repository format that change nothing for us.
const KNOWN_EXTENSIONS: [&str; 5] =
    ["noop", "preciousobjects", "partialclone", "worktreeconfig", "relativeworktrees"];

impl Repository {
    /// Opens the repository of which `path` is the work tree (or a linked one), a folder inside it, or the bare git
    /// directory. Ownership is not asked for: nothing that a repository's configuration names is ever run by reading.
    pub fn open(path: &Path) -> Result<Self, GitError> {
        let start = path.canonicalize().map_err(GitError::io("find", path))?;
        let (location, work_dir) = discover(&start)?;
        let options = gix::open::Options::isolated()
            .with(gix::sec::Trust::Full)
            .filter_config_section(|_| true)
            .open_path_as_is(work_dir.is_none())
            .config_overrides(OVERRIDES);
        let inner = gix::ThreadSafeRepository::open_opts(&location, options)
            .map_err(|source| open_error(&location, source))?;
        Self::checked(inner, work_dir)
    }

    fn checked(inner: gix::ThreadSafeRepository, work_dir: Option<PathBuf>) -> Result<Self, GitError> {
        let gix = inner.to_thread_local();
        let canonical = |path: &Path| path.canonicalize().map_err(GitError::io("find", path));
        let git_dir = canonical(gix.git_dir())?;
        let common_dir = canonical(gix.common_dir())?;
        check_format(gix.config_snapshot().plumbing(), &git_dir)?;
        if common_dir.as_os_str().as_bytes().contains(&b'\n') {
            // Git borrows objects by the lines of a file: no tree could be made for a check.
            return Err(unsupported(&common_dir, "a line break in its path".to_owned()));
        }
        if let (Some(found), Some(configured)) = (&work_dir, gix.workdir()) {
            let configured = configured.canonicalize().unwrap_or_else(|_| configured.to_owned());
            if *found != configured {
                return Err(GitError::WorkTreeElsewhere { found: found.clone(), configured });
            }
        }
        match (work_dir, gix.is_bare()) {
            // The private folder of a linked worktree or a submodule: it has a work tree, and that is not here.
            (None, false) => Err(GitError::InsideGitDir { path: git_dir.clone(), git_dir }),
            // A linked worktree of a bare repository has files; the folder of the bare one itself has none.
            (Some(_), true) if git_dir == common_dir => {
                Ok(Self { inner, git_dir, common_dir, work_dir: None })
            }
            (work_dir, _) => Ok(Self { inner, git_dir, common_dir, work_dir }),
        }
    }

    /// The folder with the files, absolute; none for a bare repository.
    pub fn work_dir(&self) -> Option<&Path> {
        self.work_dir.as_deref()
    }

    /// This work tree's own git directory, absolute: HEAD and index are here.
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// The git directory that all work trees share, absolute: objects, refs and configuration are here.
    pub fn common_dir(&self) -> &Path {
        &self.common_dir
    }

    /// A text that is the same for all work trees of this repository and for no other repository on this machine: the
    /// canonical path of [`Self::common_dir`]. It changes when the folder is moved.
    pub fn identity(&self) -> String {
        match self.common_dir.to_str() {
            Some(path) => path.to_owned(),
            None => self.common_dir.as_os_str().as_bytes().escape_ascii().to_string(),
        }
    }

    /// The commit that HEAD names; refused while there is none.
    pub fn head(&self) -> Result<Base, GitError> {
        let gix = self.gix();
        let fail = |source| GitError::Ref { name: "HEAD".to_owned(), source };
        let head = gix.head().map_err(fail)?;
        if let gix::head::Kind::Unborn(name) = &head.kind {
            return Err(GitError::NoCommit { branch: name.as_bstr().to_string() });
        }
        let branch = head.referent_name().and_then(|name| branch_of(name.as_bstr()));
        let id = head.try_into_peeled_id().map_err(fail)?;
        let id = id.ok_or_else(|| GitError::UnknownRevision { rev: "HEAD".to_owned() })?.detach();
        self.base(id, branch)
    }

    /// The commit that a full ref name, a branch, a tag, a remote branch (`origin/main`), `HEAD` or a commit id (at
    /// least 4 digits) names. A name that means more than one thing is refused; no `~`, `^` or `@{}`.
    pub fn resolve(&self, rev: &str) -> Result<Base, GitError> {
        if rev == "HEAD" {
            return self.head();
        }
        let gix = self.gix();
        let mut found: Vec<(String, gix::ObjectId)> = Vec::new();
        let places: &[&str] =
            if rev.starts_with("refs/") { &[""] } else { &["refs/heads/", "refs/tags/", "refs/remotes/"] };
        for place in places {
            let name = format!("{place}{rev}");
            if let Some(id) = peeled(&gix, &name)? {
                found.push((name, id));
            }
        }
        found.extend(by_digits(&gix, rev)?.into_iter().map(|id| (id.to_string(), id)));
        match found.as_slice() {
            [] => Err(GitError::UnknownRevision { rev: rev.to_owned() }),
            [(name, id)] => self.base(*id, branch_of(name.as_str().into())),
            _ => Err(GitError::AmbiguousRevision {
                rev: rev.to_owned(),
                candidates: found.into_iter().map(|(name, _)| name).collect(),
            }),
        }
    }

    /// The commit behind `id`, through annotated tags.
    fn base(&self, id: gix::ObjectId, branch: Option<String>) -> Result<Base, GitError> {
        let gix = self.gix();
        let object = gix
            .try_find_object(id)
            .map_err(|source| GitError::ReadObject { id: id.to_string(), source })?
            .ok_or_else(|| GitError::MissingObject { id: id.to_string() })?;
        let found = object.peel_tags_to_end().map_err(|_| GitError::MissingObject { id: id.to_string() })?;
        let commit = commit_id(found.id)?;
        let tree = self.tree_of(&commit)?;
        Ok(Base { commit, tree, branch })
    }

    /// A reader for this thread.
    pub(crate) fn gix(&self) -> gix::Repository {
        self.inner.to_thread_local()
    }
}

/// The git directory (or gitfile) for `start` and the work tree around it, looking upwards.
fn discover(start: &Path) -> Result<(PathBuf, Option<PathBuf>), GitError> {
    for folder in start.ancestors() {
        let dot_git = folder.join(".git");
        if looks_like_git_dir(folder) {
            let bare = folder == start && folder.file_name().is_none_or(|name| name != ".git");
            return match bare {
                true => Ok((folder.to_owned(), None)),
                false => Err(GitError::InsideGitDir { path: start.to_owned(), git_dir: folder.to_owned() }),
            };
        }
        let found = dot_git.symlink_metadata();
        if let Err(source) = &found
            && source.kind() == std::io::ErrorKind::PermissionDenied
        {
            return Err(GitError::Io { action: "read", path: dot_git, source: source.kind().into() });
        }
        if found.is_ok() && (looks_like_git_dir(&dot_git) || dot_git.is_file()) {
            return Ok((dot_git, Some(folder.to_owned())));
        }
    }
    Err(GitError::NotARepository { path: start.to_owned() })
}

/// The same signs as git's: HEAD, and either the shared folders or the way to them.
fn looks_like_git_dir(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).exists();
    folder.join("HEAD").symlink_metadata().is_ok() && (has("commondir") || (has("objects") && has("refs")))
}

/// The reason for which the reader gave up, by its name where it is a format that the build does not know.
fn open_error(location: &Path, source: gix::Error) -> GitError {
    let file = location.join("config");
    if let Ok(config) = gix::config::File::from_path_no_includes(file, gix::config::Source::Local)
        && let Err(error) = check_format(&config, location)
    {
        return error;
    }
    match source.is_not_found() && location.is_file() {
        true => GitError::NotARepository { path: location.to_owned() },
        false => GitError::Open { path: location.to_owned(), source },
    }
}

/// Refuses formats that would be misread.
fn check_format(config: &gix::config::File, git_dir: &Path) -> Result<(), GitError> {
    match config.integer("core.repositoryFormatVersion") {
        Ok(None | Some(0 | 1)) => check_extensions(config, git_dir),
        Ok(Some(version)) => Err(unsupported(git_dir, format!("repository format {version}"))),
        Err(_) => Err(unsupported(git_dir, "a repository format that is no number".to_owned())),
    }
}

fn check_extensions(config: &gix::config::File, git_dir: &Path) -> Result<(), GitError> {
    for section in config.sections_by_name("extensions").into_iter().flatten() {
        for name in section.value_names() {
            let value = section.value(&name).map(|value| value.to_string()).unwrap_or_default();
            let known = KNOWN_EXTENSIONS.contains(&name.to_ascii_lowercase().as_str());
            let same = (name.eq_ignore_ascii_case("objectFormat") && value == "sha1")
                || (name.eq_ignore_ascii_case("refStorage") && value == "files");
            if !known && !same {
                return Err(unsupported(git_dir, format!("extensions.{name}={value}")));
            }
        }
    }
    Ok(())
}

fn unsupported(git_dir: &Path, feature: String) -> GitError {
    GitError::Unsupported { git_dir: git_dir.to_owned(), feature }
}

fn branch_of(name: &BStr) -> Option<String> {
    name.strip_prefix(b"refs/heads/").and_then(|short| short.to_str().ok()).map(str::to_owned)
}

/// The object that a ref of exactly this name leads to; none when there is no such ref or no such name can be.
fn peeled(gix: &gix::Repository, name: &str) -> Result<Option<gix::ObjectId>, GitError> {
    let Ok(full) = gix::refs::FullName::try_from(name) else { return Ok(None) };
    let fail = |source| GitError::Ref { name: name.to_owned(), source };
    let Some(mut found) = gix.try_find_reference(&full).map_err(fail)? else { return Ok(None) };
    match found.name() == full.as_ref() {
        true => Ok(Some(found.peel_to_id().map_err(fail)?.detach())),
        false => Ok(None),
    }
}

/// All commits and tags whose id starts with these digits; empty when the text is not four or more of them.
fn by_digits(gix: &gix::Repository, text: &str) -> Result<Vec<gix::ObjectId>, GitError> {
    if text.len() < 4 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(Vec::new());
    }
    let Ok(prefix) = gix::hash::Prefix::from_hex(text) else { return Ok(Vec::new()) };
    let mut all = Default::default();
    gix.objects
        .lookup_prefix(prefix, Some(&mut all))
        .map_err(|source| GitError::ReadObject { id: text.to_owned(), source })?;
    let commitish = |id: &gix::ObjectId| {
        let kind = gix.find_header(*id).map(|header| header.kind());
        matches!(kind, Ok(gix::objs::Kind::Commit | gix::objs::Kind::Tag))
    };
    Ok(all.into_iter().filter(commitish).collect())
}
