//! Rings from member lists: in full, or from a predecessor.

use super::{
    Flavour, HashRing, MAX_RING_MEMBERS, MAX_RING_POINTS, RingError, RingSpec,
    pairs::{Pair, by_address},
    patch::Patch,
    placement::seed,
    table::PointTable,
};
use crate::types::Member;

/// A rebuild starts afresh when more than one in this many points changes: about where a patch stops being faster.
const PATCH_SHARE: u64 = 8;

impl HashRing {
    /// A ring of these members, whatever their order. None is a ring too: it owns nothing.
    pub fn new(spec: RingSpec, members: impl IntoIterator<Item = Member>) -> Result<Self, RingError> {
        let members = in_order(spec, members)?;
        let seeds: Box<[u64]> = members.iter().map(seed).collect();
        refuse_equal_identities(&members, &seeds)?;
        Ok(Self::build(spec, members, seeds))
    }

    /// A ring without members.
    pub fn empty(spec: RingSpec) -> Self {
        Self::build(spec, Box::default(), Box::default())
    }

    /// The ring of the same spec with these members, which replace all it had.
    ///
    /// The result equals that of [`HashRing::new`], but costs little more than a copy when few members differ; least
    /// when the members come in order of address, as [`HashRing::members`] has them.
    pub fn rebuild(&self, members: impl IntoIterator<Item = Member>) -> Result<Self, RingError> {
        let members = in_order(self.spec(), members)?;
        let change = Change::between(self, &members);
        if change.moving_points * PATCH_SHARE > points_of_all(self.spec(), &members) {
            refuse_equal_identities(&members, &change.seeds)?;
            return Ok(Self::build(self.spec(), members, change.seeds.into()));
        }
        for new in change.reseeded() {
            refuse_taken_identity(&members, &change.seeds, new)?;
        }
        let table = change.patch(self, &members).apply(self.table());
        Ok(Self::from_parts(self.spec(), members, change.seeds.into(), table))
    }

    fn build(spec: RingSpec, members: Box<[Member]>, seeds: Box<[u64]>) -> Self {
        let total = points_of_all(spec, &members) as usize;
        let mut points = Vec::with_capacity(total + PointTable::SENTINELS);
        for (slot, (member, &seed)) in members.iter().zip(&seeds).enumerate() {
            spec.place(member, seed, slot as u16, 0..spec.points_of(member), &mut points);
        }
        Self::from_parts(spec, members, seeds, PointTable::of(points))
    }
}

/// What differs between a ring and its next member list.
struct Change {
    /// The next list's seeds.
    seeds: Vec<u64>,
    /// See [`Patch::new_slots`] and [`Patch::old_ranks`].
    new_slots: Vec<u16>,
    old_ranks: Vec<u16>,
    moves: Vec<Move>,
    moving_points: u64,
}

/// A member that gains or loses points.
struct Move {
    pair: Pair,
    /// How many points it has before and after, and how many of these are the same.
    before: u32,
    after: u32,
    kept: u32,
}

impl Change {
    fn between(old: &HashRing, members: &[Member]) -> Self {
        let spec = old.spec();
        let mut change = Self {
            seeds: Vec::with_capacity(members.len()),
            new_slots: Vec::with_capacity(old.len()),
            old_ranks: Vec::with_capacity(members.len()),
            moves: Vec::new(),
            moving_points: 0,
        };
        for pair in by_address(old.members(), members) {
            let before = pair.old.map(|slot| &old.members()[slot]);
            let after = pair.new.map(|slot| &members[slot]);
            let same_identity =
                before.zip(after).is_some_and(|(before, after)| before.identity() == after.identity());
            let old_rank = change.new_slots.len();
            if before.is_some() {
                change.new_slots.push(change.seeds.len() as u16);
            }
            if let Some(after) = after {
                change.old_ranks.push(old_rank as u16);
                change.seeds.push(if same_identity { old.seeds()[old_rank] } else { seed(after) });
            }
            let before = before.map_or(0, |member| spec.points_of(member));
            let after = after.map_or(0, |member| spec.points_of(member));
            let kept = if same_identity { before.min(after) } else { 0 };
            if before != kept || after != kept {
                change.moving_points += u64::from(before - kept) + u64::from(after - kept);
                change.moves.push(Move { pair, before, after, kept });
            }
        }
        change
    }

