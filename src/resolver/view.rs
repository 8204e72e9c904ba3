//! All that one lookup reads, as one immutable value.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::time::Duration;

use super::owner_map::{Found, Spot};
use super::split::Split;
use super::{LookupError, OwnerMap};
use crate::clock::Clock;
use crate::planted::{Planted, is};
use crate::policy::{AtHand, LastResort, Path, RoutingPolicy, Silence};
use crate::ring::{Flavour, HashRing};
use crate::types::{MAX_SHARD_KEY_BYTES, Member, Mono, Namespace, Source, Token};

/// Policy, ring with its members, and the distributor's map, published together: a lookup can mix no two versions.
#[derive(Clone)]
pub struct View {
    pub(super) namespace: Namespace,
    pub(super) policy: Arc<RoutingPolicy>,
    pub(super) ring: Arc<HashRing>,
    /// Grows with every change of the members.
    pub(super) member_revision: u64,
    pub(super) ring_seen: Vouched,
    pub(super) owners: Option<Arc<OwnerMap>>,
    pub(super) owners_seen: Vouched,
    pub(super) clock: Arc<dyn Clock>,
    /// Whom answers name: the ring's members and the map's executors, in the order of [`Source`].
    members: [Arc<[Member]>; 2],
}

/// When a source last vouched for what the view shows. Shared by all views that show the same, so that a source which
/// only says "unchanged" publishes nothing; replaced with the content, so that an old view does not look fresh.
#[derive(Clone, Debug)]
pub(super) struct Vouched(Arc<AtomicU64>);

/// What decides a lookup in one view, for keys of ordinary length.
pub(super) enum Way {
    /// The ring answers for every key by [`xxh3`](crate::hash::xxh3), and nothing is compared with it.
    RingAlone(Arc<HashRing>),
    /// The key decides, by facts that the map keeps of it.
    Either(Split),
    /// Everything else: [`View::answer`] decides.
    Any,
}

/// What a view answers: where its owner is to be found in it, and as what it answers; or why there is none.
///
/// One number, because every lookup returns it beside its hold on the view: two registers. Anything larger goes
/// through memory, where a caller that reads it in other pieces than it was written in waits for the writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pick(u64);

/// How a lookup ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Outcome {
    // The lowest bit of a hit is its source.
    Ring,
    Distributor,
    /// The ring's, because the distributor is silent.
    RingForDistributor,
    /// The distributor's last word, past `max_age`.
    Stale,
    // The rest are misses.
    NoMembers,
    NotFound,
    NoMap,
    TooOld,
    Unassigned,
    InvalidKey,
}

impl View {
    /// With a ring and no map yet.
    pub(super) fn new(
        namespace: Namespace,
        policy: Arc<RoutingPolicy>,
        ring: HashRing,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let now = clock.now();
        Self {
            namespace,
            policy,
            members: [ring.members().into(), Arc::default()],
            ring: Arc::new(ring),
            member_revision: 0,
            ring_seen: Vouched::at(now),
            owners: None,
            owners_seen: Vouched::at(now),
            clock,
        }
    }

    /// The same with another policy.
    pub(super) fn with_policy(&self, policy: Arc<RoutingPolicy>) -> Self {
        Self { policy, ..self.clone() }
    }

    /// The same with another ring.
    pub(super) fn with_ring(&self, ring: &Arc<HashRing>, ring_seen: Vouched) -> Self {
        let members = [ring.members().into(), Arc::clone(&self.members[1])];
        let member_revision = self.member_revision + 1;
        Self { members, ring: Arc::clone(ring), ring_seen, member_revision, ..self.clone() }
    }

    /// The same with another map.
    pub(super) fn with_owners(&self, owners: Arc<OwnerMap>, owners_seen: Vouched) -> Self {
        let members = [Arc::clone(&self.members[0]), Arc::clone(owners.members())];
        Self { members, owners: Some(owners), owners_seen, ..self.clone() }
    }

    /// Answers for `key`, of which `hash` is the [`xxh3`](crate::hash::xxh3). The policy is read here, once.
    ///
    /// One hash serves ring and map, and it is made first: what follows then has the registers to itself. Only the
    /// ringpop flavour needs another.
    #[inline(always)]
    pub(super) fn answer(&self, key: &[u8], hash: u64) -> (Path, Pick) {
        let path = self.policy.route(key);
        let pick = if key.is_empty() || key.len() > MAX_SHARD_KEY_BYTES {
            Pick::miss(Outcome::InvalidKey)
        } else if path.source() == Source::Distributor {
            self.pick_from_owners(key, hash)
        } else {
            self.pick_from_ring(key, hash)
        };
        (path, pick)
    }

