//! Keeping a namespace's history short: now and then a snapshot, then what it replaces goes.
//!
//! It happens beside the commits, which never wait for it. A snapshot costs what the whole state is large, so it is
//! written when as much again has been committed: what is written for it is then at most what was written anyway.

use bytes::Bytes;

use super::{ReplicaConfig, follower::Length, pauses::Pauses};
use crate::{
    journal::{Collect, Link, Log, LogError, State, WriteSnapshot},
    store::{Errand, Reply, Request, Step},
    types::{Mono, Version},
};

/// In a full store a snapshot is written when this part of the last one's size has been committed since: less is not worth
/// what it costs.
const PRESSED_AFTER: usize = 4;

#[derive(Debug)]
pub(super) struct Upkeep {
    config: ReplicaConfig,
    stage: Stage,
    length: Length,
    pauses: Pauses,
    /// Nothing of the namespace but its head is to be left, when what is under way is done.
    clears: bool,
}

/// Whether a snapshot may be written of what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Sound,
    /// Part of it is lost. Once nobody can hold any more what that granted, what is left is as good as all, and a snapshot
    /// of it is due: it lets whoever leads next neither read what is damaged nor wait for it.
    Doubtful,
    /// Part of it is for a later version to read.
    Unread,
}

#[derive(Debug)]
enum Stage {
    /// Nothing is written and nothing removed.
    Off,
    /// Nothing yet, but then.
    Doubtful,
    /// As soon as there is a commit.
    Due,
    Idle,
    /// The whole state as of a commit that is on its way.
    Taken(Version, Vec<Bytes>),
    Writing(Box<WriteSnapshot>),
    /// The next commit will name it.
    Written(Link),
    Collecting(Collect),
}

impl Upkeep {
    pub(super) fn new(config: &ReplicaConfig, length: Length, standing: Standing) -> Self {
        let stage = match standing {
            Standing::Sound => Stage::Idle,
            Standing::Doubtful => Stage::Doubtful,
            Standing::Unread => Stage::Off,
        };
        Self { config: config.clone(), stage, length, pauses: Pauses::default(), clears: false }
    }

    /// Nobody can hold any more what is not known.
    pub(super) fn trust(&mut self) {
        if matches!(self.stage, Stage::Doubtful) {
            self.stage = Stage::Due;
        }
    }

    pub(super) const fn length(&self) -> Length {
        self.length
    }

    pub(super) const fn next_wake(&self) -> Option<Mono> {
        self.pauses.until()
    }

    /// A commit of `items` is about to be made, after which the whole state is `state`. `is_pressed`: the store is full.
    pub(super) fn committing(
        &mut self,
        version: Version,
        items: &[Bytes],
        is_pressed: bool,
        state: impl FnOnce() -> Vec<Bytes>,
    ) {
        self.length.commits += 1;
        self.length.bytes += items.iter().map(Bytes::len).sum::<usize>();
        let bytes = self.config.snapshot_after_bytes.max(self.length.snapshot_bytes);
        let makes_room = is_pressed && self.length.bytes >= self.length.snapshot_bytes / PRESSED_AFTER;
        let is_due = makes_room
            || self.length.bytes >= bytes
            || self.length.commits >= self.config.snapshot_after_commits;
        if is_due && matches!(self.stage, Stage::Idle) || matches!(self.stage, Stage::Due) {
            self.stage = Stage::Taken(version, state());
        }
    }

    /// The log has made a commit. Then [`go_on`](Self::go_on) without a reply, if this says so.
    pub(super) fn committed(&mut self, log: &mut Log) -> Result<bool, LogError> {
        let head = log.head();
        if head.state == State::Deleted {
            self.clears = true;
            // What is under way has asked the store something, and waits for its answer.
            return Ok(!matches!(self.stage, Stage::Writing(_) | Stage::Collecting(_)));
        }
        match &self.stage {
            Stage::Taken(version, items) if head.link.version == *version => {
                let writing = log.snapshot(items)?;
                let snapshot_bytes = items.iter().map(Bytes::len).sum();
                self.length = Length { commits: 0, bytes: 0, snapshot_bytes };
                self.stage = Stage::Writing(Box::new(writing));
                Ok(true)
            }
            Stage::Written(link) if head.snapshot.is_some_and(|named| named.version == link.version) => {
                self.stage = Stage::Collecting(log.collect()?);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Whether a pause is over; then [`go_on`](Self::go_on) without a reply.
    pub(super) fn wakes(&mut self, now: Mono) -> bool {
        self.pauses.are_over(now)
    }

    /// Goes on with what is under way. Refused: it cannot be done in this term.
    pub(super) fn go_on(
        &mut self,
        now: Mono,
        reply: Option<Reply>,
        log: &mut Log,
    ) -> Result<Option<Request>, LogError> {
        let is_under_way = matches!(self.stage, Stage::Writing(_) | Stage::Collecting(_));
        if self.clears && !is_under_way {
            self.clears = false;
            self.stage = Stage::Collecting(log.collect()?);
        }
        let step = match &mut self.stage {
            Stage::Writing(writing) => match writing.next(reply) {
                Step::Done(Ok(link)) => {
                    log.publish(link);
                    self.done(Stage::Written(link));
                    return self.go_on_clearing(now, log);
                }
                Step::Done(Err(error)) => return self.fails(error),
                Step::Ask(request) => Step::Ask(request),
                Step::Pause(error) => Step::Pause(error),
            },
            Stage::Collecting(collecting) => collecting.next(reply),
            _ => return Ok(None),
        };
        match step {
            Step::Ask(request) => Ok(Some(request)),
            Step::Pause(_) => {
                self.pauses.begin(now, &self.config);
                Ok(None)
            }
            Step::Done(Ok(_)) => {
                self.done(Stage::Idle);
                self.go_on_clearing(now, log)
            }
            Step::Done(Err(error)) => self.fails(error),
        }
    }

    fn go_on_clearing(&mut self, now: Mono, log: &mut Log) -> Result<Option<Request>, LogError> {
        if self.clears { self.go_on(now, None, log) } else { Ok(None) }
    }

    fn done(&mut self, then: Stage) {
        self.stage = then;
        self.pauses = Pauses::default();
    }

    fn fails(&mut self, error: LogError) -> Result<Option<Request>, LogError> {
        self.done(Stage::Off);
        match error {
            // The log finds that out by itself.
            LogError::Deposed => Ok(None),
            error => Err(error),
        }
    }
}
