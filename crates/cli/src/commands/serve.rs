//! `serve`: the Intent API over HTTP. `mcp`: the same verbs for one client, over standard streams.

use std::time::Duration;

use domain::exit_code::ExitCode;
use engine::Retention;
use serde_json::json;
use server::{Limits, Options, Server, ServerError};

use crate::args::service::{McpArgs, ServeArgs};
use crate::error::Failure;
use crate::output;
use crate::session::Session;
use crate::take::on_signals;

/// Holds the key of `mcp`: an argument would be seen by everybody on the machine.
const KEY_VARIABLE: &str = "CODEX_TASK_KEY";

pub(crate) async fn serve(session: &Session<'_>, args: &ServeArgs) -> Result<ExitCode, Failure> {
    let flags = args.judging.flags();
    // The configuration's warnings are told once, here.
    let project = session.project(&flags)?;
    let stop = on_signals()?;
    let inside = |file: &std::path::PathBuf| session.environment.folder.join(file);
    let operator = session.operator().await?;
    let options = Options {
        address: args.listen,
        tls: args.tls_cert.as_ref().zip(args.tls_key.as_ref()).map(|(cert, key)| (inside(cert), inside(key))),
        behind_proxy: args.behind_proxy,
        jobs: args.jobs,
        grace: Duration::from_secs(args.grace),
        limits: Limits { agent_per_minute: args.rpm, ..Limits::default() },
        retention: Retention::of(&project.config.store, &operator.world.folders.state),
    };
    let server = Server::bind(operator, session.opener(&flags), options, stop).await?;
    let address = server.address().map_err(|e| Failure::machine(format!("the address is not known: {e}")))?;
    let scheme = if args.tls_cert.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{address}");
    session.shell.out(&format!("listening on {url}"));
    if session.shell.is_json() {
        session.shell.json(&output::document("serve", json!({ "url": url, "exit_code": 0 })));
    }
    server.run().await;
    session.remark("ended; what was under way is in the journal");
    Ok(ExitCode::Done)
}

pub(crate) async fn mcp(session: &Session<'_>, args: &McpArgs) -> Result<ExitCode, Failure> {
    let Some(key) = session.environment.variable(KEY_VARIABLE) else {
        return Err(Failure::usage(format!(
            "{KEY_VARIABLE} is not set: the client needs a key as over HTTP"
        ))
        .hint("`codex-task agent add NAME` makes one"));
    };
    let key = key.to_owned().into();
    let flags = args.judging.flags();
    session.project(&flags)?;
    let stop = on_signals()?;
    let operator = session.operator().await?;
    let bounds = (args.jobs, Duration::from_secs(args.grace));
    server::over_stdio(operator, session.opener(&flags), key, bounds, stop).await?;
    Ok(ExitCode::Done)
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Engine(error) => error.into(),
            ServerError::Store(error) => error.into(),
            ServerError::NoKeys { .. } => Self::usage(error.to_string())
                .hint("`codex-task agent add NAME` makes one; or listen on 127.0.0.1"),
            ServerError::NoTls { .. } => Self::usage(error.to_string())
                .hint("--tls-cert and --tls-key; or --behind-proxy, where a proxy in front speaks TLS"),
            ServerError::Certificate { .. } => Self::usage(error.to_string()),
            ServerError::Listen { ref source, .. } => Self::usage(format!("{error}: {source}"))
                .hint("--listen names another address; port 0 takes any that is free"),
            ServerError::Worker(_) => Self::machine(error.to_string()),
        }
    }
}
