//! Why a store did not do as told.

use std::fmt;

use super::Revision;

/// Why a call to the store failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// It cannot be reached, or cannot serve at the moment. Nothing was written. Worth trying again.
    Unavailable {
        /// What went wrong.
        reason: String,
    },
    /// The call may or may not have happened: its answer was lost. Read before going on.
    Unknown {
        /// What went wrong.
        reason: String,
    },
    /// There is no space left. Nothing was written; reads go on.
    Full {
        /// What is full, and what to do.
        reason: String,
    },
    /// The call exceeds [`Limits`](super::Limits). Nothing was done.
    TooLarge {
        /// What there is too much of, with its unit, such as "comparisons in a transaction".
        what: &'static str,
        /// How much there is.
        size: usize,
        /// How much there may be.
        limit: usize,
    },
    /// The revision asked for is forgotten.
    Compacted {
        /// The oldest revision that can be read.
        oldest: Revision,
    },
    /// The store does not let us in. Trying again does not help.
    Denied {
        /// What it said.
        reason: String,
    },
    /// The store's own data does not make sense, so it was not opened or not believed.
    Corrupt {
        /// Where, and what to do.
        reason: String,
    },
    /// The store was written by a newer version of this program, in a format that this one does not know.
    Newer {
        /// The store's format.
        found: u64,
        /// The newest one that is known here.
        known: u64,
    },
    /// Another process has the store open.
    Locked {
        /// Where the store is.
        path: String,
    },
    /// The key is empty, too long, or has bytes that are not printable ASCII. Nothing was done.
    BadKey {
        /// The key, cut and escaped.
        key: String,
    },
    /// A transaction writes a key twice, or a range over it. Nothing was done.
    WrittenTwice {
        /// The key.
        key: String,
    },
}

impl StoreError {
    /// The error with where it happened put before its reason, if it has one.
    #[cfg(feature = "server")]
    pub(super) fn at(self, place: &str) -> Self {
        let placed = |reason: String| format!("{place}: {reason}");
        match self {
            Self::Unavailable { reason } => Self::Unavailable { reason: placed(reason) },
            Self::Unknown { reason } => Self::Unknown { reason: placed(reason) },
            Self::Full { reason } => Self::Full { reason: placed(reason) },
            Self::Denied { reason } => Self::Denied { reason: placed(reason) },
            Self::Corrupt { reason } => Self::Corrupt { reason: placed(reason) },
            other => other,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable { reason } => write!(f, "the store cannot serve: {reason}"),
            Self::Unknown { reason } => {
                write!(f, "the store's answer was lost, it may have written: {reason}")
            }
            Self::Full { reason } => write!(f, "the store is full, nothing was written: {reason}"),
            Self::TooLarge { what, size, limit } => {
                write!(f, "{size} {what} exceed the store's limit of {limit}, nothing was done")
            }
            Self::Compacted { oldest } => {
                write!(f, "the store remembers nothing before revision {}", oldest.0)
            }
            Self::Denied { reason } => write!(f, "the store refuses us: {reason}"),
            Self::Corrupt { reason } => write!(f, "the store's data is damaged: {reason}"),
            Self::Newer { found, known } => write!(
                f,
                "the store has format {found} and this version knows {known}: \
                 start the version that wrote it, or restore a backup into an empty store"
            ),
            Self::Locked { path } => write!(f, "another process has the store {path} open"),
            Self::BadKey { key } => write!(f, "\"{key}\" is no key: 1 to 2048 bytes of printable ASCII"),
            Self::WrittenTwice { key } => {
                write!(f, "a transaction writes \"{key}\" more than once, nothing was done")
            }
        }
    }
}

impl std::error::Error for StoreError {}

/// Why a watch is over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatchError {
    /// What was to be told is forgotten. Read everything again, and watch from there.
    Compacted {
        /// The oldest revision that can be watched from.
        oldest: Revision,
    },
    /// The store cannot be reached, or ended the watch. Watch again from behind the last batch.
    Broken {
        /// What went wrong.
        reason: String,
    },
    /// The store is behind what this watcher has seen: another store, or an older copy. Believe nothing of it.
    WentBack {
        /// What was asked for.
        asked: Revision,
        /// Where the store is.
        now: Revision,
    },
}

impl fmt::Display for WatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compacted { oldest } => {
                write!(f, "the store can tell nothing before revision {}", oldest.0)
            }
            Self::Broken { reason } => write!(f, "the watch broke off: {reason}"),
            Self::WentBack { asked, now } => {
                write!(f, "the store is at revision {}, behind {} that was seen before", now.0, asked.0)
            }
        }
    }
}

impl std::error::Error for WatchError {}
