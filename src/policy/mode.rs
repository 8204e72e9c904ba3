//! Which source a namespace's lookups ask, and which one is compared with it.

use std::fmt;

use super::{Field, PolicyError, error::parse_word};
use crate::types::Source;

/// The four lookup modes. Written in configuration as [`Mode::as_str`] says; nothing else is understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Every key by the ring: `hash_ring`.
    #[default]
    HashRing,
    /// Onboarded keys by the distributor, others by the ring: `shard_distributor`.
    ShardDistributor,
    /// Every key by the ring; for onboarded keys the distributor is compared: `hash_ring-shadow-shard_distributor`.
    HashRingShadowShardDistributor,
    /// Onboarded keys by the distributor, with the ring compared: `shard_distributor-shadow-hash_ring`.
    ShardDistributorShadowHashRing,
}

impl Mode {
    /// All modes, in the order in which a migration goes through them.
    pub const ALL: [Self; 4] = [
        Self::HashRing,
        Self::HashRingShadowShardDistributor,
        Self::ShardDistributorShadowHashRing,
        Self::ShardDistributor,
    ];

    /// The word in configuration, metrics and logs; the same words as Cadence's `shardDistributionMode`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HashRing => "hash_ring",
            Self::ShardDistributor => "shard_distributor",
            Self::HashRingShadowShardDistributor => "hash_ring-shadow-shard_distributor",
            Self::ShardDistributorShadowHashRing => "shard_distributor-shadow-hash_ring",
        }
    }

    /// Who answers for an onboarded key: one below the percentage and not excluded. The ring answers for all others.
    pub const fn primary(self) -> Source {
        match self {
            Self::HashRing | Self::HashRingShadowShardDistributor => Source::Ring,
            Self::ShardDistributor | Self::ShardDistributorShadowHashRing => Source::Distributor,
        }
    }

    /// Whether the other source is compared for an onboarded key.
    pub const fn has_shadow(self) -> bool {
        matches!(self, Self::HashRingShadowShardDistributor | Self::ShardDistributorShadowHashRing)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Mode {
    type Err = PolicyError;

    fn from_str(word: &str) -> Result<Self, PolicyError> {
        parse_word(Field::Mode, word, &Self::ALL, Self::as_str)
    }
}

impl TryFrom<&str> for Mode {
    type Error = PolicyError;

    fn try_from(word: &str) -> Result<Self, PolicyError> {
        word.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_four_words_are_understood() {
        for mode in Mode::ALL {
            assert_eq!(mode.as_str().parse(), Ok(mode));
        }
        for (word, suggestion) in [
            ("hash-ring", Some("hash_ring")),
            ("Hash_Ring", Some("hash_ring")),
            ("shard_distributor-shadow-hashring", Some("shard_distributor-shadow-hash_ring")),
            ("", None),
            ("invalid", None),
        ] {
            let error = word.parse::<Mode>().unwrap_err();
            assert_eq!((error.field(), error.value(), error.suggestion()), (Field::Mode, word, suggestion));
        }
    }
}
