//! The store: the real map with its limits and its history, and all that stores do to those who call them.

use std::collections::BTreeMap;

use super::{
    coverage::Met,
    happening::{CallNumber, Message},
    node::Node,
    reader::Reader,
    stage::Stage,
    swarm::Swarm,
};
use crate::{
    store::{
        Batch, Keys, Outcome, Reply, Request, Revision, Row, StoreError, StoreIdentity, Transaction,
        WatchError, Write, kv::Kv,
    },
    types::Namespace,
};

/// The store, and whoever waits for what happens in it.
#[derive(Debug)]
pub(super) struct Store {
    kv: Kv,
    /// What all keys begin with.
    all: String,
    /// How often it was restored: each time it is another store.
    restored: u32,
    reader: Reader,
    away: Option<Away>,
    /// There is no space left.
    is_full: bool,
    /// Its own leader is being replaced: what was to be written and may be.
    stalled: Option<Vec<(u8, CallNumber, Transaction)>>,
    /// Watches tell nothing.
    is_mute: bool,
    /// Who waits for what happens from a revision on, or from now on: one poll a replica.
    polls: BTreeMap<u8, (CallNumber, Option<Revision>)>,
    backup: Option<Vec<Row>>,
    /// Who was started before it was restored reaches it no more, and does not know why.
    oldest_run: u32,
}

/// How it is when it cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Away {
    /// It says nothing.
    Silent,
    /// It says that it cannot.
    Refuses,
}

impl Store {
    pub(super) fn new(swarm: &Swarm, namespace: &Namespace) -> Self {
        Self {
            kv: Kv::new(swarm.limits, swarm.retention),
            all: Keys::default().all(),
            restored: 0,
            reader: Reader::new(namespace, swarm.limits, identity(0)),
            away: None,
            is_full: false,
            stalled: None,
            is_mute: false,
            polls: BTreeMap::new(),
            backup: None,
            oldest_run: 0,
        }
    }

    pub(super) fn hear(&mut self, stage: &mut Stage, from: Node, message: Message) {
        let Node::Replica(replica) = from else { return };
        match message {
            Message::Call(number, request) if self.hears(number.run) => {
                self.called(stage, replica, number, *request);
            }
            Message::Poll(number, from) if self.hears(number.run) => {
                self.polls.insert(replica, (number, from));
                self.tell(stage, replica);
            }
            _ => {}
        }
    }

    pub(super) const fn leave(&mut self, how: Option<Away>) {
        self.away = how;
    }

    pub(super) const fn fill(&mut self, is_full: bool) {
        self.is_full = is_full;
    }

    /// Its own leader is gone. Until there is another one, nobody is answered; of what arrives meanwhile, some is written
    /// at once, some later, and some never.
    pub(super) fn stall(&mut self) {
        self.stalled.get_or_insert_default();
    }

    pub(super) fn go_on(&mut self, stage: &mut Stage) {
        for (replica, number, transaction) in self.stalled.take().into_iter().flatten() {
            let reply = Reply::Outcome(self.transact(stage, transaction));
            stage.send(Node::Store, Node::Replica(replica), Message::Replied(number, Box::new(reply)));
        }
    }

    /// Watches say nothing any more. When they do again, they may have to say that it is too late.
    pub(super) fn mute(&mut self, stage: &mut Stage, is_mute: bool) {
        self.is_mute = is_mute;
        let waiting: Vec<u8> = self.polls.keys().copied().collect();
        for replica in waiting {
            self.tell(stage, replica);
        }
    }

    /// Every watch breaks off.
    pub(super) fn cancel_watches(&mut self, stage: &mut Stage) {
        for (replica, (number, _)) in std::mem::take(&mut self.polls) {
            let broken = Err(WatchError::Broken { reason: "it was cancelled".into() });
            stage.send(Node::Store, Node::Replica(replica), Message::Polled(number, Box::new(broken)));
        }
    }

    /// Forgets all that it need not remember.
    pub(super) fn compact(&mut self) {
        self.kv.compact(self.kv.revision());
    }

