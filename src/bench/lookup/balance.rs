//! How evenly keys are spread and how few of them move: computed, not timed.

use super::Surroundings;
use crate::{
    bench::{
        fleet,
        keys::{KeyShape, Keys},
        measure::Report,
    },
    ring::{HashRing, RingSpec},
};

/// Member lists over which shares are averaged.
const SETS: u8 = 20;
const MEMBERS: usize = 100;
/// Keys whose owners are compared before and after a change.
const KEYS: usize = 100_000;

pub(super) fn measure(_: &Surroundings<'_>, report: &mut Report) {
    let rings: Vec<_> =
        (0..SETS).map(|set| fleet::ring(RingSpec::default(), &fleet::members(MEMBERS, set))).collect();
    balance(&rings, report);
    movement(&rings, report);
}

/// Shares of the key space, exactly: no keys are drawn.
fn balance(rings: &[HashRing], report: &mut Report) {
    let mut greatest = Vec::new();
    let mut deviation = 0.0;
    for ring in rings {
        let shares: Vec<f64> = ring.ownership().map(|(_, share)| share * ring.len() as f64).collect();
        greatest.push(shares.iter().copied().fold(0.0, f64::max));
        deviation +=
            (shares.iter().map(|share| (share - 1.0).powi(2)).sum::<f64>() / shares.len() as f64).sqrt();
    }
    let mean = |sum: f64| sum / rings.len() as f64;
    report.set("balance_max_over_mean", mean(greatest.iter().sum()));
    report.explain("balance_100x100", "worst_max_over_mean", greatest.iter().copied().fold(0.0, f64::max));
    report.explain("balance_100x100", "standard_deviation", mean(deviation));
    report.explain("balance_100x100", "member_sets", rings.len());
}

/// One member leaves, one joins, one of each at once: keys may move from and to these and between no others.
fn movement(rings: &[HashRing], report: &mut Report) {
    let keys = Keys::generate(KeyShape::GOAL, KEYS, 4);
    let keys = keys.list();
    let (mut moved, mut collateral) = (0_u64, 0_u64);
    for (set, ring) in (0..).zip(rings) {
        let newcomer = fleet::members(1, SETS + set);
        let without_first = &ring.members()[1..];
        for next in [
            without_first.to_vec(),
            [ring.members(), &newcomer].concat(),
            [without_first, &newcomer].concat(),
        ] {
            let next = ring.rebuild(next).expect("distinct members, fewer than a ring holds");
            for key in &keys {
                let (before, after) = (ring.lookup(key.as_bytes()), next.lookup(key.as_bytes()));
                if before != after {
                    moved += 1;
                    let left = before.is_none_or(|owner| next.member_by_address(owner.address()).is_none());
                    let joined = after.is_none_or(|owner| ring.member_by_address(owner.address()).is_none());
                    collateral += u64::from(!left && !joined);
                }
            }
        }
    }
    report.set("collateral_moves", collateral as f64);
    report.explain("movement_100x100", "changes", 3 * rings.len());
    report.explain("movement_100x100", "keys", KEYS);
    report.explain("movement_100x100", "moved_share", moved as f64 / (3 * rings.len() * KEYS) as f64);
}
