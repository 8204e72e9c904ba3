//! A machine that runs a distributor: one process at a time, with a real replica, a watch on the store, and connections.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    coverage::Met,
    happening::{CallNumber, Message, Opening, Told},
    invariants::{Promise, p08_completeness},
    link::{Heard, Link, Pending},
    node::Node,
    node_clock::NodeClock,
    process::Process,
    seat::Seat,
    stage::{Stage, namespace, unix_millis},
};
use crate::{
    election::Election,
    engine::{self, Caller, Delta, Request},
    journal::{LogError, Mode, OpenAs},
    planted::{Planted, is},
    replica::{
        Ensemble, Replica, Trouble,
        ensemble::{Effect, Event},
        place::{self, Place},
    },
    session::ToLeader,
    store::{Batch, Keys, Reply, StoreError, WatchError},
    types::{Mono, Version},
};

#[derive(Debug)]
pub(super) struct Distributor {
    number: u8,
    pub(super) clock: NodeClock,
    process: Option<Process>,
    woken_at: Mono,
    /// Empty, and with room.
    effects: Vec<Effect>,
}

const STILL_EVERY: Duration = Duration::from_secs(2);

impl Distributor {
    pub(super) const fn new(number: u8, clock: NodeClock) -> Self {
        Self { number, clock, process: None, woken_at: Mono::from_nanos(u64::MAX), effects: Vec::new() }
    }

    const fn node(&self) -> Node {
        Node::Replica(self.number)
    }

    /// Whether it runs, and means to go on.
    pub(super) fn is_up(&self) -> bool {
        self.process.as_ref().is_some_and(|process| !process.is_leaving)
    }

    pub(super) fn is_leader(&self, now: Mono) -> bool {
        self.process.as_ref().is_some_and(|process| process.leads(self.clock.shown(now)))
    }

    pub(super) fn start(&mut self, stage: &mut Stage) {
        let now = self.clock.shown(stage.now);
        stage.runs += 1;
        let (run, session) = (stage.runs, stage.random.next());
        stage.tell(|| format!("replica {} starts, run {run}", self.number));
        let swarm = &stage.swarm;
        let name = format!("r{}", self.number);
        let keys = Keys::default();
        let config = swarm.elections[usize::from(self.number)];
        let election = Election::new(config, &keys, swarm.limits, &name, "nowhere:1", session)
            .expect("names in simulation are names");
        let millis = unix_millis(stage.now);
        let replica = Replica::new(swarm.replica.clone(), keys, swarm.limits, election, millis);
        let mut process = Process {
            replica: Ensemble::new(replica),
            link: Link::new(self.node(), run, now),
            is_contending: false,
            has_viewed: false,
            seat: None,
            is_alarmed: false,
            knows_of_deletion: false,
            is_leaving: false,
            routers: BTreeMap::new(),
            next_still: now + STILL_EVERY,
        };
        stage.last_start = stage.now;
        process.link.poll(stage, now);
        self.process = Some(process);
        self.woken_at = Mono::from_nanos(u64::MAX);
        self.arm(stage);
    }

    pub(super) fn crash(&mut self, stage: &mut Stage) {
        let Some(process) = self.process.take() else { return };
        stage.tell(|| format!("replica {} crashes", self.number));
        for router in process.routers.into_keys() {
            // The connection is reset.
            stage.send(self.node(), Node::Router(router), Message::HungUp);
        }
    }

    /// Gives its terms back in good order, to end soon: stops acknowledging first.
    pub(super) fn leave(&mut self, stage: &mut Stage) {
        let now = self.clock.shown(stage.now);
        let Some(process) = self.process.as_mut().filter(|process| !process.is_leaving) else { return };
        stage.tell(|| format!("replica {} leaves", self.number));
        process.is_leaving = true;
        for router in std::mem::take(&mut process.routers).into_keys() {
            stage.send(Node::Replica(self.number), Node::Router(router), Message::HungUp);
        }
        self.handle(stage, now, Event::Leaving);
        self.arm(stage);
    }

