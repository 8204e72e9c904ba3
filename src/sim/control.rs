//! The distributor, with an ideal store: replicas of which one at a time leads, each round a real engine.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    auditor::Silence,
    brief::Brief,
    coverage::Met,
    happening::{Happening, Message, StoreCall, StoreWord, Told},
    node::Node,
    node_clock::NodeClock,
    stage::Stage,
};
use crate::{
    engine::{Caller, Change, Delta, Effect, Engine, Event, Notice, State},
    planted::{Planted, is},
    session::{Ending, ToExecutor, ToLeader},
    types::{Mono, SessionId, Version},
};

#[derive(Debug)]
pub(super) struct Replica {
    number: u8,
    pub(super) clock: NodeClock,
    pub(super) is_up: bool,
    woken_at: Mono,
    /// When to speak with the store next.
    next_call: Mono,
    leads: Option<Seat>,
    /// Whom it takes for the leader.
    leader: Option<u8>,
    /// The namespace as it has heard of it.
    follows: Arc<State>,
    /// Routers that want to hear what changes.
    routers: BTreeMap<u8, Version>,
    next_still: Mono,
    effects: Vec<Effect>,
}

/// What a leader has.
#[derive(Debug)]
struct Seat {
    engine: Engine,
    term: u64,
    leads_until: Mono,
    /// Where sessions are connected.
    homes: BTreeMap<SessionId, Node>,
    waiting: Option<Waiting>,
    /// When each session was last heard, and with which lease that was acknowledged.
    heard: BTreeMap<SessionId, (Mono, Duration)>,
    /// Of which it is not known here for how long they were silent, or that were given time before: those that were heard
    /// again after they had been late while expiries are held back, and those that have only just begun.
    excused: BTreeSet<SessionId>,
    is_restrained: bool,
    listens_since: Mono,
    /// The same, before it began anew: an expiry may have been decided then and waited for another commit.
    listened_since: Mono,
    /// The lease that sessions had been promised when it began.
    lease_before: Duration,
}

/// A commit that is on its way.
#[derive(Debug)]
struct Waiting {
    delta: Arc<Delta>,
    again_at: Mono,
}

/// How often whoever does not lead asks whether it may.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const RETRY: Duration = Duration::from_millis(700);
const STILL_EVERY: Duration = Duration::from_secs(2);

impl Replica {
    pub(super) fn new(number: u8, clock: NodeClock, state: Arc<State>) -> Self {
        Self {
            number,
            clock,
            is_up: true,
            woken_at: Mono::from_nanos(u64::MAX),
            next_call: Mono::ZERO,
            leads: None,
            leader: None,
            follows: state,
            routers: BTreeMap::new(),
            next_still: Mono::ZERO,
            effects: Vec::new(),
        }
    }

    const fn node(&self) -> Node {
        Node::Replica(self.number)
    }

    pub(super) const fn is_leader(&self) -> bool {
        self.leads.is_some()
    }

    pub(super) fn crash(&mut self, stage: &mut Stage) {
        stage.tell(|| format!("replica {} crashes", self.number));
        self.is_up = false;
        self.leads = None;
        for router in std::mem::take(&mut self.routers).into_keys() {
            // The connection is reset.
            stage.send(self.node(), Node::Router(router), Message::HungUp);
        }
    }

    pub(super) fn start(&mut self, stage: &mut Stage) {
        self.is_up = true;
        self.woken_at = Mono::from_nanos(u64::MAX);
        self.next_call = self.clock.shown(stage.now);
        self.arm(stage);
    }

    /// Gives the term back in good order: stops acknowledging first.
    pub(super) fn resign(&mut self, stage: &mut Stage) {
        if let Some(seat) = self.leads.take() {
            stage.tell(|| format!("replica {} resigns term {}", self.number, seat.term));
            stage.send(self.node(), Node::Store, Message::Store(StoreCall::Resign(seat.term)));
        }
    }

    pub(super) fn hear(&mut self, stage: &mut Stage, from: Node, message: Message) {
        if !self.is_up {
            // Its machine still says that nobody listens there.
            if matches!(message, Message::ToLeader(_) | Message::Ask(..)) {
                stage.send(self.node(), from, Message::NotLeader(None));
            }
            return;
        }
        match message {
            Message::ToLeader(message) => {
                if let ToLeader::Beat(beat) = &message
                    && let Some(seat) = &mut self.leads
                {
                    seat.homes.insert(beat.session, from);
                }
                self.tell_engine(stage, from, Event::Heard(Caller(from.index() as u64), message));
            }
            Message::Ask(number, request) => {
                let caller = Caller(number << 8 | from.index() as u64);
                self.tell_engine(stage, from, Event::Asked(caller, request));
            }
            Message::Follow(have) => {
                if let Node::Router(router) = from {
                    self.routers.insert(router, have);
                    self.tell_router(stage, router, have);
                }
            }
            Message::StoreSaid(word) => self.hear_store(stage, word),
            _ => {}
        }
    }

