//! A store for the tests of this module: the real map, with answers that get lost on purpose.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use super::{Load, LoadError, Loaded, Log, OpenAs, Rows, Term};
use crate::{
    store::{
        Compare, Errand, Keys, Limits, Outcome, Reply, Request, Step, StoreError, StoreIdentity, Transaction,
        Write,
        kv::{Kv, Retention},
    },
    types::Namespace,
};

/// What happens to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is done and answered.
    None,
    /// It is done, and the answer is lost.
    ReplyLost,
    /// It is lost itself, and nobody knows.
    RequestLost,
    /// Nobody knows, and it arrives later: see [`TestStore::deliver`].
    Late,
    /// It is not done, and that is known.
    Unavailable,
}

pub(crate) const ROOMY: Limits = Limits { operations: 128, bytes: 1 << 20, rows: 100 };

pub(crate) struct TestStore {
    pub(crate) kv: Kv,
    pub(crate) identity: String,
    /// For the next transactions, in order; then all is well.
    pub(crate) faults: VecDeque<Fault>,
    late: Vec<Transaction>,
    /// A row that the store cannot read, until it is written.
    pub(crate) damaged: Option<Arc<str>>,
    /// Transactions that arrived.
    pub(crate) transactions: usize,
}

impl TestStore {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            kv: Kv::new(limits, Retention::default()),
            identity: "here".into(),
            faults: VecDeque::new(),
            late: Vec::new(),
            damaged: None,
            transactions: 0,
        }
    }

    pub(crate) fn answer(&mut self, request: Request) -> Reply {
        match request {
            Request::Identity => Reply::Identity(Ok(StoreIdentity(self.identity.clone()))),
            Request::Get(key) if self.damaged.as_ref() == Some(&key) => Reply::Row(Err(unreadable(&key))),
            Request::Get(key) => Reply::Row(self.kv.get(&key)),
            Request::Range(range) => Reply::Page(self.kv.range(&range)),
            Request::Transact(transaction) => Reply::Outcome(self.transact(transaction)),
        }
    }

    fn transact(&mut self, transaction: Transaction) -> Result<Outcome, StoreError> {
        let lost = Err(StoreError::Unknown { reason: "lost".into() });
        match self.faults.pop_front().unwrap_or(Fault::None) {
            Fault::None => self.arrive(transaction),
            Fault::ReplyLost => self.arrive(transaction).and(lost),
            Fault::RequestLost => lost,
            Fault::Late => {
                self.late.push(transaction);
                lost
            }
            Fault::Unavailable => Err(StoreError::Unavailable { reason: "away".into() }),
        }
    }

    fn arrive(&mut self, transaction: Transaction) -> Result<Outcome, StoreError> {
        self.transactions += 1;
        if let Some(key) = self.damaged.clone() {
            if transaction.compares.iter().any(|compare| *compare.key() == key) {
                return Err(unreadable(&key));
            }
            self.damaged.take_if(|_| {
                transaction.writes.iter().any(|write| matches!(write, Write::Put(put, _) if *put == key))
            });
        }
        self.kv.apply(transaction)
    }

    /// What was on its way arrives.
    pub(crate) fn deliver(&mut self) {
        for transaction in std::mem::take(&mut self.late) {
            let _ = self.arrive(transaction);
        }
    }

    /// Runs an errand to its end; what is on its way arrives during pauses.
    pub(crate) fn run<E: Errand>(&mut self, errand: &mut E) -> E::End {
        let mut reply = None;
        for _ in 0..100_000 {
            reply = match errand.next(reply) {
                Step::Ask(request) => Some(self.answer(request)),
                Step::Pause(_) => {
                    self.deliver();
                    None
                }
                Step::Done(end) => return end,
            };
        }
        panic!("an errand without end");
    }

    /// Makes somebody the leader, without more ado.
    pub(crate) fn take_term(&mut self, number: u64) -> Term {
        let record = Bytes::from(format!("the term record {number}"));
        self.put(&Keys::default().term(&namespace()), record.clone());
        Term { number, record }
    }

    pub(crate) fn put(&mut self, key: &str, value: impl Into<Bytes>) {
        self.kv.apply(Transaction::default().write(Write::Put(key.into(), value.into()))).unwrap();
    }

    pub(crate) fn delete(&mut self, key: &str) {
        self.kv.apply(Transaction::default().write(Write::Delete(key.into()))).unwrap();
    }

    /// A log in a new term, not yet open.
    pub(crate) fn log(&mut self, term: u64, with: OpenAs) -> Log {
        let term = self.take_term(term);
        Log::new(rows(), self.kv.limits(), term, with)
    }

    /// A log in a new term, open.
    pub(crate) fn open(&mut self, term: u64) -> Log {
        let mut log = self.log(term, OpenAs { unix_millis: 1000, ..OpenAs::default() });
        self.run(&mut log).unwrap();
        log
    }

    pub(crate) fn load(&mut self) -> Result<Box<Loaded>, LoadError> {
        let mut load = Load::new(rows(), self.kv.limits());
        self.run(&mut load)
    }

    /// The keys of the namespace's deltas or snapshots.
    pub(crate) fn keys(&self, kind: &str) -> Vec<Arc<str>> {
        let prefix = format!("{}{kind}/", rows().prefix());
        self.kv.rows().map(|row| row.key).filter(|key| key.starts_with(&prefix)).collect()
    }
}

fn unreadable(key: &str) -> StoreError {
    StoreError::Corrupt { reason: format!("the record {key} cannot be read") }
}

pub(crate) fn namespace() -> Namespace {
    Namespace::new("matching").unwrap()
}

pub(crate) fn rows() -> Rows {
    Rows::new(&Keys::default(), &namespace())
}

pub(crate) fn items(texts: &[&str]) -> Vec<Bytes> {
    texts.iter().map(|text| Bytes::copy_from_slice(text.as_bytes())).collect()
}

/// A transaction without the comparison of the term's record, as somebody would send it who forgot.
pub(crate) fn without_term(transaction: Transaction) -> Transaction {
    let compares = transaction.compares.into_iter().filter(|compare| !matches!(compare, Compare::Value(..)));
    Transaction { compares: compares.collect(), ..transaction }
}