    pub(super) fn hear(&mut self, stage: &mut Stage, from: Node, message: Message) {
        let now = self.clock.shown(stage.now);
        let Some(process) = &mut self.process else {
            // Its machine still says that nobody listens there.
            if matches!(message, Message::ToLeader(_) | Message::Ask(..)) {
                stage.send(self.node(), from, Message::NotLeader(None));
            }
            return;
        };
        match message {
            Message::ToLeader(message) => {
                if let (ToLeader::Beat(beat), Some(seat)) = (&*message, &mut process.seat) {
                    seat.homes.insert(beat.session, from);
                }
                let event = Event::Heard(namespace().clone(), Caller(from.index() as u64), *message);
                self.tell_engine(stage, now, from, event);
            }
            Message::Ask(number, request) => {
                let caller = Caller(number << 8 | from.index() as u64);
                self.tell_engine(stage, now, from, Event::Asked(namespace().clone(), caller, request));
            }
            Message::Open(_, opening) => self.open(stage, now, opening),
            Message::Follow(have) => {
                if let Node::Router(router) = from {
                    self.handle(stage, now, Event::Seen(namespace().clone(), have));
                    self.tell_router(stage, router, have);
                }
            }
            Message::Replied(number, reply) => self.replied(stage, now, number, *reply),
            Message::Polled(number, told) if process.link.awaits(number) => self.polled(stage, now, *told),
            _ => {}
        }
        self.arm(stage);
    }

    pub(super) fn wake(&mut self, stage: &mut Stage) {
        if stage.now < self.woken_at {
            return;
        }
        self.woken_at = Mono::from_nanos(u64::MAX);
        let now = self.clock.shown(stage.now);
        self.give_up_calls(stage, now);
        let Some(process) = &mut self.process else { return };
        process.link.poll_again(stage, now);
        if process.next_still <= now {
            process.next_still = now + STILL_EVERY;
            if let Some(version) = process.version() {
                for router in process.routers.keys() {
                    let still = Message::Told(Told::Still(version));
                    stage.send(Node::Replica(self.number), Node::Router(*router), still);
                }
            }
        }
        let wakes = |process: &Process| process.replica.next_wake().is_some_and(|wake| wake <= now);
        if self.process.as_ref().is_some_and(wakes) {
            self.handle(stage, now, Event::Woke);
        }
        self.arm(stage);
    }

    /// What takes too long is given up: it may have happened or not.
    fn give_up_calls(&mut self, stage: &mut Stage, now: Mono) {
        let Some(process) = &self.process else { return };
        for number in process.link.late(now) {
            let reason = "there was no answer in time".into();
            self.replied(stage, now, number, Reply::Row(Err(StoreError::Unknown { reason })));
        }
    }

    fn replied(&mut self, stage: &mut Stage, now: Mono, number: CallNumber, reply: Reply) {
        let Some(process) = &mut self.process else { return };
        let Some(Pending { of, is_commit, .. }) = process.link.answered(number) else { return };
        if is_commit && matches!(reply, Reply::Row(Err(StoreError::Unknown { .. }))) {
            stage.met(Met::UnknownOutcome);
        }
        self.handle(stage, now, Event::Replied(of, reply));
    }

    fn polled(&mut self, stage: &mut Stage, now: Mono, told: Result<Batch, WatchError>) {
        let Some(process) = &mut self.process else { return };
        if let Err(error) = &told {
            stage.tell(|| format!("replica {}: {error}", self.number));
        }
        match process.link.polled(stage, now, told) {
            Heard::Nothing => {}
            Heard::Opened => self.watch_opened(stage, now),
            Heard::Changes(batch) => self.handle(stage, now, Event::Watched(batch)),
        }
    }

    /// Now nothing is missed any more: what there is is read.
    fn watch_opened(&mut self, stage: &mut Stage, now: Mono) {
        let Some(process) = &mut self.process else { return };
        if std::mem::replace(&mut process.is_contending, true) {
            self.handle(stage, now, Event::WatchBroke);
        } else {
            let founding = Arc::new(stage.swarm.config.clone());
            process.replica.contend(now, namespace(), founding, &mut self.effects);
            self.carry_out(stage, now);
        }
    }

    fn tell_engine(&mut self, stage: &mut Stage, now: Mono, from: Node, event: Event) {
        let Some(process) = &self.process else { return };
        let runs = process.replica.engine(namespace()).is_some();
        // A leader that has lost the store says so, or it would be asked for ever.
        if process.leads(now) || runs && is(Planted::AcksPastLease) {
            match event {
                Event::Asked(_, _, Request::AllowExpiry) => stage.auditor.operator_allows_expiry(stage.now),
                Event::Asked(_, _, Request::Reset) => stage.auditor.operator_begins_anew(stage.now),
                _ => {}
            }
            assert!(
                !is(Planted::Panics) || !matches!(event, Event::Asked(..)),
                "replica {} is asked, and panics as planted",
                self.number
            );
            self.handle(stage, now, event);
        } else {
            let leader = process.leader().filter(|leader| *leader != self.number);
            if let Event::Heard(_, _, message) = event {
                self.handle(stage, now, Event::Seen(namespace().clone(), message.seen()));
            }
            stage.send(self.node(), from, Message::NotLeader(leader));
        }
    }

