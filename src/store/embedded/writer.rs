//! The one thread that writes: many transactions, one commit, one sync.
//!
//! What a transaction does is staged in memory, made durable, and only then shown and acknowledged. When the file fails,
//! memory still holds everything that was ever acknowledged, so there is always a way back:
//!
//! - The commit failed before the disk was asked to make it durable, as it does when there is no space: it has not
//!   happened. The file is opened again, which redb demands, and used on if it holds what was acknowledged last.
//! - The disk was asked, and something failed: the commit may have happened, and no later word about this file can be
//!   believed, because a system that could not write a page may forget that it should. Everything is written to a new
//!   file, without that commit, which takes the old one's name.
//! - That fails as well: whether the commit happened is *open*, since a crash now could bring it back. Reads of the present
//!   are refused until a new file is there, because an answer that a restart contradicts is worse than none: a
//!   leader that read "not committed" would go on acknowledging the beats of a session that was expired.
//!
//! Nothing retries by itself: each batch of transactions first tries to mend what is broken.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{
    EmbeddedOptions, FILE, NEW_FILE, Shared,
    disk::Disk,
    queue::{Queue, Request},
    record,
    table::{Contents, Failure, State, Table},
};
use crate::store::{Outcome, Revision, Row, StoreError, StoreIdentity, Transaction, kv::Kv, local::Local};

#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    disk: Box<dyn Disk>,
    /// `None` while it is broken.
    table: Option<Table>,
    /// Of the last commit that succeeded.
    state: State,
    /// The file must not be used again.
    is_distrusted: bool,
}

impl Writer {
    /// Opens the file, or makes one, and loads it.
    pub(super) fn open(
        disk: Box<dyn Disk>,
        EmbeddedOptions { limits, retention, max_bytes, .. }: EmbeddedOptions,
    ) -> Result<(Self, Arc<Shared>), Failure> {
        disk.remove(NEW_FILE)?;
        if !disk.exists(FILE)? {
            Table::create(disk.open(NEW_FILE)?, &StoreIdentity::fresh(), Revision(0), [])?;
            disk.replace(NEW_FILE, FILE)?;
        }
        let table = Table::open(disk.open(FILE)?)?;
        let Contents { identity, rows, damaged } = table.read()?;
        let state = table.state();
        let kv = Kv::of(limits, retention, state.revision, rows);
        let shared = Arc::new(Shared {
            place: disk.place(),
            identity,
            max_bytes,
            base_bytes: max_bytes.max(kv.live_bytes()),
            local: Local::new(kv),
            queue: Queue::default(),
            damaged: Mutex::new(damaged),
            open_question: Mutex::new(None),
        });
        let writer = Self { shared: shared.clone(), disk, table: Some(table), state, is_distrusted: false };
        Ok((writer, shared))
    }

