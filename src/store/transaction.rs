//! What is written, and on which condition.

use std::sync::Arc;

use bytes::Bytes;

use super::Revision;

/// Comparisons and, if they all hold, writes. Writes happen at one revision, all or none. No key is written twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// What must be so.
    pub compares: Vec<Compare>,
    /// What to do then. May be empty: then only the answer matters.
    pub writes: Vec<Write>,
}

/// Something that must be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compare {
    /// There is no such row.
    Absent(Arc<str>),
    /// The row exists and was last written by this revision.
    Changed(Arc<str>, Revision),
    /// The row exists and has this value.
    Value(Arc<str>, Bytes),
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Writes a row.
    Put(Arc<str>, Bytes),
    /// Deletes a row, if it is there.
    Delete(Arc<str>),
    /// Deletes all rows from the first key up to, without, the second.
    DeleteRange(Arc<str>, Arc<str>),
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All comparisons held, and the writes have happened at this revision; without writes, the present one.
    Committed(Revision),
    /// A comparison did not hold, so nothing was written.
    Refused,
}

/// What a store takes in one call. What exceeds it is refused whole, with nothing done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At most so many comparisons, and so many writes, in a transaction.
    pub operations: usize,
    /// At most so many bytes of keys and values in a transaction.
    pub bytes: usize,
    /// At most so many rows in a page.
    pub rows: usize,
}

impl Transaction {
    /// Adds a comparison.
    #[must_use]
    pub fn when(mut self, compare: Compare) -> Self {
        self.compares.push(compare);
        self
    }

    /// Adds a write.
    #[must_use]
    pub fn write(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    /// Bytes of keys and values, as [`Limits::bytes`] counts them.
    pub fn bytes(&self) -> usize {
        let compares = self.compares.iter().map(|compare| match compare {
            Compare::Absent(key) | Compare::Changed(key, _) => key.len(),
            Compare::Value(key, value) => key.len() + value.len(),
        });
        let writes = self.writes.iter().map(|write| match write {
            Write::Put(key, value) => key.len() + value.len(),
            Write::Delete(key) => key.len(),
            Write::DeleteRange(from, until) => from.len() + until.len(),
        });
        compares.sum::<usize>() + writes.sum::<usize>()
    }
}