    pub(super) fn wake(&mut self, stage: &mut Stage) {
        if stage.now < self.woken_at || !self.is_up {
            return;
        }
        self.woken_at = Mono::from_nanos(u64::MAX);
        let now = self.clock.shown(stage.now);
        if self.next_call <= now {
            let third = stage.swarm.leader_lease / 3;
            self.next_call = now + if self.leads.is_some() { third } else { third.min(LOOK_EVERY) };
            let term = self.leads.as_ref().map(|seat| seat.term);
            stage.send(self.node(), Node::Store, Message::Store(StoreCall::Lead { term, sent: now }));
            stage.send(self.node(), Node::Store, Message::Store(StoreCall::Read(self.follows.version())));
        }
        if self.next_still <= now {
            self.next_still = now + STILL_EVERY;
            let version = self.follows.version();
            for router in self.routers.keys() {
                stage.send(self.node(), Node::Router(*router), Message::Told(Told::Still(version)));
            }
        }
        self.repeat_commit(stage, now);
        if self.leads.as_ref().is_some_and(|seat| seat.engine.next_wake() <= now) {
            self.drive(stage, Event::Woke);
        }
        self.arm(stage);
    }

    fn repeat_commit(&mut self, stage: &mut Stage, now: Mono) {
        let Some(Seat { term, waiting: Some(waiting), .. }) = &mut self.leads else { return };
        if waiting.again_at <= now {
            waiting.again_at = now + RETRY;
            let call = StoreCall::Commit(*term, waiting.delta.clone());
            stage.send(Node::Replica(self.number), Node::Store, Message::Store(call));
        }
    }

    fn tell_engine(&mut self, stage: &mut Stage, from: Node, event: Event) {
        // A leader that has lost the store says so, or it would be asked for ever.
        let now = self.clock.shown(stage.now);
        if self.leads.as_ref().is_some_and(|seat| now < seat.leads_until || is(Planted::AcksPastLease)) {
            self.drive(stage, event);
            self.arm(stage);
        } else {
            let leader = self.leader.filter(|leader| *leader != self.number);
            stage.send(self.node(), from, Message::NotLeader(leader));
        }
    }

    fn hear_store(&mut self, stage: &mut Stage, word: StoreWord) {
        let hold = stage.swarm.rates().hold(stage.swarm.leader_lease);
        let mine = |seat: &&mut Seat, term: u64| seat.term == term;
        match word {
            StoreWord::Elected { term, sent, state } => self.elected(stage, term, sent, &state),
            StoreWord::Confirmed { term, sent } => {
                if let Some(seat) = self.leads.as_mut().filter(|seat| mine(seat, term)) {
                    seat.leads_until = seat.leads_until.max(sent + hold);
                    self.drive(stage, Event::Leads { until: sent + hold });
                }
            }
            StoreWord::Led(leader) => self.leader = leader,
            StoreWord::Committed(term, version) => {
                if let Some(seat) = self.leads.as_mut().filter(|seat| mine(seat, term)) {
                    seat.waiting.take_if(|waiting| waiting.delta.version == version);
                    self.drive(stage, Event::Committed(version));
                }
            }
            StoreWord::Deposed(term) => {
                if self.leads.take_if(|seat| seat.term == term).is_some() {
                    stage.tell(|| format!("replica {} finds that it leads no longer", self.number));
                    stage.met(Met::Deposition);
                }
            }
            StoreWord::Happened(deltas) => {
                for delta in deltas {
                    self.follow(stage, &delta);
                }
            }
        }
        self.arm(stage);
    }

    fn elected(&mut self, stage: &mut Stage, term: u64, sent: Mono, state: &State) {
        if self.leads.as_ref().is_some_and(|seat| seat.term >= term) {
            return;
        }
        let now = self.clock.shown(stage.now);
        stage.tell(|| format!("replica {} leads in term {term}, from {}", self.number, state.version()));
        self.leader = Some(self.number);
        let hold = stage.swarm.rates().hold(stage.swarm.leader_lease);
        stage.auditor.movement.led_by_another();
        let past = state.sessions().filter(|record| record.standing.is_past());
        self.leads = Some(Seat {
            engine: Engine::take_over(state.clone(), Duration::ZERO, now),
            term,
            leads_until: sent + hold,
            homes: BTreeMap::new(),
            waiting: None,
            heard: BTreeMap::new(),
            excused: past.map(|record| record.id).collect(),
            is_restrained: false,
            listens_since: now,
            listened_since: now,
            lease_before: state.config().lease,
        });
        self.drive(stage, Event::Leads { until: sent + hold });
    }

