//! Somebody who drains, moves, pins, freezes and configures, now and then at a bad time.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    coverage::Met,
    happening::{Message, Opening},
    node::Node,
    policy_text::any_policy,
    random::MILLION,
    router::any_key,
    stage::Stage,
};
use crate::{
    engine::{Answer, Freeze, Kind, NamespaceConfig, Request, RequestError, Standing},
    types::ExecutorId,
};

#[derive(Debug, Default)]
pub(super) struct Operator {
    asked: BTreeMap<u64, Asked>,
    numbers: u64,
    /// What it asked before it has hung up.
    first_valid: u64,
    replica: u8,
    /// Who leads and does not believe what is stored.
    alarms: BTreeSet<Node>,
    /// Its notebook: leases that it has asked for and that the last backup may not know of.
    leases: BTreeMap<u64, Duration>,
}

#[derive(Debug)]
struct Asked {
    request: Request,
    /// Asked again until it is answered.
    insists: bool,
    /// How often it was sent on to another replica since it was last asked.
    hops: u8,
}

/// Replicas may each take another one for the leader.
const MAX_HOPS: u8 = 2;

impl Operator {
    /// Does one thing.
    pub(super) fn operate(&mut self, stage: &mut Stage) {
        if !self.alarms.is_empty() && stage.random.happens(MILLION / 2) {
            self.adopt(stage);
        }
        let Some(request) = any_request(stage) else { return };
        self.ask(stage, request, false);
    }

    /// Says to whoever has asked that the store is to be adopted.
    pub(super) fn adopt(&mut self, stage: &mut Stage) {
        let longest_lease = self.leases.values().copied().max().unwrap_or_default();
        for replica in std::mem::take(&mut self.alarms) {
            stage.tell(|| {
                format!("operator: adopt the store, {replica}; leases were up to {longest_lease:?}")
            });
            self.open(stage, replica, Opening::Adopt { longest_lease });
        }
    }

    /// It has made a backup. `is_whole` if that has all there was before: of a store that waits to be adopted it has not.
    ///
    /// What was asked before it and is not answered yet may come to pass behind it. What has not even arrived is called off.
    pub(super) fn backed_up(&mut self, stage: &mut Stage, is_whole: bool) {
        if is_whole {
            self.leases.retain(|number, _| self.asked.contains_key(number));
        }
        self.hang_up();
        if stage.random.happens(MILLION / 2) {
            let mut config = stage.auditor.config().clone();
            config.lease = stage.swarm.config.lease * stage.random.pick(&[2, 3]);
            self.ask(stage, Request::Configure(Box::new(config)), false);
        }
    }

    /// Creates the namespace again, if it is deleted: whoever leads it, or would, lets it begin anew.
    pub(super) fn create(&mut self, stage: &mut Stage) {
        if !stage.auditor.is_deleted {
            return;
        }
        stage.tell(|| "operator: create the namespace again".to_owned());
        for replica in 0..stage.swarm.replicas {
            self.open(stage, Node::Replica(replica), Opening::Revive);
        }
    }

    pub(super) fn ask(&mut self, stage: &mut Stage, request: Request, insists: bool) {
        stage.tell(|| format!("operator: {request:?}"));
        if let Request::Move(shard, _) | Request::Pin(shard, _) = &request {
            stage.auditor.movement.operator_moves(stage.now, shard);
        }
        self.numbers += 1;
        if let Request::Configure(config) = &request {
            self.leases.insert(self.numbers, config.lease);
        }
        self.send(stage, self.numbers, &request);
        self.asked.insert(self.numbers, Asked { request, insists, hops: 0 });
    }

    /// Hangs up: what it has asked and what has not arrived never will.
    pub(super) fn hang_up(&mut self) {
        self.asked.clear();
        self.first_valid = self.numbers + 1;
    }

    /// Whether a message of its can still arrive.
    pub(super) const fn is_valid(&self, message: &Message) -> bool {
        !matches!(message, Message::Ask(number, _) | Message::Open(number, _) if *number < self.first_valid)
    }

    /// Asks again for what it insists on, and forgets the rest.
    pub(super) fn insist(&mut self, stage: &mut Stage) {
        self.asked.retain(|_, asked| asked.insists);
        self.replica = (self.replica + 1) % stage.swarm.replicas;
        let (to, asked) = (Node::Replica(self.replica), &mut self.asked);
        for (number, asked) in asked {
            asked.hops = 0;
            stage.send(Node::Operator, to, Message::Ask(*number, asked.request.clone()));
        }
    }

