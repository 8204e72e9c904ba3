//! Who owns a key, answered inside the calling process.
//!
//! A [`Resolver`] answers for one namespace, a [`ResolverSet`] for many. Behind one [`lookup`](Resolver::lookup) stand
//! the local hash ring and the shard distributor's assignments; the [`RoutingPolicy`](crate::policy::RoutingPolicy)
//! decides per key which one answers. Policy, ring, members and assignments are published together as one snapshot,
//! so that no lookup ever sees half a change.
//!
//! ```
//! use shardway::resolver::Resolver;
//! use shardway::types::{Member, Namespace};
//!
//! let resolver = Resolver::builder(Namespace::new("matching")?).build();
//! resolver.set_members([Member::new("10.0.0.1:7933")?, Member::new("10.0.0.2:7933")?])?;
//!
//! let owner = resolver.lookup("my-task-list")?;
//! assert_eq!((owner.host(), owner.port()), ("10.0.0.1", Some(7933)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Keeping an answer
//!
//! [`lookup`](Resolver::lookup) lends: its [`Owner`] stays in its thread. There is no need to keep it, the next lookup
//! costs a few nanoseconds and is newer. To take an answer across an `.await` or to another thread, turn it into one
//! that may go anywhere with [`keep`](Owner::keep), or ask a [`snapshot`](Resolver::snapshot).

mod bell;
mod builder;
mod error;
mod leftovers;
mod local;
mod lookup;
mod members;
mod memory_owners;
mod meter;
mod owner;
mod owner_map;
mod owner_source;
mod owners;
mod record;
#[cfg(feature = "client")]
mod resolve;
mod set;
mod shadow;
mod single;
mod snapshot;
mod split;
mod subscription;
mod upkeep;
mod view;

pub use builder::{ResolverBuilder, StartError};
pub use error::LookupError;
pub use members::MembershipStatus;
pub use memory_owners::MemoryOwners;
pub use owner::{Borrowed, Hold, Kept, Loan, Owner};
pub use owner_map::{
    Assignment, MAX_EXECUTORS, MAX_INCARNATIONS, MAX_SHARDS, MapVersion, OwnerMap, OwnerMapEdit,
    OwnerMapError, Standing,
};
pub use owner_source::{AskError, OwnerSink, OwnerSource, OwnerSourceError};
#[cfg(feature = "client")]
pub use resolve::{AskLimits, ResolveError};
pub use set::{Greet, InsertError, MAX_NAMESPACES, ResolverSet};
pub use shadow::{Mismatch, ShadowReport, Verdict};
pub use single::Resolver;
pub use snapshot::{Forecast, KeyExplanation, ResolverSnapshot};
pub use subscription::{MemberChange, Subscription};
