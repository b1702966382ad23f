//! From fork to exec: the last steps in the process that becomes the untrusted command.
//! Everything here narrows; nothing after the filters may need a right again.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Access as FsAccess, CWD};
use rustix::thread::CapabilitySet;

use crate::error::{Step, StepError};
use crate::landlock::{self, Fences};
use crate::limits;
use crate::namespaces::{self, Identity};
use crate::seccomp::{self, Sockets};
use crate::spec::{Level, MARKER_NAME, Network, STRICT_HOME, STRICT_TMP, Spec};
use crate::sys;
use crate::wire::{Note, note};

/// Where a program is looked for when the environment names no PATH, as execvp(3) does.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The names of the folders that are made in the scratch folder where there is no tmpfs.
pub(crate) const SCRATCH_HOME: &str = "home";
pub(crate) const SCRATCH_TMP: &str = "tmp";

/// Never returns: becomes the command, or says why not and ends.
pub(crate) fn become_command(
    spec: &Spec,
    identity: Identity,
    input: Option<&OwnedFd>,
    report: &OwnedFd,
) -> ! {
    let report = match report.try_clone() {
        Ok(report) => File::from(report),
        Err(_) => sys::exit_now(127),
    };
    let failure = match narrow(spec, identity, input) {
        Ok(()) => Note::ExecFailed(execute(spec)),
        Err(error) => Note::SetupFailed(error.to_string()),
    };
    note(&report, &failure);
    sys::exit_now(127)
}

fn narrow(spec: &Spec, identity: Identity, input: Option<&OwnedFd>) -> Result<(), StepError> {
    sys::reset_signals().step("reset the signals")?;
    rustix::process::setsid().step("start a session")?;
    let null = File::open("/dev/null").step("open /dev/null")?;
    let input = input.map_or(null.as_fd(), AsFd::as_fd);
    sys::replace_standard_fd(input, 0).step("set the input")?;
    rustix::process::chdir(&spec.cwd).step_at("enter", &spec.cwd)?;
    if spec.level == Level::Weak {
        give_up_rights(spec, identity)?;
    }
    if spec.level != Level::Strict {
        namespaces::die_with_parent()?;
    }
    limits::apply(&spec.limits, spec.level)?;
    sys::close_from_three(true).step("close descriptors")?;
    match spec.level {
        Level::None => return Ok(()),
        Level::Strict => drop(landlock::apply(&Fences::of(spec))?),
        Level::Weak if landlock::apply(&Fences::of(spec))? => {}
        Level::Weak => {
            let missing = io::Error::other("the kernel has no Landlock");
            return Err(missing).step("put up the Landlock fence");
        }
    }
    seccomp::apply(match (spec.level, spec.network) {
        (Level::Strict, Network::None) => Sockets::OwnNetwork,
        (Level::Strict, Network::Host) => Sockets::HostNetwork,
        (Level::Weak | Level::None, _) => Sockets::Forbidden,
    })
}

/// Root becomes an ordinary user where it can: as root, chmod and chown would reach past Landlock.
fn give_up_rights(spec: &Spec, identity: Identity) -> Result<(), StepError> {
    match identity {
        Identity::Root | Identity::ContainerRoot => {
            let kept = if is_all_reachable(spec) { None } else { search_capability() };
            namespaces::become_outside_user(kept)
        }
        Identity::BareRoot | Identity::User { .. } => namespaces::drop_capabilities(CapabilitySet::empty()),
    }
}

/// Whether others may walk to everything the command may see.
fn is_all_reachable(spec: &Spec) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let open_to_all =
        |path: &Path| std::fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o001 != 0);
    let sources = spec.readable.iter().chain(&spec.in_home).map(|bind| bind.source.as_path());
    let mut paths = sources.chain([spec.tree.at()]).chain(spec.scratch.as_deref());
    paths.all(|path| path.ancestors().skip(1).all(open_to_all))
}

/// The weakest capability that walks through closed folders and that this process has.
fn search_capability() -> Option<CapabilitySet> {
    let held = rustix::thread::capabilities(None).ok()?.permitted;
    [CapabilitySet::DAC_READ_SEARCH, CapabilitySet::DAC_OVERRIDE]
        .into_iter()
        .find(|wanted| held.contains(*wanted))
}

/// Tries every place where the program may be. Returns why none worked.
fn execute(spec: &Spec) -> String {
    let name = &spec.argv[0];
    let Ok(argv) = c_strings(spec.argv.iter().cloned()) else {
        return format!("{name}: contains a NUL byte");
    };
    let Ok(env) = c_strings(environment(spec)) else {
        return "the environment contains a NUL byte".to_owned();
    };
    let mut worst = io::Error::from_raw_os_error(libc::ENOENT);
    for candidate in candidates(name, spec.env.get("PATH")) {
        let Ok(path) = CString::new(candidate.into_os_string().into_encoded_bytes()) else { continue };
        let error = sys::execve(&path, &argv, &env);
        match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) if is_present(&path) => {
                return format!("{name}: its interpreter or loader was not found");
            }
            Some(libc::ENOENT | libc::ENOTDIR) => {}
            Some(libc::EACCES) => worst = error,
            _ => return format!("{name}: {error}"),
        }
    }
    format!("{name}: {worst}")
}

fn is_present(path: &CString) -> bool {
    rustix::fs::accessat(CWD, path, FsAccess::EXISTS, rustix::fs::AtFlags::empty()).is_ok()
}

fn candidates(name: &str, path: Option<&String>) -> Vec<PathBuf> {
    if name.contains('/') {
        return vec![PathBuf::from(name)];
    }
    let folders =
        path.map_or(DEFAULT_PATH, String::as_str).split(':').filter(|folder| folder.starts_with('/'));
    folders.map(|folder| Path::new(folder).join(name)).collect()
}

/// The given environment, and on top of it the three names that are the box's.
fn environment(spec: &Spec) -> Vec<String> {
    let folder =
        |name: &str| spec.scratch.as_ref().map(|path| path.join(name).to_string_lossy().into_owned());
    let (home, tmp) = match spec.level {
        Level::Strict => (Some(STRICT_HOME.to_owned()), Some(STRICT_TMP.to_owned())),
        Level::Weak | Level::None => (folder(SCRATCH_HOME), folder(SCRATCH_TMP)),
    };
    let mut env = spec.env.clone();
    env.extend(home.map(|value| ("HOME".to_owned(), value)));
    env.extend(tmp.map(|value| ("TMPDIR".to_owned(), value)));
    env.insert(MARKER_NAME.to_owned(), spec.marker.clone());
    env.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

fn c_strings(texts: impl IntoIterator<Item = String>) -> Result<Vec<CString>, std::ffi::NulError> {
    texts.into_iter().map(CString::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_looked_for_in_the_absolute_folders_of_path_only() {
        let path = "/a::relative:/b".to_owned();
        assert_eq!(candidates("x", Some(&path)), [PathBuf::from("/a/x"), PathBuf::from("/b/x")]);
        assert_eq!(candidates("./x", Some(&path)), [PathBuf::from("./x")]);
    }
}
