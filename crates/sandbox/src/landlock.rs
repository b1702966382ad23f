//! Landlock rules: the second fence of strict, the only file fence of weak.
//! What is not named is denied; rights the running kernel does not know are left out by the landlock crate.

use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus,
    Scope, path_beneath_rules,
};

use crate::error::{Step, StepError};
use crate::spec::{Level, Network, STRICT_HOME, STRICT_TMP, Spec};
use crate::system;

/// The newest interface whose rights are asked for.
const ASKED: ABI = ABI::V7;

/// Paths by what may be done below them.
#[derive(Debug, Default)]
pub(crate) struct Fences {
    pub(crate) read: Vec<PathBuf>,
    /// Existing files may be written, nothing may be made or removed.
    pub(crate) write_existing: Vec<PathBuf>,
    pub(crate) write: Vec<PathBuf>,
    /// No signal and no abstract socket to a process outside.
    pub(crate) scoped: bool,
    /// What TCP is denied.
    pub(crate) denied_tcp: BitFlags<AccessNet>,
}

impl Fences {
    /// The fences of a box at this level.
    pub(crate) fn of(spec: &Spec) -> Self {
        match (spec.level, spec.network) {
            (Level::Strict, Network::None) => Self::strict(spec.tree.at()),
            (Level::Strict, Network::Host) => Self {
                scoped: true,
                // It fetches, and serves nobody.
                denied_tcp: AccessNet::BindTcp.into(),
                ..Self::strict(spec.tree.at())
            },
            (Level::Weak | Level::None, _) => Self::weak(spec),
        }
    }

    pub(crate) fn strict(tree: &Path) -> Self {
        Self {
            read: vec!["/".into()],
            write_existing: vec!["/proc".into(), "/dev".into()],
            write: vec![tree.into(), STRICT_TMP.into(), STRICT_HOME.into(), "/dev/shm".into()],
            ..Self::default()
        }
    }

    fn weak(spec: &Spec) -> Self {
        let mut fences = Self::weak_base();
        fences.read.extend(spec.readable.iter().chain(&spec.in_home).map(|bind| bind.source.clone()));
        fences.write.push(spec.tree.at().to_owned());
        fences.write.extend(spec.scratch.clone());
        fences
    }

    /// What every weak box may read.
    pub(crate) fn weak_base() -> Self {
        let mut read: Vec<PathBuf> = system::FOLDERS.iter().map(PathBuf::from).collect();
        read.extend(system::ETC.iter().map(|name| Path::new("/etc").join(name)));
        read.extend(["passwd", "group", "hosts", "nsswitch.conf"].map(|name| Path::new("/etc").join(name)));
        read.push("/proc".into());
        let devices = system::DEVICES.iter().map(|name| Path::new("/dev").join(name)).collect();
        Self {
            read,
            write_existing: devices,
            write: Vec::new(),
            scoped: true,
            denied_tcp: AccessNet::from_all(ASKED),
        }
    }
}

/// Puts this process and everything it starts behind the fences. Returns whether the kernel has Landlock.
pub(crate) fn apply(fences: &Fences) -> Result<bool, StepError> {
    let step = "put up the Landlock fence";
    restrict(fences).map_err(|error| io::Error::other(error.to_string())).step(step)
}

fn restrict(fences: &Fences) -> Result<bool, landlock::RulesetError> {
    let read = AccessFs::from_read(ASKED);
    let existing = read | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
    let mut asked = Ruleset::default().handle_access(AccessFs::from_all(ASKED))?;
    if !fences.denied_tcp.is_empty() {
        asked = asked.handle_access(fences.denied_tcp)?;
    }
    if fences.scoped {
        asked = asked.scope(Scope::from_all(ASKED))?;
    }
    let status = asked
        .create()?
        .add_rules(rules(&fences.read, read))?
        .add_rules(rules(&fences.write_existing, existing))?
        .add_rules(rules(&fences.write, AccessFs::from_all(ASKED)))?
        .restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

fn rules(
    paths: &[PathBuf],
    access: BitFlags<AccessFs>,
) -> impl Iterator<Item = Result<landlock::PathBeneath<landlock::PathFd>, landlock::RulesetError>> {
    path_beneath_rules(paths, access)
}
