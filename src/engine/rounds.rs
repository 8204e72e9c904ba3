//! The planner's rounds: what it is shown, when it is asked, and how its moves become changes.

mod seat;
mod sight;
mod snapshot;

use std::time::Duration;

use sight::Sight;

use super::{
    Change, Engine, Freeze, Handover, PlanFigures, RoundNote, ShardRecord, Standing, State,
    state::{Index, Slot},
};
use crate::{
    hash::xxh3,
    plan::{self, Action, Board, ExecutorSlot, Load, Phase, Pin, Round, Rounds, ShardSlot},
    planted::{Planted, is},
    ring::RingSpec,
    session::Ending,
    types::{ExecutorId, Mono, ShardKey, Token},
};

/// The planner's picture of the namespace, kept in step with the state.
#[derive(Debug)]
pub(super) struct Planner {
    board: Board,
    config: plan::Config,
    smoothing: plan::Smoothing,
    seats: Vec<Option<ExecutorSlot>>,
    slots: Vec<Option<Slot>>,
    shards: Vec<Option<ShardSlot>>,
    indices: Vec<Option<Index>>,
    /// When each shard was granted last, by its index; zero if another leader did.
    granted: Vec<Mono>,
    /// Sessions that are over, and whose shards the next round deals with.
    gone: Vec<(Slot, Ending)>,
    /// Something waits for a round.
    is_urgent: bool,
    next_round: Mono,
    /// When the first session came, as long as no shard has ever had an owner.
    gathering_since: Option<Mono>,
    has_placed: bool,
    /// Whether what shards weigh is known.
    sight: Sight,
    now: Mono,
    /// The last ones.
    rounds: Rounds,
    figures: PlanFigures,
}

impl Planner {
    pub(super) fn new(state: &State, now: Mono) -> Self {
        let mut planner = Self {
            board: Board::new(RingSpec::default()),
            config: plan::Config::default(),
            smoothing: plan::Smoothing::plain(Duration::ZERO),
            seats: Vec::new(),
            slots: Vec::new(),
            shards: Vec::new(),
            indices: Vec::new(),
            granted: Vec::new(),
            gone: Vec::new(),
            is_urgent: true,
            next_round: now,
            gathering_since: None,
            has_placed: false,
            sight: Sight::Clear,
            now,
            rounds: Rounds::default(),
            figures: PlanFigures::default(),
        };
        planner.configured(state);
        for (slot, _) in state.slots() {
            planner.session_changed(state, slot);
        }
        let mut knows_loads = false;
        for index in state.indices() {
            planner.shard_changed(state, index);
            knows_loads |= state.shard_at(index).is_some_and(|shard| shard.load.is_some());
        }
        if planner.has_placed && !knows_loads {
            planner.sight = Sight::Blind;
        }
        planner
    }

    pub(super) const fn next_round(&self) -> Option<Mono> {
        Some(if self.is_urgent { self.now } else { self.next_round })
    }

    /// The next round is to be held at once.
    pub(super) const fn hurry(&mut self, now: Mono) {
        self.now = now;
        self.is_urgent = true;
    }

    pub(super) fn configured(&mut self, state: &State) {
        self.config = state.config().plan.clone();
        self.smoothing = self.config.strategy.smoothing();
        self.config.freeze |= state.freeze() != Freeze::Off || matches!(self.sight, Sight::Adapting(_));
        self.is_urgent = true;
    }

    pub(super) fn session_changed(&mut self, state: &State, slot: Slot) {
        let Some(session) = state.session(slot) else { return };
        let record = &session.record;
        let standing = match record.standing {
            Standing::Active => plan::State::Active,
            Standing::Draining { .. } => plan::State::Draining,
            // Neither is given anything or asked for anything.
            Standing::Superseded | Standing::Removed | Standing::Pending => plan::State::Superseded,
        };
        self.is_urgent = true;
        if let Some(seat) = self.seat(slot) {
            self.board.set_state(seat, standing, self.now);
            if record.is_active() {
                self.pin_again(state, &record.executor, seat);
            }
            return;
        }
        let joined = self.now.back(session.age);
        let seat = self.board.add_executor(seat::executor(record, joined), standing, false);
        put(&mut self.seats, slot as usize, Some(seat));
        put(&mut self.slots, seat.index(), Some(slot));
        if !self.has_placed {
            self.gathering_since.get_or_insert(self.now);
        }
        self.pin_again(state, &record.executor, seat);
    }

