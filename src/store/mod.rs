//! The distributor's memory: a small transactional key-value store.
//!
//! Everything that must survive a crash is a row of one ordered map from text to bytes. A [`Transaction`] compares some
//! rows and, only if all compare well, writes others, all at one [`Revision`]. That is all the protocol needs: whoever
//! writes names in the comparison what it believes, and a belief that is out of date writes nothing.
//!
//! Stores answer linearizably: a read that begins after a transaction was acknowledged sees it. An acknowledged
//! transaction is durable. Every kind passes the same conformance suite.

#[cfg(feature = "server")]
mod embedded;
mod errand;
mod error;
#[cfg(feature = "server")]
mod etcd;
mod identity;
mod keys;
pub mod kv;
mod local;
mod memory;
mod transaction;

use std::{future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;

#[cfg(feature = "server")]
pub(crate) use embedded::sync_folder;
#[cfg(feature = "server")]
pub use embedded::{EmbeddedOptions, EmbeddedStore, guards_against_panics};
pub use errand::{Errand, Reply, Request, Step};
pub use error::{StoreError, WatchError};
#[cfg(feature = "server")]
pub use etcd::{EtcdConfig, EtcdConfigError, EtcdLogin, EtcdStore, EtcdTls};
pub use keys::{Chunk, Key, Keys, MAX_REPLICA_BYTES, MAX_ROOT_BYTES, Record};
pub use memory::MemoryStore;
#[cfg(feature = "server")]
pub(crate) use transaction::check_key;
pub use transaction::{Compare, Limits, MAX_KEY_BYTES, Outcome, Transaction, Write};

/// A moment in the store's history; each transaction that writes makes the next one. The first is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl Revision {
    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A key, its value, and when it was last written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The key.
    pub key: Arc<str>,
    /// What was written last.
    pub value: Bytes,
    /// The revision that wrote it.
    pub changed: Revision,
}

/// Some rows, in order of their keys, all as of one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Row>,
    /// The revision that they are of.
    pub revision: Revision,
    /// Whether there are more rows in the range than were asked for.
    pub more: bool,
}

/// Which rows to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first key that may be in it.
    pub from: String,
    /// The first key behind it; `None`: there is no end. What ends before it begins holds nothing.
    pub until: Option<String>,
    /// As of which revision; `None`: the present one. One that is still to come is [`StoreError::Unavailable`].
    pub at: Option<Revision>,
    /// At most so many rows. Bounded by [`Limits::rows`].
    pub rows: usize,
}

/// What happened to one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was written.
    Put(Row),
    /// It was deleted.
    Deleted {
        /// The row's key.
        key: Arc<str>,
        /// The revision that deleted it.
        at: Revision,
    },
}

impl Change {
    /// The row's key.
    pub fn key(&self) -> &Arc<str> {
        match self {
            Self::Put(row) => &row.key,
            Self::Deleted { key, .. } => key,
        }
    }

    /// The revision that it happened at.
    pub fn at(&self) -> Revision {
        match self {
            Self::Put(row) => row.changed,
            Self::Deleted { at, .. } => *at,
        }
    }
}

/// All that one or several transactions, whole ones, did to the rows that are watched, in order. Without changes, it
/// says that nothing has happened to them up to the revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The changes, oldest first.
    pub changes: Vec<Change>,
    /// The watch has told everything up to and with this revision.
    pub revision: Revision,
}

/// Who a store is, so that another one with the same rows, such as a restored backup, is known to be another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreIdentity(pub String);

/// How full a store is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes that it holds, counted as its quota counts them.
    pub bytes: u64,
    /// Bytes above which it refuses what makes them more, but for what [may take its
    /// reserve](Transaction::uses_reserve); `None`: as many as fit the disk.
    pub quota: Option<u64>,
}

/// What a [`Store`]'s calls return.
pub type Answer<'a, T, E = StoreError> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// A transactional key-value store with history.
///
/// Calls may be dropped at any time; a transaction that was dropped may or may not have happened.
pub trait Store: Send + Sync + 'static {
    /// What kind of store it is, as one lowercase word for metrics, logs and status.
    fn kind(&self) -> &'static str;

    /// What one call may hold.
    fn limits(&self) -> Limits;

    /// Who it is. Differs between any two stores, also when one was made from a backup of the other.
    fn identity(&self) -> Answer<'_, StoreIdentity>;

    /// One row, as of now.
    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Row>>;

    /// The rows of a range.
    fn range(&self, range: Range) -> Answer<'_, Page>;

    /// Compares and, if all compare well, writes: everything or nothing.
    fn transact(&self, transaction: Transaction) -> Answer<'_, Outcome>;

    /// Tells what happens to the keys that begin with `prefix`, from the revision on and with it, without gap and in
    /// order.
    fn watch(&self, prefix: &str, from: Revision) -> Answer<'_, Box<dyn Watch>, WatchError>;

    /// Forgets what happened before the revision; the state right before it may stay readable. Reads and watches of
    /// what is forgotten fail with a typed error. Of a revision that is still to come, forgets what there is.
    fn compact(&self, before: Revision) -> Answer<'_, ()>;

    /// How full it is.
    fn usage(&self) -> Answer<'_, Usage>;

    /// Keys of rows that are there but cannot be read: reading or comparing one is [`StoreError::Corrupt`], ranges leave
    /// them out, and writing or deleting one mends it.
    fn damaged(&self) -> Vec<Arc<str>> {
        Vec::new()
    }
}

/// A watch that goes on until it is dropped, or fails.
pub trait Watch: Send {
    /// Waits for the next batch. After an error the watch is over; watch again from behind the last batch's revision.
    /// May be dropped and called again without losing anything. When the store moves on without touching what is
    /// watched, a batch without changes says so within seconds.
    fn next(&mut self) -> Answer<'_, Batch, WatchError>;
}

impl Range {
    /// All rows whose keys begin with the prefix, as of now.
    pub fn prefix(prefix: &str, rows: usize) -> Self {
        Self { from: prefix.to_owned(), until: after_prefix(prefix), at: None, rows }
    }

    /// What follows a page of it, as of the same revision; `None` when that was the last one.
    #[must_use]
    pub fn behind(self, page: &Page) -> Option<Self> {
        let last = page.rows.last().filter(|_| page.more)?;
        // Keys are printable ASCII, so the next one that can be is this one with a space.
        Some(Self { from: format!("{} ", last.key), at: Some(page.revision), ..self })
    }
}

/// The first key behind all that begin with the prefix; `None` when there is none.
pub fn after_prefix(prefix: &str) -> Option<String> {
    // Keys are printable ASCII (`keys`), so the last byte can always be raised.
    let mut bytes = prefix.as_bytes().to_vec();
    while let Some(last) = bytes.pop() {
        if last < 0x7f {
            bytes.push(last + 1);
            return String::from_utf8(bytes).ok();
        }
    }
    None
}
