//! What the planner is told to do.

use std::{collections::BTreeSet, fmt, ops::RangeInclusive, sync::Arc, time::Duration};

use super::{MAX_LOSSES, Smoothing};
use crate::types::duration::Shown;

/// How one namespace's shards are placed and balanced.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where a shard goes that nobody owns. Default [`Placement::Ring`].
    pub placement: Placement,
    /// How far above its fair share of load placement fills an executor before it looks further, as a factor of at
    /// least 1. Default 1.25: a ring of 100 points a member rarely exceeds it, so that nearly every shard stays where
    /// the ring says. A smaller bound balances better and leaves the ring more often.
    pub bound: f64,
    /// What every shard counts for besides its load, as a share of the mean shard's load. Default 0.05: shards without
    /// load are not free, and where nothing has load at all, they are counted.
    pub count_share: f64,
    /// How shards move between executors that are all well. Default [`Strategy::Steady`].
    pub strategy: Strategy,
    /// Stops balancing. Shards that lost their owner are still placed, and draining executors still drained.
    pub freeze: bool,
    /// Which versions are on their way out. Default [`Rollout::Detect`].
    pub rollout: Rollout,
    /// When a shard is suspected of crashing its owners; `None`: never. Default: three losses in ten minutes.
    pub quarantine: Option<Quarantine>,
}

/// Where a shard goes that nobody owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Placement {
    /// Where the callers' hash ring has it, or the next executor on the ring whose fair share has room: so that changing
    /// from the ring to the distributor moves next to nothing.
    Ring,
    /// To the executor with the fewest shards for its weight.
    Even,
    /// To the executor with the least load for its weight. For ephemeral shards, which no ring has heard of.
    LeastLoaded,
}

/// How shards move between executors that are all well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Strategy {
    /// Ours: as few moves as bring every executor near its fair share.
    Steady(Steady),
    /// The Go system's first: one shard per round, from the hottest to the coldest executor.
    Naive(Naive),
    /// The Go system's second: the moves that lessen the sum of squares most.
    Greedy(Greedy),
}

/// Settings of [`Strategy::Steady`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steady {
    /// An executor above this multiple of its fair share gives shards away. Default 1.15.
    pub upper_band: f64,
    /// An executor below this multiple of its fair share, in load and in shards, is filled up. Default 0.90.
    pub lower_band: f64,
    /// Most shards in motion for balance's sake, as a share of all. Default 0.01.
    pub move_budget: f64,
    /// How long a shard that was moved for balance's sake stays. Default 1 minute.
    pub cooldown: Duration,
    /// How long a session counts as new: until then it is filled up to the lower band, later only when it has less than
    /// half of its share, so that ordinary ups and downs move nothing. Default 5 minutes.
    pub settling: Duration,
    /// The time constant of loads' averages. Default 1 minute.
    pub smoothing: Duration,
}

/// Settings of [`Strategy::Naive`], with the Go system's defaults.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Naive {
    /// Moves begin when the hottest executor has this many times the load of the coldest. Default 2.0
    /// (`shardDistributor.loadBalancingNaive.maxDeviation`).
    pub max_deviation: f64,
}

/// Settings of [`Strategy::Greedy`], with the Go system's defaults and, behind `shardDistributor.loadBalancingGreedy.`,
/// its keys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Greedy {
    /// Shards leave executors above this multiple of the mean. Default 1.15 (`hysteresisUpperBand`).
    pub upper_band: f64,
    /// They go to executors below this multiple of the mean. Default 0.90 (`hysteresisLowerBand`).
    pub lower_band: f64,
    /// From this ratio of maximum to mean on, when no executor is below the lower band, any may receive. Default 1.3
    /// (`severeImbalanceRatio`).
    pub severe_imbalance_ratio: f64,
    /// Most moves of a round, as a share of all shards. Default 0.01 (`moveBudgetProportion`).
    pub move_budget: f64,
    /// How long a moved shard stays. Default 1 minute (`perShardCooldown`).
    pub cooldown: Duration,
    /// The time constant of loads' averages. Default 1 minute (`loadSmoothingTimeConstant`).
    pub smoothing: Duration,
}

