//! What the audit looks at beside the sweep, as `sqlite/reader.rs` does: checkpoints, blobs and recorded answers, each read once.

use domain::ids::Sha256;
use sqlx::postgres::PgConnection;

use super::super::audit::cells::Cell;
use super::super::exchanges::is_named;
use super::copied::{Stopped, copied};
use crate::checkpoint::Signatures;

const BLOBS: &str = "SELECT sha256, size, bytes, erased_at FROM blobs";
const CHECKPOINTS: &str = "SELECT c.seq, c.hash, c.at, c.key, c.signature, j.hash FROM checkpoints c \
     LEFT JOIN journal j ON j.seq = c.seq ORDER BY c.seq";
const EXCHANGES: &str = "SELECT request, provider, model, form, answer, usage, at, \
     (SELECT attached FROM journal WHERE journal.seq = exchanges.seq) FROM exchanges";

/// How many blobs are what they are named after, and how many were erased; all of them are one or the other.
pub(in crate::sql) async fn blobs(conn: &mut PgConnection) -> Result<(u64, u64), Stopped> {
    let mut rows = copied(conn, BLOBS.to_owned()).await?;
    let (mut whole, mut erased) = (0, 0);
    while rows.advance().await? {
        let [Cell::Text(sha256), Cell::Number(size), bytes, erased_at] = cells(rows.cells()) else {
            return Err(Stopped::Odd);
        };
        match (bytes, erased_at) {
            (Cell::Null, Cell::Number(_)) => erased += 1,
            (Cell::Bytes(bytes), _)
                if usize::try_from(size) == Ok(bytes.len()) && Sha256::of(bytes).as_str() == sha256 =>
            {
                whole += 1;
            }
            _ => return Err(Stopped::Odd),
        }
    }
    Ok((whole, erased))
}

/// That each recorded answer is the one that the journal names.
pub(in crate::sql) async fn exchanges(conn: &mut PgConnection) -> Result<(), Stopped> {
    let mut rows = copied(conn, EXCHANGES.to_owned()).await?;
    while rows.advance().await? {
        let [first @ .., Cell::Number(at), attached] = cells::<8>(rows.cells()) else {
            return Err(Stopped::Odd);
        };
        let at = at.to_string();
        let mut texts = [None; 8];
        let all = first.into_iter().chain([Cell::Text(&at), attached]);
        for (text, cell) in texts.iter_mut().zip(all) {
            *text = match cell {
                Cell::Null => None,
                Cell::Text(text) => Some(text),
                _ => return Err(Stopped::Odd),
            };
        }
        if !is_named(texts) {
            return Err(Stopped::Odd);
        }
    }
    Ok(())
}

/// How many checkpoints there are, all of them of this origin and signed by one of these keys; see [`Signatures`].
pub(in crate::sql) async fn checkpoints(
    conn: &mut PgConnection,
    origin: &str,
    trusted: &[String],
) -> Result<i64, Stopped> {
    let mut rows = copied(conn, CHECKPOINTS.to_owned()).await?;
    let mut signatures = Signatures::new(origin, trusted);
    while rows.advance().await? {
        let [
            Cell::Number(seq),
            Cell::Text(hash),
            Cell::Number(_),
            Cell::Text(key),
            Cell::Text(signature),
            Cell::Text(entry),
        ] = cells(rows.cells())
        else {
            return Err(Stopped::Odd);
        };
        if !signatures.next(seq, [hash, entry], key, signature) {
            return Err(Stopped::Odd);
        }
    }
    signatures.end().ok_or(Stopped::Odd)
}

/// The first columns of a row.
fn cells<'m, const N: usize>(row: impl Iterator<Item = Cell<'m>>) -> [Cell<'m>; N] {
    let mut cells = [Cell::Other; N];
    cells.iter_mut().zip(row).for_each(|(place, cell)| *place = cell);
    cells
}
