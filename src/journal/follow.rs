//! Following a namespace's history without leading it.

use bytes::Bytes;

use super::{
    chain::{self, Chunks, Delta},
    head::{Head, Mismatch, Seen},
    load::{Load, LoadError, Loaded},
    record::{Record, Unreadable},
    rows::{Kind, Rows},
};
use crate::planted::{Planted, is};
use crate::store::{Batch, Change, Errand, Limits, Reply, Revision, Row, Step, WatchError};

/// Bytes of chunks that are kept until their head comes. A commit that is larger is read from the store instead.
const MAX_PENDING_BYTES: usize = 4 << 20;

/// What has come of following.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// The whole state, at the beginning or after something was missed: it replaces what was known.
    Loaded(Box<Loaded>),
    /// Commits that continue what was known, oldest first.
    Advanced {
        /// The newest commit.
        head: Box<Head>,
        /// Its items and those of the ones before it.
        deltas: Vec<Delta>,
    },
    /// What is stored is not to be believed. What was known stays.
    Mismatch(Mismatch),
    /// The head cannot be read. What was known stays.
    Unreadable(Unreadable),
    /// There is nothing more to tell. Watch the namespace's [prefix](Rows::prefix) from this revision on, and give what the
    /// watch tells to [`Follow::watched`]; a watch that is open already goes on.
    UpToDate {
        /// Behind everything that is known.
        watch_from: Revision,
    },
}

/// Keeps up with a namespace: loads its state, then puts commits together from what a watch tells. What is missed in any
/// way is mended by loading again. It never goes back: a head below, or beside, what was seen is refused and told.
#[derive(Clone, Debug)]
pub struct Follow {
    rows: Rows,
    limits: Limits,
    /// What the newest state is that anyone here has believed.
    seen: Option<Seen>,
    /// The commit that was told last; `None`: nothing was.
    told: Option<Head>,
    /// Everything up to here has been looked at, by loading or by the watch.
    revision: Revision,
    /// What the watch tells of this revision and those before is known already.
    loaded_at: Revision,
    load: Option<Load>,
    /// What becomes of what is being loaded.
    then: Then,
    chunks: Chunks,
    pending_bytes: usize,
    /// Heads that the watch has told of. Only the newest counts.
    next: Option<Row>,
}

/// What becomes of what is being loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// It is the state.
    Tell,
    /// It is out of date: it is loaded again.
    Again,
    /// It is known already.
    Drop,
}

impl Follow {
    /// To follow a namespace of which `seen` was seen before, if anything was.
    pub fn new(rows: Rows, limits: Limits, seen: Option<Seen>) -> Self {
        Self {
            load: Some(Load::new(rows.clone(), limits)),
            then: Then::Tell,
            rows,
            limits,
            seen,
            told: None,
            revision: Revision::default(),
            loaded_at: Revision::default(),
            chunks: Chunks::new(),
            pending_bytes: 0,
            next: None,
        }
    }

    /// The newest state that was seen: what a leader's log must not fall behind.
    pub fn seen(&self) -> Option<Seen> {
        self.seen
    }

    /// Hears from the watch. Then call [`next`](Errand::next), unless a reply is awaited.
    pub fn watched(&mut self, batch: Batch) {
        for change in batch.changes {
            match change {
                Change::Put(row) if row.key == *self.rows.head() => self.next = Some(row),
                Change::Put(row) => self.keep(row),
                // A head is never deleted by us. Whatever that means, the store's present state tells.
                Change::Deleted { key, .. } if key == *self.rows.head() => self.restart(),
                Change::Deleted { .. } => {}
            }
        }
        self.revision = self.revision.max(batch.revision);
    }

    /// Hears of a commit from the leader itself, which is this process: what the watch will tell of it is known already.
    pub fn committed(&mut self, head: &Head, at: Revision) {
        if self.told.as_ref().is_some_and(|told| told.link.version >= head.link.version) {
            // The watch was faster.
            return;
        }
        if self.load.is_some() && self.then == Then::Tell {
            self.then = Then::Drop;
        }
        self.tell(head);
        self.loaded_at = self.loaded_at.max(at);
        self.revision = self.revision.max(at);
        self.next.take_if(|row| row.changed <= at);
        self.forget_until(head.link.version.generation);
    }

