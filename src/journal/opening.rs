//! What a leader does before its first commit: look at what is there, and decide what to continue.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{
    cluster::Cluster,
    head::{Head, Link, Mismatch, Seen, State},
    log::{LogError, Term},
    record::{Flaw, Record, Unreadable},
    rows::Rows,
};
use crate::{
    planted::{Planted, is},
    store::{
        Compare, Errand, Outcome, Reply, Request, Revision, Row, Step, StoreError, StoreIdentity,
        Transaction, Write,
    },
    types::Version,
};

/// How a leader opens a namespace's log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenAs {
    /// What to do with what is there.
    pub mode: Mode,
    /// The newest state that this replica, or anyone who told it, has seen of the namespace.
    pub seen: Option<Seen>,
    /// Milliseconds since 1970: an incarnation that begins now is at least this. A wrong clock does no harm while
    /// `seen` and what is stored are above it.
    pub unix_millis: u64,
}

/// What to do with what is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Continue. If there is nothing, begin. A store that is not the one that was left is refused.
    #[default]
    Resume,
    /// The same; but if what is there was deleted, begin anew, without it, and keep its wait.
    Revive,
    /// Continue a store that was restored or copied, because an operator says so: under an incarnation above everything
    /// stored and seen. All sessions are void, and nothing may be granted for `wait`.
    Adopt {
        /// The longest that anyone may still hold what was granted before.
        wait: Duration,
    },
    /// Begin anew, without what is there, be it deleted or unreadable; not if it is sealed. A deleted namespace's own
    /// wait is kept if it is longer.
    Reset {
        /// The longest that anyone may still hold what was granted before.
        wait: Duration,
    },
}

/// Reads, and ends with the first commit to make.
#[derive(Debug)]
pub(super) struct Opening {
    rows: Rows,
    term: Term,
    with: OpenAs,
    asked: Asked,
    identity: StoreIdentity,
    head: Option<Row>,
    cluster: Option<Row>,
}

/// The first commit of a term: nothing but its head, and what a namespace begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// Its link names the version only.
    pub(super) head: Head,
    /// What it comes after; `None`: it begins.
    pub(super) previous: Option<Link>,
    /// The revision of the head that is there.
    pub(super) from: Option<Revision>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Identity,
    Head,
    /// To replace a head that the store itself cannot read by one that only we cannot read: it can be compared, and so be
    /// written over.
    Mend,
    /// The highest incarnation of the store, because a new one begins.
    Cluster,
    /// The same, after a raise was refused: its row may be another one by now, or the term another's.
    ClusterAgain,
    /// To raise it to this.
    Raise(u64),
}

impl Opening {
    pub(super) fn new(rows: Rows, term: Term, with: OpenAs) -> Self {
        let identity = StoreIdentity(String::new());
        Self { rows, term, with, asked: Asked::Identity, identity, head: None, cluster: None }
    }

    fn ask(&self) -> Step<Result<Claim, LogError>> {
        Step::Ask(match self.asked {
            Asked::Identity => Request::Identity,
            Asked::Head => Request::Get(self.rows.head().clone()),
            Asked::Mend => Request::Transact(self.mend()),
            Asked::Cluster | Asked::ClusterAgain => Request::Get(self.rows.cluster()),
            Asked::Raise(to) => Request::Transact(self.raise(to)),
        })
    }

    fn ask_for(&mut self, asked: Asked) -> Step<Result<Claim, LogError>> {
        self.asked = asked;
        self.ask()
    }

