//! How sure it is that an executor has too much.

use super::fleet::{Fleet, Member};
use crate::{
    plan::{Board, Load, ShardSlot},
    types::Mono,
};

/// How far one sample of a shard's load may be from what it is, as a share of it. More samples are as much nearer as
/// independent ones would be.
const NOISE: f64 = 0.4;

/// A shard of this share of what its executor has too much is worth waiting for, until its load is known: to move many
/// others instead of it would be a waste.
const WORTH_WAITING: f64 = 0.125;

/// The doubts about one round's loads.
pub(super) struct Doubts<'a> {
    board: &'a Board,
    fleet: &'a Fleet,
    now: Mono,
    /// Share of the whole load that is changing just now, and with it the mean.
    changing: f64,
}

impl<'a> Doubts<'a> {
    pub(super) fn new(board: &'a Board, fleet: &'a Fleet, now: Mono) -> Self {
        let changing = board.swinging().map(|shard| fleet.scale.weigh_one(board.load_of(shard))).sum::<f64>();
        let all = fleet.scale.weigh(board.total());
        Self { board, fleet, now, changing: if all > 0.0 { changing / all } else { 0.0 } }
    }

    /// Whether it is sure that the member has more than `upper` for its weight, and known which shards make it so.
    pub(super) fn is_sure(&self, member: &Member, upper: f64) -> bool {
        let excess = (self.fleet.fill(member) - upper) * member.weight;
        let (mut unknown, mut squares) = (0.0, 0.0);
        for &shard in self.board.shards_of(member.slot) {
            let weight = self.weigh(self.board.load_of(shard));
            if !self.board.is_known(shard, self.now) && weight > WORTH_WAITING * excess {
                unknown += weight;
            }
            squares += (NOISE * weight).powi(2) / self.board.evidence(shard, self.now);
        }
        let noise = squares.sqrt() + self.changing * upper * member.weight;
        excess > noise && unknown <= excess / 2.0
    }

    pub(super) fn is_known(&self, shard: ShardSlot) -> bool {
        self.board.is_known(shard, self.now)
    }

    fn weigh(&self, load: Option<Load>) -> f64 {
        self.fleet.scale.weigh_one(load)
    }
}
