//! From decisions to a commit, and from a commit to what others are told.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    Answer, Caller, Change, Delta, Effect, Engine, RequestError,
    state::{Index, Slot},
};
use crate::{
    planted::{Planted, is},
    session::{Assigned, Ending, Grant, Pace, ToExecutor},
    types::{Mono, SessionId, Token, Version},
};

/// Changes that are stored together, and what may be told when they are.
#[derive(Debug, Default)]
pub(super) struct Batch {
    version: Version,
    pub(super) changes: Vec<Change>,
    /// What each session is to be told.
    told: BTreeMap<Slot, Told>,
    /// What else waits for the commit.
    pub(super) then: Vec<Effect>,
    /// Answers that wait for it, and name its version.
    done: Vec<Caller>,
    /// Shards that were granted in it; none is granted twice under one token.
    granted: BTreeSet<Index>,
    /// Sessions that are to have nothing more.
    leaving: BTreeSet<SessionId>,
    /// How many sessions begin with it.
    pub(super) begun: u32,
    /// The lease from then on, if that changes.
    lease: Option<Duration>,
}

/// What has changed for one session.
#[derive(Debug, Default)]
struct Told {
    granted: Vec<Grant>,
    revoked: Vec<Grant>,
    cleared: Vec<Grant>,
}

/// Most changes that may wait for the store. What asks for more is told to come again; expiries and releases are
/// always taken, because their number is that of sessions and shards.
const MAX_OPEN_CHANGES: usize = 100_000;
/// Most answers that may wait for the store.
const MAX_WAITING: usize = 100_000;

impl Engine {
    /// The version of the commit that is being made.
    pub(super) fn next_version(&self) -> Version {
        let last = self.state.version();
        Version { generation: last.generation + 1, ..last }
    }

    /// The token of whatever is granted by the commit that is being made.
    pub(super) fn next_token(&self) -> Token {
        let Version { incarnation, generation } = self.next_version();
        Token { incarnation, generation }
    }

    pub(super) fn is_busy(&self) -> bool {
        let waiting = |batch: &Batch| batch.then.len() + batch.done.len();
        let waiting = waiting(&self.open) + self.in_flight.as_ref().map_or(0, waiting);
        self.open.changes.len() >= MAX_OPEN_CHANGES || waiting >= MAX_WAITING
    }

    /// Decides something: from here on it is so, for whatever is decided next.
    pub(super) fn change(&mut self, change: Change) {
        match &change {
            Change::Shard(record) => {
                let before = self.state.index_of(&record.key).map(|index| self.state.record_of(index));
                self.state.apply_change(&change);
                let index = self.state.index_of(&record.key).expect("it was put just now");
                self.tell(before.as_ref(), record, index);
                self.measure(before.as_ref(), record, index);
                self.planner.shard_changed(&self.state, index);
            }
            Change::ShardRetired(key) => {
                let Some(index) = self.state.index_of(key) else { return };
                let gone = super::ShardRecord { owner: None, handover: None, ..self.state.record_of(index) };
                let before = self.state.record_of(index);
                self.tell(Some(&before), &gone, index);
                self.state.apply_change(&change);
                self.planner.shard_gone(index);
                self.gaps.retired(index);
            }
            Change::Session(record) => {
                self.state.apply_change(&change);
                let slot = self.state.slot_of(record.id).expect("it was put just now");
                self.planner.session_changed(&self.state, slot);
                if !record.is_active() {
                    self.open.leaving.insert(record.id);
                }
                if record.standing.is_past() {
                    self.liveness.discount(slot, self.last_awake);
                }
            }
            Change::SessionEnded(id, why) => {
                let Some(slot) = self.state.slot_of(*id) else { return };
                self.state.apply_change(&change);
                self.planner.session_gone(slot);
                self.gaps.forget(slot);
                self.open.told.remove(&slot);
                self.take_back_owners(|session| session == *id, &RequestError::NobodyAvailable);
                let ended = ToExecutor::Ended { session: *id, why: *why };
                let leaver = self.leavers.remove(id).map(|caller| Effect::Reply(caller, ended.clone()));
                self.open.then.extend(leaver);
                self.open.then.push(Effect::Push(*id, ended));
                self.draining.remove(id);
                self.ending.insert(*id, self.next_version());
            }
            Change::Config(config) => {
                self.open.lease = Some(config.lease);
                self.state.apply_change(&change);
                self.planner.configured(&self.state);
            }
            Change::Deleted => {
                self.open.told.clear();
                self.take_back_owners(|_| true, &RequestError::Deleted);
                for record in self.state.sessions() {
                    let ended = ToExecutor::Ended { session: record.id, why: Ending::Removed };
                    self.open.then.push(Effect::Push(record.id, ended));
                }
                self.state.apply_change(&change);
                self.is_deleted = true;
            }
            Change::LongestLease(_)
            | Change::Policy(_)
            | Change::Drained(..)
            | Change::Freeze(_)
            | Change::Load(..)
            | Change::SessionAge(..)
            | Change::ShardTimes(..)
            | Change::Other(_) => {
                self.state.apply_change(&change);
                self.planner.configured(&self.state);
            }
        }
        self.open.changes.push(change);
    }

