//! The formats of the database, in order. A migration is never changed once it was released; adding one is a recipe of
//! its own: docs/recipes/migration.md.

/// The text of each migration; the first makes format 1.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_journal.sql"),
    include_str!("../migrations/0002_agents.sql"),
    include_str!("../migrations/0003_budgets.sql"),
    include_str!("../migrations/0004_tallies.sql"),
    include_str!("../migrations/0005_pairs.sql"),
    include_str!("../migrations/0006_repository_agent.sql"),
    include_str!("../migrations/0007_answers.sql"),
];

/// The format that this version reads and writes. A database with a higher one is refused.
pub(crate) const FORMAT: i64 = MIGRATIONS.len() as i64;

/// Rows as that format wrote them, loaded by a test before it migrates on; one for each migration.
#[cfg(test)]
pub(crate) const SAMPLES: &[&str] = &[
    include_str!("../migrations/samples/0001.sql"),
    include_str!("../migrations/samples/0002.sql"),
    include_str!("../migrations/samples/0003.sql"),
    include_str!("../migrations/samples/0004.sql"),
    include_str!("../migrations/samples/0005.sql"),
    include_str!("../migrations/samples/0006.sql"),
    include_str!("../migrations/samples/0007.sql"),
];
