//! `uber.cadence.sharddistributor.v1`: what Cadence's Go services speak.

mod detail;
mod heartbeat;
mod watch;
/// The package's files, compiled, for reflection.
pub(crate) const DESCRIPTORS: &[u8] = include_bytes!("descriptors.bin");

#[rustfmt::skip]
#[allow(missing_docs, unreachable_pub, rustdoc::all, clippy::all, clippy::allow_attributes_without_reason, clippy::use_self, unused_qualifications, reason = "generated")]
pub mod wire;

pub use detail::Failure;
pub use heartbeat::{Heartbeat, MAX_METADATA_KEY_BYTES, Report, read_heartbeat};
pub use watch::WatchNamespaceStateResponse;
