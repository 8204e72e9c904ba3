//! What is answered when the distributor should answer and cannot.

use std::fmt;

use super::{Field, PolicyError, error::parse_word};

/// What a namespace wants when the distributor cannot answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fallback {
    /// The last known owner, whatever its age: `stale`.
    #[default]
    Stale,
    /// Whoever the ring names: `ring`.
    Ring,
    /// An error: `error`.
    Error,
}

/// Why the distributor's map gives no answer for a key that it should answer for.
///
/// When several hold, the first in this order is the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Silence {
    /// No map has been received yet.
    NoMap,
    /// The map is older than the policy's `max_age`.
    TooOld,
    /// The map knows the shard and says that nobody owns it at this moment.
    Unassigned,
    /// The map does not know the shard.
    NotFound,
}

/// What is at hand instead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AtHand {
    /// The distributor once named an owner for this key.
    pub stale: bool,
    /// The ring has a member.
    pub ring: bool,
}

/// What to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastResort {
    /// The last owner that the distributor named.
    Stale,
    /// The ring's answer.
    Ring,
    /// An error: the shard may well exist, ask again.
    Unavailable,
    /// An error: the distributor does not know the shard.
    NotFound,
}

impl Fallback {
    /// All fallbacks.
    pub const ALL: [Self; 3] = [Self::Stale, Self::Ring, Self::Error];

    /// What to answer to a key about which the distributor is silent. Never a source other than the one asked for: a
    /// `stale` without a last owner is an error, and so is a `ring` without members.
    ///
    /// Unassigned is the exception to every fallback. It is the distributor's own fresh word that nobody may serve the
    /// shard now: the former owner has let go of it, and the ring's choice was never granted it. It passes within
    /// moments and is worth a retry, so it is unavailable and never "not found".
    pub const fn decide(self, silence: Silence, at_hand: AtHand) -> LastResort {
        match (silence, self) {
            (Silence::Unassigned, _) => LastResort::Unavailable,
            (_, Self::Stale) if at_hand.stale => LastResort::Stale,
            (_, Self::Ring) if at_hand.ring => LastResort::Ring,
            (Silence::NotFound, _) => LastResort::NotFound,
            (Silence::NoMap | Silence::TooOld, _) => LastResort::Unavailable,
        }
    }

    /// The word in configuration, metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::Ring => "ring",
            Self::Error => "error",
        }
    }
}

impl Silence {
    /// The word in metrics, JSON and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoMap => "no_map",
            Self::TooOld => "too_old",
            Self::Unassigned => "unassigned",
            Self::NotFound => "not_found",
        }
    }
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Fallback {
    type Err = PolicyError;

    fn from_str(word: &str) -> Result<Self, PolicyError> {
        parse_word(Field::Fallback, word, &Self::ALL, Self::as_str)
    }
}

impl TryFrom<&str> for Fallback {
    type Error = PolicyError;

    fn try_from(word: &str) -> Result<Self, PolicyError> {
        word.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_has_its_answer() {
        use LastResort::{NotFound as Nf, Ring as Ri, Stale as St, Unavailable as Un};
        // Columns: nothing at hand, only a stale owner, only the ring, both.
        let table = [
            (Fallback::Stale, Silence::NoMap, [Un, St, Un, St]),
            (Fallback::Stale, Silence::TooOld, [Un, St, Un, St]),
            (Fallback::Stale, Silence::Unassigned, [Un, Un, Un, Un]),
            (Fallback::Stale, Silence::NotFound, [Nf, St, Nf, St]),
            (Fallback::Ring, Silence::NoMap, [Un, Un, Ri, Ri]),
            (Fallback::Ring, Silence::TooOld, [Un, Un, Ri, Ri]),
            (Fallback::Ring, Silence::Unassigned, [Un, Un, Un, Un]),
            (Fallback::Ring, Silence::NotFound, [Nf, Nf, Ri, Ri]),
            (Fallback::Error, Silence::NoMap, [Un, Un, Un, Un]),
            (Fallback::Error, Silence::TooOld, [Un, Un, Un, Un]),
            (Fallback::Error, Silence::Unassigned, [Un, Un, Un, Un]),
            (Fallback::Error, Silence::NotFound, [Nf, Nf, Nf, Nf]),
        ];
        for (fallback, silence, expected) in table {
            for (column, expected) in expected.into_iter().enumerate() {
                let at_hand = AtHand { stale: column & 1 != 0, ring: column & 2 != 0 };
                assert_eq!(fallback.decide(silence, at_hand), expected, "{fallback}, {silence}, {at_hand:?}");
            }
        }
    }

    #[test]
    fn exactly_the_three_words_are_understood() {
        for fallback in Fallback::ALL {
            assert_eq!(fallback.as_str().parse(), Ok(fallback));
        }
        let error = "rings".parse::<Fallback>().unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"fallback "rings" must be one of stale, ring, error; did you mean "ring"?"#
        );
    }
}
