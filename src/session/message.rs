//! What an executor and its namespace's leader say to each other.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::types::{ExecutorId, MAX_WEIGHT, Member, SessionId, ShardKey, Token, Version};

/// One shard under one token: what is granted, revoked, released.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The shard.
    pub shard: ShardKey,
    /// The token of the commit that granted it.
    pub token: Token,
}

/// What an executor says about itself when it registers.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Profile {
    /// What the ring places it by. Empty: its executor id.
    pub identity: String,
    /// How large a share it takes, against others' weights. 0 counts as 1.
    pub weight: u16,
    /// At most so many shards.
    pub max_shards: Option<u32>,
    /// At most so much load, in whatever unit it reports.
    pub max_load: Option<u64>,
    /// Where it runs. Empty: not said.
    pub zone: String,
    /// Which build it is. Empty: not said.
    pub build: String,
    /// Whatever callers need to reach it: ports, addresses.
    pub metadata: BTreeMap<String, String>,
}

/// To the leader.
#[derive(Clone, Debug, PartialEq)]
pub enum ToLeader {
    /// I am here. Repeated, with a greater attempt, until answered.
    Register(Register),
    /// I live, and this is new.
    Beat(Beat),
    /// I have stopped everything and go.
    Leave(SessionId),
}

impl ToLeader {
    /// The greatest version that the executor has seen, as far as it says.
    pub fn seen(&self) -> Version {
        match self {
            Self::Register(Register { seen, .. }) | Self::Beat(Beat { seen, .. }) => *seen,
            Self::Leave(_) => Version::default(),
        }
    }
}

/// An executor's request for a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Register {
    /// Who it is.
    pub executor: ExecutorId,
    /// Chosen at random for each session that is asked for: the same nonce gets the same session.
    pub nonce: u64,
    /// Raised with each repetition. An older attempt changes nothing.
    pub attempt: u32,
    /// What it says about itself.
    pub profile: Arc<Profile>,
    /// The greatest version it has ever seen.
    pub seen: Version,
    /// How it came to be asked for.
    pub by: By,
}

/// How a session came to be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// The executor asks for it, and knows what it is.
    #[default]
    Request,
    /// The executor does nothing but beat, as Cadence's do, and knows neither sessions nor tokens: whoever translates
    /// for it asks for a session when it beats and has none. It is given nothing before a [`Beat`] comes for it, which is
    /// to be sent when it has beaten again after the first beat was answered: the echo of a beat is given nothing.
    UnaryBeat {
        /// Whether the beat says that it serves. One that does not gets no session.
        active: bool,
    },
}

/// A sign of life, and what has changed since the one before that was acknowledged.
#[derive(Clone, Debug, PartialEq)]
pub struct Beat {
    /// Whose.
    pub session: SessionId,
    /// Grows with each beat. Another beat is sent only when this one was answered or given up.
    pub seq: u64,
    /// The version of the assignments in force.
    pub applied: Version,
    /// The greatest version it has ever seen.
    pub seen: Version,
    /// Whether it wants to be rid of its shards.
    pub draining: bool,
    /// Loads that were measured.
    pub loads: Vec<(ShardKey, f64)>,
    /// What it has let go of and holds no longer. Repeated until an assignment shows that it arrived.
    pub released: Vec<Grant>,
    /// Ephemeral shards that are of no use any more. Repeated as well.
    pub done: Vec<Grant>,
}

/// To the executor.
#[derive(Clone, Debug, PartialEq)]
pub enum ToExecutor {
    /// The answer to this attempt: a session, with a lease as if the attempt had been a beat.
    Registered {
        /// The attempt's nonce.
        nonce: u64,
        /// The attempt.
        attempt: u32,
        /// The session.
        session: SessionId,
        /// What it is promised, and asked for.
        pace: Pace,
    },
    /// No session for this attempt. [`Refusal::Superseded`]: nor for any other with this nonce.
    Refused {
        /// The attempt's nonce.
        nonce: u64,
        /// Why.
        why: Refusal,
    },
    /// The beat was heard.
    Acknowledged {
        /// Whose beat.
        session: SessionId,
        /// Which beat.
        seq: u64,
        /// What it is promised, and asked for.
        pace: Pace,
    },
    /// What has changed for the session.
    Assigned(Assigned),
    /// There is no such session any more: its shards may be others'.
    Ended {
        /// Which session.
        session: SessionId,
        /// Why.
        why: Ending,
    },
}

