//! The living state that plans are made from.
//!
//! One board is one namespace's executors and shards. Its keeper edits it in place as things happen; it keeps sums per
//! executor and lists of what needs attention up to date, so that a round costs what has changed and not what there is.
//!
//! Edits name slots that the board has given out. One that it has not is a mistake of the caller, and panics.

mod edit;
mod losses;
mod measured;
mod record;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
    time::Duration,
};

pub use losses::{Losses, MAX_LOSSES};
use record::{Flag, Record};

use super::{ExecutorSlot, Load, Seat, ShardSlot, State, Tally, placement_ring::PlacementRing};
use crate::{ring::RingSpec, types::Mono};

/// Most shards of a board: what [`Load`]'s sums are exact for, and more than a namespace should have.
pub const MAX_SHARDS: usize = 1 << 24;

/// Executors and shards of one namespace.
#[derive(Clone, Debug)]
pub struct Board {
    spec: RingSpec,
    seats: Vec<Option<Held>>,
    free_seats: Vec<ExecutorSlot>,
    records: Vec<Record>,
    free_records: Vec<ShardSlot>,
    unowned: Vec<ShardSlot>,
    moving: BTreeMap<ShardSlot, Option<ExecutorSlot>>,
    pins: BTreeMap<ShardSlot, Pin>,
    quarantine: BTreeMap<ShardSlot, Mono>,
    losses: Losses,
    /// Whose last samples say something else than those before.
    swinging: BTreeSet<ShardSlot>,
    total: Tally,
    ring: OnceLock<Arc<PlacementRing>>,
    /// The ring before the last change of its members: what the next one is patched from.
    last_ring: Option<Arc<PlacementRing>>,
}

#[derive(Clone, Debug)]
struct Held {
    seat: Seat,
    shards: Vec<ShardSlot>,
}

/// Where a shard is between two owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It stays with its owner, or has none and waits for one.
    Settled,
    /// Its owner was told to let go of it. It goes to this executor, or, if that one was lost meanwhile, to nobody yet.
    Moving(Option<ExecutorSlot>),
}

/// Where an operator wants a shard to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin {
    /// On this session.
    To(ExecutorSlot),
    /// On an executor that has no session now.
    Away,
}

/// All that a board knows of one shard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shard {
    /// Whoever owns it, session alive or not.
    pub owner: Option<ExecutorSlot>,
    /// Whether it is on its way.
    pub phase: Phase,
    /// Where it lies on the ring.
    pub position: u64,
    /// What it weighs, if that was ever measured.
    pub load: Option<Load>,
    /// When it was last moved for balance's sake, a sixteenth of a second too late at most.
    pub moved: Option<Mono>,
    /// Where it has to be.
    pub pin: Option<Pin>,
    /// Until when nobody is given it.
    pub quarantined_until: Option<Mono>,
}

impl Board {
    /// An empty board. `spec` is that of the ring that callers use or used: shards are placed where it says.
    pub fn new(spec: RingSpec) -> Self {
        Self {
            spec,
            seats: Vec::new(),
            free_seats: Vec::new(),
            records: Vec::new(),
            free_records: Vec::new(),
            unowned: Vec::new(),
            moving: BTreeMap::new(),
            pins: BTreeMap::new(),
            quarantine: BTreeMap::new(),
            losses: Losses::default(),
            swinging: BTreeSet::new(),
            total: Tally::default(),
            ring: OnceLock::new(),
            last_ring: None,
        }
    }

    /// The kind of ring that shards are placed by.
    pub const fn spec(&self) -> RingSpec {
        self.spec
    }

    /// The session of a slot; `None` when it is free.
    pub fn seat(&self, slot: ExecutorSlot) -> Option<&Seat> {
        self.seats.get(slot.index())?.as_ref().map(|held| &held.seat)
    }

    /// All sessions, by slot.
    pub fn seats(&self) -> impl Iterator<Item = (ExecutorSlot, &Seat)> {
        self.seats
            .iter()
            .enumerate()
            .filter_map(|(index, held)| Some((ExecutorSlot::new(index), &held.as_ref()?.seat)))
    }

    /// What a session owns, in no order that means anything.
    pub fn shards_of(&self, slot: ExecutorSlot) -> &[ShardSlot] {
        self.seats.get(slot.index()).and_then(Option::as_ref).map_or(&[], |held| &held.shards)
    }

