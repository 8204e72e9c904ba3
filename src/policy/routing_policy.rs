//! The policy of one namespace as one value.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    Fallback, Field, Mode, Onboards, Path, Percentage, PolicyErrors, Reason, RoutingPolicyBuilder,
    SampleRate, patterns::Patterns, uuid,
};
use crate::{
    hash::percent_bucket,
    planted::{Planted, is},
    types::Source,
};

/// Everything that decides which source answers for a key. Immutable; a lookup reads one of these, once.
///
/// | mode | key below percentage, not excluded | any other key |
/// |---|---|---|
/// | `hash_ring` | ring | ring |
/// | `shard_distributor` | distributor | ring |
/// | `hash_ring-shadow-shard_distributor` | ring, distributor compared | ring |
/// | `shard_distributor-shadow-hash_ring` | distributor, ring compared | ring |
/// | kill switch on | ring | ring |
///
/// ```
/// use shardway::{policy::RoutingPolicy, types::Source};
///
/// let policy = RoutingPolicy::builder()
///     .mode("shard_distributor")
///     .percentage(60)
///     .exclude_uuid_keys(true)
///     .exclude_patterns(["tmp-*", "regex:^[0-9]+$"])
///     .build()?;
/// assert_eq!(policy.route(b"my-task-list").source(), Source::Distributor, "bucket 58");
/// assert_eq!(policy.route(b"tmp-7").source(), Source::Ring);
/// assert_eq!(policy.route(b"run-550e8400-e29b-41d4-a716-446655440003").source(), Source::Ring);
/// # Ok::<(), shardway::policy::PolicyErrors>(())
/// ```
///
/// Two policies are equal when their settings and epochs are; where the settings came from does not count.
#[derive(Clone)]
pub struct RoutingPolicy {
    pub(super) settings: Settings,
    /// What every key gets, if no key matters: decided when the policy is built.
    always: Option<Path>,
    /// What a key gets that is not below the percentage, and one that is.
    by_bucket: [Path; 2],
    epoch: u64,
    origins: Origins,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) mode: Mode,
    pub(super) percentage: Percentage,
    pub(super) exclude_uuid_keys: bool,
    pub(super) exclude_patterns: Patterns,
    pub(super) fallback: Fallback,
    pub(super) max_age: Option<Duration>,
    pub(super) shadow_sample: SampleRate,
    pub(super) kill_switch: bool,
}

impl Settings {
    #[inline]
    fn is_below_percentage(&self, key: &[u8]) -> bool {
        let percentage = self.percentage.get();
        if is(Planted::SetsNotNested) {
            return (percent_bucket(key) + percentage) % 100 < percentage;
        }
        self.percentage == Percentage::HUNDRED || percent_bucket(key) < percentage
    }
}

/// Where each setting came from, in the order of [`Field::ALL`]; none means the default.
pub(super) type Origins = [Option<Arc<str>>; Field::ALL.len()];

impl RoutingPolicy {
    /// Starts with the defaults: ring only, 100 %, nothing excluded, fallback `stale`, no `max_age`, 1 % of lookups
    /// compared in a shadow mode.
    pub fn builder() -> RoutingPolicyBuilder {
        RoutingPolicyBuilder::default()
    }

    pub(super) fn new(settings: Settings, epoch: u64, origins: Origins) -> Self {
        let is_compared = settings.mode.has_shadow() && settings.shadow_sample != SampleRate::NEVER;
        let onboarded = Path::onboarded(settings.mode.primary(), is_compared);
        let excludes_some = settings.exclude_uuid_keys || !settings.exclude_patterns.is_empty();
        let always = if settings.kill_switch {
            Some(Path::ring(Reason::KillSwitch))
        } else if onboarded.source() == Source::Ring && !is_compared {
            Some(Path::ring(Reason::Mode))
        } else if settings.percentage == Percentage::ZERO {
            Some(Path::ring(Reason::NotOnboarded))
        } else if settings.percentage == Percentage::HUNDRED && !excludes_some {
            Some(onboarded)
        } else {
            None
        };
        let by_bucket = [Path::ring(Reason::NotOnboarded), onboarded];
        Self { settings, always, by_bucket, epoch, origins }
    }

    /// The way a lookup of `key` takes. Called on every lookup: allocates nothing, takes no lock, and looks at the key
    /// only where that can change the answer.
    #[inline]
    pub fn route(&self, key: &[u8]) -> Path {
        match self.always {
            Some(path) => path,
            None => self.route_by_key(key),
        }
    }

