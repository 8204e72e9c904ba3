//! A store in a folder that is closed under its replica, or whose watch falls silent.

use std::{path::PathBuf, sync::Arc};

use parking_lot::RwLock;
use shardway::store::{
    Answer, Batch, EmbeddedOptions, EmbeddedStore, Limits, Outcome, Page, Range, Revision, Row, Store,
    StoreError, StoreIdentity, Transaction, Usage, Watch, WatchError,
};
use tokio::sync::watch;

pub(super) struct Severed {
    folder: PathBuf,
    limits: Limits,
    /// `None`: it is closed.
    store: RwLock<Option<Arc<EmbeddedStore>>>,
    is_silent: watch::Sender<bool>,
}

struct SilencedWatch {
    inner: Box<dyn Watch>,
    is_silent: watch::Receiver<bool>,
}

impl Severed {
    pub(super) fn new(folder: PathBuf) -> Arc<Self> {
        let store = EmbeddedStore::open(&folder, EmbeddedOptions::default()).unwrap();
        let (limits, store) = (store.limits(), RwLock::new(Some(Arc::new(store))));
        Arc::new(Self { folder, limits, store, is_silent: watch::Sender::new(false) })
    }

    /// Its watches tell nothing, or go on; everything else works.
    pub(super) fn silence(&self, is_silent: bool) {
        self.is_silent.send_replace(is_silent);
    }

    pub(super) fn close(&self) {
        *self.store.write() = None;
    }

    /// Whether it could be opened: whoever had it may not have let go of it yet.
    pub(super) fn open(&self) -> bool {
        let store = EmbeddedStore::open(&self.folder, EmbeddedOptions::default());
        *self.store.write() = store.ok().map(Arc::new);
        self.store.read().is_some()
    }

    fn store(&self) -> Result<Arc<EmbeddedStore>, StoreError> {
        let closed = || StoreError::Unavailable { reason: "it is closed".into() };
        self.store.read().clone().ok_or_else(closed)
    }
}

impl Store for Severed {
    fn kind(&self) -> &'static str {
        "severed"
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn identity(&self) -> Answer<'_, StoreIdentity> {
        Box::pin(async { self.store()?.identity().await })
    }

    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Row>> {
        Box::pin(async move { self.store()?.get(key).await })
    }

    fn range(&self, range: Range) -> Answer<'_, Page> {
        Box::pin(async { self.store()?.range(range).await })
    }

    fn transact(&self, transaction: Transaction) -> Answer<'_, Outcome> {
        Box::pin(async { self.store()?.transact(transaction).await })
    }

    fn watch(&self, prefix: &str, from: Revision) -> Answer<'_, Box<dyn Watch>, WatchError> {
        let prefix = prefix.to_owned();
        Box::pin(async move {
            let broken = |error: StoreError| WatchError::Broken { reason: error.to_string() };
            let inner = self.store().map_err(broken)?.watch(&prefix, from).await?;
            Ok(Box::new(SilencedWatch { inner, is_silent: self.is_silent.subscribe() }) as Box<dyn Watch>)
        })
    }

    fn compact(&self, before: Revision) -> Answer<'_, ()> {
        Box::pin(async move { self.store()?.compact(before).await })
    }

    fn usage(&self) -> Answer<'_, Usage> {
        Box::pin(async { self.store()?.usage().await })
    }
}

impl Watch for SilencedWatch {
    fn next(&mut self) -> Answer<'_, Batch, WatchError> {
        Box::pin(async {
            let batch = self.inner.next().await;
            let _ = self.is_silent.wait_for(|is_silent| !is_silent).await;
            batch
        })
    }
}
