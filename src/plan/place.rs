//! The one placement rule: who is given a shard.
//!
//! Every shard that needs an executor goes through [`Placer::choose`], whether a thousand lost their owner or one was
//! just created. The rule, in order:
//!
//! 1. A pinned shard goes where it is pinned or nowhere.
//! 2. Nobody is given a shard who is not open (active, and may receive) or has no room below the hard limits.
//! 3. With [`Placement::Ring`], the first of the next [`WALK`] executors on the ring that keeps within its bound.
//! 4. Else the least filled: those whose version is not being replaced before those whose is, and among either those
//!    within their bound before the others.
//!
//! The bound of an executor is its fair share of all shards, times [`Config::bound`], rounded up to whole mean shards, as
//! in "Consistent Hashing with Bounded Loads" (Mirrokni, Thorup, Zadimoghaddam 2016).

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeSet, BinaryHeap},
    sync::Arc,
};

use super::{
    Config, ExecutorSlot, NoRoom, Pin, Placement, Rollout, Seat, State, Tally,
    input::{Input, Row},
    placement_ring::PlacementRing,
    scale::Scale,
};

/// How many executors on the ring are asked before the least filled one is taken. At a bound of 1.25, fewer than one
/// shard in a million gets this far; a walk of 8 allocates nothing.
const WALK: usize = 8;

/// What rounding may add to a bound.
const SLACK: f64 = 1.0 + 1e-9;

/// Executors as a round fills them.
pub(super) struct Placer<'a> {
    ring: &'a PlacementRing,
    placement: Placement,
    pub(super) scale: Scale,
    /// By slot.
    desks: Vec<Option<Desk>>,
    open: usize,
    /// The open desks, least filled first. An entry may be out of date; each desk with room has one that is not above
    /// its rank.
    ranked: BinaryHeap<Reverse<(Rank, ExecutorSlot)>>,
    /// Desks that had no room for the load of a shard, most room first. A later shard may be smaller.
    parked: BinaryHeap<(Number, ExecutorSlot)>,
}

/// A session as a round fills it.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) is_open: bool,
    pub(super) is_retiring: bool,
    pub(super) weight: f64,
    max_shards: Option<u32>,
    max_load: Option<f64>,
    /// What it will hold when all moves have ended, those of this round included.
    pub(super) settled: Tally,
    /// The most that it may hold before that.
    peak: Tally,
    /// Of what placement fills by.
    bound: f64,
    tie: u64,
}

/// Which desk comes first. The order of the fields is the order of what matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// On its way out: whatever it is given moves twice.
    is_retiring: bool,
    is_beyond_bound: bool,
    fill: Number,
    other_fill: Number,
    tie: u64,
}

/// A number that is never NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number(pub(super) f64);

impl<'a> Placer<'a> {
    pub(super) fn new(input: &'a Input, config: &Config) -> Self {
        let scale = Scale::new(input.total, config.count_share);
        let retiring = retiring(&input.seats, &config.rollout);
        let open_weight: f64 = input
            .seats
            .iter()
            .filter(|(_, seat)| seat.is_open())
            .map(|(_, seat)| seat.executor.weight())
            .sum();
        let fill = fill_of(config.placement, &scale, input.total);
        let unit = fill / f64::from(input.total.shards.max(1));
        let mut placer = Self {
            ring: &input.ring,
            placement: config.placement,
            scale,
            desks: Vec::new(),
            open: 0,
            ranked: BinaryHeap::new(),
            parked: BinaryHeap::new(),
        };
        placer.desks.resize_with(input.seats.last().map_or(0, |(slot, _)| slot.index() + 1), || None);
        for (slot, seat) in &input.seats {
            let weight = seat.executor.weight();
            let fair = if open_weight > 0.0 { fill * weight / open_weight } else { 0.0 };
            let in_units = (fair * config.bound.max(1.0) / unit / SLACK).ceil();
            let desk = Desk {
                is_open: seat.is_open(),
                is_retiring: seat.executor.version().is_some_and(|version| retiring.contains(version)),
                weight,
                max_shards: seat.executor.max_shards(),
                max_load: seat.executor.max_load().map(super::Load::get),
                settled: seat.settled(),
                peak: seat.peak(),
                bound: in_units * unit * SLACK,
                tie: mix(input.seed ^ seat.executor.identity_hash()),
            };
            if desk.is_open {
                placer.open += 1;
                placer.ranked.push(Reverse((placer.rank(&desk), *slot)));
            }
            placer.desks[slot.index()] = Some(desk);
        }
        placer
    }