    /// Slots of the next list whose members have an identity that is new at their address.
    fn reseeded(&self) -> impl Iterator<Item = usize> {
        self.moves.iter().filter(|change| change.kept == 0).filter_map(|change| change.pair.new)
    }

    fn patch(&self, old: &HashRing, members: &[Member]) -> Patch<'_> {
        let spec = old.spec();
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        for &Move { pair, before, after, kept } in &self.moves {
            if let Some(slot) = pair.old {
                spec.place(&old.members()[slot], old.seeds()[slot], slot as u16, kept..before, &mut removed);
            }
            if let Some(slot) = pair.new {
                spec.place(&members[slot], self.seeds[slot], slot as u16, kept..after, &mut added);
            }
        }
        Patch { removed, added, new_slots: &self.new_slots, old_ranks: &self.old_ranks }
    }
}

/// The members by address, once everything about them but their identities has been checked.
fn in_order(spec: RingSpec, members: impl IntoIterator<Item = Member>) -> Result<Box<[Member]>, RingError> {
    let mut members: Vec<_> = members.into_iter().take(MAX_RING_MEMBERS + 1).collect();
    if members.len() > MAX_RING_MEMBERS {
        return Err(RingError::TooManyMembers);
    }
    if !members.is_sorted_by(|a, b| a.address() < b.address()) {
        members.sort_unstable_by(|a, b| a.address().cmp(b.address()));
        if let Some([first, _]) = members.array_windows().find(|[a, b]| a.address() == b.address()) {
            return Err(RingError::DuplicateAddress { address: first.address().into() });
        }
    }
    let weighted = members.iter().find(|member| spec.flavour() == Flavour::Ringpop && member.weight() != 1);
    if let Some(member) = weighted {
        return Err(RingError::WeightInRingpop { address: member.address().into(), weight: member.weight() });
    }
    let points = points_of_all(spec, &members);
    if points > MAX_RING_POINTS as u64 {
        return Err(RingError::TooManyPoints { points });
    }
    Ok(members.into())
}

fn points_of_all(spec: RingSpec, members: &[Member]) -> u64 {
    members.iter().map(|member| u64::from(spec.points_of(member))).sum()
}

/// Equal identities have equal seeds; the reverse holds but for a chance of 2^-64, so the identities decide.
fn refuse_equal_identities(members: &[Member], seeds: &[u64]) -> Result<(), RingError> {
    let mut by_seed: Vec<_> = seeds.iter().zip(members).collect();
    by_seed.sort_unstable_by_key(|(seed, member)| (**seed, member.identity()));
    match by_seed.array_windows().find(|[(_, a), (_, b)]| a.identity() == b.identity()) {
        Some([(_, a), (_, b)]) => Err(equal_identities(a, b)),
        None => Ok(()),
    }
}

fn refuse_taken_identity(members: &[Member], seeds: &[u64], slot: usize) -> Result<(), RingError> {
    let member = &members[slot];
    let twin = members.iter().zip(seeds).enumerate().find(|&(other, (_, &seed))| {
        seed == seeds[slot] && other != slot && members[other].identity() == member.identity()
    });
    match twin {
        Some((_, (twin, _))) => Err(equal_identities(twin, member)),
        None => Ok(()),
    }
}

fn equal_identities(a: &Member, b: &Member) -> RingError {
    let (first, second) = if a.address() < b.address() { (a, b) } else { (b, a) };
    RingError::DuplicateIdentity {
        identity: first.identity().into(),
        addresses: [first.address().into(), second.address().into()],
    }
}
