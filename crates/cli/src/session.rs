//! What a command works with: the world, the project and the journal, each opened when it is first asked for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::ids::IntentId;
use domain::intent::Intent;
use engine::config::{self, Config, Flags, Layers, SYSTEM_FILE};
use engine::world::World;
use engine::{EngineError, Operator, Project};
use git::Repository;
use providers::{Settings, WebFolders, WebSettings};
use store::{Filter, Found, Page, Store};

use crate::args::GlobalArgs;
use crate::environment::Environment;
use crate::error::Failure;
use crate::ui::progress::{Detail, Reporter};
use crate::ui::shell::Shell;
use crate::{log, world};

/// One command at work.
pub(crate) struct Session<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) shell: &'a Shell,
    pub(crate) global: GlobalArgs,
    pub(crate) world: World,
}

impl<'a> Session<'a> {
    pub(crate) fn new(
        environment: &'a Environment,
        shell: &'a Shell,
        global: &GlobalArgs,
    ) -> Result<Self, Failure> {
        Ok(Self { environment, shell, global: global.clone(), world: world::world(environment)? })
    }

    /// The folder by which the repository is found.
    pub(crate) fn folder(&self) -> PathBuf {
        match &self.global.repo {
            Some(folder) => self.environment.folder.join(folder),
            None => self.environment.folder.clone(),
        }
    }

    pub(crate) fn repository(&self) -> Result<Repository, Failure> {
        Ok(Repository::open(&self.folder())?)
    }

    /// The project at HEAD, with its providers; warnings of the configuration are told.
    pub(crate) fn project(&self, flags: &Flags) -> Result<Project, Failure> {
        let project = self.project_quietly(flags)?;
        for warning in &project.warnings {
            self.remark(&format!("warning: {warning}"));
        }
        Ok(project)
    }

    /// The project as an intent found it: at its base, whose configuration judges it.
    pub(crate) fn project_of(&self, intent: &Intent, flags: &Flags) -> Result<Project, Failure> {
        Ok(self.open_at(intent, flags)?)
    }

    /// The project at a revision that the caller names; warnings of the configuration are told.
    pub(crate) fn project_at(&self, rev: &str, flags: &Flags) -> Result<Project, Failure> {
        let project = self.open_engine(Some(rev), flags)?;
        for warning in &project.warnings {
            self.remark(&format!("warning: {warning}"));
        }
        Ok(project)
    }

    /// The same with the engine's error.
    pub(crate) fn open_at(&self, intent: &Intent, flags: &Flags) -> Result<Project, EngineError> {
        self.open_engine(Some(intent.base.commit.as_str()), flags)
    }

    /// The project at HEAD; its warnings are the caller's to tell.
    pub(crate) fn project_quietly(&self, flags: &Flags) -> Result<Project, Failure> {
        Ok(self.open_engine(None, flags)?)
    }

