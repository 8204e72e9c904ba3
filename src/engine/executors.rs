//! Sessions: how they begin, what their beats do, how they end.

use std::sync::Arc;

use super::{
    Caller, Change, Effect, Engine, Notice, SessionRecord, Standing,
    change::{Extra, MAX_PAST_NONCES},
    state::{Session, Slot},
};
use crate::{
    planted::{Planted, is},
    session::{Beat, By, Ending, Grant, Profile, Refusal, Register, ToExecutor, ToLeader},
    types::{Mono, SessionId, Version},
};

/// Most loads, releases and ends that one beat may carry; what exceeds it comes with the next.
pub(super) const MAX_REPORTS: usize = 200_000;

impl Engine {
    pub(super) fn heard(&mut self, now: Mono, caller: Caller, message: ToLeader, out: &mut Vec<Effect>) {
        // Whoever does not surely lead says nothing: another may know better.
        if !self.is_leading(now) && !is(Planted::AcksPastLease) {
            return;
        }
        match message {
            ToLeader::Register(register) => self.register(now, caller, register, out),
            ToLeader::Beat(beat) => self.beat(now, caller, beat, out),
            ToLeader::Leave(id) => self.leave(now, caller, id, out),
        }
    }

    fn register(&mut self, now: Mono, caller: Caller, register: Register, out: &mut Vec<Effect>) {
        let Register { executor, nonce, attempt, profile, seen, by } = register;
        self.notice_seen(seen, out);
        let session =
            |slot: Option<Slot>| slot.and_then(|slot| Some((slot, &self.state.session(slot)?.record)));
        let current = session(self.state.slot_of_executor(&executor));
        let pending = session(self.state.pending_slot_of(&executor));
        let known = [current, pending].into_iter().flatten();
        let is_same = |record: &SessionRecord| record.nonce == nonce && !is(Planted::NonceForgotten);
        let same = known.clone().find(|(_, record)| is_same(record)).map(|(slot, _)| slot);
        let is_ghost = known.into_iter().any(|(_, record)| record.past_nonces.contains(&nonce));
        let past_nonces = current.map_or_else(Vec::new, |(_, record)| {
            [record.nonce]
                .into_iter()
                .chain(record.past_nonces.iter().copied())
                .take(MAX_PAST_NONCES)
                .collect()
        });
        let (has_current, pending) = (current.is_some(), pending.map(|(_, record)| record.id));
        if let Some(slot) = same {
            match by {
                By::UnaryBeat { .. } => self.describe_again(now, caller, slot, attempt, &profile),
                By::Request => self.register_again(now, caller, slot, attempt),
            }
            return;
        }
        // Whoever hears nothing asks again.
        if self.is_busy() {
            return;
        }
        let refusal = if is_ghost {
            Some(Refusal::Superseded)
        } else if !profile.is_within_bounds() {
            Some(Refusal::BadProfile)
        } else {
            self.refuses_beats(by).or(self.has_no_room(has_current).then_some(Refusal::TooMany))
        };
        if let Some(why) = refusal {
            self.then(Effect::Reply(caller, ToExecutor::Refused { nonce, why }));
            return;
        }
        if let Some(pending) = pending {
            self.end(pending, Ending::Superseded);
        }
        let id = SessionId { began: self.next_version(), ordinal: self.open.begun };
        self.open.begun += 1;
        let standing = match has_current {
            true => Standing::Pending,
            false if self.state.is_drained(&executor) => Standing::Draining { by_operator: true },
            false => Standing::Active,
        };
        let unfenced = by != By::Request;
        let (profile_extra, extra) = (Extra::default(), Extra::default());
        let record = SessionRecord {
            id,
            executor,
            nonce,
            past_nonces,
            attempt,
            profile,
            standing,
            unfenced,
            profile_extra,
            extra,
        };
        self.change(Change::Session(record));
        let slot = self.state.slot_of(id).expect("it was put just now");
        let on_trial = unfenced && !is(Planted::NoTrial);
        self.liveness.begin(slot, id, attempt, on_trial, now);
        self.planner.set_heard(slot, self.liveness.is_heard(slot));
        self.answer_registration(caller, id, nonce, attempt);
    }

