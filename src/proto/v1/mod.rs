//! `shardway.v1`: our own services.

mod identity;
mod problem;
mod session;
#[cfg(test)]
mod tests;
mod watch;
#[rustfmt::skip]
#[allow(missing_docs, unreachable_pub, rustdoc::all, clippy::all, clippy::allow_attributes_without_reason, clippy::use_self, unused_qualifications, reason = "generated")]
pub mod wire;

/// The package's files, compiled, for reflection.
pub(crate) const DESCRIPTORS: &[u8] = include_bytes!("descriptors.bin");

pub use session::{
    MAX_FRAME_ITEMS, MAX_SESSION_BYTES, read_to_executor, read_to_leader, write_to_executor, write_to_leader,
};
pub use watch::{WatchFrame, WatchResponse};
