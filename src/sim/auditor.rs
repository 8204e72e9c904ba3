//! Sees everything that anybody does, in true time, and holds it against the promises.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    coverage::{Coverage, Met},
    happening::{Deed, ProcessId},
    invariants::{
        Promise, Violation, p01_exclusive_belief, p02_fencing::Fencing, p03_continuous_hold,
        p04_bounded_overlap::BoundedOverlap, p07_static_stability, p09_bounded_movement::BoundedMovement,
        p10_restraint::Restraint, p12_leader_fencing,
    },
    ledger::Ledger,
    seat::{Silence, Silences},
    swarm::Swarm,
    timeline::{Begun, Timeline},
};
use crate::{
    engine::{Change, Delta, NamespaceConfig, SessionRecord, ShardRecord, Standing},
    session::Ending,
    types::{Mono, SessionId, ShardKey, Version},
};

#[derive(Debug)]
pub(super) struct Auditor {
    pub(super) ledger: Ledger,
    pub(super) timeline: Timeline,
    pub(super) movement: BoundedMovement,
    fencing: Fencing,
    /// Of beliefs, and for how long they may.
    overlap: BoundedOverlap,
    overlap_bound: Duration,
    /// Of what executors do.
    double_service: BoundedOverlap,
    restraint: Restraint,
    /// Shards that are being moved for balance.
    balancing: BTreeMap<ShardKey, Version>,
    /// Until when an operator's word lets sessions expire that would be held back.
    expiry_allowed_until: Mono,
    /// Until when a leader may still listen for as long as a lease that was longer than today's asked of it.
    listens_as_before_until: Mono,
    /// When an owner was changed, a handover begun or a session ended last.
    pub(super) last_change: Mono,
    /// When a leader said last that it holds expiries back.
    pub(super) last_restraint: Mono,
    pub(super) last_commit: Mono,
    /// Sessions that were not active before the last commit, or at some moment while it was made.
    unwell: BTreeSet<SessionId>,
    /// When each shard was given, or on its way, last.
    changed: BTreeMap<ShardKey, Mono>,
    /// When commits were decided that are not known to be stored, by term and generation; and whom their leader had heard.
    decided: BTreeMap<(u64, u64), (Mono, Silences)>,
    /// When the last commit was.
    last_decided: Mono,
    /// The store was restored, and nobody has adopted it.
    pub(super) is_restored: bool,
    /// The namespace was deleted, and has not begun anew.
    pub(super) is_deleted: bool,
    /// Until when it may begin anew because an operator has said so.
    may_begin_until: Mono,
    /// Nothing is granted, as the head says, because others may hold what this history does not know.
    pub(super) is_waiting: bool,
    /// When it said so last.
    pub(super) waited: Option<Mono>,
    is_exclusive: bool,
    clocks_are_sound: bool,
    violations: Vec<Violation>,
}

/// One violation says enough; what follows from it only confuses.
const MAX_VIOLATIONS: usize = 1;

impl Auditor {
    pub(super) fn new(swarm: &Swarm) -> Self {
        let rates = swarm.rates();
        Self {
            ledger: Ledger::new(Arc::new(swarm.config.clone())),
            timeline: Timeline::default(),
            movement: BoundedMovement::default(),
            fencing: Fencing::default(),
            overlap: BoundedOverlap::default(),
            overlap_bound: rates.listening(swarm.config.lease) + swarm.stop_within + Duration::from_secs(1),
            double_service: BoundedOverlap::default(),
            restraint: Restraint::default(),
            balancing: BTreeMap::new(),
            expiry_allowed_until: Mono::ZERO,
            listens_as_before_until: Mono::ZERO,
            last_change: Mono::ZERO,
            last_restraint: Mono::ZERO,
            last_commit: Mono::ZERO,
            unwell: BTreeSet::new(),
            changed: BTreeMap::new(),
            decided: BTreeMap::new(),
            last_decided: Mono::ZERO,
            is_restored: false,
            is_deleted: false,
            may_begin_until: Mono::ZERO,
            is_waiting: false,
            waited: None,
            is_exclusive: swarm.is_exclusive(),
            clocks_are_sound: swarm.clocks_are_sound,
            violations: Vec::new(),
        }
    }