    fn hear(&mut self, reply: Reply) -> Result<Step<Result<Claim, LogError>>, StoreError> {
        Ok(match self.asked {
            Asked::Identity => {
                self.identity = reply.identity()?;
                self.ask_for(Asked::Head)
            }
            Asked::Head => {
                self.head = match reply.row() {
                    Err(StoreError::Corrupt { .. }) if self.begins_anew() => {
                        return Ok(self.ask_for(Asked::Mend));
                    }
                    Err(StoreError::Corrupt { .. }) => {
                        return Ok(Step::Done(Err(damaged::<Head>(self.rows.head().clone()))));
                    }
                    row => row?,
                };
                self.asked = Asked::Identity;
                match self.look() {
                    Ok(Look::Continue(claim)) => Step::Done(Ok(*claim)),
                    Ok(Look::NewIncarnation) => self.ask_for(Asked::Cluster),
                    Err(error) => Step::Done(Err(error)),
                }
            }
            Asked::Mend => match reply.outcome() {
                Ok(Outcome::Committed(_)) | Err(StoreError::Unknown { .. }) => self.ask_for(Asked::Head),
                Ok(Outcome::Refused) => Step::Done(Err(LogError::Deposed)),
                Err(error) => return Err(error),
            },
            Asked::Cluster | Asked::ClusterAgain => {
                let before = self.cluster.take().map(|row| row.changed);
                self.cluster = match reply.row() {
                    Err(StoreError::Corrupt { .. }) => {
                        return Ok(Step::Done(Err(damaged::<Cluster>(self.rows.cluster()))));
                    }
                    row => row?,
                };
                let is_as_it_was = self.cluster.as_ref().map(|row| row.changed) == before;
                if self.asked == Asked::ClusterAgain && is_as_it_was {
                    return Ok(Step::Done(Err(LogError::Deposed)));
                }
                match self.incarnate() {
                    Ok((head, _)) => self.ask_for(Asked::Raise(head.link.version.incarnation)),
                    Err(error) => Step::Done(Err(error)),
                }
            }
            Asked::Raise(_) => match reply.outcome() {
                Ok(Outcome::Committed(_)) => {
                    self.asked = Asked::Identity;
                    Step::Done(self.incarnate().map(|(head, previous)| Claim {
                        head,
                        previous,
                        from: self.from(),
                    }))
                }
                // Somebody else has raised it, or we have without knowing.
                Ok(Outcome::Refused) => self.ask_for(Asked::ClusterAgain),
                Err(StoreError::Unknown { .. }) => self.ask_for(Asked::Cluster),
                Err(error) => return Err(error),
            },
        })
    }

    /// What the head that was read asks for.
    fn look(&self) -> Result<Look, LogError> {
        let stored = match self.stored() {
            Err(LogError::Unreadable(_)) if self.begins_anew() => {
                return Ok(Look::NewIncarnation);
            }
            stored => stored?,
        };
        let Some(head) = stored else {
            return match (self.with.mode, self.with.seen) {
                (Mode::Resume | Mode::Revive, Some(Seen { version, .. })) => {
                    Err(LogError::NeedsAdoption(Mismatch::WentBack { seen: version, stored: None }))
                }
                _ => Ok(Look::NewIncarnation),
            };
        };
        match head.state {
            State::Sealed => return Err(LogError::Sealed),
            State::Deleted if self.with.mode == Mode::Resume => return Err(LogError::Deleted),
            State::Deleted | State::Live => {}
        }
        if head.link.term >= self.term.number {
            return Err(LogError::Outranked { by: head.link.term });
        }
        let continues = match self.with.mode {
            Mode::Resume => true,
            Mode::Revive => head.state == State::Live,
            Mode::Adopt { .. } | Mode::Reset { .. } => false,
        };
        if !continues {
            return Ok(Look::NewIncarnation);
        }
        match head.mismatch(&self.identity, self.with.seen) {
            Some(mismatch) => Err(LogError::NeedsAdoption(mismatch)),
            None => {
                let link = Link { version: after(head.link.version), ..Link::default() };
                let previous = Some(head.link);
                Ok(Look::Continue(Box::new(Claim {
                    head: Head { link, ..head },
                    previous,
                    from: self.from(),
                })))
            }
        }
    }

