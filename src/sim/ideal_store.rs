//! A store without faults of its own; what it says may be late, lost or cut off like everything on the network.

use std::sync::Arc;

use super::{
    coverage::Met,
    happening::{Message, StoreCall, StoreWord},
    node::Node,
    stage::Stage,
};
use crate::{
    engine::{Delta, State},
    planted::{Planted, is},
    types::Mono,
};

/// The ideal store: it answers every call that reaches it, truly and at once.
#[derive(Debug)]
pub(super) struct IdealStore {
    term: u64,
    leader: Option<u8>,
    lease_ends: Mono,
    state: Arc<State>,
    deltas: Vec<Arc<Delta>>,
    pub(super) is_away: bool,
}

impl IdealStore {
    pub(super) const fn new(state: Arc<State>) -> Self {
        Self { term: 0, leader: None, lease_ends: Mono::ZERO, state, deltas: Vec::new(), is_away: false }
    }

    pub(super) fn hear(&mut self, stage: &mut Stage, from: Node, message: Message) {
        let (Node::Replica(replica), Message::Store(call)) = (from, message) else { return };
        if self.is_away {
            return;
        }
        let word = match call {
            StoreCall::Lead { term, sent } => self.lead(stage, replica, term, sent),
            StoreCall::Resign(term) => {
                if self.term == term {
                    self.lease_ends = stage.now;
                    self.leader = None;
                }
                return;
            }
            StoreCall::Commit(term, delta) => self.commit(stage, term, delta),
            StoreCall::Read(version) => {
                let from = self.deltas.partition_point(|delta| delta.version <= version);
                if from == self.deltas.len() {
                    return;
                }
                StoreWord::Happened(self.deltas[from..].to_vec())
            }
        };
        stage.send(Node::Store, from, Message::StoreSaid(word));
    }

    fn lead(&mut self, stage: &mut Stage, replica: u8, term: Option<u64>, sent: Mono) -> StoreWord {
        let lasts = stage.swarm.rates().listening(stage.swarm.leader_lease);
        if term == Some(self.term) && self.leader == Some(replica) {
            self.lease_ends = stage.now + lasts;
            return StoreWord::Confirmed { term: self.term, sent };
        }
        if stage.now < self.lease_ends {
            return StoreWord::Led(self.leader);
        }
        if self.term > 0 {
            stage.met(Met::LeaderChange);
            if stage.auditor.ledger.shards().any(|shard| shard.handover.is_some()) {
                stage.met(Met::LeaderChangeMidHandover);
            }
        }
        self.term += 1;
        self.leader = Some(replica);
        self.lease_ends = stage.now + lasts;
        StoreWord::Elected { term: self.term, sent, state: self.state.clone() }
    }

    fn commit(&mut self, stage: &mut Stage, term: u64, delta: Arc<Delta>) -> StoreWord {
        let is_next = delta.version.generation == self.state.version().generation + 1;
        if term != self.term && !(is(Planted::CommitUnguarded) && is_next) {
            return StoreWord::Deposed(term);
        }
        if delta.version <= self.state.version() {
            stage.met(Met::UnknownOutcome);
            return StoreWord::Committed(term, delta.version);
        }
        let Stage { auditor, coverage, now, .. } = stage;
        auditor.committed(*now, (term, self.term), &delta, coverage);
        Arc::make_mut(&mut self.state).apply(&delta);
        self.deltas.push(delta.clone());
        for replica in 0..stage.swarm.replicas {
            let word = StoreWord::Happened(vec![delta.clone()]);
            stage.send(Node::Store, Node::Replica(replica), Message::StoreSaid(word));
        }
        StoreWord::Committed(term, delta.version)
    }
}
