//! What can happen, and what nodes say to each other.

use std::{sync::Arc, time::Duration};

use super::{hazards::Mend, node::Node};
use crate::{
    engine::{Answer, Delta, Request, RequestError, State},
    session::{Grant, ToExecutor, ToLeader},
    store::{self, Batch, Reply, Revision, WatchError},
    types::{ShardKey, Version},
};

/// What can happen.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// A message is there.
    Arrives { from: Node, to: Node, message: Message },
    /// A node wanted to be woken.
    Wakes(Node),
    /// An application has stopped serving a shard.
    Stopped { machine: u8, process: ProcessId, grant: Grant },
    /// A process ends at once.
    Crashes { machine: u8, process: ProcessId },
    /// A process begins.
    Starts(u8),
    /// The next machine of a rolling deploy is to be restarted.
    Deploys(u8),
    /// Something bad happens.
    Strikes,
    /// Something bad is over.
    Mends(Mend),
    /// The operator does something.
    Operates,
    /// The run goes on to what it does next.
    Turns,
}

/// A process, of all that there ever were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ProcessId(pub(super) u32);

/// What nodes say to each other. Small, because most of what happens is not about the large ones, and is moved about as
/// often.
#[derive(Clone, Debug)]
pub(super) enum Message {
    /// An executor to a replica.
    ToLeader(Box<ToLeader>),
    /// A replica to an executor.
    ToExecutor(Box<ToExecutor>),
    /// A replica that does not lead, to whoever took it for the leader: perhaps this one does.
    NotLeader(Option<u8>),
    /// The connection is gone, says the other machine.
    HungUp,
    /// A router or the operator to a replica.
    Ask(u64, Request),
    /// The replica's answer.
    Answer(u64, Box<Result<Answer, RequestError>>),
    /// A router to a replica: from now on, tell me what changes.
    Follow(Version),
    /// A replica to a router.
    Told(Told),
    /// A router to an executor: serve this request.
    Serve(u64, ShardKey),
    /// The executor: done, or not mine.
    Served(u64, bool),
    /// An executor to the resource.
    Write(Deed),
    /// A replica to the store.
    Call(CallNumber, Box<store::Request>),
    /// The store's answer.
    Replied(CallNumber, Box<Reply>),
    /// A replica to the store: what has happened from this revision on? `None`: where are you?
    Poll(CallNumber, Option<Revision>),
    /// The store, once something has.
    Polled(CallNumber, Box<Result<Batch, WatchError>>),
    /// A replica to the operator: it leads, and does not believe what is stored.
    Alarm,
    /// The operator's answer: go on like this.
    Open(u64, Opening),
}

/// How an operator wants a history to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// As it is stored, under another incarnation.
    Adopt {
        /// The longest lease since the backup was made, as far as the operator knows.
        longest_lease: Duration,
    },
    /// Anew, after it was deleted.
    Revive,
}

/// A call to the store: which run of a distributor made it, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CallNumber {
    pub(super) run: u32,
    pub(super) call: u32,
}

/// A write that an executor did as the owner of a shard.
#[derive(Clone, Debug)]
pub(super) struct Deed {
    pub(super) grant: Grant,
    pub(super) process: ProcessId,
}

/// What a router is told.
#[derive(Clone, Debug)]
pub(super) enum Told {
    /// How everything is.
    All(Arc<State>),
    /// What has changed since.
    Changes(Version, Arc<Delta>),
    /// Nothing has changed since.
    Still(Version),
}

impl Happening {
    /// What of it goes into the trace.
    pub(super) fn digest(&self) -> u64 {
        let node = |node: &Node| node.index() as u64;
        let (kind, what) = match self {
            Self::Arrives { from, to, message } => (1, node(from) << 40 | node(to) << 32 | message.digest()),
            Self::Wakes(of) => (2, node(of)),
            Self::Stopped { process, grant, .. } => (3, u64::from(process.0) << 32 | grant.token.generation),
            Self::Crashes { process, .. } => (4, u64::from(process.0)),
            Self::Starts(machine) => (5, u64::from(*machine)),
            Self::Deploys(machine) => (6, u64::from(*machine)),
            Self::Strikes => (7, 0),
            Self::Mends(_) => (8, 0),
            Self::Operates => (9, 0),
            Self::Turns => (10, 0),
        };
        kind << 56 ^ what
    }
}

impl Message {
    fn digest(&self) -> u64 {
        match self {
            Self::ToLeader(message) => match &**message {
                ToLeader::Register(register) => 1 << 28 | register.nonce & 0xFFFF,
                ToLeader::Beat(beat) => 2 << 28 | beat.seq & 0xFF_FFFF,
                ToLeader::Leave(id) => 3 << 28 | id.began.generation & 0xFF_FFFF,
            },
            Self::ToExecutor(message) => match &**message {
                ToExecutor::Registered { session, .. } => 4 << 28 | session.began.generation & 0xFF_FFFF,
                ToExecutor::Acknowledged { seq, .. } => 5 << 28 | seq & 0xFF_FFFF,
                ToExecutor::Assigned(assigned) => 6 << 28 | assigned.version.generation & 0xFF_FFFF,
                ToExecutor::Refused { .. } | ToExecutor::Ended { .. } => 7 << 28,
            },
            Self::NotLeader(_) => 8 << 28,
            Self::HungUp => 5 << 24,
            Self::Ask(number, _) => 9 << 28 | number & 0xFF_FFFF,
            Self::Answer(number, answer) => 10 << 28 | u64::from(answer.is_ok()) << 24 | number & 0xFF_FFFF,
            Self::Follow(version) => 11 << 28 | version.generation & 0xFF_FFFF,
            Self::Told(Told::Still(version)) => 12 << 28 | version.generation & 0xFF_FFFF,
            Self::Told(_) => 13 << 28,
            Self::Serve(number, _) => 14 << 28 | number & 0xFF_FFFF,
            Self::Served(number, served) => 15 << 28 | u64::from(*served) << 24 | number & 0xFF_FFFF,
            Self::Write(deed) => 1 << 24 | deed.grant.token.generation & 0xFF_FFFF,
            Self::Call(number, _) => 2 << 24 | u64::from(number.call) & 0xFF_FFFF,
            Self::Replied(number, _) => 3 << 24 | u64::from(number.call) & 0xFF_FFFF,
            Self::Poll(number, _) => 4 << 24 | u64::from(number.call) & 0xFF_FFFF,
            Self::Polled(number, _) => 6 << 24 | u64::from(number.call) & 0xFF_FFFF,
            Self::Alarm => 7 << 24,
            Self::Open(number, _) => 8 << 24 | number & 0xFF_FFFF,
        }
    }
}
