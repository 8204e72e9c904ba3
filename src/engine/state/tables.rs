//! How the tables of a state change together.

use std::time::Duration;

use super::{
    super::{SessionRecord, ShardRecord, change::Extra},
    Index, Moving, Session, Shard, Slot, State,
};
use crate::types::{SessionId, ShardKey, Token};

impl State {
    pub(super) fn put_session(&mut self, record: &SessionRecord) {
        let slot = match self.by_id.get(&record.id) {
            Some(&slot) => slot,
            None => self.add_session(record),
        };
        let session = self.sessions[slot as usize].as_mut().expect("the table of ids knows sessions only");
        session.record = record.clone();
    }

    fn add_session(&mut self, record: &SessionRecord) -> Slot {
        let slot = self.free_slots.pop().unwrap_or_else(|| {
            self.sessions.push(None);
            self.sessions.len() as Slot - 1
        });
        self.sessions[slot as usize] =
            Some(Session { record: record.clone(), shards: Vec::new(), age: Duration::ZERO });
        self.by_id.insert(record.id, slot);
        let slots = self.by_executor.entry(record.executor.clone()).or_default();
        slots.push(slot);
        slots.sort_unstable_by_key(|&slot| {
            self.sessions[slot as usize].as_ref().map(|session| session.record.id)
        });
        slot
    }

    pub(super) fn end_session(&mut self, id: SessionId) {
        let Some(slot) = self.by_id.remove(&id) else { return };
        let Some(session) = self.sessions[slot as usize].take() else { return };
        for index in session.shards {
            // Whoever ends a session has dealt with its shards; if not, nobody may believe that it still owns them.
            self.set_handover(index, None);
            if let Some(shard) = &mut self.shards[index as usize] {
                shard.owner = None;
            }
        }
        // Nor may the next session in this slot be taken for the destination.
        let lost: Vec<Index> = self.moving_to(slot).collect();
        for index in lost {
            let handover = self.shards[index as usize].as_ref().and_then(|shard| shard.handover);
            self.set_handover(index, handover.map(|moving| Moving { to: None, ..moving }));
        }
        if let Some(slots) = self.by_executor.get_mut(&session.record.executor) {
            slots.retain(|other| *other != slot);
            if slots.is_empty() {
                self.by_executor.remove(&session.record.executor);
            }
        }
        self.free_slots.push(slot);
    }

    pub(super) fn put_shard(&mut self, record: &ShardRecord) {
        let index = match self.by_key.get(&record.key) {
            Some(&index) => index,
            None => self.add_shard(&record.key),
        };
        let owner = record.owner.and_then(|id| self.slot_of(id));
        self.set_owner(index, owner);
        let moving = record.handover.map(|handover| Moving {
            to: handover.to.and_then(|id| self.slot_of(id)),
            since: handover.since,
        });
        self.set_handover(index, moving.filter(|_| owner.is_some()));
        let shard = self.shards[index as usize].as_mut().expect("it was found or added just now");
        shard.token = record.token;
        shard.handover_extra =
            if shard.handover.is_some() { record.handover_extra.clone() } else { Extra::default() };
        if shard.handover.is_some() {
            // It has been moved since whatever said otherwise.
            self.times.entry(index).or_default().moved_ago = Some(Duration::ZERO);
        }
        if shard.quarantined != record.quarantined
            && let Some(times) = self.times.get_mut(&index)
        {
            times.quarantined_for = None;
        }
        if shard.pin != record.pin {
            self.pinned.extend(record.pin.clone().map(|executor| (executor, index)));
            let before = std::mem::replace(&mut shard.pin, record.pin.clone());
            before.map(|executor| self.pinned.remove(&(executor, index)));
        }
        self.quarantined -= usize::from(std::mem::replace(&mut shard.quarantined, record.quarantined));
        self.quarantined += usize::from(record.quarantined);
        shard.drained = record.drained;
        shard.extra.clone_from(&record.extra);
    }

    fn set_handover(&mut self, index: Index, handover: Option<Moving>) {
        let Some(shard) = &mut self.shards[index as usize] else { return };
        if let Some(before) = shard.handover {
            self.moving.remove(&(before.to, index));
        }
        if let Some(moving) = handover {
            self.moving.insert((moving.to, index));
        }
        shard.handover = handover;
    }

    fn add_shard(&mut self, key: &ShardKey) -> Index {
        let index = self.free_indices.pop().unwrap_or_else(|| {
            self.shards.push(None);
            self.shards.len() as Index - 1
        });
        self.shards[index as usize] = Some(Shard {
            key: key.clone(),
            owner: None,
            place: 0,
            token: Token::default(),
            handover: None,
            handover_extra: Extra::default(),
            pin: None,
            quarantined: false,
            drained: false,
            load: None,
            extra: Extra::default(),
        });
        self.by_key.insert(key.clone(), index);
        index
    }

    pub(super) fn retire(&mut self, key: &ShardKey) {
        let Some(index) = self.by_key.remove(key) else { return };
        self.set_owner(index, None);
        self.set_handover(index, None);
        self.times.remove(&index);
        let shard = self.shards[index as usize].take();
        self.quarantined -= usize::from(shard.as_ref().is_some_and(|shard| shard.quarantined));
        if let Some(executor) = shard.and_then(|shard| shard.pin) {
            self.pinned.remove(&(executor, index));
        }
        self.free_indices.push(index);
    }

    fn set_owner(&mut self, index: Index, owner: Option<Slot>) {
        let Some(shard) = &mut self.shards[index as usize] else { return };
        if shard.owner == owner {
            return;
        }
        let (old, place) = (shard.owner, shard.place);
        shard.owner = owner;
        if let Some(list) =
            old.and_then(|slot| self.sessions[slot as usize].as_mut()).map(|session| &mut session.shards)
        {
            list.swap_remove(place as usize);
            let moved = list.get(place as usize).copied();
            if let Some(moved) = moved.and_then(|moved| self.shards[moved as usize].as_mut()) {
                moved.place = place;
            }
        }
        if let Some(list) =
            owner.and_then(|slot| self.sessions[slot as usize].as_mut()).map(|session| &mut session.shards)
        {
            list.push(index);
            let place = list.len() as u32 - 1;
            if let Some(shard) = &mut self.shards[index as usize] {
                shard.place = place;
            }
        }
    }
}
