//! Servers that somebody else wrote, on loopback: a program from the PATH, started for one test and ended with it.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::must::{Must, fail};

/// How long a server may take to listen; half of Python's web is loaded on a busy machine.
const LISTENS: Duration = Duration::from_secs(240);

/// A server of somebody else's; it ends with this value.
#[derive(Debug)]
pub struct OtherServer {
    child: Child,
    port: u16,
}

impl OtherServer {
    /// Starts a program of the PATH in a folder of its own, which is its home too, and waits until it listens. `dress` is
    /// given the command and the port, and says how the program is told of it. What it prints lies in `server.log` there.
    #[track_caller]
    pub fn start(program: &str, folder: &Path, dress: impl FnOnce(&mut Command, u16)) -> Self {
        Self::of(&on_path(program), folder, dress)
    }

    /// The chat page of `gradio` or `chainlit` (the program's name), in front of the model at this address.
    #[track_caller]
    pub fn chat_page(name: &str, model_url: &str, folder: &Path) -> Self {
        let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("pages");
        let script = pages.join(format!("{name}_page.py"));
        let program = on_path(name);
        // gradio's own program watches files; its page is an ordinary script.
        let program = if name == "gradio" { program.with_file_name("python") } else { program };
        Self::of(&program, folder, |command, port| {
            if name == "gradio" {
                command.arg(script).env("PORT", port.to_string());
            } else {
                command.arg("run").arg(script).args(["--headless", "--host", "127.0.0.1", "--port"]);
                command.arg(port.to_string());
            }
            command.env("MODEL_URL", model_url).env("GRADIO_ANALYTICS_ENABLED", "False");
            command.env("PYTHONPATH", &pages).env("PYTHONDONTWRITEBYTECODE", "1");
            command.env("CHAINLIT_APP_ROOT", folder);
        })
    }

    #[track_caller]
    fn of(program: &Path, folder: &Path, dress: impl FnOnce(&mut Command, u16)) -> Self {
        fs::create_dir_all(folder).must("making the server's folder");
        let log = folder.join("server.log");
        let written = File::create(&log).must("making the server's log");
        // Free at this moment; nobody else of this machine is told of it.
        let listener = TcpListener::bind("127.0.0.1:0").must("looking for a free port");
        let port = listener.local_addr().must("looking for a free port").port();
        drop(listener);
        #[expect(clippy::disallowed_methods, reason = "starts the server that a test is about")]
        let mut command = Command::new(program);
        dress(&mut command, port);
        command.current_dir(folder).env("HOME", folder).stdin(Stdio::null());
        command.stdout(written.try_clone().must("sharing the server's log")).stderr(written);
        let child = command.spawn().must(program.display());
        let mut server = Self { child, port };
        let until = Instant::now() + LISTENS;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.child.try_wait().must("looking at the server").is_some();
            if ended || Instant::now() >= until {
                let said = fs::read_to_string(&log).unwrap_or_default();
                fail(format_args!("{} does not listen: {said}", program.display()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// Its address, with a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}

impl Drop for OtherServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where a program of the tests lies.
#[track_caller]
fn on_path(name: &str) -> PathBuf {
    crate::need::program(name).must(name)
}
