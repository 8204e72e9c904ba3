//! Stores: one suite for all kinds, and what each kind adds.

mod conformance;
mod embedded;
mod embedded_kill;
pub(crate) mod etcd;
mod memory;
#[cfg(feature = "cli")]
mod moving;
#[path = "../../../src/watch_file/scratch.rs"]
pub(crate) mod scratch;
