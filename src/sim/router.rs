//! A caller's side: a real resolver that is told what was committed, looks keys up, and sends requests to owners.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    coverage::Met,
    happening::{Happening, Message, Told},
    invariants::{
        Promise, p05_monotone_views, p06_known_freshness, p07_static_stability, p08_completeness,
        p11_atomic_flips,
    },
    node::Node,
    node_clock::NodeClock,
    policy_text::read_policy,
    random::MILLION,
    stage::{Stage, namespace},
};
use crate::{
    clock::Clock,
    engine::{Answer, Change, Delta, PolicyText, Request, RequestError, ShardRecord, State},
    planted::{Planted, is},
    resolver::{LookupError, MapVersion, OwnerMap, OwnerMapEdit, Resolver, ResolverSnapshot},
    types::{Member, Mono, SessionId, ShardKey, Source, Token, Version},
};

pub(super) struct Router {
    number: u8,
    pub(super) clock: NodeClock,
    face: Arc<Face>,
    resolver: Resolver,
    /// Whose sessions there are, as it was told.
    members: BTreeMap<SessionId, Member>,
    /// In which incarnation its policy was in force.
    policy_incarnation: u64,
    /// Which version its map is of.
    has: Version,
    replica: u8,
    /// When somebody last vouched for the map, and when anybody was last heard.
    vouched: Mono,
    heard: Mono,
    woken_at: Mono,
    next_work: Mono,
    requests: BTreeMap<u64, Wanted>,
    asked: BTreeMap<u64, ShardKey>,
    numbers: u64,
}

/// A request that is to reach the owner of a shard.
#[derive(Debug)]
struct Wanted {
    shard: ShardKey,
    /// In true time.
    by: Mono,
    again_at: Mono,
    /// Asked when bad things happen, it may fail.
    may_fail: bool,
}

/// What the resolver takes for the clock.
#[derive(Debug, Default)]
struct Face(AtomicU64);

