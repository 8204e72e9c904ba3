//! What was sent, heard and ignored.

use std::sync::atomic::{AtomicU64, Ordering};

use super::envelope::Ignored;
use crate::telemetry::{Recorder, metric};

/// Datagrams since the source was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GossipCounts {
    /// Sent.
    pub sent: u64,
    /// Not taken by the operating system: its buffer was full, or there is no way to the address.
    pub unsent: u64,
    /// Heard and acted upon.
    pub heard: u64,
    /// Ignored: not of this protocol or version, or damaged.
    pub foreign: u64,
    /// Ignored: from a fleet with another cluster name. Somebody has a wrong seed.
    pub other_cluster: u64,
    /// Ignored: whole, and yet not understood.
    pub malformed: u64,
    /// Ignored: our own, late, or for a former run of this process. Some are normal.
    pub refused: u64,
    /// Ignored: it would have made more members known than allowed.
    pub too_many: u64,
}

impl GossipCounts {
    pub(super) fn record(&self, cluster: &str, recorder: &dyn Recorder) {
        let Self { sent, unsent, heard, foreign, other_cluster, malformed, refused, too_many } = *self;
        for (outcome, total) in [
            ("sent", sent),
            ("unsent", unsent),
            ("heard", heard),
            ("foreign", foreign),
            ("other_cluster", other_cluster),
            ("malformed", malformed),
            ("refused", refused),
            ("too_many", too_many),
        ] {
            let labels = [("cluster", cluster), ("outcome", outcome)];
            recorder.counter(metric::GOSSIP_DATAGRAMS, &labels, total);
        }
    }
}

/// The same, being counted.
#[derive(Debug, Default)]
pub(super) struct Counts {
    sent: AtomicU64,
    unsent: AtomicU64,
    heard: AtomicU64,
    foreign: AtomicU64,
    other_cluster: AtomicU64,
    malformed: AtomicU64,
    refused: AtomicU64,
    too_many: AtomicU64,
}

impl Counts {
    pub(super) fn sent(&self, succeeded: bool) {
        let counter = if succeeded { &self.sent } else { &self.unsent };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn heard(&self, result: Result<(), Ignored>) {
        let counter = match result {
            Ok(()) => &self.heard,
            Err(Ignored::Foreign) => &self.foreign,
            Err(Ignored::OtherCluster) => &self.other_cluster,
            Err(Ignored::Malformed) => &self.malformed,
            Err(Ignored::Refused) => &self.refused,
            Err(Ignored::TooMany) => &self.too_many,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> GossipCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        GossipCounts {
            sent: read(&self.sent),
            unsent: read(&self.unsent),
            heard: read(&self.heard),
            foreign: read(&self.foreign),
            other_cluster: read(&self.other_cluster),
            malformed: read(&self.malformed),
            refused: read(&self.refused),
            too_many: read(&self.too_many),
        }
    }
}
