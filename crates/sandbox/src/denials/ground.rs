//! What is there to be reached, made by the operator for one round of attempts: a file, sockets, and its own process.
//! Everything is open to every user of the machine, so that only the box can be what denies it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::SandboxError;
use crate::launch::Launcher;
use crate::leftovers;
use crate::ownership::remove_tree;
use crate::spec::{Bind, Level, Limits, Network, Spec, Tree};
use crate::trials;

/// The last but one argument by which the program knows that it is to make the attempts.
pub(crate) const WORD: &str = "try-denials";

/// Where the program appears in a strict box.
const PROGRAM: &str = "/opt/codex-task-attempts";

/// The tree in a strict box.
const TREE: &str = "/tree";

/// What the box's side has to know of the host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) level: Level,
    pub(crate) tree: PathBuf,
    /// A file outside that everybody may read and write.
    pub(crate) outside: PathBuf,
    /// The home folder and its entries.
    pub(crate) home: Vec<PathBuf>,
    pub(crate) tcp: u16,
    pub(crate) udp: u16,
    pub(crate) abstract_socket: String,
    pub(crate) path_socket: PathBuf,
    pub(crate) path_datagrams: PathBuf,
    /// The operator, and when it was started.
    pub(crate) operator: i32,
    pub(crate) started: Option<String>,
}

/// Everything that is made; dropping it takes it away.
pub(crate) struct Ground {
    folder: PathBuf,
    facts: Facts,
    datagrams: UdpSocket,
    _listeners: (TcpListener, UnixListener, UnixListener, UnixDatagram),
}

impl Ground {
    pub(crate) fn new(place: &Path, home: Option<&Path>) -> io::Result<Self> {
        let me = rustix::process::getpid();
        let number = me.as_raw_nonzero().get();
        let folder = trials::folder(place, "denials");
        remove_tree(&folder).map_err(io::Error::other)?;
        for name in ["", "tree", "scratch"] {
            fs::create_dir(folder.join(name))?;
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
        let outside = folder.join("outside");
        fs::write(&outside, "outside\n")?;
        fs::set_permissions(&outside, fs::Permissions::from_mode(0o666))?;
        let (tcp, udp) = (TcpListener::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
        udp.set_nonblocking(true)?;
        let abstract_socket = format!("codex-task-denials-{number}");
        let hidden = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&abstract_socket)?)?;
        let path_socket = folder.join("socket");
        let shown = bind_socket(&path_socket, |short| UnixListener::bind(short))?;
        let path_datagrams = folder.join("datagrams");
        let datagrams = bind_socket(&path_datagrams, |short| UnixDatagram::bind(short))?;
        let facts = Facts {
            level: Level::None,
            tree: folder.join("tree"),
            outside,
            // Some service accounts are at home in the root folder, which every box has one of.
            home: home.filter(|home| home.parent().is_some()).map(entries).unwrap_or_default(),
            tcp: tcp.local_addr()?.port(),
            udp: udp.local_addr()?.port(),
            abstract_socket,
            path_socket,
            path_datagrams,
            operator: number,
            started: leftovers::started(me),
        };
        Ok(Self { folder, facts, datagrams: udp, _listeners: (tcp, hidden, shown, datagrams) })
    }

    /// The box in which the attempts are made.
    pub(crate) fn spec(&self, launcher: &Launcher, level: Level) -> Result<Spec, SandboxError> {
        let strict = level == Level::Strict;
        let path = self.facts.tree.clone();
        let at = if strict { PathBuf::from(TREE) } else { path.clone() };
        let program = if strict { PathBuf::from(PROGRAM) } else { launcher.program.clone() };
        let facts = Facts { level, tree: at.clone(), ..self.facts.clone() };
        let facts = serde_json::to_string(&facts).map_err(SandboxError::Encode)?;
        let first = launcher.first_args.iter().map(|word| word.to_string_lossy().into_owned());
        let argv = [program.display().to_string()].into_iter().chain(first);
        Ok(Spec {
            level,
            argv: argv.chain([WORD.to_owned(), facts]).collect(),
            cwd: at.clone(),
            env: BTreeMap::new(),
            tree: Tree::Folder { path, at },
            git_dir: None,
            readable: vec![Bind { source: launcher.program.clone(), target: program }],
            in_home: Vec::new(),
            scratch: Some(self.folder.join("scratch")),
            marker: format!("denials-{}", self.facts.operator),
            network: Network::None,
            limits: Limits { wall: super::PATIENCE, disk_reserve: 0, tree_bytes: None, ..Limits::default() },
            cgroup: None,
        })
    }

    pub(crate) fn was_reached_by_datagram(&self) -> bool {
        self.datagrams.recv(&mut [0; 8]).is_ok()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // What stays is found by its name and removed by the next round in the same process id; it is some bytes.
        let _ = remove_tree(&self.folder);
    }
}

/// A socket's path may have 107 bytes only, so it is made through its folder's descriptor.
fn bind_socket<S>(path: &Path, bind: impl Fn(&Path) -> io::Result<S>) -> io::Result<S> {
    use std::os::fd::AsRawFd;
    let folder = fs::File::open(path.parent().unwrap_or(Path::new("/")))?;
    let name = path.file_name().unwrap_or_default();
    let short = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
    let socket = bind(&short)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o777))?;
    Ok(socket)
}

/// The most entries of the home folder that are tried.
const ENTRIES: usize = 64;

fn entries(home: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(home).into_iter().flatten().flatten().map(|entry| entry.path());
    std::iter::once(home.to_owned()).chain(entries.take(ENTRIES)).collect()
}
