//! Policies as operators write them here, and routers read them.

use std::time::Duration;

use super::stage::Stage;
use crate::policy::RoutingPolicy;

/// Any policy, written in the way that [`read_policy`] reads.
pub(super) fn any_policy(stage: &mut Stage) -> String {
    let mode = stage.random.pick(&[
        "shard_distributor",
        "shard_distributor",
        "hash_ring",
        "hash_ring-shadow-shard_distributor",
        "shard_distributor-shadow-hash_ring",
    ]);
    let percentage = stage.random.pick(&[0, 10, 50, 90, 100, 100]);
    let fallback = stage.random.pick(&["stale", "ring", "error"]);
    let max_age = stage.random.pick(&[0, 0, 1_000, 10_000]);
    format!("{mode} {percentage} {fallback} {max_age}")
}

/// `<mode> <percentage> <fallback> <max age in milliseconds, or 0>`: the simulation's own way to write a policy. Nothing:
/// there is none.
pub(super) fn read_policy(text: &str) -> Option<RoutingPolicy> {
    if text.is_empty() {
        return Some(RoutingPolicy::default());
    }
    let mut words = text.split(' ');
    let (mode, percentage, fallback, max_age) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let max_age = max_age.parse().ok().filter(|ms| *ms > 0).map(Duration::from_millis);
    let builder = RoutingPolicy::builder().mode(mode).percentage(percentage.parse().ok()?);
    builder.fallback(fallback).max_age(max_age).build().ok()
}
