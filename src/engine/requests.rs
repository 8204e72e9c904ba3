//! What services and operators ask for.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Answer, Caller, Change, Effect, Engine, Freeze, Handover, Keying, Kind, NamespaceConfig, Ownership,
    PolicyText, Request, RequestError, SessionRecord, ShardRecord, Standing, add_missing_shards, settings,
    state::{Index, MAX_DRAINED, Slot},
};
use crate::{
    planted::{Planted, is},
    types::{ExecutorId, Mono, ShardKey, Token},
};

/// Longest policy, in bytes.
pub(super) const MAX_POLICY_BYTES: usize = 64 << 10;

impl Engine {
    pub(super) fn asked(&mut self, now: Mono, caller: Caller, request: Request, out: &mut Vec<Effect>) {
        if let Some(answer) = self.explain(now, &request) {
            out.push(Effect::Answer(caller, answer));
        } else if let Err(error) = self.try_asked(now, caller, request, out) {
            out.push(Effect::Answer(caller, Err(error)));
        }
    }

    /// Answers by itself when it succeeds; an error has changed nothing.
    fn try_asked(
        &mut self,
        now: Mono,
        caller: Caller,
        request: Request,
        out: &mut Vec<Effect>,
    ) -> Result<(), RequestError> {
        if !self.is_leading(now) {
            return Err(RequestError::NotLeading);
        }
        if self.is_busy() {
            return Err(RequestError::Busy);
        }
        match request {
            Request::Rounds(_) | Request::Round(_) | Request::PreviewRound | Request::MayStop(_) => {
                return Ok(());
            }
            Request::Ensure(key) => return self.ensure(now, caller, key),
            Request::UndrainShards(keys) => {
                let undrained = self.undrain_shards(keys);
                self.planner.hurry(now);
                self.answer_then(caller, Ok(Answer::Undrained(undrained)));
                return Ok(());
            }
            Request::Reset => {
                out.push(Effect::StartOver(caller, self.held_for()));
                return Ok(());
            }
            Request::Delete => self.change(Change::Deleted),
            Request::Drain(executor) => self.drain(&executor)?,
            Request::Undrain(executor) => self.undrain(&executor)?,
            Request::DrainShards(keys) => self.drain_shards(keys)?,
            Request::Move(key, executor) => self.move_to(now, &key, &executor)?,
            Request::Pin(key, executor) => self.edit_shard(&key, |record| record.pin = executor)?,
            Request::Release(key) => self.edit_shard(&key, |record| record.quarantined = false)?,
            Request::Freeze(freeze) => self.change(Change::Freeze(freeze)),
            Request::SetPolicy(text) => return self.set_policy(caller, text),
            Request::Configure(config) => self.configure(now, *config)?,
            Request::Remove(executor) => self.remove(&executor)?,
            Request::AllowExpiry => self.liveness.allow_expiry(now),
        }
        self.planner.hurry(now);
        self.done_then(caller);
        Ok(())
    }

    /// Says who owns a shard, and creates it in an ephemeral namespace.
    fn ensure(&mut self, now: Mono, caller: Caller, key: ShardKey) -> Result<(), RequestError> {
        let key = self.state.shard_of(&key);
        let index = match self.state.index_of(&key) {
            Some(index) => index,
            None => self.create(now, key.clone())?,
        };
        let shard = self.state.shard_at(index).expect("an index in a table is of a shard that is there");
        if shard.drained {
            return Err(RequestError::ShardDrained(key));
        }
        let token = shard.token;
        let owner = shard.owner.and_then(|slot| self.state.session(slot));
        let owner = owner.ok_or(RequestError::Unassigned(key))?;
        let answer =
            Answer::Owner { executor: owner.record.executor.clone(), session: owner.record.id, token };
        self.answer_then(caller, Ok(answer));
        Ok(())
    }

    /// Creates a shard together with its owner, or not at all.
    fn create(&mut self, now: Mono, key: ShardKey) -> Result<Index, RequestError> {
        let config = self.state.config();
        if config.kind != Kind::Ephemeral {
            return Err(RequestError::NoSuchShard(key));
        }
        if self.state.shard_count() >= config.max_shards {
            return Err(RequestError::TooManyShards { limit: config.max_shards });
        }
        if self.state.freeze() == Freeze::All {
            return Err(RequestError::Frozen);
        }
        self.check_may_grant()?;
        let to = self.place_one(now, &key).ok_or(RequestError::NobodyAvailable)?;
        let (owner, token) = (self.state.id_of(to), self.next_token());
        self.change(Change::Shard(ShardRecord { owner, token, ..ShardRecord::new(key.clone()) }));
        Ok(self.state.index_of(&key).expect("it was put just now"))
    }

    /// An operator drains executors, not processes: whatever session it has later is drained too, also if it has none at
    /// the moment.
    fn drain(&mut self, executor: &ExecutorId) -> Result<(), RequestError> {
        if !self.state.is_drained(executor) {
            if self.state.drained_count() >= MAX_DRAINED {
                self.forget_a_drain()?;
            }
            self.change(Change::Drained(executor.clone(), true));
        }
        if let Ok((_, record)) = self.session_of(executor) {
            self.set_standing(record, Standing::Draining { by_operator: true });
        }
        Ok(())
    }