    pub(super) fn session_gone(&mut self, slot: Slot) {
        let Some(seat) = self.seat(slot) else { return };
        self.gone.retain(|&(gone, _)| gone != slot);
        let is_removed = self.board.remove_executor(seat);
        debug_assert!(is_removed, "a session ends only when nothing is on it or on its way to it");
        self.seats[slot as usize] = None;
        self.slots[seat.index()] = None;
    }

    pub(super) fn shard_changed(&mut self, state: &State, index: Index) {
        let Some(shard) = state.shard_at(index) else { return };
        let slot = match self.shard(index) {
            Some(slot) => slot,
            None => {
                let slot = self.board.add_shard(xxh3(shard.key.as_bytes()));
                put(&mut self.shards, index as usize, Some(slot));
                put(&mut self.indices, slot.index(), Some(index));
                let load = shard.load.and_then(|load| Load::new(load.into()));
                self.board.set_load(slot, load, self.now);
                if let Some(ago) = state.times_of(index).moved_ago {
                    self.board.note_moved(slot, self.now.back(ago));
                }
                slot
            }
        };
        let owner = shard.owner.and_then(|owner| self.seat(owner));
        let before = self.board.shard(slot).expect("it is on the board");
        if before.owner != owner {
            self.board.set_owner(slot, owner);
        }
        let phase = match shard.handover {
            Some(_) if is(Planted::MovesRedecided) => Phase::Settled,
            Some(moving) => Phase::Moving(moving.to.and_then(|to| self.seat(to))),
            None => Phase::Settled,
        };
        if owner.is_some() && self.board.shard(slot).is_some_and(|now| now.phase != phase) {
            self.board.set_phase(slot, phase);
        }
        let pin = match &shard.pin {
            // As if it were pinned to an executor that never comes.
            _ if shard.drained => Some(Pin::Away),
            Some(executor) => {
                let seat = state.slot_of_executor(executor).and_then(|slot| self.seat(slot));
                Some(seat.map_or(Pin::Away, Pin::To))
            }
            None => None,
        };
        if before.pin != pin {
            self.board.set_pin(slot, pin);
        }
        if shard.quarantined != before.quarantined_until.is_some() {
            let hold = self.config.quarantine.map_or(Default::default(), |quarantine| quarantine.hold);
            let left = state.times_of(index).quarantined_for.unwrap_or(hold).min(hold);
            self.board.set_quarantine(slot, shard.quarantined.then(|| self.now + left));
        }
        self.has_placed |= shard.token != Token::default();
        if owner.is_none() {
            self.is_urgent = true;
        }
    }

    pub(super) fn shard_gone(&mut self, index: Index) {
        if let Some(slot) = self.shards.get_mut(index as usize).and_then(Option::take) {
            self.board.remove_shard(slot);
            self.indices[slot.index()] = None;
        }
    }

    /// Whether shards may be sent to the session, because it was heard lately.
    pub(super) fn set_heard(&mut self, slot: Slot, is_heard: bool) {
        if let Some(seat) = self.seat(slot) {
            self.is_urgent |= is_heard;
            self.board.set_receives(seat, is_heard);
        }
    }

    pub(super) fn is_heard(&self, slot: Slot) -> bool {
        self.seat(slot).and_then(|seat| self.board.seat(seat)).is_some_and(|seat| seat.receives)
    }

    pub(super) fn measured(&mut self, now: Mono, index: Index, load: f64) {
        let slot = self.shard(index);
        if let (Some(slot), Some(load)) = (slot, Load::new(load)) {
            self.board.add_load_sample(slot, load, now, self.smoothing);
            if self.sight == Sight::Blind {
                self.sight = Sight::Adapting(now + self.smoothing.constant());
                self.config.freeze = true;
            }
        }
    }