    /// What was granted in the commit that is being made, and is lost in it, was never owned.
    fn take_back_owners(&mut self, is_lost: impl Fn(SessionId) -> bool, why: &RequestError) {
        for effect in &mut self.open.then {
            if let Effect::Answer(_, answer @ Ok(Answer::Owner { .. })) = effect
                && matches!(answer, Ok(Answer::Owner { session, .. }) if is_lost(*session))
            {
                *answer = Err(why.clone());
            }
        }
    }

    /// What is on its way to sessions that are to have nothing more goes to nobody, unless they have been asked to stay
    /// before anybody heard that they were to go.
    fn redirect_from_leaving(&mut self) {
        for id in std::mem::take(&mut self.open.leaving) {
            let session = self.state.slot_of(id).and_then(|slot| self.state.session(slot));
            let leaves = session.is_some_and(|session| !session.record.is_active());
            if leaves && !is(Planted::DestinationStays) {
                self.lose_destination(id);
            }
        }
    }

    /// Answers when what has been decided so far is stored.
    pub(super) fn answer_then(&mut self, caller: Caller, answer: Result<Answer, RequestError>) {
        self.then(Effect::Answer(caller, answer));
    }

    /// As above, with the version that it is stored under.
    pub(super) fn done_then(&mut self, caller: Caller) {
        self.open.done.push(caller);
    }

    /// Says something when what has been decided so far is stored.
    pub(super) fn then(&mut self, effect: Effect) {
        match &mut self.in_flight {
            Some(batch) if self.open.changes.is_empty() => batch.then.push(effect),
            _ => self.open.then.push(effect),
        }
    }

    /// Whether the shard was granted by the commit that is being made.
    pub(super) fn is_granted_now(&self, index: Index) -> bool {
        self.open.granted.contains(&index)
    }

    pub(super) fn committed(&mut self, version: Version, out: &mut Vec<Effect>) {
        let Some(batch) = self.in_flight.take_if(|batch| batch.version == version) else { return };
        self.ending.retain(|_, ends_with| *ends_with > version);
        self.stored_lease = batch.lease.unwrap_or(self.stored_lease);
        out.extend(batch.then);
        out.extend(batch.done.into_iter().map(|caller| Effect::Answer(caller, Ok(Answer::Done(version)))));
    }

    /// Sends what is decided on its way, if nothing else is.
    pub(super) fn flush(&mut self, now: Mono, out: &mut Vec<Effect>) {
        if self.in_flight.is_some() || now >= self.leads_until {
            return;
        }
        self.redirect_from_leaving();
        let mut batch = std::mem::take(&mut self.open);
        if batch.changes.is_empty() {
            // Nothing was decided, so what waits for the store waits for nothing.
            out.append(&mut batch.then);
            let version = self.state.version();
            out.extend(
                batch.done.into_iter().map(|caller| Effect::Answer(caller, Ok(Answer::Done(version)))),
            );
            self.tell_all(out);
            return;
        }
        batch.version = self.next_version();
        self.state.set_version(batch.version);
        for (slot, told) in std::mem::take(&mut batch.told) {
            batch.then.extend(self.assigned(slot, told, batch.version));
        }
        self.tell_all(&mut batch.then);
        out.push(Effect::Commit(Delta {
            version: batch.version,
            changes: std::mem::take(&mut batch.changes),
        }));
        self.in_flight = Some(batch);
    }