    /// Of executors that only beat, those are let in that serve, where ownership is not exclusive or somebody says that it
    /// need not be.
    fn refuses_beats(&self, by: By) -> Option<Refusal> {
        match by {
            By::UnaryBeat { .. } if self.state.is_exclusive() && !is(Planted::UnfencedLetIn) => {
                Some(Refusal::NeedsSessions)
            }
            By::UnaryBeat { active: false } if !is(Planted::InactiveLetIn) => Some(Refusal::NotActive),
            By::UnaryBeat { .. } | By::Request => None,
        }
    }

    /// Executors are counted, not sessions, so that a process can be replaced where there is no room for another. Those
    /// that were replaced and still hold something have a bound of their own.
    fn has_no_room(&self, is_replacement: bool) -> bool {
        let most = self.state.config().max_sessions;
        let is_full = !is_replacement && self.state.executor_count() >= most;
        is_full || self.state.session_count() >= most.saturating_mul(2)
    }

    /// The answer to an earlier attempt was lost. This one counts as a beat; whoever is on trial stays so.
    fn register_again(&mut self, now: Mono, caller: Caller, slot: Slot, attempt: u32) {
        let Some(session) = self.state.session(slot) else { return };
        let (id, nonce) = (session.record.id, session.record.nonce);
        let Some(pulse) = self.liveness.pulse_mut(slot) else { return };
        // Once it beats, it has its session, and whatever attempt still arrives is late.
        let is_late = pulse.seq > 0 || attempt <= pulse.attempt;
        if is_late && !is(Planted::OldAttemptCounts) || self.ending.contains_key(&id) {
            return;
        }
        pulse.attempt = attempt;
        self.hear(slot, now);
        self.answer_registration(caller, id, nonce, attempt);
    }

    /// An executor that only beats says with each beat what it is, and may say something else than before.
    fn describe_again(
        &mut self,
        now: Mono,
        caller: Caller,
        slot: Slot,
        attempt: u32,
        profile: &Arc<Profile>,
    ) {
        let Some(session) = self.state.session(slot) else { return };
        let record = &session.record;
        if *record.profile == **profile {
            return self.register_again(now, caller, slot, attempt);
        }
        let (id, nonce) = (record.id, record.nonce);
        let is_late = attempt <= record.attempt;
        if is_late || !profile.is_within_bounds() || self.ending.contains_key(&id) || self.is_busy() {
            return;
        }
        let record = SessionRecord { profile: profile.clone(), attempt, ..record.clone() };
        self.change(Change::Session(record));
        self.answer_registration(caller, id, nonce, attempt);
    }

    fn answer_registration(&mut self, caller: Caller, session: SessionId, nonce: u64, attempt: u32) {
        let pace = self.pace();
        self.then(Effect::Reply(caller, ToExecutor::Registered { nonce, attempt, session, pace }));
    }

    /// Somebody lives with the session that was pending: it takes its executor's id over.
    fn take_over_id(&mut self, slot: Slot) {
        let Some(session) = self.state.session(slot) else { return };
        let mut record = SessionRecord { standing: Standing::Active, ..session.record.clone() };
        if self.state.is_drained(&record.executor) {
            record.standing = Standing::Draining { by_operator: true };
        }
        let before = self.state.slot_of_executor(&record.executor).and_then(|slot| self.state.session(slot));
        if let Some(before) = before.map(|before| before.record.clone()) {
            let id = before.id;
            self.change(Change::Session(SessionRecord { standing: Standing::Superseded, ..before }));
            if is(Planted::SupersededLetsGo)
                && let Some(slot) = self.state.slot_of(id)
            {
                self.lose(self.last_awake, slot, Ending::Superseded);
            } else if self.state.owned_by(id) == 0 {
                self.end(id, Ending::Superseded);
            }
        }
        self.change(Change::Session(record));
    }

