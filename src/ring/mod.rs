//! The hash ring: which member owns a key, from the member list alone.
//!
//! A [`HashRing`] is immutable. Every process that is given the same members and the same [`RingSpec`], in any order,
//! builds the same ring and gives the same answers; [`HashRing::fingerprint`] tells cheaply whether two do. When one
//! member joins, leaves or changes weight, only the keys that it gains or loses move.
//!
//! ```
//! use shardway::ring::{HashRing, RingSpec};
//! use shardway::types::Member;
//!
//! let members = ["10.0.0.1:7933", "10.0.0.2:7933", "10.0.0.3:7933"].map(|address| Member::new(address).unwrap());
//! let ring = HashRing::new(RingSpec::default(), members)?;
//! let owner = ring.lookup(b"my-task-list").unwrap();
//! assert_eq!(ring.lookup_n(b"my-task-list", 2).next(), Some(owner));
//! # Ok::<(), shardway::ring::RingError>(())
//! ```
//!
//! How it finds an owner: hash the key, look up the start of the hash's bucket in an index over the top bits, take the
//! first point at or above the hash among the next few. No tree, no binary search, no allocation, no lock.

mod arcs;
mod build;
mod checksum;
mod diff;
mod error;
mod hash_ring;
mod index;
mod owners;
mod pairs;
mod patch;
mod placement;
mod spec;
mod table;

pub use diff::RingDiff;
pub use error::RingError;
pub use hash_ring::{HashRing, MAX_RING_MEMBERS, MAX_RING_POINTS};
pub use owners::Owners;
pub use spec::{Flavour, FlavourError, MAX_POINTS_PER_MEMBER, RingSpec, RingSpecError};
