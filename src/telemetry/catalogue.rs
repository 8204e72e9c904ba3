//! Every metric there is, in one table: code, exporter and documentation speak of the same names.

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How many took how long.
    Histogram,
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

    READY = Gauge "shardway_ready" []
        "1 while clients should be sent to this replica. 0 for longer than a restart takes is an alarm; /readyz says why.";
    CALLS = Counter "shardway_calls_total" ["method", "code", "reason"]
        "Calls that have ended, by method, gRPC code and the reason that the error's detail gives (empty if it gives none). Code unavailable is normal for a moment when leaders change; invalid_argument is a caller's mistake; internal is ours.";
    CALL_SECONDS = Histogram "shardway_call_seconds" ["method"]
        "From the arrival of a call to the beginning of its answer. A stream's own length does not count.";
    CALLS_OPEN = Gauge "shardway_calls_open" ["method"]
        "Calls that have not ended, streams included.";
    CONNECTIONS = Gauge "shardway_connections" ["port"]
        "Open connections to the service port (grpc), to that of Cadence's services if they have one (cadence), and to the admin port (admin).";
    CONNECTIONS_REFUSED = Counter "shardway_connections_refused_total" ["port", "why"]
        "Connections that were closed at once because there were as many as there may be (too_many), or closed because they said nothing in time (silent). too_many is an alarm: clients leak connections, or a replica too few is running.";
    WATCHERS = Gauge "shardway_watchers" ["namespace"]
        "Streams that watch the namespace at this replica.";
    PROPAGATION_SECONDS = Histogram "shardway_propagation_seconds" ["namespace"]
        "From when a commit was known to this replica to when a watcher said that it has it in force. Watchers say so once a second at most.";
    DESK_SECONDS = Histogram "shardway_desk_seconds" ["event"]
        "How long an event took a task that decides, one for each namespace and one for elections: an answer or a watch of the store (replied, watched), a beat (heard), a request (asked), time that has passed, which is when planning rounds are held (woke), anything else (other). Above a tenth of the shortest lease it is an alarm.";
    STORE_CALLS = Counter "shardway_store_calls_total" ["operation", "outcome"]
        "Calls to the store (get, range, transact, watch, compact, usage) and their outcome: ok, refused (a transaction's comparison did not hold, which is part of normal work), unavailable, unknown (the answer was lost), full, or otherwise failed.";
    STORE_SECONDS = Histogram "shardway_store_seconds" ["operation"]
        "How long calls to the store took. Above a fourth of the leader lease a renewal fails.";
    STORE_BYTES = Counter "shardway_store_bytes_total" ["direction"]
        "Bytes of keys and values that were read, written, and told by the store's watch (watched).";
    LEADS = Gauge "shardway_leads" ["namespace"]
        "1 where this replica leads the namespace. The sum over all replicas should be 1; 0 for longer than the leader lease is an alarm.";
    TERMS = Counter "shardway_terms_total" ["namespace"]
        "How often this replica began to lead the namespace. More often than once a lease postpones the expiry of executors.";
    COMMITS = Counter "shardway_commits_total" ["namespace"]
        "Commits of the namespace that this replica has heard of, whoever made them.";
    GENERATION = Gauge "shardway_generation" ["namespace"]
        "Generation of the newest commit that is known here. A replica that stays below the others has lost the store's watch.";
    EXECUTORS = Gauge "shardway_executors" ["namespace", "state"]
        "Sessions by their state: pending, active, draining, superseded, removed.";
    SHARDS = Gauge "shardway_shards" ["namespace", "state"]
        "Shards: owned or unowned; and, whether owned or not, moving (being handed over) and quarantined (their owners keep dying). unowned for longer than a lease, and quarantined at all, are alarms.";
    SHARDS_MAX_OVER_MEAN = Gauge "shardway_shards_max_over_mean" ["namespace"]
        "Shards of the active executor that has most, relative to the mean. 0 without executors.";
    SHARDS_CV = Gauge "shardway_shards_cv" ["namespace"]
        "Coefficient of variation of the number of shards of active executors.";
    LOAD_MAX_OVER_MEAN = Gauge "shardway_load_max_over_mean" ["namespace"]
        "Load of the executor that has most for its weight, relative to the mean, when the last planning round began. At the leader alone.";
    LOAD_CV = Gauge "shardway_load_cv" ["namespace"]
        "Coefficient of variation of the loads of executors for their weights, when the last planning round began. At the leader alone.";
    ROUNDS = Counter "shardway_rounds_total" ["namespace"]
        "Planning rounds that were held here. At the leader alone.";
    ROUND_SECONDS = Histogram "shardway_round_seconds" ["namespace"]
        "How long planning rounds took, with what was decided along with them: the time of the event that they were held in, shared evenly if several were. At the leader alone.";
    MOVES = Counter "shardway_moves_total" ["namespace", "reason"]
        "What planning rounds decided, by reason: unowned, owner_lost, destination_lost, pinned, drain, spread, shed. spread and shed that never stop are an alarm.";
    HANDOVERS = Counter "shardway_handovers_total" ["namespace"]
        "Moves whose gap was measured: from the release, or the end of the lease, of the old owner to the beat that shows the new one's hold. At the leader alone; begins at 0 with each term.";
    GAP = Counter "shardway_gap_milliseconds_total" ["namespace"]
        "How long shards had no holder, all of them together. Divided by shardway_handovers_total it is the mean gap.";
    GAP_MAX = Gauge "shardway_gap_max_seconds" ["namespace"]
        "The longest time that a shard had no holder since this leader's term began.";
    OVERLAPS = Counter "shardway_overlaps_total" ["namespace"]
        "Owners that served on while others had their shards already. Affinity namespaces only: anything but 0 in an exclusive one is an alarm.";
    OVERLAP = Counter "shardway_overlap_milliseconds_total" ["namespace"]
        "For how long they did, all of them together.";
    OVERLAP_MAX = Gauge "shardway_overlap_max_seconds" ["namespace"]
        "The longest of them since this leader's term began.";
    RESTRAINED = Gauge "shardway_restrained" ["namespace"]
        "1 while expiries are held back because so many executors are late that the network is blamed. An alarm: somebody should look.";
    WAITING = Gauge "shardway_waiting" ["namespace"]
        "1 while nothing is granted, because others may still hold what the namespace's history does not know: after a restore, or when it was deleted and created anew.";
    BEATS = Counter "shardway_beats_total" ["namespace"]
        "Beats that have arrived at the leader.";
    BEAT_LATENESS_SECONDS = Histogram "shardway_beat_lateness_seconds" ["namespace"]
        "How much later than its namespace asks for a beat came after the one before it. Above two beats an executor counts as late.";
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
            assert!(
                metric.name.ends_with("_seconds") || metric.kind != Kind::Histogram,
                "{}: histograms are of times",
                metric.name
            );
        }
    }
}
