//! A store of one process, in a folder: the default.
//!
//! Rows and their past are served from memory; a file holds the rows as they are, and every transaction is in it, safe
//! from a crash and a power failure, before it is acknowledged or shown to anybody. One thread writes, and takes all
//! transactions that wait together. The past is not in the file: watches of before a restart are told that it is
//! forgotten.
//!
//! `writer` says what happens when the disk fails.

mod disk;
mod queue;
mod record;
mod table;
mod watched;
mod writer;

#[cfg(test)]
mod crash_disk;
#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod failure_tests;

use std::{collections::BTreeMap, future::ready, path::Path, sync::Arc, thread};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::oneshot;

pub(crate) use self::disk::sync_folder;
pub use self::table::guards_against_panics;
use self::{
    disk::{Disk, Folder},
    queue::{Queue, Request},
    table::Failure,
    writer::Writer,
};
use super::{
    Answer, Limits, Outcome, Page, Range, Revision, Row, Store, StoreError, StoreIdentity, Transaction,
    Usage, Watch, WatchError, Write,
    kv::{Kv, Retention},
    local::Local,
};

/// The file.
const FILE: &str = "store.redb";
/// A file that is to take its place. One that is left over was never finished.
const NEW_FILE: &str = "store.redb.new";

/// How an [`EmbeddedStore`] behaves.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct EmbeddedOptions {
    /// What one call may hold.
    pub limits: Limits,
    /// How much of the past is kept, in memory.
    pub retention: Retention,
    /// Bytes of keys and values that the rows may take; what would make them more is refused as
    /// [`StoreError::Full`]. They are held in memory, and the file is at most some four times as large.
    ///
    /// As much again is kept back for what keeps a full store going and makes room in it: transactions that
    /// [use the reserve](Transaction::uses_reserve), and those that put nothing but what is there already.
    pub max_bytes: usize,
    /// Whether to make a store where there is none. Without it, that is [`StoreError::Unavailable`].
    pub create: bool,
}

impl Default for EmbeddedOptions {
    /// 4 GiB of rows: a namespace of a million shards with the longest keys takes 1.1 GiB, and as much again before its
    /// history is shortened.
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            retention: Retention::default(),
            max_bytes: usize::try_from(4_u64 << 30).unwrap_or(usize::MAX / 4),
            create: true,
        }
    }
}

/// Rows in a folder, durable, of one process at a time.
///
/// ```
/// use shardway::store::{EmbeddedOptions, EmbeddedStore, Store, Transaction, Write};
///
/// # let folder = std::env::temp_dir().join(format!("shardway-example-{}", std::process::id()));
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let store = EmbeddedStore::open(&folder, EmbeddedOptions::default())?;
/// store.transact(Transaction::default().write(Write::Put("a".into(), "1".into()))).await?;
/// drop(store);
///
/// let again = EmbeddedStore::open(&folder, EmbeddedOptions::default())?;
/// assert_eq!(again.get("a").await?.expect("it was acknowledged").value, "1");
/// # Ok::<(), shardway::store::StoreError>(())
/// # })?;
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    writer: Option<thread::JoinHandle<()>>,
}

/// What callers and the writer share.
#[derive(Debug)]
struct Shared {
    /// The folder, for messages.
    place: String,
    identity: StoreIdentity,
    max_bytes: usize,
    /// As large is the reserve: what the rows may take, or what they took when this was opened with less. So a snapshot of
    /// everything fits.
    base_bytes: usize,
    local: Local,
    queue: Queue,
    /// Records that cannot be read, by key.
    damaged: Mutex<BTreeMap<Arc<str>, Bytes>>,
    /// Why it is not known whether the last commit has happened. While it is not, nobody may be told either.
    open_question: Mutex<Option<String>>,
}

impl EmbeddedStore {
    /// Opens the store in a folder, or makes one. Blocks while it reads the file, and mends it after a crash.
    ///
    /// A folder that another process has open is [`StoreError::Locked`]; a file that makes no sense,
    /// [`StoreError::Corrupt`]; one of a newer version, [`StoreError::Newer`]. Then nothing was changed. Single records
    /// that cannot be read do not keep the store from opening; [`Store::damaged`] names them.
    pub fn open(folder: impl AsRef<Path>, options: EmbeddedOptions) -> Result<Self, StoreError> {
        let folder = folder.as_ref();
        if !options.create && !folder.join(FILE).is_file() {
            let reason = format!("{}: there is no store in it", folder.display());
            return Err(StoreError::Unavailable { reason });
        }
        Self::on(Box::new(Folder::open(folder)?), options)
    }

