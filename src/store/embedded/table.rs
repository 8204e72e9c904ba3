//! The file: a redb database with the rows as they are, and a few words about them.
//!
//! redb writes copies of pages and then points to them, so a commit that is cut anywhere leaves the one before it. What
//! this adds: records that know their name, a count and a sum by which a missing row is noticed, and word on whether a
//! commit that failed can have happened all the same.

use std::{
    cell::Cell,
    collections::BTreeMap,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bytes::Bytes;
use redb::{Database, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    record::{self, Damage},
    watched::Watched,
};
use crate::store::{Change, Revision, Row, StoreError, StoreIdentity};

/// What is written. A file of a newer format is not touched.
const FORMAT: u64 = 1;
/// For pages on their way to the disk: reads are answered from memory.
const CACHE_BYTES: usize = 16 << 20;

const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");
const ABOUT: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("about");

/// An open file.
#[derive(Debug)]
pub(super) struct Table {
    database: Database,
    backend: Watched,
    state: State,
}

/// What the rows were like after a commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) revision: Revision,
    rows: u64,
    /// The sum of all records' seals.
    seals: u64,
}

/// All that a file holds.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) identity: StoreIdentity,
    pub(super) rows: Vec<Row>,
    /// Records that cannot be read, by the key of the row that they should be.
    pub(super) damaged: BTreeMap<Arc<str>, Bytes>,
}

/// Why something did not work, and what that means for the file.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: StoreError,
    /// The disk was asked to make a commit durable: it may have happened.
    pub(super) in_doubt: bool,
    /// The disk failed at that. Whatever it says about this file afterwards may come from memory that never reaches it.
    pub(super) sync_failed: bool,
}

impl Table {
    /// Makes a file with these records.
    pub(super) fn create(
        backend: Box<dyn StorageBackend>,
        identity: &StoreIdentity,
        revision: Revision,
        records: impl IntoIterator<Item = (Arc<str>, Vec<u8>)>,
    ) -> Result<(), Failure> {
        let backend = Watched::new(backend);
        let result = guarded(|| {
            let database = open_database(&backend)?;
            let write = database.begin_write()?;
            {
                let mut state = State { revision, rows: 0, seals: 0 };
                let mut rows = write.open_table(ROWS)?;
                for (key, record) in records {
                    state.add(&record);
                    rows.insert(key.as_bytes(), &*record)?;
                }
                let mut about = write.open_table(ABOUT)?;
                about.insert("format", &FORMAT.to_le_bytes()[..])?;
                about.insert("identity", identity.0.as_bytes())?;
                about.insert("state", &state.encode()[..])?;
            }
            write.commit()?;
            // Closing writes too, and cannot say whether that worked; but it has been watched.
            drop(database);
            Ok(())
        });
        result.map_err(|error| backend.failure(error))?;
        match backend.has_sync_failed() {
            false => Ok(()),
            true => Err(backend.failure(io::Error::other("the file could not be closed").into())),
        }
    }

    /// Opens a file, and mends what a crash left of the last commit.
    pub(super) fn open(backend: Box<dyn StorageBackend>) -> Result<Self, Failure> {
        let backend = Watched::new(backend);
        let opened = guarded(|| {
            let database = open_database(&backend)?;
            let about = database.begin_read()?.open_table(ABOUT)?;
            let read = |name| Ok::<_, redb::Error>(about.get(name)?.map(|guard| guard.value().to_vec()));
            Ok((read("format")?, read("state")?, database))
        });
        let (format, state, database) = opened.map_err(|error| backend.failure(error))?;
        let corrupt = |what: &str| backend.failure(redb::Error::Corrupted(what.to_owned()));
        let format = format.and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
        match format {
            Some(FORMAT) => {}
            Some(found) if found > FORMAT => {
                return Err(Failure { error: StoreError::Newer { found, known: FORMAT }, ..corrupt("") });
            }
            _ => return Err(corrupt("its format is not written in it")),
        }
        let state =
            state.as_deref().and_then(State::decode).ok_or_else(|| corrupt("its state cannot be read"))?;
        Ok(Self { database, backend, state })
    }