    fn follow(&mut self, stage: &mut Stage, delta: &Arc<Delta>) {
        let before = self.follows.version();
        if delta.version.generation != before.generation + 1 {
            return;
        }
        Arc::make_mut(&mut self.follows).apply(delta);
        for (router, has) in &mut self.routers {
            if *has == before {
                *has = delta.version;
                let told = Told::Changes(before, delta.clone());
                stage.send(Node::Replica(self.number), Node::Router(*router), Message::Told(told));
            }
        }
    }

    fn tell_router(&mut self, stage: &mut Stage, router: u8, have: Version) {
        let version = self.follows.version();
        let told = if have == version { Told::Still(version) } else { Told::All(self.follows.clone()) };
        self.routers.insert(router, version);
        stage.send(self.node(), Node::Router(router), Message::Told(told));
    }

    /// Tells the engine, and does what it wants done.
    fn drive(&mut self, stage: &mut Stage, event: Event) {
        let now = self.clock.shown(stage.now);
        let Some(seat) = &mut self.leads else { return };
        let mut effects = std::mem::take(&mut self.effects);
        seat.engine.handle(now, event, &mut effects);
        for effect in effects.drain(..) {
            self.carry_out(stage, now, effect);
        }
        self.effects = effects;
    }

    fn carry_out(&mut self, stage: &mut Stage, now: Mono, effect: Effect) {
        let me = self.node();
        let Some(seat) = &mut self.leads else { return };
        match effect {
            Effect::Commit(delta) => {
                seat.look_at_expiries(stage, now, &delta);
                stage.auditor.decided(stage.now, seat.term, delta.version);
                stage.tell(|| format!("replica {} decides {}", self.number, Brief(&delta)));
                let delta = Arc::new(delta);
                seat.waiting = Some(Waiting { delta: delta.clone(), again_at: now + RETRY });
                stage.send(me, Node::Store, Message::Store(StoreCall::Commit(seat.term, delta)));
            }
            Effect::Reply(Caller(caller), message) => {
                let Some(to) = Node::of_index((caller & 0xFF) as usize) else { return };
                seat.acknowledges(now, to, &message);
                stage.send(me, to, Message::ToExecutor(message));
            }
            Effect::Push(session, message) => {
                if let Some(home) = seat.homes.get(&session) {
                    stage.send(me, *home, Message::ToExecutor(message));
                }
            }
            Effect::Answer(Caller(caller), answer) => {
                let Some(to) = Node::of_index((caller & 0xFF) as usize) else { return };
                stage.send(me, to, Message::Answer(caller >> 8, answer));
            }
            Effect::StartOver(..) => {}
            Effect::Notice(notice) => {
                stage.tell(|| format!("replica {}: {notice:?}", self.number));
                match notice {
                    Notice::Unrestrained => {
                        seat.is_restrained = false;
                        stage.auditor.restraint_turns(stage.now, false);
                    }
                    Notice::Restrained { .. } => {
                        seat.is_restrained = true;
                        stage.auditor.restraint_turns(stage.now, true);
                        stage.met(Met::Restraint);
                    }
                    Notice::ListeningAgain => {
                        (seat.listened_since, seat.listens_since) = (seat.listens_since, now);
                        stage.met(Met::ListeningAgain);
                    }
                    _ => {}
                }
            }
        }
    }

    pub(super) fn arm(&mut self, stage: &mut Stage) {
        if !self.is_up {
            return;
        }
        let seat = self.leads.as_ref();
        let engine = seat.map(|seat| seat.engine.next_wake());
        let again = seat.and_then(|seat| seat.waiting.as_ref()).map(|waiting| waiting.again_at);
        let still = (!self.routers.is_empty()).then_some(self.next_still);
        let due = [engine, again, still].into_iter().flatten().fold(self.next_call, Mono::min);
        let when = self.clock.when(due).max(stage.now);
        if when < self.woken_at {
            self.woken_at = when;
            stage.at(when, Happening::Wakes(self.node()));
        }
    }
}

impl Seat {
    fn acknowledges(&mut self, now: Mono, to: Node, message: &ToExecutor) {
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
                let least = 2 * self.engine.state().config().beat_every;
                if self.is_restrained && before.is_none_or(|(before, _)| now.since(before) >= least) {
                    self.excused.insert(*session);
                }
            }
            _ => {}
        }
    }

    fn look_at_expiries(&mut self, stage: &mut Stage, now: Mono, delta: &Delta) {
        for change in &delta.changes {
            if let Change::Session(record) = change
                && record.standing.is_past()
            {
                // It was told that it has no future: that it falls silent is no failure.
                self.excused.insert(record.id);
            }
            let Change::SessionEnded(id, why) = change else { continue };
            let heard = self.heard.remove(id);
            self.homes.remove(id);
            if *why == Ending::Expired && !self.excused.remove(id) {
                let (since, lease) = heard.unwrap_or((self.listened_since, self.lease_before));
                let length = now.since(since.max(self.listened_since));
                stage.auditor.expires(stage.now, Silence { length, lease });
            }
        }
    }
}
