//! Reading the swept tables for the audit, as `sqlite/rounds.rs` does: each table comes in the order of the intents' ids over a
//! connection of its own, so that the server goes on with all of them while what it sent is judged.

use sqlx::postgres::PgConnection;
use tokio::sync::mpsc::Sender;

use super::super::audit::cells::{Cell, Cells};
use super::super::audit::round::{Round, TABLES, Table};
use super::copied::{Copied, Stopped, copied};
use crate::error::Fault;

/// Bytes of the journal in a round: with the rounds under way, all that is in memory at once.
const ROUND: usize = 512 << 10;

/// Sends all rows of [`TABLES`], in the order of the intents' ids, then `None`. `room` gives a round without rows. When
/// something is not as we write it there is no end.
pub(in crate::sql) async fn send(
    mut conns: [PgConnection; TABLES.len()],
    room: impl FnMut() -> Round + Send,
    rounds: Sender<Result<Option<Round>, Fault>>,
) {
    let end = match read(&mut conns, room, &rounds).await {
        Ok(()) => Ok(None),
        Err(Stopped::Sql(error)) => Err(error.into()),
        Err(Stopped::Odd | Stopped::Unwanted) => return,
    };
    for conn in conns {
        // Nothing was asked of it any more.
        let _ = sqlx::Connection::close(conn).await;
    }
    let _ = rounds.send(end).await;
}

async fn read(
    conns: &mut [PgConnection; TABLES.len()],
    mut room: impl FnMut() -> Round + Send,
    rounds: &Sender<Result<Option<Round>, Fault>>,
) -> Result<(), Stopped> {
    let mut sweeps = Vec::with_capacity(TABLES.len());
    for (table, conn) in TABLES.iter().zip(conns) {
        let mut sweep =
            Sweep { place: table.place, rows: copied(conn, text(table)).await?, is_at_end: false };
        sweep.advance().await?;
        sweeps.push(sweep);
    }
    loop {
        let lead = sweeps.iter().position(|sweep| !sweep.is_at_end);
        let Some(lead) = lead else { return Ok(()) };
        let mut round = room();
        let last = sweeps[lead].lead(&mut round.tables[lead]).await?;
        for (sweep, cells) in sweeps.iter_mut().zip(&mut round.tables) {
            sweep.follow(&last, cells).await?;
        }
        rounds.send(Ok(Some(round))).await.map_err(|_| Stopped::Unwanted)?;
    }
}

/// All rows of a table, in the order of the intents' ids.
fn text(table: &Table) -> String {
    let Table { columns, from, key, then, .. } = table;
    format!("SELECT {columns} FROM {from} ORDER BY {key}{then}")
}

/// A table that is being read, at a row.
struct Sweep<'c, M> {
    /// The place of the intent's id among the columns.
    place: usize,
    rows: Copied<'c, M>,
    is_at_end: bool,
}

impl<M: AsRef<[u8]>> Sweep<'_, M> {
    /// Reads about [`ROUND`] bytes, up to the last row of an intent; gives that intent.
    async fn lead(&mut self, cells: &mut Cells) -> Result<String, Stopped> {
        let mut last = String::new();
        while !self.is_at_end {
            let id = self.id()?;
            if id != last {
                if cells.size() >= ROUND {
                    break;
                }
                id.clone_into(&mut last);
            }
            self.take(cells).await?;
        }
        Ok(last)
    }

    /// Reads on up to this intent.
    async fn follow(&mut self, last: &str, cells: &mut Cells) -> Result<(), Stopped> {
        while !self.is_at_end && self.id()? <= last {
            self.take(cells).await?;
        }
        Ok(())
    }

    /// The row's intent.
    fn id(&self) -> Result<&str, Stopped> {
        match self.rows.cells().nth(self.place) {
            Some(Cell::Text(id)) => Ok(id),
            _ => Err(Stopped::Odd),
        }
    }

    async fn take(&mut self, cells: &mut Cells) -> Result<(), Stopped> {
        self.rows.cells().for_each(|cell| cells.push(cell));
        if cells.is_too_big() {
            return Err(Stopped::Odd);
        }
        self.advance().await
    }

    async fn advance(&mut self) -> Result<(), Stopped> {
        self.is_at_end = !self.rows.advance().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
