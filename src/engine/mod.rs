//! One namespace's control plane, as a state machine: (now, what happened) -> what to do.
//!
//! The engine runs on the namespace's leader. It decides who owns which shard, and tells executors; everything that it
//! decides becomes a [`Delta`] of its [`State`], which somebody else writes to the store. It knows no store, no
//! network and no clock, and gives equal answers to equal questions.
//!
//! **Decided, then stored, then told.** A change is applied to the state at once, so that the next decision builds on
//! it, and collected for the next commit; at most one commit is on its way. Whatever others would learn from it, an
//! assignment, an answer, waits until that commit is known to be stored. A commit is never taken back: if it can not
//! be known whether it was stored, the driver finds out before it does anything else, and if another leader has the
//! term, the engine is dropped with all that it had in mind.
//!
//! **Acknowledged only while it leads.** Beats are answered only while the leader's own lease surely lasts, so that a
//! new leader may count from its own beginning ([`crate::lease`]). From the moment that a session's end is decided,
//! its beats are not answered any more, whatever becomes of the commit.

mod batch;
mod catalogue_entry;
mod change;
mod config;
mod event;
mod executors;
mod explain;
mod gaps;
mod handover;
mod lag;
mod liveness;
mod record;
mod record_config;
mod record_profile;
mod record_times;
mod requests;
mod rounds;
mod state;
#[cfg(test)]
pub(crate) mod tests;
mod vitals;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use batch::Batch;
pub use catalogue_entry::CatalogueEntry;
pub use change::{
    Change, Delta, Extra, Freeze, Handover, MAX_PAST_NONCES, PolicyText, SessionRecord, ShardRecord,
    ShardTimes, Standing,
};
pub use config::{ConfigError, Keying, Kind, MAX_SESSIONS, MAX_SHARDS, NamespaceConfig, Ownership};
pub use event::{Answer, Caller, Effect, Event, Notice, Request, RequestError};
pub use explain::{MAX_LISTED_ROUNDS, PlanFigures, RoundNote};
pub use gaps::MoveFigures;
use liveness::{Finding, Liveness, Settings};
use rounds::Planner;
use state::Slot;
pub use state::State;
pub use vitals::{Condition, Preview, PreviewedMove, SessionVitals};

use crate::{
    planted::{Planted, is},
    types::{Mono, SessionId, ShardKey, Version},
};

/// The control plane of one namespace, on its leader.
#[derive(Debug)]
pub struct Engine {
    state: State,
    liveness: Liveness,
    planner: Planner,
    gaps: gaps::Gaps,
    /// Decided, and not on its way to the store yet.
    open: Batch,
    /// On its way to the store.
    in_flight: Option<Batch>,
    /// Sessions whose end is decided and not stored yet: their beats get no answer.
    ending: BTreeMap<SessionId, Version>,
    leads_until: Mono,
    last_awake: Mono,
    /// Executors have seen a version that the store has not: nothing is granted.
    behind: Option<Version>,
    /// Nothing is granted before.
    waits_until: Option<Mono>,
    /// The lease that the next leader would find.
    stored_lease: Duration,
    /// When the last acknowledgement with a longer lease has run out.
    shortened_until: Option<Mono>,
    /// Who waits to hear that its session is over.
    leavers: BTreeMap<SessionId, Caller>,
    /// Sessions whose executors want to be rid of their shards, whatever operators want.
    draining: BTreeSet<SessionId>,
    /// Sessions that have to be told all that is theirs.
    wants_all: BTreeSet<Slot>,
    /// The namespace's end is decided: nothing is decided any more.
    is_deleted: bool,
}

impl Engine {
    /// Takes a namespace over that another leader left, and grants nothing for `wait`: others may still hold what they
    /// were granted by a past that the state knows nothing of.
    pub fn take_over(state: State, wait: Duration, now: Mono) -> Self {
        Self::new(state, Batch::default(), wait, now)
    }

