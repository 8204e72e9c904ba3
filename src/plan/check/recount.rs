//! The board and the plan, counted anew: nothing here asks what the planner has counted.

use std::collections::BTreeMap;

use crate::{
    plan::{
        Action, Board, Config, ExecutorSlot, Move, Phase, Plan, Reason, Rollout, Seat, Shard, ShardSlot,
        State,
    },
    types::Mono,
};

/// What rounding may make of equal sums.
pub(super) const SLACK: f64 = 1e-6;

pub(super) struct Recount<'a> {
    pub(super) board: &'a Board,
    pub(super) now: Mono,
    pub(super) config: &'a Config,
    pub(super) plan: &'a Plan,
    pub(super) shards: Vec<(ShardSlot, Shard)>,
    pub(super) books: BTreeMap<ExecutorSlot, Book<'a>>,
    /// The move of each shard, by index.
    moves: Vec<Option<Move>>,
    /// What a shard of no known load weighs.
    mean_load: f64,
    /// Whether any shard has a load above nothing.
    is_loaded: bool,
}

/// One session's shards.
pub(super) struct Book<'a> {
    pub(super) seat: &'a Seat,
    pub(super) is_retiring: bool,
    /// Owned, before.
    pub(super) held: Sum,
    /// Moving to it, before.
    pub(super) coming: Sum,
    /// Owned and moving away, before.
    pub(super) going: Sum,
    /// Sent to it by the plan.
    pub(super) arriving: Sum,
    /// Held or coming before, and going elsewhere by the plan.
    pub(super) departing: Sum,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    pub(super) shards: f64,
    /// Of the measured ones.
    load: f64,
    unmeasured: f64,
}

impl<'a> Recount<'a> {
    pub(super) fn new(board: &'a Board, now: Mono, config: &'a Config, plan: &'a Plan) -> Self {
        let shards: Vec<_> = board.shards().collect();
        let loads: Vec<f64> = shards.iter().filter_map(|(_, shard)| Some(shard.load?.get())).collect();
        let sum: f64 = loads.iter().sum();
        let mut recount = Self {
            board,
            now,
            config,
            plan,
            books: BTreeMap::new(),
            moves: vec![None; shards.last().map_or(0, |(slot, _)| slot.index() + 1)],
            mean_load: if loads.is_empty() { 0.0 } else { sum / loads.len() as f64 },
            is_loaded: sum > 0.0,
            shards,
        };
        recount.open_books();
        recount.book_shards();
        recount.book_moves();
        recount
    }

    fn open_books(&mut self) {
        let retiring = versions_on_their_way_out(self.board, &self.config.rollout);
        for (slot, seat) in self.board.seats() {
            let version = seat.executor.version();
            let book = Book {
                seat,
                is_retiring: version.is_some_and(|version| retiring.iter().any(|it| it == version)),
                held: Sum::default(),
                coming: Sum::default(),
                going: Sum::default(),
                arriving: Sum::default(),
                departing: Sum::default(),
            };
            self.books.insert(slot, book);
        }
    }

    fn book_shards(&mut self) {
        for (_, shard) in &self.shards {
            let mut count = |slot: Option<ExecutorSlot>,
                             which: for<'b> fn(&'b mut Book<'a>) -> &'b mut Sum| {
                if let Some(book) = slot.and_then(|slot| self.books.get_mut(&slot)) {
                    which(book).add(shard);
                }
            };
            count(shard.owner, |book| &mut book.held);
            if let Phase::Moving(to) = shard.phase {
                count(shard.owner, |book| &mut book.going);
                count(to, |book| &mut book.coming);
            }
        }
    }

    fn book_moves(&mut self) {
        for change in &self.plan.moves {
            let Some(shard) = self.board.shard(change.shard) else { continue };
            self.moves[change.shard.index()] = Some(*change);
            let is_promised = shard.phase == Phase::Moving(change.action.to());
            if let Some(book) =
                change.action.to().and_then(|to| self.books.get_mut(&to)).filter(|_| !is_promised)
            {
                book.arriving.add(&shard);
            }
            let leaves = match (shard.phase, change.action) {
                (Phase::Moving(Some(before)), action) => Some(before).filter(|_| action.to() != Some(before)),
                (Phase::Settled, Action::HandOver(_)) => shard.owner,
                _ => None,
            };
            if let Some(book) = leaves.and_then(|from| self.books.get_mut(&from)) {
                book.departing.add(&shard);
            }
        }
    }

    /// The last move of a shard, if it has any.
    pub(super) fn move_of(&self, shard: ShardSlot) -> Option<Move> {
        self.moves[shard.index()]
    }

    pub(super) fn state(&self, slot: Option<ExecutorSlot>) -> Option<State> {
        Some(self.books.get(&slot?)?.seat.state)
    }