    /// Refuses to work on a change of another repository than the one that the caller stands in.
    pub(crate) fn same_repository(&self, intent: &Intent) -> Result<(), Failure> {
        if self.repository()?.identity() == intent.repository {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "{} belongs to another repository: {}",
            intent.id.short(),
            intent.repository
        ))
        .hint("go there, or name it with --repo"))
    }

    /// Opens the project at any revision, from any thread.
    pub(crate) fn opener(&self, flags: &Flags) -> server::OpenProject {
        let (world, folder, flags) = (self.world.clone(), self.folder(), flags.clone());
        let user_file = world::user_file(self.environment);
        Arc::new(move |base| open_project(&world, &folder, base, user_file.as_deref(), &flags))
    }

    fn open_engine(&self, base: Option<&str>, flags: &Flags) -> Result<Project, EngineError> {
        let user_file = world::user_file(self.environment);
        open_project(&self.world, &self.folder(), base, user_file.as_deref(), flags)
    }

    /// The configuration of the machine's owner, in which a repository has no say.
    pub(crate) fn owners_config(&self) -> Result<Config, Failure> {
        let user = world::user_file(self.environment);
        let layers = Layers {
            system: Some(Path::new(SYSTEM_FILE)),
            user: user.as_deref(),
            repository: None,
            environment: &self.world.environment,
            flags: &Flags::default(),
        };
        Ok(config::load(&layers).map_err(EngineError::from)?.config)
    }

    /// What `web` is made from, outside of any repository.
    pub(crate) fn web(&self) -> Result<WebSettings, Failure> {
        let folders = web_folders(&self.world, world::user_file(self.environment).as_deref());
        let now = self.world.clock.now_micros();
        Ok(WebSettings::new(&self.owners_config()?, folders, &self.world.environment, now))
    }

    pub(crate) async fn store(&self) -> Result<Store, Failure> {
        let folder = &self.world.folders.state;
        std::fs::create_dir_all(folder).map_err(|e| Failure::file(folder, &e))?;
        if let Err(why) = log::begin(folder, &self.environment.variables, self.global.verbose) {
            self.remark(&format!("warning: {why}"));
        }
        // A repository has no say in where its changes are recorded.
        match &self.owners_config()?.store.url {
            Some(url) => Ok(Store::connect(folder, url.expose()).await?),
            None => Ok(Store::open(folder).await?),
        }
    }

    pub(crate) async fn operator(&self) -> Result<Operator, Failure> {
        Ok(Operator { world: self.world.clone(), store: Arc::new(self.store().await?) })
    }

    /// The intent that a person means; without a word, the last one: of this repository, when the caller stands in one.
    pub(crate) async fn find(&self, store: &Store, word: Option<&str>) -> Result<IntentId, Failure> {
        let word = word.unwrap_or("last");
        if let ("last", Ok(repository)) = (word, self.repository()) {
            let filter = Filter { repository: Some(repository.identity()), ..Filter::default() };
            let rows = store.list(&filter, Page::first(1)).await?;
            let nothing = Failure::usage("there is no change of this repository on record yet")
                .hint("`codex-task fix` or `codex-task suggest` makes one");
            return rows.into_iter().next().map(|row| row.id).ok_or(nothing);
        }
        match store.find_intent(word).await? {
            Found::One(id) => Ok(id),
            Found::Ambiguous(ids) => {
                let ids: Vec<&str> = ids.iter().map(IntentId::short).collect();
                Err(Failure::usage(format!("{word:?} means several changes: {}", ids.join(", ")))
                    .hint("write more digits of the id you mean"))
            }
            Found::Nothing if word == "last" => Err(Failure::usage("there is no change on record yet")
                .hint("`codex-task fix` or `codex-task suggest` makes one")),
            Found::Nothing => Err(EngineError::NoSuchIntent { name: word.to_owned() }.into()),
        }
    }

    /// The intent that a person means, folded from the journal.
    pub(crate) async fn intent(&self, store: &Store, word: Option<&str>) -> Result<Intent, Failure> {
        let id = self.find(store, word).await?;
        let intent = store.intent(&id).await?;
        intent.ok_or_else(|| EngineError::NoSuchIntent { name: id.to_string() }.into())
    }

    /// Whoever tells the progress.
    pub(crate) fn reporter(&self) -> Reporter<'a> {
        let detail = match (self.global.quiet, self.global.verbose) {
            (true, _) => Detail::Quiet,
            (false, 0 | 1) => Detail::Steps,
            (false, _) => Detail::Events,
        };
        Reporter::new(self.shell, detail)
    }

    /// A line on stderr, unless the caller wants none.
    pub(crate) fn remark(&self, line: &str) {
        if !self.global.quiet {
            self.shell.err(line);
        }
    }
}

/// Where `web` keeps its sessions, and where the user's adapters lie: beside the user's configuration.
pub(crate) fn web_folders(world: &World, user_file: Option<&Path>) -> WebFolders {
    let adapters = user_file.and_then(Path::parent).map(|folder| folder.join("web"));
    WebFolders { state: world.folders.state.clone(), adapters }
}

/// The project at a revision (HEAD where there is none), with its providers.
fn open_project(
    world: &World,
    folder: &Path,
    base: Option<&str>,
    user_file: Option<&Path>,
    flags: &Flags,
) -> Result<Project, EngineError> {
    let mut project = Project::open(world, folder, base, user_file, flags)?;
    let now = world.clock.now_micros();
    let web = WebSettings::new(&project.config, web_folders(world, user_file), &world.environment, now);
    let settings = Settings::new(Arc::clone(&project.rules), &project.config, now).with_web(web);
    project.providers = providers::from_config(&settings, &world.environment);
    Ok(project)
}