    /// Founds a namespace. `version` is that of what is stored of it, which is nothing yet.
    pub fn found(config: Arc<NamespaceConfig>, version: Version, wait: Duration, now: Mono) -> Self {
        let mut open = Batch::default();
        open.changes.push(Change::Config(config.clone()));
        Self::new(State::new(version, config), open, wait, now)
    }

    fn new(mut state: State, mut open: Batch, wait: Duration, now: Mono) -> Self {
        let mut liveness = Liveness::new(settings(&state), now);
        void_sessions(&mut state, &mut open);
        for (slot, session) in state.slots() {
            let record = &session.record;
            liveness.expect(slot, record.id, record.attempt, !record.standing.is_past(), now);
        }
        add_missing_shards(&mut state, &mut open);
        let planner = Planner::new(&state, now);
        if state.lost_others() > 0 {
            open.then.push(Effect::Notice(Notice::Forgot { changes: state.lost_others() }));
        }
        let shortened = state.longest_lease() > state.config().lease;
        let shortened_until = shortened.then(|| now + state.config().rates.listening(state.longest_lease()));
        Self {
            stored_lease: state.config().lease,
            state,
            liveness,
            planner,
            gaps: gaps::Gaps::default(),
            open,
            in_flight: None,
            ending: BTreeMap::new(),
            leads_until: Mono::ZERO,
            last_awake: now,
            behind: None,
            waits_until: (!wait.is_zero() && !is(Planted::GrantsBeforeWait)).then(|| now + wait),
            shortened_until,
            leavers: BTreeMap::new(),
            draining: BTreeSet::new(),
            wants_all: BTreeSet::new(),
            is_deleted: false,
        }
    }

    /// The namespace as decided, parts of which may not be stored yet.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// What came of something that has happened.
    pub fn handle(&mut self, now: Mono, event: Event, out: &mut Vec<Effect>) {
        if self.is_deleted {
            return self.outlive(now, event, out);
        }
        self.notice_gaps(now, &event, out);
        match event {
            Event::Leads { until } => self.leads_until = self.leads_until.max(until),
            Event::Heard(caller, message) => self.heard(now, caller, message, out),
            Event::Asked(caller, request) => self.asked(now, caller, request, out),
            Event::Seen(version) => self.notice_seen(version, out),
            Event::Committed(version) => self.committed(version, out),
            Event::Woke => {}
        }
        if self.is_leading(now) && !self.is_deleted {
            self.look_at_sessions(now, out);
            self.end_shortening(now);
            self.end_wait(now);
            let rounds = self.plans().rounds;
            self.run_rounds(now);
            if self.plans().rounds > rounds {
                out.push(Effect::Notice(Notice::Planned));
            }
        }
        self.flush(now, out);
    }

    /// What is left to do for a namespace that is to be no more.
    fn outlive(&mut self, now: Mono, event: Event, out: &mut Vec<Effect>) {
        self.last_awake = now;
        match event {
            Event::Leads { until } => self.leads_until = self.leads_until.max(until),
            Event::Asked(caller, _) => out.push(Effect::Answer(caller, Err(RequestError::Deleted))),
            Event::Committed(version) => self.committed(version, out),
            Event::Heard(..) | Event::Seen(_) | Event::Woke => {}
        }
        self.flush(now, out);
    }

    /// How long others may still hold what they were granted here, once nobody answers them any more.
    pub fn held_for(&self) -> Duration {
        self.state.config().rates.listening(self.state.longest_lease())
    }

    /// When [`Event::Woke`] is due.
    pub fn next_wake(&self) -> Mono {
        // Often enough to notice that it could not run for a beat.
        let tick = self.last_awake + self.state.config().beat_every / 2;
        let others = if self.is_leading(self.last_awake) && !self.is_deleted {
            let round = self.planner.next_round().filter(|_| self.in_flight.is_none());
            [self.liveness.next_look(), round, self.shortened_until, self.waits_until]
        } else {
            // Nothing may be decided now; whoever says that it leads again wakes it.
            [None; 4]
        };
        others.into_iter().flatten().fold(tick, Mono::min).max(self.last_awake)
    }

