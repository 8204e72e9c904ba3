//! Every metric there is, in one table: code, exporter and documentation speak of the same names.

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// One metric.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name, as exported.
    pub name: &'static str,
    /// What kind of number.
    pub kind: Kind,
    /// The labels it carries.
    pub labels: &'static [&'static str],
    /// What it says, and when to worry.
    pub help: &'static str,
}

macro_rules! catalogue {
    ($($ident:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        /// The metrics, one constant each.
        pub mod metric {
            use super::{Kind, Metric};
            $(#[doc = $help] pub const $ident: &Metric =
                &Metric { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help };)*
        }

        /// All of them, in the order of the documentation.
        pub const METRICS: &[&Metric] = &[$(metric::$ident),*];
    };
}

catalogue! {
    LOOKUPS = Counter "shardway_lookups_total" ["namespace", "path", "outcome"]
        "Lookups by the path that the policy chose (ring, distributor) and their outcome (ok, stale, fallback, no_members, not_found, no_map, too_old, unassigned, invalid_key).";
    ASKS = Counter "shardway_asks_total" ["namespace", "outcome"]
        "Questions to the distributor about keys that the map does not know (answered, not_found, failed), and those that were spared (joined another's question, refused by the negative cache, busy).";
    SHADOW_VERDICTS = Counter "shardway_shadow_verdicts_total" ["namespace", "verdict"]
        "Sampled comparisons of ring and distributor: match, or the cause of the mismatch.";
    SHADOW_DROPPED = Counter "shardway_shadow_dropped_total" ["namespace"]
        "Samples that found the shadow queue full or taken and were let go.";
    RING_MEMBERS = Gauge "shardway_ring_members" ["namespace"]
        "Members of the ring.";
    RING_POINTS = Gauge "shardway_ring_points" ["namespace"]
        "Virtual points of the ring.";
    RING_FINGERPRINT = Gauge "shardway_ring_fingerprint" ["namespace"]
        "The upper 52 bits of the ring's fingerprint (a float holds no more): differs between two processes that see different members.";
    MEMBER_CHANGES = Counter "shardway_member_changes_total" ["namespace", "change"]
        "Members added, updated and removed.";
    MEMBER_FAILURES = Counter "shardway_member_failures_total" ["namespace", "reason"]
        "Member lists that could not be had or were refused; the last good one stayed.";
    MEMBERS_HELD = Gauge "shardway_members_held" ["namespace"]
        "Members that are kept although their source no longer names them, because too many vanished at once. Anything but 0 is an alarm.";
    GOSSIP_DATAGRAMS = Counter "shardway_gossip_datagrams_total" ["cluster", "outcome"]
        "Datagrams of members by gossip: sent; unsent (not taken by the operating system); heard; and those heard but ignored: foreign or damaged, of an other_cluster (somebody has a wrong seed), malformed, refused (our own or late; some are normal), naming too_many members.";
    OWNER_MAP_SHARDS = Gauge "shardway_owner_map_shards" ["namespace"]
        "Shards that the distributor's map knows.";
    OWNER_MAP_REFUSED = Counter "shardway_owner_map_refused_total" ["namespace"]
        "Maps refused because a newer one was already in use.";
    OWNER_MAP_AGE = Gauge "shardway_owner_map_age_seconds" ["namespace"]
        "How long ago the distributor last confirmed the map.";
    POLICY_EPOCH = Gauge "shardway_policy_epoch" ["namespace"]
        "Epoch of the policy in use, as whoever set the policy numbered it. Dynamic config raises it with every change and counts for its own process: across processes compare shardway_config_hash. A policy that a program sets has the epoch it was built with, 0 if none was given.";
    RETIRED_SNAPSHOTS = Gauge "shardway_retired_snapshots" ["namespace"]
        "Replaced snapshots that some thread still holds.";
    CONFIG_HASH = Gauge "shardway_config_hash" ["file"]
        "The upper 52 bits of the hash of the dynamic config in force (a float holds no more): the same in every process that has applied the same file.";
    CONFIG_REFUSED = Gauge "shardway_config_refused" ["file"]
        "1 while what the dynamic config says is not in force because it cannot be read or is wrong. Anything but 0 is an alarm.";
    CONFIG_FAILURES = Counter "shardway_config_failures_total" ["file", "reason"]
        "Failed reloads by reason: the file is not there (not_found), is none (not_a_file), is too_large or otherwise unreadable, is no YAML (syntax), or is and breaks a rule (invalid). The last good values stayed.";
    CONFIG_PANICS = Counter "shardway_config_panics_total" ["file"]
        "Times the program's own code panicked when it was told of the dynamic config. The config is in force and followed all the same; anything but 0 is a mistake in that code.";
    CONFIG_RELOADS = Counter "shardway_config_reloads_total" ["file", "outcome"]
        "Times the dynamic config was read anew: applied, unchanged, or failed (the last good values stayed).";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_say_their_kind() {
        let names: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len());
        for metric in METRICS {
            assert!(metric.name.starts_with("shardway_"), "{}", metric.name);
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
            assert!(metric.help.ends_with('.'), "{}", metric.name);
        }
    }
}
