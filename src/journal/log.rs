//! The end of a namespace's history, in the hands of its leader.

use std::{fmt, time::Duration};

use bytes::Bytes;

use super::{
    advance::{Advance, Advanced, Misfit},
    collect::Collect,
    head::{Head, Link, MAX_CHUNKS, Mismatch, State},
    opening::{Claim, OpenAs, Opening, after},
    piece::{self, MAX_CHUNK_BYTES, MIN_CHUNK_BYTES},
    record::{Record, Unreadable},
    rows::{Kind, Rows},
    snapshot::WriteSnapshot,
};
use crate::{
    planted::{Planted, is},
    store::{Chunk, Errand, Limits, Reply, Revision, Step, StoreError},
    types::Version,
};

/// A leader's right to commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Its number; each leader's is above those before it.
    pub number: u64,
    /// The value of the term's row, as stored: while the row has it, the term is ours.
    pub record: Bytes,
}

/// What a commit writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// What has changed, in order; the journal does not look inside.
    pub items: Vec<Bytes>,
    /// What the head's [`wait`](Head::wait) is from now on; `None`: what it was.
    pub wait: Option<Duration>,
    /// What the namespace is from now on. After anything but [`State::Live`] this log takes no further entry.
    pub state: State,
}

/// Why a log takes no entry, now or ever.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogError {
    /// Another replica leads. What was being committed may have been or not; it is the new leader's to say.
    Deposed,
    /// The head is of this term, so this term is used up or was given away twice: take a higher one.
    Outranked {
        /// The term that the head names.
        by: u64,
    },
    /// The namespace has moved to another store for good.
    Sealed,
    /// The namespace was deleted.
    Deleted,
    /// What is stored is not to be believed until an operator adopts it.
    NeedsAdoption(Mismatch),
    /// The head cannot be read, so nobody knows where the history ends. Restore its row, or reset the namespace.
    Unreadable(Unreadable),
    /// The store takes too little at once.
    LimitsTooSmall {
        /// Bytes that a transaction must be able to hold.
        needed: usize,
        /// Bytes that it can hold.
        limit: usize,
    },
    /// The store takes too few operations at once: a commit compares the term and the head.
    TooFewOperations {
        /// How many it takes.
        limit: usize,
    },
    /// It would take more than a million chunks, because it is that large or the store takes so little at once.
    TooManyChunks,
    /// The log is not open yet, or an entry is still being committed.
    Busy,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deposed => f.write_str("another replica leads this namespace"),
            Self::Outranked { by } => write!(f, "the namespace's head is of term {by}: take a higher one"),
            Self::Sealed => f.write_str("the namespace has moved to another store and is sealed here"),
            Self::Deleted => f.write_str("the namespace was deleted"),
            Self::NeedsAdoption(mismatch) => {
                write!(f, "nothing is granted until an operator adopts the store: {mismatch}")
            }
            Self::Unreadable(unreadable) => {
                write!(f, "{unreadable}: restore the row from a backup, or reset the namespace")
            }
            Self::LimitsTooSmall { needed, limit } => {
                write!(f, "the store takes {limit} bytes in a transaction, and at least {needed} are needed")
            }
            Self::TooFewOperations { limit } => write!(
                f,
                "the store takes {limit} operations in a transaction, and at least {MIN_OPERATIONS} are needed"
            ),
            Self::TooManyChunks => {
                write!(f, "it would take more than {MAX_CHUNKS} chunks of what the store takes at once")
            }
            Self::Busy => {
                f.write_str("the log is not open yet, or the entry before is still being committed")
            }
        }
    }
}

impl std::error::Error for LogError {}

/// So many commits in a row may take what a full store keeps back: those until a snapshot of one of them is written.
/// When that is not done by then, either it is soon, or it would not help.
pub(super) const MAX_PRESSED: u32 = 64;

/// What a commit compares, at least: its term and its head, so that nothing is ever written in a term that is over.
const MIN_OPERATIONS: usize = 2;