    /// The shard has another owner from now on.
    pub(super) fn note_granted(&mut self, now: Mono, index: Index) {
        put(&mut self.granted, index as usize, now);
    }

    fn was_granted_since(&self, index: Index, since: Mono) -> bool {
        self.granted.get(index as usize).is_some_and(|&granted| granted > since)
    }

    /// The shard is moved, and stays for a while.
    pub(super) fn note_moved(&mut self, now: Mono, index: Index) {
        if let Some(slot) = self.shard(index) {
            self.board.note_moved(slot, now);
        }
    }

    /// The session is over, and the next round deals with what it leaves. Whoever left of its own accord did not die of
    /// its shards.
    fn lose(&mut self, slot: Slot, why: Ending) {
        let Some(seat) = self.seat(slot) else { return };
        if why == Ending::Left {
            self.board.set_state(seat, plan::State::Draining, self.now);
        }
        self.board.set_state(seat, plan::State::Gone, self.now);
        self.gone.push((slot, why));
        self.is_urgent = true;
    }

    fn pin_again(&mut self, state: &State, executor: &ExecutorId, seat: ExecutorSlot) {
        let is_drained = |index: &Index| state.shard_at(*index).is_some_and(|shard| shard.drained);
        for index in state.pinned_to(executor).filter(|index| !is_drained(index)) {
            if let Some(slot) = self.shard(index) {
                self.board.set_pin(slot, Some(Pin::To(seat)));
            }
        }
    }

    pub(super) const fn figures(&self) -> &PlanFigures {
        &self.figures
    }

    pub(super) const fn board(&self) -> &Board {
        &self.board
    }

    pub(super) const fn config(&self) -> &plan::Config {
        &self.config
    }

    pub(super) fn index_of(&self, shard: ShardSlot) -> Option<Index> {
        self.indices.get(shard.index()).copied().flatten()
    }

    pub(super) fn round(&self, number: u64) -> Option<&Round> {
        self.rounds.get(number)
    }

    pub(super) fn shard(&self, index: Index) -> Option<ShardSlot> {
        self.shards.get(index as usize).copied().flatten()
    }

    /// The last so many rounds, oldest first.
    pub(super) fn list_rounds(&self, most: usize) -> Vec<RoundNote> {
        let rounds = self.rounds.iter();
        let skipped = rounds.len().saturating_sub(most);
        let note = |(number, round): (u64, &Round)| RoundNote {
            number,
            at: round.now(),
            report: round.plan().report.clone(),
            quarantines: round.plan().quarantine.len(),
            is_kept: round.input().is_some(),
        };
        rounds.skip(skipped).map(note).collect()
    }

    pub(super) fn seat(&self, slot: Slot) -> Option<ExecutorSlot> {
        self.seats.get(slot as usize).copied().flatten()
    }

    pub(super) fn slot(&self, seat: ExecutorSlot) -> Option<Slot> {
        self.slots.get(seat.index()).copied().flatten()
    }
}

impl Engine {
    /// Holds a round, if one is due.
    pub(super) fn run_rounds(&mut self, now: Mono) {
        self.planner.now = now;
        // What is decided while a commit is on its way waits for it anyway, and is better decided together. But a session
        // that is lost ends in the very moment in which that is noticed.
        let is_due = self.planner.is_urgent || now >= self.planner.next_round;
        if self.planner.gone.is_empty() && (self.in_flight.is_some() || !is_due) {
            return;
        }
        self.planner.adapt(&self.state);
        self.planner.is_urgent = false;
        self.planner.next_round = now + self.state.config().round_every;
        if self.may_plan(now) {
            let round = self.hold_round(now);
            let plan = round.plan().clone();
            self.planner.figures.add(&plan.report);
            self.planner.rounds.add(round);
            for (shard, until) in plan.quarantine {
                self.quarantine(shard, until);
            }
            for step in plan.moves {
                self.carry_out(now, step);
            }
        }
        for (slot, why) in std::mem::take(&mut self.planner.gone) {
            self.end_gone(slot, why);
        }
    }

    /// A session that was not heard for a lease, or that left: what it had may be others'.
    pub(super) fn lose(&mut self, now: Mono, slot: Slot, why: Ending) {
        self.planner.now = now;
        self.planner.lose(slot, why);
    }

