//! A store that forgets everything when it is dropped: for tests, and for trying things out.

use std::future::ready;

use super::{
    Answer, Limits, Outcome, Page, Range, Revision, Row, Store, StoreIdentity, Transaction, Usage, Watch,
    WatchError,
    kv::{Kv, Retention},
    local::Local,
};

/// Rows in memory, and nowhere else.
///
/// ```
/// use shardway::store::{Compare, MemoryStore, Outcome, Store, Transaction, Write};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let store = MemoryStore::new();
/// let take = |who: &'static [u8]| {
///     Transaction::default()
///         .when(Compare::Absent("leader".into()))
///         .write(Write::Put("leader".into(), who.into()))
/// };
/// assert!(matches!(store.transact(take(b"a")).await?, Outcome::Committed(_)));
/// assert_eq!(store.transact(take(b"b")).await?, Outcome::Refused);
/// assert_eq!(store.get("leader").await?.expect("it was put").value, "a");
/// # Ok::<(), shardway::store::StoreError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    local: Local,
    identity: StoreIdentity,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store with the usual limits.
    pub fn new() -> Self {
        Self::with(Limits::default(), Retention::default())
    }

    /// An empty store with these limits.
    pub fn with(limits: Limits, retention: Retention) -> Self {
        Self { local: Local::new(Kv::new(limits, retention)), identity: StoreIdentity::fresh() }
    }
}

impl Store for MemoryStore {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn limits(&self) -> Limits {
        self.local.kv().limits()
    }

    fn identity(&self) -> Answer<'_, StoreIdentity> {
        Box::pin(ready(Ok(self.identity.clone())))
    }

    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Row>> {
        Box::pin(async move { self.local.kv().get(key) })
    }

    fn range(&self, range: Range) -> Answer<'_, Page> {
        Box::pin(async move { self.local.kv().range(&range) })
    }

    fn transact(&self, transaction: Transaction) -> Answer<'_, Outcome> {
        Box::pin(async move {
            let outcome = self.local.kv().apply(transaction)?;
            self.local.announce();
            Ok(outcome)
        })
    }

    fn watch(&self, prefix: &str, from: Revision) -> Answer<'_, Box<dyn Watch>, WatchError> {
        Box::pin(ready(self.local.watch(prefix, from)))
    }

    fn compact(&self, before: Revision) -> Answer<'_, ()> {
        Box::pin(async move {
            self.local.kv().compact(before);
            Ok(())
        })
    }

    fn usage(&self) -> Answer<'_, Usage> {
        let bytes = self.local.kv().held_bytes() as u64;
        Box::pin(ready(Ok(Usage { bytes, quota: None })))
    }
}
