//! What a round reads: all that it may decide on, and nothing else.

use std::sync::Arc;

use super::{
    Board, Config, ExecutorSlot, Load, Phase, Pin, Seat, ShardSlot, State, Tally, balance,
    placement_ring::PlacementRing,
};
use crate::types::Mono;

/// A round's input. Made of a [`Board`] in time that follows what there is to do: a thousand executors at rest take a
/// thousand rows, however many shards they own.
#[derive(Clone, Debug)]
pub struct Input {
    /// When.
    pub(super) now: Mono,
    /// Decides between executors that are equally good: without it, small namespaces would all crowd on the same one.
    pub(super) seed: u64,
    /// By slot.
    pub(super) seats: Vec<(ExecutorSlot, Seat)>,
    /// All shards of the namespace.
    pub(super) total: Tally,
    /// Shards on their way, whatever for.
    pub(super) in_flight: u32,
    /// Sessions lost within the quarantine's window.
    pub(super) losses: u32,
    /// Shards whose quarantine is over.
    pub(super) released: Vec<ShardSlot>,
    /// Shards that nobody alive owns.
    pub(super) waiting: Vec<Row>,
    /// Shards on their way to a session that is lost to them.
    pub(super) adrift: Vec<Row>,
    /// Shards at rest that are pinned to another executor, which may receive.
    pub(super) misplaced: Vec<Row>,
    /// Shards at rest on draining executors, and not pinned there.
    pub(super) leaving: Vec<Row>,
    /// Shards that may be moved for balance's sake, as far as the strategy wants to see them.
    pub(super) movable: Vec<Row>,
    /// Made from the seats.
    pub(super) ring: Arc<PlacementRing>,
}

/// A shard that a round may decide on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) shard: ShardSlot,
    pub(super) owner: Option<ExecutorSlot>,
    /// The destination of its move, if it is on its way to one.
    pub(super) to: Option<ExecutorSlot>,
    pub(super) position: u64,
    pub(super) load: Option<Load>,
    pub(super) pin: Option<Pin>,
    pub(super) is_quarantined: bool,
    /// How many of the lost sessions had it.
    pub(super) losses: u32,
}

impl Input {
    /// Reads what the next round needs.
    pub fn read(board: &Board, now: Mono, config: &Config, seed: u64) -> Self {
        let mut input = Self::of_seats(board, now, seed);
        if let Some(rule) = config.quarantine {
            input.losses = board.losses().within(now, rule.window) as u32;
        }
        input.released =
            board.quarantined().filter(|(_, until)| now >= *until).map(|(shard, _)| shard).collect();
        input.read_waiting(board, config);
        input.read_adrift(board);
        input.read_misplaced(board);
        input.read_leaving(board);
        if !config.freeze && !input.has_duties() {
            input.movable = balance::read_movable(board, &input, config);
        }
        input
    }

    /// The executors without any shard to decide on.
    pub(super) fn of_seats(board: &Board, now: Mono, seed: u64) -> Self {
        Self {
            seats: board.seats().map(|(slot, seat)| (slot, seat.clone())).collect(),
            in_flight: board.moving().len() as u32,
            ..Self::empty(now, seed, board.total(), Arc::clone(board.ring()))
        }
    }

    /// Nobody, and nothing to decide on.
    pub(super) const fn empty(now: Mono, seed: u64, total: Tally, ring: Arc<PlacementRing>) -> Self {
        Self {
            now,
            seed,
            seats: Vec::new(),
            total,
            in_flight: 0,
            losses: 0,
            released: Vec::new(),
            waiting: Vec::new(),
            adrift: Vec::new(),
            misplaced: Vec::new(),
            leaving: Vec::new(),
            movable: Vec::new(),
            ring,
        }
    }

    /// Whether there is anything to repair or drain. A round that does so does not balance: what it would balance is
    /// about to change.
    pub(super) fn has_duties(&self) -> bool {
        let is_placeable = |row: &Row| !row.is_quarantined && !matches!(row.pin, Some(Pin::Away));
        !self.adrift.is_empty()
            || !self.misplaced.is_empty()
            || !self.leaving.is_empty()
            || self.waiting.iter().any(is_placeable)
    }

    fn read_waiting(&mut self, board: &Board, config: &Config) {
        let lost = self.seats.iter().filter(|(_, seat)| seat.state == State::Gone);
        let of_lost = lost.flat_map(|(slot, _)| board.shards_of(*slot));
        let mut waiting: Vec<_> =
            of_lost.chain(board.unowned()).map(|shard| Row::of(board, *shard)).collect();
        if let Some(rule) = config.quarantine.filter(|rule| self.losses as usize >= rule.losses) {
            for row in &mut waiting {
                row.losses = board.losses().with(row.shard, self.now, rule.window) as u32;
            }
        }
        for row in waiting.iter_mut().filter(|row| row.is_quarantined) {
            row.is_quarantined = self.released.binary_search(&row.shard).is_err();
            // Whoever has served their time is not charged with the same again.
            row.losses = 0;
        }
        waiting.sort_unstable_by_key(|row| row.shard);
        self.waiting = waiting;
    }

    fn read_adrift(&mut self, board: &Board) {
        let is_lost = |to: Option<ExecutorSlot>| {
            to.and_then(|to| board.seat(to)).is_none_or(|seat| !seat.is_reachable())
        };
        let adrift = board.moving().filter(|(_, to)| is_lost(*to)).map(|(shard, _)| Row::of(board, shard));
        self.adrift = adrift.filter(|row| has_living_owner(board, row)).collect();
    }

    fn read_misplaced(&mut self, board: &Board) {
        for (shard, pin) in board.pins() {
            let Pin::To(to) = pin else { continue };
            let row = Row::of(board, shard);
            let may_leave = row.owner != Some(to)
                && row
                    .owner
                    .and_then(|owner| board.seat(owner))
                    .is_some_and(|seat| matches!(seat.state, State::Active | State::Draining));
            let is_settled = board.shard(shard).is_some_and(|shard| shard.phase == Phase::Settled);
            if may_leave && is_settled && board.seat(to).is_some_and(Seat::is_open) {
                self.misplaced.push(row);
            }
        }
    }

    fn read_leaving(&mut self, board: &Board) {
        for (slot, seat) in &self.seats {
            if seat.state == State::Draining && seat.held.shards > seat.going.shards {
                let shards = board.shards_of(*slot).iter().filter(|shard| {
                    board.shard(**shard).is_some_and(|it| it.phase == Phase::Settled && it.pin.is_none())
                });
                self.leaving.extend(shards.map(|shard| Row::of(board, *shard)));
            }
        }
        self.leaving.sort_unstable_by_key(|row| row.shard);
    }
}

impl Row {
    /// # Panics
    ///
    /// When the board has no such shard.
    pub(super) fn of(board: &Board, slot: ShardSlot) -> Self {
        let shard = board.shard(slot).expect("a list of the board names only its shards");
        Self {
            shard: slot,
            owner: shard.owner,
            to: match shard.phase {
                Phase::Moving(to) => to,
                Phase::Settled => None,
            },
            position: shard.position,
            load: shard.load,
            pin: shard.pin,
            is_quarantined: shard.quarantined_until.is_some(),
            losses: 0,
        }
    }
}

fn has_living_owner(board: &Board, row: &Row) -> bool {
    row.owner.and_then(|owner| board.seat(owner)).is_some_and(|seat| seat.state != State::Gone)
}