impl Clock for Face {
    fn now(&self) -> Mono {
        Mono::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// A router that has heard nothing for so long looks for another replica.
const SILENCE: Duration = Duration::from_secs(6);
const RETRY: Duration = Duration::from_millis(150);
/// Most requests that a router keeps trying.
const MAX_WANTED: usize = 64;
/// How many ephemeral shards are asked for.
pub(super) const EPHEMERAL_KEYS: u64 = 24;

impl Router {
    pub(super) fn new(number: u8, replicas: u8, clock: NodeClock) -> Self {
        let face = Arc::new(Face::default());
        face.0.store(clock.shown(Mono::ZERO).as_nanos(), Ordering::Relaxed);
        let resolver = Resolver::builder(namespace().clone()).clock(face.clone()).build();
        let now = clock.shown(Mono::ZERO);
        Self {
            number,
            clock,
            face,
            resolver,
            members: BTreeMap::new(),
            policy_incarnation: 0,
            has: Version::default(),
            replica: number % replicas,
            vouched: now,
            heard: now,
            woken_at: Mono::from_nanos(u64::MAX),
            next_work: now,
            requests: BTreeMap::new(),
            asked: BTreeMap::new(),
            numbers: 0,
        }
    }

    const fn node(&self) -> Node {
        Node::Router(self.number)
    }

    pub(super) const fn has(&self) -> Version {
        self.has
    }

    pub(super) fn policy_epoch(&self) -> u64 {
        self.resolver.policy().epoch()
    }

    pub(super) fn hear(&mut self, stage: &mut Stage, from: Node, message: Message) {
        self.set_face(stage);
        match message {
            Message::Told(told) if from == Node::Replica(self.replica) => self.told(stage, told),
            Message::HungUp if from == Node::Replica(self.replica) => self.hung_up(stage),
            Message::NotLeader(leader) => self.replica_hint(stage, leader),
            Message::Answer(number, answer) => self.answered(stage, number, *answer),
            Message::Served(number, true) => drop(self.requests.remove(&number)),
            _ => {}
        }
    }

    pub(super) fn wake(&mut self, stage: &mut Stage) {
        if stage.now < self.woken_at {
            return;
        }
        self.woken_at = Mono::from_nanos(u64::MAX);
        self.set_face(stage);
        let now = self.clock.shown(stage.now);
        if now.since(self.heard) >= SILENCE {
            self.look_elsewhere(stage);
        }
        if self.next_work <= now {
            self.next_work = now + stage.random.about(stage.swarm.work_every);
            self.work(stage);
        }
        self.repeat_requests(stage);
        self.arm(stage);
    }

    /// A request for a shard that must reach its owner in time.
    pub(super) fn request(&mut self, stage: &mut Stage, shard: ShardKey, within: Duration) {
        if self.requests.len() < MAX_WANTED {
            self.numbers += 1;
            let (by, may_fail) = (stage.now + within, stage.is_bad);
            let wanted = Wanted { shard, by, again_at: stage.now, may_fail };
            self.requests.insert(self.numbers, wanted);
            self.woken_at = Mono::from_nanos(u64::MAX);
            self.arm(stage);
        }
    }

    fn hung_up(&mut self, stage: &mut Stage) {
        if stage.swarm.replicas > 1 {
            return self.look_elsewhere(stage);
        }
        // Where else? Whoever asks the same one at once is hung up on at once, twice if the network repeats itself.
        let (now, silent) = (self.clock.shown(stage.now), SILENCE.saturating_sub(RETRY));
        self.heard = Mono::from_nanos(now.as_nanos().saturating_sub(silent.as_nanos() as u64));
    }

    fn look_elsewhere(&mut self, stage: &mut Stage) {
        self.heard = self.clock.shown(stage.now);
        self.replica = (self.replica + 1) % stage.swarm.replicas;
        self.follow(stage);
    }

    fn follow(&self, stage: &mut Stage) {
        stage.send(self.node(), Node::Replica(self.replica), Message::Follow(self.has));
    }

    fn set_face(&self, stage: &Stage) {
        self.face.0.store(self.clock.shown(stage.now).as_nanos(), Ordering::Relaxed);
    }

    fn told(&mut self, stage: &mut Stage, told: Told) {
        let now = self.clock.shown(stage.now);
        self.heard = now;
        match told {
            Told::Still(version) if version == self.has => {
                self.vouched = now;
                self.resolver.confirm_owners(map_version(version));
            }
            Told::Still(version) => {
                if version > self.has {
                    self.follow(stage);
                }
            }
            Told::All(state) => {
                stage.met(Met::RouterResync);
                self.take_all(stage, &state);
            }
            Told::Changes(since, delta) => {
                if since == self.has || is(Planted::GapUnnoticed) && delta.version > self.has {
                    self.take(stage, &delta);
                } else if delta.version > self.has {
                    self.follow(stage);
                }
            }
        }
    }

    fn take_all(&mut self, stage: &mut Stage, state: &State) {
        let mut members = BTreeMap::new();
        for record in state.sessions() {
            members.insert(record.id, Member::new(record.executor.as_str()).expect("ids are addresses here"));
        }
        let mut edit = OwnerMap::empty().edit();
        for shard in state.shards() {
            put(&mut edit, &members, &shard);
        }
        self.publish(stage, edit, state.version(), members);
        self.take_policy(stage, state.version(), state.policy());
    }

    fn take(&mut self, stage: &mut Stage, delta: &Delta) {
        let snapshot = self.resolver.snapshot();
        let mut edit = snapshot.owners().map_or_else(|| OwnerMap::empty().edit(), |map| map.edit());
        let mut members = self.members.clone();
        for change in &delta.changes {
            match change {
                Change::Session(record) => {
                    let member = Member::new(record.executor.as_str()).expect("ids are addresses here");
                    members.insert(record.id, member);
                }
                Change::SessionEnded(id, _) => drop(members.remove(id)),
                Change::Shard(shard) => put(&mut edit, &members, shard),
                Change::ShardRetired(key) => drop(edit.remove(key.clone())),
                _ => {}
            }
        }
        self.publish(stage, edit, delta.version, members);
        for change in &delta.changes {
            if let Change::Policy(policy) = change {
                self.take_policy(stage, delta.version, policy);
            }
        }
    }

    fn publish(
        &mut self,
        stage: &mut Stage,
        edit: OwnerMapEdit,
        version: Version,
        members: BTreeMap<SessionId, Member>,
    ) {
        let Ok(map) = edit.finish(map_version(version)) else { return };
        if self.resolver.set_owners(Arc::new(map)).is_err() {
            return;
        }
        let found = p05_monotone_views::moved(self.has, version);
        stage.auditor.judge(stage.now, Promise::MonotoneViews, found);
        self.has = version;
        self.vouched = self.clock.shown(stage.now);
        if !members.values().eq(self.members.values()) {
            let unique: std::collections::BTreeSet<_> = members.values().map(Member::address).collect();
            let list = unique.into_iter().map(|address| Member::new(address).expect("it was one before"));
            self.resolver.set_members(list).expect("addresses differ");
        }
        self.members = members;
    }

    /// Takes the policy of a version, if that is newer. A restored store counts its epochs again, under an incarnation of
    /// its own.
    fn take_policy(&mut self, stage: &mut Stage, of: Version, policy: &PolicyText) {
        let before = (self.policy_incarnation, self.policy_epoch());
        let after = (of.incarnation, policy.epoch);
        if after <= before {
            return;
        }
        if let Some(read) = read_policy(&policy.text) {
            self.resolver.set_policy(read.with_epoch(policy.epoch));
            self.policy_incarnation = of.incarnation;
            let found = p11_atomic_flips::flipped(before, after);
            stage.auditor.judge(stage.now, Promise::AtomicFlips, found);
        }
    }

    fn work(&mut self, stage: &mut Stage) {
        let key = any_key(stage);
        self.look_up(stage, &key);
        let chance = MILLION / 4;
        if stage.swarm.is_ephemeral() && stage.random.happens(chance) {
            self.numbers += 1;
            self.asked.insert(self.numbers, key.clone());
            stage.send(
                self.node(),
                Node::Replica(self.replica),
                Message::Ask(self.numbers, Request::Ensure(key)),
            );
        } else if stage.is_bad && stage.random.happens(chance) {
            self.request(stage, key, Duration::from_secs(1));
        }
    }

    /// Looks a key up and holds the answer against all that is known of it.
    fn look_up(&self, stage: &mut Stage, key: &ShardKey) {
        let answer = self.resolver.lookup(key);
        let snapshot = self.resolver.snapshot();
        let shown = shown(&snapshot, key);
        let found = p05_monotone_views::shows(&stage.auditor.ledger, key, self.has, shown);
        stage.auditor.judge(stage.now, Promise::MonotoneViews, found);
        let asked = match &answer {
            Ok(owner) if owner.is_fallback() => Source::Distributor,
            Ok(owner) => owner.source(),
            Err(LookupError::NoMembers { .. }) => Source::Ring,
            Err(_) => Source::Distributor,
        };
        let policy = snapshot.policy();
        let found = p11_atomic_flips::went(policy, key, asked);
        stage.auditor.judge(stage.now, Promise::AtomicFlips, found);
        if asked == Source::Ring || shown.is_none() {
            return;
        }
        if policy.max_age().is_none() {
            let found = p07_static_stability::found(key, answer.is_ok());
            stage.auditor.judge(stage.now, Promise::StaticStability, found);
        }
        let age = self.clock.shown(stage.now).since(self.vouched);
        let came = match &answer {
            Ok(owner) if owner.is_stale() => p06_known_freshness::Came::Stale,
            Ok(owner) if owner.is_fallback() => p06_known_freshness::Came::Ring,
            Ok(_) => p06_known_freshness::Came::Owner,
            Err(_) => p06_known_freshness::Came::Nothing,
        };
        if came != p06_known_freshness::Came::Owner {
            stage.met(Met::Fallback);
        }
        let found = p06_known_freshness::answered(policy, age, snapshot.member_count() > 0, came);
        stage.auditor.judge(stage.now, Promise::KnownFreshness, found);
        if let Ok(owner) = &answer
            && owner.source() == Source::Distributor
        {
            let found = p06_known_freshness::told(age, owner.age());
            stage.auditor.judge(stage.now, Promise::KnownFreshness, found);
        }
    }

    fn repeat_requests(&mut self, stage: &mut Stage) {
        let me = self.node();
        let snapshot = self.resolver.snapshot();
        let mut late = None;
        self.requests.retain(|number, wanted| {
            if stage.now >= wanted.by {
                late = late.take().or_else(|| (!wanted.may_fail).then(|| wanted.shard.clone()));
                return false;
            }
            if stage.now >= wanted.again_at {
                wanted.again_at = stage.now + RETRY;
                let owner = shown(&snapshot, &wanted.shard).and_then(|(executor, _)| machine_of(executor));
                if let Some(machine) = owner {
                    let message = Message::Serve(*number, wanted.shard.clone());
                    stage.send(me, Node::Executor(machine), message);
                }
            }
            true
        });
        if let Some(shard) = late {
            let what = p08_completeness::unowned(&shard, stage.now, "and a request for it was lost");
            stage.auditor.judge::<()>(stage.now, Promise::Completeness, Err(what));
        }
    }

    fn replica_hint(&mut self, stage: &mut Stage, leader: Option<u8>) {
        let Some(leader) = leader else { return };
        let asked = std::mem::take(&mut self.asked);
        for (number, shard) in asked {
            stage.send(self.node(), Node::Replica(leader), Message::Ask(number, Request::Ensure(shard)));
        }
    }

    fn answered(&mut self, stage: &mut Stage, number: u64, answer: Result<Answer, RequestError>) {
        let Some(shard) = self.asked.remove(&number) else { return };
        let Ok(Answer::Owner { session, token, .. }) = answer else { return };
        // Whoever was told of a shard can rely on it: it was there, so, in the commit that granted it.
        let Token { incarnation, generation } = token;
        let granted = stage.auditor.ledger.shard_at(&shard, Version { incarnation, generation });
        if granted.is_none_or(|record| record.owner != Some(session) || record.token != token) {
            let what = format!("shard {shard} was said to be {session}'s under {token}, and was {granted:?}");
            stage.auditor.judge::<()>(stage.now, Promise::MonotoneViews, Err(what));
        }
    }

    pub(super) fn arm(&mut self, stage: &mut Stage) {
        let due = self.next_work.min(self.heard + SILENCE);
        let again = self.requests.values().map(|wanted| wanted.again_at.min(wanted.by)).min();
        let when = again.into_iter().fold(self.clock.when(due), Mono::min).max(stage.now);
        if when < self.woken_at {
            self.woken_at = when;
            stage.at(when, Happening::Wakes(self.node()));
        }
    }
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Router").field("number", &self.number).field("has", &self.has).finish_non_exhaustive()
    }
}

fn put(edit: &mut OwnerMapEdit, members: &BTreeMap<SessionId, Member>, shard: &ShardRecord) {
    let key = shard.key.clone();
    match shard.owner.and_then(|owner| members.get(&owner)) {
        Some(member) if shard.handover.is_some() => edit.moving(key, member, shard.token),
        Some(member) => edit.assign(key, member, shard.token),
        None => edit.unassign(key),
    };
}

fn shown<'a>(snapshot: &'a ResolverSnapshot, key: &str) -> Option<(&'a str, Token)> {
    let map = snapshot.owners()?;
    let assignment = map.get(key.as_bytes())?;
    Some((map.owner(assignment)?.address(), assignment.token))
}

/// A key that may or may not be a shard's.
pub(super) fn any_key(stage: &mut Stage) -> ShardKey {
    let name = match stage.auditor.config().kind {
        crate::engine::Kind::Fixed { shards } => stage.random.below(shards.into()).to_string(),
        crate::engine::Kind::Ephemeral => format!("list-{}", stage.random.below(EPHEMERAL_KEYS)),
    };
    ShardKey::new(name).expect("names in simulation are keys")
}

/// Executors are named after their machines; a second one of the same name has to do without requests.
fn machine_of(executor: &str) -> Option<u8> {
    executor.strip_prefix('e')?.parse().ok()
}

const fn map_version(version: Version) -> MapVersion {
    MapVersion { incarnation: version.incarnation, generation: version.generation }
}
