//! How much of the key space belongs to whom, and how much changes hands. Counted, not sampled.

use super::{
    Flavour, HashRing,
    pairs::{Pair, by_address},
    table::Point,
};
use crate::types::Member;

impl HashRing {
    /// The share of the key space that each member owns, in order of address. The shares sum to 1.
    ///
    /// Looks at every point.
    pub fn ownership(&self) -> impl ExactSizeIterator<Item = (&Member, f64)> {
        let flavour = self.spec().flavour();
        let mut owned = vec![0u64; self.len()];
        let mut from = 0;
        for point in self.table().points_to_the_end() {
            let next = flavour.end_of_arc(*point) + 1;
            if let Some(keys) = owned.get_mut(usize::from(point.slot())) {
                *keys += next - from;
            }
            from = next;
        }
        self.members().iter().zip(owned).map(move |(member, keys)| (member, flavour.share_of(keys)))
    }
}

/// The share of the key space whose owner has another address in `new` than in `old`. Having no owner is an owner of
/// its own here.
pub(super) fn moved_share(old: &HashRing, new: &HashRing) -> f64 {
    let flavour = old.spec().flavour();
    if flavour != new.spec().flavour() {
        return moved_share_of_unrelated(old, new);
    }
    let new_slots: Vec<Option<usize>> = by_address(old.members(), new.members())
        .filter(|pair| pair.old.is_some())
        .map(|pair| pair.new)
        .collect();
    let stays = |old_owner: Point, new_owner: Point| match new_slots.get(usize::from(old_owner.slot())) {
        Some(new_slot) => *new_slot == Some(new_owner.slot().into()),
        None => new.is_empty(),
    };
    let (mut old_points, mut new_points) = (old.table().points_to_the_end(), new.table().points_to_the_end());
    let (mut from, mut moved) = (0, 0);
    while let (Some(&old_owner), Some(&new_owner)) = (old_points.first(), new_points.first()) {
        let (old_end, new_end) = (flavour.end_of_arc(old_owner), flavour.end_of_arc(new_owner));
        let next = old_end.min(new_end) + 1;
        if !stays(old_owner, new_owner) {
            // Points at one position: only the first of them owns anything.
            moved += next.max(from) - from;
        }
        from = next.max(from);
        old_points = &old_points[usize::from(old_end < from)..];
        new_points = &new_points[usize::from(new_end < from)..];
    }
    flavour.share_of(moved)
}

/// Two flavours place a key independently, so what stays is a matter of chance: this is the expected share.
fn moved_share_of_unrelated(old: &HashRing, new: &HashRing) -> f64 {
    if old.is_empty() && new.is_empty() {
        return 0.0;
    }
    let shares = |ring: &HashRing| ring.ownership().map(|(_, share)| share).collect::<Vec<_>>();
    let (before, after) = (shares(old), shares(new));
    let stays = |Pair { old, new }: Pair| Some(before[old?] * after[new?]);
    1.0 - by_address(old.members(), new.members()).filter_map(stays).sum::<f64>()
}

impl Flavour {
    /// The last key position that the point owns, of those that the flavour's keys can have.
    const fn end_of_arc(self, point: Point) -> u64 {
        point.position() >> (u64::BITS - self.position_bits())
    }

    fn share_of(self, keys: u64) -> f64 {
        keys as f64 / (1u64 << self.position_bits()) as f64
    }
}