/// Which versions are on their way out. What is on its way out is given shards only where nobody else has room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rollout {
    /// The version of the active session that began last is the coming one. Any other version is being replaced while
    /// one of its sessions drains, was superseded, or is gone. It knows no order of versions, so that it understands a
    /// rollback as well.
    Detect,
    /// None is. For fleets that run several versions for good.
    Off,
    /// These are, says whoever deploys.
    Retiring(BTreeSet<Arc<str>>),
}

/// When a shard is suspected of crashing its owners.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quarantine {
    /// From so many owners lost on. Default 3.
    pub losses: usize,
    /// Within this time. Default 10 minutes.
    pub window: Duration,
    /// How long nobody is given it, unless an operator says otherwise. Default 1 hour.
    pub hold: Duration,
    /// As long as more shards than this share are suspected, none is quarantined. Default 0.01, and at least one shard.
    pub max_share: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            placement: Placement::Ring,
            bound: 1.25,
            count_share: 0.05,
            strategy: Strategy::default(),
            freeze: false,
            rollout: Rollout::Detect,
            quarantine: Some(Quarantine::default()),
        }
    }
}

impl Default for Strategy {
    fn default() -> Self {
        Self::Steady(Steady::default())
    }
}

impl Strategy {
    /// The word used in configuration, traces and tables.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Steady(_) => "steady",
            Self::Naive(_) => "naive",
            Self::Greedy(_) => "greedy",
        }
    }

    /// How samples of load are to be smoothed. Naive goes by the last sample.
    pub const fn smoothing(&self) -> Smoothing {
        match self {
            Self::Steady(it) => Smoothing::noticing(it.smoothing),
            Self::Naive(_) => Smoothing::plain(Duration::ZERO),
            Self::Greedy(it) => Smoothing::plain(it.smoothing),
        }
    }
}

impl Default for Steady {
    fn default() -> Self {
        Self {
            upper_band: 1.15,
            lower_band: 0.90,
            move_budget: 0.01,
            cooldown: Duration::from_secs(60),
            settling: Duration::from_secs(300),
            smoothing: Duration::from_secs(60),
        }
    }
}

impl Default for Naive {
    fn default() -> Self {
        Self { max_deviation: 2.0 }
    }
}

impl Default for Greedy {
    fn default() -> Self {
        Self {
            upper_band: 1.15,
            lower_band: 0.90,
            severe_imbalance_ratio: 1.3,
            move_budget: 0.01,
            cooldown: Duration::from_secs(60),
            smoothing: Duration::from_secs(60),
        }
    }
}

impl Default for Quarantine {
    fn default() -> Self {
        Self { losses: 3, window: Duration::from_secs(600), hold: Duration::from_secs(3600), max_share: 0.01 }
    }
}

/// Highest factor that a setting may be. Nothing is as uneven, so that it means "never".
pub const MAX_FACTOR: f64 = 1000.0;
/// Longest cooldown, and longest memory of loads: a leader hands on no moves that are older to the next.
pub const MAX_COOLDOWN: Duration = Duration::from_hours(1);
/// Most builds that are named as on their way out.
pub const MAX_BUILDS: usize = 64;
/// Longest name of one.
pub const MAX_BUILD_BYTES: usize = 256;
/// Longest time that a session counts as new, and that losses are counted for.
const MAX_WINDOW: Duration = Duration::from_hours(24);
/// Longest quarantine.
const MAX_HOLD: Duration = Duration::from_hours(30 * 24);

impl Config {
    /// All settings that make no sense. A plan made from a config that was not asked is still a valid plan.
    pub fn problems(&self) -> Vec<ConfigError> {
        let Self { placement: _, bound, count_share, strategy, freeze: _, rollout, quarantine } = self;
        let mut problems = Problems::default();
        problems.factor("bound", *bound);
        let is_share = (0.0..=MAX_FACTOR).contains(count_share);
        problems.check("count_share", count_share, is_share, "must be a number from 0 to 1000");
        strategy.check(&mut problems);
        if let Rollout::Retiring(builds) = rollout {
            let rule = "must name at most 64 builds, each of 1 to 256 bytes";
            let is_named = |build: &Arc<str>| (1..=MAX_BUILD_BYTES).contains(&build.len());
            let is_good = builds.len() <= MAX_BUILDS && builds.iter().all(is_named);
            problems.check("rollout", &format_args!("{} builds", builds.len()), is_good, rule);
        }
        if let Some(Quarantine { losses, window, hold, max_share }) = quarantine {
            let rule = "must be a whole number from 2 to 32";
            problems.check("quarantine.losses", losses, (2..=MAX_LOSSES).contains(losses), rule);
            let second = Duration::from_secs(1);
            let rule = "must be a duration from 1s to 24h";
            problems.length("quarantine.window", *window, second..=MAX_WINDOW, rule);
            problems.length(
                "quarantine.hold",
                *hold,
                second..=MAX_HOLD,
                "must be a duration from 1s to 720h",
            );
            problems.share("quarantine.max_share", *max_share);
        }
        problems.0
    }
}