    pub(super) fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Holds a finding against a promise.
    pub(super) fn judge<T>(&mut self, now: Mono, promise: Promise, found: Result<T, String>) -> Option<T> {
        match found {
            Ok(fine) => Some(fine),
            Err(what) => {
                if self.violations.len() < MAX_VIOLATIONS {
                    self.violations.push(Violation { promise, at: now, what });
                }
                None
            }
        }
    }

    /// A process has begun to hold something. `holds` asks other processes.
    pub(super) fn begun(&mut self, now: Mono, begun: &Begun, holds: impl Fn(ProcessId, &ShardKey) -> bool) {
        for other in &begun.others {
            let until = self.timeline.lease_end(other.process);
            if now >= until && !holds(other.process, &begun.shard) {
                continue;
            }
            self.overlap.began(now, &begun.shard, other.process, begun.belief.process);
            if self.is_exclusive && self.clocks_are_sound {
                let what = p01_exclusive_belief::overlap(&begun.shard, begun.belief, *other, until);
                self.judge::<()>(now, Promise::ExclusiveBelief, Err(what));
            }
        }
    }

    /// Looks at overlaps of beliefs that are allowed. `holds` asks processes.
    pub(super) fn look_at_overlaps(&mut self, now: Mono, holds: impl Fn(ProcessId, &ShardKey) -> bool) {
        let is_over = |shard: &ShardKey, first, second| !holds(first, shard) || !holds(second, shard);
        let found = self.overlap.check(now, Mono::ZERO, self.overlap_bound, is_over);
        if self.clocks_are_sound {
            self.judge(now, Promise::BoundedOverlap, found);
        }
    }

    /// A process serves a shard. Tells whether it is news that another one holds it.
    pub(super) fn serves(&mut self, now: Mono, process: ProcessId, shard: &ShardKey) -> bool {
        let other = self.timeline.holder(now, shard).filter(|belief| belief.process != process);
        other.is_some_and(|other| self.double_service.began(now, shard, process, other.process))
    }

    /// Looks at overlaps of service. `serves` asks processes; `since` then each of them can be told what it has lost, and has
    /// to stop within a bound.
    pub(super) fn look_at_double_service(
        &mut self,
        now: Mono,
        since: Mono,
        bound: Duration,
        serves: impl Fn(ProcessId, &ShardKey) -> bool,
    ) {
        let Self { timeline, double_service, .. } = self;
        let is_over = |shard: &ShardKey, first, second| {
            !serves(first, shard) || timeline.holder(now, shard).is_none_or(|belief| belief.process != second)
        };
        let found = double_service.check(now, since, bound, is_over);
        self.judge(now, Promise::BoundedOverlap, found);
    }

    /// A process is gone.
    pub(super) fn ended(&mut self, now: Mono, process: ProcessId) {
        self.timeline.ended(now, process);
    }

    /// A process's guard says that it still holds.
    pub(super) fn still_held(&mut self, now: Mono, process: ProcessId, shard: &ShardKey, made: Mono) {
        let found = p03_continuous_hold::still_held(shard, made, self.timeline.held_since(process, shard));
        if self.clocks_are_sound {
            self.judge(now, Promise::ContinuousHold, found);
        }
    }

    /// A write reaches the resource. Tells whether it is accepted.
    pub(super) fn written(&mut self, now: Mono, deed: &Deed) -> bool {
        let found = self.fencing.written(deed);
        self.judge(now, Promise::Fencing, found).unwrap_or_default()
    }

    /// An operator's word that sessions may expire which are held back has reached a leader. What it takes back it does at
    /// once, but for whom it cannot hear for now.
    pub(super) fn operator_allows_expiry(&mut self, now: Mono) {
        let lasts = 20 * self.longest_lease();
        self.expiry_allowed_until = self.expiry_allowed_until.max(now + lasts);
    }

    /// A leader holds expiries back from now on, or does not any more. What an operator allowed, it allowed until then.
    pub(super) fn restraint_turns(&mut self, now: Mono, is_on: bool) {
        self.last_restraint = now;
        if !is_on {
            self.expiry_allowed_until = self.expiry_allowed_until.min(now + self.longest_lease());
        }
    }

    /// A leader lets a session expire.
    fn expires(&mut self, silence: Silence) {
        let now = silence.until;
        let least = self.ledger.config.restrain_from;
        let lease = silence.lease.min(self.ledger.config.lease);
        let found = self.restraint.expired(now, silence.length, lease, least);
        if now >= self.expiry_allowed_until {
            self.judge(now, Promise::Restraint, found);
        }
    }

