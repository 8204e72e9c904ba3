//! An ordered map that remembers what it was: the heart of every store that lives in this process.
//!
//! Pure and deterministic: no lock, no clock, no thread. A transaction is *staged*, which decides its outcome, and then
//! *settled* or *discarded*. Readers see what is settled and nothing else, so whoever must write to a disk in between
//! stages many transactions, writes once, and settles them together. Who need not says [`Kv::apply`].
//!
//! The past is kept as versions of each row and as a log of steps, one for each revision. `forgotten` is the newest
//! revision of which the step is gone: the state right behind it is the oldest that can be read, the step after it
//! the oldest that can be watched.

mod log;
mod versions;

#[cfg(test)]
mod model_tests;

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use bytes::Bytes;

use self::{log::Log, versions::Versions};
use super::{
    Batch, Change, Compare, Limits, Outcome, Page, Range, Revision, Row, StoreError, Transaction, WatchError,
    Write, transaction,
};

/// How much of the past is kept at the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// So many revisions.
    pub steps: usize,
    /// So many bytes of keys and values that are no longer current.
    pub bytes: usize,
}

impl Default for Retention {
    /// 10,000 revisions or 64 MiB, whichever is less: a reader that was away for a minute finds its place again at 160
    /// transactions a second, and reads everything anew otherwise.
    fn default() -> Self {
        Self { steps: 10_000, bytes: 64 << 20 }
    }
}

/// The map, its past, and what is staged.
#[derive(Clone, Debug)]
pub struct Kv {
    limits: Limits,
    retention: Retention,
    rows: BTreeMap<Arc<str>, Versions>,
    log: Log,
    /// The newest revision that readers see. What the log holds behind it is staged.
    settled: Revision,
    /// Bytes of keys and values of the rows as they are, staged ones included.
    live_bytes: usize,
    /// The same of all versions that are remembered, deletions included.
    held_bytes: usize,
}

impl Kv {
    /// An empty map at revision 0.
    pub fn new(limits: Limits, retention: Retention) -> Self {
        Self::of(limits, retention, Revision(0), [])
    }

    /// A map with these rows at this revision, and no past.
    pub fn of(
        limits: Limits,
        retention: Retention,
        revision: Revision,
        rows: impl IntoIterator<Item = Row>,
    ) -> Self {
        let mut bytes = 0;
        let rows = rows.into_iter().map(|Row { key, value, changed }| {
            bytes += key.len() + value.len();
            (key, Versions::new(changed, Some(value)))
        });
        Self {
            rows: rows.collect(),
            limits,
            retention,
            log: Log::after(revision),
            settled: revision,
            live_bytes: bytes,
            held_bytes: bytes,
        }
    }

    /// What one call may hold.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// How much of the past is kept.
    pub fn retention(&self) -> Retention {
        self.retention
    }

    /// The newest revision that readers see.
    pub fn revision(&self) -> Revision {
        self.settled
    }

    /// Bytes of keys and values of the rows as they are, staged ones included.
    pub fn live_bytes(&self) -> usize {
        self.live_bytes
    }

    /// Bytes of all keys and values that are remembered, the past included.
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Whether there is such a row, staged ones included.
    #[cfg(feature = "server")]
    pub(super) fn has(&self, key: &str) -> bool {
        self.rows.get(key).is_some_and(|versions| versions.newest().value.is_some())
    }

    /// Compares and, if all compare well, writes, for readers to see at once.
    pub fn apply(&mut self, transaction: Transaction) -> Result<Outcome, StoreError> {
        let outcome = self.stage(transaction)?;
        self.settle();
        Ok(outcome)
    }

    /// Decides a transaction behind all that were staged before it. An error has done nothing.
    ///
    /// What changes no row makes no revision: deleting what is not there, or writing nothing at all.
    pub fn stage(&mut self, transaction: Transaction) -> Result<Outcome, StoreError> {
        transaction.check(self.limits)?;
        if !transaction.compares.iter().all(|compare| self.holds(compare)) {
            return Ok(Outcome::Refused);
        }
        let revision = self.log.newest().next();
        let mut changes = Vec::with_capacity(transaction.writes.len());
        for write in transaction.writes {
            match write {
                Write::Put(key, value) => changes.push(self.put(key, value, revision)),
                Write::Delete(key) => changes.extend(self.delete(&key, revision)),
                Write::DeleteRange(from, until) => {
                    for key in self.living(&from, &until) {
                        changes.extend(self.delete(&key, revision));
                    }
                }
            }
        }
        if changes.is_empty() {
            return Ok(Outcome::Committed(self.log.newest()));
        }
        self.log.push(changes);
        Ok(Outcome::Committed(revision))
    }