impl Strategy {
    fn check(&self, problems: &mut Problems) {
        match *self {
            Self::Steady(Steady { upper_band, lower_band, move_budget, cooldown, settling, smoothing }) => {
                problems.bands(upper_band, lower_band);
                problems.share("move_budget", move_budget);
                problems.memory("cooldown", cooldown);
                let rule = "must be a duration of at most 24h";
                problems.length("settling", settling, Duration::ZERO..=MAX_WINDOW, rule);
                problems.memory("smoothing", smoothing);
            }
            Self::Naive(Naive { max_deviation }) => problems.factor("max_deviation", max_deviation),
            Self::Greedy(it) => {
                problems.bands(it.upper_band, it.lower_band);
                problems.factor("severe_imbalance_ratio", it.severe_imbalance_ratio);
                problems.share("move_budget", it.move_budget);
                problems.memory("cooldown", it.cooldown);
                problems.memory("smoothing", it.smoothing);
            }
        }
    }
}

/// A setting that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigError {
    /// Which.
    pub setting: &'static str,
    /// Its refused value.
    pub value: Box<str>,
    /// What it must be.
    pub rule: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "planner setting `{}` {}, and is {}", self.setting, self.rule, self.value)
    }
}

impl std::error::Error for ConfigError {}

#[derive(Default)]
struct Problems(Vec<ConfigError>);

impl Problems {
    fn check(&mut self, setting: &'static str, value: &dyn fmt::Display, is_good: bool, rule: &'static str) {
        if !is_good {
            self.0.push(ConfigError { setting, value: value.to_string().into(), rule });
        }
    }

    fn factor(&mut self, setting: &'static str, value: f64) {
        self.check(setting, &value, (1.0..=MAX_FACTOR).contains(&value), "must be a number from 1 to 1000");
    }

    fn share(&mut self, setting: &'static str, value: f64) {
        let is_share = value > 0.0 && value <= 1.0;
        self.check(setting, &value, is_share, "must be a number above 0 and at most 1");
    }

    fn bands(&mut self, upper: f64, lower: f64) {
        self.factor("upper_band", upper);
        self.share("lower_band", lower);
    }

    fn memory(&mut self, setting: &'static str, value: Duration) {
        self.length(setting, value, Duration::ZERO..=MAX_COOLDOWN, "must be a duration of at most 1h");
    }

