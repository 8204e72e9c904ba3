//! Stores: one suite for all kinds, and what each kind adds.

mod conformance;
mod etcd;
mod memory;
