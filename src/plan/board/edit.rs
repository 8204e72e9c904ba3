//! Edits of a board. Every one keeps the sums and lists right.

use std::{
    ops::{AddAssign, SubAssign},
    sync::Arc,
};

use super::{
    Board, Held, MAX_SHARDS, Phase, Pin,
    record::{Flag, Record},
};
use crate::{
    plan::{Action, Executor, ExecutorSlot, Load, Plan, Seat, ShardSlot, Smoothing, State, Tally},
    types::Mono,
};

impl Board {
    /// Seats a new session.
    pub fn add_executor(&mut self, executor: Executor, state: State, receives: bool) -> ExecutorSlot {
        let tally = Tally::default();
        let seat =
            Seat { executor: Arc::new(executor), state, receives, held: tally, coming: tally, going: tally };
        let held = Some(Held { seat, shards: Vec::new() });
        let slot = match self.free_seats.pop() {
            Some(slot) => {
                self.seats[slot.index()] = held;
                slot
            }
            None => {
                self.seats.push(held);
                ExecutorSlot::new(self.seats.len() - 1)
            }
        };
        self.members_changed();
        slot
    }

    /// Frees the slot of a session that owns nothing and that nothing moves to. Pins to it point away from then on.
    /// Answers whether it was free to go; if not, nothing has changed.
    pub fn remove_executor(&mut self, slot: ExecutorSlot) -> bool {
        let seat = &self.held(slot).seat;
        if seat.held.shards > 0 || seat.coming.shards > 0 {
            return false;
        }
        self.seats[slot.index()] = None;
        self.free_seats.push(slot);
        for pin in self.pins.values_mut().filter(|pin| **pin == Pin::To(slot)) {
            *pin = Pin::Away;
        }
        self.members_changed();
        true
    }

    /// A session's next state. One that was lost unexpectedly, as opposed to one that was draining, is remembered with
    /// the shards it had: see [`Losses`](super::Losses).
    pub fn set_state(&mut self, slot: ExecutorSlot, state: State, now: Mono) {
        let before = self.state_of(slot);
        if state == State::Gone && matches!(before, State::Active | State::Superseded) {
            let Self { losses, seats, .. } = self;
            losses.add(now, seats[slot.index()].as_ref().map_or(&[], |held| &held.shards));
        }
        if before != state {
            self.seat_mut(slot).state = state;
            self.members_changed();
        }
    }

    /// Whether a session may be given shards.
    pub fn set_receives(&mut self, slot: ExecutorSlot, receives: bool) {
        if self.held(slot).seat.receives != receives {
            self.seat_mut(slot).receives = receives;
            self.members_changed();
        }
    }

    /// A new shard, which nobody owns yet. `position` is where it lies on a ring of the board's spec.
    ///
    /// # Panics
    ///
    /// When the board has [`MAX_SHARDS`].
    pub fn add_shard(&mut self, position: u64) -> ShardSlot {
        let slot = match self.free_records.pop() {
            Some(slot) => slot,
            None => {
                assert!(self.records.len() < MAX_SHARDS, "a namespace has at most {MAX_SHARDS} shards");
                self.records.push(Record::new(position));
                ShardSlot::new(self.records.len() - 1)
            }
        };
        self.records[slot.index()] = Record::new(position);
        self.list(slot);
        self.weigh(slot, AddAssign::add_assign);
        slot
    }

    /// Takes a shard off the board, whoever owns it. Its slot is free again.
    pub fn remove_shard(&mut self, slot: ShardSlot) {
        self.weigh(slot, SubAssign::sub_assign);
        self.unlist(slot);
        self.moving.remove(&slot);
        self.pins.remove(&slot);
        self.quarantine.remove(&slot);
        self.losses.forget(slot);
        self.swinging.remove(&slot);
        self.records[slot.index()].set(Flag::Present, false);
        self.free_records.push(slot);
    }

    /// Gives a shard to an executor or takes it from everybody. A move that was under way is over by that.
    pub fn set_owner(&mut self, slot: ShardSlot, owner: Option<ExecutorSlot>) {
        if let Some(owner) = owner {
            self.held(owner);
        }
        self.weigh(slot, SubAssign::sub_assign);
        self.unlist(slot);
        self.moving.remove(&slot);
        let record = &mut self.records[slot.index()];
        record.set(Flag::Moving, false);
        record.owner = owner;
        self.list(slot);
        self.weigh(slot, AddAssign::add_assign);
    }

    /// Begins a move, gives it another destination, or, with [`Phase::Settled`], calls it off.
    ///
    /// # Panics
    ///
    /// When nobody owns the shard: what has no owner is not moved but given.
    pub fn set_phase(&mut self, slot: ShardSlot, phase: Phase) {
        assert!(self.record(slot).owner.is_some(), "shard {slot} has no owner to move it from");
        self.weigh(slot, SubAssign::sub_assign);
        match phase {
            Phase::Settled => {
                self.moving.remove(&slot);
            }
            Phase::Moving(to) => {
                if let Some(to) = to {
                    self.held(to);
                }
                self.moving.insert(slot, to);
            }
        }
        self.records[slot.index()].set(Flag::Moving, phase != Phase::Settled);
        self.weigh(slot, AddAssign::add_assign);
    }