    /// An operator says how to go on with a history that is not believed, or is over. Whoever has not asked is not told, and
    /// whoever knows that there is one again lets it be.
    fn open(&mut self, stage: &mut Stage, now: Mono, opening: Opening) {
        let Some(process) = &mut self.process else { return };
        let mode = match opening {
            Opening::Revive if process.knows_of_deletion => {
                stage.auditor.operator_begins_anew(stage.now);
                Mode::Revive
            }
            Opening::Adopt { longest_lease } if process.is_alarmed => {
                // Until it has read what is stored it refuses, and is asked again.
                let Some(state) = process.replica.state(namespace()) else { return self.alarm(stage) };
                // The operator knows what leader leases are, and who leads, what they were when the backup was made.
                let leader_lease = process.replica.election().longest_lease(namespace());
                let wait = state.adoption_wait(longest_lease, leader_lease.max(stage.swarm.leader_lease));
                process.is_alarmed = false;
                Mode::Adopt { wait }
            }
            _ => return,
        };
        stage.tell(|| format!("replica {} is to go on: {mode:?}", self.number));
        let open_as = OpenAs { mode, seen: None, unix_millis: unix_millis(stage.now) };
        self.handle(stage, now, Event::Open(namespace().clone(), open_as));
    }

    /// Which run of its machine's it is in.
    pub(super) fn run(&self) -> Option<u32> {
        self.process.as_ref().map(|process| process.link.run())
    }

    /// Tells the replica, does what it wants done, and looks at what it has decided.
    fn handle(&mut self, stage: &mut Stage, now: Mono, event: Event) {
        let Some(process) = &mut self.process else { return };
        process.replica.set_lag(stage.lag());
        process.replica.handle(now, event, &mut self.effects);
        self.carry_out(stage, now);
        let Some(process) = &mut self.process else { return };
        let (Some(seat), Some(engine)) = (&mut process.seat, process.replica.engine(namespace())) else {
            return;
        };
        seat.look(stage, now, engine.state());
        let version = engine.state().version();
        if version > std::mem::replace(&mut seat.decided, version)
            && version > stage.auditor.ledger.version
            && let Some(term) = process.replica.place(namespace()).and_then(Place::term)
        {
            stage.auditor.decided(stage.now, term, version, seat.decides());
        }
    }

