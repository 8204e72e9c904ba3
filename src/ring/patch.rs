//! A table made from its predecessor when few points come or go: blocks of points are copied, bucket starts bumped.

use super::table::{Point, PointTable};

/// What turns one table into the next.
pub(super) struct Patch<'a> {
    /// Points that go, with their old slots, in any order.
    pub(super) removed: Vec<Point>,
    /// Points that come, with their new slots, in any order.
    pub(super) added: Vec<Point>,
    /// For each old slot its new one. Keeps the order of the slots that stay; those that go may have any.
    pub(super) new_slots: &'a [u16],
    /// For each new slot, how many old members have a lesser address.
    pub(super) old_ranks: &'a [u16],
}

/// One step of a patch. Steps are in order of rank, additions first; so they are in order of position too.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Step {
    /// The rank among the old points that it happens at.
    rank: usize,
    removes: bool,
    point: Point,
}

impl Patch<'_> {
    /// The table that a full build from the new members gives, byte for byte.
    pub(super) fn apply(&self, table: &PointTable) -> PointTable {
        let steps = self.steps(table);
        let points_after = table.len() + self.added.len() - self.removed.len();
        let mut points = Vec::with_capacity(points_after + PointTable::SENTINELS);
        let mut copied = 0;
        for step in &steps {
            // A member's points may coincide; then they have one rank, and each removal takes the next of them.
            let rank = step.rank.max(copied);
            self.copy(&table.points()[copied..rank], &mut points);
            copied = rank;
            if step.removes {
                copied += 1;
            } else {
                points.push(step.point);
            }
        }
        self.copy(&table.points()[copied..], &mut points);
        let changes: Vec<_> =
            steps.iter().map(|step| (step.point.position(), if step.removes { -1 } else { 1 })).collect();
        let index = table.index().bumped(&changes, points_after);
        PointTable::of_sorted(points, index)
    }

    fn steps(&self, table: &PointTable) -> Vec<Step> {
        let removals =
            self.removed.iter().map(|&point| Step { rank: table.rank_of(point), removes: true, point });
        let additions = self.added.iter().map(|&point| {
            // Points at one position are in order of address, so the new slot is compared as the old slot it precedes.
            let in_old_terms = point.with_slot(self.old_ranks[usize::from(point.slot())]);
            Step { rank: table.rank_of(in_old_terms), removes: false, point }
        });
        let mut steps: Vec<_> = removals.chain(additions).collect();
        steps.sort_unstable();
        steps
    }

    fn copy(&self, block: &[Point], points: &mut Vec<Point>) {
        points.extend(block.iter().map(|point| point.with_slot(self.new_slots[usize::from(point.slot())])));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    /// Few positions, so that members share them, and points of one member coincide.
    fn positions() -> impl Strategy<Value = Vec<u64>> {
        vec((0u64..12).prop_map(|at| (at * at) << 55), 0..9)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Each entry is an address, in order, with the points that it has before and after; `None`: not a member.
        #[test]
        fn a_patched_table_is_a_built_one(members in vec(
            prop_oneof![
                positions().prop_map(|stays| (Some(stays.clone()), Some(stays))),
                (prop::option::of(positions()), prop::option::of(positions())),
            ],
            0..12,
        )) {
            let (mut before, mut after) = (Vec::new(), Vec::new());
            let (mut removed, mut added) = (Vec::new(), Vec::new());
            let (mut new_slots, mut old_ranks) = (Vec::new(), Vec::new());
            for (old, new) in members {
                let stays = old == new;
                let (old_slot, new_slot) = (new_slots.len() as u16, old_ranks.len() as u16);
                for position in old.iter().flatten() {
                    before.push(Point::new(*position, old_slot));
                    removed.extend((!stays).then_some(Point::new(*position, old_slot)));
                }
                for position in new.iter().flatten() {
                    after.push(Point::new(*position, new_slot));
                    added.extend((!stays).then_some(Point::new(*position, new_slot)));
                }
                new_slots.extend(old.map(|_| new_slot));
                old_ranks.extend(new.map(|_| old_slot));
            }
            let patch = Patch { removed, added, new_slots: &new_slots, old_ranks: &old_ranks };
            prop_assert!(patch.apply(&PointTable::of(before)) == PointTable::of(after));
        }
    }
}