/// The end of a namespace's history, held by its leader for one term: opened once, then given one entry at a time.
///
/// As an [`Errand`] it first opens and then, after each [`begin`](Self::begin), commits. It ends with the version that
/// was made, or with the reason why this log is over, which is the same from then on.
///
/// An outcome is never guessed. While the store does not answer, the log pauses; dropped then, it leaves a commit that
/// has happened or has not, and whoever leads next finds out which.
#[derive(Debug)]
pub struct Log {
    rows: Rows,
    limits: Limits,
    term: Term,
    stage: Stage,
    /// What is stored, and since when. Mean nothing before the log is open.
    head: Head,
    revision: Revision,
    /// What this term continues.
    continues: Option<Link>,
    /// A snapshot that is written but not yet named by the head.
    snapshot: Option<Link>,
    /// How many snapshots were begun, so that no two share a chunk.
    snapshots: u32,
    /// How many commits in a row have found the store full.
    pressed: u32,
    /// What the first commit says if nothing is continued.
    founding: Vec<Bytes>,
}

#[derive(Debug)]
enum Stage {
    Opening(Box<Opening>),
    Ready,
    Committing(Box<Committing>),
    Over(LogError),
}

/// A commit on its way.
#[derive(Debug)]
struct Committing {
    claim: Claim,
    items: Vec<Bytes>,
    attempt: u32,
    /// What the head will be.
    head: Head,
    advance: Advance,
    /// The first commit of the term: if the head moves meanwhile, an earlier leader did it, and we begin again.
    opening: Option<Box<Opening>>,
}

type Made = Result<Version, LogError>;

impl Log {
    /// The log of a namespace, to be opened.
    pub fn new(rows: Rows, limits: Limits, term: Term, with: OpenAs) -> Self {
        Self {
            stage: Stage::Opening(Box::new(Opening::new(rows.clone(), term.clone(), with))),
            rows,
            limits,
            term,
            head: Head::default(),
            revision: Revision::default(),
            continues: None,
            snapshot: None,
            snapshots: 0,
            pressed: 0,
            founding: Vec::new(),
        }
    }

    /// What a history that begins here begins with, in the commit that makes its head: there is no moment at which it is
    /// there without that.
    #[must_use]
    pub fn founded_with(mut self, items: Vec<Bytes>) -> Self {
        self.founding = items;
        self
    }

    /// What is committed. Means nothing before the log is open.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The revision that wrote [`head`](Self::head).
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The last commit before this term's own: whoever knows the state as of it knows the state that was opened. `None`:
    /// it begins anew.
    pub fn continues(&self) -> Option<Link> {
        self.continues
    }

    /// Whether commits find the store full, so that a snapshot is worth writing as soon as it makes room.
    pub fn is_pressed(&self) -> bool {
        self.pressed > 0
    }

    /// Takes an entry; [`next`](Errand::next) commits it. Entries are committed one after the other: gather while one is
    /// on its way. Refused: the entry was not looked at.
    pub fn begin(&mut self, entry: Entry) -> Result<(), LogError> {
        match &self.stage {
            Stage::Ready => {}
            Stage::Opening(_) | Stage::Committing(_) => return Err(LogError::Busy),
            Stage::Over(error) => return Err(error.clone()),
        }
        let head = Head {
            link: Link { version: after(self.head.link.version), ..Link::default() },
            snapshot: self.snapshot.or(self.head.snapshot),
            wait: entry.wait.unwrap_or(self.head.wait),
            state: entry.state,
            ..self.head.clone()
        };
        let claim = Claim { head, previous: Some(self.head.link), from: Some(self.revision) };
        self.commit(claim, entry.items, 0, None)
    }

    /// Begins to write a snapshot behind the log: `items` are the namespace's whole state as of what
    /// [`head`](Self::head) says now. Commits may go on meanwhile. What it ends with is to be
    /// [published](Self::publish).
    pub fn snapshot(&mut self, items: &[Bytes]) -> Result<WriteSnapshot, LogError> {
        self.check_open()?;
        self.snapshots += 1;
        let of = Link { attempt: self.snapshots, ..self.head.link };
        let named = self.head.snapshot.map_or(0, |named| named.version.generation);
        let behind = (self.snapshots == 1 && !is(Planted::OrphansStay)).then_some(named);
        WriteSnapshot::new(self.rows.clone(), self.term.clone(), self.limits, of, behind, items)
    }

