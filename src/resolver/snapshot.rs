//! A resolver's state at one moment.

use std::{fmt, sync::Arc};

use super::owner::{Borrowed, Kept, Owner};
use super::view::{Pick, View};
use super::{LookupError, OwnerMap};
use crate::hash::xxh3;
use crate::policy::{Explanation, RoutingPolicy};
use crate::publish::Snapshot;
use crate::ring::HashRing;
use crate::types::{Member, Namespace};

/// Policy, ring, members and assignments as they were together at one moment. Free to go anywhere.
///
/// Lookups on it are not counted and not compared in shadow: it is for batches, tools and tests.
#[derive(Clone)]
pub struct ResolverSnapshot(Arc<Snapshot<View>>);

/// Why a key has the owner it has, and who it would be otherwise.
#[derive(Clone, Debug)]
pub struct KeyExplanation<'a> {
    /// The policy's decision, with every reason that holds.
    pub policy: Explanation<'a>,
    /// Where the key falls on the ring, of 2^64 positions.
    pub ring_position: u64,
    /// The ring's owner.
    pub ring: Option<Member>,
    /// The distributor's owner, its token and how the shard stands; `None` when the map does not know the key.
    pub distributor: Option<(Option<Member>, super::Assignment)>,
    /// What a lookup answers.
    pub answer: Result<Owner<Kept>, LookupError>,
}

/// What a change of policy would move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Shards that have an owner under both policies.
    pub shards: usize,
    /// Those of them that would change owner.
    pub moves: usize,
    /// Shards that have an owner under one of them only.
    pub unanswered: usize,
}

impl Forecast {
    /// The share of shards that would change owner.
    pub fn share(&self) -> f64 {
        if self.shards == 0 { 0.0 } else { self.moves as f64 / self.shards as f64 }
    }
}

impl ResolverSnapshot {
    pub(super) const fn new(view: Arc<Snapshot<View>>) -> Self {
        Self(view)
    }

    /// The owner of `key`, as [`Resolver::lookup`](super::Resolver::lookup) would have answered at that moment.
    #[inline]
    pub fn lookup(&self, key: &str) -> Result<Owner<Borrowed<'_>>, LookupError> {
        Ok(Owner::new(Borrowed(&self.0), self.pick(key)?))
    }

    /// Distinct members for `key`: its owner first, then the ring's next ones.
    pub fn lookup_n<'a>(
        &'a self,
        key: &'a str,
        n: usize,
    ) -> Result<impl Iterator<Item = Owner<Borrowed<'a>>>, LookupError> {
        let first = self.pick(key)?;
        Ok(self.0.picks(key.as_bytes(), first).take(n).map(|pick| Owner::new(Borrowed(&self.0), pick)))
    }

    /// The whole reasoning for one key.
    pub fn explain(&self, key: &str) -> KeyExplanation<'_> {
        let view = &self.0;
        let assignment = view.owners.as_ref().and_then(|map| Some((map, map.get(key.as_bytes())?)));
        KeyExplanation {
            policy: view.policy.explain(key.as_bytes()),
            ring_position: view.ring.position(key.as_bytes()),
            ring: view.ring.lookup(key.as_bytes()).cloned(),
            distributor: assignment.map(|(map, assignment)| (map.owner(assignment).cloned(), assignment)),
            answer: self.pick(key).map(|pick| Owner::new(Kept(Arc::clone(view)), pick)),
        }
    }

    /// What routing by `policy` instead would move, counted over every shard that the distributor's map knows.
    pub fn forecast(&self, policy: &Arc<RoutingPolicy>) -> Forecast {
        let then = self.0.with_policy(Arc::clone(policy));
        let mut forecast = Forecast { shards: 0, moves: 0, unanswered: 0 };
        for (key, _) in self.0.owners.iter().flat_map(|map| map.iter()) {
            match (owner_of(&self.0, key), owner_of(&then, key)) {
                (Some(now), Some(then)) => {
                    forecast.shards += 1;
                    forecast.moves += usize::from(now != then);
                }
                (None, None) => {}
                _ => forecast.unanswered += 1,
            }
        }
        forecast
    }

    /// The ring's members, sorted by address.
    pub fn members(&self) -> &[Member] {
        self.0.ring.members()
    }

    /// How many members the ring has.
    pub fn member_count(&self) -> usize {
        self.0.ring.len()
    }

    /// The ring.
    pub fn ring(&self) -> &Arc<HashRing> {
        &self.0.ring
    }

    /// Grows with every change of the members.
    pub fn member_revision(&self) -> u64 {
        self.0.member_revision
    }

    /// The distributor's map, once one has arrived.
    pub fn owners(&self) -> Option<&Arc<OwnerMap>> {
        self.0.owners.as_ref()
    }

    /// The policy.
    pub fn policy(&self) -> &Arc<RoutingPolicy> {
        &self.0.policy
    }

    /// The namespace.
    pub fn namespace(&self) -> &Namespace {
        &self.0.namespace
    }

    #[inline]
    fn pick(&self, key: &str) -> Result<Pick, LookupError> {
        let (_, pick) = self.0.answer(key.as_bytes(), xxh3(key.as_bytes()));
        if pick.is_hit() { Ok(pick) } else { Err(pick.into_error(&self.0.namespace, key)) }
    }
}

fn owner_of<'a>(view: &'a View, key: &str) -> Option<&'a str> {
    let (_, pick) = view.answer(key.as_bytes(), xxh3(key.as_bytes()));
    pick.is_hit().then(|| view.member(pick).address())
}

impl fmt::Debug for ResolverSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResolverSnapshot")
            .field("namespace", &self.namespace().as_str())
            .field("members", &self.member_count())
            .field("policy", self.policy())
            .field("owners", &self.owners())
            .finish()
    }
}
