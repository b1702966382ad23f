//! The `store` section: where the registry is, and how long it keeps what is over.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The `store` section. Only the machine's owner sets it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// A registry on a PostgreSQL server, `postgres://user@host/database`; absent, it is a file of this user. It may hold a
    /// password, so it is never written out. A better place for a password is `~/.pgpass`.
    #[serde(skip_serializing)]
    pub url: Option<StoreUrl>,
    /// How many days the record of a finished change stays in the registry; absent, for good. What is older goes into
    /// files, by `gc` and by `serve`.
    pub keep_days: Option<u32>,
    /// The folder for these files; absent, `archive` beside the journal.
    pub archive: Option<PathBuf>,
}

/// The address of a registry; it does not print.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct StoreUrl(String);

impl StoreUrl {
    /// The address with all that is in it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for StoreUrl {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self(text));
        }
        Err("the address of a registry begins with postgres://".to_owned())
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://...")
    }
}