    /// The snapshot is whole: the next commit names it, and from then on it counts.
    pub fn publish(&mut self, snapshot: Link) {
        let newest = self.snapshot.or(self.head.snapshot);
        if newest.is_none_or(|newest| newest.version < snapshot.version) {
            self.snapshot = Some(snapshot);
        }
    }

    /// Begins to remove what nobody needs any more who loads what [`head`](Self::head) says now. Commits may go on
    /// meanwhile.
    pub fn collect(&self) -> Result<Collect, LogError> {
        match &self.stage {
            Stage::Over(LogError::Deleted) => {}
            _ => self.check_open()?,
        }
        Ok(Collect::new(self.rows.clone(), self.term.clone(), &self.head))
    }

    fn check_open(&self) -> Result<(), LogError> {
        match &self.stage {
            Stage::Opening(_) => Err(LogError::Busy),
            Stage::Committing(committing) if committing.opening.is_some() => Err(LogError::Busy),
            Stage::Committing(_) | Stage::Ready => Ok(()),
            Stage::Over(error) => Err(error.clone()),
        }
    }

    /// Cuts the items into chunks, puts the link to them into the head, and goes to move it there.
    fn commit(
        &mut self,
        claim: Claim,
        items: Vec<Bytes>,
        attempt: u32,
        opening: Option<Box<Opening>>,
    ) -> Result<(), LogError> {
        let version = claim.head.link.version;
        let attempt = if is(Planted::ChunksUnnamed) { 0 } else { attempt };
        let chunk = Chunk { generation: version.generation, term: self.term.number, attempt, number: 0 };
        let room = chunk_bytes(&self.rows, &self.term, self.limits, Kind::Delta)?;
        let pieces = piece::cut(&items, version.incarnation, claim.previous, room);
        let chunks = u32::try_from(pieces.len()).ok().filter(|chunks| *chunks <= MAX_CHUNKS);
        let Some(chunks) = chunks else {
            return Err(LogError::TooManyChunks);
        };
        let (writes, values) = piece::to_rows(&self.rows, Kind::Delta, chunk, &pieces);
        let mut head = claim.head.clone();
        head.link = Link {
            version,
            term: self.term.number,
            attempt,
            chunks,
            checksum: piece::checksum(&values),
            lineage: 0,
        };
        head.link.lineage = head.link.lineage_after(claim.previous.map_or(0, |previous| previous.lineage));
        let to = head.to_row(self.rows.head());
        let mut advance = Advance::new(&self.rows, &self.term, self.limits, claim.from, writes, to).map_err(
            |Misfit { bytes }| LogError::LimitsTooSmall { needed: bytes, limit: self.limits.bytes },
        )?;
        // Without the first commit of a term there is nobody to make room; the others are what makes it.
        if opening.is_some() || head.state != State::Live || head.snapshot != self.head.snapshot {
            advance.use_reserve();
        }
        self.stage =
            Stage::Committing(Box::new(Committing { claim, items, attempt, head, advance, opening }));
        Ok(())
    }

    fn over(&mut self, error: LogError) -> Step<Made> {
        self.stage = Stage::Over(error.clone());
        Step::Done(Err(error))
    }
}

impl Errand for Log {
    type End = Made;

    fn next(&mut self, reply: Option<Reply>) -> Step<Made> {
        match std::mem::replace(&mut self.stage, Stage::Ready) {
            Stage::Ready => Step::Done(Ok(self.head.link.version)),
            Stage::Over(error) => self.over(error),
            Stage::Opening(opening) => self.open(opening, reply),
            Stage::Committing(committing) => self.go_on(committing, reply),
        }
    }
}

impl Log {
    fn open(&mut self, mut opening: Box<Opening>, reply: Option<Reply>) -> Step<Made> {
        if self.limits.operations < MIN_OPERATIONS {
            return self.over(LogError::TooFewOperations { limit: self.limits.operations });
        }
        match opening.next(reply) {
            Step::Done(Ok(claim)) => {
                let items = if claim.previous.is_none() { self.founding.clone() } else { Vec::new() };
                match self.commit(claim, items, 0, Some(opening)) {
                    Ok(()) => self.next(None),
                    Err(error) => self.over(error),
                }
            }
            Step::Done(Err(error)) => self.over(error),
            Step::Ask(request) => {
                self.stage = Stage::Opening(opening);
                Step::Ask(request)
            }
            Step::Pause(error) => {
                self.stage = Stage::Opening(opening);
                Step::Pause(error)
            }
        }
    }

