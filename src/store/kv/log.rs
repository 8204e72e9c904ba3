//! What happened, revision by revision.

use std::collections::VecDeque;

use crate::store::{Change, Revision};

/// The steps that are remembered: one for each revision, without gap.
#[derive(Clone, Debug)]
pub(super) struct Log {
    /// The revision before the first step.
    forgotten: Revision,
    steps: VecDeque<Vec<Change>>,
}

impl Log {
    /// Nothing, from a revision on.
    pub(super) fn after(revision: Revision) -> Self {
        Self { forgotten: revision, steps: VecDeque::new() }
    }

    pub(super) fn forgotten(&self) -> Revision {
        self.forgotten
    }

    pub(super) fn newest(&self) -> Revision {
        Revision(self.forgotten.0 + self.steps.len() as u64)
    }

    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    pub(super) fn push(&mut self, changes: Vec<Change>) {
        self.steps.push_back(changes);
    }

    /// The steps from a revision on, which is not a forgotten one.
    pub(super) fn steps(&self, from: Revision) -> impl Iterator<Item = &Vec<Change>> {
        let skip = usize::try_from(from.0 - self.forgotten.0 - 1).unwrap_or(usize::MAX);
        self.steps.range(skip.min(self.steps.len())..)
    }

    /// Takes the oldest step, and says of which revision it was.
    pub(super) fn pop_oldest(&mut self) -> (Revision, Vec<Change>) {
        let changes = self.steps.pop_front().expect("only a step that is there is forgotten");
        self.forgotten = self.forgotten.next();
        (self.forgotten, changes)
    }

    /// Takes the newest step back.
    pub(super) fn pop_newest(&mut self) -> Vec<Change> {
        self.steps.pop_back().expect("only a step that is there is undone")
    }
}
