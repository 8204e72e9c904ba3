//! The store's watch, kept open.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;

use crate::store::{Batch, Range, Revision, Store, StoreError, WatchError};

/// Batches that wait for the desk; the store waits in turn.
pub(super) const MAX_BATCHES: usize = 256;
/// Pauses between tries, doubled from the first to the last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// What the watch has to say.
#[derive(Debug)]
pub(super) enum Watched {
    /// It is open: from now on nothing is missed.
    Open,
    Batch(Batch),
}

/// Watches all keys with the prefix, for as long as anybody listens. After a failure it goes on where it was; if that
/// cannot be, it says that it is [open](Watched::Open) anew.
pub(super) async fn watch(store: Arc<dyn Store>, prefix: String, to: mpsc::Sender<Watched>) {
    let mut pause = PAUSES.0;
    // The next revision to hear of; `None`: whatever is next.
    let mut next = None;
    let mut is_found = false;
    loop {
        let error = match listen(&*store, &prefix, &mut next, &mut pause, &to).await {
            Ok(()) => return,
            Err(error) => error,
        };
        is_found |= next.is_some();
        match is_found {
            false => tracing::warn!(%error, "waiting for the store; it is looked for again in {pause:?}"),
            true => tracing::warn!(%error, "the store's watch is over; it is opened again in {pause:?}"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Until nobody listens, or it fails.
async fn listen(
    store: &dyn Store,
    prefix: &str,
    next: &mut Option<Revision>,
    pause: &mut Duration,
    to: &mpsc::Sender<Watched>,
) -> Result<(), WatchError> {
    let is_new = next.is_none();
    let from = match *next {
        Some(next) => next,
        None => present(store, prefix).await.map_err(broken)?.next(),
    };
    let mut watch = match store.watch(prefix, from).await {
        Ok(watch) => watch,
        Err(error) => return Err(lost(error, next)),
    };
    *next = Some(from);
    if is_new && to.send(Watched::Open).await.is_err() {
        return Ok(());
    }
    loop {
        let batch = match watch.next().await {
            Ok(batch) => batch,
            Err(error) => return Err(lost(error, next)),
        };
        *pause = PAUSES.0;
        *next = Some(batch.revision.next());
        if !batch.changes.is_empty() && to.send(Watched::Batch(batch)).await.is_err() {
            return Ok(());
        }
    }
}

/// One that only broke off goes on where it was.
fn lost(error: WatchError, next: &mut Option<Revision>) -> WatchError {
    if !matches!(error, WatchError::Broken { .. }) {
        *next = None;
    }
    error
}

async fn present(store: &dyn Store, prefix: &str) -> Result<Revision, StoreError> {
    Ok(store.range(Range::prefix(prefix, 1)).await?.revision)
}

fn broken(error: StoreError) -> WatchError {
    WatchError::Broken { reason: error.to_string() }
}
