//! Following the members.

use std::{fmt, sync::Arc, time::Duration};

use super::single::Inner;
use super::view::View;
use crate::publish::Snapshot;
use crate::ring::{HashRing, RingDiff};

/// Changes of a resolver's members since the subscription, or since the last change it gave.
///
/// There is no queue behind it: it remembers the members it gave last and compares them with the present ones. So a
/// slow subscriber gets one change that leads to the newest state, sees by [`MemberChange::missed`] that there were
/// states in between, and delays nobody.
pub struct Subscription {
    inner: Arc<Inner>,
    seen: Arc<Snapshot<View>>,
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
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        let seen = inner.published.load();
        Self { inner, seen }
    }

    /// The next change, if there is one already.
    pub fn try_next(&mut self) -> Option<MemberChange> {
        let now = self.inner.published.load();
        let steps = now.member_revision - self.seen.member_revision;
        let before = std::mem::replace(&mut self.seen, now);
        (steps > 0).then(|| MemberChange {
            diff: HashRing::diff(&before.ring, &self.seen.ring),
            missed: steps - 1,
            ring: Arc::clone(&self.seen.ring),
        })
    }

    /// The next change, blocking the thread at most `within`.
    pub fn next_within(&mut self, within: Duration) -> Option<MemberChange> {
        let deadline = self.inner.clock.now() + within;
        loop {
            let times = self.inner.bell.times();
            if let Some(change) = self.try_next() {
                return Some(change);
            }
            let left = deadline.since(self.inner.clock.now());
            if left.is_zero() || !self.inner.bell.wait(times, left) {
                return None;
            }
        }
    }

    /// The next change. Needs no particular runtime; dropping the future loses nothing.
    pub async fn next(&mut self) -> MemberChange {
        loop {
            let times = self.inner.bell.times();
            if let Some(change) = self.try_next() {
                return change;
            }
            self.inner.bell.rung_after(times).await;
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("member_revision", &self.seen.member_revision)
            .finish_non_exhaustive()
    }
}
