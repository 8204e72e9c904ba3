//! `shardway bench lookup`: every measured promise about lookups, in one run of one process.

mod balance;
mod one;
mod rebuild;
mod resolver;
mod ring;
mod snapshot;
mod writer;

pub use one::{Mode, Setting, run_one};

use super::measure::{Goal, Measure, Report};
use crate::clock::Clock;

/// What is measured, in the order in which it is shown.
pub const MEASURES: &[Measure] = &[
    at_most("ring_100x100_throughput", "ring lookup / floor, 100 members x 100 points", 1.45),
    at_most("ring_100x100_chain", "the same, each key depending on the last answer", 1.40),
    at_most("ring_10x100_throughput", "ring lookup / floor, 10 members", 1.35),
    at_most("ring_10x100_chain", "the same as a chain", 1.30),
    at_most("ring_1000x100_throughput", "ring lookup / floor, 1,000 members", 2.0),
    at_most("ring_1000x100_batch16", "the same in batches of 16", 1.5),
    at_most("snapshot_lookup", "newest snapshot + lookup / lookup on a plain reference", 1.25),
    at_most("two_threads", "per thread: 2 threads / 1 thread", 1.10),
    at_most("writer_p50", "median of 16 lookups: new ring each millisecond / none", 1.3),
    at_most("writer_p99", "99th percentile, likewise", 2.0),
    at_most("writer_p999", "99.9th percentile, likewise", 2.0),
    at_most(
        "publish_us",
        "slowest publication of a block of 50, middle block, readers spinning, microseconds",
        200.0,
    ),
    at_most("resolver_path", "resolver to host fields, metrics on / ring lookup", 1.6),
    at_most("resolver_allocations", "allocations per lookup on that path", 0.0),
    at_most("resolver_path_policy", "50 % onboarded, UUIDs excluded, 1 % shadowed / ring lookup", 3.0),
    at_least("named_path_speedup", "whole path by namespace name: Cadence-shaped port / ours", 12.0),
    at_most("rebuild", "rebuild of 100 x 100 / format, sort, index", 0.20),
    at_most("rebuild_one_member", "one member changed at 1,000 x 100 / full rebuild", 0.10),
    at_most("bytes_per_point", "memory of a ring with its index, up to 128 k points", 20.0),
    at_most("balance_max_over_mean", "fullest member's share / mean, 100 points", 1.30),
    at_most("collateral_moves", "keys moved between members that did not change", 0.0),
];

/// What a run needs from its surroundings.
pub struct Surroundings<'a> {
    /// The time.
    pub clock: &'a dyn Clock,
    /// How often the calling thread has allocated so far.
    pub allocations: fn() -> u64,
    /// Rounds of each comparison; half as many with a writer.
    pub rounds: usize,
    /// Keys of each pass, at least a [batch](super::writer::BATCH).
    pub keys: usize,
}

/// Measures everything. `progress` is told before each part: its number, how many there are, and what comes.
pub fn run(surroundings: &Surroundings<'_>, progress: &mut dyn FnMut(usize, usize, &str)) -> Report {
    type Part = fn(&Surroundings<'_>, &mut Report);
    const PARTS: &[(&str, Part)] = &[
        ("ring against the floor", ring::measure),
        ("the newest snapshot", snapshot::measure),
        ("threads", resolver::measure_threads),
        ("a writer each millisecond", writer::measure),
        ("the resolver's path", resolver::measure),
        ("the path by name", resolver::measure_named),
        ("rebuilding", rebuild::measure),
        ("balance and movement", balance::measure),
    ];
    let mut report = Report::new(MEASURES);
    for (number, (what, measure)) in PARTS.iter().enumerate() {
        progress(number + 1, PARTS.len(), what);
        measure(surroundings, &mut report);
    }
    report
}

const fn at_most(key: &'static str, what: &'static str, limit: f64) -> Measure {
    Measure { key, what, goal: Goal::AtMost(limit) }
}

const fn at_least(key: &'static str, what: &'static str, limit: f64) -> Measure {
    Measure { key, what, goal: Goal::AtLeast(limit) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{bench::keys::KeyShape, clock::SystemClock};

    #[test]
    fn a_run_has_a_figure_for_every_measure() {
        let surroundings =
            Surroundings { clock: &SystemClock::new(), allocations: || 0, rounds: 2, keys: 512 };
        let mut parts = Vec::new();
        let report = run(&surroundings, &mut |part, parts_in_all, what| {
            parts.push((part, parts_in_all, what.to_owned()));
        });
        for (measure, figure) in report.figures() {
            let figure = figure.unwrap_or_else(|| panic!("{} has no figure", measure.key));
            assert!(figure.is_finite(), "{} is {figure}", measure.key);
            // These do not depend on time.
            let is_computed =
                ["resolver_allocations", "bytes_per_point", "balance_max_over_mean", "collateral_moves"]
                    .contains(&measure.key);
            assert!(
                !is_computed || measure.goal.is_met(figure),
                "{} is {figure}, not {}",
                measure.key,
                measure.goal
            );
        }
        let distinct: BTreeSet<_> = MEASURES.iter().map(|measure| measure.key).collect();
        assert_eq!(distinct.len(), MEASURES.len());
        assert!(
            parts.iter().enumerate().all(|(at, (part, all, _))| (at + 1, parts.len()) == (*part, *all)),
            "{parts:?}"
        );
    }

    #[test]
    fn a_setting_is_measured_with_all_that_was_asked_for() {
        let surroundings =
            Surroundings { clock: &SystemClock::new(), allocations: || 0, rounds: 2, keys: 512 };
        let setting = Setting {
            members: 3,
            points_per_member: 10,
            key_shape: KeyShape::Uuid,
            mode: Mode::Chain,
            threads: 2,
            writer: true,
        };
        let report = run_one(&surroundings, &setting);
        let groups: Vec<_> = report.details().map(|(group, _)| group).collect();
        for group in
            ["setting", "lookup", "newest_member_by_threads", "latency_with_writer", "latency_without_writer"]
        {
            assert!(groups.contains(&group), "{group} is missing of {groups:?}");
        }
        assert_eq!(report.histograms().count(), 2);
    }
}