    /// The newest revision, staged ones included.
    pub fn newest(&self) -> Revision {
        self.log.newest()
    }

    /// What is staged, oldest first.
    pub fn staged(&self) -> impl Iterator<Item = &Change> {
        self.log.steps(self.settled.next()).flatten()
    }

    /// Shows readers what was staged, and forgets what exceeds the retention.
    pub fn settle(&mut self) {
        self.settled = self.log.newest();
        while self.log.len() > self.retention.steps
            || self.held_bytes - self.live_bytes > self.retention.bytes && self.log.len() > 0
        {
            self.forget();
        }
    }

    /// Undoes what was staged.
    pub fn discard(&mut self) {
        while self.log.newest() > self.settled {
            self.discard_newest();
        }
    }

    /// Undoes the newest step that was staged, if any was.
    pub fn discard_newest(&mut self) {
        if self.log.newest() > self.settled {
            for change in self.log.pop_newest().into_iter().rev() {
                self.undo(change.key());
            }
        }
    }

    /// One row, as of now.
    pub fn get(&self, key: &str) -> Result<Option<Row>, StoreError> {
        transaction::check_key(key)?;
        Ok(self.rows.get_key_value(key).and_then(|(key, versions)| versions.row(key, self.settled)))
    }

    /// The rows of a range, as of now or then.
    pub fn range(&self, range: &Range) -> Result<Page, StoreError> {
        transaction::check_bounds(&range.from, range.until.as_deref())?;
        let revision = self.readable(range.at)?;
        let most = range.rows.min(self.limits.rows);
        let mut rows = Vec::new();
        for (key, versions) in self.between(&range.from, range.until.as_deref()) {
            let Some(row) = versions.row(key, revision) else { continue };
            if rows.len() == most {
                return Ok(Page { rows, revision, more: true });
            }
            rows.push(row);
        }
        Ok(Page { rows, revision, more: false })
    }

    /// The oldest revision that can be read. What happened after it can be watched.
    pub fn oldest(&self) -> Revision {
        self.log.forgotten()
    }