    fn beat(&mut self, now: Mono, caller: Caller, beat: Beat, out: &mut Vec<Effect>) {
        let Beat { session: id, seq, applied, seen, draining, loads, released, done } = beat;
        self.notice_seen(seen, out);
        let Some(mut slot) = self.state.slot_of(id) else {
            self.answer_stranger(caller, id, seq, out);
            return;
        };
        if is(Planted::IdInsteadOfSession)
            && let Some(session) = self.state.session(slot)
        {
            slot = self.state.slot_of_executor(&session.record.executor).unwrap_or(slot);
        }
        let Some(pulse) = self.liveness.pulse_mut(slot) else { return };
        if seq <= pulse.seq {
            return;
        }
        // What another leader has answered long ago may arrive here first, and knows less of what is stored than we do.
        let may_be_old = pulse.heard.is_none();
        pulse.seq = seq;
        pulse.on_trial = false;
        let standing = self.state.session(slot).map(|session| session.record.standing);
        for grant in released.iter().take(MAX_REPORTS) {
            self.released(slot, grant);
        }
        if is(Planted::ReleaseByAbsence) {
            self.release_absent(slot);
        }
        for grant in done.iter().take(MAX_REPORTS) {
            self.done(slot, grant);
        }
        if let Some(why) = standing.and_then(|standing| self.ending_of(id, standing)) {
            // It keeps what it holds for as long as it may, but not longer.
            self.then(Effect::Reply(caller, ToExecutor::Ended { session: id, why }));
            if self.state.owned_by(id) == 0 {
                self.end(id, why);
            }
            return;
        }
        if standing == Some(Standing::Pending) {
            self.take_over_id(slot);
        }
        self.hear(slot, now);
        if !may_be_old {
            self.ask_to_drain(slot, draining);
        }
        for (shard, load) in loads.iter().take(MAX_REPORTS) {
            self.measured(now, slot, shard, *load);
        }
        self.check_applied(now, slot, applied);
        self.gaps.applied(slot, applied, now);
        let pace = self.pace();
        out.push(Effect::Reply(caller, ToExecutor::Acknowledged { session: id, seq, pace }));
    }

    /// Why the session has no future, if it has none.
    fn ending_of(&self, id: SessionId, standing: Standing) -> Option<Ending> {
        match standing {
            Standing::Removed => Some(Ending::Removed),
            Standing::Superseded if id.began.incarnation < self.state.version().incarnation => {
                Some(Ending::Voided)
            }
            Standing::Superseded => Some(Ending::Superseded),
            Standing::Active | Standing::Draining { .. } | Standing::Pending => None,
        }
    }

    /// Said until it is answered, so it is answered also when it was heard before.
    fn leave(&mut self, now: Mono, caller: Caller, id: SessionId, out: &mut Vec<Effect>) {
        match self.state.slot_of(id) {
            Some(slot) => {
                self.lose(now, slot, Ending::Left);
                // Told when its end is stored, which is decided by the next round.
                self.leavers.insert(id, caller);
            }
            None => self.answer_stranger(caller, id, 0, out),
        }
    }

    /// Its lease has run out: what it had may be others'.
    pub(super) fn expire(&mut self, now: Mono, slot: Slot) {
        let Some(Session { record, shards, .. }) = self.state.session(slot) else { return };
        let (id, executor, shards) = (record.id, record.executor.clone(), shards.len());
        self.lose(now, slot, Ending::Expired);
        self.gaps.expired(id);
        self.then(Effect::Notice(Notice::Expired { executor, session: id, shards }));
    }

    /// A session that owns nothing is over.
    pub(super) fn end(&mut self, id: SessionId, why: Ending) {
        let Some(slot) = self.state.slot_of(id) else { return };
        self.wants_all.remove(&slot);
        self.lose_destination(id);
        self.change(Change::SessionEnded(id, why));
        self.liveness.forget(slot, self.last_awake);
    }

    fn hear(&mut self, slot: Slot, now: Mono) {
        self.liveness.hear(slot, now);
        let is_heard = self.liveness.is_heard(slot);
        if is_heard != self.planner.is_heard(slot) {
            self.planner.set_heard(slot, is_heard);
        }
    }