    /// The owner of a moving shard has let go of it: the destination owns it now, or nobody if there is none.
    pub fn finish_move(&mut self, slot: ShardSlot) {
        let to = self.moving.get(&slot).copied().flatten();
        self.set_owner(slot, to);
    }

    /// Notes that a shard is moved for balance's sake, which starts its cooldown.
    pub fn note_moved(&mut self, slot: ShardSlot, now: Mono) {
        self.record(slot);
        self.records[slot.index()].set_moved(now);
    }

    /// One more sample of a shard's load.
    pub fn add_load_sample(&mut self, slot: ShardSlot, sample: Load, now: Mono, smoothing: Smoothing) {
        self.weigh(slot, SubAssign::sub_assign);
        self.records[slot.index()].add_sample(sample, now, smoothing);
        self.weigh(slot, AddAssign::add_assign);
        self.note_swinging(slot);
    }

    /// A shard's smoothed load as another leader left it; `None`: not measured.
    pub fn set_load(&mut self, slot: ShardSlot, load: Option<Load>, now: Mono) {
        self.weigh(slot, SubAssign::sub_assign);
        self.records[slot.index()].set_load(load, now);
        self.weigh(slot, AddAssign::add_assign);
        self.note_swinging(slot);
    }

    /// Pins a shard or lets it go.
    pub fn set_pin(&mut self, slot: ShardSlot, pin: Option<Pin>) {
        self.record(slot);
        if let Some(Pin::To(to)) = pin {
            self.held(to);
        }
        self.records[slot.index()].set(Flag::Pinned, pin.is_some());
        match pin {
            Some(pin) => self.pins.insert(slot, pin),
            None => self.pins.remove(&slot),
        };
    }

    /// Nobody is given this shard until then; `None` ends that.
    pub fn set_quarantine(&mut self, slot: ShardSlot, until: Option<Mono>) {
        self.record(slot);
        self.records[slot.index()].set(Flag::Quarantined, until.is_some());
        match until {
            Some(until) => self.quarantine.insert(slot, until),
            None => {
                // It has served its time: what it did before is not held against it again.
                self.losses.forget(slot);
                self.quarantine.remove(&slot)
            }
        };
    }

    /// Does what a plan says, as if all of it had been committed now. Moves begin; they end with
    /// [`finish_move`](Self::finish_move).
    pub fn apply(&mut self, plan: &Plan, now: Mono) {
        for (shard, until) in &plan.quarantine {
            self.set_quarantine(*shard, *until);
        }
        for change in &plan.moves {
            match change.action {
                Action::Grant(to) => self.set_owner(change.shard, Some(to)),
                Action::Unassign => self.set_owner(change.shard, None),
                Action::HandOver(to) => self.set_phase(change.shard, Phase::Moving(Some(to))),
                Action::Redirect(to) => self.set_phase(change.shard, Phase::Moving(to)),
            }
            if change.reason.is_balance() {
                self.note_moved(change.shard, now);
            }
        }
    }

    /// Counts a shard in or out of everything that it is part of.
    fn weigh(&mut self, slot: ShardSlot, count: fn(&mut Tally, Tally)) {
        let record = self.record(slot);
        let (tally, owner, is_moving) = (Tally::of(record.load()), record.owner, record.is(Flag::Moving));
        count(&mut self.total, tally);
        if let Some(owner) = owner {
            let seat = self.seat_mut(owner);
            count(&mut seat.held, tally);
            if is_moving {
                count(&mut seat.going, tally);
            }
        }
        let to = if is_moving { self.moving[&slot] } else { None };
        if let Some(to) = to {
            count(&mut self.seat_mut(to).coming, tally);
        }
    }

    fn note_swinging(&mut self, slot: ShardSlot) {
        if self.records[slot.index()].is_swinging() {
            self.swinging.insert(slot);
        } else if !self.swinging.is_empty() {
            self.swinging.remove(&slot);
        }
    }

    fn list(&mut self, slot: ShardSlot) {
        let owner = self.record(slot).owner;
        let list = self.list_of(owner);
        list.push(slot);
        let place = list.len() as u32 - 1;
        self.records[slot.index()].place = place;
    }

    fn unlist(&mut self, slot: ShardSlot) {
        let (owner, place) = (self.record(slot).owner, self.record(slot).place);
        let list = self.list_of(owner);
        list.swap_remove(place as usize);
        if let Some(&moved) = list.get(place as usize) {
            self.records[moved.index()].place = place;
        }
    }

    fn list_of(&mut self, owner: Option<ExecutorSlot>) -> &mut Vec<ShardSlot> {
        match owner {
            Some(owner) => {
                let held = self.seats.get_mut(owner.index()).and_then(Option::as_mut);
                &mut held.expect("an owner has a seat").shards
            }
            None => &mut self.unowned,
        }
    }

    fn seat_mut(&mut self, slot: ExecutorSlot) -> &mut Seat {
        let held = self.seats.get_mut(slot.index()).and_then(Option::as_mut);
        &mut held.expect("the board has this session").seat
    }

    fn members_changed(&mut self) {
        if let Some(ring) = self.ring.take() {
            self.last_ring = Some(ring);
        }
    }
}
