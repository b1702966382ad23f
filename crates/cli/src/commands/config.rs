//! `config`: the configuration in force and which layer set what.

use domain::exit_code::ExitCode;
use engine::config::{self, Flags, Layers, Loaded, REPOSITORY_FILE, SYSTEM_FILE};
use serde_json::json;
use std::path::Path;

use super::document;
use crate::error::Failure;
use crate::session::Session;
use crate::ui::shell::DIM;
use crate::world::user_file;

/// The largest configuration file, in bytes.
const FILE_CAP: u64 = 1 << 20;

/// The configuration in force: the repository's file counts where there is a repository.
pub(crate) fn loaded(session: &Session<'_>) -> Result<Loaded, Failure> {
    let own = match session.repository() {
        Ok(repository) => repository.read(&repository.head()?.tree, REPOSITORY_FILE, FILE_CAP)?,
        Err(failure) if session.global.repo.is_some() => return Err(failure),
        Err(_) => None,
    };
    let own = own.map(|blob| String::from_utf8_lossy(&blob.bytes).into_owned());
    let user = user_file(session.environment);
    let loaded = config::load(&Layers {
        system: Some(Path::new(SYSTEM_FILE)),
        user: user.as_deref(),
        repository: own.as_deref(),
        environment: &session.world.environment,
        flags: &Flags::default(),
    });
    Ok(loaded.map_err(engine::EngineError::from)?)
}

pub(crate) fn run(session: &Session<'_>) -> Result<ExitCode, Failure> {
    let loaded = loaded(session)?;
    let value = serde_json::to_value(&loaded.config).unwrap_or_default();
    let shell = session.shell;
    shell.out(&shell.paint_out(DIM, "# set above the built-in values:"));
    for key in &loaded.sources {
        shell.out(&shell.paint_out(DIM, &format!("#   {} by {}", key.key, key.source)));
    }
    for warning in &loaded.warnings {
        shell.out(&format!("# warning: {warning}"));
    }
    shell.out(&format!("{value:#}"));
    let sources: Vec<_> =
        loaded.sources.iter().map(|s| json!({ "key": s.key, "source": s.source })).collect();
    document(
        session,
        "config",
        json!({ "config": value, "sources": sources, "warnings": loaded.warnings, "exit_code": 0 }),
    );
    Ok(ExitCode::Done)
}
