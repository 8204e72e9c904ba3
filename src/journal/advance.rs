//! Moving a head: the one way in which anything is committed.
//!
//! Everything goes into as few transactions as the store's limits allow, and the head into the last of them. So what
//! comes before is invisible until the head names it, and worth nothing if the head never does. Each transaction
//! compares the leader's term record and the head's revision: who has lost either writes nothing. A store that does not
//! take two comparisons at once is refused.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use super::{log::Term, rows::Rows};
use crate::planted::{Planted, is};
use crate::store::{Compare, Errand, Limits, Outcome, Reply, Request, Revision, Row, Step, StoreError};
use crate::store::{Transaction, Write};

/// Moves a namespace's head from one revision to a new value, behind other writes.
#[derive(Debug)]
pub(super) struct Advance {
    head: Arc<str>,
    term_key: Arc<str>,
    term: Bytes,
    from: Option<Revision>,
    to: Bytes,
    transactions: VecDeque<Transaction>,
    asked: Asked,
    /// Whether the last transaction was ever sent without learning what became of it.
    unsure: bool,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Advanced {
    /// The head says what it should, since this revision.
    Done(Revision),
    /// It is for good that it will not: somebody else has moved the head, and it says this now.
    HeadMoved(Option<Row>),
    /// It is for good that it will not: the term is another's.
    TermLost,
}

/// What the next reply is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// The transaction in front.
    Transaction,
    /// The head, to know what became of the last transaction. `refused`: the store has said that it did nothing.
    Head { refused: bool },
    /// The term record, to know who refused.
    Term,
}

impl Advance {
    /// `before` are the writes that must be there when the head says `to`; one that would not fit into a transaction
    /// is [`Misfit`].
    pub(super) fn new(
        rows: &Rows,
        term: &Term,
        limits: Limits,
        from: Option<Revision>,
        before: Vec<Write>,
        to: Bytes,
    ) -> Result<Self, Misfit> {
        let head = rows.head().clone();
        let head_is_as_it_was = match from {
            Some(revision) => Compare::Changed(head.clone(), revision),
            None => Compare::Absent(head.clone()),
        };
        let mut guard = vec![head_is_as_it_was, Compare::Value(rows.term().clone(), term.record.clone())];
        if is(Planted::CommitUnguarded) {
            guard.clear();
        }
        let mut writes = before;
        writes.push(Write::Put(head.clone(), to.clone()));
        if is(Planted::HeadBeforeChunks) {
            writes.rotate_right(1);
        }
        Ok(Self {
            head,
            term_key: rows.term().clone(),
            term: term.record.clone(),
            from,
            to,
            transactions: pack(guard, writes, limits)?,
            asked: Asked::Transaction,
            unsure: false,
        })
    }

    /// Whether it is sure that the head was not moved, and that nothing is on its way that might.
    pub(super) fn is_undone(&self) -> bool {
        !self.unsure
    }

    /// Whether it may take what the store keeps back.
    pub(super) fn uses_reserve(&self) -> bool {
        self.transactions.front().is_some_and(|transaction| transaction.uses_reserve)
    }

    /// Lets all that is still to be written take what the store keeps back.
    pub(super) fn use_reserve(&mut self) {
        for transaction in &mut self.transactions {
            transaction.uses_reserve = true;
        }
    }

    fn ask(&self) -> Step<Advanced> {
        Step::Ask(match (self.asked, self.transactions.front()) {
            (Asked::Transaction, Some(transaction)) => Request::Transact(transaction.clone()),
            // Of a transaction that is not there, the head will tell.
            (Asked::Head { .. } | Asked::Transaction, _) => Request::Get(self.head.clone()),
            (Asked::Term, _) => Request::Get(self.term_key.clone()),
        })
    }

    fn ask_for(&mut self, asked: Asked) -> Step<Advanced> {
        self.asked = asked;
        self.ask()
    }

