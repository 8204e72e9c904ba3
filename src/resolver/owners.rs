//! From what a source of owners delivers to the map that is published.

use std::sync::{Arc, Weak};

use super::single::Inner;
use super::view::{Seen, View};
use super::{OwnerMap, OwnerMapError, OwnerSink};

impl Inner {
    /// A map never replaces a newer one, over any number of sources, replicas and reconnects. One of the same version
    /// may know more: a shard that was asked for before its generation's delta arrived.
    pub(super) fn set_owners(&self, owners: Arc<OwnerMap>) -> Result<(), OwnerMapError> {
        let now = self.clock.now();
        let mut refused = Ok(());
        self.published.update(|view| {
            if let Some(old) = &view.owners
                && owners.version() < old.version()
            {
                refused = Err(OwnerMapError::NotNewer { old: old.version(), new: owners.version() });
                return view.clone();
            }
            View { owners: Some(owners), owners_seen: Seen::at(now), ..view.clone() }
        });
        if refused.is_err() {
            self.maps_refused.add(0, 1);
        }
        self.bell.ring();
        refused
    }
}

/// The resolver as a source of owners sees it; does not keep it alive.
pub(super) struct OwnerFeed(pub(super) Weak<Inner>);

impl OwnerSink for OwnerFeed {
    fn owners(&self, owners: Arc<OwnerMap>) {
        if let Some(inner) = self.0.upgrade() {
            // The refusal is counted; a source that goes back has nothing to do about it but to go forward again.
            _ = inner.set_owners(owners);
        }
    }

    fn unchanged(&self) {
        if let Some(inner) = self.0.upgrade() {
            inner.published.load().owners_seen.again(inner.clock.now());
        }
    }
}