    /// Of those that are not there, most will never come back.
    fn forget_a_drain(&mut self) -> Result<(), RequestError> {
        let is_absent = |executor: &&ExecutorId| self.state.slot_of_executor(executor).is_none();
        let absent = self.state.drained().find(is_absent).cloned();
        let absent = absent.ok_or(RequestError::TooManyDrained { limit: MAX_DRAINED })?;
        self.change(Change::Drained(absent, false));
        Ok(())
    }

    fn undrain(&mut self, executor: &ExecutorId) -> Result<(), RequestError> {
        let session = self.session_of(executor);
        if self.state.is_drained(executor) {
            self.change(Change::Drained(executor.clone(), false));
        } else {
            session.clone()?;
        }
        if let Ok((_, record)) = session {
            // An executor that is about to stop is given nothing, whatever the operator thinks of it.
            let standing = match self.draining.contains(&record.id) {
                true => Standing::Draining { by_operator: false },
                false => Standing::Active,
            };
            self.set_standing(record, standing);
        }
        Ok(())
    }

    /// All of them, or none.
    fn drain_shards(&mut self, keys: Vec<ShardKey>) -> Result<(), RequestError> {
        let config = self.state.config();
        let (is_fixed, limit) = (config.kind != Kind::Ephemeral, config.max_shards);
        let new: BTreeSet<&ShardKey> = keys.iter().filter(|key| self.state.index_of(key).is_none()).collect();
        if let Some(&key) = new.first().filter(|_| is_fixed) {
            return Err(RequestError::NoSuchShard(key.clone()));
        }
        if self.state.shard_count() + new.len() > limit {
            return Err(RequestError::TooManyShards { limit });
        }
        for key in keys {
            let index = self.state.index_of(&key);
            let record = index.map_or_else(|| ShardRecord::new(key), |index| self.state.record_of(index));
            if record.drained {
                continue;
            }
            // Whoever has it lets go of it, to nobody.
            let since = record.handover.map_or_else(|| self.next_version(), |handover| handover.since);
            let handover = record.owner.map(|_| Handover { to: None, since });
            self.change(Change::Shard(ShardRecord { drained: true, handover, ..record }));
        }
        Ok(())
    }

    fn undrain_shards(&mut self, keys: Vec<ShardKey>) -> Vec<ShardKey> {
        let mut undrained = Vec::new();
        for key in keys {
            let record = self.state.index_of(&key).map(|index| self.state.record_of(index));
            let Some(record) = record.filter(|record| record.drained) else { continue };
            // One that nobody ever asked for was there only to be drained.
            let was_needed = self.state.config().kind != Kind::Ephemeral || record.token != Token::default();
            self.change(match was_needed {
                true => Change::Shard(ShardRecord { drained: false, ..record }),
                false => Change::ShardRetired(key.clone()),
            });
            undrained.push(key);
        }
        undrained
    }

    fn set_standing(&mut self, record: SessionRecord, standing: Standing) {
        if record.standing != standing {
            self.change(Change::Session(SessionRecord { standing, ..record }));
        }
    }

    fn move_to(&mut self, now: Mono, key: &ShardKey, executor: &ExecutorId) -> Result<(), RequestError> {
        let index = self.state.index_of(key).ok_or_else(|| RequestError::NoSuchShard(key.clone()))?;
        let (to, _) = self.session_of(executor)?;
        if !self.can_receive(to) {
            return Err(RequestError::NotReceiving(executor.clone()));
        }
        self.check_may_grant()?;
        let record = self.state.record_of(index);
        self.check_room(to, executor, index)?;
        if record.drained {
            return Err(RequestError::ShardDrained(key.clone()));
        }
        // Balance does not undo at once what an operator did.
        self.planner.note_moved(now, index);
        let Some(owner) = record.owner else {
            // It was taken from somebody in this very commit, and can have one new owner in it.
            if self.is_granted_now(index) {
                return Err(RequestError::InHandover(key.clone()));
            }
            self.grant(index, ShardRecord { quarantined: false, ..record }, to);
            return Ok(());
        };
        if record.handover.is_some() {
            return Err(RequestError::InHandover(key.clone()));
        }
        if self.state.slot_of(owner) != Some(to) {
            let handover = Some(Handover { to: self.state.id_of(to), since: self.next_version() });
            self.change(Change::Shard(ShardRecord { handover, ..record }));
        }
        Ok(())
    }

    /// Hard capacity binds operators as well. What is on its way to the executor counts, and what it has of the shard already.
    fn check_room(&self, to: Slot, executor: &ExecutorId, index: Index) -> Result<(), RequestError> {
        let Some(session) = self.state.session(to) else { return Ok(()) };
        let Some(limit) = session.record.profile.max_shards else { return Ok(()) };
        let is_its = self.state.shard_at(index).is_some_and(|shard| shard.owner == Some(to));
        let has = session.shards.len() + self.state.moving_to(to).filter(|other| *other != index).count();
        if is_its || has < limit as usize {
            return Ok(());
        }
        Err(RequestError::NoRoom { executor: executor.clone(), limit })
    }