    fn transacted(&mut self, outcome: Result<Outcome, StoreError>) -> Step<Advanced> {
        let is_last = self.transactions.len() <= 1;
        match outcome {
            Ok(Outcome::Committed(revision)) if is_last => Step::Done(Advanced::Done(revision)),
            Ok(Outcome::Committed(_)) => {
                self.transactions.pop_front();
                self.ask()
            }
            Ok(Outcome::Refused) => self.ask_for(Asked::Head { refused: true }),
            // It may have moved the head. Until that is known, nobody may be told anything.
            Err(StoreError::Unknown { .. }) if is_last && is(Planted::GuessLostCommit) => {
                Step::Done(Advanced::Done(Revision(self.from.map_or(1, |from| from.0 + 1))))
            }
            Err(StoreError::Unknown { .. }) if is_last => {
                self.unsure = true;
                self.ask_for(Asked::Head { refused: false })
            }
            // A chunk that was perhaps written is written again: same key, same bytes, same condition.
            Err(error) => Step::Pause(error),
        }
    }

    fn head_read(&mut self, row: Option<Row>, refused: bool) -> Step<Advanced> {
        match row {
            Some(row) if row.value == self.to => Step::Done(Advanced::Done(row.changed)),
            row if row.as_ref().map(|row| row.changed) != self.from => Step::Done(Advanced::HeadMoved(row)),
            _ if refused => self.ask_for(Asked::Term),
            // The transaction may still be on its way. Sent again, at most one of the two can find the head unmoved,
            // and both say the same.
            _ => {
                self.asked = Asked::Transaction;
                Step::Pause(StoreError::Unknown { reason: "the head has not moved so far".into() })
            }
        }
    }

    fn term_read(&mut self, row: Option<Row>) -> Step<Advanced> {
        if row.is_none_or(|row| row.value != self.term) {
            return Step::Done(Advanced::TermLost);
        }
        // Head and term are what they were, and yet a comparison failed. Between the two reads, or before them, a
        // store that works cannot do that; asking again does no harm.
        self.asked = Asked::Transaction;
        Step::Pause(StoreError::Corrupt {
            reason: "a transaction was refused although all that it compares holds".into(),
        })
    }
}

impl Errand for Advance {
    type End = Advanced;

    fn next(&mut self, reply: Option<Reply>) -> Step<Advanced> {
        let Some(reply) = reply else { return self.ask() };
        match self.asked {
            Asked::Transaction => self.transacted(reply.outcome()),
            Asked::Head { refused } => match reply.row() {
                Ok(row) => self.head_read(row, refused),
                Err(error) => Step::Pause(error),
            },
            Asked::Term => match reply.row() {
                Ok(row) => self.term_read(row),
                Err(error) => Step::Pause(error),
            },
        }
    }
}

/// A store's limits are too small for a write that cannot be divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    pub(super) bytes: usize,
}

/// Divides writes, in order, among as few transactions as there must be, each of them guarded. Filled from the end, so
/// that the last one, which counts, holds as much as it can.
pub(super) fn pack(
    guard: Vec<Compare>,
    writes: Vec<Write>,
    limits: Limits,
) -> Result<VecDeque<Transaction>, Misfit> {
    let guarded = Transaction { compares: guard, ..Transaction::default() };
    let mut packed = VecDeque::new();
    let (mut current, mut bytes) = (guarded.clone(), guarded.bytes());
    for write in writes.into_iter().rev() {
        let alone = Transaction::default().write(write.clone()).bytes();
        if !current.writes.is_empty()
            && (current.writes.len() >= limits.operations.max(1) || bytes + alone > limits.bytes)
        {
            packed.push_front(std::mem::replace(&mut current, guarded.clone()));
            bytes = guarded.bytes();
        }
        bytes += alone;
        if bytes > limits.bytes {
            return Err(Misfit { bytes });
        }
        current.writes.insert(0, write);
    }
    packed.push_front(current);
    Ok(packed)
}
