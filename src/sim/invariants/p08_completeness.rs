//! P8: with one active executor that has capacity, every shard has an owner that holds it, in bounded time.

use std::time::Duration;

use crate::{
    engine::NamespaceConfig,
    lease::ClockRates,
    replica::Trouble,
    types::{Mono, ShardKey},
};

/// From the death of an executor until what it had is held by another.
pub(in crate::sim) fn after_crash(lease: Duration, rates: ClockRates) -> Duration {
    rates.listening(lease) + Duration::from_millis(500)
}

/// The same when its leader dies with it.
pub(in crate::sim) fn after_crash_with_leader(
    lease: Duration,
    leader: Duration,
    rates: ClockRates,
) -> Duration {
    // Times (1 + r)/(1 - r) twice is a little more than the bound, which has a square below only.
    rates.listening(rates.listening(lease + leader)) + Duration::from_millis(1_500)
}

/// From when bad things stop until everything is as it should be.
pub(in crate::sim) fn after_heal(
    config: &NamespaceConfig,
    lease: Duration,
    leader: Duration,
    stop: Duration,
) -> Duration {
    let restraint = config.rates.listening(lease);
    let rounds = 2 * config.round_every + config.gather + 2 * config.beat_every;
    after_crash_with_leader(lease, leader, config.rates) + restraint + stop + rounds + lease / 3
}

/// A leader cannot run the namespace, and no operator can be asked what to do about it.
pub(in crate::sim) fn cannot_run(trouble: &Trouble) -> String {
    format!("the namespace is led and cannot be run: {trouble:?}")
}

/// A shard that nobody holds, by now.
pub(in crate::sim) fn unowned(shard: &ShardKey, since: Mono, why: &str) -> String {
    format!("nobody holds shard {shard}, {why} at {:.6} s", since.as_nanos() as f64 / 1e9)
}
