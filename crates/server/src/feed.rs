//! Knows how far the journal has come, whoever writes it: woken by this process's own writes, and looking for those of
//! others twice a second. Streams of events wait for it and read the journal themselves.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

/// How often the journal is looked at for what other processes wrote.
const LOOK: Duration = Duration::from_millis(500);

/// Follows the journal until the server ends; gives the sequence number of its last entry to whoever waits.
pub(crate) async fn follow(app: Arc<App>) {
    loop {
        tokio::select! {
            () = app.stop.wait() => return,
            () = app.work.moved().notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        match app.store().last_seq().await {
            Ok(seq) => {
                app.head.send_if_modified(|known| std::mem::replace(known, seq) != seq);
            }
            Err(error) => tracing::warn!(%error, "the journal's end cannot be read"),
        }
    }
}
