//! Backups of a store, and moves from one store to another.
//!
//! A backup is a file with all rows below a root, as of one revision. Liveness records of replicas stay out of it: they
//! speak of processes, not of what was decided. [`save`] writes one, [`check_file`] reads it through, [`restore`] puts
//! it into an empty store. [`copy`] does both at once between two stores, of whichever kinds, and can [`Seal`] the one
//! that is left. [`check_store`] reads a whole store and tells what of it cannot be read.
//!
//! What comes out is another store with another past. While it is being filled it says so in a row of its own
//! ([`Keys::restoring`](crate::store::Keys::restoring)), which goes away last. And every namespace's head in it names a
//! store that is none, so nothing is granted there until an operator adopts it: that raises the incarnation, and so a
//! token that was given after the backup was made is never given again.
//!
//! Nothing here holds more in memory than a page of rows, except [`check_store`], which puts one namespace at a time
//! together.

mod check;
mod closed;
mod copy;
mod error;
mod file;
mod fill;
mod marks;
mod pages;
mod restore;
mod save;

#[cfg(test)]
mod file_tests;
#[cfg(test)]
pub(crate) mod tests;

pub use check::{FileReport, NamespaceReport, StoreReport, check_file, check_store};
pub use closed::{Closed, closed};
pub use copy::{Copied, Seal, copy};
pub use error::BackupError;
pub use file::Header;
pub use fill::Filled;
pub use restore::{Restored, restore};
pub use save::{Saved, save, save_to};
#[cfg(feature = "cli")]
pub(crate) use {check::check_namespace, pages::run};

/// Bytes of keys and values that go together, be it to a file or to a store. A larger row goes alone.
const BATCH_BYTES: usize = 256 << 10;
