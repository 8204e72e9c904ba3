//! What changes from one ring to the next.

use super::{HashRing, arcs::moved_share, pairs::by_address};
use crate::types::Member;

/// The difference between two rings. Members are matched by address.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RingDiff {
    /// Members of the new ring only.
    pub added: Vec<Member>,
    /// Members of the old ring only.
    pub removed: Vec<Member>,
    /// Members of both with another identity, weight or port, as they are in the new ring.
    pub updated: Vec<Member>,
    /// The share of the key space, 0 to 1, whose owner has another address. Exact, but for rings of two flavours:
    /// these place keys independently, and it is the share to expect.
    pub moved_share: f64,
}

impl RingDiff {
    /// Whether the members are the same. Keys may move all the same if the specs differ.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.updated.is_empty()
    }
}

impl HashRing {
    /// What changes when `next` takes this ring's place. Looks at every point of both.
    ///
    /// ```
    /// # use shardway::{ring::{HashRing, RingSpec}, types::Member};
    /// let ring = HashRing::new(RingSpec::default(), [Member::new("a:1").unwrap()])?;
    /// let next = ring.rebuild(["a:1", "b:1"].map(|address| Member::new(address).unwrap()))?;
    /// let diff = ring.diff(&next);
    /// assert_eq!(diff.added[0].address(), "b:1");
    /// let (_, gained) = next.ownership().last().unwrap();
    /// assert_eq!(diff.moved_share, gained, "what moves is what the new member owns");
    /// # Ok::<(), shardway::ring::RingError>(())
    /// ```
    pub fn diff(&self, next: &Self) -> RingDiff {
        let mut diff = RingDiff { moved_share: moved_share(self, next), ..RingDiff::default() };
        for pair in by_address(self.members(), next.members()) {
            let before = pair.old.map(|slot| self.member(slot));
            let after = pair.new.map(|slot| next.member(slot));
            match (before, after) {
                (None, Some(member)) => diff.added.push(member.clone()),
                (Some(member), None) => diff.removed.push(member.clone()),
                (before, Some(member)) if before != after => diff.updated.push(member.clone()),
                _ => {}
            }
        }
        diff
    }
}
