//! Children of tests: this test binary once more, for one ignored test that works at the place of the test that starts it.
#![expect(clippy::disallowed_methods, reason = "starts its own binary, and tells it what to do")]

use std::path::PathBuf;
use std::process::Command;

use store::Store;

use crate::place::{Place, open};

const FOLDER: &str = "CODEX_TASK_STORE_TEST_FOLDER";
const URL: &str = "CODEX_TASK_STORE_TEST_URL";

/// The command for a child that runs this test.
pub(crate) fn child(place: &Place, test: &str) -> Command {
    let (folder, url) = place.parts();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]);
    command.env(FOLDER, folder).env(URL, url.unwrap_or_default());
    command
}

/// In a child: the folder of the place and its store. `None` when nobody started it.
pub(crate) async fn at_place() -> Option<(PathBuf, Store)> {
    let folder = PathBuf::from(std::env::var_os(FOLDER)?);
    let url = std::env::var(URL).ok().filter(|url| !url.is_empty());
    let store = open(&folder, url.as_deref()).await;
    Some((folder, store))
}
