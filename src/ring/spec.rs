//! What kind of ring: part of what processes must agree on.

use std::{fmt, str::FromStr};

/// Most points of a member of weight 1. 1,000 points already balance within a tenth; more only cost memory.
pub const MAX_POINTS_PER_MEMBER: u16 = 10_000;

/// How a ring places members and keys. Processes that share a ring must use the same spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RingSpec {
    flavour: Flavour,
    points_per_member: u16,
}

impl RingSpec {
    /// A spec with `points_per_member` points for a member of weight 1: more points, evener shares, larger ring.
    pub const fn new(flavour: Flavour, points_per_member: u16) -> Result<Self, RingSpecError> {
        if points_per_member == 0 || points_per_member > MAX_POINTS_PER_MEMBER {
            return Err(RingSpecError { points_per_member });
        }
        Ok(Self { flavour, points_per_member })
    }

    /// How positions are computed.
    pub const fn flavour(self) -> Flavour {
        self.flavour
    }

    /// Points of a member of weight 1.
    pub const fn points_per_member(self) -> u16 {
        self.points_per_member
    }
}

/// `xxh3` with 100 points per member: the fullest member gets about 1.27 times the mean share.
impl Default for RingSpec {
    fn default() -> Self {
        Self { flavour: Flavour::Xxh3, points_per_member: 100 }
    }
}

impl fmt::Display for RingSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}", self.flavour, self.points_per_member)
    }
}

/// How positions of keys and points are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// A key lies at its 64-bit XXH3; point `i` of a member at output `i` of SplitMix64 seeded with the XXH3 of the
    /// member's identity. A member of weight w has w times the points.
    Xxh3,
    /// The ring of Uber's ringpop, point for point, so that Go and Rust processes can share one: farmhash Fingerprint32
    /// of the key, and of `<identity>#<i>` (`<identity><i>` where the identity is the address). Knows no weights.
    Ringpop,
}

impl Flavour {
    /// Both, the default first.
    pub const ALL: [Self; 2] = [Self::Xxh3, Self::Ringpop];

    /// The word used in configuration, metrics and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Xxh3 => "xxh3",
            Self::Ringpop => "ringpop",
        }
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Flavour {
    type Err = FlavourError;
    fn from_str(word: &str) -> Result<Self, FlavourError> {
        let known = Self::ALL.into_iter().find(|flavour| flavour.as_str() == word);
        known.ok_or_else(|| FlavourError { word: word.chars().take(64).collect() })
    }
}

/// A word that names no flavour.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlavourError {
    /// The refused word, cut at 64 characters.
    pub word: String,
}

impl fmt::Display for FlavourError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown ring flavour {:?}: use \"xxh3\" or \"ringpop\"", self.word)
    }
}

impl std::error::Error for FlavourError {}

/// A number of points that no ring may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RingSpecError {
    /// The refused number.
    pub points_per_member: u16,
}

impl fmt::Display for RingSpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { points_per_member } = self;
        write!(
            f,
            "points per member must be 1 to {MAX_POINTS_PER_MEMBER}, is {points_per_member}; 100 is usual"
        )
    }
}

impl std::error::Error for RingSpecError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_flavours_are_one_to_one() {
        for flavour in Flavour::ALL {
            assert_eq!(flavour.to_string().parse(), Ok(flavour));
        }
        for bad in ["", "Xxh3", "xxh3 ", "farm"] {
            assert!(bad.parse::<Flavour>().is_err(), "{bad:?} must be refused");
        }
        let refused = "md5".parse::<Flavour>().unwrap_err();
        assert_eq!(refused.to_string(), r#"unknown ring flavour "md5": use "xxh3" or "ringpop""#);
    }

    #[test]
    fn points_per_member_are_bounded() {
        assert_eq!(RingSpec::new(Flavour::Xxh3, 100), Ok(RingSpec::default()));
        assert_eq!(RingSpec::default().to_string(), "xxh3 x 100");
        assert!(RingSpec::new(Flavour::Ringpop, 1).is_ok());
        assert!(RingSpec::new(Flavour::Xxh3, MAX_POINTS_PER_MEMBER).is_ok());
        assert!(RingSpec::new(Flavour::Xxh3, 0).is_err());
        assert!(RingSpec::new(Flavour::Xxh3, MAX_POINTS_PER_MEMBER + 1).is_err());
    }
}