    /// Whether it still waits for something that it insists on.
    pub(super) fn is_waiting(&self) -> bool {
        self.asked.values().any(|asked| asked.insists)
    }

    pub(super) fn hear(&mut self, stage: &mut Stage, from: Node, message: Message) {
        match message {
            Message::Alarm => drop(self.alarms.insert(from)),
            Message::NotLeader(Some(leader)) if leader != self.replica => {
                self.replica = leader;
                for (number, asked) in self.asked.iter_mut().filter(|(_, asked)| asked.hops < MAX_HOPS) {
                    asked.hops += 1;
                    let ask = Message::Ask(*number, asked.request.clone());
                    stage.send(Node::Operator, Node::Replica(leader), ask);
                }
            }
            Message::Answer(number, answer) => self.answered(stage, number, *answer),
            _ => {}
        }
    }

    fn answered(&mut self, stage: &mut Stage, number: u64, answer: Result<Answer, RequestError>) {
        let again = matches!(
            answer,
            Err(RequestError::NotLeading | RequestError::Busy | RequestError::InHandover(_))
        );
        let Some(asked) = self.asked.remove(&number) else { return };
        if again && asked.insists {
            self.asked.insert(number, asked);
        } else if answer.is_ok() {
            match asked.request {
                Request::Drain(_) => stage.met(Met::Drain),
                Request::Move(..) => stage.met(Met::OperatorMove),
                Request::Reset => stage.met(Met::Reset),
                _ => {}
            }
        }
    }

    fn open(&mut self, stage: &mut Stage, replica: Node, opening: Opening) {
        self.numbers += 1;
        stage.send(Node::Operator, replica, Message::Open(self.numbers, opening));
    }

    fn send(&self, stage: &mut Stage, number: u64, request: &Request) {
        stage.send(Node::Operator, Node::Replica(self.replica), Message::Ask(number, request.clone()));
    }
}

/// What undoes whatever an operator has done that keeps shards from having owners.
pub(super) fn amends(stage: &Stage) -> Vec<Request> {
    let ledger = &stage.auditor.ledger;
    let mut requests = Vec::new();
    if ledger.freeze != Freeze::Off {
        requests.push(Request::Freeze(Freeze::Off));
    }
    for record in ledger.sessions.values() {
        if matches!(record.standing, Standing::Draining { by_operator: true }) {
            requests.push(Request::Undrain(record.executor.clone()));
        }
    }
    for shard in ledger.shards() {
        if shard.pin.is_some() {
            requests.push(Request::Pin(shard.key.clone(), None));
        }
        if shard.quarantined {
            requests.push(Request::Release(shard.key.clone()));
        }
    }
    requests
}

fn any_request(stage: &mut Stage) -> Option<Request> {
    let executor = any_executor(stage)?;
    let key = any_key(stage);
    Some(match stage.random.below(16) {
        0..3 => Request::Drain(executor),
        3..6 => Request::Undrain(executor),
        6..9 => Request::Move(key, executor),
        9 => Request::Pin(key, Some(executor)),
        10 => Request::Pin(key, None),
        11 => Request::Freeze(stage.random.pick(&[Freeze::Off, Freeze::Off, Freeze::Balance, Freeze::All])),
        12 => Request::SetPolicy(any_policy(stage)),
        13 => Request::Configure(Box::new(any_config(stage))),
        14 => stage.random.pick_of([Request::Release(key), Request::Remove(executor)]),
        _ if stage.random.happens(MILLION / 8) => Request::AllowExpiry,
        _ => Request::Undrain(executor),
    })
}

fn any_executor(stage: &mut Stage) -> Option<ExecutorId> {
    let known = stage.auditor.ledger.sessions.len();
    let at = stage.random.index(known.max(1));
    stage.auditor.ledger.sessions.values().nth(at).map(|record| record.executor.clone())
}

fn any_config(stage: &mut Stage) -> NamespaceConfig {
    let mut config = stage.auditor.config().clone();
    let lease = stage.swarm.config.lease;
    if stage.random.happens(MILLION / 3) {
        if let Kind::Fixed { shards } = &mut config.kind {
            *shards = (*shards + 2).min(48);
        }
    } else {
        config.lease =
            stage.random.pick(&[lease, lease, lease * 3 / 4, lease * 2]).max(config.beat_every * 4);
    }
    config
}

/// All executors are named after machines.
pub(super) fn executor_id(machine: u8) -> ExecutorId {
    ExecutorId::new(format!("e{machine}")).expect("names in simulation are ids")
}