    fn go_on(&mut self, mut committing: Box<Committing>, reply: Option<Reply>) -> Step<Made> {
        match committing.advance.next(reply) {
            Step::Done(Advanced::Done(revision)) => {
                if committing.opening.is_some() {
                    self.continues = committing.claim.previous;
                }
                let made_room = committing.head.snapshot != self.head.snapshot;
                if made_room || !committing.advance.uses_reserve() {
                    self.pressed = 0;
                }
                self.committed(committing.head, revision)
            }
            Step::Done(Advanced::TermLost) => self.over(LogError::Deposed),
            Step::Done(Advanced::HeadMoved(_)) => match committing.opening {
                Some(opening) => self.open(opening, None),
                None => self.over(LogError::Deposed),
            },
            Step::Pause(StoreError::TooLarge { .. }) if committing.advance.is_undone() => {
                self.divide(*committing)
            }
            Step::Pause(error @ StoreError::Full { .. }) => match self.press(*committing) {
                Ok(()) => Step::Pause(error),
                Err(error) => self.over(error),
            },
            Step::Pause(error) => {
                self.stage = Stage::Committing(committing);
                Step::Pause(error)
            }
            Step::Ask(request) => {
                self.stage = Stage::Committing(committing);
                Step::Ask(request)
            }
        }
    }

    /// The store is full, which a snapshot may change: of a commit that is through, named by another one. So a few
    /// commits may take what the store keeps back, and so may the one that is stuck, once there is a snapshot to name.
    fn press(&mut self, mut committing: Committing) -> Result<(), LogError> {
        let names = committing.head.snapshot.map(|named| named.version);
        let written = self.snapshot.filter(|written| names < Some(written.version));
        if written.is_some() && committing.opening.is_none() && committing.advance.is_undone() {
            let Committing { mut claim, items, attempt, .. } = committing;
            claim.head.snapshot = written;
            return self.commit(claim, items, attempt + 1, None);
        }
        if !committing.advance.uses_reserve() && self.pressed < MAX_PRESSED {
            self.pressed += 1;
            committing.advance.use_reserve();
        }
        self.stage = Stage::Committing(Box::new(committing));
        Ok(())
    }

    fn committed(&mut self, head: Head, revision: Revision) -> Step<Made> {
        self.head = head;
        self.revision = revision;
        self.stage = match self.head.state {
            State::Live => Stage::Ready,
            State::Sealed => Stage::Over(LogError::Sealed),
            State::Deleted => Stage::Over(LogError::Deleted),
        };
        Step::Done(Ok(self.head.link.version))
    }

    /// The store takes less than it said. Nothing was done, so the same items may go into other chunks; under another
    /// attempt, because some of the chunks are there already.
    fn divide(&mut self, committing: Committing) -> Step<Made> {
        let Committing { claim, items, attempt, opening, .. } = committing;
        self.limits.bytes /= 2;
        self.limits.operations = (self.limits.operations / 2).max(MIN_OPERATIONS);
        match self.commit(claim, items, attempt + 1, opening) {
            Ok(()) => self.next(None),
            Err(error) => self.over(error),
        }
    }
}

/// How large a chunk's row may be, so that it fits a transaction with its key and its guard.
pub(super) fn chunk_bytes(rows: &Rows, term: &Term, limits: Limits, kind: Kind) -> Result<usize, LogError> {
    // All chunks' keys are equally long.
    let key = rows.chunk(kind, Chunk::default());
    let around = rows.term().len() + term.record.len() + rows.head().len() + key.len();
    match limits.bytes.checked_sub(around) {
        Some(room) if room >= MIN_CHUNK_BYTES => Ok(room.min(MAX_CHUNK_BYTES)),
        _ => Err(LogError::LimitsTooSmall { needed: around + MIN_CHUNK_BYTES, limit: limits.bytes }),
    }
}
