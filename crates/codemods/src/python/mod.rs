//! Python rules that YAML cannot say: they need to know what a name means where it stands.
//!
//! `visit` walks the file once, in the order of execution; `scope` answers what a name means; `comparisons` and
//! `defaults` look at single expressions and signatures on the way. The repairs come later and only for the one
//! finding that is asked for: `mutable_default` (B006, B008), `undefined_name` with `imports` (F821).

mod annotations;
mod bindings;
mod builtins;
mod comparisons;
mod defaults;
mod definitions;
mod expressions;
mod imports;
mod known_names;
mod mutable_default;
mod patterns;
mod scope;
mod statements;
mod syntax;
mod undefined_name;
mod visit;

use crate::edit::Edit;
use crate::scan::{Hit, ProjectNames, Repair};
use crate::source::{Skipped, Source};

/// Codes of the coded rules, with what each is about and whether some places can be repaired.
pub(crate) const CODED: &[(&str, &str)] = &[
    ("B006", "Mutable default of a parameter"),
    ("B008", "Function call in the default of a parameter"),
    ("E711", "Comparison to None by == or !="),
    ("E712", "Comparison to True or False by == or !="),
    ("E714", "`not x is y` instead of `x is not y`"),
    ("F632", "Comparison to a literal by `is`"),
    ("F821", "Undefined name"),
];

/// Whether a rule in Rust has this code.
pub(crate) fn is_coded(code: &str) -> bool {
    CODED.iter().any(|(coded, _)| *coded == code)
}

/// What one walk over a file finds out.
pub(crate) struct Analysis<'t> {
    pub(crate) hits: Vec<Hit>,
    /// Offsets of names that mean a builtin, sorted.
    builtin_uses: Vec<usize>,
    model: scope::Model<'t>,
}

impl Analysis<'_> {
    /// Whether the name at this offset means the builtin of that name.
    pub(crate) fn is_builtin_use(&self, offset: usize) -> bool {
        self.builtin_uses.binary_search(&offset).is_ok()
    }
}

/// Walks the file. `path` tells stub files and packages.
pub(crate) fn analyse<'t>(source: &'t Source, path: &str) -> Result<Analysis<'t>, Skipped> {
    if source.root().has_error() {
        return Err(Skipped::SyntaxError);
    }
    visit::visit(source.root(), source.text(), path)
}

/// The edits that repair a hit of a coded rule, with how sure we are and a sentence for people.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) edits: Vec<Edit>,
    pub(crate) explanation: String,
    pub(crate) confidence: f64,
}

/// Works out the repair of one hit; the error says why there is none.
pub(crate) fn plan(
    source: &Source,
    analysis: &Analysis<'_>,
    hit: &Hit,
    project: &dyn ProjectNames,
) -> Result<Plan, String> {
    match &hit.repair {
        Repair::Ready(plan) => Ok(plan.clone()),
        Repair::None(why) => Err(why.clone()),
        Repair::Default(site) => mutable_default::plan(source.root(), source.text(), site),
        Repair::Name(site) => {
            undefined_name::plan(source.root(), source.text(), &analysis.model, site, project)
        }
    }
}

pub(crate) use defaults::DefaultSite;
pub(crate) use undefined_name::NameSite;
