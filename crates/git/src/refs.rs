//! Refs of ours: the hidden ones and the approved branches, created, moved and deleted by compare-and-swap. No other ref
//! can be named for writing, no symbolic ref is followed, and no reflog is written.

use std::fmt;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

use domain::ids::CommitId;
use gix::bstr::ByteSlice;
use gix::refs::transaction::{PreviousValue, RefEdit};
use gix::refs::{FullName, Target};

use crate::objects::{commit_id, object, parse};
use crate::{GitError, Repository};

const HIDDEN: &str = "refs/codex-task/";
const BRANCH: &str = "refs/heads/feature/";
/// What a message says of a ref that does not exist.
const NOTHING: &str = "nothing";

/// The name of a ref that this program may write. Both kinds hold a checked name that nobody else can build.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnRef {
    /// Below `refs/codex-task/`: candidates and snapshots, seen by no ordinary git command.
    Hidden(Name),
    /// Below `refs/heads/feature/`: a branch for the user, once a change is approved.
    Branch(Name),
}

/// The checked rest of a name, after the prefix of its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl OwnRef {
    /// `refs/codex-task/<rest>`, such as `candidates/<id>`.
    pub fn hidden(rest: &str) -> Result<Self, GitError> {
        checked(HIDDEN, rest).map(Self::Hidden)
    }

    /// `refs/heads/feature/<rest>`, such as `fix/unused-import-20261121-081500`.
    pub fn branch(rest: &str) -> Result<Self, GitError> {
        checked(BRANCH, rest).map(Self::Branch)
    }

    /// Reads a full name (`refs/...`).
    pub fn parse(full: &str) -> Result<Self, GitError> {
        if let Some(rest) = full.strip_prefix(HIDDEN) {
            return Self::hidden(rest);
        }
        if let Some(rest) = full.strip_prefix(BRANCH) {
            return Self::branch(rest);
        }
        Err(invalid(full, format!("it is neither below {HIDDEN} nor below {BRANCH}")))
    }

    /// The full name, from `refs/` on.
    pub fn full(&self) -> String {
        match self {
            Self::Hidden(Name(rest)) => format!("{HIDDEN}{rest}"),
            Self::Branch(Name(rest)) => format!("{BRANCH}{rest}"),
        }
    }
}

impl fmt::Display for OwnRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.full())
    }
}

impl Repository {
    /// Creates the ref; it must not exist. One that already points to `target` counts as created, so that the step may
    /// run twice. A branch that differs from an existing one only in case is refused.
    pub fn create_ref(&self, name: &OwnRef, target: &CommitId) -> Result<(), GitError> {
        if let OwnRef::Branch(_) = name {
            self.refuse_variant(&name.full())?;
        }
        match self.write_ref(name, target, PreviousValue::MustNotExist, NOTHING) {
            Err(GitError::RefLocked { lock, .. }) if lock.ends_with("packed-refs.lock") => {
                self.create_beside_packed(name, target)
            }
            outcome => outcome,
        }
    }

