//! The last commits of a namespace, for operators who ask what has happened.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    engine::{Change, Delta},
    types::Version,
};

/// Commits that are kept.
pub(crate) const MAX_NOTES: usize = 200;
/// Changes of one commit that are kept. The rest are counted.
const MAX_NOTED_CHANGES: usize = 100;
/// Changes that are kept of all commits together; each is some hundred bytes, mostly shared with the state.
const MAX_CHANGES: usize = 2_000;

/// A commit, in short.
#[derive(Clone, Debug, PartialEq)]
pub struct CommitNote {
    /// The version that it made.
    pub version: Version,
    /// When this replica heard of it: milliseconds since 1970, by its wall clock.
    pub unix_millis: u64,
    /// The first of what it changed.
    pub changes: Vec<Change>,
    /// How many changes it had.
    pub count: usize,
}

/// The last commits, oldest first.
#[derive(Debug, Default)]
pub(super) struct History {
    notes: VecDeque<Arc<CommitNote>>,
    changes: usize,
}

impl History {
    pub(super) fn note(&mut self, delta: &Delta, unix_millis: u64) {
        let changes: Vec<_> = delta.changes.iter().take(MAX_NOTED_CHANGES).cloned().collect();
        self.changes += changes.len();
        let count = delta.changes.len();
        self.notes.push_back(Arc::new(CommitNote { version: delta.version, unix_millis, changes, count }));
        while self.notes.len() > MAX_NOTES || self.changes > MAX_CHANGES {
            let Some(oldest) = self.notes.pop_front() else { break };
            self.changes -= oldest.changes.len();
        }
    }

    /// The newest so many, oldest first.
    pub(super) fn newest(&self, most: usize) -> Vec<Arc<CommitNote>> {
        self.notes.iter().skip(self.notes.len().saturating_sub(most)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ExecutorId;

    fn commit(generation: u64, changes: usize) -> Delta {
        let drained = |number| Change::Drained(ExecutorId::new(format!("e{number}")).unwrap(), true);
        Delta {
            version: Version { incarnation: 1, generation },
            changes: (0..changes).map(drained).collect(),
        }
    }

    #[test]
    fn what_is_kept_is_bounded_by_commits_and_by_changes() {
        let mut history = History::default();
        for generation in 0..1000 {
            history.note(&commit(generation, 1), generation);
        }
        let notes = history.newest(usize::MAX);
        assert_eq!((notes.len(), notes[0].version.generation), (MAX_NOTES, 1000 - MAX_NOTES as u64));
        assert_eq!(history.newest(2)[1].version.generation, 999, "the newest last");
        for generation in 1000..1100 {
            history.note(&commit(generation, 5000), generation);
        }
        let notes = history.newest(usize::MAX);
        assert_eq!(notes.len(), MAX_CHANGES / MAX_NOTED_CHANGES);
        assert_eq!((notes[0].changes.len(), notes[0].count), (MAX_NOTED_CHANGES, 5000));
    }
}