    /// How a lookup finds its answer fastest.
    pub(super) fn way(&self) -> Way {
        if self.ring.spec().flavour() != Flavour::Xxh3 || self.ring.is_empty() {
            return Way::Any;
        }
        let is_ring_alone =
            self.policy.always().is_some_and(|path| path.source() == Source::Ring && path.shadow().is_none());
        if is_ring_alone {
            return Way::RingAlone(Arc::clone(&self.ring));
        }
        match (&self.owners, self.policy.onboards(), self.policy.max_age()) {
            (Some(owners), Some(onboards), None) => {
                Way::Either(Split::new(&self.ring, owners, onboards, &self.policy))
            }
            _ => Way::Any,
        }
    }

    /// The same with nothing to answer with.
    pub(super) fn emptied(&self) -> Self {
        let ring = Arc::new(HashRing::empty(self.ring.spec()));
        Self { ring, owners: None, members: Default::default(), ..self.clone() }
    }

    #[inline(always)]
    fn pick_from_ring(&self, key: &[u8], hash: u64) -> Pick {
        match self.slot(key, hash) {
            Some(slot) => Pick::of_ring(slot, Outcome::Ring),
            None => Pick::miss(Outcome::NoMembers),
        }
    }

    /// The ring's owner of a key.
    #[inline(always)]
    fn slot(&self, key: &[u8], hash: u64) -> Option<usize> {
        let position = match self.ring.spec().flavour() {
            Flavour::Xxh3 => hash,
            Flavour::Ringpop => self.ring.position(key),
        };
        self.ring.slot_at(position)
    }

    #[inline(never)]
    fn pick_from_owners(&self, key: &[u8], hash: u64) -> Pick {
        if let Some(owners) = &self.owners
            && let Some(Found { spot, is_owned: true, .. }) = owners.find(key, hash)
            && self.is_fresh()
        {
            return Pick::of_map(spot, Outcome::Distributor);
        }
        self.pick_despite_silence(key, hash)
    }

    /// Everything about the distributor's answer that is not the common case.
    #[cold]
    fn pick_despite_silence(&self, key: &[u8], hash: u64) -> Pick {
        let (silence, owned) = match self.silence(key, hash) {
            Ok(spot) => return Pick::of_map(spot, Outcome::Distributor),
            Err(silence) => silence,
        };
        let at_hand = AtHand { stale: owned.is_some(), ring: !self.ring.is_empty() };
        let miss = Pick::miss(match silence {
            Silence::NoMap => Outcome::NoMap,
            Silence::TooOld => Outcome::TooOld,
            Silence::Unassigned => Outcome::Unassigned,
            Silence::NotFound => Outcome::NotFound,
        });
        match self.policy.fallback().decide(silence, at_hand) {
            LastResort::Stale => owned.map_or(miss, |spot| Pick::of_map(spot, Outcome::Stale)),
            LastResort::Ring => {
                let slot = self.slot(key, hash);
                slot.map_or(miss, |slot| Pick::of_ring(slot, Outcome::RingForDistributor))
            }
            LastResort::Unavailable | LastResort::NotFound => miss,
        }
    }

    /// The place of the distributor's regular answer; or what its map lacks, with the owner that it would have named.
    fn silence(&self, key: &[u8], hash: u64) -> Result<Spot, (Silence, Option<Spot>)> {
        let Some(owners) = &self.owners else {
            return Err((Silence::NoMap, None));
        };
        let found = owners.find(key, hash);
        let owned = found.and_then(|found| found.is_owned.then_some(found.spot));
        match (found, owned) {
            _ if !self.is_fresh() => Err((Silence::TooOld, owned)),
            (None, _) => Err((Silence::NotFound, None)),
            (Some(_), None) => Err((Silence::Unassigned, None)),
            (Some(_), Some(spot)) => Ok(spot),
        }
    }

    /// Whether the map is young enough for the policy. Reads the clock only where there is a limit.
    #[inline]
    fn is_fresh(&self) -> bool {
        self.policy.max_age().is_none_or(|max_age| self.owners_seen.age(self.now()) <= max_age)
    }

    /// What the distributor can be asked or waited for: `None` when it is not the one to answer, or does.
    #[cfg(feature = "client")]
    pub(super) fn to_be_settled(&self, key: &str) -> Option<Silence> {
        let (key, path) = (key.as_bytes(), self.policy.route(key.as_bytes()));
        let is_key = !key.is_empty() && key.len() <= MAX_SHARD_KEY_BYTES;
        if !is_key || path.source() == Source::Ring {
            return None;
        }
        match self.silence(key, crate::hash::xxh3(key)) {
            Ok(_) => None,
            // However old the map is: it does not know the key, and the distributor may.
            Err((Silence::TooOld, None)) => Some(Silence::NotFound),
            Err((Silence::TooOld, Some(_))) => None,
            Err((silence, _)) => Some(silence),
        }
    }

