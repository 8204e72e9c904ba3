//! `uber.cadence.sharddistributor.v1`: what Cadence's Go services speak.

#[rustfmt::skip]
#[allow(missing_docs, unreachable_pub, rustdoc::all, clippy::all, clippy::allow_attributes_without_reason, clippy::use_self, unused_qualifications, reason = "generated")]
pub mod wire;