    /// Writes until the queue is closed.
    pub(super) fn run(mut self) {
        while let Some(requests) = self.shared.queue.take() {
            let (transactions, answers): (Vec<_>, Vec<_>) =
                requests.into_iter().map(|Request { transaction, answer }| (transaction, answer)).unzip();
            let outcomes = self.write(transactions);
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // Whoever asked may have gone.
                let _ = answer.send(outcome);
            }
        }
    }

    /// Decides transactions and makes them durable, all together; answers each.
    fn write(&mut self, transactions: Vec<Transaction>) -> Vec<Result<Outcome, StoreError>> {
        if let Err(error) = self.mend() {
            return vec![Err(error); transactions.len()];
        }
        let mut mended = Vec::new();
        let outcomes: Vec<_> =
            transactions.into_iter().map(|transaction| self.stage(transaction, &mut mended)).collect();
        match self.make_durable(&mended) {
            Ok(()) => outcomes,
            // A refusal too was decided on what has not happened.
            Err(error) => {
                outcomes.into_iter().map(|outcome| outcome.and_then(|_| Err(error.clone()))).collect()
            }
        }
    }

    fn stage(&self, transaction: Transaction, mended: &mut Vec<Arc<str>>) -> Result<Outcome, StoreError> {
        let damaged = self.shared.damaged.lock();
        if let Some(compare) = transaction.compares.iter().find(|compare| damaged.contains_key(compare.key()))
        {
            return Err(self.shared.unreadable(compare.key()));
        }
        let written = |key: &&Arc<str>| transaction.writes.iter().any(|write| write.covers(key));
        let mends: Vec<_> = damaged.keys().filter(written).cloned().collect();
        let mut kv = self.shared.local.kv();
        let before = kv.live_bytes();
        let most = self.shared.most_bytes(&transaction, &kv);
        let outcome = kv.stage(transaction)?;
        let bytes = kv.live_bytes();
        if bytes > before && bytes > most {
            kv.discard_newest();
            return Err(self.shared.full(bytes, most));
        }
        if outcome != Outcome::Refused {
            mended.extend(mends);
        }
        Ok(outcome)
    }

    fn make_durable(&mut self, mended: &[Arc<str>]) -> Result<(), StoreError> {
        let kv = self.shared.local.kv();
        let changes: Vec<_> = kv.staged().cloned().collect();
        let revision = kv.newest();
        drop(kv);
        if changes.is_empty() && mended.is_empty() {
            return Ok(());
        }
        let table = self.table.as_mut().expect("what is broken was mended before");
        match table.commit(changes.iter(), mended, revision) {
            Ok(()) => {
                self.state = table.state();
                self.shared.damaged.lock().retain(|key, _| !mended.contains(key));
                self.shared.local.kv().settle();
                self.shared.local.announce();
                Ok(())
            }
            Err(failure) => Err(self.undo(failure)),
        }
    }

    /// Gives a commit up that failed, and says what became of it.
    fn undo(&mut self, Failure { error, in_doubt, sync_failed }: Failure) -> StoreError {
        self.break_off();
        self.is_distrusted |= in_doubt || sync_failed;
        if in_doubt {
            *self.shared.open_question.lock() = Some(error.to_string());
        }
        self.shared.local.kv().discard();
        match self.mend() {
            Err(_) if self.shared.open_question.lock().is_some() => {
                StoreError::Unknown { reason: error.to_string() }.at(&self.shared.place)
            }
            _ => self.placed(error),
        }
    }

    /// Closes the file. One that has failed writes nothing when it is closed.
    fn break_off(&mut self) {
        if let Some(table) = self.table.take() {
            table.close();
        }
    }

    /// Makes sure that there is a file to write to.
    fn mend(&mut self) -> Result<(), StoreError> {
        if self.table.is_some() {
            return Ok(());
        }
        if !self.is_distrusted {
            match self.disk.open(FILE).map_err(Failure::from).and_then(Table::open) {
                Ok(table) if table.state() == self.state => {
                    self.table = Some(table);
                    return Ok(());
                }
                Ok(_) => {
                    self.is_distrusted = true;
                    let why = "the file holds what was said to have failed".to_owned();
                    self.shared.open_question.lock().get_or_insert(why);
                }
                Err(Failure { error: StoreError::Corrupt { .. }, .. }) => self.is_distrusted = true,
                Err(Failure { error, sync_failed, .. }) => {
                    self.is_distrusted |= sync_failed;
                    return Err(self.placed(error));
                }
            }
        }
        self.write_anew().map_err(|failure| self.placed(failure.error))
    }

    /// What a caller is told: that the file makes no sense is no word about the store, which is in memory.
    fn placed(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Corrupt { reason } => StoreError::Unavailable { reason }.at(&self.shared.place),
            error => error.at(&self.shared.place),
        }
    }

    /// Writes all that was acknowledged to a new file, in the place of the old one.
    fn write_anew(&mut self) -> Result<(), Failure> {
        self.break_off();
        let kv = self.shared.local.kv();
        let (rows, revision): (Vec<Row>, Revision) = (kv.rows().collect(), kv.revision());
        drop(kv);
        let damaged = self.shared.damaged.lock().clone();
        let records = rows
            .into_iter()
            .map(|Row { key, value, changed }| {
                let record = record::encode(&key, changed, &value);
                (key, record)
            })
            .chain(damaged.into_iter().map(|(key, record)| (key, record.to_vec())));
        self.disk.remove(NEW_FILE)?;
        Table::create(self.disk.open(NEW_FILE)?, &self.shared.identity, revision, records)?;
        self.disk.replace(NEW_FILE, FILE)?;
        let table = Table::open(self.disk.open(FILE)?)?;
        self.state = table.state();
        self.table = Some(table);
        self.is_distrusted = false;
        *self.shared.open_question.lock() = None;
        Ok(())
    }
}