    fn ask_to_drain(&mut self, slot: Slot, draining: bool) {
        let Some(session) = self.state.session(slot) else { return };
        let id = session.record.id;
        if draining {
            self.draining.insert(id);
        } else {
            self.draining.remove(&id);
        }
        let standing = match (session.record.standing, draining) {
            (Standing::Active, true) => Standing::Draining { by_operator: false },
            (Standing::Draining { by_operator: false }, false) => Standing::Active,
            _ => return,
        };
        self.change(Change::Session(SessionRecord { standing, ..session.record.clone() }));
    }

    /// Whoever has not applied what it was told has missed something, if there was time for it to arrive: whoever only
    /// crosses it on the way has applied more with the next beat.
    fn check_applied(&mut self, now: Mono, slot: Slot, applied: Version) {
        // Who only beats is told by whoever translates for it, from what is stored.
        if self.state.session(slot).is_some_and(|session| session.record.unfenced) {
            return;
        }
        let patience = self.state.config().beat_every / 2 * 3;
        let Some(pulse) = self.liveness.pulse_mut(slot) else { return };
        if pulse.told == Some(applied) {
            pulse.lag.is_over();
            return;
        }
        // What a session is to be told changes is not known to a new leader at all.
        if pulse.told.is_none() || pulse.lag.stands_at(now, applied, patience) {
            pulse.told = None;
            self.wants_all.insert(slot);
        }
    }

    /// A session that is not in the state. Only what is stored is said: an end that is merely decided may still be
    /// overtaken by another leader.
    fn answer_stranger(&mut self, caller: Caller, id: SessionId, seq: u64, out: &mut Vec<Effect>) {
        if is(Planted::BeatRecreates) || is(Planted::AcksTheEnding) && self.is_ending(id) {
            let pace = self.pace();
            out.push(Effect::Reply(caller, ToExecutor::Acknowledged { session: id, seq, pace }));
            return;
        }
        if self.is_ending(id) || self.behind.is_some() || id.began > self.state.version() {
            return;
        }
        let is_voided = id.began.incarnation < self.state.version().incarnation;
        let why = if is_voided { Ending::Voided } else { Ending::Expired };
        self.gaps.told(id, self.last_awake);
        out.push(Effect::Reply(caller, ToExecutor::Ended { session: id, why }));
    }

    /// Somebody has seen what this store never was: it went back in time, and its tokens would repeat.
    pub(super) fn notice_seen(&mut self, seen: Version, out: &mut Vec<Effect>) {
        if is(Planted::SeenForgotten) {
            return;
        }
        if seen.is_absurd_after(self.state.version()) {
            out.push(Effect::Notice(Notice::Absurd { seen }));
            return;
        }
        // What is on its way to the store has been told to nobody.
        if seen > self.state.version() && self.behind.is_none_or(|known| seen > known) {
            self.behind = Some(seen);
            out.push(Effect::Notice(Notice::Behind { seen }));
        }
    }

    /// Nothing is granted while the store is known to be behind, or others may hold what it does not know.
    pub(super) const fn may_grant(&self) -> bool {
        self.behind.is_none() && self.waits_until.is_none()
    }

    fn measured(&mut self, now: Mono, slot: Slot, shard: &str, load: f64) {
        let owned = self
            .state
            .index_of(shard)
            .filter(|&index| self.state.shard_at(index).is_some_and(|shard| shard.owner == Some(slot)));
        if let Some(index) = owned {
            self.planner.measured(now, index, load);
        }
    }

    fn done(&mut self, slot: Slot, grant: &Grant) {
        let Some(index) = self.state.index_of(&grant.shard) else { return };
        let Some(shard) = self.state.shard_at(index) else { return };
        // Only from the owner, and only about this stay of it: what comes late may speak of a shard that was needed
        // again since.
        if shard.owner != Some(slot) || shard.token != grant.token {
            return;
        }
        // One that is drained stays, so that it is not made again.
        if self.state.config().kind == super::Kind::Ephemeral && !shard.drained {
            self.change(Change::ShardRetired(grant.shard.clone()));
        } else {
            // A fixed shard is never of no use; but this owner has let go of it.
            self.released(slot, grant);
        }
    }
}
