//! Erasing: what finished intents said is taken away as a compaction takes it, and no file is written. Then the database is
//! written anew, since neither SQLite nor PostgreSQL overwrites what is deleted.

use std::collections::{BTreeSet, HashSet};

use domain::ids::IntentId;
use domain::registry::REGISTRY;
use memchr::memmem::Finder;

use super::compact::{Left, event_of, make_tables, take_away, told};
use super::conn::{Db, Seen, query};
use super::{Database, blobs, journal, statements};
use crate::audit::OnProgress;
use crate::checkpoint::Keeper;
use crate::compaction::{Compaction, names_in, stub_of};
use crate::error::Fault;
use crate::store::{Erased, Erasing};

/// Entries that are looked at together.
const PAGE: i64 = 4096;

impl Database {
    /// Erases them all, or none; those that were erased before are passed over.
    pub(crate) async fn erase(&self, wanted: &Erasing<'_>, keeper: &Keeper) -> Result<Erased, Fault> {
        let done = self.erase_rows(wanted, keeper).await?;
        // Also when there was nothing to do: whoever erased before may have died before this.
        let left = match self.turn().await?.rewrite().await {
            Ok(left) => left.map(str::to_owned),
            // What was erased is erased, and recorded: that is not to be told as a failure.
            Err(error) => Some(error.to_string()),
        };
        let (erasing, shared) = done.unzip();
        Ok(Erased { erasing, shared: shared.unwrap_or_default(), left })
    }

    async fn erase_rows(
        &self,
        wanted: &Erasing<'_>,
        keeper: &Keeper,
    ) -> Result<Option<(Compaction, u64)>, Fault> {
        let mut turn = self.turn().await?;
        let mut tx = turn.begin().await?;
        let tail = journal::tail(&mut tx.db()).await?;
        journal::check_head(&tail, keeper.head()?.as_ref())?;
        if !choose(&mut tx.db(), wanted.intents).await? {
            tx.give_up().await?;
            return Ok(None);
        }
        for text in [statements::DROP_PROMISES, statements::EMPTY_CACHE] {
            query(text).execute(&mut tx.db()).await?;
        }
        let Left { kept, blobs, exchanges, shared } = take_away(&mut tx.db(), None, tail.seq + 1).await?;
        let erasing = Compaction {
            seq: (tail.seq + 1).unsigned_abs(),
            at: wanted.at,
            archive: None,
            intents: kept.intents,
            entries: kept.entries,
            blobs,
            exchanges,
            digest: kept.digest,
            by: wanted.by.to_owned(),
        };
        self.record(tx, &event_of(&erasing), wanted.at, keeper).await?;
        Ok(Some((erasing, shared)))
    }

    /// The intents in whose entries, or in bytes that these name, one of these texts is, in the order of their ids.
    pub(crate) async fn holding(
        &self,
        texts: &[Vec<u8>],
        on_progress: OnProgress<'_>,
    ) -> Result<Vec<IntentId>, Fault> {
        let finders: Vec<Finder<'_>> = texts.iter().map(Finder::new).collect();
        let holds = |bytes: &[u8]| finders.iter().any(|finder| finder.find(bytes).is_some());
        let mut look = self.look().await?;
        let found = search(&mut look.db(), &holds, on_progress).await;
        let ids = look.done(found)?;
        let parsed =
            |id: &String| id.parse().map_err(|_| Fault::Damaged(format!("{id:?} is no intent's id")));
        ids.iter().map(parsed).collect()
    }
}

/// Writes down which intents go; whether there are any.
async fn choose(db: &mut Db<'_>, intents: &[IntentId]) -> Result<bool, Fault> {
    make_tables(db).await?;
    let mut chosen = 0;
    for id in intents.iter().collect::<BTreeSet<_>>() {
        let refused = |why: String| Fault::NotErasable(id.clone(), why);
        let row = query(statements::ERASABLE).bind(id.as_str()).row(db).await?;
        let row = row.ok_or_else(|| refused("is not in the registry".to_owned()))?;
        if let Some(seq) = stub_of(&row.get::<Vec<u8>>(2)?) {
            let gone = told(db).await?.into_iter().flatten().find(|told| told.seq.cast_signed() == seq);
            let gone = gone.ok_or_else(|| {
                Fault::Damaged(format!("intent {id} went at entry {seq}, which does not tell so"))
            })?;
            match gone.archive {
                None => continue,
                Some(archive) => {
                    let file = archive.file;
                    return Err(refused(format!(
                        "was compacted into {file}: that file has what it said, delete it; what lists show of it stays"
                    )));
                }
            }
        }
        if row.get::<i64>(0)? == 0 {
            let status: String = row.get(1)?;
            return Err(refused(format!(
                "is {status}, not over: `codex-task reject` or `codex-task resume` ends it"
            )));
        }
        chosen += query(statements::CHOOSE).bind(id.as_str()).execute(db).await?;
    }
    Ok(chosen > 0)
}

/// The ids of the intents whose entries hold it, or name bytes that do.
async fn search(
    db: &mut Db<'_>,
    holds: &(dyn Fn(&[u8]) -> bool + Sync),
    on_progress: OnProgress<'_>,
) -> Result<BTreeSet<String>, Fault> {
    let blob_count = query(statements::BLOB_COUNT).number(db).await?.unsigned_abs();
    let last: Option<Option<i64>> = query(statements::LAST_ENTRY).scalar(db).await?;
    let total = blob_count + last.flatten().unwrap_or_default().unsigned_abs();
    let (mut holding, mut seen, mut after) = (HashSet::new(), 0, String::new());
    loop {
        let page = blobs::after(db, &after).await?;
        let Some(last) = page.last() else { break };
        after = last.get("sha256")?;
        for row in &page {
            if row.get::<Option<Vec<u8>>>("bytes")?.is_some_and(|bytes| holds(&bytes)) {
                holding.insert(row.get::<String>("sha256")?);
            }
        }
        seen += page.len() as u64;
        on_progress(seen, total);
    }
    let looked = |row: &Seen<'_>| {
        let (intent, body, attached) = (row.text(1)?, row.bytes(2)?, row.text(3)?);
        let names = || names_in(body).chain(names_in(attached.as_bytes()));
        let is_one = intent != REGISTRY
            && stub_of(body).is_none()
            && (holds(body) || (!holding.is_empty() && names().any(|name| holding.contains(name))));
        Ok((row.get::<i64>(0)?, is_one.then(|| intent.to_owned())))
    };
    let (mut found, mut after) = (BTreeSet::new(), 0);
    loop {
        let page = query(statements::ENTRIES).bind(after).bind(PAGE).each(db, looked).await?;
        let Some((last, _)) = page.last() else { return Ok(found) };
        after = *last;
        seen += page.len() as u64;
        found.extend(page.into_iter().filter_map(|(_, intent)| intent));
        on_progress(seen, total);
    }
}
