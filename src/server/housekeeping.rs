//! The store's own past, kept short, and its size, watched.
//!
//! A store keeps what its rows were before, for readers of the past and for watches that lag. Nothing here looks back
//! for longer than a call to the store may take; without this an etcd would grow until it takes no more writes. Every
//! replica does it: who comes second finds it done.

use std::{sync::Arc, time::Duration};

use crate::store::{Range, Revision, Store, StoreError, Usage};

/// How often the past is forgotten, up to where the store was the time before.
const EVERY: Duration = Duration::from_mins(5);
/// How often its size is looked at: a store that fills is told of while there is time.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// A store that is fuller than this is worth a warning: percents of what it takes.
const WARN_FROM_PERCENT: u64 = 80;
/// How often its size is looked at before what is still so is said again.
const LOOKS: u64 = EVERY.as_secs() / LOOK_EVERY.as_secs();

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
        let mut told = Fill::Room;
        for _ in 0..LOOKS {
            // One that cannot be reached is told of elsewhere.
            if let Ok(usage) = store.usage().await {
                let fill = Fill::of(usage);
                if fill != told {
                    fill.tell(usage);
                }
                told = fill;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Forgets what was before the revision, and says where the store is now.
async fn tidy(store: &dyn Store, prefix: &str, before: Option<Revision>) -> Result<Revision, StoreError> {
    if let Some(before) = before {
        store.compact(before).await?;
    }
    Ok(store.range(Range::prefix(prefix, 1)).await?.revision)
}

/// Whether there is room left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fill {
    Room,
    Nearly,
    Full,
}

impl Fill {
    fn of(usage: Usage) -> Self {
        match percent(usage) {
            Some(100..) => Self::Full,
            Some(WARN_FROM_PERCENT..) => Self::Nearly,
            _ => Self::Room,
        }
    }

    fn tell(self, Usage { bytes, quota }: Usage) {
        match self {
            Self::Room => tracing::info!(bytes, quota, "the store has room again"),
            Self::Nearly => tracing::warn!(
                bytes,
                quota,
                "the store is nearly full: raise its limit (max_bytes of a folder, --quota-backend-bytes of etcd) \
                 or delete namespaces, or commits will be refused"
            ),
            Self::Full => tracing::error!(
                bytes,
                quota,
                "the store is full and refuses commits, until its limit is raised (max_bytes of a folder, \
                 --quota-backend-bytes of etcd) or namespaces are deleted"
            ),
        }
    }
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
        let fill = |bytes, quota| Fill::of(Usage { bytes, quota });
        assert_eq!(fill(1 << 40, None), Fill::Room);
        assert_eq!(fill(79, Some(100)), Fill::Room);
        assert_eq!(fill(80, Some(100)), Fill::Nearly);
        assert_eq!(fill(100, Some(100)), Fill::Full);
        assert_eq!(fill(u64::MAX, Some(0)), Fill::Full);
    }
}
