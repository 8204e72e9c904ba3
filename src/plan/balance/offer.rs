//! The shards that members offer to others.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use crate::{
    plan::{Board, ExecutorSlot, ShardSlot, Tally, input::Row, place::Number, scale::Scale},
    types::Mono,
};

/// The heaviest movable shards of a member that weigh at most `limit`, at most `most` of them, and the lightest above
/// the limit, in case that none is below. In order of slot.
pub(super) fn read_heaviest(
    board: &Board,
    (now, cooldown): (Mono, Duration),
    scale: &Scale,
    owner: ExecutorSlot,
    limit: f64,
    most: usize,
) -> Vec<Row> {
    let mut within: Vec<(Reverse<Number>, ShardSlot)> = Vec::new();
    let mut above: Option<(Number, ShardSlot)> = None;
    for &shard in board.shards_of(owner) {
        if !board.is_movable(shard, now, cooldown) {
            continue;
        }
        let weight = Number(scale.weigh_one(board.load_of(shard)));
        if weight.0 <= limit {
            within.push((Reverse(weight), shard));
        } else if above.is_none_or(|lightest| (weight, shard) < lightest) {
            above = Some((weight, shard));
        }
    }
    if within.len() > most {
        within.select_nth_unstable(most);
        within.truncate(most);
    }
    let mut shards: Vec<_> =
        within.into_iter().map(|(_, shard)| shard).chain(above.map(|(_, shard)| shard)).collect();
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
