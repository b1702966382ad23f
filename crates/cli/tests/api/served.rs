//! The program as a server, and a client of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::{PROGRAM, Place, SOON, wait_for};

/// A running `serve`; it is told to end when this is dropped.
pub(crate) struct Served {
    child: Child,
    pub(crate) url: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Served {
    pub(crate) fn by(place: &Place, args: &[&str]) -> Self {
        #[expect(clippy::disallowed_methods, reason = "starts the program under test")]
        let mut command = Command::new(PROGRAM);
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(args).current_dir(place.repo.path());
        command.env_clear().envs(place.environment());
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { child, url }
    }

    pub(crate) fn send(&self, method: &str, path: &str, key: &str, body: &str) -> Answer {
        self.send_with(method, path, key, &[], body)
    }

    /// With more headers.
    pub(crate) fn send_with(
        &self,
        method: &str,
        path: &str,
        key: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let address = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(SOON * 3)).unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n{more}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, body: body.to_owned() }
    }

    pub(crate) fn get(&self, path: &str, key: &str) -> Answer {
        self.send("GET", path, key, "")
    }

    pub(crate) fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.send("POST", path, key, &body.to_string())
    }

    /// Waits until a change is at rest.
    pub(crate) fn rested(&self, id: &str, key: &str) -> Value {
        wait_for("the change to rest", || {
            std::thread::sleep(std::time::Duration::from_millis(50));
            let view = self.get(&format!("/intents/{id}"), key).ok();
            (view["at_rest"] == true).then_some(view)
        })
    }

    pub(crate) fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// The exit code, once it has ended.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        wait_for("the server to end", || self.child.try_wait().unwrap()).code()
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.terminate();
            let _ = self.child.wait();
        }
    }
}

/// A new agent's key.
pub(crate) fn agent(place: &Place, args: &[&str]) -> String {
    let words: Vec<&str> = ["agent", "add", "-q"].iter().chain(args).copied().collect();
    let done = place.ends_with(0, &words);
    let key = done.stdout.trim().to_owned();
    assert!(key.starts_with("ctk_") && key.len() == 81, "{key:?}");
    key
}
