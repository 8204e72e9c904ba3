//! What the engine is told, and what it wants done.

use std::{fmt, time::Duration};

use super::{ConfigError, Delta, Freeze, NamespaceConfig, PolicyText, RoundNote};
use crate::{
    plan::StopAnswer,
    session::{ToExecutor, ToLeader},
    types::{ExecutorId, Mono, SessionId, ShardKey, Token, Version},
};

/// Where an answer goes: chosen by the driver, handed back with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Caller(pub u64);

/// What has happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The leader's own lease surely lasts until then.
    Leads {
        /// Until when.
        until: Mono,
    },
    /// An executor said something. The answer goes to the caller.
    Heard(Caller, ToLeader),
    /// Somebody wants something. The answer goes to the caller.
    Asked(Caller, Request),
    /// Somebody has seen this version of the namespace: a router, or an executor that spoke to another replica.
    Seen(Version),
    /// The commit of this version is in the store.
    Committed(Version),
    /// Time has passed.
    Woke,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Write this. The next comes only after [`Event::Committed`]; if it cannot be known whether it was written, find
    /// out before anything else; if somebody else has the term, drop the engine.
    Commit(Delta),
    /// Answer whoever said something.
    Reply(Caller, ToExecutor),
    /// Tell a session, wherever it is connected; if it is not, it need not be told later.
    Push(SessionId, ToExecutor),
    /// Answer whoever asked.
    Answer(Caller, Result<Answer, RequestError>),
    /// Begin the namespace anew, with nothing but its configuration, and grant nothing in it for so long; then answer.
    /// Nothing of this engine counts any more.
    StartOver(Caller, Duration),
    /// Something that an operator should know.
    Notice(Notice),
}

/// What may be asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Who owns this shard? In an ephemeral namespace it is created if it is not there.
    Ensure(ShardKey),
    /// Take all shards away from an executor.
    Drain(ExecutorId),
    /// Let a drained executor have shards again.
    Undrain(ExecutorId),
    /// Take these shards away from whoever has them, and give them to nobody. Those of an ephemeral namespace need not be
    /// there yet.
    DrainShards(Vec<ShardKey>),
    /// Let drained shards have owners again. Others are passed over.
    UndrainShards(Vec<ShardKey>),
    /// Give a shard to an executor.
    Move(ShardKey, ExecutorId),
    /// Let only this executor have the shard; `None`: any.
    Pin(ShardKey, Option<ExecutorId>),
    /// Forget that the shard's owners died.
    Release(ShardKey),
    /// Forbid the planner something.
    Freeze(Freeze),
    /// Let routers use this policy. The epoch is given out here.
    SetPolicy(String),
    /// Run the namespace in this way.
    Configure(Box<NamespaceConfig>),
    /// End an executor's sessions as if they had expired, after they had time to.
    Remove(ExecutorId),
    /// Delete the namespace, with all that it has. Whoever asks has made sure that this is meant. What comes again under
    /// its name comes above its version, and grants nothing before a lease is over.
    Delete,
    /// Begin anew, with the same configuration and nothing else. The same holds as for [`Delete`](Self::Delete).
    Reset,
    /// Let sessions expire that are held back because too many are late at once.
    AllowExpiry,
    /// What did the last planning rounds do? At most so many are listed.
    Rounds(usize),
    /// All that this planning round read and decided.
    Round(u64),
    /// What would the next planning round do? It is not done.
    PreviewRound,
    /// May this executor stop?
    MayStop(ExecutorId),
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It is done and stored.
    Done(Version),
    /// The shard's owner.
    Owner {
        /// Whose session.
        executor: ExecutorId,
        /// Which session.
        session: SessionId,
        /// Under which token.
        token: Token,
    },
    /// These were drained, and are so no longer.
    Undrained(Vec<ShardKey>),
    /// The policy is stored under this epoch.
    Policy(PolicyText),
    /// Planning rounds, oldest first.
    Rounds(Vec<RoundNote>),
    /// A round as text, to be decided again by [`plan::replay`](crate::plan::replay); `None`: it was too large to be kept.
    Round(Option<Box<str>>),
    /// Whether the executor may stop, and what speaks against it.
    MayStop(Box<StopAnswer<ShardKey>>),
}

