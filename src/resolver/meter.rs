//! What a resolver counts.

use std::sync::atomic::{AtomicU64, Ordering};

use super::view::{Miss, Pick, PickKind};
use crate::telemetry::{Metric, Recorder, Stripe, Stripes, metric};

/// The kinds of lookups that are told apart, with their labels `path` and `outcome`.
const OUTCOMES: [(&str, &str); 8] = [
    ("ring", "ok"),
    ("distributor", "ok"),
    ("distributor", "stale"),
    ("distributor", "fallback"),
    ("ring", "no_members"),
    ("distributor", "not_found"),
    ("distributor", "unavailable"),
    ("none", "invalid"),
];

/// A resolver's lookup counters.
pub(super) type Tallies = Stripes<{ OUTCOMES.len() }>;

/// One thread's share of them.
pub(super) struct Tally(Stripe<{ OUTCOMES.len() }>);

impl Tally {
    pub(super) fn join(tallies: &Tallies) -> Self {
        Self(tallies.join())
    }

    #[inline]
    pub(super) fn count(&self, outcome: Result<Pick, Miss>) {
        self.0.add_one(match outcome {
            Ok(Pick { kind: PickKind::Ring, .. }) => 0,
            Ok(Pick { kind: PickKind::Distributor, .. }) => 1,
            Ok(Pick { kind: PickKind::Stale, .. }) => 2,
            Ok(Pick { kind: PickKind::RingForDistributor, .. }) => 3,
            Err(Miss::NoMembers) => 4,
            Err(Miss::NotFound) => 5,
            Err(Miss::Silent(_)) => 6,
            Err(Miss::InvalidKey) => 7,
        });
    }
}

pub(super) fn record_lookups(tallies: &Tallies, namespace: &str, recorder: &dyn Recorder) {
    for ((path, outcome), total) in OUTCOMES.into_iter().zip(tallies.totals()) {
        let labels = [("namespace", namespace), ("path", path), ("outcome", outcome)];
        recorder.counter(metric::LOOKUPS, &labels, total);
    }
}

/// Rare events, counted where they happen.
#[derive(Debug)]
pub(super) struct Counts<const N: usize> {
    metric: &'static Metric,
    labels: [&'static str; N],
    counts: [AtomicU64; N],
}

impl<const N: usize> Counts<N> {
    /// Counters of `metric`, told apart by its second label.
    pub(super) const fn new(metric: &'static Metric, labels: [&'static str; N]) -> Self {
        Self { metric, labels, counts: [const { AtomicU64::new(0) }; N] }
    }

    pub(super) fn add(&self, at: usize, count: u64) {
        self.counts[at].fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn get(&self, at: usize) -> u64 {
        self.counts[at].load(Ordering::Relaxed)
    }

    pub(super) fn record(&self, namespace: &str, recorder: &dyn Recorder) {
        for (at, value) in self.labels.into_iter().enumerate() {
            let labels = [("namespace", namespace), (self.metric.labels[1], value)];
            recorder.counter(self.metric, &labels, self.get(at));
        }
    }
}