    fn carry_out(&mut self, stage: &mut Stage, now: Mono) {
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::Ask { call, request, within } => {
                    if let Some(process) = &mut self.process {
                        process.link.ask(stage, now, call, request, within);
                    }
                }
                Effect::Of(_, place::Effect::Engine(effect)) => self.engine_wants(stage, now, effect),
                Effect::Of(_, place::Effect::Published(delta)) => self.publish(stage, &delta),
                Effect::Of(_, place::Effect::Viewed) => self.viewed(stage),
                Effect::Of(_, place::Effect::Deleted) => {
                    if let Some(process) = &mut self.process {
                        process.knows_of_deletion = true;
                    }
                }
                Effect::Of(_, place::Effect::Led) => self.led(stage, now),
                Effect::Of(_, place::Effect::Resigned) => {
                    stage.tell(|| format!("replica {} leads no longer", self.number));
                    if let Some(process) = &mut self.process {
                        (process.seat, process.is_alarmed) = (None, false);
                    }
                }
                Effect::Of(_, place::Effect::Trouble(trouble)) => self.in_trouble(stage, trouble),
                // The replica's own affair.
                Effect::Of(_, place::Effect::Ask { .. } | place::Effect::Wish(_)) => {}
            }
        }
        self.effects = effects;
    }

    fn led(&mut self, stage: &mut Stage, now: Mono) {
        let Some(process) = &mut self.process else { return };
        let Some(engine) = process.replica.engine(namespace()) else { return };
        stage.tell(|| format!("replica {} leads, from {}", self.number, engine.state().version()));
        process.seat = Some(Seat::new(engine.state(), now));
        process.knows_of_deletion = false;
        stage.last_election = stage.now;
        stage.elections += 1;
        if stage.elections > 1 {
            stage.met(Met::LeaderChange);
            if stage.auditor.ledger.shards().any(|shard| shard.handover.is_some()) {
                stage.met(Met::LeaderChangeMidHandover);
            }
        }
    }

    fn in_trouble(&mut self, stage: &mut Stage, trouble: Trouble) {
        stage.tell(|| format!("replica {} is in trouble: {trouble:?}", self.number));
        match trouble {
            Trouble::Log(LogError::NeedsAdoption(_)) => self.alarm(stage),
            // What was collected in another's term is that one's affair.
            trouble => {
                let found = p08_completeness::cannot_run(&trouble);
                stage.auditor.judge::<()>(stage.now, Promise::Completeness, Err(found));
            }
        }
    }

    fn alarm(&mut self, stage: &mut Stage) {
        if let Some(process) = &mut self.process {
            process.is_alarmed = true;
            stage.send(self.node(), Node::Operator, Message::Alarm);
        }
    }

    fn engine_wants(&mut self, stage: &mut Stage, now: Mono, effect: engine::Effect) {
        let me = self.node();
        let Some(Process { replica, seat: Some(seat), .. }) = &mut self.process else {
            if let engine::Effect::Answer(Caller(caller), answer) = effect
                && let Some(to) = Node::of_index((caller & 0xFF) as usize)
            {
                stage.send(me, to, Message::Answer(caller >> 8, Box::new(answer)));
            }
            return;
        };
        match effect {
            // The replica sees to these itself.
            engine::Effect::Commit(_) | engine::Effect::StartOver(..) => {}
            engine::Effect::Reply(Caller(caller), message) => {
                let Some(to) = Node::of_index((caller & 0xFF) as usize) else { return };
                let engine = replica.engine(namespace());
                let beat_every = engine.map_or(Duration::ZERO, |engine| engine.state().config().beat_every);
                seat.replies(now, to, &message, beat_every);
                stage.send(me, to, Message::ToExecutor(Box::new(message)));
            }
            engine::Effect::Push(session, message) => {
                if let Some(home) = seat.homes.get(&session) {
                    stage.send(me, *home, Message::ToExecutor(Box::new(message)));
                }
            }
            engine::Effect::Answer(Caller(caller), answer) => {
                let Some(to) = Node::of_index((caller & 0xFF) as usize) else { return };
                stage.send(me, to, Message::Answer(caller >> 8, Box::new(answer)));
            }
            engine::Effect::Notice(notice) => {
                stage.tell(|| format!("replica {}: {notice:?}", self.number));
                seat.notices(stage, now, &notice);
                if matches!(notice, engine::Notice::Behind { .. }) {
                    self.alarm(stage);
                }
            }
        }
    }

    /// What was known is known in another way: routers are told everything.
    fn viewed(&mut self, stage: &mut Stage) {
        let Some(process) = &mut self.process else { return };
        process.knows_of_deletion = false;
        let Some(state) = process.replica.state(namespace()).cloned().map(Arc::new) else { return };
        if std::mem::replace(&mut process.has_viewed, true) {
            stage.met(Met::FollowerResync);
        }
        for (router, has) in &mut process.routers {
            *has = state.version();
            let told = Message::Told(Told::All(state.clone()));
            stage.send(Node::Replica(self.number), Node::Router(*router), told);
        }
    }

    fn publish(&mut self, stage: &mut Stage, delta: &Arc<Delta>) {
        let Some(process) = &mut self.process else { return };
        let Version { incarnation, generation } = delta.version;
        let before = Version { incarnation, generation: generation.saturating_sub(1) };
        for (router, has) in process.routers.iter_mut().filter(|(_, has)| **has == before) {
            *has = delta.version;
            let told = Message::Told(Told::Changes(before, delta.clone()));
            stage.send(Node::Replica(self.number), Node::Router(*router), told);
        }
    }

    fn tell_router(&mut self, stage: &mut Stage, router: u8, have: Version) {
        let me = Node::Replica(self.number);
        let Some(process) = &mut self.process else { return };
        let state = process.replica.state(namespace()).filter(|_| !process.is_leaving);
        let Some(state) = state else {
            return stage.send(me, Node::Router(router), Message::HungUp);
        };
        let version = state.version();
        let told = if have == version { Told::Still(version) } else { Told::All(Arc::new(state.clone())) };
        process.routers.insert(router, version);
        stage.send(me, Node::Router(router), Message::Told(told));
    }

    pub(super) fn arm(&mut self, stage: &mut Stage) {
        let Some(process) = &self.process else { return };
        let still = (!process.routers.is_empty()).then_some(process.next_still);
        let due = [process.replica.next_wake(), Some(process.link.next_wake()), still];
        let Some(due) = due.into_iter().flatten().min() else { return };
        let when = self.clock.when(due).max(stage.now);
        if when < self.woken_at {
            self.woken_at = when;
            stage.at(when, super::happening::Happening::Wakes(self.node()));
        }
    }
}