    /// The shards that nobody owns, in no order that means anything.
    pub fn unowned(&self) -> &[ShardSlot] {
        &self.unowned
    }

    /// A shard; `None` when the slot is free.
    pub fn shard(&self, slot: ShardSlot) -> Option<Shard> {
        let record = self.records.get(slot.index()).filter(|record| record.is(Flag::Present))?;
        Some(Shard {
            owner: record.owner,
            phase: match record.is(Flag::Moving) {
                true => Phase::Moving(self.moving[&slot]),
                false => Phase::Settled,
            },
            position: record.position,
            load: record.load(),
            moved: record.moved(),
            pin: record.is(Flag::Pinned).then(|| self.pins[&slot]),
            quarantined_until: record.is(Flag::Quarantined).then(|| self.quarantine[&slot]),
        })
    }

    /// All shards, by slot.
    pub fn shards(&self) -> impl Iterator<Item = (ShardSlot, Shard)> {
        (0..self.records.len()).filter_map(|index| {
            let slot = ShardSlot::new(index);
            Some((slot, self.shard(slot)?))
        })
    }

    /// The shards on their way, by slot, each with its destination.
    pub fn moving(&self) -> impl ExactSizeIterator<Item = (ShardSlot, Option<ExecutorSlot>)> {
        self.moving.iter().map(|(shard, to)| (*shard, *to))
    }

    /// The pinned shards, by slot.
    pub fn pins(&self) -> impl ExactSizeIterator<Item = (ShardSlot, Pin)> {
        self.pins.iter().map(|(shard, pin)| (*shard, *pin))
    }

    /// The quarantined shards, by slot, each with the end of its time.
    pub fn quarantined(&self) -> impl ExactSizeIterator<Item = (ShardSlot, Mono)> {
        self.quarantine.iter().map(|(shard, until)| (*shard, *until))
    }

    /// Which sessions were lost lately, and with which shards.
    pub const fn losses(&self) -> &Losses {
        &self.losses
    }

    /// All shards, owned or not.
    pub const fn total(&self) -> Tally {
        self.total
    }

    /// The ring of the sessions that may receive. Made once per change of these.
    pub(super) fn ring(&self) -> &Arc<PlacementRing> {
        self.ring.get_or_init(|| {
            let open = self.seats().filter(|(_, seat)| seat.is_open());
            let last = self.last_ring.as_deref();
            Arc::new(PlacementRing::new(self.spec, open.map(|(slot, seat)| (slot, &*seat.executor)), last))
        })
    }

    /// Whether a shard may be moved for balance's sake: it is settled, not pinned, and was not moved so within the
    /// cooldown.
    pub(super) fn is_movable(&self, slot: ShardSlot, now: Mono, cooldown: Duration) -> bool {
        let record = &self.records[slot.index()];
        let has_cooled = record.moved().is_none_or(|moved| now >= moved + cooldown);
        !record.is(Flag::Moving) && !record.is(Flag::Pinned) && has_cooled
    }

    /// Whether enough is known of a shard's load to move it because of that.
    pub(super) fn is_known(&self, slot: ShardSlot, now: Mono) -> bool {
        self.records[slot.index()].is_known(now)
    }

    /// How many samples a shard's load is worth.
    pub(super) fn evidence(&self, slot: ShardSlot, now: Mono) -> f64 {
        self.records[slot.index()].evidence(now)
    }

    /// The shards whose last samples say something else than those before, by slot.
    pub(super) fn swinging(&self) -> impl Iterator<Item = ShardSlot> {
        self.swinging.iter().copied()
    }

    pub(super) fn position_of(&self, slot: ShardSlot) -> u64 {
        self.records[slot.index()].position
    }

    pub(super) fn load_of(&self, slot: ShardSlot) -> Option<Load> {
        self.records[slot.index()].load()
    }

    fn record(&self, slot: ShardSlot) -> &Record {
        self.records
            .get(slot.index())
            .filter(|record| record.is(Flag::Present))
            .expect("the board has this shard")
    }

    fn held(&self, slot: ExecutorSlot) -> &Held {
        self.seats.get(slot.index()).and_then(Option::as_ref).expect("the board has this session")
    }

    fn state_of(&self, slot: ExecutorSlot) -> State {
        self.held(slot).seat.state
    }
}
