//! Waiting for a shard to have an owner.

use std::time::Duration;

use super::{Found, Room};
use crate::types::{ShardKey, Version};

/// Why there is no owner to tell, after all the waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOwned {
    /// There is no such namespace any more. This is known at once.
    Gone,
    /// Nothing is known of the namespace yet.
    Unknown,
    /// What is known is of this version, older than what was asked for.
    Older(Version),
    /// There is no such shard. This is known at once.
    NoSuchShard,
    /// An operator wants it to have none. So is this.
    Drained,
    /// It has none at the moment.
    Unassigned,
}

impl Room {
    /// Waits until the shard has an owner, at a version that is new enough.
    pub async fn owned(
        &self,
        shard: &ShardKey,
        at_least: Version,
        within: Duration,
    ) -> Result<Found, NotOwned> {
        let mut versions = self.versions();
        let mut last = Err(NotOwned::Unknown);
        let waiting = async {
            loop {
                versions.mark_unchanged();
                if self.is_gone() {
                    last = Err(NotOwned::Gone);
                    return;
                }
                last = self.find(shard).ok_or(NotOwned::Unknown).and_then(|found| judge(found, at_least));
                let may_change =
                    matches!(last, Err(NotOwned::Unknown | NotOwned::Older(_) | NotOwned::Unassigned));
                if !may_change || versions.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(within, waiting).await;
        last
    }
}

fn judge(found: Found, at_least: Version) -> Result<Found, NotOwned> {
    if found.version < at_least {
        return Err(NotOwned::Older(found.version));
    }
    if !found.exists {
        return Err(NotOwned::NoSuchShard);
    }
    match &found.shard {
        // Its owner may not have let go of it yet: nobody is to be sent there any more.
        Some(shard) if shard.drained => Err(NotOwned::Drained),
        _ if found.owner.is_some() => Ok(found),
        _ => Err(NotOwned::Unassigned),
    }
}
