//! Which process owns this key right now?
#![forbid(unsafe_code)]

#[cfg(feature = "cli")]
pub mod bench;
#[cfg(feature = "cli")]
pub mod cli;
pub mod clock;
pub mod hash;
pub mod membership;
pub mod policy;
pub mod publish;
pub mod ring;
pub mod types;

#[cfg(feature = "client")]
#[allow(dead_code, reason = "its callers are being built")]
mod watch_file;
#[cfg(feature = "client")]
#[allow(dead_code, unused_imports, reason = "its callers are being built")]
mod yaml;