    /// Who is given this shard, and whether that is where the ring has it. Changes nothing; tell with
    /// [`take`](Self::take) that it was done. `but` is not considered.
    pub(super) fn choose(&mut self, row: &Row, but: Option<ExecutorSlot>) -> Result<Choice, NoRoom> {
        let tally = Tally::of(row.load);
        let choice = |to, is_on_ring| Ok(Choice { to, is_on_ring });
        if let Some(pin) = row.pin {
            return match pin {
                Pin::To(to) if Some(to) != but && self.has_room(to, tally) => choice(to, false),
                Pin::To(_) | Pin::Away => Err(NoRoom::Pinned),
            };
        }
        if self.placement == Placement::Ring {
            if let Some(to) = self.ring.owner_at(row.position)
                && Some(to) != but
                && self.fits(to, tally)
            {
                return choice(to, true);
            }
            let others = self.ring.walk(row.position, WALK).skip(1);
            if let Some(to) = others.filter(|to| Some(*to) != but).find(|to| self.fits(*to, tally)) {
                return choice(to, false);
            }
        }
        match self.least_filled(tally, but) {
            Some(to) => {
                choice(to, self.placement == Placement::Ring && self.ring.owner_at(row.position) == Some(to))
            }
            None if self.open == 0 => Err(NoRoom::NoExecutor),
            None => Err(NoRoom::Full),
        }
    }

    /// A shard is on its way to this desk.
    pub(super) fn take(&mut self, to: ExecutorSlot, tally: Tally) {
        let desk = self.desk_mut(to);
        desk.settled += tally;
        desk.peak += tally;
    }

    /// A shard is on its way from this desk. It takes up room until it is gone.
    pub(super) fn leave(&mut self, from: ExecutorSlot, tally: Tally) {
        let desk = self.desk_mut(from);
        desk.settled -= tally;
        let rank = self.desk(from).filter(|desk| desk.is_open).map(|desk| self.rank(desk));
        self.ranked.extend(rank.map(|rank| Reverse((rank, from))));
    }

    /// Whether the hard limits let this desk take the shards.
    pub(super) fn has_room(&self, to: ExecutorSlot, tally: Tally) -> bool {
        self.desk(to).is_some_and(|desk| {
            desk.is_open && desk.seats_left(tally) && desk.load_left(&self.scale) >= self.scale.load(tally)
        })
    }

    /// Load of the fullest open desk for its weight, relative to the mean of the open; 0 when there is none.
    pub(super) fn max_over_mean(&self) -> f64 {
        let open = || self.desks.iter().flatten().filter(|desk| desk.is_open);
        let weighed = |desk: &Desk| self.scale.weigh(desk.settled);
        let mean = open().map(weighed).sum::<f64>() / open().map(|desk| desk.weight).sum::<f64>();
        let fullest = open().map(|desk| weighed(desk) / desk.weight).fold(0.0, f64::max);
        if mean > 0.0 { fullest / mean } else { 0.0 }
    }

    pub(super) fn desk(&self, slot: ExecutorSlot) -> Option<&Desk> {
        self.desks.get(slot.index())?.as_ref()
    }

    /// Whether the desk has room and keeps within its bound.
    fn fits(&self, to: ExecutorSlot, tally: Tally) -> bool {
        self.desk(to).is_some_and(|desk| {
            let mut after = desk.settled;
            after += tally;
            let within =
                desk.settled.shards == 0 || fill_of(self.placement, &self.scale, after) <= desk.bound;
            within && !desk.is_retiring && self.has_room(to, tally)
        })
    }

