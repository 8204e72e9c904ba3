//! What can happen, and what nodes say to each other.

use std::sync::Arc;

use super::{hazards::Mend, node::Node};
use crate::{
    engine::{Answer, Delta, Request, RequestError, State},
    session::{Grant, ToExecutor, ToLeader},
    types::{Mono, ShardKey, Version},
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

/// What nodes say to each other.
#[derive(Clone, Debug)]
pub(super) enum Message {
    /// An executor to a replica.
    ToLeader(ToLeader),
    /// A replica to an executor.
    ToExecutor(ToExecutor),
    /// A replica that does not lead, to whoever took it for the leader: perhaps this one does.
    NotLeader(Option<u8>),
    /// The connection is gone, says the other machine.
    HungUp,
    /// A router or the operator to a replica.
    Ask(u64, Request),
    /// The replica's answer.
    Answer(u64, Result<Answer, RequestError>),
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
    Store(StoreCall),
    /// The store's answer.
    StoreSaid(StoreWord),
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

/// What a leader, or who wants to be one, asks of the ideal store.
#[derive(Clone, Debug)]
pub(super) enum StoreCall {
    /// Let me lead, or go on to; sent at this time by my clock.
    Lead { term: Option<u64>, sent: Mono },
    /// I lead no longer.
    Resign(u64),
    /// Write this.
    Commit(u64, Arc<Delta>),
    /// What has happened since?
    Read(Version),
}

/// What the ideal store answers.
#[derive(Clone, Debug)]
pub(super) enum StoreWord {
    /// You lead, under this term, and may go on with this state.
    Elected { term: u64, sent: Mono, state: Arc<State> },
    /// You still lead.
    Confirmed { term: u64, sent: Mono },
    /// Another one does.
    Led(Option<u8>),
    /// It is written.
    Committed(u64, Version),
    /// Another one has the term, so nothing was written.
    Deposed(u64),
    /// What has happened since.
    Happened(Vec<Arc<Delta>>),
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
            Self::ToLeader(ToLeader::Register(register)) => 1 << 28 | register.nonce & 0xFFFF,
            Self::ToLeader(ToLeader::Beat(beat)) => 2 << 28 | beat.seq & 0xFF_FFFF,
            Self::ToLeader(ToLeader::Leave(id)) => 3 << 28 | id.began.generation & 0xFF_FFFF,
            Self::ToExecutor(ToExecutor::Registered { session, .. }) => {
                4 << 28 | session.began.generation & 0xFF_FFFF
            }
            Self::ToExecutor(ToExecutor::Acknowledged { seq, .. }) => 5 << 28 | seq & 0xFF_FFFF,
            Self::ToExecutor(ToExecutor::Assigned(assigned)) => {
                6 << 28 | assigned.version.generation & 0xFF_FFFF
            }
            Self::ToExecutor(_) => 7 << 28,
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
            Self::Store(StoreCall::Commit(_, delta)) => 2 << 24 | delta.changes.len() as u64,
            Self::Store(_) => 3 << 24,
            Self::StoreSaid(_) => 4 << 24,
        }
    }
}