    /// The first head of a new incarnation, above everything that is stored, was seen, or the clock shows.
    fn incarnate(&self) -> Result<(Head, Option<Link>), LogError> {
        let floor = match &self.cluster {
            Some(row) => Cluster::from_row(&row.key, &row.value).map_err(LogError::Unreadable)?.incarnation,
            None => 0,
        };
        // Only a reset comes here with a head that it cannot read. That one's incarnation may have been the highest.
        let stored = self.stored();
        let floor = if stored.is_err() { floor.saturating_add(1) } else { floor };
        let mut stored = stored.ok().flatten();
        if is(Planted::TombstoneForgotten) {
            stored.take_if(|head| head.state == State::Deleted);
        }
        let seen = self.with.seen.filter(|_| !is(Planted::TombstoneForgotten)).map(|seen| seen.version);
        let there = stored.as_ref().map(|head| head.link.version);
        let highest = there.max(seen).map_or(0, |version| version.incarnation.saturating_add(1));
        let shown = if is(Planted::FreshFromZero) { 1 } else { self.with.unix_millis };
        let version = Version {
            incarnation: highest.max(floor).max(shown),
            generation: there.or(seen).unwrap_or_default().generation.saturating_add(1),
        };
        let version = match there {
            Some(there) if is(Planted::TokenReusedAfterRestore) => after(there),
            _ => version,
        };
        let fresh = Head {
            link: Link { version, ..Link::default() },
            identity: self.identity.0.clone(),
            ..Head::default()
        };
        let wait_there = stored.as_ref().map_or(Duration::ZERO, |head| head.wait);
        Ok(match (self.with.mode, stored) {
            (Mode::Adopt { wait }, Some(stored)) => {
                let previous = Some(stored.link);
                let wait = wait.max(wait_there);
                (
                    Head {
                        snapshot: stored.snapshot,
                        wait,
                        state: stored.state,
                        unknown: stored.unknown,
                        ..fresh
                    },
                    previous,
                )
            }
            (Mode::Adopt { wait } | Mode::Reset { wait }, _) => {
                (Head { wait: wait.max(wait_there), ..fresh }, None)
            }
            (Mode::Resume | Mode::Revive, _) => (Head { wait: wait_there, ..fresh }, None),
        })
    }

    const fn begins_anew(&self) -> bool {
        matches!(self.with.mode, Mode::Reset { .. })
    }

    fn mend(&self) -> Transaction {
        let ours = Compare::Value(self.rows.term().clone(), self.term.record.clone());
        let mend = Write::Put(self.rows.head().clone(), Bytes::new());
        Transaction::default().when(ours).write(mend).using_reserve()
    }

    fn raise(&self, to: u64) -> Transaction {
        let key = self.rows.cluster();
        let (compare, before) = match &self.cluster {
            Some(row) => (
                Compare::Changed(key.clone(), row.changed),
                Cluster::from_row(&row.key, &row.value).unwrap_or_default(),
            ),
            None => (Compare::Absent(key.clone()), Cluster::default()),
        };
        let value = Cluster { incarnation: to, ..before }.to_row(&key);
        let ours = Compare::Value(self.rows.term().clone(), self.term.record.clone());
        Transaction::default().when(ours).when(compare).write(Write::Put(key, value)).using_reserve()
    }

    fn stored(&self) -> Result<Option<Head>, LogError> {
        let read = |row: &Row| Head::from_row(&row.key, &row.value).map_err(LogError::Unreadable);
        self.head.as_ref().map(read).transpose()
    }

    fn from(&self) -> Option<Revision> {
        self.head.as_ref().map(|row| row.changed)
    }
}

/// What the store cannot read itself.
fn damaged<R: Record>(key: Arc<str>) -> LogError {
    LogError::Unreadable(Unreadable { key, what: R::WHAT, flaw: Flaw::Checksum })
}

enum Look {
    Continue(Box<Claim>),
    NewIncarnation,
}

/// The version that the next commit makes.
pub(super) fn after(version: Version) -> Version {
    Version { generation: version.generation.saturating_add(1), ..version }
}

impl Errand for Opening {
    type End = Result<Claim, LogError>;

    fn next(&mut self, reply: Option<Reply>) -> Step<Self::End> {
        match reply {
            None => self.ask(),
            Some(reply) => self.hear(reply).unwrap_or_else(Step::Pause),
        }
    }
}
