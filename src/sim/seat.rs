//! What a leader has, beside its engine: where sessions are connected, and when it heard them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{coverage::Met, node::Node, stage::Stage};
use crate::{
    engine::{Notice, State},
    session::ToExecutor,
    types::{Mono, SessionId, Version},
};

#[derive(Debug)]
pub(super) struct Seat {
    /// Where sessions are connected.
    pub(super) homes: BTreeMap<SessionId, Node>,
    /// The last version that its engine has decided, as far as that was looked at.
    pub(super) decided: Version,
    /// When each session was last heard, and with which lease that was acknowledged.
    heard: BTreeMap<SessionId, (Mono, Duration)>,
    /// Of which it is not known here for how long they were silent, or that were given time before: those that were heard
    /// again after they had been late while expiries are held back, and those that have only just begun.
    excused: BTreeSet<SessionId>,
    is_restrained: bool,
    listens_since: Mono,
    /// The lease that sessions had been promised when it began.
    lease_before: Duration,
    /// The sessions that its engine had when it was looked at last.
    sessions: BTreeSet<SessionId>,
    /// How silent those were that it has given up since the last commit.
    given_up: Silences,
}

/// How silent sessions were when a leader gave them up.
pub(super) type Silences = BTreeMap<SessionId, Silence>;

/// What a leader knew of a session when it let it expire, by its own clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silence {
    /// How long it had not heard it, or not been able to.
    pub(super) length: Duration,
    /// How long a lease it had given it.
    pub(super) lease: Duration,
    /// When it gave it up, in true time.
    pub(super) until: Mono,
}

impl Seat {
    pub(super) fn new(state: &State, now: Mono) -> Self {
        Self {
            homes: BTreeMap::new(),
            decided: Version::default(),
            heard: BTreeMap::new(),
            excused: BTreeSet::new(),
            is_restrained: false,
            listens_since: now,
            lease_before: state.config().lease,
            sessions: state.sessions().map(|record| record.id).collect(),
            given_up: Silences::new(),
        }
    }

    /// The leader answers an executor.
    pub(super) fn replies(&mut self, now: Mono, to: Node, message: &ToExecutor, beat_every: Duration) {
        match message {
            ToExecutor::Registered { session, pace, .. } => {
                self.homes.insert(*session, to);
                // It was heard when it asked, which was before what it asked for was stored.
                self.heard.insert(*session, (now, pace.answer_within * 3));
                self.excused.insert(*session);
            }
            ToExecutor::Acknowledged { session, pace, .. } => {
                let before = self.heard.insert(*session, (now, pace.answer_within * 3));
                self.excused.remove(session);
                let least = 2 * beat_every;
                if self.is_restrained && before.is_none_or(|(before, _)| now.since(before) >= least) {
                    self.excused.insert(*session);
                }
            }
            _ => {}
        }
    }

    pub(super) fn notices(&mut self, stage: &mut Stage, now: Mono, notice: &Notice) {
        match notice {
            Notice::Unrestrained => {
                self.is_restrained = false;
                stage.auditor.restraint_turns(stage.now, false);
            }
            Notice::Restrained { .. } => {
                self.is_restrained = true;
                stage.auditor.restraint_turns(stage.now, true);
                stage.met(Met::Restraint);
            }
            Notice::ListeningAgain => {
                self.listens_since = now;
                stage.met(Met::ListeningAgain);
            }
            _ => {}
        }
    }

    /// The engine has done something. A session that it has no more, it has given up just now, although that may be stored
    /// much later.
    pub(super) fn look(&mut self, stage: &Stage, now: Mono, state: &State) {
        if state.sessions().map(|record| &record.id).eq(&self.sessions) {
            return;
        }
        let sessions: BTreeSet<SessionId> = state.sessions().map(|record| record.id).collect();
        for gone in self.sessions.difference(&sessions) {
            self.homes.remove(gone);
            let heard = self.heard.remove(gone);
            if !self.excused.remove(gone) {
                let (since, lease) = heard.unwrap_or((self.listens_since, self.lease_before));
                let length = now.since(since.max(self.listens_since));
                self.given_up.insert(*gone, Silence { length, lease, until: stage.now });
            }
        }
        self.sessions = sessions;
    }

    /// A commit was decided just now. Whom it gives up, with how long they were silent.
    pub(super) fn decides(&mut self) -> Silences {
        std::mem::take(&mut self.given_up)
    }
}
