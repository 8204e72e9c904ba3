//! A namespace's stored history: one chain of commits, and snapshots behind it.
//!
//! Rows of the store, below the namespace's prefix:
//!
//! - `head` names the newest commit, its chunks and their checksum, the newest whole snapshot, the store that it was
//!   written in, and a hash of everything that came before.
//! - `delta/<generation>/<term>/<attempt>/<chunk>` are the items of a commit. They count once `head`, or a delta that
//!   counts, names them; what a dead attempt left does not.
//! - `snapshot/...` are the items of a snapshot, written behind the log.
//!
//! A leader holds a [`Log`]: it opens it with its term, then commits one [`Entry`] at a time. Everybody else follows.
//! All of it are state machines that say what to ask the store and are told the answer ([`Errand`](crate::store::Errand)):
//! nothing here waits, knows the time, or knows what the items mean.

mod advance;
mod chain;
mod cluster;
mod collect;
mod follow;
mod head;
mod load;
mod log;
mod opening;
mod piece;
mod record;
mod rows;
mod snapshot;
mod wire;

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod full_tests;
#[cfg(test)]
mod history_tests;
#[cfg(test)]
mod load_tests;
#[cfg(test)]
mod log_tests;
#[cfg(test)]
pub(crate) mod test_store;

pub use chain::{Damage, Delta};
pub use cluster::Cluster;
pub use collect::Collect;
pub use follow::{Follow, Followed};
pub use head::{Head, Link, Mismatch, Seen, State};
pub use load::{Load, LoadError, Loaded};
pub use log::{Entry, Log, LogError, Term};
pub use opening::{Mode, OpenAs};
pub use piece::check_chunk;
pub use record::{Flaw, Record, Unreadable};
pub use rows::Rows;
pub use snapshot::WriteSnapshot;
pub use wire::{Encoder, Field, Fields, Unknown, Value, WireError};