    /// Closes the file, whatever state it is in.
    pub(super) fn close(self) {
        // Nothing that goes wrong now could be told to anybody who waits: the last commit was answered.
        let _ = guarded(|| {
            drop(self);
            Ok(())
        });
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Reads everything, and notices what is damaged or missing.
    pub(super) fn read(&self) -> Result<Contents, Failure> {
        let mut contents =
            Contents { identity: StoreIdentity(String::new()), rows: Vec::new(), damaged: BTreeMap::new() };
        let mut found = State { revision: self.state.revision, ..State::default() };
        let read = guarded(|| {
            let read = self.database.begin_read()?;
            let identity = read.open_table(ABOUT)?.get("identity")?.map(|guard| guard.value().to_vec());
            let identity = identity.and_then(|bytes| String::from_utf8(bytes).ok());
            contents.identity.0 =
                identity.ok_or_else(|| redb::Error::Corrupted("its identity cannot be read".to_owned()))?;
            for entry in read.open_table(ROWS)?.iter()? {
                let (key, record) = entry?;
                found.add(record.value());
                contents.add(key.value(), record.value())?;
            }
            Ok(())
        });
        read.map_err(|error| self.backend.failure(error))?;
        let is_whole = found.rows == self.state.rows && (found == self.state || !contents.damaged.is_empty());
        if !is_whole {
            let reason = format!("it holds {} rows that are not the {} written", found.rows, self.state.rows);
            return Err(self.backend.failure(redb::Error::Corrupted(reason)));
        }
        Ok(contents)
    }

    /// Makes changes durable, and rows that cannot be read go away.
    pub(super) fn commit<'a>(
        &mut self,
        changes: impl Iterator<Item = &'a Change>,
        unreadable: &[Arc<str>],
        revision: Revision,
    ) -> Result<(), Failure> {
        let mut state = State { revision, ..self.state };
        let mut is_made = false;
        let committed = guarded(|| {
            let write = self.database.begin_write()?;
            {
                let mut rows = write.open_table(ROWS)?;
                for key in unreadable {
                    state.remove(rows.remove(key.as_bytes())?);
                }
                for change in changes {
                    match change {
                        Change::Put(Row { key, value, changed }) => {
                            let record = record::encode(key, *changed, value);
                            state.add(&record);
                            state.remove(rows.insert(key.as_bytes(), &*record)?);
                        }
                        Change::Deleted { key, .. } => state.remove(rows.remove(key.as_bytes())?),
                    }
                }
                write.open_table(ABOUT)?.insert("state", &state.encode()[..])?;
            }
            is_made = true;
            self.backend.begin_commit();
            Ok(write.commit()?)
        });
        committed.map_err(|error| {
            let failure = self.backend.failure(error);
            // One that was not even made is in no doubt, whatever came before it.
            Failure { in_doubt: failure.in_doubt && is_made, ..failure }
        })?;
        self.state = state;
        Ok(())
    }
}

impl State {
    const BYTES: usize = 32;

    fn add(&mut self, record: &[u8]) {
        self.rows += 1;
        self.seals = self.seals.wrapping_add(record::seal(record));
    }

    fn remove(&mut self, replaced: Option<redb::AccessGuard<'_, &[u8]>>) {
        if let Some(record) = replaced {
            self.rows -= 1;
            self.seals = self.seals.wrapping_sub(record::seal(record.value()));
        }
    }

    fn encode(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let (words, hash) = bytes.split_at_mut(Self::BYTES - 8);
        for (word, number) in words.chunks_exact_mut(8).zip([self.revision.0, self.rows, self.seals]) {
            word.copy_from_slice(&number.to_le_bytes());
        }
        hash.copy_from_slice(&xxh3_64(words).to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let words: Vec<u64> = bytes
            .chunks(8)
            .map(|word| word.try_into().map(u64::from_le_bytes))
            .collect::<Result<_, _>>()
            .ok()?;
        let [revision, rows, seals, _] = words[..] else { return None };
        let state = Self { revision: Revision(revision), rows, seals };
        (state.encode() == bytes).then_some(state)
    }
}

impl Contents {
    fn add(&mut self, key: &[u8], record: &[u8]) -> Result<(), redb::Error> {
        let name = std::str::from_utf8(key);
        match (name, record::decode(key, record)) {
            (Ok(name), Ok((changed, value))) => self.rows.push(Row { key: name.into(), value, changed }),
            (Ok(name), Err(Damage::Content)) => {
                self.damaged.insert(name.into(), Bytes::copy_from_slice(record));
            }
            (Err(_), _) | (_, Err(Damage::Name)) => {
                let shown: String = String::from_utf8_lossy(key).chars().take(64).collect();
                return Err(redb::Error::Corrupted(format!("a row's name is damaged, it reads {shown:?}")));
            }
        }
        Ok(())
    }
}

impl Watched {
    fn failure(&self, error: redb::Error) -> Failure {
        let error = match error {
            redb::Error::Io(error) => io_error(error),
            redb::Error::Corrupted(reason) => {
                StoreError::Corrupt { reason: format!("{reason}; restore a backup into another folder") }
            }
            error => StoreError::Unavailable { reason: error.to_string() },
        };
        Failure { error, in_doubt: self.may_have_committed(), sync_failed: self.has_sync_failed() }
    }
}

impl From<io::Error> for Failure {
    /// Of a disk that was not asked to make anything durable.
    fn from(error: io::Error) -> Self {
        Self { error: io_error(error), in_doubt: false, sync_failed: false }
    }
}

fn io_error(error: io::Error) -> StoreError {
    use io::ErrorKind::{FileTooLarge, PermissionDenied, QuotaExceeded, StorageFull};
    let reason = error.to_string();
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => {
            StoreError::Full { reason: format!("{reason}; make space") }
        }
        PermissionDenied => StoreError::Denied { reason },
        _ => StoreError::Unavailable { reason },
    }
}

fn open_database(backend: &Watched) -> Result<Database, redb::Error> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    Ok(builder.create_with_backend(backend.clone())?)
}

thread_local! {
    static GUARDS: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread, just now, is caught by the store and becomes an error: a program's panic hook need not
/// tell of it as well.
pub fn guards_against_panics() -> bool {
    GUARDS.get()
}

/// A file that is damaged in the right place makes redb panic. That must end the attempt, not the store.
fn guarded<T>(attempt: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, redb::Error> {
    let before = GUARDS.replace(true);
    let caught = catch_unwind(AssertUnwindSafe(attempt));
    GUARDS.set(before);
    caught.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        Err(redb::Error::Corrupted(format!("its pages make no sense: {text}")))
    })
}
