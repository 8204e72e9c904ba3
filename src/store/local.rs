//! Reads and watches of a map in this process, whoever writes it.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

use super::{Answer, Batch, Revision, Watch, WatchError, kv::Kv};

/// A map, and a word to whoever waits when readers see more of it.
#[derive(Debug)]
pub(super) struct Local {
    kv: Arc<Mutex<Kv>>,
    /// The newest revision that readers see. When this is dropped, watches end.
    settled: watch::Sender<Revision>,
}

impl Local {
    pub(super) fn new(kv: Kv) -> Self {
        let settled = watch::Sender::new(kv.revision());
        Self { kv: Arc::new(Mutex::new(kv)), settled }
    }

    /// The map, for as long as it takes to read or stage something: never across an await or a write to a disk.
    pub(super) fn kv(&self) -> MutexGuard<'_, Kv> {
        self.kv.lock()
    }

    /// Tells watches to look again. To be called whenever something was settled.
    pub(super) fn announce(&self) {
        let revision = self.kv().revision();
        self.settled.send_if_modified(|settled| std::mem::replace(settled, revision) != revision);
    }

    pub(super) fn watch(&self, prefix: &str, from: Revision) -> Result<Box<dyn Watch>, WatchError> {
        self.kv().watchable(from)?;
        let settled = self.settled.subscribe();
        Ok(Box::new(LocalWatch { kv: self.kv.clone(), settled, prefix: prefix.to_owned(), from }))
    }
}

/// Reads on from where it is whenever there is more. One that lags holds nothing but its place; when the past at that
/// place is forgotten meanwhile, it is told so.
struct LocalWatch {
    kv: Arc<Mutex<Kv>>,
    settled: watch::Receiver<Revision>,
    prefix: String,
    from: Revision,
}

impl Watch for LocalWatch {
    fn next(&mut self) -> Answer<'_, Batch, WatchError> {
        Box::pin(async {
            loop {
                // Marked as heard before looking, so that what comes in between is heard too.
                self.settled.borrow_and_update();
                if let Some(batch) = self.kv.lock().batch(&self.prefix, self.from)? {
                    self.from = batch.revision.next();
                    return Ok(batch);
                }
                if self.settled.changed().await.is_err() {
                    return Err(WatchError::Broken { reason: "the store was closed".to_owned() });
                }
            }
        })
    }
}
