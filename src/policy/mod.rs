//! Which source answers for a key: one immutable value per namespace, read once per lookup.
//!
//! An operator moves a namespace from the ring to the distributor by changing its [`RoutingPolicy`]: first comparing,
//! then for a percentage of the keys, then for all, and back at any moment. [`RoutingPolicy::route`] is the decision;
//! [`Fallback::decide`] is the second one, for when the distributor cannot answer. Both are pure.
//!
//! The percentage is compatible with Cadence's to the bit, and its sets are nested: raising it only moves keys from the
//! ring to the distributor.

mod builder;
mod diff;
mod error;
mod explain;
mod facts;
mod fallback;
mod glob;
mod mode;
mod path;
mod patterns;
mod rate;
mod routing_policy;
mod uuid;

pub use builder::RoutingPolicyBuilder;
pub use diff::PolicyChange;
pub use error::{Field, PolicyError, PolicyErrors};
pub use explain::Explanation;
pub(crate) use facts::{KeyFacts, Onboards};
pub use fallback::{AtHand, Fallback, LastResort, Silence};
pub use mode::Mode;
pub use path::{Path, Reason};
pub use patterns::{MAX_PATTERN_BYTES, MAX_PATTERNS};
pub use rate::{Percentage, SampleRate};
pub use routing_policy::RoutingPolicy;