    /// Compares how a shard was and is, and notes what its old and new owner have to hear.
    fn tell(&mut self, before: Option<&super::ShardRecord>, after: &super::ShardRecord, index: Index) {
        let (old, old_token) = before.map_or((None, Token::default()), |before| (before.owner, before.token));
        let was_revoked = before.is_some_and(|before| before.handover.is_some());
        let grant = |token| Grant { shard: after.key.clone(), token };
        if old != after.owner || old_token != after.token {
            if let Some(slot) = old.and_then(|id| self.state.slot_of(id)) {
                self.open.told.entry(slot).or_default().cleared.push(grant(old_token));
            }
            if let Some(slot) = after.owner.and_then(|id| self.state.slot_of(id)) {
                self.open.granted.insert(index);
                self.open.told.entry(slot).or_default().granted.push(grant(after.token));
            }
        } else if after.handover.is_some()
            && !was_revoked
            && let Some(slot) = after.owner.and_then(|id| self.state.slot_of(id))
        {
            self.open.told.entry(slot).or_default().revoked.push(grant(after.token));
        }
    }

    /// Notes when a shard has lost its holder, and to whom it goes.
    fn measure(&mut self, before: Option<&super::ShardRecord>, after: &super::ShardRecord, index: Index) {
        let (old, old_token) = before.map_or((None, Token::default()), |before| (before.owner, before.token));
        if old == after.owner && old_token == after.token {
            return;
        }
        if let Some(old) = old {
            self.gaps.lost(index, old, self.last_awake);
        }
        if let Some(to) = after.owner.and_then(|id| self.state.slot_of(id)) {
            self.gaps.granted(index, to, self.next_version());
            self.planner.note_granted(self.last_awake, index);
        }
    }

    /// The changes for a session, to be told when they are stored. A session that has missed something is told all
    /// anyway.
    fn assigned(&mut self, slot: Slot, told: Told, version: Version) -> Option<Effect> {
        let pulse = self.liveness.pulse_mut(slot)?;
        let since = pulse.told?;
        pulse.told = Some(version);
        let session = pulse.id;
        let Told { granted, revoked, cleared } = told;
        let assigned = Assigned { session, since: Some(since), version, granted, revoked, cleared };
        Some(Effect::Push(session, ToExecutor::Assigned(assigned)))
    }

    /// Tells everything to those sessions that need it. Nothing may be decided that is neither stored nor part of what
    /// `out` waits for.
    fn tell_all(&mut self, out: &mut Vec<Effect>) {
        let version = self.state.version();
        let wanting = std::mem::take(&mut self.wants_all);
        for slot in wanting {
            let Some(pulse) = self.liveness.pulse_mut(slot) else { continue };
            pulse.told = Some(version);
            let session = pulse.id;
            let Some(owner) = self.state.session(slot) else { continue };
            let (mut granted, mut revoked) = (Vec::new(), Vec::new());
            for shard in owner.shards.iter().filter_map(|&index| self.state.shard_at(index)) {
                let list = if shard.handover.is_some() { &mut revoked } else { &mut granted };
                list.push(Grant { shard: shard.key.clone(), token: shard.token });
            }
            let assigned = Assigned { session, since: None, version, granted, revoked, cleared: Vec::new() };
            out.push(Effect::Push(session, ToExecutor::Assigned(assigned)));
        }
    }

    /// What an acknowledgement promises, and asks for. The lease is one that the next leader would find stored as well,
    /// if it took over now.
    pub(super) fn pace(&self) -> Pace {
        let config = self.state.config();
        let lease = config.lease.min(self.stored_lease);
        Pace { hold: config.rates.hold(lease), beat_every: config.beat_every, answer_within: lease / 3 }
    }

    /// Whether the session's end is decided.
    pub(super) fn is_ending(&self, id: SessionId) -> bool {
        self.ending.contains_key(&id)
    }
}
