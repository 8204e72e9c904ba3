//! The newest commit of a namespace, as its `head` row names it.

use std::{fmt, time::Duration};

use super::{
    record::{Record, mix},
    wire::{Encoder, Field, Fields, Unknown, WireError},
};
use crate::{
    planted::{Planted, is},
    store::{Chunk, StoreIdentity},
    types::Version,
};

/// Longest identity of a store, in bytes.
const MAX_IDENTITY_BYTES: usize = 1024;

/// Most chunks of a commit or snapshot. With chunks of full size 256 GiB; it bounds what a reader does for a row that
/// claims more.
pub(super) const MAX_CHUNKS: u32 = 1 << 20;

/// A commit or a snapshot, as others name it: enough to find its chunks and to know them for the right ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// The version that the commit made, or that the snapshot shows.
    pub version: Version,
    /// The term in which it was written.
    pub term: u64,
    /// Which attempt of that term at this generation.
    pub attempt: u32,
    /// How many chunks it has.
    pub chunks: u32,
    /// Of all its chunks, in order.
    pub checksum: u64,
    /// Of the version and all that came before it: two histories that differ anywhere differ here.
    pub lineage: u64,
}

/// The newest commit, and what holds for the namespace since then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The newest commit.
    pub link: Link,
    /// The newest whole snapshot; `None`: the deltas go back to the beginning.
    pub snapshot: Option<Link>,
    /// The store that this was written in.
    pub identity: String,
    /// Nothing may be granted before a leader has listened for so long: others may still hold what they were granted
    /// by a past that this head knows nothing of. Zero: nothing to wait for.
    pub wait: Duration,
    /// Whether there is more to come.
    pub state: State,
    /// What a later version wrote.
    pub unknown: Unknown,
}

/// Whether a namespace goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It does.
    #[default]
    Live,
    /// It has moved to another store: here, nothing is ever committed again.
    Sealed,
    /// It was deleted. Whoever founds it anew begins above this head's version, and keeps its `wait`.
    Deleted,
}

/// The newest state of a namespace that somebody has seen, whoever it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its version.
    pub version: Version,
    /// Its lineage, if that was seen too: executors and clients see versions only.
    pub lineage: Option<u64>,
}

/// Why a stored head is not believed until an operator adopts it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// It was written in another store: this one is a copy or was restored.
    OtherStore {
        /// Where it was written.
        written_in: StoreIdentity,
        /// Where it is.
        found_in: StoreIdentity,
    },
    /// Somebody has seen a newer one: the store went back.
    WentBack {
        /// What was seen.
        seen: Version,
        /// What is stored; `None`: nothing.
        stored: Option<Version>,
    },
    /// Its commits do not continue one another.
    Broken {
        /// The commit that does not follow from the one before it.
        at: Version,
    },
    /// Somebody has seen the same version with another history.
    Forked {
        /// The version.
        at: Version,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherStore { written_in, found_in } => {
                write!(f, "it was written in store {} and found in {}", written_in.0, found_in.0)
            }
            Self::WentBack { seen, stored: Some(stored) } => {
                write!(f, "it is at {stored}, and {seen} was seen before")
            }
            Self::WentBack { seen, stored: None } => write!(f, "it is empty, and {seen} was seen before"),
            Self::Broken { at } => write!(f, "its commit {at} does not follow from the one before it"),
            Self::Forked { at } => write!(f, "its history up to {at} is not the one that was seen before"),
        }
    }
}

impl Link {
    /// Which one of its chunks this is.
    pub(super) fn chunk(&self, number: u32) -> Chunk {
        let generation = self.version.generation;
        Chunk { generation, term: self.term, attempt: self.attempt, number }
    }

    /// The lineage of the commit, given that of the one before it.
    pub(super) fn lineage_after(&self, previous: u64) -> u64 {
        let Version { incarnation, generation } = self.version;
        mix([previous, incarnation, generation, self.term, self.attempt.into(), self.checksum])
    }

    pub(super) fn encode(&self, out: &mut Encoder) {
        out.number(1, self.version.incarnation);
        out.number(2, self.version.generation);
        out.number(3, self.term);
        out.number(4, self.attempt.into());
        out.number(5, self.chunks.into());
        out.fixed(6, self.checksum);
        out.fixed(7, self.lineage);
    }

    pub(super) fn decode(fields: Fields) -> Result<Self, WireError> {
        let mut link = Self::default();
        for field in fields {
            let field = field?;
            let too_many = || field.error("more chunks than any commit has");
            match field.number {
                1 => link.version.incarnation = field.number()?,
                2 => link.version.generation = field.number()?,
                3 => link.term = field.number()?,
                4 => link.attempt = field.small()?,
                5 => {
                    link.chunks =
                        field.small().ok().filter(|chunks| *chunks <= MAX_CHUNKS).ok_or_else(too_many)?
                }
                6 => link.checksum = field.number()?,
                7 => link.lineage = field.number()?,
                _ => {}
            }
        }
        Ok(link)
    }
}

impl Head {
    /// Why it is not to be believed in this store, if it is not.
    pub fn mismatch(&self, identity: &StoreIdentity, seen: Option<Seen>) -> Option<Mismatch> {
        if self.identity != identity.0 && !is(Planted::CopyBelieved) {
            let written_in = StoreIdentity(self.identity.clone());
            return Some(Mismatch::OtherStore { written_in, found_in: identity.clone() });
        }
        self.falls_behind(seen?)
    }

    /// Whether it is below what was seen, or beside it.
    pub(super) fn falls_behind(&self, seen: Seen) -> Option<Mismatch> {
        let stored = self.link.version;
        let is_other = seen.version == stored && seen.lineage.is_some_and(|seen| seen != self.link.lineage);
        let is_other = is_other && !is(Planted::ForkBelieved);
        if seen.version > stored {
            Some(Mismatch::WentBack { seen: seen.version, stored: Some(stored) })
        } else if is_other {
            Some(Mismatch::Forked { at: stored })
        } else {
            None
        }
    }

    /// What whoever has read it has seen.
    pub fn seen(&self) -> Seen {
        Seen { version: self.link.version, lineage: Some(self.link.lineage) }
    }
}

impl Record for Head {
    const WHAT: &'static str = "head";

    fn encode(&self, out: &mut Encoder) {
        out.message(1, |out| self.link.encode(out));
        if let Some(snapshot) = &self.snapshot {
            out.message(2, |out| snapshot.encode(out));
        }
        out.bytes(3, self.identity.as_bytes());
        out.number(4, u64::try_from(self.wait.as_nanos()).unwrap_or(u64::MAX));
        out.number(5, self.state as u64);
        out.unknown(&self.unknown);
    }

    fn decode(fields: Fields) -> Result<Self, WireError> {
        let mut head = Self::default();
        for field in fields {
            let field = field?;
            match field.number {
                1 => head.link = field.message(Link::decode)?,
                2 => head.snapshot = Some(field.message(Link::decode)?),
                3 => head.identity = field.text(MAX_IDENTITY_BYTES)?,
                4 => head.wait = Duration::from_nanos(field.number()?),
                5 => head.state = State::decode(&field)?,
                _ => head.unknown.keep(&field),
            }
        }
        Ok(head)
    }
}

impl State {
    fn decode(field: &Field) -> Result<Self, WireError> {
        match field.number()? {
            0 => Ok(Self::Live),
            1 => Ok(Self::Sealed),
            2 => Ok(Self::Deleted),
            _ => Err(field.error("a state of a later version")),
        }
    }
}
