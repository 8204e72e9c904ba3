//! What goes over the wire: two packages, read into this crate's own types and written from them.
//!
//! Reading is where outside input becomes ours. Whatever breaks a rule is refused by an [`Invalid`] that names the
//! field, what it was and the rule, before anything has changed; what comes out of it needs no second look.

pub mod cadence;
mod invalid;
mod rpc_status;
pub mod v1;

pub use invalid::Invalid;
