//! What differs between two policies, in words.

use std::fmt;

use super::{Field, RoutingPolicy, routing_policy::Settings};

/// One setting that two policies differ in. Reads `mode hash_ring -> shard_distributor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyChange {
    /// Which setting.
    pub field: Field,
    /// Its value before.
    pub from: String,
    /// Its value after.
    pub to: String,
}

impl RoutingPolicy {
    /// The settings that differ between this policy and a `newer` one, in the order of [`Field::ALL`]. Empty when both
    /// treat every lookup alike: epochs and origins do not count.
    pub fn diff(&self, newer: &Self) -> Vec<PolicyChange> {
        let shown = |field| (field, self.settings.shown(field), newer.settings.shown(field));
        let differing = Field::ALL.into_iter().map(shown).filter(|(_, from, to)| from != to);
        differing.map(|(field, from, to)| PolicyChange { field, from, to }).collect()
    }
}

impl Settings {
    /// A value as an operator would write it. Different values are shown differently: [`RoutingPolicy::diff`] relies on it.
    pub(super) fn shown(&self, field: Field) -> String {
        match field {
            Field::Mode => self.mode.to_string(),
            Field::Percentage => self.percentage.to_string(),
            Field::ExcludeUuidKeys => self.exclude_uuid_keys.to_string(),
            Field::ExcludePatterns => format!("{:?}", self.exclude_patterns),
            Field::Fallback => self.fallback.to_string(),
            Field::MaxAge => self.max_age.map_or_else(|| "none".into(), |age| format!("{age:?}")),
            Field::ShadowSample => self.shadow_sample.to_string(),
            Field::KillSwitch => self.kill_switch.to_string(),
        }
    }
}

impl fmt::Display for PolicyChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", self.field, self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_setting_that_differs_is_named() {
        let old = RoutingPolicy::builder().build().unwrap();
        let new = RoutingPolicy::builder()
            .mode("shard_distributor")
            .percentage(25)
            .exclude_uuid_keys(true)
            .exclude_patterns(["tmp-*"])
            .fallback("ring")
            .max_age(Some(Duration::from_millis(1500)))
            .shadow_sample(0.5)
            .kill_switch(true)
            .build()
            .unwrap();
        let changes: Vec<String> = old.diff(&new).iter().map(ToString::to_string).collect();
        assert_eq!(
            changes,
            [
                "mode hash_ring -> shard_distributor",
                "percentage 100 -> 25",
                "exclude_uuid_keys false -> true",
                r#"exclude_patterns [] -> ["tmp-*"]"#,
                "fallback stale -> ring",
                "max_age none -> 1.5s",
                "shadow_sample 0.01 -> 0.5",
                "kill_switch false -> true",
            ]
        );
        assert_eq!(new.diff(&new.clone()), []);
    }
}
