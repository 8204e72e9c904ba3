//! One snapshot, published to many readers.
//!
//! A reader that asks an `ArcSwap` for every lookup pays for a guard more than for hash and ring together. So every
//! reader keeps the `Arc` it got last and checks one number: as long as [`Published::generation`] still says what
//! its snapshot says, the snapshot is current and the check is one relaxed-cost load of a cache line that nobody
//! writes. Only after a change does it touch the shared cell again, once.
//!
//! # Ordering
//!
//! The writer stores the snapshot first and its generation second, with `Release`. A reader loads the generation
//! with `Acquire`; if it differs from its own, the snapshot it then loads from the cell is at least as new. Between
//! the two stores a reader may already get the newer snapshot while the number still says the older one: it will
//! look once more the next time, and never goes back. `tests/loom.rs` runs this file on loom's primitives and
//! explores all interleavings.
//!
//! # Who frees an old snapshot
//!
//! The writer, never a reader: a replaced snapshot stays on the writer's list of retired ones until that list holds
//! the only reference, and is dropped at the next publication or [`Published::reclaim`].

mod published;
mod sync;

pub use published::{MAX_RETIRED, Published, Reader, Snapshot};