    /// The way that every lookup takes, if the key cannot change it.
    pub const fn always(&self) -> Option<Path> {
        self.always
    }

    /// Which keys the distributor answers for, if it does for some and no pattern has a say: then a key's facts decide as
    /// [`route`](Self::route) does.
    pub(crate) fn onboards(&self) -> Option<Onboards> {
        let settings = &self.settings;
        let asks_some = self.always.is_none_or(|path| path.source() == Source::Distributor)
            && settings.mode.primary() == Source::Distributor;
        (asks_some && settings.exclude_patterns.is_empty())
            .then(|| Onboards::new(settings.percentage, settings.exclude_uuid_keys))
    }

    /// Whether onboarded keys are compared, with the ring or with the distributor.
    pub(crate) const fn compares_onboarded(&self) -> bool {
        self.by_bucket[1].shadow().is_some()
    }

    /// Cheap questions first: the UUID rule reads few bytes, the bucket hashes the key, the patterns read every byte.
    fn route_by_key(&self, key: &[u8]) -> Path {
        let settings = &self.settings;
        if settings.exclude_uuid_keys && uuid::is_in(key) {
            return Path::ring(Reason::UuidKey);
        }
        // An index, not a branch: which keys are onboarded cannot be predicted.
        let path = self.by_bucket[usize::from(settings.is_below_percentage(key))];
        if !settings.exclude_patterns.is_empty()
            && path.reason() == Reason::Onboarded
            && let Some(index) = settings.exclude_patterns.matching(key)
        {
            return Path::ring(Reason::Pattern(index));
        }
        path
    }

    /// The same policy under another epoch.
    pub fn with_epoch(self, epoch: u64) -> Self {
        Self { epoch, ..self }
    }

    /// A number that whoever publishes policies raises with each; nothing else reads it. Routers report it, so that a
    /// flip can be seen to have arrived.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The lookup mode.
    pub const fn mode(&self) -> Mode {
        self.settings.mode
    }

    /// The share of keys that are onboarded.
    pub const fn percentage(&self) -> Percentage {
        self.settings.percentage
    }

    /// Whether keys that contain a UUID are excluded.
    pub const fn excludes_uuid_keys(&self) -> bool {
        self.settings.exclude_uuid_keys
    }

    /// The patterns of excluded keys, as they were given.
    pub fn exclude_patterns(&self) -> impl ExactSizeIterator<Item = &str> {
        self.settings.exclude_patterns.texts().iter().map(AsRef::as_ref)
    }

    /// What to answer when the distributor cannot.
    pub const fn fallback(&self) -> Fallback {
        self.settings.fallback
    }

    /// The age of the distributor's map past which the fallback applies.
    pub const fn max_age(&self) -> Option<Duration> {
        self.settings.max_age
    }

    /// The share of lookups that a shadow mode compares.
    pub const fn shadow_sample(&self) -> SampleRate {
        self.settings.shadow_sample
    }

    /// Whether everything goes to the ring, whatever else is set.
    pub const fn kill_switch(&self) -> bool {
        self.settings.kill_switch
    }

    /// Where a setting came from, as the builder was told: "default" if it was not.
    pub fn origin(&self, field: Field) -> &str {
        self.origins[field as usize].as_deref().unwrap_or("default")
    }
}

impl Default for RoutingPolicy {
    fn default() -> Self {
        Self::builder()
            .build()
            .unwrap_or_else(|errors: PolicyErrors| unreachable!("the defaults are valid: {errors}"))
    }
}

impl PartialEq for RoutingPolicy {
    fn eq(&self, other: &Self) -> bool {
        self.settings == other.settings && self.epoch == other.epoch
    }
}

impl Eq for RoutingPolicy {}

impl fmt::Display for RoutingPolicy {
    /// One line with every setting.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for field in Field::ALL {
            write!(f, "{field} {}, ", self.settings.shown(field))?;
        }
        write!(f, "epoch {}", self.epoch)
    }
}

