//! Stores: one suite for all kinds, and what each kind adds.

mod conformance;
mod embedded;
mod embedded_kill;
mod etcd;
mod memory;
#[cfg(feature = "cli")]
mod moving;
#[path = "../../../src/watch_file/scratch.rs"]
mod scratch;
