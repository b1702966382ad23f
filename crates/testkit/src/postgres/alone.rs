//! A PostgreSQL server of one test, which may kill it as a machine that stops would, and start it again on what is left.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;

use super::{PATIENCE, answers, programs};
use crate::must::{Must, fail};

/// The server; it ends with the test.
#[derive(Debug)]
pub struct OwnPostgres {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    server: Child,
}

impl OwnPostgres {
    /// Makes an empty database and starts the server.
    ///
    /// # Panics
    /// When it cannot be started; see [`super::postgres_need`].
    pub fn start() -> Self {
        let folder = tempfile::tempdir().must("making the server's folder");
        let programs = programs().must("finding PostgreSQL's programs");
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).must("finding a port").port();
        let server = launch(&folder, &programs, port);
        let mut own = Self { folder, programs, port, server };
        own.wait();
        own
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Ends all its processes at once: what was not written is lost.
    pub fn kill(&mut self) {
        let children = children_of(self.server.id());
        // It would start the others again.
        self.server.kill().must("killing the server");
        for child in &children {
            let _ = kill_process(*child, Signal::KILL);
        }
        self.server.wait().must("waiting for the server's end");
        let began = Instant::now();
        while children.iter().any(|child| test_kill_process(*child).is_ok()) {
            if began.elapsed() > PATIENCE {
                fail(format_args!("the server's processes did not end"));
            }
            std::thread::yield_now();
        }
    }

    /// Starts it again, on the files that are left.
    pub fn start_again(&mut self) {
        self.server = launch(&self.folder, &self.programs, self.port);
        self.wait();
    }

    fn wait(&mut self) {
        let began = Instant::now();
        while !answers(&self.programs, &self.url()) {
            let ended = self.server.try_wait().must("looking at the server").is_some();
            if ended || began.elapsed() > PATIENCE {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                fail(format_args!("PostgreSQL did not start:\n{log}"));
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        if self.server.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.kill();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "starts a server, for tests only")]
fn launch(folder: &TempDir, programs: &Path, port: u16) -> Child {
    let log = File::options().create(true).append(true).open(folder.path().join("log"));
    let log = log.must("making the server's log");
    Command::new("sh")
        .args(["-c", include_str!("alone.sh"), "alone"])
        .args([folder.path(), programs])
        .arg(port.to_string())
        .stdin(Stdio::null())
        .stderr(log.try_clone().must("sharing the log"))
        .stdout(log)
        .spawn()
        .must("starting PostgreSQL")
}

/// The processes whose parent this is.
fn children_of(parent: u32) -> Vec<Pid> {
    let parent_of = |process: &str| -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()
    };
    fs::read_dir("/proc")
        .must("listing processes")
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| parent_of(name) == Some(parent))
        .filter_map(|name| Pid::from_raw(name.parse().ok()?))
        .collect()
}