    fn length(
        &mut self,
        setting: &'static str,
        value: Duration,
        within: RangeInclusive<Duration>,
        rule: &'static str,
    ) {
        self.check(setting, &Shown(value), within.contains(&value), rule);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Set = fn(&mut Config, f64);

    const fn steady(config: &mut Config) -> &mut Steady {
        match &mut config.strategy {
            Strategy::Steady(it) => it,
            _ => panic!("it is the default"),
        }
    }

    fn greedy(config: &mut Config, edit: impl FnOnce(&mut Greedy)) {
        let mut it = Greedy::default();
        edit(&mut it);
        config.strategy = Strategy::Greedy(it);
    }

    const fn quarantine(config: &mut Config) -> &mut Quarantine {
        config.quarantine.as_mut().expect("there is one by default")
    }

    fn seconds(value: f64) -> Duration {
        Duration::from_secs_f64(value)
    }

    /// Each setting, the least and the most that it may be, and what it may not.
    const SETTINGS: [(&str, Set, [f64; 2], &[f64]); 19] = [
        ("bound", |it, to| it.bound = to, [1.0, 1000.0], &[0.999, 1000.1, f64::NAN]),
        ("count_share", |it, to| it.count_share = to, [0.0, 1000.0], &[-0.1, 1000.1, f64::NAN]),
        ("upper_band", |it, to| steady(it).upper_band = to, [1.0, 1000.0], &[0.999, 1000.1, f64::NAN]),
        ("lower_band", |it, to| steady(it).lower_band = to, [0.001, 1.0], &[0.0, 1.001, f64::NAN]),
        ("move_budget", |it, to| steady(it).move_budget = to, [0.001, 1.0], &[0.0, 1.001, f64::NAN]),
        ("cooldown", |it, to| steady(it).cooldown = seconds(to), [0.0, 3600.0], &[3600.1]),
        ("settling", |it, to| steady(it).settling = seconds(to), [0.0, 86_400.0], &[86_400.1]),
        ("smoothing", |it, to| steady(it).smoothing = seconds(to), [0.0, 3600.0], &[3600.1]),
        (
            "max_deviation",
            |it, to| it.strategy = Strategy::Naive(Naive { max_deviation: to }),
            [1.0, 1000.0],
            &[0.999, 1000.1, f64::NAN],
        ),
        ("upper_band", |it, to| greedy(it, |it| it.upper_band = to), [1.0, 1000.0], &[0.999, 1000.1]),
        ("lower_band", |it, to| greedy(it, |it| it.lower_band = to), [0.001, 1.0], &[0.0, 1.001]),
        (
            "severe_imbalance_ratio",
            |it, to| greedy(it, |it| it.severe_imbalance_ratio = to),
            [1.0, 1000.0],
            &[0.999, 1000.1, f64::NAN],
        ),
        ("move_budget", |it, to| greedy(it, |it| it.move_budget = to), [0.001, 1.0], &[0.0, 1.001]),
        ("cooldown", |it, to| greedy(it, |it| it.cooldown = seconds(to)), [0.0, 3600.0], &[3600.1]),
        ("smoothing", |it, to| greedy(it, |it| it.smoothing = seconds(to)), [0.0, 3600.0], &[3600.1]),
        ("quarantine.losses", |it, to| quarantine(it).losses = to as usize, [2.0, 32.0], &[1.0, 33.0]),
        (
            "quarantine.window",
            |it, to| quarantine(it).window = seconds(to),
            [1.0, 86_400.0],
            &[0.999, 86_400.1],
        ),
        (
            "quarantine.hold",
            |it, to| quarantine(it).hold = seconds(to),
            [1.0, 2_592_000.0],
            &[0.999, 2_592_000.1],
        ),
        ("quarantine.max_share", |it, to| quarantine(it).max_share = to, [0.001, 1.0], &[0.0, 1.001]),
    ];

    #[test]
    fn every_setting_has_its_bounds() {
        assert_eq!(Config::default().problems(), []);
        for (setting, set, good, bad) in SETTINGS {
            let with = |value| {
                let mut config = Config::default();
                set(&mut config, value);
                config.problems()
            };
            for value in good {
                assert_eq!(with(value), [], "{setting} of {value}");
            }
            for &value in bad {
                let problems = with(value);
                assert_eq!(problems.len(), 1, "{setting} of {value}: {problems:?}");
                assert_eq!(problems[0].setting, setting, "{problems:?}");
            }
        }
    }

    #[test]
    fn all_problems_are_told_at_once_with_their_rules_and_values() {
        let builds = |names: &[&str]| Rollout::Retiring(names.iter().map(|&name| name.into()).collect());
        let config = Config {
            bound: 0.5,
            strategy: Strategy::Steady(Steady { cooldown: seconds(7200.0), ..Steady::default() }),
            rollout: builds(&["good", ""]),
            ..Config::default()
        };
        let problems: Vec<_> = config.problems().iter().map(ToString::to_string).collect();
        assert_eq!(
            problems,
            [
                "planner setting `bound` must be a number from 1 to 1000, and is 0.5",
                "planner setting `cooldown` must be a duration of at most 1h, and is 2h",
                "planner setting `rollout` must name at most 64 builds, each of 1 to 256 bytes, and is 2 builds",
            ]
        );
        let refuses = |rollout| !Config { rollout, ..Config::default() }.problems().is_empty();
        assert!(!refuses(builds(&["x".repeat(MAX_BUILD_BYTES).as_str()])));
        assert!(refuses(builds(&["x".repeat(MAX_BUILD_BYTES + 1).as_str()])));
        let many: Vec<_> = (0..=MAX_BUILDS).map(|number| number.to_string()).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert!(refuses(builds(&many)) && !refuses(builds(&many[1..])));
    }
}
