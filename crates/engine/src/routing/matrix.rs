//! The table of routes: built in as `routing.yaml`, single rows replaced by the configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use domain::route::Complexity;
use domain::task::Kind;
use serde::{Deserialize, Serialize};

/// What matters more when both cannot be had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Prefer {
    /// Money: what is free first.
    #[default]
    Cost,
    /// Time: what is quick first.
    Speed,
}

/// Providers by complexity.
pub type Rows = BTreeMap<Complexity, Vec<String>>;

/// The row for the kinds that have none of their own.
pub const ANY: &str = "any";

/// Rows by the kind's word, or [`ANY`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Matrix(pub BTreeMap<String, Rows>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    cost: Matrix,
    speed: Matrix,
}

static BUILT_IN: LazyLock<Option<File>> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("routing.yaml")).ok());

/// The built-in table. A test reads it, so that it is never empty.
pub fn built_in(prefer: Prefer) -> Option<&'static Matrix> {
    let file = BUILT_IN.as_ref()?;
    Some(match prefer {
        Prefer::Cost => &file.cost,
        Prefer::Speed => &file.speed,
    })
}

impl Matrix {
    /// The providers for a task, when a row of this table is for exactly this kind, or for any.
    pub fn order(&self, kind: Kind, complexity: Complexity) -> Option<&[String]> {
        let row = |name: &str| self.0.get(name).and_then(|rows| rows.get(&complexity));
        row(kind.as_str()).or_else(|| row(ANY)).map(Vec::as_slice)
    }

    /// Every provider that some row names.
    pub fn all(&self) -> BTreeSet<&str> {
        self.0.values().flat_map(BTreeMap::values).flatten().map(String::as_str).collect()
    }

    /// The first row's name that is no kind of task.
    pub fn unknown_kind(&self) -> Option<&str> {
        let known = |name: &str| name == ANY || name.parse::<Kind>().is_ok();
        self.0.keys().map(String::as_str).find(|name| !known(name))
    }
}