    /// What these weigh for balance's sake.
    pub(super) fn weight(&self, sum: Sum) -> f64 {
        let mean = if self.is_loaded { self.mean_load } else { 1.0 };
        sum.load + sum.unmeasured * mean + sum.shards * mean * self.config.count_share.clamp(1e-6, 1e6)
    }

    fn load(&self, sum: Sum) -> f64 {
        sum.load + sum.unmeasured * self.mean_load
    }

    /// Whether the executor could have taken this shard besides all that the plan gives it, whatever the order.
    pub(super) fn has_room(&self, book: &Book<'_>, shard: &Shard) -> bool {
        let mut most = book.held + book.coming + book.arriving;
        most.add(shard);
        let executor = &book.seat.executor;
        let within_shards = executor.max_shards().is_none_or(|max| most.shards <= f64::from(max));
        let within_load = executor.max_load().is_none_or(|max| self.load(most) <= max.get() * (1.0 - SLACK));
        is_open(book.seat) && within_shards && within_load
    }

    /// Whether somebody else than `but` could have taken it.
    pub(super) fn somebody_has_room(&self, shard: &Shard, but: Option<ExecutorSlot>) -> bool {
        self.books.iter().any(|(slot, book)| Some(*slot) != but && self.has_room(book, shard))
    }

    /// What the executor may not exceed, and does after the plan: (shards, load).
    pub(super) fn exceeds(&self, book: &Book<'_>) -> (bool, bool) {
        let most = book.held + book.coming + book.arriving;
        let executor = &book.seat.executor;
        let shards = executor.max_shards().is_some_and(|max| most.shards > f64::from(max));
        let load = executor.max_load().is_some_and(|max| self.load(most) > max.get() * (1.0 + SLACK) + SLACK);
        (shards, load)
    }

    /// What the executor holds when the moves that are under way have ended, without the plan.
    pub(super) fn before(book: &Book<'_>) -> Sum {
        book.held - book.going + book.coming
    }

    /// The same with the plan.
    pub(super) fn after(book: &Book<'_>) -> Sum {
        Self::before(book) + book.arriving - book.departing
    }

    pub(super) fn moves_for(&self, reason: Reason) -> impl Iterator<Item = &'a Move> {
        self.plan.moves.iter().filter(move |change| change.reason == reason)
    }

    /// The moves that need an executor chosen: not those to a pin or to where the shard was going already.
    pub(super) fn placed(&self) -> impl Iterator<Item = (&Move, Shard, ExecutorSlot)> {
        self.plan.moves.iter().filter_map(|change| {
            let shard = self.board.shard(change.shard)?;
            let to = change.action.to()?;
            let is_chosen =
                shard.pin.is_none() && shard.phase != Phase::Moving(Some(to)) && !change.reason.is_balance();
            is_chosen.then_some((change, shard, to))
        })
    }
}

impl Sum {
    pub(super) fn of(shard: &Shard) -> Self {
        let mut sum = Self::default();
        sum.add(shard);
        sum
    }

    fn add(&mut self, shard: &Shard) {
        self.shards += 1.0;
        match shard.load {
            Some(load) => self.load += load.get(),
            None => self.unmeasured += 1.0,
        }
    }
}

impl std::ops::Add for Sum {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            shards: self.shards + other.shards,
            load: self.load + other.load,
            unmeasured: self.unmeasured + other.unmeasured,
        }
    }
}

impl std::ops::Sub for Sum {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self {
            shards: self.shards - other.shards,
            load: self.load - other.load,
            unmeasured: self.unmeasured - other.unmeasured,
        }
    }
}

pub(super) fn is_open(seat: &Seat) -> bool {
    seat.state == State::Active && seat.receives
}

/// Whether a shard's owner is there to be asked.
pub(super) fn is_alive(state: Option<State>) -> bool {
    state.is_some_and(|state| state != State::Gone)
}

pub(super) fn is_grant(action: Action) -> bool {
    matches!(action, Action::Grant(_))
}

fn versions_on_their_way_out(board: &Board, rollout: &Rollout) -> Vec<String> {
    match rollout {
        Rollout::Off => Vec::new(),
        Rollout::Retiring(versions) => versions.iter().map(|version| version.to_string()).collect(),
        Rollout::Detect => {
            let mut newest: Option<(Mono, ExecutorSlot, Option<&str>)> = None;
            for (slot, seat) in board.seats() {
                let began = (seat.executor.joined(), slot);
                if seat.state == State::Active
                    && newest.is_none_or(|(joined, slot, _)| began > (joined, slot))
                {
                    newest = Some((began.0, slot, seat.executor.version()));
                }
            }
            let Some((_, _, Some(coming))) = newest else { return Vec::new() };
            let stopping = board.seats().filter(|(_, seat)| seat.state != State::Active);
            let versions = stopping.filter_map(|(_, seat)| seat.executor.version());
            versions.filter(|version| *version != coming).map(str::to_owned).collect()
        }
    }
}