    /// Everything but who lives is copied, to be restored one day. Tells whether the namespace was written here, or waits
    /// to be adopted.
    pub(super) fn back_up(&mut self) -> bool {
        let replicas = Keys::default().replicas();
        self.backup = Some(self.kv.rows().filter(|row| !row.key.starts_with(&replicas)).collect());
        self.reader.is_at_home(&self.kv)
    }

    /// Whether it hears who was started as this run: a connection to the store that it has replaced leads nowhere.
    pub(super) const fn hears(&self, run: u32) -> bool {
        run >= self.oldest_run
    }

    /// From now on it is another store, which has what was backed up. Whoever was connected to the one before is not
    /// connected to this one. Tells whether there was a backup.
    pub(super) fn restore(&mut self, stage: &mut Stage) -> bool {
        let Some(rows) = self.backup.take() else { return false };
        let revision = Revision(1 + stage.random.below(20));
        let rows = rows.into_iter().map(|row| Row { changed: revision, ..row });
        self.kv = Kv::of(stage.swarm.limits, stage.swarm.retention, revision, rows);
        self.restored += 1;
        self.oldest_run = stage.runs + 1;
        self.polls.clear();
        if let Some(stalled) = &mut self.stalled {
            stalled.clear();
        }
        self.reader.restored(identity(self.restored), revision);
        stage.auditor.restored();
        true
    }

    fn called(&mut self, stage: &mut Stage, replica: u8, number: CallNumber, request: Request) {
        match (self.away, &mut self.stalled) {
            (Some(Away::Silent), _) => return,
            (Some(Away::Refuses), _) => {
                let error = StoreError::Unavailable { reason: "it is away".into() };
                let reply = Box::new(Reply::Row(Err(error)));
                stage.send(Node::Store, Node::Replica(replica), Message::Replied(number, reply));
                return;
            }
            (None, Some(stalled)) => {
                if let Request::Transact(transaction) = request {
                    stage.met(Met::StoreLeaderChange);
                    match stage.random.below(3) {
                        0 => stalled.push((replica, number, transaction)),
                        1 => drop(self.transact(stage, transaction)),
                        _ => {}
                    }
                }
                return;
            }
            (None, None) => {}
        }
        let reply = match request {
            Request::Identity => Reply::Identity(Ok(identity(self.restored))),
            Request::Get(key) => Reply::Row(self.kv.get(&key)),
            Request::Range(range) => Reply::Page(self.kv.range(&range)),
            Request::Transact(transaction) => Reply::Outcome(self.transact(stage, transaction)),
        };
        stage.send(Node::Store, Node::Replica(replica), Message::Replied(number, Box::new(reply)));
    }

    fn transact(&mut self, stage: &mut Stage, transaction: Transaction) -> Result<Outcome, StoreError> {
        if self.is_full && transaction.writes.iter().any(|write| matches!(write, Write::Put(..))) {
            stage.met(Met::DiskFull);
            return Err(StoreError::Full { reason: "no space is left".into() });
        }
        let writers = self.reader.writers(&self.kv, &transaction);
        let before = self.kv.revision();
        let outcome = self.kv.apply(transaction)?;
        self.reader.answered(stage, &writers, outcome);
        if self.kv.revision() > before {
            self.reader.read(stage, &self.kv);
            let waiting: Vec<u8> = self.polls.keys().copied().collect();
            for replica in waiting {
                self.tell(stage, replica);
            }
        }
        Ok(outcome)
    }

    /// Tells a replica what has happened, if it waits for that and something has.
    fn tell(&mut self, stage: &mut Stage, replica: u8) {
        let Some((number, from)) = self.polls.get(&replica).copied() else { return };
        if self.away.is_some() || self.stalled.is_some() || self.is_mute && from.is_some() {
            return;
        }
        let now = Batch { changes: Vec::new(), revision: self.kv.revision() };
        let told = from.map_or(Ok(Some(now)), |from| self.kv.batch(&self.all, from));
        let told = match told {
            Ok(None) => return,
            Ok(Some(batch)) => Ok(batch),
            Err(error) => {
                stage.met(Met::WatchLost);
                Err(error)
            }
        };
        self.polls.remove(&replica);
        stage.send(Node::Store, Node::Replica(replica), Message::Polled(number, Box::new(told)));
    }
}

fn identity(restored: u32) -> StoreIdentity {
    StoreIdentity(format!("store {restored}"))
}
