//! Which process owns this key right now?
#![forbid(unsafe_code)]

#[cfg(feature = "cli")]
pub mod bench;
#[cfg(feature = "cli")]
pub mod cli;
pub mod clock;
#[cfg(feature = "client")]
pub mod dynconfig;
pub mod hash;
pub mod membership;
pub mod policy;
pub mod publish;
pub mod resolver;
pub mod ring;
pub mod telemetry;
pub mod types;

#[cfg(feature = "client")]
mod watch_file;
#[cfg(feature = "client")]
mod yaml;