    /// Creates a ref while another git holds, or left, the lock on packed refs. The library takes that lock even to
    /// look; git itself does not: it locks the new ref alone, and so do we here.
    fn create_beside_packed(&self, name: &OwnRef, target: &CommitId) -> Result<(), GitError> {
        let full = name.full();
        let place = self.common_dir().join(&full);
        let lock = self.common_dir().join(format!("{full}.lock"));
        let io = |source| GitError::io("write", &place)(source);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).map_err(io)?;
        }
        let mut file = match fs::File::create_new(&lock) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(GitError::RefLocked { name: full, lock });
            }
            other => other.map_err(io)?,
        };
        let linked = || match (self.target_of(&full)?, self.ref_in_the_way(&full)) {
            (Some(found), _) if found.to_string() == target.as_str() => Ok(()),
            (Some(found), _) => Err(GitError::RefExists { name: full.clone(), found: found.to_string() }),
            (None, Some(existing)) => Err(GitError::RefBlocked { name: full.clone(), existing }),
            // A link and not a renaming: it fails where a file has come meanwhile.
            (None, None) => fs::hard_link(&lock, &place).map_err(io),
        };
        let outcome = writeln!(file, "{target}").map_err(io).and_then(|()| linked());
        fs::remove_file(&lock).map_err(io)?;
        outcome
    }

    /// Moves the ref from `expected` to `target`, or not at all.
    pub fn update_ref(&self, name: &OwnRef, target: &CommitId, expected: &CommitId) -> Result<(), GitError> {
        let previous = Target::Object(parse(&self.gix(), expected.as_str())?);
        self.write_ref(name, target, PreviousValue::MustExistAndMatch(previous), expected.as_str())
    }

    /// Deletes the ref when it is at `expected`. Already gone is done, so that an undo may run twice.
    pub fn delete_ref(&self, name: &OwnRef, expected: &CommitId) -> Result<(), GitError> {
        if self.target_of(&name.full())?.is_none() {
            return Ok(());
        }
        let previous = Target::Object(parse(&self.gix(), expected.as_str())?);
        let edit = RefEdit::delete(full_name(name)?, PreviousValue::MustExistAndMatch(previous));
        self.change_ref(name, edit, expected.as_str())
    }

    /// The commit that a ref of ours points to; none when it does not exist.
    pub fn read_ref(&self, name: &OwnRef) -> Result<Option<CommitId>, GitError> {
        match self.target_of(&name.full())? {
            None => Ok(None),
            Some(Target::Object(id)) => commit_id(id).map(Some),
            Some(Target::Symbolic(to)) => {
                Err(GitError::RefExists { name: name.full(), found: to.to_string() })
            }
        }
    }

    /// All refs of ours whose full name starts with `prefix`, a path that ends at a slash (`refs/codex-task/`,
    /// `refs/heads/feature/fix/`), sorted by name. Symbolic ones are left out.
    pub fn list_refs(&self, prefix: &str) -> Result<Vec<(OwnRef, CommitId)>, GitError> {
        let mut found = Vec::new();
        for (name, target) in self.refs_below(prefix)? {
            if let (Ok(name), Target::Object(id)) = (OwnRef::parse(&name), target) {
                found.push((name, commit_id(id)?));
            }
        }
        found.sort();
        Ok(found)
    }

    fn write_ref(
        &self,
        name: &OwnRef,
        target: &CommitId,
        previous: PreviousValue,
        expected: &str,
    ) -> Result<(), GitError> {
        let (target, _) = object(&self.gix(), target.as_str(), gix::objs::Kind::Commit)?;
        self.change_ref(name, RefEdit::update(full_name(name)?, target, previous, ""), expected)
    }

    fn change_ref(&self, name: &OwnRef, edit: RefEdit, expected: &str) -> Result<(), GitError> {
        let outcome = self.gix().edit_references_as([edit], None);
        outcome.map(|_| ()).map_err(|source| self.explain(name, expected, source))
    }

    /// Names the reason of a failed change from what is there now.
    fn explain(&self, name: &OwnRef, expected: &str, source: gix::Error) -> GitError {
        let name = name.full();
        let found = match self.target_of(&name) {
            Ok(found) => found.map_or_else(|| NOTHING.to_owned(), |target| target.to_string()),
            Err(error) => return error,
        };
        match found {
            found if found != expected && expected == NOTHING => GitError::RefExists { name, found },
            found if found != expected => GitError::RefMoved { name, expected: expected.to_owned(), found },
            _ => match (self.lock_in_the_way(&name), self.ref_in_the_way(&name)) {
                (Some(lock), _) => GitError::RefLocked { name, lock },
                (None, Some(existing)) => GitError::RefBlocked { name, existing },
                (None, None) => GitError::Ref { name, source },
            },
        }
    }

    fn lock_in_the_way(&self, full: &str) -> Option<PathBuf> {
        let locks = [format!("{full}.lock"), "packed-refs.lock".to_owned()];
        locks.iter().map(|lock| self.common_dir().join(lock)).find(|lock| lock.exists())
    }

    /// A ref that is a folder of this name, or of which this name is a folder.
    fn ref_in_the_way(&self, full: &str) -> Option<String> {
        let parents = full.match_indices('/').map(|(end, _)| &full[..end]);
        let above =
            parents.filter(|name| matches!(self.target_of(name), Ok(Some(_)))).map(str::to_owned).next();
        let below = || self.refs_below(&format!("{full}/")).ok()?.into_iter().next().map(|(name, _)| name);
        above.or_else(below)
    }

    fn refuse_variant(&self, full: &str) -> Result<(), GitError> {
        let existing =
            self.refs_below("refs/heads/")?.into_iter().find(|(name, _)| differ_in_case(name, full));
        match existing {
            None => Ok(()),
            Some((existing, _)) => Err(GitError::RefVariant { name: full.to_owned(), existing }),
        }
    }

    /// The direct target of a ref of exactly this name.
    fn target_of(&self, full: &str) -> Result<Option<Target>, GitError> {
        let Ok(name) = FullName::try_from(full) else { return Ok(None) };
        let gix = self.gix();
        let found =
            gix.refs.try_find(&name).map_err(|source| GitError::Ref { name: full.to_owned(), source })?;
        Ok(found.filter(|found| found.name == name).map(|found| found.target))
    }

    fn refs_below(&self, prefix: &str) -> Result<Vec<(String, Target)>, GitError> {
        let fail = |source| GitError::Ref { name: prefix.to_owned(), source };
        let gix = self.gix();
        let platform = gix.references().map_err(fail)?;
        let mut found = Vec::new();
        for reference in platform.prefixed(prefix).map_err(fail)? {
            let reference = reference.map_err(fail)?.detach();
            if let Ok(name) = reference.name.as_bstr().to_str() {
                found.push((name.to_owned(), reference.target));
            }
        }
        Ok(found)
    }
}

/// Whether the first parts that differ do so in case only: then the names, or folders of theirs, are one on some disks.
fn differ_in_case(a: &str, b: &str) -> bool {
    let parts = a.split('/').zip(b.split('/')).find(|(a, b)| a != b);
    parts.is_some_and(|(a, b)| a.to_lowercase() == b.to_lowercase())
}

fn checked(prefix: &str, rest: &str) -> Result<Name, GitError> {
    let full = format!("{prefix}{rest}");
    let plain = rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_.+".contains(&b));
    if !plain || rest.len() > 200 {
        return Err(invalid(
            &full,
            "only up to 200 letters, digits and / - _ . + may follow the prefix".to_owned(),
        ));
    }
    FullName::try_from(full.as_str()).map_err(|error| invalid(&full, error.to_string()))?;
    Ok(Name(rest.to_owned()))
}

fn full_name(name: &OwnRef) -> Result<FullName, GitError> {
    let full = name.full();
    FullName::try_from(full.as_str()).map_err(|error| invalid(&full, error.to_string()))
}

fn invalid(name: &str, reason: String) -> GitError {
    GitError::InvalidRef { name: name.to_owned(), reason }
}
