//! Which process owns this key right now?
#![forbid(unsafe_code)]

pub mod clock;
pub mod membership;
pub mod types;
