//! Every key, in one table: what the parser accepts, `shardway config check` explains and the manual prints.

use std::{fmt, sync::Arc, time::Duration};

use super::{Constraint, Kind, Value};
use crate::policy::{Fallback, MAX_PATTERNS, Mode};

/// What keys that are shardway's own begin with. Below it an unknown key is an error even where others are ignored.
pub const OWN_PREFIX: &str = "shardway.";

/// Longest `shardway.routing.maxAge`: a week. Somebody who wants more wants no limit.
const MAX_MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3600);

const MODES: [&str; 4] =
    [Mode::ALL[0].as_str(), Mode::ALL[1].as_str(), Mode::ALL[2].as_str(), Mode::ALL[3].as_str()];
const FALLBACKS: [&str; 3] =
    [Fallback::ALL[0].as_str(), Fallback::ALL[1].as_str(), Fallback::ALL[2].as_str()];

/// One key: its name, type, default and meaning.
#[derive(Debug)]
#[non_exhaustive]
pub struct KeySpec {
    /// The name in files.
    pub name: &'static str,
    /// Cadence's name for the same setting, which is understood too. Where both give a value, `name` counts.
    pub cadence: Option<&'static str>,
    /// Type and range of its values.
    pub kind: Kind,
    /// The value where nothing is set.
    default: Coded,
    /// What it does, as a sentence or two.
    pub effect: &'static str,
    /// On whose behalf it is asked for.
    pub scope: Scope,
}

/// On whose behalf a key is asked for, and so which constraints can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// A namespace, in the cluster of the process that asks.
    Namespace,
}

/// A default, in a form that a constant can have.
#[derive(Debug)]
enum Coded {
    Bool(bool),
    Int(i64),
    Float(f64),
    Duration(Duration),
    Word(&'static str),
    NoTexts,
}

/// Which source answers: `shardway.routing.mode`.
pub static MODE: KeySpec = KeySpec {
    name: "shardway.routing.mode",
    cadence: Some("matching.shardDistributionMode"),
    kind: Kind::Word(&MODES),
    default: Coded::Word(Mode::HashRing.as_str()),
    effect: "Which source answers for onboarded keys, and which one is compared with it. The ring answers for all other keys.",
    scope: Scope::Namespace,
};

/// The share of onboarded keys: `shardway.routing.percentage`.
pub static PERCENTAGE: KeySpec = KeySpec {
    name: "shardway.routing.percentage",
    cadence: Some("matching.percentageOnboardedToShardManager"),
    kind: Kind::Int { min: 0, max: 100 },
    default: Coded::Int(100),
    effect: "Share of keys that are onboarded. Raising it only moves keys from the ring to the distributor.",
    scope: Scope::Namespace,
};

/// Whether keys with a UUID stay on the ring: `shardway.routing.exclude.uuid`.
pub static EXCLUDE_UUID: KeySpec = KeySpec {
    name: "shardway.routing.exclude.uuid",
    cadence: Some("matching.excludeShortLivedTaskListsFromShardManager"),
    kind: Kind::Bool,
    default: Coded::Bool(false),
    effect: "Whether keys that contain a UUID, which are mostly short-lived, stay on the ring.",
    scope: Scope::Namespace,
};

/// Which other keys stay on the ring: `shardway.routing.exclude.patterns`.
pub static EXCLUDE_PATTERNS: KeySpec = KeySpec {
    name: "shardway.routing.exclude.patterns",
    cadence: None,
    kind: Kind::TextList { max_items: MAX_PATTERNS },
    default: Coded::NoTexts,
    effect: "Keys that stay on the ring: globs that the whole key must match, or regular expressions after \"regex:\".",
    scope: Scope::Namespace,
};

/// What to do when the distributor cannot answer: `shardway.routing.fallback`.
pub static FALLBACK: KeySpec = KeySpec {
    name: "shardway.routing.fallback",
    cadence: None,
    kind: Kind::Word(&FALLBACKS),
    default: Coded::Word(Fallback::Stale.as_str()),
    effect: "What is answered when the distributor should answer and cannot: the last owner it named, the ring's, or an error.",
    scope: Scope::Namespace,
};

/// When a distributor's map is too old: `shardway.routing.maxAge`.
pub static MAX_AGE: KeySpec = KeySpec {
    name: "shardway.routing.maxAge",
    cadence: None,
    kind: Kind::Duration { max: MAX_MAX_AGE },
    default: Coded::Duration(Duration::ZERO),
    effect: "Age of the distributor's map past which the fallback applies. 0s: no limit.",
    scope: Scope::Namespace,
};

/// How many lookups are compared: `shardway.routing.shadowSampleRate`.
pub static SHADOW_SAMPLE_RATE: KeySpec = KeySpec {
    name: "shardway.routing.shadowSampleRate",
    cadence: None,
    kind: Kind::Float { min: 0.0, max: 1.0 },
    default: Coded::Float(0.01),
    effect: "Share of the lookups of onboarded keys that a shadow mode compares, 0.0 to 1.0.",
    scope: Scope::Namespace,
};

/// Everything to the ring, now: `shardway.routing.killSwitch`.
pub static KILL_SWITCH: KeySpec = KeySpec {
    name: "shardway.routing.killSwitch",
    cadence: Some("matching.emergencyOffboardingFromShardManager"),
    kind: Kind::Bool,
    default: Coded::Bool(false),
    effect: "Sends every key to the ring, whatever else is set.",
    scope: Scope::Namespace,
};

/// When a shrinking membership is held back: `shardway.membership.panicThreshold`.
pub static PANIC_THRESHOLD: KeySpec = KeySpec {
    name: "shardway.membership.panicThreshold",
    cadence: None,
    kind: Kind::Float { min: 0.0, max: 1.0 },
    default: Coded::Float(0.5),
    effect: "A member list that suddenly names less than this share of the members is held back. 0.0: never.",
    scope: Scope::Namespace,
};

/// All keys, in the order in which they are listed everywhere.
pub static KEYS: [&KeySpec; 9] = [
    &MODE,
    &PERCENTAGE,
    &EXCLUDE_UUID,
    &EXCLUDE_PATTERNS,
    &FALLBACK,
    &MAX_AGE,
    &SHADOW_SAMPLE_RATE,
    &KILL_SWITCH,
    &PANIC_THRESHOLD,
];

impl KeySpec {
    /// The value where nothing is set.
    pub fn default_value(&self) -> Value {
        match self.default {
            Coded::Bool(value) => Value::Bool(value),
            Coded::Int(value) => Value::Int(value),
            Coded::Float(value) => Value::Float(value),
            Coded::Duration(value) => Value::Duration(value),
            Coded::Word(value) => Value::Text(value.into()),
            Coded::NoTexts => Value::TextList(Arc::default()),
        }
    }

