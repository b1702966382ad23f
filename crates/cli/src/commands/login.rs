//! `login`: a person signs in to a chat page in a visible window; the session stays in the profile that `web` uses.

use domain::exit_code::ExitCode;
use providers::web::{LoginError, lacks_own_sandbox, login};
use serde_json::json;

use super::document;
use crate::args::LoginArgs;
use crate::error::Failure;
use crate::session::Session;
use crate::take::on_signals;

pub(crate) async fn run(session: &Session<'_>, args: &LoginArgs) -> Result<ExitCode, Failure> {
    let settings = session.web()?;
    let settings = match &args.site {
        Some(site) => settings.at_site(site),
        None => settings,
    };
    let cancel = on_signals()?;
    let opened = |url: &str| {
        session.remark(&format!("{url} is open: sign in, then close the window (or press Ctrl-C here)"));
        if lacks_own_sandbox() {
            session.remark(
                "warning: as root the browser runs without its own sandbox; an ordinary user's has it",
            );
        }
    };
    let found = login(&settings, opened, cancel.wait()).await.map_err(|error| match error {
        LoginError::NoDisplay => Failure::machine(error.to_string())
            .hint("run it in a desktop session, or over `ssh -X`; a profile can be copied from another machine, see docs/manual/web.md"),
        LoginError::Settings(_) => Failure::usage(error.to_string())
            .hint("an adapter is web/SITE.yaml beside your config.yaml, see docs/manual/web.md"),
        LoginError::Failed(_) => Failure::machine(error.to_string()),
    })?;
    session.shell.out(&found);
    document(session, "login", json!({ "site": settings.site, "found": found, "exit_code": 0 }));
    Ok(ExitCode::Done)
}
