//! How a namespace is run.

use std::{fmt, time::Duration};

use super::change::Extra;
use crate::{
    hash::shard_of,
    lease::{self, ClockRates},
    plan::{self, MAX_LOSSES, Rollout},
    types::ShardKey,
};

/// How a namespace is run. Checked as a whole by [`NamespaceConfig::check`] before it is used.
#[derive(Clone, Debug, PartialEq)]
pub struct NamespaceConfig {
    /// Which shards there are.
    pub kind: Kind,
    /// What callers' keys are.
    pub keys: Keying,
    /// What owning one means.
    pub ownership: Ownership,
    /// Let executors in that know neither sessions nor tokens although ownership is exclusive. Then it is not: see
    /// [`State::is_exclusive`](super::State::is_exclusive).
    pub allow_unfenced: bool,
    /// How long an executor may hold its shards without being heard.
    pub lease: Duration,
    /// How often executors beat.
    pub beat_every: Duration,
    /// How often the planner looks for something to balance.
    pub round_every: Duration,
    /// When the first executors register: how long to wait for more before the first shards are placed.
    pub gather: Duration,
    /// Hold expiries back when this many sessions, and more than half, are late at once. 0: never.
    pub restrain_from: usize,
    /// At most so many sessions, superseded ones included.
    pub max_sessions: usize,
    /// At most so many shards, for an ephemeral namespace.
    pub max_shards: usize,
    /// How shards are placed and balanced.
    pub plan: plan::Config,
    /// How far clocks may be off.
    pub rates: ClockRates,
    /// What a later binary has said of it.
    pub extra: Extra,
}

/// Which shards a namespace has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// So many, named "0", "1", ... All of them always exist.
    Fixed {
        /// How many.
        shards: u32,
    },
    /// Those that somebody asked for and no owner has called done.
    Ephemeral,
}

impl Kind {
    /// Whether the key is one of the shards that always exist.
    pub fn numbers(self, key: &str) -> bool {
        match self {
            Self::Fixed { shards } => {
                key.parse().is_ok_and(|number: u32| number < shards && number.to_string() == key)
            }
            Self::Ephemeral => false,
        }
    }
}

/// What a caller's key is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keying {
    /// A shard.
    #[default]
    Named,
    /// Any text; its shard is [`shard_of`](crate::hash::shard_of). For fixed namespaces alone.
    Hashed,
}

impl Keying {
    /// The shard that a caller's key is of, in a namespace of that kind.
    pub fn shard_of(self, kind: Kind, key: &ShardKey) -> ShardKey {
        match (self, kind) {
            (Self::Hashed, Kind::Fixed { shards }) => {
                let shard = shard_of(key.as_bytes(), shards);
                ShardKey::new(shard.to_string()).expect("a number is a shard key")
            }
            _ => key.clone(),
        }
    }
}

/// What owning a shard means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Never two at once.
    Exclusive,
    /// One at a time, as well as it can be done without tokens.
    Affinity,
}

/// Most shards of a namespace.
pub const MAX_SHARDS: usize = 1_000_000;
/// Most sessions of a namespace.
pub const MAX_SESSIONS: usize = 20_000;

impl NamespaceConfig {
    /// The defaults, for a namespace of this kind.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            keys: Keying::default(),
            ownership: Ownership::Exclusive,
            allow_unfenced: false,
            lease: Duration::from_secs(10),
            beat_every: Duration::from_secs(1),
            round_every: Duration::from_secs(1),
            gather: Duration::from_secs(2),
            restrain_from: 3,
            max_sessions: 10_000,
            max_shards: MAX_SHARDS,
            plan: plan::Config::default(),
            rates: ClockRates::DEFAULT,
            extra: Extra::default(),
        }
    }

    /// Says the first thing that is wrong with it.
    pub fn check(&self) -> Result<(), ConfigError> {
        let wrong = |setting, rule| Err(ConfigError { setting, rule });
        if lease::check_length(self.lease).is_err() {
            return wrong("lease", "must be between 500 ms and 1 h");
        }
        if self.beat_every < MIN_BEAT || self.beat_every > self.lease / 4 {
            return wrong("beat_every", "must be at least 20 ms, and at most a quarter of the lease");
        }
        if self.round_every < MIN_BEAT || self.round_every > MAX_ROUND {
            return wrong("round_every", "must be between 20 ms and 1 h");
        }
        if self.gather > self.lease {
            return wrong("gather", "must not exceed the lease");
        }
        if self.max_sessions == 0 || self.max_sessions > MAX_SESSIONS {
            return wrong("max_sessions", "must be 1 to 20000");
        }
        if self.max_shards == 0 || self.max_shards > MAX_SHARDS {
            return wrong("max_shards", "must be 1 to 1000000");
        }
        if self.restrain_from > MAX_SESSIONS {
            return wrong("restrain_from", "must be 0 to 20000");
        }
        if self.plan.validate().is_err() {
            return wrong("plan", "has a setting out of its range");
        }
        if let Rollout::Retiring(builds) = &self.plan.rollout
            && (builds.len() > MAX_BUILDS || builds.iter().any(|build| build.len() > MAX_BUILD_BYTES))
        {
            return wrong("plan.rollout", "names at most 64 builds, each of at most 256 bytes");
        }
        if self.plan.quarantine.is_some_and(|quarantine| quarantine.losses > MAX_LOSSES) {
            return wrong("plan.quarantine.losses", "must be as many as are remembered of a shard, at most");
        }
        if self.keys == Keying::Hashed && self.kind == Kind::Ephemeral {
            return wrong("keys", "are hashed in a fixed namespace alone");
        }
        match self.kind {
            Kind::Fixed { shards } if shards == 0 || shards as usize > self.max_shards => {
                wrong("kind", "a fixed namespace has 1 shard to max_shards")
            }
            _ => Ok(()),
        }
    }
}

/// Longest name of a build that is on its way out, and most of them.
pub(super) const MAX_BUILD_BYTES: usize = 256;
pub(super) const MAX_BUILDS: usize = 64;

/// Shorter beats would say nothing that a busy machine's scheduler does not contradict.
const MIN_BEAT: Duration = Duration::from_millis(20);
const MAX_ROUND: Duration = Duration::from_hours(1);

/// A configuration that was refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Which setting.
    pub setting: &'static str,
    /// What it has to be like.
    pub rule: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.setting, self.rule)
    }
}

impl std::error::Error for ConfigError {}
