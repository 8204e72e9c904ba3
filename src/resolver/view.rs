//! All that one lookup reads, as one immutable value.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::time::Duration;

use super::{LookupError, OwnerMap, Standing};
use crate::clock::Clock;
use crate::hash::xxh3;
use crate::policy::{AtHand, LastResort, Path, RoutingPolicy, Silence};
use crate::ring::HashRing;
use crate::types::{Member, Mono, Namespace, Source, Token};

/// Policy, ring with its members, and the distributor's map, published together: a lookup can mix no two versions.
#[derive(Clone)]
pub struct View {
    pub(super) namespace: Namespace,
    pub(super) policy: Arc<RoutingPolicy>,
    pub(super) ring: Arc<HashRing>,
    /// Grows with every change of the members.
    pub(super) member_revision: u64,
    pub(super) ring_seen: Seen,
    pub(super) owners: Option<Arc<OwnerMap>>,
    pub(super) owners_seen: Seen,
    pub(super) clock: Arc<dyn Clock>,
}

/// When a source last vouched for what the view shows. Shared by all views that show the same, so that a source which
/// only says "unchanged" publishes nothing; replaced with the content, so that an old view does not look fresh.
#[derive(Clone, Debug)]
pub(super) struct Seen(Arc<AtomicU64>);

/// Which member answers, and as what: numbers only, so that it outlives the borrow of its view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pick {
    /// Index among the ring's members or the map's executors.
    pub(super) at: u32,
    pub(super) kind: PickKind,
    /// Zero where no token is known.
    pub(super) token: Token,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PickKind {
    Ring,
    Distributor,
    /// The distributor's last word, past `max_age`.
    Stale,
    /// The ring's, because the distributor is silent.
    RingForDistributor,
}

impl View {
    /// Answers for `key` along `path`.
    #[inline]
    pub(super) fn pick(&self, key: &[u8], path: Path) -> Result<Pick, Miss> {
        match path.source() {
            Source::Ring => self.pick_from_ring(key),
            Source::Distributor => self.pick_from_owners(key),
        }
    }

    #[inline]
    pub(super) fn pick_from_ring(&self, key: &[u8]) -> Result<Pick, Miss> {
        match self.ring.slot_at(self.ring.position(key)) {
            Some(slot) => Ok(Pick::of_ring(slot, PickKind::Ring)),
            None => Err(Miss::NoMembers),
        }
    }

    #[inline]
    fn pick_from_owners(&self, key: &[u8]) -> Result<Pick, Miss> {
        let hash = xxh3(key);
        if let Some(owners) = &self.owners
            && self.policy.max_age().is_none()
            && let Some(assignment) = owners.get_hashed(key, hash)
            && assignment.standing != Standing::Unassigned
        {
            return Ok(Pick {
                at: assignment.executor,
                kind: PickKind::Distributor,
                token: assignment.token,
            });
        }
        self.pick_despite_silence(key, hash)
    }

    /// Everything about the distributor's answer that is not the common case.
    #[cold]
    fn pick_despite_silence(&self, key: &[u8], hash: u64) -> Result<Pick, Miss> {
        let too_old = self.policy.max_age().is_some_and(|max_age| self.owners_seen.age(self.now()) > max_age);
        let assignment = self.owners.as_ref().map(|owners| owners.get_hashed(key, hash));
        let owned = assignment.flatten().filter(|assignment| assignment.standing != Standing::Unassigned);
        let of_map = |kind| owned.map(|owned| Pick { at: owned.executor, kind, token: owned.token });
        let silence = match assignment {
            None => Silence::NoMap,
            Some(_) if too_old => Silence::TooOld,
            Some(None) => Silence::UnknownKey,
            Some(Some(_)) => match of_map(PickKind::Distributor) {
                Some(pick) => return Ok(pick),
                None => Silence::Unassigned,
            },
        };
        let at_hand = AtHand { stale: owned.is_some(), ring: !self.ring.is_empty() };
        let miss = Miss::Silent(silence);
        match self.policy.fallback().decide(silence, at_hand) {
            LastResort::Stale => of_map(PickKind::Stale).ok_or(miss),
            LastResort::Ring => {
                let slot = self.ring.slot_at(self.ring.position(key)).ok_or(miss)?;
                Ok(Pick::of_ring(slot, PickKind::RingForDistributor))
            }
            LastResort::Unavailable => Err(miss),
            LastResort::NotFound => Err(Miss::NotFound),
        }
    }

    #[inline]
    pub(super) fn member(&self, pick: Pick) -> &Member {
        match pick.kind.source() {
            Source::Ring => self.ring.member(pick.at as usize),
            Source::Distributor => {
                let executor = self.owners.as_ref().and_then(|owners| owners.executor(pick.at));
                executor.expect("a pick is used with the view that it was made from")
            }
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
        let slot = |member: &Member| {
            self.ring.members().binary_search_by(|other| other.address().cmp(member.address()))
        };
        let others = others.filter_map(move |member| slot(member).ok());
        std::iter::once(first).chain(others.map(|slot| Pick::of_ring(slot, PickKind::Ring)))
    }

    fn now(&self) -> Mono {
        self.clock.now()
    }
}

impl Pick {
    #[inline]
    pub(super) const fn of_ring(slot: usize, kind: PickKind) -> Self {
        Self { at: slot as u32, kind, token: Token { incarnation: 0, generation: 0 } }
    }
}

impl PickKind {
    #[inline]
    pub(super) const fn source(self) -> Source {
        match self {
            Self::Ring | Self::RingForDistributor => Source::Ring,
            Self::Distributor | Self::Stale => Source::Distributor,
        }
    }
}

impl Seen {
    pub(super) fn at(now: Mono) -> Self {
        Self(Arc::new(AtomicU64::new(now.as_nanos())))
    }

    pub(super) fn again(&self, now: Mono) {
        self.0.fetch_max(now.as_nanos(), Ordering::Relaxed);
    }

    pub(super) fn age(&self, now: Mono) -> Duration {
        now.since(Mono::from_nanos(self.0.load(Ordering::Relaxed)))
    }
}

/// Why a view has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Miss {
    InvalidKey,
    NoMembers,
    NotFound,
    Silent(Silence),
}

impl Miss {
    #[cold]
    pub(super) fn into_error(self, namespace: &Namespace, key: &str) -> LookupError {
        let namespace = namespace.clone();
        match self {
            Self::InvalidKey => LookupError::InvalidKey { bytes: key.len() },
            Self::NoMembers => LookupError::NoMembers { namespace },
            Self::NotFound => LookupError::NotFound { namespace },
            Self::Silent(reason) => LookupError::Unavailable { namespace, reason },
        }
    }
}