    /// All rows as of now, in order.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        self.rows.iter().filter_map(|(key, versions)| versions.row(key, self.settled))
    }

    /// What has happened, from the revision on and with it, to keys that begin with the prefix; `None` when there is
    /// nothing to tell yet. Tells a bounded part of a long past: ask again behind the batch's revision.
    pub fn batch(&self, prefix: &str, from: Revision) -> Result<Option<Batch>, WatchError> {
        /// Bounds the time that a caller's lock is held: some 50 microseconds.
        const MOST_STEPS: usize = 1_000;
        /// Bounds the memory of a batch, but for one huge transaction, which is told whole.
        const MOST_CHANGES: usize = 1_000;

        self.watchable(from)?;
        let from = from.max(Revision(1));
        let mut batch = Batch { changes: Vec::new(), revision: Revision(from.0 - 1) };
        for step in self.log.steps(from).take(MOST_STEPS) {
            if batch.revision == self.settled || batch.changes.len() >= MOST_CHANGES {
                break;
            }
            batch.revision = batch.revision.next();
            batch.changes.extend(step.iter().filter(|change| change.key().starts_with(prefix)).cloned());
        }
        Ok((batch.revision >= from).then_some(batch))
    }

    /// Whether everything from the revision on can be told, now or when it happens.
    pub fn watchable(&self, from: Revision) -> Result<(), WatchError> {
        let oldest = self.log.forgotten().next();
        if from.max(Revision(1)) < oldest {
            return Err(WatchError::Compacted { oldest });
        }
        if from > self.settled.next() {
            return Err(WatchError::WentBack { asked: from, now: self.settled });
        }
        Ok(())
    }

    /// Forgets the steps before the revision. The state right before it can still be read.
    pub fn compact(&mut self, before: Revision) {
        let until = before.min(self.settled.next());
        while self.log.forgotten().next() < until {
            self.forget();
        }
    }

    /// As of which revision to read.
    fn readable(&self, at: Option<Revision>) -> Result<Revision, StoreError> {
        let at = at.unwrap_or(self.settled);
        if at < self.log.forgotten() {
            return Err(StoreError::Compacted { oldest: self.log.forgotten() });
        }
        if at > self.settled {
            let reason = format!("it is at revision {}, and was asked for {}", self.settled.0, at.0);
            return Err(StoreError::Unavailable { reason });
        }
        Ok(at)
    }

    fn holds(&self, compare: &Compare) -> bool {
        let current =
            |key: &str| self.rows.get(key).map(Versions::newest).filter(|newest| newest.value.is_some());
        match compare {
            Compare::Absent(key) => current(key).is_none(),
            Compare::Changed(key, revision) => current(key).is_some_and(|newest| newest.at == *revision),
            Compare::Value(key, value) => {
                current(key).is_some_and(|newest| newest.value.as_ref() == Some(value))
            }
        }
    }

    fn put(&mut self, key: Arc<str>, value: Bytes, at: Revision) -> Change {
        let bytes = key.len() + value.len();
        self.live_bytes += bytes;
        self.held_bytes += bytes;
        match self.rows.get_mut(&key) {
            Some(versions) => {
                self.live_bytes -= versions.live_bytes(&key);
                versions.push(at, Some(value.clone()));
            }
            None => {
                self.rows.insert(key.clone(), Versions::new(at, Some(value.clone())));
            }
        }
        Change::Put(Row { key, value, changed: at })
    }

    /// `None` when the row is not there.
    fn delete(&mut self, key: &str, at: Revision) -> Option<Change> {
        let versions = self.rows.get_mut(key)?;
        let bytes = versions.live_bytes(key);
        versions.newest().value.as_ref()?;
        versions.push(at, None);
        self.live_bytes -= bytes;
        self.held_bytes += key.len();
        let (key, _) = self.rows.get_key_value(key)?;
        Some(Change::Deleted { key: key.clone(), at })
    }

    /// Takes back the newest version of a row.
    fn undo(&mut self, key: &str) {
        let versions = self.rows.get_mut(key).expect("what was staged is in the map");
        self.live_bytes -= versions.live_bytes(key);
        self.held_bytes -= versions.newest().bytes(key);
        let is_left = versions.pop();
        if is_left {
            self.live_bytes += versions.live_bytes(key);
        }
        // What was written over may have been deleted, and that forgotten, since.
        let is_forgotten = is_left && versions.is_deleted_since(self.log.forgotten());
        if is_forgotten {
            self.held_bytes -= key.len();
        }
        if !is_left || is_forgotten {
            self.rows.remove(key);
        }
    }

    /// Forgets the oldest step, and the versions that nobody can read any more then.
    fn forget(&mut self) {
        let (at, changes) = self.log.pop_oldest();
        for change in changes {
            let key = change.key();
            let versions = self.rows.get_mut(key).expect("a row outlives the steps that changed it");
            self.held_bytes -= versions.forget_before(key, at);
            if versions.is_deleted_since(at) {
                self.held_bytes -= key.len();
                self.rows.remove(key);
            }
        }
    }

    fn between<'a>(
        &'a self,
        from: &str,
        until: Option<&str>,
    ) -> impl Iterator<Item = (&'a Arc<str>, &'a Versions)> {
        let is_empty = until.is_some_and(|until| until <= from);
        let bounds = (Bound::Included(from), until.map_or(Bound::Unbounded, Bound::Excluded));
        (!is_empty).then(|| self.rows.range::<str, _>(bounds)).into_iter().flatten()
    }

    /// The keys of a range, staged changes included.
    fn living(&self, from: &str, until: &str) -> Vec<Arc<str>> {
        let rows = self.between(from, Some(until));
        rows.filter(|(_, versions)| versions.newest().value.is_some()).map(|(key, _)| key.clone()).collect()
    }
}
