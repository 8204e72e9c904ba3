//! How a replica behaves.

use std::time::Duration;

/// How a replica behaves.
#[derive(Clone, Debug)]
pub struct ReplicaConfig {
    /// What store calls for a namespace's history may take.
    pub call_within: Duration,
    /// After a call that failed, wait so long, then twice as long, and so on.
    pub pause_from: Duration,
    /// But never longer than this.
    pub pause_to: Duration,
    /// A namespace's snapshot is written when so many bytes were committed since the last one, and as many as that
    /// one has.
    pub snapshot_after_bytes: usize,
    /// Or when there were so many commits, because who takes over reads all of them.
    pub snapshot_after_commits: usize,
}

impl Default for ReplicaConfig {
    fn default() -> Self {
        Self {
            call_within: Duration::from_secs(2),
            pause_from: Duration::from_millis(50),
            pause_to: Duration::from_secs(2),
            snapshot_after_bytes: 256 << 10,
            snapshot_after_commits: 4096,
        }
    }
}
