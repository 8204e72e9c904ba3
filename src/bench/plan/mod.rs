//! `shardway bench plan`: what the planner's rounds cost, and how its strategies do.

pub mod compare;
mod scale;
pub mod traces;

pub use scale::{Costs, Size, measure};

use super::measure::{Goal, Measure, Report};
use crate::clock::Clock;

/// What is measured, in the order in which it is shown.
pub const MEASURES: &[Measure] = &[
    at_most("first_placement_ms", "every shard gets its first owner, milliseconds", 1500.0),
    at_most("executor_lost_ms", "the shards of one lost executor get others", 150.0),
    at_most("idle_round_ms", "nothing to do", 20.0),
    at_most("violations", "plans in which the independent check found a fault", 0.0),
];

/// Sizes that are measured on the way, to show how costs grow.
const GROWTH: &[(usize, &str)] =
    &[(10_000, "1e4 shards"), (100_000, "1e5 shards"), (1_000_000, "1e6 shards")];

/// Measures this size, and the smaller ones before it. `progress` is told before each: its number, how many there are,
/// and what comes.
pub fn run(clock: &dyn Clock, size: Size, progress: &mut dyn FnMut(usize, usize, &str)) -> Report {
    let mut report = Report::new(MEASURES);
    let smaller: Vec<_> = GROWTH.iter().filter(|(shards, _)| *shards < size.shards).collect();
    let mut violations = 0;
    for (number, (shards, name)) in smaller.iter().enumerate() {
        progress(number + 1, smaller.len() + 1, name);
        let costs = measure(clock, Size { shards: *shards, ..size });
        violations += costs.violations;
        explain(&mut report, name, &costs);
    }
    let name =
        GROWTH.iter().find(|(shards, _)| *shards == size.shards).map_or("all shards", |(_, name)| name);
    progress(smaller.len() + 1, smaller.len() + 1, name);
    let costs = measure(clock, size);
    explain(&mut report, name, &costs);
    report.set("first_placement_ms", costs.first_placement_ms);
    report.set("executor_lost_ms", costs.executor_lost_ms);
    report.set("idle_round_ms", costs.idle_round_ms);
    report.set("violations", (violations + costs.violations) as f64);
    report
}

fn explain(report: &mut Report, group: &'static str, costs: &Costs) {
    report.explain(group, "first_placement_ms", costs.first_placement_ms);
    report.explain(group, "executor_lost_ms", costs.executor_lost_ms);
    report.explain(group, "idle_round_ms", costs.idle_round_ms);
    report.explain(group, "balance_round_ms", costs.balance_round_ms);
    report.explain(group, "rounds_to_rest", costs.rounds_to_rest);
}

const fn at_most(key: &'static str, what: &'static str, limit: f64) -> Measure {
    Measure { key, what, goal: Goal::AtMost(limit) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn a_small_run_has_every_figure_and_no_violation() {
        let size = Size { shards: 30_000, executors: 50, repeats: 2 };
        let mut parts = 0;
        let report = run(&SystemClock::new(), size, &mut |_, _, _| parts += 1);
        assert!(report.figures().all(|(_, figure)| figure.is_some_and(f64::is_finite)));
        assert!(report.figures().any(|(it, figure)| it.key == "violations" && figure == Some(0.0)));
        assert_eq!((parts, report.details().count()), (2, 2));
    }
}
