//! Whether nobody is given more than they may have, and everybody what the placement says.

use std::collections::BTreeMap;

use super::{
    Fault, Faults,
    recount::{Book, Recount, SLACK, Sum, is_open},
};
use crate::plan::{ExecutorSlot, Placement, Shard, ShardSlot, placement_ring::PlacementRing};

pub(super) fn check(recount: &Recount<'_>, faults: &mut Faults) {
    for (slot, book) in recount.books.iter().filter(|(_, book)| book.arriving.shards > 0.0) {
        let (shards, load) = recount.exceeds(book);
        faults.add_if(shards, || Fault::TooManyShards(*slot));
        faults.add_if(load, || Fault::TooMuchLoad(*slot));
    }
    let bounds = Bounds::new(recount);
    let open = recount.board.seats().filter(|(_, seat)| is_open(seat));
    let ring =
        PlacementRing::new(recount.board.spec(), open.map(|(slot, seat)| (slot, &*seat.executor)), None);
    // Of those that were only sent shards of the placement's choice.
    let mut last: BTreeMap<_, _> = recount.placed().map(|(change, _, to)| (to, change.shard)).collect();
    for change in &recount.plan.moves {
        if let (Some(to), Some(_)) =
            (change.action.to(), recount.board.shard(change.shard).and_then(|shard| shard.pin))
        {
            last.remove(&to);
        }
    }
    for (change, shard, to) in recount.placed() {
        let book = &recount.books[&to];
        let owner = shard.owner.filter(|_| matches!(change.action, crate::plan::Action::Redirect(_)));
        let fits = |slot: &ExecutorSlot| Some(*slot) != owner && bounds.fits(&recount.books[slot], &shard);
        let could_take = |(slot, book): (&ExecutorSlot, &Book<'_>)| {
            Some(*slot) != owner && !book.is_retiring && is_open(book.seat) && recount.has_room(book, &shard)
        };
        let avoidable = book.is_retiring && recount.books.iter().any(could_take);
        faults.add_if(avoidable, || Fault::OntoRetiring(change.shard));
        if recount.config.placement == Placement::Ring {
            let on_ring = ring.owner_at(shard.position);
            let is_elsewhere = on_ring.is_some_and(|on_ring| on_ring != to && fits(&on_ring));
            faults.add_if(is_elsewhere, || Fault::NotOnRing(change.shard));
        } else if last.get(&to) == Some(&change.shard) {
            bounds.check_least_filled(change.shard, &shard, (to, owner), faults);
        }
    }
}

/// How far executors may be filled before others are asked.
struct Bounds<'r, 'a> {
    recount: &'r Recount<'a>,
    /// Of the whole namespace, by whatever the placement fills by.
    total: f64,
    shards: f64,
    open_weight: f64,
}

impl<'r, 'a> Bounds<'r, 'a> {
    fn new(recount: &'r Recount<'a>) -> Self {
        let open = recount.books.values().filter(|book| is_open(book.seat));
        let mut bounds = Self {
            recount,
            total: 0.0,
            shards: recount.shards.len() as f64,
            open_weight: open.map(|book| book.seat.executor.weight()).sum(),
        };
        bounds.total = recount.shards.iter().map(|(_, shard)| bounds.fill(Sum::of(shard))).sum();
        bounds
    }

    fn fill(&self, sum: Sum) -> f64 {
        match self.recount.config.placement {
            Placement::Even => sum.shards,
            Placement::Ring | Placement::LeastLoaded => self.recount.weight(sum),
        }
    }

    /// What the executor holds when all moves have ended, all that the plan gives it included, and nothing taken off
    /// that the plan takes away: at least what it held when any of the plan's shards was placed.
    fn most(&self, book: &Book<'_>) -> Sum {
        Recount::before(book) + book.arriving
    }

    fn bound(&self, book: &Book<'_>) -> f64 {
        let unit = self.total / self.shards;
        let fair = self.total * book.seat.executor.weight() / self.open_weight;
        (fair * self.recount.config.bound.max(1.0) / unit - SLACK).ceil() * unit
    }

    /// Whether placement should have preferred this executor, at any time, to one beyond its bound or on its way out.
    fn fits(&self, book: &Book<'_>, shard: &Shard) -> bool {
        let after = self.most(book) + Sum::of(shard);
        let within = self.fill(after) <= self.bound(book) * (1.0 - SLACK) || self.most(book).shards == 0.0;
        within && !book.is_retiring && self.recount.has_room(book, shard)
    }

    /// Nobody who has room, and is within the bound, ends less filled than the receiver was without its last shard.
    fn check_least_filled(
        &self,
        slot: ShardSlot,
        shard: &Shard,
        (to, owner): (ExecutorSlot, Option<ExecutorSlot>),
        faults: &mut Faults,
    ) {
        let fill_for_weight = |book: &Book<'_>, sum| self.fill(sum) / book.seat.executor.weight();
        let receiver = &self.recount.books[&to];
        let before = fill_for_weight(receiver, Recount::after(receiver) - Sum::of(shard));
        let better = self.recount.books.iter().any(|(other, book)| {
            let after = fill_for_weight(book, self.most(book));
            let is_less = after < before - SLACK * before.max(1.0);
            *other != to && Some(*other) != owner && self.fits(book, shard) && is_less
        });
        faults.add_if(better, || Fault::NotLeastFilled(slot));
    }
}
