//! From what a source of owners delivers to the map that is published.

use std::sync::{Arc, Weak};

use super::single::Inner;
use super::view::Vouched;
use super::{MapVersion, OwnerMap, OwnerMapError, OwnerSink};
use crate::planted::{Planted, is};

impl Inner {
    /// A map never replaces a newer one, over any number of sources, replicas and reconnects. One of the same version
    /// may know more, a shard that was asked for before its generation's delta arrived, but never less.
    pub(super) fn set_owners(&self, owners: Arc<OwnerMap>) -> Result<(), OwnerMapError> {
        let now = self.clock.now();
        let published = self.published.try_update(|view| {
            if let Some(old) = &view.owners
                && (owners.version(), owners.len()) < (old.version(), old.len())
                && !is(Planted::ViewGoesBack)
            {
                return Err(OwnerMapError::NotNewer { old: old.version(), new: owners.version() });
            }
            Ok(view.with_owners(owners, Vouched::at(now)))
        });
        match published {
            Ok(_) => self.bell.ring(),
            Err(_) => self.maps_refused.add(0, 1),
        }
        published.map(drop)
    }

    /// Only whoever shows the same state can say that it still holds.
    pub(super) fn confirm_owners(&self, version: MapVersion) {
        let view = self.published.load();
        if view.owners.as_ref().is_some_and(|owners| owners.version() == version) {
            view.owners_seen.again(self.clock.now());
        }
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

    fn unchanged(&self, version: MapVersion) {
        if let Some(inner) = self.0.upgrade() {
            inner.confirm_owners(version);
        }
    }
}
