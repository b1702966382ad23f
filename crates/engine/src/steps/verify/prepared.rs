//! The fetched dependencies under the two sides of a change: those of the base's lock files, and those of its own where
//! it alters them.

use domain::event::Candidate;
use domain::ids::Sha256;
use domain::verification::Verdict;
use sandbox::Level;

use crate::dependencies;
use crate::preparation::{self, Standing};
use crate::run::Run;
use crate::trees::{Prepared, TreeForm};

/// What there is for each side.
pub(super) struct Sides {
    pub(super) base: Option<Prepared>,
    candidate: Option<Prepared>,
    /// What to say of dependencies that the change brings along and that nobody fetched.
    pub(super) unprepared: Option<String>,
    /// Whether the change alters what the base's dependencies were fetched for.
    is_stale: bool,
}

impl Sides {
    pub(super) fn of(
        run: &Run<'_>,
        candidate: &Candidate,
        changed: &[String],
        place: (TreeForm, Level),
    ) -> Self {
        let (project, world) = (run.project, &run.operator.world);
        let find = |tree| preparation::prepared(project, world, tree, place);
        let base = find(&run.intent.base.tree);
        let said = dependencies::unprepared(changed, &candidate.reference);
        if said.is_none() {
            return Self { candidate: base.clone(), base, unprepared: None, is_stale: false };
        }
        let own = find(&candidate.tree);
        let is_stale = base.is_some()
            && own.is_none()
            && preparation::differs(project, world, &run.intent.base.tree, &candidate.tree);
        let unprepared = if own.is_some() && !is_same(&own, &base) { None } else { said };
        let candidate = own.or_else(|| base.clone());
        Self { base, candidate, unprepared, is_stale }
    }

    /// Under the tree of one side.
    pub(super) fn under(&self, baseline: bool) -> Option<Prepared> {
        if baseline { self.base.clone() } else { self.candidate.clone() }
    }

    /// Whether both sides stand on the same: then the build caches of the base fit the change.
    pub(super) fn are_same(&self) -> bool {
        is_same(&self.base, &self.candidate)
    }

    /// What differs from a run without it, for the names of what is remembered of the base.
    pub(super) fn id(&self) -> Option<&Sha256> {
        self.base.as_ref().map(Prepared::id)
    }

    /// Whether a program was installed with the base's dependencies.
    pub(super) fn has_program(&self, name: &str) -> bool {
        self.base.as_ref().is_some_and(|base| base.has_program(name))
    }

    /// The verdict with what is known of dependencies. A change of lock files is not verified with those of the base.
    pub(super) fn judge(&self, verdict: Verdict, run: &Run<'_>) -> Verdict {
        match verdict {
            Verdict::Verified if self.is_stale => {
                Verdict::NotVerified { why: self.unprepared.clone().unwrap_or_default() }
            }
            Verdict::Failed { mut why } => {
                why.extend(self.unprepared.clone());
                Verdict::Failed { why }
            }
            Verdict::BaselineBroken { why } => {
                let standing = preparation::standing(run.project, &run.operator.world);
                match standing {
                    Ok(Standing::Unprepared { files }) => Verdict::BaselineBroken {
                        why: format!(
                            "{why}; what {} names is not fetched: `codex-task prepare` fetches it",
                            files.first().map_or("the lock file", String::as_str)
                        ),
                    },
                    _ => Verdict::BaselineBroken { why },
                }
            }
            other => other,
        }
    }
}

fn is_same(one: &Option<Prepared>, other: &Option<Prepared>) -> bool {
    one.as_ref().map(Prepared::id) == other.as_ref().map(Prepared::id)
}