    /// Where a new shard would go; `None`: there is nobody.
    pub(super) fn place_one(&mut self, now: Mono, key: &ShardKey) -> Option<Slot> {
        let seed = self.next_version().generation;
        let Planner { board, config, .. } = &mut self.planner;
        let candidate = board.add_shard(xxh3(key.as_bytes()));
        let place = plan::place(board, now, config, seed, &[candidate]).pop();
        board.remove_shard(candidate);
        place?.ok().and_then(|seat| self.planner.slot(seat))
    }

    fn may_plan(&mut self, now: Mono) -> bool {
        if !self.may_grant() || self.state.freeze() == Freeze::All {
            return false;
        }
        // Whoever comes first would be given everything, only to hand it on to those who come a moment later.
        let gathered = self.planner.gathering_since.map(|since| since + self.state.config().gather);
        if let Some(gathered) = gathered.filter(|&gathered| !self.planner.has_placed && now < gathered) {
            self.planner.next_round = gathered;
            return false;
        }
        true
    }

    fn carry_out(&mut self, now: Mono, step: plan::Move) {
        let Some(index) = self.planner.indices.get(step.shard.index()).copied().flatten() else { return };
        let record = self.state.record_of(index);
        let to = step.action.to().and_then(|seat| self.planner.slot(seat));
        match step.action {
            Action::Grant(_) if self.is_granted_now(index) && !is(Planted::GrantedTwice) => {
                // One owner per commit: the next round, after this one is on its way.
                self.change(Change::Shard(ShardRecord { owner: None, handover: None, ..record }));
                self.planner.hurry(now);
            }
            Action::Grant(_) => {
                let Some(to) = to else { return };
                self.grant(index, record, to);
            }
            Action::Unassign => {
                self.change(Change::Shard(ShardRecord { owner: None, handover: None, ..record }))
            }
            // Its owner has not even heard of it yet.
            Action::HandOver(_) if self.is_granted_now(index) => return,
            // Whoever has waited for it to stop would wait a second time. Balance can do without it for a round.
            Action::HandOver(_) if step.reason.is_balance() && self.was_granted_lately(now, index) => return,
            Action::HandOver(_) if is(Planted::GrantBeforeRelease) => {
                if let Some(to) = to.filter(|_| !self.is_granted_now(index)) {
                    self.grant(index, record, to);
                }
            }
            Action::HandOver(_) | Action::Redirect(_) => {
                let since = record.handover.map_or_else(|| self.next_version(), |handover| handover.since);
                let handover = Some(Handover { to: to.and_then(|slot| self.state.id_of(slot)), since });
                self.change(Change::Shard(ShardRecord { handover, ..record }));
            }
        }
        if step.reason.is_balance() {
            self.planner.board.note_moved(step.shard, now);
        }
    }

    fn was_granted_lately(&self, now: Mono, index: Index) -> bool {
        self.planner.was_granted_since(index, now.back(self.state.config().round_every))
    }

    fn quarantine(&mut self, shard: ShardSlot, until: Option<Mono>) {
        let Some(index) = self.planner.indices.get(shard.index()).copied().flatten() else { return };
        self.planner.board.set_quarantine(shard, until);
        let record = ShardRecord { quarantined: until.is_some(), ..self.state.record_of(index) };
        if until.is_some() {
            self.then(super::Effect::Notice(super::Notice::Quarantined(record.key.clone())));
        }
        self.change(Change::Shard(record));
    }

    /// Whatever the round left with the session has no owner any more.
    fn end_gone(&mut self, slot: Slot, why: Ending) {
        let Some(session) = self.state.session(slot) else { return };
        let id = session.record.id;
        for index in session.shards.clone() {
            let record = self.state.record_of(index);
            self.change(Change::Shard(ShardRecord { owner: None, handover: None, ..record }));
        }
        self.end(id, why);
    }
}

fn put<T: Clone + Default>(list: &mut Vec<T>, at: usize, value: T) {
    if list.len() <= at {
        list.resize(at + 1, T::default());
    }
    list[at] = value;
}
