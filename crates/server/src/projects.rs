//! The served repository, opened: reading its configuration and rules takes longer than everything else that a request
//! does. What was opened is used again while the base is the same and no file of the configuration was written.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::{EngineError, Project};

use crate::app::OpenProject;

/// After so long it is opened anew: prices have dates, and the repository has a configuration of its own.
const AGE: Duration = Duration::from_secs(5);
/// How many bases are kept.
const MOST: usize = 16;

/// A commit, and the branch that it was found by.
type Base = (String, Option<String>);
/// What is open, and since when.
type Held = HashMap<Base, (Arc<Project>, Instant)>;

/// Opens the served repository, or gives what is open.
#[derive(Clone)]
pub(crate) struct Projects {
    open: OpenProject,
    held: Arc<Mutex<Held>>,
}

impl Projects {
    pub(crate) fn new(open: OpenProject) -> Self {
        Self { open, held: Arc::default() }
    }

    /// The repository at a revision (at HEAD where there is none), with the configuration in force now.
    ///
    /// # Errors
    /// When there is no such revision, and when the configuration is wrong.
    pub(crate) fn at(&self, revision: Option<&str>) -> Result<Arc<Project>, EngineError> {
        if let Some(project) = self.known(revision) {
            return Ok(project);
        }
        let project = Arc::new((self.open)(revision)?);
        let base = (project.base.commit.to_string(), project.base.branch.clone());
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, (_, since)| since.elapsed() < AGE);
        if held.len() < MOST {
            held.insert(base, (Arc::clone(&project), Instant::now()));
        }
        Ok(project)
    }

    /// What is open already for the commit that the revision means at this moment.
    fn known(&self, revision: Option<&str>) -> Option<Arc<Project>> {
        let any = {
            let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.values().find(|(_, since)| since.elapsed() < AGE).map(|(project, _)| Arc::clone(project))?
        };
        let found = match revision {
            Some(revision) => any.repository.resolve(revision),
            None => any.repository.head(),
        };
        let found = found.ok()?;
        let base = (found.commit.to_string(), found.branch);
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (project, since) = held.get(&base)?;
        (since.elapsed() < AGE && project.is_current()).then(|| Arc::clone(project))
    }
}
