//! Who is in the ring: sources of members, and the restraint that stands between a source and the ring.
//!
//! A [`MemberSource`] finds out who is there and hands complete lists to a [`MemberSink`]; the resolver is such a sink.

#[cfg(feature = "client")]
mod member_file;
mod restraint;
mod source;
mod static_members;

#[cfg(feature = "client")]
pub use member_file::{MAX_MEMBER_FILE_BYTES, MemberFileError, MemberFileProblem, parse_members};
pub use restraint::{Held, Restraint, RestraintConfig, Verdict};
pub use source::{MAX_MEMBERS, MemberSink, MemberSource, MemberSourceError};
pub use static_members::StaticMembers;
