//! One session of an executor, as the planner knows it.

use std::sync::Arc;

use super::{Load, Tally};
use crate::{
    hash::xxh3,
    types::{Member, Mono},
};

/// What an executor says of itself when it registers; a session's lifetime long the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Executor {
    member: Member,
    identity_hash: u64,
    version: Option<Arc<str>>,
    max_shards: Option<u32>,
    max_load: Option<Load>,
    joined: Mono,
}

impl Executor {
    /// An executor without limits. The member's identity is what the ring hashes: give it the one that the callers' own
    /// ring has. Its weight is its share.
    pub fn new(member: Member, joined: Mono) -> Self {
        let identity_hash = xxh3(member.identity().as_bytes());
        Self { member, identity_hash, version: None, max_shards: None, max_load: None, joined }
    }

    /// The same executor, built from this version.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<Arc<str>>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// The same executor, never given more shards than this.
    #[must_use]
    pub fn with_max_shards(mut self, shards: u32) -> Self {
        self.max_shards = Some(shards);
        self
    }

    /// The same executor, never given a shard that takes it above this load.
    #[must_use]
    pub fn with_max_load(mut self, load: Load) -> Self {
        self.max_load = Some(load);
        self
    }

    /// Identity, address and weight.
    pub const fn member(&self) -> &Member {
        &self.member
    }

    /// What it was built from, if it says so.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Most shards that it may hold.
    pub const fn max_shards(&self) -> Option<u32> {
        self.max_shards
    }

    /// Most load that it may be given.
    pub const fn max_load(&self) -> Option<Load> {
        self.max_load
    }

    /// When the session began.
    pub const fn joined(&self) -> Mono {
        self.joined
    }

    /// Its share relative to an executor of weight 1.
    pub fn weight(&self) -> f64 {
        self.member.weight().into()
    }

    pub(super) const fn identity_hash(&self) -> u64 {
        self.identity_hash
    }
}

/// Where a session is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It serves.
    Active,
    /// It is to lose all its shards, by handover.
    Draining,
    /// The executor has registered anew. This session keeps its shards until it names them as released or expires; it
    /// is given nothing and asked for nothing.
    Superseded,
    /// It has expired: its shards are to be placed elsewhere at once.
    Gone,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Active, Self::Draining, Self::Superseded, Self::Gone];

    /// The word used in traces and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Draining => "draining",
            Self::Superseded => "superseded",
            Self::Gone => "gone",
        }
    }
}

/// A session with what it holds and what is on its way: all that a round needs to know of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seat {
    /// Who it is.
    pub executor: Arc<Executor>,
    /// Where it is in its life.
    pub state: State,
    /// Whether it may be given shards at all. An operator's cordon clears it, and a session that is not trusted yet
    /// starts without it.
    pub receives: bool,
    /// What it owns, whether it stays or is moving away.
    pub held: Tally,
    /// What is moving to it.
    pub coming: Tally,
    /// What of the held is moving away.
    pub going: Tally,
}

impl Seat {
    /// Whether new shards may be sent to it, room permitting.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Active) && self.receives
    }

    /// Whether a move to it can still end there.
    pub const fn is_reachable(&self) -> bool {
        matches!(self.state, State::Active)
    }

    /// What it will hold when all moves have ended.
    pub fn settled(&self) -> Tally {
        let mut tally = self.held;
        tally -= self.going;
        tally += self.coming;
        tally
    }

    /// The most it may hold before all moves have ended: hard limits are kept against this.
    pub fn peak(&self) -> Tally {
        let mut tally = self.held;
        tally += self.coming;
        tally
    }
}
