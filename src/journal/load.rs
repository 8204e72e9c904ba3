//! Reading a namespace's whole state back.

use std::fmt;

use bytes::Bytes;

use super::{
    chain::{self, Chain, Chunks, Damage, Delta},
    head::{Head, Mismatch, State},
    record::{Record, Unreadable},
    rows::{Kind, Rows, alone},
};
use crate::store::{Errand, Limits, Page, Range, Reply, Request, Revision, Step, StoreError};

/// Rows of a page, at most: with the largest chunks 16 MiB.
const PAGE_ROWS: usize = 64;

/// A namespace's state as of one revision: the snapshot's items, then each delta's.
///
/// With [`damage`](Self::damage), it is not what was committed: whoever acts on it must take all that it grants for
/// doubtful, as after an adoption. What is lost is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The newest commit.
    pub head: Head,
    /// The revision that all of it is of; whoever follows watches from the next one.
    pub revision: Revision,
    /// The snapshot's items, in order; none if there is no snapshot.
    pub snapshot: Vec<Bytes>,
    /// The commits since the snapshot, oldest first, with the head's as the last one.
    pub deltas: Vec<Delta>,
    /// What could not be read.
    pub damage: Vec<Damage>,
    /// The commits do not continue one another: nothing may be granted until an operator adopts the store.
    pub mismatch: Option<Mismatch>,
}

/// Why there is no state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError {
    /// The namespace has never had a commit.
    Nothing {
        /// As of this revision.
        revision: Revision,
    },
    /// The head cannot be read. Other namespaces are not concerned.
    Unreadable {
        /// What is wrong with it.
        unreadable: Unreadable,
        /// As of this revision.
        revision: Revision,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing { .. } => f.write_str("nothing was ever committed in this namespace"),
            Self::Unreadable { unreadable, .. } => {
                write!(f, "{unreadable}: restore the row from a backup, or reset the namespace")
            }
        }
    }
}

impl std::error::Error for LoadError {}

/// Reads a namespace's newest state. All reads are as of one revision; if the store forgets it meanwhile, it begins
/// again. Of a deleted namespace it reads the head alone.
#[derive(Clone, Debug)]
pub struct Load {
    rows: Rows,
    page_rows: usize,
    asked: Asked,
    head: Head,
    revision: Revision,
    snapshot: Chunks,
    deltas: Chunks,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    Head,
    /// Chunks of a kind, from this key until that one.
    Chunks {
        kind: Kind,
        from: String,
        until: String,
    },
}

type End = Result<Box<Loaded>, LoadError>;

impl Load {
    /// To read the namespace's state.
    pub fn new(rows: Rows, limits: Limits) -> Self {
        Self {
            rows,
            page_rows: limits.rows.clamp(1, PAGE_ROWS),
            asked: Asked::Head,
            head: Head::default(),
            revision: Revision::default(),
            snapshot: Chunks::new(),
            deltas: Chunks::new(),
        }
    }

    fn ask(&self) -> Step<End> {
        Step::Ask(Request::Range(match &self.asked {
            Asked::Head => alone(self.rows.head()),
            Asked::Chunks { from, until, .. } => Range {
                from: from.clone(),
                until: Some(until.clone()),
                at: Some(self.revision),
                rows: self.page_rows,
            },
        }))
    }

    fn head_read(&mut self, page: Page) -> Step<End> {
        let revision = page.revision;
        let Some(row) = page.rows.into_iter().next() else {
            return Step::Done(Err(LoadError::Nothing { revision }));
        };
        self.head = match Head::from_row(&row.key, &row.value) {
            Ok(head) => head,
            Err(unreadable) => return Step::Done(Err(LoadError::Unreadable { unreadable, revision })),
        };
        self.revision = revision;
        self.snapshot.clear();
        self.deltas.clear();
        match self.head.snapshot {
            _ if self.head.state == State::Deleted => Step::Done(Ok(Box::new(self.loaded()))),
            Some(link) => self.ask_chunks(Kind::Snapshot, |rows| {
                let key = |number| rows.chunk(Kind::Snapshot, link.chunk(number)).to_string();
                (key(0), key(link.chunks))
            }),
            None => self.ask_deltas(),
        }
    }

    fn ask_deltas(&mut self) -> Step<End> {
        let from = self.head.snapshot.map_or(0, |link| link.version.generation.saturating_add(1));
        let until = self.head.link.version.generation.saturating_add(1);
        self.ask_chunks(Kind::Delta, |rows| {
            (rows.generation(Kind::Delta, from), rows.generation(Kind::Delta, until))
        })
    }

    fn ask_chunks(&mut self, kind: Kind, range: impl FnOnce(&Rows) -> (String, String)) -> Step<End> {
        let (from, until) = range(&self.rows);
        self.asked = Asked::Chunks { kind, from, until };
        self.ask()
    }

    fn chunks_read(&mut self, kind: Kind, until: String, page: Page) -> Step<End> {
        let last = page.rows.last().map(|row| row.key.clone());
        let into = match kind {
            Kind::Snapshot => &mut self.snapshot,
            Kind::Delta => &mut self.deltas,
        };
        for row in page.rows {
            if let Some((_, chunk)) = self.rows.chunk_of(&row.key) {
                into.insert(chunk, row.value);
            }
        }
        match (last, kind) {
            // The first key behind it: no key has a space, and none sorts before it.
            (Some(last), _) if page.more => self.ask_chunks(kind, |_| (format!("{last}!"), until)),
            (_, Kind::Snapshot) => self.ask_deltas(),
            (_, Kind::Delta) => Step::Done(Ok(Box::new(self.loaded()))),
        }
    }

    fn loaded(&mut self) -> Loaded {
        let head = std::mem::take(&mut self.head);
        let mut loaded = Loaded {
            revision: self.revision,
            snapshot: Vec::new(),
            deltas: Vec::new(),
            damage: Vec::new(),
            mismatch: None,
            head,
        };
        if loaded.head.state == State::Deleted {
            return loaded;
        }
        if let Some(link) = loaded.head.snapshot {
            (loaded.snapshot, loaded.damage) = chain::snapshot(&self.rows, &self.snapshot, link);
        }
        let Chain { deltas, damage, broken, .. } =
            chain::back(&self.rows, &self.deltas, loaded.head.link, loaded.head.snapshot);
        loaded.deltas = deltas;
        loaded.damage.extend(damage);
        loaded.mismatch = broken;
        loaded
    }
}

impl Errand for Load {
    type End = End;

    fn next(&mut self, reply: Option<Reply>) -> Step<End> {
        let Some(reply) = reply else { return self.ask() };
        match (reply.page(), &self.asked) {
            (Ok(page), Asked::Head) => self.head_read(page),
            (Ok(page), Asked::Chunks { kind, until, .. }) => {
                let (kind, until) = (*kind, until.clone());
                self.chunks_read(kind, until, page)
            }
            (Err(error @ StoreError::Compacted { .. }), _) => {
                self.asked = Asked::Head;
                Step::Pause(error)
            }
            (Err(error), _) => Step::Pause(error),
        }
    }
}