    /// Whether nothing is granted yet, because others may still hold what this namespace's history does not know.
    pub const fn is_waiting(&self) -> bool {
        self.waits_until.is_some()
    }

    /// What moves have cost since this leader took over: how long shards had no holder, or two.
    pub const fn moves(&self) -> &MoveFigures {
        self.gaps.figures()
    }

    /// Whether all whose beats count were heard lately by this leader: then nobody is about to lose anything.
    pub fn hears_everybody(&self) -> bool {
        self.liveness.hears_everybody()
    }

    /// Whether expiries are held back because too many sessions are late at once.
    pub const fn is_restrained(&self) -> bool {
        self.liveness.is_restrained()
    }

    fn is_leading(&self, now: Mono) -> bool {
        now < self.leads_until
    }

    /// Whenever beats could not be answered for a while, everybody is listened to anew: it was not their fault.
    fn notice_gaps(&mut self, now: Mono, event: &Event, out: &mut Vec<Effect>) {
        let overslept = now.since(self.last_awake) > self.state.config().beat_every;
        let led_again = matches!(event, Event::Leads { until } if now >= self.leads_until && now < *until);
        if (overslept || led_again) && !is(Planted::NoListeningAgain) {
            self.liveness.listen_again(now);
            out.push(Effect::Notice(Notice::ListeningAgain));
        }
        self.last_awake = now;
    }

    fn look_at_sessions(&mut self, now: Mono, out: &mut Vec<Effect>) {
        for finding in self.liveness.look(now) {
            match finding {
                Finding::Lateness(slot) => self.planner.set_heard(slot, false),
                Finding::Restrained(late, of) => out.push(Effect::Notice(Notice::Restrained { late, of })),
                Finding::Unrestrained => out.push(Effect::Notice(Notice::Unrestrained)),
                Finding::Expired(slot) => self.expire(now, slot),
            }
        }
    }

    fn end_wait(&mut self, now: Mono) {
        if self.waits_until.is_some_and(|until| now >= until) {
            self.waits_until = None;
            self.planner.hurry(now);
        }
    }

    /// A shorter lease counts only after every acknowledgement that promised a longer one has run out.
    fn end_shortening(&mut self, now: Mono) {
        if self.shortened_until.take_if(|until| now >= *until).is_none() {
            return;
        }
        let lease = self.state.config().lease;
        if self.state.longest_lease() > lease {
            self.change(Change::LongestLease(lease));
            self.liveness.configure(settings(&self.state));
        }
    }
}

/// Sessions of an earlier incarnation are over: a restored store cannot know what they were granted since. They keep
/// what they are known to have until they have had time to hear of it.
fn void_sessions(state: &mut State, open: &mut Batch) {
    let incarnation = if is(Planted::RestoredSessionsLive) { 0 } else { state.version().incarnation };
    let voided: Vec<SessionRecord> =
        state.sessions().filter(|record| record.id.began.incarnation < incarnation).cloned().collect();
    for record in voided.into_iter().filter(|record| !record.standing.is_past()) {
        let change = Change::Session(SessionRecord { standing: Standing::Superseded, ..record });
        state.apply_change(&change);
        open.changes.push(change);
    }
}

/// A fixed namespace has all its shards from the beginning.
fn add_missing_shards(state: &mut State, open: &mut Batch) {
    let Kind::Fixed { shards } = state.config().kind else { return };
    if state.shard_count() >= shards as usize {
        return;
    }
    for name in 0..shards {
        let key = ShardKey::new(name.to_string()).expect("a number is a shard key");
        if state.index_of(&key).is_none() {
            let change = Change::Shard(ShardRecord::new(key));
            state.apply_change(&change);
            open.changes.push(change);
        }
    }
}

fn settings(state: &State) -> Settings {
    let config = state.config();
    Settings {
        lease: config.lease,
        longest_lease: state.longest_lease(),
        beat_every: config.beat_every,
        restrain_from: config.restrain_from,
        rates: config.rates,
    }
}
