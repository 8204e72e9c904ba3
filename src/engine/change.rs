//! What a commit does to a namespace: the vocabulary of its history.
//!
//! The engine changes its own state through these and nothing else, so that whoever applies the same changes, a
//! follower, a new leader or a reader of a backup, arrives at the same state.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::NamespaceConfig;
use crate::{
    journal::Unknown,
    session::{Ending, Profile},
    types::{ExecutorId, SessionId, ShardKey, Token, Version},
};

/// All that one commit changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta {
    /// The namespace's version afterwards.
    pub version: Version,
    /// The changes, to be applied in this order.
    pub changes: Vec<Change>,
}

/// One change. Each says how something is from now on, not how it differs.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The namespace has this configuration.
    Config(Arc<NamespaceConfig>),
    /// Routers are to use this policy.
    Policy(PolicyText),
    /// What the planner may not do.
    Freeze(Freeze),
    /// The longest lease that some session may still believe in; longer than the configuration's after that was
    /// shortened, until every older acknowledgement has run out.
    LongestLease(Duration),
    /// A session is there, and is so.
    Session(SessionRecord),
    /// A session is over. Its shards have been dealt with before.
    SessionEnded(SessionId, Ending),
    /// A shard is there, and is so.
    Shard(ShardRecord),
    /// An ephemeral shard is gone.
    ShardRetired(ShardKey),
    /// An operator wants this executor to have no shards, whichever session it has; or no longer so.
    Drained(ExecutorId, bool),
    /// The namespace is deleted, with all that it had. Nothing comes behind this.
    Deleted,
    /// What a shard weighed when a snapshot was written, so that the next leader does not start blind. Never part of a
    /// commit.
    Load(ShardKey, f64),
    /// How long a session had been there at least when a snapshot was written. Never part of a commit.
    SessionAge(SessionId, Duration),
    /// What was known of when something happened to a shard when a snapshot was written. Never part of a commit.
    ShardTimes(ShardKey, ShardTimes),
    /// Something that a later binary has said, as it was read.
    Other(Bytes),
}

/// When something happened to a shard, counted from when this is said: clocks of different machines have nothing in common.
/// Whoever reads it later counts from then, so that it never seems longer ago than it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardTimes {
    /// It was moved so long ago; `None`: longer ago than matters.
    pub moved_ago: Option<Duration>,
    /// It stays quarantined for so long; `None`: it is not, or for as long as the configuration says.
    pub quarantined_for: Option<Duration>,
}

/// What a later binary has said about something that this one knows too: kept, and written again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extra(Option<Arc<Unknown>>);

impl Extra {
    pub(super) fn get(&self) -> Option<&Unknown> {
        self.0.as_deref()
    }
}

impl From<Unknown> for Extra {
    fn from(unknown: Unknown) -> Self {
        Self((!unknown.is_empty()).then(|| Arc::new(unknown)))
    }
}

/// A routing policy, in the form in which operators write it. The engine hands it on and need not understand it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyText {
    /// Raised with each change.
    pub epoch: u64,
    /// The text.
    pub text: Arc<str>,
}

/// What the planner may not do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Freeze {
    /// Nothing is forbidden.
    #[default]
    Off,
    /// It repairs and drains but does not balance.
    Balance,
    /// It decides nothing at all: what loses its owner stays without one.
    All,
}

/// A session, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Which.
    pub id: SessionId,
    /// Whose.
    pub executor: ExecutorId,
    /// The nonce that it was asked for with.
    pub nonce: u64,
    /// Nonces of earlier sessions of this executor, newest first. Whoever comes with one of them is a ghost.
    pub past_nonces: Vec<u64>,
    /// The last attempt that changed anything.
    pub attempt: u32,
    /// What the executor said about itself.
    pub profile: Arc<Profile>,
    /// Whether it may be given shards.
    pub standing: Standing,
    /// Its executor knows neither sessions nor tokens: it serves what it was last told to, whatever becomes of its lease.
    pub unfenced: bool,
    /// What else was said of its profile.
    pub profile_extra: Extra,
    /// What else was said of it.
    pub extra: Extra,
}

/// What a session may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Another session has its executor's id, and keeps it until this one beats: a registration may be the late echo
    /// of a process that is long gone, a beat shows that somebody lives with it.
    Pending,
    /// It serves and may be given more.
    Active,
    /// It is to be rid of its shards.
    Draining {
        /// An operator wants it so; otherwise the executor does.
        by_operator: bool,
    },
    /// A later session has its executor's id. It keeps what it holds until it releases it or expires, and is asked for
    /// nothing.
    Superseded,
    /// An operator wants it gone. Otherwise as above.
    Removed,
}

impl Standing {
    /// Whether the session has no future: it keeps what it holds, and no beat of it is acknowledged.
    pub const fn is_past(self) -> bool {
        matches!(self, Self::Superseded | Self::Removed)
    }

    /// Whether the session is the one that its executor's id stands for.
    pub const fn is_current(self) -> bool {
        matches!(self, Self::Active | Self::Draining { .. })
    }
}

/// A shard, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardRecord {
    /// Which.
    pub key: ShardKey,
    /// Whose it is.
    pub owner: Option<SessionId>,
    /// The token of the last grant. Stays when the owner is gone.
    pub token: Token,
    /// Set while the owner has been asked to let go of it.
    pub handover: Option<Handover>,
    /// The only executor that may have it.
    pub pin: Option<ExecutorId>,
    /// What else was said of the handover.
    pub handover_extra: Extra,
    /// Nobody is given it, because its owners keep dying.
    pub quarantined: bool,
    /// Nobody is given it, because an operator wants it so; whoever had it was asked to let go.
    pub drained: bool,
    /// What else was said of it.
    pub extra: Extra,
}

/// On its way from its owner to another session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handover {
    /// To whom; `None`: to whomever the planner finds when it is released.
    pub to: Option<SessionId>,
    /// The version at which the owner was asked to let go.
    pub since: Version,
}

/// Most past nonces that are kept for an executor.
pub const MAX_PAST_NONCES: usize = 4;

impl SessionRecord {
    /// Whether it may be given shards.
    pub const fn is_active(&self) -> bool {
        matches!(self.standing, Standing::Active)
    }
}

impl ShardRecord {
    /// A shard that nobody has ever owned.
    pub const fn new(key: ShardKey) -> Self {
        let token = Token { incarnation: 0, generation: 0 };
        Self {
            key,
            owner: None,
            token,
            handover: None,
            handover_extra: Extra(None),
            pin: None,
            quarantined: false,
            drained: false,
            extra: Extra(None),
        }
    }
}
