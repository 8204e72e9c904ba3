//! Following the members.

use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use super::bell::Bell;
use super::single::Inner;
use crate::clock::Clock;
use crate::ring::{HashRing, RingDiff};

/// Changes of a resolver's members since the subscription, or since the last change it gave.
///
/// There is no queue behind it: it remembers the members it gave last and compares them with the present ones. So a
/// slow subscriber gets one change that leads to the newest state, sees by [`MemberChange::missed`] that there were
/// states in between, and delays nobody.
/// It does not keep the resolver alive, and ends with it.
pub struct Subscription {
    inner: Weak<Inner>,
    bell: Arc<Bell>,
    clock: Arc<dyn Clock>,
    ring: Arc<HashRing>,
    member_revision: u64,
}

/// One step of a [`Subscription`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MemberChange {
    /// Who was added, updated and removed, and the share of the keys that moved.
    pub diff: RingDiff,
    /// States between the last change and this one that the subscriber did not see.
    pub missed: u64,
    /// The ring as it is now.
    pub ring: Arc<HashRing>,
}

impl Subscription {
    pub(super) fn new(inner: &Arc<Inner>) -> Self {
        let view = inner.published.load();
        Self {
            inner: Arc::downgrade(inner),
            bell: Arc::clone(&inner.bell),
            clock: Arc::clone(&inner.clock),
            ring: Arc::clone(&view.ring),
            member_revision: view.member_revision,
        }
    }

    /// The next change, if there is one already.
    pub fn try_next(&mut self) -> Option<MemberChange> {
        let now = self.inner.upgrade()?.published.load();
        let steps = now.member_revision - self.member_revision;
        if steps == 0 {
            return None;
        }
        let before = std::mem::replace(&mut self.ring, Arc::clone(&now.ring));
        self.member_revision = now.member_revision;
        Some(MemberChange { diff: before.diff(&self.ring), missed: steps - 1, ring: Arc::clone(&self.ring) })
    }

    /// The next change, blocking the thread at most `within`; `None` then, and when the resolver is gone.
    pub fn next_within(&mut self, within: Duration) -> Option<MemberChange> {
        let deadline = self.clock.now() + within;
        loop {
            let times = self.bell.times();
            if let Some(change) = self.try_next() {
                return Some(change);
            }
            let left = deadline.since(self.clock.now());
            if self.has_ended() || left.is_zero() || !self.bell.wait(times, left) {
                return None;
            }
        }
    }

    /// The next change; `None` when the resolver is gone. Needs no particular runtime; dropping the future loses
    /// nothing.
    pub async fn next(&mut self) -> Option<MemberChange> {
        loop {
            let times = self.bell.times();
            if let Some(change) = self.try_next() {
                return Some(change);
            }
            if self.has_ended() {
                return None;
            }
            self.bell.rung_after(times).await;
        }
    }

    fn has_ended(&self) -> bool {
        self.inner.strong_count() == 0
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("member_revision", &self.member_revision).finish_non_exhaustive()
    }
}
