//! YAML, and so JSON, as a tree whose every node knows its place.
//!
//! Built from the parser's events rather than through serde, because all that is wrong in one file is to be told at
//! once, each thing where it stands: a duplicate key, a wrong type and an unknown name alike. What a scalar means
//! (text, number, nothing) is up to whoever reads the tree, so `identity: 007` and `version: 1.10` stay as written.

mod fault;
mod node;
mod tree;

pub(crate) use fault::{Fault, FaultKind, Faults, escaped};
pub(crate) use node::{Body, Name, Node};
pub(crate) use tree::parse;
