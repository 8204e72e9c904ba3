//! A resolver's metrics.

use super::meter::record_lookups;
use super::single::Inner;
use crate::telemetry::{Recorder, metric};
use crate::types::Source;

pub(super) fn record(inner: &Inner, recorder: &dyn Recorder) {
    let namespace = inner.namespace.as_str();
    let labels = [("namespace", namespace)];
    let view = inner.published.load();

    record_lookups(&inner.tallies, namespace, recorder);
    inner.shadow.record(namespace, recorder);
    inner.member_counts.changes.record(namespace, recorder);
    inner.member_counts.failures.record(namespace, recorder);
    if let Some(source) = &inner.member_source {
        source.record(recorder);
    }
    #[cfg(feature = "client")]
    inner.asks.counts.record(namespace, recorder);

    recorder.gauge(metric::RING_MEMBERS, &labels, view.ring.len() as f64);
    recorder.gauge(metric::RING_POINTS, &labels, view.ring.points() as f64);
    recorder.gauge(metric::RING_FINGERPRINT, &labels, (view.ring.fingerprint() >> 12) as f64);
    recorder.gauge(metric::MEMBERS_HELD, &labels, inner.membership.lock().held() as f64);
    recorder.gauge(metric::POLICY_EPOCH, &labels, view.policy.epoch() as f64);
    recorder.gauge(metric::RETIRED_SNAPSHOTS, &labels, inner.published.reclaim() as f64);
    recorder.counter(metric::OWNER_MAP_REFUSED, &labels, inner.maps_refused.get(0));
    if let Some(owners) = &view.owners {
        recorder.gauge(metric::OWNER_MAP_SHARDS, &labels, owners.len() as f64);
        recorder.gauge(metric::OWNER_MAP_AGE, &labels, view.age(Source::Distributor).as_secs_f64());
    }
}