/// What an acknowledgement promises, and what is expected of the executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How long it may hold what it is granted, by its own clock, from when it sent what this answers: the lease, less
    /// all that clocks may be off. The leader says it, so that nobody's clock is trusted more than the leader trusts it.
    pub hold: Duration,
    /// How often it is to beat.
    pub beat_every: Duration,
    /// How long to wait for an answer before sending again: a third of the lease, so that two may be lost.
    pub answer_within: Duration,
}

/// The shards of a session: all of them, or the changes since an earlier version.
#[derive(Clone, Debug, PartialEq)]
pub struct Assigned {
    /// Whose.
    pub session: SessionId,
    /// Changes since this version, to be applied to it alone; `None`: this is everything.
    pub since: Option<Version>,
    /// The version afterwards.
    pub version: Version,
    /// Shards that are the session's.
    pub granted: Vec<Grant>,
    /// Shards that it has to stop and release. In a list of everything they stand only here.
    pub revoked: Vec<Grant>,
    /// Shards that are no longer its.
    pub cleared: Vec<Grant>,
}

/// Why a session is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A later process has the id.
    Superseded,
    /// The namespace has as many executors as it may.
    TooMany,
    /// The profile breaks a bound.
    BadProfile,
    /// It was asked for by the beat of an executor that does not serve.
    NotActive,
    /// Ownership is exclusive, and the executor knows no sessions: it would not let go of what it loses.
    NeedsSessions,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// It was not heard for a lease.
    Expired,
    /// A later process has registered under its id.
    Superseded,
    /// It left.
    Left,
    /// The store was restored from a backup.
    Voided,
    /// An operator removed it.
    Removed,
}

impl Ending {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Expired, Self::Superseded, Self::Left, Self::Voided, Self::Removed];
}

impl Profile {
    /// Longest identity, zone and build, in bytes.
    pub const MAX_TEXT_BYTES: usize = 256;
    /// Most load that can be told apart.
    pub const MAX_LOAD: u64 = 1 << 40;
    /// Most metadata entries.
    pub const MAX_METADATA: usize = 32;
    /// Most bytes of metadata, keys and values together.
    pub const MAX_METADATA_BYTES: usize = 16 << 10;

    /// Whether it keeps all bounds.
    pub fn is_within_bounds(&self) -> bool {
        self.broken_bound().is_none()
    }

    /// The first bound that it breaks: of which part, what that is, and what it has to be like.
    pub fn broken_bound(&self) -> Option<(&'static str, String, &'static str)> {
        let texts = [("identity", &self.identity), ("zone", &self.zone), ("build", &self.build)];
        let too_long = texts.into_iter().find(|(_, text)| text.len() > Self::MAX_TEXT_BYTES);
        if let Some((part, text)) = too_long {
            return Some((part, format!("{} bytes", text.len()), "must be at most 256 bytes"));
        }
        let is_bad = |text: &str| text.chars().any(|c| c.is_control() || c.is_whitespace());
        if let Some((part, text)) = texts.into_iter().find(|(_, text)| is_bad(text)) {
            return Some((part, text.clone(), "must have no space and no control character"));
        }
        // The ring places it by this.
        let identity = if self.identity.is_empty() { "unnamed" } else { &self.identity };
        if Member::new("unnamed").and_then(|member| member.with_identity(identity)).is_err() {
            return Some(("identity", identity.into(), "must be what a member of a ring may be called"));
        }
        if self.weight > MAX_WEIGHT {
            return Some(("weight", self.weight.to_string(), "must be at most 1000"));
        }
        if let Some(load) = self.max_load.filter(|load| *load > Self::MAX_LOAD) {
            return Some(("max_load", load.to_string(), "must be at most 2^40"));
        }
        if self.metadata.len() > Self::MAX_METADATA {
            let entries = format!("{} entries", self.metadata.len());
            return Some(("metadata", entries, "must have at most 32 entries"));
        }
        let bytes: usize = self.metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
        let breaks = bytes > Self::MAX_METADATA_BYTES;
        breaks.then(|| {
            ("metadata", format!("{bytes} bytes"), "must have at most 16384 bytes, keys and values together")
        })
    }
}