    /// The member of a pick that is no miss, made from this view.
    #[inline]
    pub(super) fn member(&self, pick: Pick) -> &Member {
        // An index, not a branch: who answered cannot be predicted.
        &self.members[pick.code() & 1][pick.member()]
    }

    /// The token of a pick from the map.
    pub(super) fn token(&self, pick: Pick) -> Option<Token> {
        match pick.source() {
            Source::Ring => None,
            Source::Distributor => Some(self.owners.as_ref()?.at(Spot(pick.0 >> CODE_BITS))?.token),
        }
    }

    pub(super) fn age(&self, source: Source) -> Duration {
        match source {
            Source::Ring => self.ring_seen.age(self.now()),
            Source::Distributor => self.owners_seen.age(self.now()),
        }
    }

    /// `first`, then the ring's next distinct members: nobody but the ring orders members by key.
    pub(super) fn picks<'a>(&'a self, key: &'a [u8], first: Pick) -> impl Iterator<Item = Pick> + 'a {
        let owner = self.member(first).address();
        let others = self.ring.lookup_n(key, self.ring.len()).filter(move |member| member.address() != owner);
        let others = others.filter_map(|member| self.ring.slot_of(member.address()));
        std::iter::once(first).chain(others.map(|slot| Pick::of_ring(slot, Outcome::Ring)))
    }

    fn now(&self) -> Mono {
        self.clock.now()
    }
}

/// Of a pick, for its outcome. A spot of the map follows, or a slot of the ring at the place of a spot's executor.
const CODE_BITS: u32 = 8;

impl Pick {
    #[inline]
    pub(super) const fn of_ring(slot: usize, outcome: Outcome) -> Self {
        Self::of_map(Spot::of_executor(slot as u64), outcome)
    }

    #[inline]
    pub(super) const fn of_map(spot: Spot, outcome: Outcome) -> Self {
        Self(spot.0 << CODE_BITS | outcome as u64)
    }

    #[inline]
    pub(super) const fn miss(outcome: Outcome) -> Self {
        Self(outcome as u64)
    }

    #[inline]
    const fn member(self) -> usize {
        Spot(self.0 >> CODE_BITS).executor() as usize
    }

    /// The [`Outcome`] as a number.
    #[inline]
    pub(super) const fn code(self) -> usize {
        (self.0 & 0xFF) as usize
    }

    #[inline]
    pub(super) const fn is(self, outcome: Outcome) -> bool {
        self.code() == outcome as usize
    }

    /// Whether there is an owner.
    #[inline]
    pub(super) const fn is_hit(self) -> bool {
        self.code() < Outcome::NoMembers as usize
    }

    /// Who gave the owner that there is.
    #[inline]
    pub(super) const fn source(self) -> Source {
        if self.code() & 1 == 0 { Source::Ring } else { Source::Distributor }
    }

    /// The error that a miss is for the caller.
    #[cold]
    pub(super) fn into_error(self, namespace: &Namespace, key: &str) -> LookupError {
        let namespace = namespace.clone();
        if self.is(Outcome::InvalidKey) {
            return LookupError::InvalidKey { bytes: key.len() };
        }
        if self.is(Outcome::NotFound) {
            return LookupError::NotFound { namespace };
        }
        let silences = [
            (Outcome::NoMap, Silence::NoMap),
            (Outcome::TooOld, Silence::TooOld),
            (Outcome::Unassigned, Silence::Unassigned),
        ];
        match silences.into_iter().find(|(outcome, _)| self.is(*outcome)) {
            Some((_, reason)) => LookupError::Unavailable { namespace, reason },
            None => LookupError::NoMembers { namespace },
        }
    }
}

impl Vouched {
    pub(super) fn at(now: Mono) -> Self {
        Self(Arc::new(AtomicU64::new(now.as_nanos())))
    }

    pub(super) fn again(&self, now: Mono) {
        self.0.fetch_max(now.as_nanos(), Ordering::Relaxed);
    }

    pub(super) fn age(&self, now: Mono) -> Duration {
        if is(Planted::AgesForgotten) {
            return Duration::ZERO;
        }
        now.since(Mono::from_nanos(self.0.load(Ordering::Relaxed)))
    }
}