    fn on(disk: Box<dyn Disk>, options: EmbeddedOptions) -> Result<Self, StoreError> {
        let place = disk.place();
        let (writer, shared) =
            Writer::open(disk, options).map_err(|Failure { error, .. }| error.at(&place))?;
        let thread = thread::Builder::new().name("shardway-store".to_owned()).spawn({
            let shared = shared.clone();
            move || {
                let _closer = Closer(shared);
                writer.run();
            }
        });
        let thread = thread
            .map_err(|error| StoreError::Unavailable { reason: format!("no thread to write: {error}") })?;
        Ok(Self { shared, writer: Some(thread) })
    }
}

/// Waits for what is being written, so that the folder is free when it returns.
impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(writer) = self.writer.take() {
            // A panic of the writer has been reported where it happened.
            let _ = writer.join();
        }
    }
}

/// Sends everybody away who waits for a writer that is gone, however it went.
struct Closer(Arc<Shared>);

impl Drop for Closer {
    fn drop(&mut self) {
        self.0.queue.close();
        while self.0.queue.take().is_some() {}
    }
}

impl Shared {
    fn unreadable(&self, key: &str) -> StoreError {
        let reason = format!(
            "the row \"{key}\" in {} cannot be read; write or delete it, or restore a backup into an empty folder",
            self.place
        );
        StoreError::Corrupt { reason }
    }

    /// Refuses to tell the present while it is not known.
    fn check_settled(&self) -> Result<(), StoreError> {
        match &*self.open_question.lock() {
            None => Ok(()),
            Some(why) => {
                let reason =
                    format!("{}: it is not known whether the last commit happened ({why})", self.place);
                Err(StoreError::Unavailable { reason })
            }
        }
    }

    fn get(&self, key: &str) -> Result<Option<Row>, StoreError> {
        self.check_settled()?;
        if self.damaged.lock().contains_key(key) {
            return Err(self.unreadable(key));
        }
        self.local.kv().get(key)
    }

    fn range(&self, range: &Range) -> Result<Page, StoreError> {
        if range.at.is_none() {
            self.check_settled()?;
        }
        self.local.kv().range(range)
    }

    /// How many bytes the rows may take after a transaction, if it makes them more.
    fn most_bytes(&self, transaction: &Transaction, kv: &Kv) -> usize {
        // What only writes over what is there grows little, and must not fail: heads, terms, proofs of life. Nothing takes
        // its room away.
        let is_new = |write: &Write| matches!(write, Write::Put(key, _) if !kv.has(key));
        if !transaction.writes.iter().any(is_new) {
            self.base_bytes.saturating_mul(3)
        } else if transaction.uses_reserve {
            self.base_bytes.saturating_mul(2)
        } else {
            self.max_bytes
        }
    }

    fn full(&self, bytes: usize, most: usize) -> StoreError {
        let reserve = if most > self.max_bytes { " with its reserve" } else { "" };
        let reason = format!(
            "its rows would take {bytes} bytes, and may take {most}{reserve}; raise its max_bytes (as in              embedded:///folder?max_bytes=8GiB), or delete namespaces"
        );
        StoreError::Full { reason }.at(&self.place)
    }
}

impl Store for EmbeddedStore {
    fn kind(&self) -> &'static str {
        "embedded"
    }

    fn limits(&self) -> Limits {
        self.shared.local.kv().limits()
    }

    fn identity(&self) -> Answer<'_, StoreIdentity> {
        Box::pin(ready(Ok(self.shared.identity.clone())))
    }

    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Row>> {
        Box::pin(async move { self.shared.get(key) })
    }

    fn range(&self, range: Range) -> Answer<'_, Page> {
        Box::pin(async move { self.shared.range(&range) })
    }

    fn transact(&self, transaction: Transaction) -> Answer<'_, Outcome> {
        Box::pin(async move {
            transaction.check(self.limits())?;
            let (answer, outcome) = oneshot::channel();
            self.shared.queue.push(Request { transaction, answer })?;
            let lost = |_| Err(StoreError::Unknown { reason: "the store was closed".to_owned() });
            outcome.await.unwrap_or_else(lost)
        })
    }

    fn watch(&self, prefix: &str, from: Revision) -> Answer<'_, Box<dyn Watch>, WatchError> {
        Box::pin(ready(self.shared.local.watch(prefix, from)))
    }

    fn compact(&self, before: Revision) -> Answer<'_, ()> {
        Box::pin(async move {
            self.shared.local.kv().compact(before);
            Ok(())
        })
    }

    /// Of the rows as they are. Neither their past, in memory, is counted nor the file.
    fn usage(&self) -> Answer<'_, Usage> {
        let bytes = self.shared.local.kv().live_bytes() as u64;
        let usage = Usage { bytes, quota: Some(self.shared.max_bytes as u64) };
        Box::pin(ready(Ok(usage)))
    }

    fn damaged(&self) -> Vec<Arc<str>> {
        self.shared.damaged.lock().keys().cloned().collect()
    }
}
