//! A registry of one package, `left`, on 127.0.0.1: as an npm tarball, a wheel, a crate and a Go module, which are made here.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Serves these bytes by path, and nothing else.
pub(crate) struct Registry {
    pub(crate) port: u16,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    asked: Arc<Mutex<Vec<String>>>,
    /// While set, a request is taken and not answered.
    pub(crate) is_stuck: Arc<AtomicBool>,
}

impl Registry {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let registry = Self {
            port: listener.local_addr().unwrap().port(),
            files: Arc::default(),
            asked: Arc::default(),
            is_stuck: Arc::default(),
        };
        let (files, asked, is_stuck) =
            (registry.files.clone(), registry.asked.clone(), registry.is_stuck.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (files, asked, is_stuck) = (files.clone(), asked.clone(), is_stuck.clone());
                std::thread::spawn(move || answer(stream, &files, &asked, &is_stuck));
            }
        });
        registry
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.files.lock().unwrap().insert(path.to_owned(), bytes.into());
    }

    /// The paths that were asked for, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(
    mut stream: TcpStream,
    files: &Mutex<BTreeMap<String, Vec<u8>>>,
    asked: &Mutex<Vec<String>>,
    is_stuck: &AtomicBool,
) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let first = lines.next()?.ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    while lines.next()?.ok().is_some_and(|line| !line.is_empty()) {}
    asked.lock().unwrap().push(path.clone());
    if is_stuck.load(Ordering::Relaxed) {
        // Until the other side is gone.
        let _ = lines.next();
        return None;
    }
    let found = files.lock().unwrap().get(&path).cloned();
    let (status, body) = found.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
    let kind = if path.ends_with('/') { "text/html" } else { "application/octet-stream" };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&body).ok()
}

fn run(folder: &Path, program: &str, args: &[&str]) -> String {
    #[expect(clippy::disallowed_methods, reason = "packages are made with the tools of their makers")]
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{program} {args:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A gzipped tar of these files.
pub(crate) fn tarball(files: &[(&str, &str)]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let content = folder.path().join("content");
    for (path, text) in files {
        let place = content.join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, text).unwrap();
    }
    run(&content, "tar", &["--owner=0", "--group=0", "-czf", "../all.tgz", "."]);
    std::fs::read(folder.path().join("all.tgz")).unwrap()
}

/// The same with the files' own names, without `./` before them.
pub(crate) fn plain_tarball(top: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let place = folder.path().join(top).join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, text).unwrap();
    }
    run(folder.path(), "tar", &["--owner=0", "--group=0", "-czf", "all.tgz", top]);
    std::fs::read(folder.path().join("all.tgz")).unwrap()
}

/// A zip of these files, and what Go calls its hash.
pub(crate) fn zip(files: &[(&str, &str)]) -> (Vec<u8>, String) {
    const MAKE: &str = "import base64, hashlib, json, sys, zipfile
files = json.load(open('files.json'))
with zipfile.ZipFile('all.zip', 'w') as out:
    for name, text in files:
        out.writestr(name, text)
lines = ''.join(sorted(hashlib.sha256(t.encode()).hexdigest() + '  ' + n + '\\n' for n, t in files))
print('h1:' + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode())
";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("files.json"), serde_json::to_string(files).unwrap()).unwrap();
    let hash = run(folder.path(), "python3", &["-c", MAKE]);
    (std::fs::read(folder.path().join("all.zip")).unwrap(), hash.trim().to_owned())
}