/// Why a request did nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// No such shard, and this namespace creates none on demand.
    NoSuchShard(ShardKey),
    /// No session has this executor's id.
    NoSuchExecutor(ExecutorId),
    /// The shard is there and has no owner at the moment. Worth asking again.
    Unassigned(ShardKey),
    /// An operator wants nobody to have the shard.
    ShardDrained(ShardKey),
    /// No executor may be given a shard. Worth asking again.
    NobodyAvailable,
    /// The executor may not be given shards: it is draining, full, or not heard of.
    NotReceiving(ExecutorId),
    /// The executor has as many shards as it takes.
    NoRoom {
        /// Which.
        executor: ExecutorId,
        /// How many it takes.
        limit: u32,
    },
    /// The shard is on its way already; the move in flight is not decided again.
    InHandover(ShardKey),
    /// As many shards as there may be.
    TooManyShards {
        /// How many there may be.
        limit: usize,
    },
    /// The configuration would not work.
    BadConfig(ConfigError),
    /// A namespace cannot change its kind.
    KindChange,
    /// A fixed namespace cannot lose shards: what its keys are would change with their number.
    Shrinks {
        /// How many it has.
        from: u32,
        /// How many it was to have.
        to: u32,
    },
    /// With hashed keys, nearly every key would be of another shard if their number, or the hashing, changed.
    Rehashes,
    /// Exclusive ownership cannot be promised while shards are held without tokens.
    StillUnfenced {
        /// A shard that is.
        shard: ShardKey,
    },
    /// As many executors are drained as may be.
    TooManyDrained {
        /// How many may be.
        limit: usize,
    },
    /// The namespace is frozen: nothing is placed.
    Frozen,
    /// The namespace was deleted.
    Deleted,
    /// The store is behind what executors have seen; an operator has to adopt it.
    NeedsAdoption {
        /// The greatest version that was seen.
        seen: Version,
    },
    /// This replica does not lead the namespace at the moment.
    NotLeading,
    /// More is waiting for the store than may.
    Busy,
    /// This planning round was not held, or is not kept any more.
    NoSuchRound {
        /// Which.
        number: u64,
    },
    /// The policy is longer than it may be.
    PolicyTooLong {
        /// How long it may be.
        limit: usize,
    },
}

/// Something that an operator should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A planning round was held just now.
    Planned,
    /// A session was not heard for a lease.
    Expired {
        /// Whose.
        executor: ExecutorId,
        /// Which.
        session: SessionId,
        /// How many shards it had.
        shards: usize,
    },
    /// So many are late at once that the network is blamed: expiries wait.
    Restrained {
        /// How many are late or expired.
        late: usize,
        /// Of how many.
        of: usize,
    },
    /// They no longer do.
    Unrestrained,
    /// Sessions are listened to anew, because the leader could not answer for a while.
    ListeningAgain,
    /// Nothing is granted, because executors have seen a later version than the store has.
    Behind {
        /// The greatest version that was seen.
        seen: Version,
    },
    /// An executor claims to have seen a version that is years ahead. It is not believed.
    Absurd {
        /// What it claims.
        seen: Version,
    },
    /// So many changes that only later binaries understand could not be kept, because there are too many.
    Forgot {
        /// How many.
        changes: usize,
    },
    /// A shard's owners keep dying: nobody is given it.
    Quarantined(ShardKey),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchShard(key) => write!(f, "there is no shard \"{key}\""),
            Self::NoSuchExecutor(id) => write!(f, "no executor \"{id}\" is registered"),
            Self::Unassigned(key) => write!(f, "shard \"{key}\" has no owner at the moment; try again"),
            Self::ShardDrained(key) => {
                write!(f, "shard \"{key}\" is drained, so nobody is given it; undrain it first")
            }
            Self::NobodyAvailable => f.write_str("no executor can be given a shard at the moment; try again"),
            Self::NotReceiving(id) => {
                write!(f, "executor \"{id}\" cannot be given shards: it is draining or was not heard lately")
            }
            Self::NoRoom { executor, limit } => {
                write!(
                    f,
                    "executor \"{executor}\" has all the {limit} shards that it takes; take one away first"
                )
            }
            Self::InHandover(key) => {
                write!(f, "shard \"{key}\" is being handed over; wait until that is done")
            }
            Self::TooManyShards { limit } => {
                write!(f, "the namespace has all the {limit} shards that it may have; raise max_shards")
            }
            Self::BadConfig(error) => {
                write!(f, "the configuration was refused, nothing was changed: {error}")
            }
            Self::KindChange => f.write_str("a namespace keeps its kind: found another one"),
            Self::Shrinks { from, to } => write!(
                f,
                "a fixed namespace of {from} shards cannot be made one of {to}: found another one, and move to it"
            ),
            Self::Rehashes => f.write_str(
                "keys stay hashed as they are, over as many shards: found another namespace, and move to it",
            ),
            Self::TooManyDrained { limit } => {
                write!(f, "{limit} executors are drained already; undrain those that are gone for good")
            }
            Self::Deleted => f.write_str("the namespace was deleted"),
            Self::StillUnfenced { shard } => write!(
                f,
                "shard \"{shard}\" is held by an executor that knows no tokens; drain it before ownership is exclusive"
            ),
            Self::NeedsAdoption { seen } => write!(
                f,
                "executors have seen version {seen}, which this store has not: adopt the restored store first"
            ),
            Self::NotLeading => f.write_str("this replica does not lead the namespace; ask its leader"),
            Self::Frozen => f.write_str("the namespace is frozen, so nothing is placed in it; thaw it first"),
            Self::Busy => f.write_str("too much is waiting for the store; try again later"),
            Self::NoSuchRound { number } => {
                write!(
                    f,
                    "planning round {number} was not held by this leader, or is not kept any more; list the rounds"
                )
            }
            Self::PolicyTooLong { limit } => write!(f, "the policy is longer than {limit} bytes"),
        }
    }
}

impl std::error::Error for RequestError {}
