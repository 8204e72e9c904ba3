//! Why a member list makes no ring.

use std::fmt;

use super::{MAX_RING_MEMBERS, MAX_RING_POINTS};

/// A member list that was refused. No ring was made and none was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RingError {
    /// Two members have the same address.
    DuplicateAddress {
        /// The address.
        address: String,
    },
    /// Two members have the same identity, so that they would have the same points.
    DuplicateIdentity {
        /// The identity.
        identity: String,
        /// The members' addresses.
        addresses: [String; 2],
    },
    /// A weight other than 1 in the ringpop flavour: the Go processes that share the ring know no weights.
    WeightInRingpop {
        /// Whose weight.
        address: String,
        /// The refused weight.
        weight: u16,
    },
    /// More than [`MAX_RING_MEMBERS`] members.
    TooManyMembers,
    /// More than [`MAX_RING_POINTS`] points.
    TooManyPoints {
        /// How many the members would have.
        points: u64,
    },
}

impl fmt::Display for RingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateAddress { address } => {
                write!(f, "two members have the address \"{address}\": list each member once")
            }
            Self::DuplicateIdentity { identity, addresses: [first, second] } => write!(
                f,
                "the members at \"{first}\" and \"{second}\" have the same identity \"{identity}\": give each its own"
            ),
            Self::WeightInRingpop { address, weight } => write!(
                f,
                "member \"{address}\" has weight {weight}, but a ringpop ring knows no weights: \
                 leave it at 1 or use the xxh3 flavour"
            ),
            Self::TooManyMembers => {
                write!(f, "a ring holds at most {MAX_RING_MEMBERS} members: split the namespace")
            }
            Self::TooManyPoints { points } => write!(
                f,
                "a ring holds at most {MAX_RING_POINTS} points, these members would have {points}: \
                 lower the points per member or the weights"
            ),
        }
    }
}

impl std::error::Error for RingError {}
