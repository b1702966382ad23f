//! The browser: found, started in a process group of its own with an environment built from nothing, and ended with
//! everything that it started.
//!
//! It runs outside our sandbox, with the person's rights and the network, because that is what it is for. What it shows is
//! held by Chromium's own sandbox; as root Chromium refuses to start with it, so that there it runs without.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process_group};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::{Instant, timeout};

use super::devtools::{DevTools, Fault};
use super::profile::Profile;

/// The names under which a browser is looked for on the PATH.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// How long a browser may take to be there.
const START: Duration = Duration::from_secs(60);

/// How long it may take to close by itself, its session written.
const CLOSE: Duration = Duration::from_secs(5);

/// What is kept of what the browser says on its standard error.
const TAIL: usize = 4096;

/// The display's variables, which only a visible window needs.
const DISPLAY: [&str; 5] =
    ["DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];

/// How a browser is started.
#[derive(Debug, Clone)]
pub(super) struct Start<'a> {
    /// The program.
    pub(super) program: &'a Path,
    /// Arguments of the machine's owner, behind ours.
    pub(super) arguments: &'a [String],
    /// The variables that this process was given.
    pub(super) environment: &'a BTreeMap<String, String>,
    /// Whether a person is to see it.
    pub(super) visible: bool,
}

/// A running browser. When it is dropped, its whole process group is killed.
pub(super) struct Browser {
    child: Child,
    group: Option<Pid>,
    pub(super) devtools: DevTools,
    said: Arc<Mutex<Vec<u8>>>,
}

/// The browser to use: the configured one, else the first that the PATH has.
///
/// # Errors
/// A sentence that says what to do.
pub(super) fn find(
    configured: Option<&str>,
    environment: &BTreeMap<String, String>,
) -> Result<PathBuf, String> {
    let is_program = |path: &Path| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    };
    let on_path = |name: &str| {
        let folders = environment.get("PATH").map(String::as_str).unwrap_or_default();
        folders
            .split(':')
            .filter(|f| f.starts_with('/'))
            .map(|f| Path::new(f).join(name))
            .find(|p| is_program(p))
    };
    match configured {
        Some(program) if program.starts_with('/') => Some(PathBuf::from(program))
            .filter(|path| is_program(path))
            .ok_or_else(|| format!("{program} (providers.web.browser) is no program")),
        Some(program) if program.contains('/') => {
            Err(format!("providers.web.browser: {program} must be a whole path or a name on the PATH"))
        }
        Some(program) => {
            on_path(program).ok_or_else(|| format!("{program} (providers.web.browser) is not on the PATH"))
        }
        None => NAMES.into_iter().find_map(on_path).ok_or_else(|| {
            format!(
                "no browser is on the PATH ({}); install chromium or set providers.web.browser",
                NAMES.join(", ")
            )
        }),
    }
}

/// Whether the browser runs without Chromium's own sandbox: as root it refuses to start with it.
pub fn lacks_own_sandbox() -> bool {
    geteuid().is_root()
}

fn arguments(start: &Start<'_>, profile: &Profile) -> Vec<String> {
    let mut all: Vec<String> = [
        "--remote-debugging-pipe",
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-breakpad",
        "--disable-dev-shm-usage",
        "--metrics-recording-only",
        // The session must be readable with and without a desktop's key store.
        "--password-store=basic",
        "--window-size=1280,1400",
    ]
    .map(str::to_owned)
    .to_vec();
    all.push(format!("--user-data-dir={}", profile.profile().display()));
    if !start.visible {
        all.push("--headless=new".to_owned());
    }
    if lacks_own_sandbox() {
        all.push("--no-sandbox".to_owned());
    }
    all.extend(start.arguments.iter().cloned());
    all.push("about:blank".to_owned());
    all
}

fn variables(start: &Start<'_>, profile: &Profile) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let display = DISPLAY.iter().filter(|_| start.visible);
    for name in ["PATH", "LANG", "LC_ALL", "TZ"].iter().chain(display) {
        if let Some(value) = start.environment.get(*name) {
            all.insert((*name).to_owned(), value.clone());
        }
    }
    all.insert("HOME".to_owned(), profile.home().display().to_string());
    if let Some(folder) = profile.temporary() {
        all.insert("TMPDIR".to_owned(), folder.display().to_string());
    }
    all
}

