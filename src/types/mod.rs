//! The nouns of the project: plain values, validated where they are made.

#[cfg(feature = "client")]
pub(crate) mod duration;
mod executor_id;
mod member;
mod mono;
mod name;
mod namespace;
mod place;
mod shard_key;
mod source;
mod suggest;
mod token;
mod version;

pub use executor_id::{ExecutorId, MAX_EXECUTOR_ID_BYTES};
pub use member::{MAX_ADDRESS_BYTES, MAX_MEMBER_PORTS, MAX_WEIGHT, Member, MemberError};
pub use mono::Mono;
pub use name::NameError;
pub use namespace::{MAX_NAMESPACE_BYTES, Namespace};
pub use place::Place;
pub use shard_key::{MAX_SHARD_KEY_BYTES, ShardKey};
pub use source::Source;
pub(crate) use suggest::nearest;
pub use token::Token;
pub use version::{SessionId, Version};
