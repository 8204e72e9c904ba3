//! How a namespace is run.

use std::{fmt, time::Duration};

use super::change::Extra;
use crate::{
    hash::shard_of,
    lease::{self, ClockRates},
    plan,
    types::{ShardKey, duration::Shown},
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
        self.problems().into_iter().next().map_or(Ok(()), Err)
    }

    /// All that is wrong with it.
    pub fn problems(&self) -> Vec<ConfigError> {
        let Self { kind, keys, lease, beat_every, round_every, gather, max_sessions, max_shards, .. } = self;
        let mut problems = Vec::new();
        let mut check = |setting, is_good: bool, value: &dyn fmt::Display, rule| {
            if !is_good {
                problems.push(ConfigError { setting, value: value.to_string().into(), rule });
            }
        };
        let is_lease = lease::check_length(*lease).is_ok();
        check("lease", is_lease, &Shown(*lease), "must be between 500 ms and 1 h");
        let is_beat = (MIN_BEAT..=*lease / 4).contains(beat_every);
        let rule = "must be at least 20 ms, and at most a quarter of the lease";
        check("beat_every", is_beat, &Shown(*beat_every), rule);
        let is_round = (MIN_BEAT..=MAX_ROUND).contains(round_every);
        check("round_every", is_round, &Shown(*round_every), "must be between 20 ms and 1 h");
        check("gather", gather <= lease, &Shown(*gather), "must not exceed the lease");
        let are_sessions = (1..=MAX_SESSIONS).contains(max_sessions);
        check("max_sessions", are_sessions, max_sessions, "must be 1 to 20000");
        check("max_shards", (1..=MAX_SHARDS).contains(max_shards), max_shards, "must be 1 to 1000000");
        let restrains = self.restrain_from <= MAX_SESSIONS;
        check("restrain_from", restrains, &self.restrain_from, "must be 0 to 20000");
        let is_hashed = *keys == Keying::Hashed;
        let rule = "must be named in an ephemeral namespace";
        check("keys", !is_hashed || *kind != Kind::Ephemeral, &"hashed", rule);
        if let Kind::Fixed { shards } = *kind {
            let is_good = shards > 0 && shards as usize <= *max_shards;
            check("shards", is_good, &shards, "must be 1 to max_shards");
        }
        let planner = self.plan.problems().into_iter();
        let problem =
            |it: plan::ConfigError| ConfigError { setting: it.setting, value: it.value, rule: it.rule };
        problems.extend(planner.map(problem));
        problems
    }
}

/// Shorter beats would say nothing that a busy machine's scheduler does not contradict.
const MIN_BEAT: Duration = Duration::from_millis(20);
const MAX_ROUND: Duration = Duration::from_hours(1);

/// A configuration that was refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Which setting.
    pub setting: &'static str,
    /// What it is.
    pub value: Box<str>,
    /// What it has to be like.
    pub rule: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}, and is {}", self.setting, self.rule, self.value)
    }
}

impl std::error::Error for ConfigError {}