impl fmt::Debug for RoutingPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoutingPolicy({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bucket 58.
    const KEY: &[u8] = b"my-task-list";
    /// Bucket 69.
    const UUID_KEY: &[u8] = b"my-task-list-550e8400-e29b-41d4-a716-446655440003";

    fn policy(mode: Mode, percentage: i64) -> RoutingPolicyBuilder {
        RoutingPolicy::builder().mode(mode).percentage(percentage)
    }

    #[test]
    fn the_truth_table() {
        use Source::{Distributor, Ring};
        let table = [
            // mode; who answers for an onboarded key and who is compared. The ring alone answers for all others.
            (Mode::HashRing, Ring, None),
            (Mode::ShardDistributor, Distributor, None),
            (Mode::HashRingShadowShardDistributor, Ring, Some(Distributor)),
            (Mode::ShardDistributorShadowHashRing, Distributor, Some(Ring)),
        ];
        let exclusions: [(bool, &[&str]); 4] =
            [(false, &[]), (true, &[]), (false, &["my-*"]), (true, &["other", "my-*"])];
        for (mode, primary, shadow) in table {
            for percentage in [0, 1, 57, 58, 59, 69, 70, 99, 100] {
                for (uuid_keys, patterns) in exclusions {
                    for kill_switch in [false, true] {
                        let builder = policy(mode, percentage)
                            .exclude_uuid_keys(uuid_keys)
                            .exclude_patterns(patterns.to_vec());
                        let policy = builder.kill_switch(kill_switch).build().unwrap();
                        for (key, bucket, has_uuid) in [(KEY, 58, false), (UUID_KEY, 69, true)] {
                            let excluded = !patterns.is_empty() || (uuid_keys && has_uuid);
                            let onboarded = bucket < percentage && !excluded && !kill_switch;
                            let expected = if onboarded { (primary, shadow) } else { (Ring, None) };
                            let path = policy.route(key);
                            assert_eq!(
                                (path.source(), path.shadow()),
                                expected,
                                "{policy} with {:?}",
                                policy.explain(key)
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_first_reason_is_given() {
        let base = || {
            policy(Mode::ShardDistributor, 100).exclude_uuid_keys(true).exclude_patterns(["other", "my-*"])
        };
        let reason = |builder: RoutingPolicyBuilder, key| builder.build().unwrap().route(key).reason();
        assert_eq!(reason(base().kill_switch(true).mode(Mode::HashRing), KEY), Reason::KillSwitch);
        assert_eq!(reason(base().mode(Mode::HashRing).percentage(0), KEY), Reason::Mode);
        assert_eq!(
            reason(base().percentage(0), UUID_KEY),
            Reason::NotOnboarded,
            "no key needs to be looked at"
        );
        assert_eq!(reason(base().percentage(1), UUID_KEY), Reason::UuidKey);
        assert_eq!(reason(base().percentage(58), KEY), Reason::NotOnboarded);
        assert_eq!(reason(base().percentage(59), KEY), Reason::Pattern(1));
        assert_eq!(reason(base(), b"something"), Reason::Onboarded);
    }

    #[test]
    fn nothing_is_compared_at_a_sample_rate_of_zero() {
        for (mode, reason) in [
            (Mode::HashRingShadowShardDistributor, Reason::Mode),
            (Mode::ShardDistributorShadowHashRing, Reason::Onboarded),
        ] {
            let path = policy(mode, 100).shadow_sample(0.0).build().unwrap().route(KEY);
            assert_eq!((path.source(), path.shadow(), path.reason()), (mode.primary(), None, reason));
        }
    }

    #[test]
    fn an_epoch_changes_nothing_else() {
        let policy = policy(Mode::ShardDistributor, 59).origin(Field::Percentage, "test").build().unwrap();
        let later = policy.clone().with_epoch(7);
        assert_eq!(
            (later.epoch(), later.origin(Field::Percentage), later.origin(Field::Mode)),
            (7, "test", "default")
        );
        assert_ne!(policy, later);
        assert_eq!(policy.diff(&later), []);
        assert_eq!(policy, later.with_epoch(0));
    }

    proptest! {
        /// Raising a percentage moves keys only from the ring to the distributor, and excluded ones never.
        #[test]
        fn percentages_are_nested(key: Vec<u8>, low in 0..=100_i64, high in 0..=100_i64, uuid_keys: bool) {
            let (low, high) = (low.min(high), low.max(high));
            let source = |percentage| {
                let builder = policy(Mode::ShardDistributor, percentage).exclude_uuid_keys(uuid_keys);
                builder.build().unwrap().route(&key).source()
            };
            prop_assert!(source(low) == Source::Ring || source(high) == Source::Distributor);
            prop_assert_eq!(source(low) == Source::Distributor, i64::from(percent_bucket(&key)) < low);
        }
    }
}
