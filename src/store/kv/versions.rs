//! What one row was, and is.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use crate::store::{Revision, Row};

/// A row from one revision on; without a value it is deleted.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) at: Revision,
    pub(super) value: Option<Bytes>,
}

impl Version {
    /// What it counts for.
    pub(super) fn bytes(&self, key: &str) -> usize {
        key.len() + self.value.as_ref().map_or(0, Bytes::len)
    }
}

/// The versions of a row that are remembered. Most rows have one, and cost no list.
#[derive(Clone, Debug)]
pub(super) struct Versions {
    newest: Version,
    /// Oldest first.
    older: VecDeque<Version>,
}

impl Versions {
    pub(super) fn new(at: Revision, value: Option<Bytes>) -> Self {
        Self { newest: Version { at, value }, older: VecDeque::new() }
    }

    pub(super) fn newest(&self) -> &Version {
        &self.newest
    }

    /// What the row as it is counts for; a deleted one, nothing.
    pub(super) fn live_bytes(&self, key: &str) -> usize {
        self.newest.value.as_ref().map_or(0, |value| key.len() + value.len())
    }

    /// The row as of a revision, if it was there.
    pub(super) fn row(&self, key: &Arc<str>, at: Revision) -> Option<Row> {
        let version = if self.newest.at <= at {
            &self.newest
        } else {
            let count = self.older.partition_point(|version| version.at <= at);
            &self.older[count.checked_sub(1)?]
        };
        Some(Row { key: key.clone(), value: version.value.clone()?, changed: version.at })
    }

    /// Writes or deletes the row, at a later revision than ever before.
    pub(super) fn push(&mut self, at: Revision, value: Option<Bytes>) {
        self.older.push_back(std::mem::replace(&mut self.newest, Version { at, value }));
    }

    /// Takes the newest version back; `false` when there is no other one.
    pub(super) fn pop(&mut self) -> bool {
        match self.older.pop_back() {
            Some(version) => {
                self.newest = version;
                true
            }
            None => false,
        }
    }

    /// Drops the versions that were replaced at or before a revision; answers what they counted for.
    pub(super) fn forget_before(&mut self, key: &str, at: Revision) -> usize {
        let mut freed = 0;
        while let Some(oldest) = self.older.front() {
            let replaced = self.older.get(1).unwrap_or(&self.newest).at;
            if replaced > at {
                break;
            }
            freed += oldest.bytes(key);
            self.older.pop_front();
        }
        if self.older.is_empty() {
            // A row that was busy once shall not hold memory for ever.
            self.older.shrink_to_fit();
        }
        freed
    }

    /// Whether nothing but a deletion at or before a revision is left.
    pub(super) fn is_deleted_since(&self, at: Revision) -> bool {
        self.older.is_empty() && self.newest.value.is_none() && self.newest.at <= at
    }

    #[cfg(test)]
    pub(super) fn is_alone(&self) -> bool {
        self.older.is_empty()
    }
}
