//! The audit of the kept figures: what the registry's rows, which were compared with the journal, add up to.

use crate::audit::{AuditReport, Problem};
use crate::error::Fault;
use crate::sql::conn::Db;
use crate::sql::tallies;
use crate::tally::{COLUMNS, Counts, Tallies};

/// `summed` is what was added up already; without it the database does.
pub(super) async fn check(
    db: &mut Db<'_>,
    summed: Option<&Tallies>,
    report: &mut AuditReport,
) -> Result<(), Fault> {
    let wanted = match summed {
        Some(summed) => summed.clone(),
        None => tallies::summed(db).await?,
    };
    let found = tallies::kept(db).await?;
    let names = wanted.keys().chain(found.keys().filter(|name| !wanted.contains_key(*name)));
    for name in names {
        let zero = Counts::default();
        // A status that no intent has any more leaves a row of zeros.
        let (wanted, found) = (wanted.get(name).unwrap_or(&zero), found.get(name).unwrap_or(&zero));
        for (column, (wanted, found)) in COLUMNS.iter().zip(wanted.iter().zip(found)) {
            if wanted != found {
                report.add(Problem::FiguresDiffer {
                    name: name.clone(),
                    column: (*column).to_owned(),
                    expected: *wanted,
                    found: *found,
                });
            }
        }
    }
    Ok(())
}
