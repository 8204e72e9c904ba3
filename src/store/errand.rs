//! Calls to a store that depend on each other's answers, without the store.

use std::sync::Arc;

use super::{Outcome, Page, Range, Row, Store, StoreError, StoreIdentity, Transaction};

/// One call to a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// [`Store::identity`]
    Identity,
    /// [`Store::get`]
    Get(Arc<str>),
    /// [`Store::range`]
    Range(Range),
    /// [`Store::transact`]
    Transact(Transaction),
}

/// What a store said to a [`Request`] of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To [`Request::Identity`].
    Identity(Result<StoreIdentity, StoreError>),
    /// To [`Request::Get`].
    Row(Result<Option<Row>, StoreError>),
    /// To [`Request::Range`].
    Page(Result<Page, StoreError>),
    /// To [`Request::Transact`].
    Outcome(Result<Outcome, StoreError>),
}

/// What an [`Errand`] wants next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// Ask the store, and call [`Errand::next`] with what it said. A call that takes too long may be given up; the
    /// reply is then [`StoreError::Unknown`].
    Ask(Request),
    /// The store could not be asked, for this reason. Wait a little, longer each time in a row, then call
    /// [`Errand::next`] without a reply. Nothing is lost by waiting, nor by giving up.
    Pause(StoreError),
    /// It is over.
    Done(T),
}

/// A piece of work at a store as a state machine: it says what to ask, is told the answer, and ends with a result. It
/// never waits, knows no clock, and does not know how it is driven: by a task in production, by events in simulation.
pub trait Errand {
    /// What it ends with.
    type End;

    /// Without a reply: begins, or goes on after a pause. With one: goes on with the reply to what was asked last.
    fn next(&mut self, reply: Option<Reply>) -> Step<Self::End>;
}

impl Request {
    /// Asks the store.
    pub async fn ask(self, store: &dyn Store) -> Reply {
        match self {
            Self::Identity => Reply::Identity(store.identity().await),
            Self::Get(key) => Reply::Row(store.get(&key).await),
            Self::Range(range) => Reply::Page(store.range(range).await),
            Self::Transact(transaction) => Reply::Outcome(store.transact(transaction).await),
        }
    }
}

impl Reply {
    /// The identity that was asked for.
    pub fn identity(self) -> Result<StoreIdentity, StoreError> {
        match self {
            Self::Identity(answer) => answer,
            other => Err(other.unasked()),
        }
    }

    /// The row that was asked for.
    pub fn row(self) -> Result<Option<Row>, StoreError> {
        match self {
            Self::Row(answer) => answer,
            other => Err(other.unasked()),
        }
    }

    /// The page that was asked for.
    pub fn page(self) -> Result<Page, StoreError> {
        match self {
            Self::Page(answer) => answer,
            other => Err(other.unasked()),
        }
    }

    /// The outcome that was asked for.
    pub fn outcome(self) -> Result<Outcome, StoreError> {
        match self {
            Self::Outcome(answer) => answer,
            other => Err(other.unasked()),
        }
    }

    /// A driver that gave a call up may say so with whichever kind of reply. What nobody asked for tells nothing.
    fn unasked(self) -> StoreError {
        let error = match self {
            Self::Identity(answer) => answer.err(),
            Self::Row(answer) => answer.err(),
            Self::Page(answer) => answer.err(),
            Self::Outcome(answer) => answer.err(),
        };
        error.unwrap_or_else(|| StoreError::Unknown { reason: "the reply is not to what was asked".into() })
    }
}