    fn least_filled(&mut self, tally: Tally, but: Option<ExecutorSlot>) -> Option<ExecutorSlot> {
        let load = self.scale.load(tally);
        while let Some(&(room, slot)) = self.parked.peek()
            && room.0 >= load
        {
            self.parked.pop();
            let desk = self.desk(slot).expect("a parked desk is a desk");
            self.ranked.push(Reverse((self.rank(desk), slot)));
        }
        let mut set_aside = None;
        let found = loop {
            let Some(mut top) = self.ranked.peek_mut() else { break None };
            let Reverse((rank, slot)) = *top;
            let desk = self.desks[slot.index()].as_ref().expect("a ranked desk is a desk");
            let now = rank_of(self.placement, &self.scale, desk);
            if now > rank {
                *top = Reverse((now, slot));
            } else if !desk.seats_left(tally) {
                std::collections::binary_heap::PeekMut::pop(top);
            } else if desk.load_left(&self.scale) < load {
                let room = Number(desk.load_left(&self.scale));
                std::collections::binary_heap::PeekMut::pop(top);
                self.parked.push((room, slot));
            } else if Some(slot) == but {
                set_aside = Some(std::collections::binary_heap::PeekMut::pop(top));
            } else {
                break Some(slot);
            }
        };
        self.ranked.extend(set_aside);
        found
    }

    fn rank(&self, desk: &Desk) -> Rank {
        rank_of(self.placement, &self.scale, desk)
    }

    fn desk_mut(&mut self, slot: ExecutorSlot) -> &mut Desk {
        self.desks.get_mut(slot.index()).and_then(Option::as_mut).expect("a slot of the input has a desk")
    }
}

/// Where a shard goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) to: ExecutorSlot,
    /// Whether the ring has it there.
    pub(super) is_on_ring: bool,
}

impl Desk {
    fn seats_left(&self, tally: Tally) -> bool {
        self.max_shards.is_none_or(|max| self.peak.shards.saturating_add(tally.shards) <= max)
    }

    fn load_left(&self, scale: &Scale) -> f64 {
        self.max_load.map_or(f64::INFINITY, |max| max - scale.load(self.peak))
    }
}

/// Versions that are being replaced. See [`Rollout`].
pub(super) fn retiring(seats: &[(ExecutorSlot, Seat)], rollout: &Rollout) -> BTreeSet<Arc<str>> {
    match rollout {
        Rollout::Off => BTreeSet::new(),
        Rollout::Retiring(versions) => versions.clone(),
        Rollout::Detect => {
            let active = seats.iter().filter(|(_, seat)| seat.state == State::Active);
            let newest = active.max_by_key(|(slot, seat)| (seat.executor.joined(), *slot));
            let coming = newest.and_then(|(_, seat)| seat.executor.version());
            let leaving = seats.iter().filter(|(_, seat)| seat.state != State::Active);
            let versions = leaving.filter_map(|(_, seat)| seat.executor.version());
            versions
                .filter(|version| coming.is_some_and(|coming| coming != *version))
                .map(Arc::from)
                .collect()
        }
    }
}

/// By what a placement fills executors.
fn fill_of(placement: Placement, scale: &Scale, tally: Tally) -> f64 {
    match placement {
        Placement::Even => tally.shards.into(),
        Placement::Ring | Placement::LeastLoaded => scale.weigh(tally),
    }
}

fn rank_of(placement: Placement, scale: &Scale, desk: &Desk) -> Rank {
    let fill = fill_of(placement, scale, desk.settled);
    let other = match placement {
        Placement::Even => scale.weigh(desk.settled),
        Placement::Ring | Placement::LeastLoaded => desk.settled.shards.into(),
    };
    Rank {
        is_retiring: desk.is_retiring,
        is_beyond_bound: fill >= desk.bound,
        fill: Number(fill / desk.weight),
        other_fill: Number(other / desk.weight),
        tie: desk.tie,
    }
}

/// The finalizer of SplitMix64: neighbouring numbers become unrelated ones.
const fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}