    /// Hears that the watch is over. One that only broke off goes on where it was; anything else is loaded anew.
    pub fn watch_ended(&mut self, error: &WatchError) {
        if !matches!(error, WatchError::Broken { .. }) {
            self.restart();
        }
    }

    /// Loads everything anew, next time.
    pub fn restart(&mut self) {
        match self.load {
            // It may be waiting for a reply, which must not reach another one.
            Some(_) => self.then = Then::Again,
            None => self.load = Some(Load::new(self.rows.clone(), self.limits)),
        }
        self.next = None;
        self.forget_chunks();
    }

    /// A chunk of a delta, in case it will count.
    fn keep(&mut self, row: Row) {
        let Some((Kind::Delta, chunk)) = self.rows.chunk_of(&row.key) else { return };
        self.pending_bytes += row.value.len();
        self.chunks.insert(chunk, row.value);
        if self.pending_bytes > MAX_PENDING_BYTES {
            self.forget_chunks();
        }
    }

    fn forget_chunks(&mut self) {
        self.forget_until(u64::MAX);
    }

    /// Forgets the chunks up to the generation. Those of the next commit may be there before its head.
    fn forget_until(&mut self, generation: u64) {
        self.chunks.retain(|chunk, _| chunk.generation > generation);
        self.pending_bytes = self.chunks.values().map(Bytes::len).sum();
    }

    /// Puts the commits up to the head together. `None`: something is missing, or is not as it should be.
    fn advance(&self, row: &Row) -> Option<(Box<Head>, Vec<Delta>)> {
        let head = Head::from_row(&row.key, &row.value).ok()?;
        let told = self.told.as_ref()?;
        let in_order = head.link.version > told.link.version && head.identity == told.identity;
        let chain = chain::back(&self.rows, &self.chunks, head.link, Some(told.link));
        if is(Planted::SkipMissedCommits) {
            return Some((Box::new(head), chain.deltas));
        }
        let whole = chain.reached && chain.broken.is_none() && chain.damage.is_empty();
        (in_order && whole).then(|| (Box::new(head), chain.deltas))
    }

    /// What loading came to; `None` when there is nothing to tell.
    fn loaded(&mut self, end: Result<Box<Loaded>, LoadError>) -> Option<Followed> {
        let (revision, followed) = match end {
            Ok(loaded) => match self.seen.and_then(|seen| loaded.head.falls_behind(seen)) {
                Some(mismatch) => (loaded.revision, Some(Followed::Mismatch(mismatch))),
                None => {
                    self.tell(&loaded.head);
                    (loaded.revision, Some(Followed::Loaded(loaded)))
                }
            },
            Err(LoadError::Unreadable { unreadable, revision }) => {
                (revision, Some(Followed::Unreadable(unreadable)))
            }
            Err(LoadError::Nothing { revision }) => {
                let went_back = |seen: Seen| Mismatch::WentBack { seen: seen.version, stored: None };
                (revision, self.seen.map(|seen| Followed::Mismatch(went_back(seen))))
            }
        };
        self.revision = revision;
        self.loaded_at = revision;
        followed
    }

    fn tell(&mut self, head: &Head) {
        self.seen = Some(head.seen());
        self.told = Some(head.clone());
    }
}

impl Errand for Follow {
    type End = Followed;

    /// Ends again and again: after each end but [`Followed::UpToDate`], call it without a reply for the next.
    fn next(&mut self, reply: Option<Reply>) -> Step<Followed> {
        if let Some(load) = &mut self.load {
            match load.next(reply) {
                Step::Done(end) => {
                    self.load = None;
                    match std::mem::replace(&mut self.then, Then::Tell) {
                        Then::Again => {
                            self.restart();
                            return self.next(None);
                        }
                        Then::Drop => {}
                        Then::Tell => {
                            if let Some(followed) = self.loaded(end) {
                                return Step::Done(followed);
                            }
                        }
                    }
                }
                Step::Ask(request) => return Step::Ask(request),
                Step::Pause(error) => return Step::Pause(error),
            }
        }
        let Some(row) = self.next.take() else {
            return Step::Done(Followed::UpToDate { watch_from: self.revision.next() });
        };
        if row.changed <= self.loaded_at {
            return self.next(None);
        }
        let Some((head, deltas)) = self.advance(&row) else {
            self.restart();
            return self.next(None);
        };
        self.forget_until(head.link.version.generation);
        self.tell(&head);
        Step::Done(Followed::Advanced { head, deltas })
    }
}
