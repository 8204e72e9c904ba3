//! What the library costs, measured in this process on this machine.
//!
//! `shardway bench` and `benches/compare` share what is here: the [`rounds`] in which candidates take turns, the
//! [`keys`] they are asked for, the [`floor`] they are compared with, and ports of the Go system's ring and lookup
//! path. The figures of a machine depend on all of these, so they are code and not a description.

pub mod cadence_path;
#[cfg(feature = "server")]
pub mod distributor;
pub mod fleet;
pub mod floor;
pub mod histogram;
pub mod keys;
pub mod lookup;
pub mod measure;
pub mod naive_ring;
#[cfg(feature = "server")]
pub mod plan;
pub mod random;
pub mod ringpop_tree;
pub mod rounds;
mod text;
pub mod threads;
pub mod writer;
