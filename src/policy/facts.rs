//! What a policy wants to know of a key, for whoever keeps it with the key instead of asking at every lookup.

use super::{Percentage, uuid};
use crate::hash::percent_bucket;

/// A key's bucket and whether the UUID rule matches it, in one byte: all that a policy without patterns asks a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyFacts(u8);

/// Set when the key contains a UUID; the bucket is below it.
const HAS_UUID: u8 = 0x80;

/// Which keys a policy onboards, told by their facts without a branch: half of the keys either way is what a processor
/// cannot guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Onboards {
    /// The facts that count. Where UUIDs do, a key that has one is above any percentage.
    counts: u8,
    below: u8,
}

impl KeyFacts {
    pub(crate) fn of(key: &[u8]) -> Self {
        let uuid = if uuid::is_in(key) { HAS_UUID } else { 0 };
        Self(percent_bucket(key) | uuid)
    }

    pub(crate) const fn from_byte(byte: u8) -> Self {
        Self(byte)
    }

    #[inline]
    pub(crate) const fn byte(self) -> u8 {
        self.0
    }
}

impl Onboards {
    pub(super) const fn new(percentage: Percentage, exclude_uuid_keys: bool) -> Self {
        Self { counts: if exclude_uuid_keys { u8::MAX } else { !HAS_UUID }, below: percentage.get() }
    }

    /// Whether the distributor is the one to answer for the key with these facts.
    #[inline]
    pub(crate) const fn takes(self, facts: KeyFacts) -> bool {
        facts.0 & self.counts < self.below
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::{Mode, Reason, RoutingPolicy};
    use crate::types::Source;

    fn key() -> impl Strategy<Value = String> {
        prop_oneof![
            ".{0,50}",
            "[0-9a-fA-F]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
            "[a-z-]{0,9}[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}[a-z]{0,9}"
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn facts_and_key_lead_the_same_way(
            key in key(),
            mode in prop::sample::select(&Mode::ALL),
            percentage in prop_oneof![0..=100_i64, Just(0), Just(100)],
            uuid_keys: bool,
            kill_switch: bool,
            pattern: bool,
        ) {
            let bucket = i64::from(percent_bucket(key.as_bytes()));
            for percentage in [percentage, bucket, bucket + 1] {
                let policy = RoutingPolicy::builder().mode(mode).percentage(percentage).exclude_uuid_keys(uuid_keys)
                    .exclude_patterns(pattern.then_some("*a*")).kill_switch(kill_switch).build().unwrap();
                let path = policy.route(key.as_bytes());
                match policy.onboards() {
                    Some(onboards) => {
                        let takes = onboards.takes(KeyFacts::of(key.as_bytes()));
                        prop_assert_eq!(takes, path.source() == Source::Distributor);
                        prop_assert_eq!(takes, path.reason() == Reason::Onboarded);
                        let is_compared = takes && mode == Mode::ShardDistributorShadowHashRing;
                        prop_assert_eq!(is_compared, path.shadow().is_some());
                    }
                    None => prop_assert!(pattern || kill_switch || mode.primary() == Source::Ring || percentage == 0),
                }
            }
        }
    }
}
