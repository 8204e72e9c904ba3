//! Why a backup was not made, not believed, or not put in.

use std::{fmt, io};

use crate::{
    journal::Unreadable,
    store::{Revision, StoreError},
    types::Namespace,
};

/// What went wrong with a backup or a move.
#[derive(Debug)]
#[non_exhaustive]
pub enum BackupError {
    /// A store did not do as told.
    Store(StoreError),
    /// The file could not be read or written.
    File(io::Error),
    /// The file is no backup.
    NotABackup,
    /// The file was written by a newer version, in a format that this one does not know.
    Newer {
        /// The file's format.
        found: u32,
        /// The newest one that is known here.
        known: u32,
    },
    /// The file is not as it was written. Nothing of it was put in.
    Damaged {
        /// At which byte the part begins that is not.
        at: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// There is already something where the backup should go.
    Exists {
        /// The file, or the first row.
        name: String,
    },
    /// The store is itself being filled, or that was never finished.
    Unfinished,
    /// A replica has begun to serve from the store that is being filled.
    InUse {
        /// Its row.
        key: String,
    },
    /// Somebody else has begun to fill the same store.
    Superseded,
    /// The store that is read forgot the revision that is read.
    Overtaken {
        /// Which.
        revision: Revision,
    },
    /// The store was sealed for a move to another one.
    Moved {
        /// The identity of that one.
        to: String,
    },
    /// A namespace was founded while the store was moved.
    StillServed {
        /// Which.
        namespace: Namespace,
    },
    /// A row cannot be read that had to be.
    Unreadable(Unreadable),
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::File(error) => write!(f, "the backup's file failed: {error}"),
            Self::NotABackup => f.write_str("the file is no backup of shardway"),
            Self::Newer { found, known } => write!(
                f,
                "the backup has format {found} and this version knows {known}: use the version that wrote it"
            ),
            Self::Damaged { at, what } => {
                write!(f, "the backup is damaged at byte {at}: {what}; use another one")
            }
            Self::Exists { name } => write!(f, "{name} exists already: nothing was written over it"),
            Self::Unfinished => f.write_str(
                "the store holds a restore that was not finished: run that again, it begins from the start",
            ),
            Self::InUse { key } => write!(
                f,
                "a replica serves from the store that is being filled ({key}): stop it, then run this again"
            ),
            Self::Superseded => f.write_str("somebody else fills the same store and goes on with it"),
            Self::Overtaken { revision } => {
                write!(f, "the store forgot revision {} while it was read: run this again", revision.0)
            }
            Self::Moved { to } => write!(f, "the store was moved to store {to} and is sealed"),
            Self::StillServed { namespace } => write!(
                f,
                "namespace {namespace} was founded while the store was moved: stop all replicas, then run this again"
            ),
            Self::Unreadable(unreadable) => {
                write!(f, "{unreadable}: reset the namespace or restore the row, then run this again")
            }
        }
    }
}

impl std::error::Error for BackupError {}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for BackupError {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}
