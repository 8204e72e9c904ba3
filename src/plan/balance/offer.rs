//! The shards that members offer to others.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use crate::plan::{Board, ExecutorSlot, ShardSlot, Tally, input::Row, place::Number, scale::Scale};

/// Which shards of a member are wanted.
pub(super) struct Wanted<'a> {
    /// Of those up to this weight, the heaviest,
    pub(super) limit: f64,
    /// at most so many,
    pub(super) most: usize,
    /// and of those above it the lightest, at most so many.
    pub(super) above: usize,
    /// Others are passed over.
    pub(super) may_move: &'a dyn Fn(ShardSlot) -> bool,
}

/// The wanted shards of a member. In order of slot.
pub(super) fn read_offers(
    board: &Board,
    scale: &Scale,
    owner: ExecutorSlot,
    wanted: &Wanted<'_>,
) -> Vec<Row> {
    let mut within: Vec<(Reverse<Number>, ShardSlot)> = Vec::new();
    let mut above: BinaryHeap<(Number, ShardSlot)> = BinaryHeap::new();
    for &shard in board.shards_of(owner).iter().filter(|shard| (wanted.may_move)(**shard)) {
        let weight = Number(scale.weigh_one(board.load_of(shard)));
        if weight.0 <= wanted.limit {
            within.push((Reverse(weight), shard));
        } else {
            above.push((weight, shard));
            if above.len() > wanted.above {
                above.pop();
            }
        }
    }
    if within.len() > wanted.most {
        within.select_nth_unstable(wanted.most);
        within.truncate(wanted.most);
    }
    let mut shards: Vec<_> =
        within.into_iter().map(|(_, shard)| shard).chain(above.into_iter().map(|(_, shard)| shard)).collect();
    shards.sort_unstable();
    shards.into_iter().map(|shard| Row::of(board, shard)).collect()
}

/// Shards on offer, by owner, each owner's the lightest first.
pub(super) struct Offers<'a>(BTreeMap<ExecutorSlot, Vec<Offer<'a>>>);

#[derive(Clone, Copy)]
pub(super) struct Offer<'a> {
    pub(super) weight: f64,
    pub(super) row: &'a Row,
    /// The executor that is waiting for it because the ring has it there.
    pub(super) home: Option<ExecutorSlot>,
}

impl<'a> Offers<'a> {
    pub(super) fn new(rows: &'a [Row], scale: &Scale, home: impl Fn(&Row) -> Option<ExecutorSlot>) -> Self {
        let mut offers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in rows {
            let Some(owner) = row.owner else { continue };
            offers.entry(owner).or_default().push(Offer {
                weight: scale.weigh_one(row.load),
                row,
                home: home(row),
            });
        }
        for of_owner in offers.values_mut() {
            of_owner.sort_unstable_by_key(|offer| (Number(offer.weight), Reverse(offer.row.shard)));
        }
        Self(offers)
    }

    /// What a member offers, the lightest first; of equal ones the higher slot first.
    pub(super) fn of(&self, owner: ExecutorSlot) -> &[Offer<'a>] {
        self.0.get(&owner).map_or(&[], Vec::as_slice)
    }

    /// Takes the offer at this place.
    pub(super) fn take(&mut self, owner: ExecutorSlot, at: usize) -> Offer<'a> {
        self.0.get_mut(&owner).expect("an offer has an owner").remove(at)
    }
}

impl Offer<'_> {
    pub(super) fn tally(&self) -> Tally {
        Tally::of(self.row.load)
    }
}
