//! A real PostgreSQL for tests: one server on loopback that all test processes of this checkout share, and a schema of its
//! own for each test. The first who needs it starts it; it stops by itself when nobody has used it for a while.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::cases::workspace_root;
use crate::must::{Must, fail};
use crate::need::{Need, program};
pub use alone::OwnPostgres;

mod alone;

/// How long the server may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a test on PostgreSQL needs of the machine.
pub fn postgres_need() -> Need {
    let programs = programs().is_some();
    let rest = ["setpriv", "flock", "sh"].iter().all(|name| program(name).is_some());
    Need::Other(
        "PostgreSQL's programs (the package postgresql), setpriv and flock".to_owned(),
        programs && rest,
    )
}

/// The address of a new, empty schema. It lives as long as the server does.
///
/// # Panics
/// When the server cannot be started; see [`postgres_need`].
pub fn postgres_schema() -> String {
    let (folder, programs) = (folder(), programs().must("finding PostgreSQL's programs"));
    std::fs::create_dir_all(&folder).must("making the server's folder");
    use_server(&folder);
    let address = server(&folder, &programs);
    let schema = format!("test_{}", uuid::Uuid::now_v7().simple());
    sql(&programs, &address, &format!("CREATE SCHEMA {schema}"));
    format!("{address}?options=-csearch_path%3D{schema}")
}

/// Keeps the server running until this process ends, however it ends.
fn use_server(folder: &Path) {
    static USERS: OnceLock<File> = OnceLock::new();
    USERS.get_or_init(|| {
        let users = File::create(folder.join("users")).must("making the users' lock");
        users.lock_shared().must("taking the users' lock");
        users
    });
}

/// The address of the running server; starts it when there is none.
fn server(folder: &Path, programs: &Path) -> String {
    let start = File::create(folder.join("start")).must("making the lock of the start");
    start.lock().must("taking the lock of the start");
    let url = folder.join("url");
    if let Ok(address) = std::fs::read_to_string(&url)
        && answers(programs, address.trim())
    {
        return address.trim().to_owned();
    }
    let _ = std::fs::remove_file(&url);
    launch(folder, programs);
    let began = Instant::now();
    while !url.exists() {
        if began.elapsed() > PATIENCE {
            let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            fail(format_args!("PostgreSQL did not start:\n{log}"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    std::fs::read_to_string(&url).must("reading the server's address").trim().to_owned()
}

/// Starts the shell that runs the server, in a process group of its own: it outlives this test.
#[expect(
    clippy::disallowed_methods,
    clippy::zombie_processes,
    reason = "starts a server that outlives the test"
)]
fn launch(folder: &Path, programs: &Path) {
    let log = File::create(folder.join("log")).must("making the server's log");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).must("finding a port").port();
    let script = include_str!("postgres/serve.sh");
    Command::new("sh")
        .args(["-c", script, "serve"])
        .args([folder, programs])
        .arg(port.to_string())
        .stdin(Stdio::null())
        .stderr(log.try_clone().must("sharing the log"))
        .stdout(log)
        .process_group(0)
        .spawn()
        .must("starting PostgreSQL");
}

#[expect(clippy::disallowed_methods, reason = "asks the server, for tests only")]
fn psql(programs: &Path, address: &str, statement: &str) -> Command {
    let mut command = Command::new(programs.join("psql"));
    command.args(["-q", "-X", address, "-c", statement]).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn answers(programs: &Path, address: &str) -> bool {
    psql(programs, address, "SELECT 1").stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn sql(programs: &Path, address: &str, statement: &str) {
    let status = psql(programs, address, statement).status().must("running psql");
    if !status.success() {
        fail(format_args!("psql failed: {statement}"));
    }
}

/// One folder a user and checkout.
fn folder() -> PathBuf {
    let checkout = domain::ids::Sha256::of(workspace_root().as_os_str().as_encoded_bytes()).to_string();
    let uid = rustix::process::getuid().as_raw();
    std::env::temp_dir().join(format!("codex-task-postgres-{uid}-{}", &checkout[..12]))
}

/// The folder of the newest installed server's programs; Debian keeps them off the PATH.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| Some((version.file_name().to_str()?.parse().ok()?, version.path().join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").is_file())
        .collect();
    versions.sort();
    versions.pop().map(|(_, bin)| bin).or_else(|| Some(program("initdb")?.parent()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_schema_is_new_and_on_a_server_that_answers() {
        crate::requires!(postgres_need());
        let (one, other) = (postgres_schema(), postgres_schema());
        assert_ne!(one, other);
        let programs = programs().unwrap();
        sql(&programs, &one, "CREATE TABLE t (a INT)");
        sql(&programs, &other, "CREATE TABLE t (a INT)");
        assert!(!answers(&programs, "postgres://postgres@127.0.0.1:1/postgres"));
    }
}
