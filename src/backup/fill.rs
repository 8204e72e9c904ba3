//! Filling a store with another one's rows.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{
    BackupError,
    file::Pair,
    marks::{Restoring, uprooted},
    pages::batch_bytes,
};
use crate::{
    journal::{Head, Record},
    store::{
        Compare, Key, Keys, Limits, Outcome, Range, Record as Kind, Store, StoreError, StoreIdentity,
        Transaction, Write, after_prefix,
    },
};

/// How often a transaction is tried whose answer is lost, or that the store cannot do at the moment.
const TRIES: u32 = 6;
/// How long to wait before the second try; twice as long before each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What was put into a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Rows.
    pub rows: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// Namespaces with a head: so many have to be adopted.
    pub namespaces: u64,
    /// Heads that cannot be read and were put in as they are. Nothing is granted there until they are reset.
    pub unreadable: Vec<String>,
}

/// A store on its way from empty to whole. Every transaction compares the mark, so that of two who fill one store, the
/// earlier one stops.
pub(super) struct Fill<'a> {
    store: &'a dyn Store,
    keys: &'a Keys,
    mark: (Arc<str>, Bytes),
    limits: Limits,
    batch: Transaction,
    bytes: usize,
    filled: Filled,
}

impl<'a> Fill<'a> {
    /// Marks a store that has nothing below the root, or takes over what somebody else has not finished.
    pub(super) async fn begin(store: &'a dyn Store, keys: &'a Keys) -> Result<Self, BackupError> {
        let key = keys.restoring();
        let token = StoreIdentity::fresh().0;
        let value = Restoring { token, ..Restoring::default() }.to_row(&key);
        let before = store.get(&key).await?;
        if before.is_none() {
            let page = store.range(Range::prefix(&keys.all(), 1)).await?;
            if let Some(row) = page.rows.first() {
                return Err(BackupError::Exists { name: format!("the row {}", row.key) });
            }
        }
        let compare = match &before {
            None => Compare::Absent(key.clone()),
            Some(row) => Compare::Changed(key.clone(), row.changed),
        };
        let take = Transaction::default().when(compare).write(Write::Put(key.clone(), value.clone()));
        let limits = Limits { bytes: batch_bytes(store), ..store.limits() };
        let fill = Self {
            store,
            keys,
            mark: (key, value),
            limits,
            batch: Transaction::default(),
            bytes: 0,
            filled: Filled::default(),
        };
        if transact(store, take).await? == Outcome::Refused && !fill.holds().await? {
            return Err(BackupError::Superseded);
        }
        if before.is_some() {
            fill.clear().await?;
        }
        Ok(fill)
    }

    /// Puts a row in. A head comes to name a store that is none.
    pub(super) async fn row(&mut self, (key, value): Pair) -> Result<(), BackupError> {
        let value = match self.keys.parse(&key) {
            Some(Key::Of(_, Kind::Head)) => self.head(&key, value),
            _ => value,
        };
        let bytes = key.len() + value.len();
        let is_full = self.batch.writes.len() >= self.limits.operations || self.bytes + bytes > self.room();
        if is_full && !self.batch.writes.is_empty() {
            self.flush().await?;
        }
        self.bytes += bytes;
        self.filled.rows += 1;
        self.filled.bytes += bytes as u64;
        self.batch.writes.push(Write::Put(key, value));
        Ok(())
    }

    /// Takes the mark away: the store is whole.
    pub(super) async fn finish(mut self) -> Result<Filled, BackupError> {
        self.flush().await?;
        let replicas = self.store.range(Range::prefix(&self.keys.replicas(), 1)).await?;
        if let Some(row) = replicas.rows.first() {
            return Err(BackupError::InUse { key: row.key.to_string() });
        }
        let unmark = self.guarded(Transaction::default()).write(Write::Delete(self.mark.0.clone()));
        // Refused, it is done or not ours: an earlier try may have happened without our hearing of it.
        match transact(self.store, unmark).await? {
            Outcome::Refused if self.store.get(&self.mark.0).await?.is_some() => Err(BackupError::Superseded),
            _ => Ok(self.filled),
        }
    }

    fn head(&mut self, key: &Arc<str>, value: Bytes) -> Bytes {
        match Head::from_row(key, &value) {
            Ok(head) => {
                self.filled.namespaces += 1;
                uprooted(head).to_row(key)
            }
            Err(_) => {
                self.filled.unreadable.push(key.to_string());
                value
            }
        }
    }

    /// Removes everything below the root but the mark.
    async fn clear(&self) -> Result<(), BackupError> {
        let all = self.keys.all();
        let end = after_prefix(&all).expect("a root ends with '/'");
        let behind = format!("{} ", self.mark.0);
        let clear = self
            .guarded(Transaction::default())
            .write(Write::DeleteRange(all.into(), self.mark.0.clone()))
            .write(Write::DeleteRange(behind.into(), end.into()));
        self.commit(clear).await
    }

    async fn flush(&mut self) -> Result<(), BackupError> {
        self.bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        self.commit(self.guarded(batch)).await
    }

    async fn commit(&self, transaction: Transaction) -> Result<(), BackupError> {
        match transact(self.store, transaction).await? {
            Outcome::Committed(_) => Ok(()),
            Outcome::Refused => Err(BackupError::Superseded),
        }
    }

    fn guarded(&self, transaction: Transaction) -> Transaction {
        transaction.when(Compare::Value(self.mark.0.clone(), self.mark.1.clone()))
    }

    async fn holds(&self) -> Result<bool, StoreError> {
        Ok(self.store.get(&self.mark.0).await?.is_some_and(|row| row.value == self.mark.1))
    }

    /// Bytes of rows in a transaction. One that is larger goes alone, and the store says whether it takes it.
    fn room(&self) -> usize {
        self.limits.bytes.saturating_sub(self.mark.0.len() + self.mark.1.len())
    }
}

/// Refuses a row that no store takes, or not this one.
pub(super) fn check((key, value): &Pair, store: &dyn Store, keys: &Keys) -> Result<(), StoreError> {
    let mark = keys.restoring();
    let compare = Compare::Value(
        mark.clone(),
        Restoring { token: "0".repeat(32), ..Restoring::default() }.to_row(&mark),
    );
    let write = Write::Put(key.clone(), value.clone());
    Transaction::default().when(compare).write(write).check(store.limits())
}

/// Does a transaction that may be done again. Refused then says that it is not as it was, whoever changed it.
pub(super) async fn transact(store: &dyn Store, transaction: Transaction) -> Result<Outcome, StoreError> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        match store.transact(transaction.clone()).await {
            Err(StoreError::Unavailable { .. } | StoreError::Unknown { .. }) => {}
            outcome => return outcome,
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    store.transact(transaction).await
}