    /// The names it has in files, the one that counts first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        [Some(self.name), self.cadence].into_iter().flatten()
    }
}

impl Scope {
    /// What it is asked with; an entry with any other constraint never counts.
    pub const fn constraints(self) -> &'static [Constraint] {
        match self {
            Self::Namespace => &[Constraint::Namespace, Constraint::ClusterName],
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Namespace => f.write_str("namespace"),
        }
    }
}

/// Finds a key by either of its names, and says which of them it is.
pub(super) fn find(name: &str) -> Option<(&'static KeySpec, &'static str)> {
    KEYS.into_iter().find_map(|spec| spec.names().find(|known| *known == name).map(|known| (spec, known)))
}

/// The key that was probably meant.
pub(super) fn suggestion(name: &str) -> Option<&'static str> {
    crate::types::nearest(name, KEYS.into_iter().flat_map(KeySpec::names))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{membership::RestraintConfig, policy::RoutingPolicy};

    #[test]
    fn names_are_unique_and_defaults_are_allowed() {
        let names: Vec<&str> = KEYS.into_iter().flat_map(KeySpec::names).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        for spec in KEYS {
            assert!(spec.name.starts_with(OWN_PREFIX), "{}", spec.name);
            assert!(!spec.cadence.is_some_and(|name| name.starts_with(OWN_PREFIX)), "{}", spec.name);
            assert!(spec.kind.holds(&spec.default_value()), "{}", spec.name);
            assert!(spec.effect.ends_with('.'), "{}", spec.name);
        }
    }

    #[test]
    fn defaults_are_those_of_the_code() {
        let policy = RoutingPolicy::default();
        assert_eq!(MODE.default_value(), Value::Text(policy.mode().as_str().into()));
        assert_eq!(PERCENTAGE.default_value(), Value::Int(policy.percentage().get().into()));
        assert_eq!(EXCLUDE_UUID.default_value(), Value::Bool(policy.excludes_uuid_keys()));
        assert_eq!(EXCLUDE_PATTERNS.default_value(), Value::TextList([].into()));
        assert_eq!(FALLBACK.default_value(), Value::Text(policy.fallback().as_str().into()));
        assert_eq!(MAX_AGE.default_value(), Value::Duration(policy.max_age().unwrap_or_default()));
        assert_eq!(SHADOW_SAMPLE_RATE.default_value().to_string(), policy.shadow_sample().to_string());
        assert_eq!(KILL_SWITCH.default_value(), Value::Bool(policy.kill_switch()));
        assert_eq!(PANIC_THRESHOLD.default_value(), Value::Float(RestraintConfig::default().min_share));
    }
}