    /// A leader has decided a commit, and begins to write it.
    pub(super) fn decided(&mut self, now: Mono, term: u64, version: Version, ears: Silences) {
        self.decided.entry((term, version.generation)).or_insert((now, ears));
    }

    /// A transaction wrote rows of the namespace, in the name of a term.
    pub(super) fn wrote(&mut self, now: Mono, term: u64, in_force: Option<u64>) {
        self.judge(now, Promise::LeaderFencing, p12_leader_fencing::wrote(term, in_force));
    }

    /// The store is another one, with the rows of a backup.
    pub(super) const fn restored(&mut self) {
        (self.is_restored, self.is_deleted) = (true, false);
    }

    /// An operator's word that the namespace is to begin anew has reached a leader. How long that takes is the leader's
    /// affair, and the next one's.
    pub(super) fn operator_begins_anew(&mut self, now: Mono) {
        self.may_begin_until = now + 20 * self.longest_lease();
    }

    /// Whether another history may follow on the one that was, without its being so.
    pub(super) fn may_begin(&self, now: Mono) -> bool {
        self.is_restored || self.is_deleted || now < self.may_begin_until
    }

    /// The namespace is no more, as of this version.
    pub(super) fn deleted(&mut self, now: Mono, version: Version) {
        self.forget(now, &Delta { version, changes: Vec::new() });
        self.is_deleted = true;
    }

    /// Another history begins, under a new incarnation: with what was in a backup, or with nothing.
    pub(super) fn begun_anew(&mut self, now: Mono, delta: &Delta) {
        let found = self.fencing.begun_anew(delta.version);
        self.judge(now, Promise::Fencing, found);
        self.forget(now, delta);
        (self.is_restored, self.is_deleted) = (false, false);
    }

    fn forget(&mut self, now: Mono, delta: &Delta) {
        self.ledger.begin_anew(delta);
        self.movement.begun_anew();
        self.balancing.clear();
        self.unwell.clear();
        self.decided.clear();
        (self.last_change, self.last_commit, self.last_decided) = (now, now, now);
        self.restraint.live(now, self.ledger.sessions.len());
    }

    /// A head says whether anything may be granted.
    pub(super) fn waits(&mut self, now: Mono, is_waiting: bool) {
        if self.is_waiting || is_waiting {
            (self.is_waiting, self.waited) = (is_waiting, Some(now));
        }
    }

    /// Something is stored, by whoever had this term.
    pub(super) fn committed(&mut self, now: Mono, term: u64, delta: &Delta, coverage: &mut Coverage) {
        self.last_commit = now;
        let (before, after) = (self.ledger.version.incarnation, delta.version.incarnation);
        self.judge(now, Promise::StaticStability, p07_static_stability::goes_on(before, after));
        let decision = self.decided.remove(&(term, delta.version.generation));
        let decided = decision.as_ref().map_or(now, |(decided, _)| *decided);
        self.decided.retain(|(_, generation), _| *generation > delta.version.generation);
        if let Some((_, ears)) = decision {
            self.look_at_expiries(&ears, delta);
        }
        for change in &delta.changes {
            self.look_at_change(now, change, coverage);
        }
        let is_well = |record: &SessionRecord| record.standing == Standing::Active;
        let before = self.ledger.sessions.values().filter(|record| !is_well(record)).map(|record| record.id);
        let unwell = delta.changes.iter().filter_map(|change| match change {
            Change::Session(record) if !is_well(record) => Some(record.id),
            _ => None,
        });
        self.unwell = before.chain(unwell).collect();
        self.ledger.apply_but_shards(delta);
        // A commit is one step, but what was retired in it and came again is another shard.
        for change in &delta.changes {
            if let Change::ShardRetired(key) = change {
                self.look_at_shard(decided, delta.version, key, None, coverage);
                self.ledger.retire(key, delta.version);
            }
        }
        // Apart from that, what a shard was in the middle of it, it never was.
        let shards = delta.changes.iter().filter_map(|change| match change {
            Change::Shard(record) => Some((&record.key, Some(record))),
            _ => None,
        });
        let shards = shards.filter(|(key, _)| {
            let ends_as = |change: &&Change| match change {
                Change::Shard(record) => record.key == **key,
                Change::ShardRetired(retired) => retired == *key,
                _ => false,
            };
            let last = delta.changes.iter().rfind(ends_as);
            !matches!(last, Some(Change::ShardRetired(_)))
        });
        for (key, after) in shards.collect::<BTreeMap<_, _>>() {
            self.look_at_shard(decided, delta.version, key, after, coverage);
        }
        self.last_decided = decided;
        self.ledger.apply_to_shards(delta);
        self.restraint.live(now, self.ledger.sessions.len());
        let begun = self.balancing.values().filter(|version| **version == delta.version).count();
        let found = BoundedMovement::within_budget(&self.ledger, begun);
        self.judge(now, Promise::BoundedMovement, found);
    }

