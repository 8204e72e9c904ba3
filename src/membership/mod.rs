//! Who is in the ring: sources of members, and the restraint that stands between a source and the ring.
//!
//! A [`MemberSource`] finds out who is there and hands complete lists to a [`MemberSink`]; the resolver is such a sink.

#[cfg(feature = "client")]
mod dns;
#[cfg(feature = "client")]
mod file_members;
#[cfg(feature = "gossip")]
mod gossip;
#[cfg(all(test, feature = "client"))]
mod listener;
#[cfg(feature = "client")]
mod member_file;
mod restraint;
#[cfg(feature = "client")]
mod run;
mod shared_members;
mod source;
mod static_members;

#[cfg(feature = "client")]
pub use dns::{AddressFamily, DnsMembers};
#[cfg(feature = "client")]
pub use file_members::FileMembers;
#[cfg(feature = "gossip")]
#[doc(hidden)]
pub use gossip::hear_anything;
#[cfg(feature = "gossip")]
pub use gossip::{GossipCounts, GossipError, GossipMembers, GossipTiming, GossipTimingError};
#[cfg(feature = "server")]
pub(crate) use member_file::members_in;
#[cfg(feature = "client")]
pub use member_file::{MAX_MEMBER_FILE_BYTES, MemberFileError, MemberFileProblem, parse_members};
pub use restraint::{Held, Restraint, RestraintConfig, Ruling};
pub use shared_members::SharedMembers;
pub use source::{MAX_MEMBERS, MemberSink, MemberSource, MemberSourceError};
pub use static_members::StaticMembers;
