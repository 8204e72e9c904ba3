//! What must hold, one file a promise. Each is told what happened, and says what is wrong with it.

pub(super) mod no_panic;
pub(super) mod p01_exclusive_belief;
pub(super) mod p02_fencing;
pub(super) mod p03_continuous_hold;
pub(super) mod p04_bounded_overlap;
pub(super) mod p05_monotone_views;
pub(super) mod p06_known_freshness;
pub(super) mod p07_static_stability;
pub(super) mod p08_completeness;
pub(super) mod p09_bounded_movement;
pub(super) mod p10_restraint;
pub(super) mod p11_atomic_flips;
pub(super) mod p12_leader_fencing;

use std::fmt;

use crate::types::Mono;

/// A promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// No two executors believe to hold one shard at one time.
    ExclusiveBelief,
    /// Tokens grow with every change of owner.
    Fencing,
    /// A guard that still holds has held all the while.
    ContinuousHold,
    /// Where overlap is allowed, it is bounded.
    BoundedOverlap,
    /// Views never go back, and show what was.
    MonotoneViews,
    /// Answers know their age, and what is too old is not passed off as new.
    KnownFreshness,
    /// Nothing moves and lookups go on while the distributor is away.
    StaticStability,
    /// Everything gets an owner, in time.
    Completeness,
    /// No more moves than must.
    BoundedMovement,
    /// Mass expiry waits.
    Restraint,
    /// A lookup goes by one policy, and percentages nest.
    AtomicFlips,
    /// Whoever does not lead writes nothing.
    LeaderFencing,
    /// Nothing panics. No promise of the protocol's, but no world in which something does keeps any.
    NoPanic,
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub promise: Promise,
    /// When, in true time.
    pub at: Mono,
    /// What happened.
    pub what: String,
}

impl Promise {
    /// Its name in the design.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExclusiveBelief => "P1 exclusive belief",
            Self::Fencing => "P2 fencing",
            Self::ContinuousHold => "P3 continuous hold",
            Self::BoundedOverlap => "P4 bounded overlap",
            Self::MonotoneViews => "P5 monotone views",
            Self::KnownFreshness => "P6 known freshness",
            Self::StaticStability => "P7 static stability",
            Self::Completeness => "P8 completeness",
            Self::BoundedMovement => "P9 bounded movement",
            Self::Restraint => "P10 restraint",
            Self::AtomicFlips => "P11 atomic flips",
            Self::LeaderFencing => "P12 leader fencing",
            Self::NoPanic => "no panic",
        }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} broken at {:.6} s: {}", self.promise, self.at.as_nanos() as f64 / 1e9, self.what)
    }
}