    fn check_may_grant(&self) -> Result<(), RequestError> {
        match self.behind {
            Some(seen) => Err(RequestError::NeedsAdoption { seen }),
            None if self.may_grant() => Ok(()),
            None => Err(RequestError::NobodyAvailable),
        }
    }

    fn edit_shard(
        &mut self,
        key: &ShardKey,
        edit: impl FnOnce(&mut ShardRecord),
    ) -> Result<(), RequestError> {
        let index = self.state.index_of(key).ok_or_else(|| RequestError::NoSuchShard(key.clone()))?;
        let before = self.state.record_of(index);
        let mut record = before.clone();
        edit(&mut record);
        if record != before {
            self.change(Change::Shard(record));
        }
        Ok(())
    }

    fn set_policy(&mut self, caller: Caller, text: String) -> Result<(), RequestError> {
        if text.len() > MAX_POLICY_BYTES {
            return Err(RequestError::PolicyTooLong { limit: MAX_POLICY_BYTES });
        }
        let policy = PolicyText { epoch: self.state.policy().epoch + 1, text: text.into() };
        self.change(Change::Policy(policy.clone()));
        self.answer_then(caller, Ok(Answer::Policy(policy)));
        Ok(())
    }

    fn configure(&mut self, now: Mono, config: NamespaceConfig) -> Result<(), RequestError> {
        config.check().map_err(RequestError::BadConfig)?;
        let old = self.state.config().clone();
        match (old.kind, config.kind) {
            (Kind::Ephemeral, Kind::Ephemeral) => {}
            // Growing appends shards. Shrinking would take shards away that callers ask for as long as they believe in
            // the old number, from whom nobody could take them back.
            (Kind::Fixed { shards: from }, Kind::Fixed { shards: to }) if to < from => {
                return Err(RequestError::Shrinks { from, to });
            }
            _ if config.keys != old.keys => return Err(RequestError::Rehashes),
            (Kind::Fixed { shards: from }, Kind::Fixed { shards: to }) if to > from => {
                if config.keys == Keying::Hashed {
                    return Err(RequestError::Rehashes);
                }
            }
            (Kind::Fixed { .. }, Kind::Fixed { .. }) => {}
            _ => return Err(RequestError::KindChange),
        }
        let becomes_exclusive =
            old.ownership == Ownership::Affinity && config.ownership == Ownership::Exclusive;
        let forbids_unfenced = config.ownership == Ownership::Exclusive && !config.allow_unfenced;
        if !is(Planted::FenceTooSoon) && (becomes_exclusive || forbids_unfenced && !self.state.is_exclusive())
        {
            self.check_nothing_is_unfenced(becomes_exclusive)?;
        }
        if config.lease < old.lease {
            self.shortened_until = Some(now + old.rates.listening(self.state.longest_lease()));
        }
        self.change(Change::Config(Arc::new(config)));
        self.liveness.configure(settings(&self.state));
        let known = self.open.changes.len();
        add_missing_shards(&mut self.state, &mut self.open);
        for change in known..self.open.changes.len() {
            if let Change::Shard(record) = &self.open.changes[change]
                && let Some(index) = self.state.index_of(&record.key)
            {
                self.planner.shard_changed(&self.state, index);
            }
        }
        Ok(())
    }

    /// In an affinity namespace nobody counts on leases, so whoever has a shard may serve it without one.
    fn check_nothing_is_unfenced(&self, whoever_has_it: bool) -> Result<(), RequestError> {
        let is_unfenced = |owner: Slot| {
            whoever_has_it || self.state.session(owner).is_some_and(|session| session.record.unfenced)
        };
        let shards = self.state.indices().filter_map(|index| self.state.shard_at(index));
        match shards.into_iter().find(|shard| shard.owner.is_some_and(is_unfenced)) {
            Some(shard) => Err(RequestError::StillUnfenced { shard: shard.key.clone() }),
            None => Ok(()),
        }
    }

    /// Expires a session before its time is over only as far as its executor cannot tell the difference: it is not
    /// acknowledged any more, and expires when what it was promised has run out.
    fn remove(&mut self, executor: &ExecutorId) -> Result<(), RequestError> {
        let (_, record) = self.session_of(executor)?;
        self.change(Change::Session(SessionRecord { standing: Standing::Removed, ..record }));
        Ok(())
    }

    fn session_of(&self, executor: &ExecutorId) -> Result<(Slot, SessionRecord), RequestError> {
        let slot = self.state.slot_of_executor(executor);
        let session = slot.and_then(|slot| Some((slot, self.state.session(slot)?.record.clone())));
        // What was replaced, voided or removed comes back by nobody's wish.
        session
            .filter(|(_, record)| record.standing.is_current())
            .ok_or_else(|| RequestError::NoSuchExecutor(executor.clone()))
    }
}
