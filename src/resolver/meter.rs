//! What a resolver counts.

use std::sync::atomic::{AtomicU64, Ordering};

use super::view::Pick;
use crate::telemetry::{Metric, Recorder, Stripe, Stripes, metric};

/// The labels `path` and `outcome` of each [`Outcome`](super::view::Outcome), in their order.
const OUTCOMES: [(&str, &str); 10] = [
    ("ring", "ok"),
    ("distributor", "ok"),
    ("distributor", "fallback"),
    ("distributor", "stale"),
    ("ring", "no_members"),
    ("distributor", "not_found"),
    ("distributor", "no_map"),
    ("distributor", "too_old"),
    ("distributor", "unassigned"),
    ("none", "invalid_key"),
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
    pub(super) fn count(&self, pick: Pick) {
        self.0.add_one(pick.code());
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