    fn look_at_expiries(&mut self, ears: &Silences, delta: &Delta) {
        let mut past = BTreeSet::new();
        for change in &delta.changes {
            match change {
                // It was told that it has no future: that it falls silent is no failure.
                Change::Session(record) if record.standing.is_past() => drop(past.insert(record.id)),
                Change::SessionEnded(id, Ending::Expired) => {
                    let was_past =
                        self.ledger.sessions.get(id).is_some_and(|record| record.standing.is_past());
                    if let Some(silence) = ears.get(id).filter(|_| !was_past && !past.contains(id)) {
                        self.expires(*silence);
                    }
                }
                _ => {}
            }
        }
    }

    fn look_at_shard(
        &mut self,
        decided: Mono,
        version: Version,
        key: &ShardKey,
        after: Option<&ShardRecord>,
        coverage: &mut Coverage,
    ) {
        let before = self.ledger.shard(key).cloned();
        let Some(after) = after else {
            self.balancing.remove(key);
            self.movement.retired(key);
            return coverage.add(Met::Retirement);
        };
        let found = self.fencing.committed(before.as_ref(), after);
        self.judge(decided, Promise::Fencing, found);
        let Some(before) = before else {
            if after.owner.is_some() {
                coverage.add(Met::Creation);
                self.changed.insert(key.clone(), self.last_commit);
            }
            return;
        };
        let found =
            self.movement.committed((self.last_decided, decided), &self.ledger, &self.unwell, &before, after);
        if self.judge(decided, Promise::BoundedMovement, found) == Some(true) {
            coverage.add(Met::Balance);
            self.balancing.insert(key.clone(), version);
        }
        if after.handover.is_none() {
            self.balancing.remove(key);
        }
        if before.handover.is_some() && after.owner != before.owner && after.owner.is_some() {
            coverage.add(Met::Handover);
        }
        if after.quarantined && !before.quarantined {
            coverage.add(Met::Quarantine);
        }
        if (before.owner, before.handover) != (after.owner, after.handover) {
            self.last_change = self.last_change.max(decided);
            self.changed.insert(key.clone(), self.last_commit);
        }
    }

    /// Whether a shard has changed hands lately, or begun to.
    pub(super) fn has_changed_within(&self, now: Mono, shard: &str, moment: Duration) -> bool {
        self.changed.get(shard).is_some_and(|last| now.since(*last) < moment)
    }

    fn look_at_change(&mut self, now: Mono, change: &Change, coverage: &mut Coverage) {
        match change {
            Change::SessionEnded(_, why) => {
                self.last_change = now;
                if *why == Ending::Expired {
                    coverage.add(Met::Expiry);
                }
            }
            Change::LongestLease(lease) if *lease < self.ledger.longest_lease => {
                coverage.add(Met::ShorterLease);
                let until = now + 2 * self.ledger.longest_lease;
                self.listens_as_before_until = self.listens_as_before_until.max(until);
            }
            Change::Policy(_) => coverage.add(Met::PolicyFlip),
            _ => {}
        }
    }

    /// Whether bad times that ended then may still be felt: whoever was heard late has a lease that ends later, and a leader
    /// that could not answer listens for a whole lease, of those that were believed in then.
    pub(super) fn is_felt(&self, now: Mono, ended: Mono) -> bool {
        now < (ended + 2 * self.longest_lease()).max(self.listens_as_before_until)
    }

    /// The longest lease that anybody may believe in.
    pub(super) fn longest_lease(&self) -> Duration {
        self.ledger.longest_lease.max(self.ledger.config.lease)
    }

    pub(super) fn config(&self) -> &NamespaceConfig {
        &self.ledger.config
    }
}
