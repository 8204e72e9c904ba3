//! Removing what nobody needs any more.

use super::{
    head::{Head, State},
    log::{LogError, Term},
    rows::{Kind, Rows},
};
use crate::planted::{Planted, is};
use crate::store::{
    Compare, Errand, Outcome, Page, Range, Reply, Request, Step, StoreError, Transaction, Write,
};

/// Generations that are removed in one transaction, at most: some megabytes in the worst case, which a store does in
/// milliseconds.
const GENERATIONS_AT_ONCE: u64 = 64;

/// Removes what whoever loads the current head does not read: deltas that the newest snapshot contains, snapshots before
/// it, and with them what dead attempts left at those generations. Of a deleted namespace, everything but its head.
///
/// What is in the way of a reader of an older head makes it begin again, with the newest one.
#[derive(Debug)]
pub struct Collect {
    rows: Rows,
    term: Term,
    /// What to remove: kind, and the first generation that stays.
    todo: Vec<(Kind, u64)>,
    /// The generation from which to remove in the next transaction.
    from: Option<u64>,
    removed: u64,
}

type End = Result<u64, LogError>;

impl Collect {
    /// What can be removed behind a head that is committed.
    pub(super) fn new(rows: Rows, term: Term, head: &Head) -> Self {
        if is(Planted::CollectTooMuch) {
            let generation = head.link.version.generation;
            return Self { rows, term, todo: vec![(Kind::Delta, generation)], from: None, removed: 0 };
        }
        let after_head = head.link.version.generation.saturating_add(1);
        let todo = match (head.state, head.snapshot) {
            _ if is(Planted::OrphansStay) => Vec::new(),
            (State::Deleted, _) => vec![(Kind::Snapshot, after_head), (Kind::Delta, after_head)],
            (_, Some(snapshot)) => {
                let generation = snapshot.version.generation;
                vec![(Kind::Snapshot, generation), (Kind::Delta, generation.saturating_add(1))]
            }
            (_, None) => Vec::new(),
        };
        Self { rows, term, todo, from: None, removed: 0 }
    }

    fn ask(&self) -> Step<End> {
        let Some(&(kind, stays)) = self.todo.last() else { return Step::Done(Ok(self.removed)) };
        let Some(from) = self.from else {
            return Step::Ask(Request::Range(Range {
                from: self.rows.generation(kind, 0),
                until: Some(self.rows.generation(kind, stays)),
                at: None,
                rows: 1,
            }));
        };
        let until = from.saturating_add(GENERATIONS_AT_ONCE).min(stays);
        let [from, until] = [from, until].map(|generation| self.rows.generation(kind, generation).into());
        let ours = Compare::Value(self.rows.term().clone(), self.term.record.clone());
        Step::Ask(Request::Transact(Transaction::default().when(ours).write(Write::DeleteRange(from, until))))
    }

    fn found(&mut self, page: Page) -> Step<End> {
        match page.rows.first().and_then(|row| self.rows.chunk_of(&row.key)) {
            Some((_, chunk)) => self.from = Some(chunk.generation),
            // Nothing, or what is not ours: this kind is done.
            None => {
                self.todo.pop();
            }
        }
        self.ask()
    }
}

impl Errand for Collect {
    type End = End;

    fn next(&mut self, reply: Option<Reply>) -> Step<End> {
        let Some(reply) = reply else { return self.ask() };
        if self.from.is_none() {
            return match reply.page() {
                Ok(page) => self.found(page),
                Err(error) => Step::Pause(error),
            };
        }
        match reply.outcome() {
            Ok(Outcome::Committed(_)) => {
                self.removed += 1;
                self.from = None;
                self.ask()
            }
            Ok(Outcome::Refused) => Step::Done(Err(LogError::Deposed)),
            // Removed or not: what is there now shows.
            Err(error @ StoreError::Unknown { .. }) => {
                self.from = None;
                Step::Pause(error)
            }
            Err(error) => Step::Pause(error),
        }
    }
}