impl Browser {
    /// Starts it and attaches to its first page.
    ///
    /// # Errors
    /// A sentence with the last that the browser said.
    pub(super) async fn start(start: &Start<'_>, profile: &Profile, until: Instant) -> Result<Self, String> {
        let until = until.min(Instant::now() + START);
        let mut browser = Self::spawn(start, profile)?;
        match browser.devtools.attach(until).await {
            Ok(()) => {}
            Err(fault) => {
                return Err(format!("{}: {fault}{}", start.program.display(), browser.last_words().await));
            }
        }
        // Nothing that a page offers is written to the disk.
        let denied =
            browser.devtools.browser("Browser.setDownloadBehavior", json!({ "behavior": "deny" }), until);
        denied.await.map_err(|fault| format!("{}: {fault}", start.program.display()))?;
        Ok(browser)
    }

    /// The browser talks over the descriptors 3 and 4; the shell puts our pipes there and becomes the browser.
    fn spawn(start: &Start<'_>, profile: &Profile) -> Result<Self, String> {
        let place = "exec 3<&0 4>&1 </dev/null >/dev/null; exec \"$0\" \"$@\"";
        #[expect(
            clippy::disallowed_methods,
            reason = "the browser is the person's own program with the person's session: no box may hold it, as none holds git"
        )]
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", place])
            .arg(start.program)
            .args(arguments(start, profile))
            .env_clear()
            .envs(variables(start, profile))
            .current_dir(profile.home())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let failed = |why: String| format!("{}: {why}", start.program.display());
        let mut child = command.spawn().map_err(|e| failed(e.to_string()))?;
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed("its pipes are not there".to_owned()));
        };
        let said = Arc::new(Mutex::new(Vec::new()));
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(listen(stderr, Arc::clone(&said)));
        }
        Ok(Self { child, group, devtools: DevTools::new(input, output), said })
    }

    /// Waits until the person has closed the window.
    pub(super) async fn closed(&mut self) {
        self.devtools.drain().await;
        drop(self.child.wait().await);
    }

    /// Lets it close, so that the session is written, and ends what is left of it.
    pub(super) async fn close(mut self) {
        let until = Instant::now() + CLOSE;
        // The answer to this call may be lost with the pipe.
        let asked = self.devtools.browser("Browser.close", json!({}), until).await;
        if !matches!(asked, Err(Fault::Late)) {
            drop(timeout(CLOSE, self.devtools.drain()).await);
            drop(timeout(CLOSE, self.child.wait()).await);
        }
    }

    /// The last that it said, when it ended: its reason stands there.
    async fn last_words(&mut self) -> String {
        drop(timeout(Duration::from_secs(1), self.child.wait()).await);
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let said = String::from_utf8_lossy(&said).into_owned();
        let is_noise = |line: &&str| line.trim().is_empty() || line.contains("dbus/");
        let lines: Vec<&str> = said.lines().filter(|line| !is_noise(line)).collect();
        let last = lines[lines.len().saturating_sub(3)..].join(" / ");
        if last.is_empty() { String::new() } else { format!("; it said: {last}") }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Keeps the last of what is said, and takes the rest so that the browser never waits for us.
async fn listen(mut stderr: ChildStderr, said: Arc<Mutex<Vec<u8>>>) {
    let mut piece = [0; 1024];
    while let Ok(read @ 1..) = stderr.read(&mut piece).await {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend_from_slice(&piece[..read]);
        let over = said.len().saturating_sub(TAIL);
        said.drain(..over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_that_is_not_there_is_said_with_the_setting() {
        let environment = BTreeMap::from([("PATH".to_owned(), "/nowhere:relative".to_owned())]);
        let why = |configured| find(configured, &environment).unwrap_err();
        assert!(why(None).contains("install chromium or set providers.web.browser"));
        for configured in ["/no/such", "a/b", "no-such"] {
            assert!(why(Some(configured)).contains("providers.web.browser"), "{configured}");
        }
        assert_eq!(find(Some("/bin/sh"), &environment).unwrap(), Path::new("/bin/sh"));
    }
}
