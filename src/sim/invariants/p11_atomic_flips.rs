//! P11: a lookup reads one policy, once; raising a percentage only moves keys from the ring to the distributor.

use crate::{hash::farm64, policy::RoutingPolicy, types::Source};

/// A lookup under a policy went to a source. What the policy is worth is worked out here again, naively.
pub(in crate::sim) fn went(policy: &RoutingPolicy, key: &str, source: Source) -> Result<(), String> {
    let is_below = farm64(key.as_bytes()) % 100 < u64::from(policy.percentage().get());
    let asks = policy.mode().as_str().starts_with("shard_distributor") && !policy.kill_switch() && is_below;
    let due = if asks { Source::Distributor } else { Source::Ring };
    if source == due {
        return Ok(());
    }
    Err(format!("key {key} goes to {source:?} instead of {due:?} under epoch {}", policy.epoch()))
}

/// A policy came into force at a router: of an incarnation of the store, under an epoch.
pub(in crate::sim) fn flipped(before: (u64, u64), after: (u64, u64)) -> Result<(), String> {
    if after > before {
        return Ok(());
    }
    Err(format!(
        "policy {} of {} came into force after policy {} of {}",
        after.1, after.0, before.1, before.0
    ))
}
