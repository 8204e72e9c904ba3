//! The store's own past, kept short, and its size, watched.
//!
//! A store keeps what its rows were before, for readers of the past and for watches that lag. Nothing here looks back
//! for longer than a call to the store may take; without this an etcd would grow until it takes no more writes. Every
//! replica does it: who comes second finds it done.

use std::{sync::Arc, time::Duration};

use crate::store::{Range, Revision, Store, StoreError, Usage};

/// How often the past is forgotten, up to where the store was the time before.
const EVERY: Duration = Duration::from_mins(5);
/// A store that is fuller than this is worth a warning: percents of what it takes.
const WARN_FROM_PERCENT: u64 = 80;

/// Goes on until it is aborted.
pub(super) async fn keep_house(store: Arc<dyn Store>, prefix: String) {
    let mut before = None;
    loop {
        match tidy(&*store, &prefix, before).await {
            Ok(present) => before = Some(present),
            Err(error) => {
                tracing::warn!(%error, "the store's past could not be forgotten; it is tried again")
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Forgets what was before the revision, and says where the store is now.
async fn tidy(store: &dyn Store, prefix: &str, before: Option<Revision>) -> Result<Revision, StoreError> {
    if let Some(before) = before {
        store.compact(before).await?;
    }
    let usage = store.usage().await?;
    if let Some(percent) = percent(usage).filter(|percent| *percent >= WARN_FROM_PERCENT) {
        tracing::warn!(
            percent,
            bytes = usage.bytes,
            "the store is nearly full: give it room, or writes will fail"
        );
    }
    Ok(store.range(Range::prefix(prefix, 1)).await?.revision)
}

fn percent(usage: Usage) -> Option<u64> {
    Some(usage.bytes.saturating_mul(100) / usage.quota?.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Keys, MemoryStore, Transaction, Write};

    async fn write(store: &MemoryStore) -> Revision {
        let put = Write::Put(Keys::default().cluster(), "x".into());
        store.transact(Transaction::default().write(put)).await.unwrap();
        store.range(Range::prefix(&Keys::default().all(), 1)).await.unwrap().revision
    }

    #[tokio::test(start_paused = true)]
    async fn the_past_is_forgotten_and_the_present_is_not() {
        let store = Arc::new(MemoryStore::new());
        let old = write(&store).await;
        let house = tokio::spawn(keep_house(store.clone(), Keys::default().all()));
        tokio::time::sleep(EVERY / 2).await;
        let kept = write(&store).await;
        let at = |revision| Range { at: Some(revision), ..Range::prefix(&Keys::default().all(), 10) };
        for _ in 0..4 {
            let newest = write(&store).await;
            tokio::time::sleep(EVERY).await;
            store.range(at(newest)).await.unwrap();
        }
        for past in [old, kept] {
            assert!(matches!(store.range(at(past)).await, Err(StoreError::Compacted { .. })), "{past:?}");
        }
        house.abort();
    }

    #[test]
    fn a_store_without_a_quota_is_never_nearly_full() {
        assert_eq!(percent(Usage { bytes: 1 << 40, quota: None }), None);
        assert_eq!(percent(Usage { bytes: 90, quota: Some(100) }), Some(90));
        assert_eq!(percent(Usage { bytes: u64::MAX, quota: Some(0) }), Some(u64::MAX));
    }
}
