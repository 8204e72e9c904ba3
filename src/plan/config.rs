//! What the planner is told to do.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use super::Smoothing;

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

impl Config {
    /// Refuses settings that make no sense. A plan made from one that was not asked is still a valid plan.
    pub fn validate(&self) -> Result<(), ConfigError> {
        at_least("bound", self.bound, 1.0)?;
        at_least("count_share", self.count_share, 0.0)?;
        match &self.strategy {
            Strategy::Steady(it) => {
                bands(it.upper_band, it.lower_band)?;
                share("move_budget", it.move_budget)?;
            }
            Strategy::Naive(it) => at_least("max_deviation", it.max_deviation, 1.0)?,
            Strategy::Greedy(it) => {
                bands(it.upper_band, it.lower_band)?;
                share("move_budget", it.move_budget)?;
                at_least("severe_imbalance_ratio", it.severe_imbalance_ratio, 1.0)?;
            }
        }
        if let Some(quarantine) = self.quarantine {
            at_least("quarantine.losses", quarantine.losses as f64, 2.0)?;
            share("quarantine.max_share", quarantine.max_share)?;
        }
        Ok(())
    }
}

/// A setting that makes no sense.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConfigError {
    /// Which.
    pub setting: &'static str,
    /// Its refused value.
    pub value: f64,
    /// What it must be.
    pub rule: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "planner setting `{}` must be {}, is {}", self.setting, self.rule, self.value)
    }
}

impl std::error::Error for ConfigError {}

fn at_least(setting: &'static str, value: f64, least: f64) -> Result<(), ConfigError> {
    let rule = match least {
        0.0 => "a number of at least 0",
        1.0 => "a number of at least 1",
        _ => "a number of at least 2",
    };
    if value.is_finite() && value >= least { Ok(()) } else { Err(ConfigError { setting, value, rule }) }
}

fn share(setting: &'static str, value: f64) -> Result<(), ConfigError> {
    let is_share = value > 0.0 && value <= 1.0;
    if is_share { Ok(()) } else { Err(ConfigError { setting, value, rule: "above 0 and at most 1" }) }
}

fn bands(upper: f64, lower: f64) -> Result<(), ConfigError> {
    at_least("upper_band", upper, 1.0)?;
    let is_below = lower > 0.0 && lower <= 1.0;
    if is_below {
        Ok(())
    } else {
        Err(ConfigError { setting: "lower_band", value: lower, rule: "above 0 and at most 1" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_nonsense_is_refused_by_name() {
        assert_eq!(Config::default().validate(), Ok(()));
        let with = |edit: fn(&mut Config)| {
            let mut config = Config::default();
            edit(&mut config);
            config.validate().unwrap_err().to_string()
        };
        for (complaint, about) in [
            (with(|config| config.bound = 0.9), "`bound` must be a number of at least 1, is 0.9"),
            (with(|config| config.bound = f64::NAN), "`bound`"),
            (with(|config| config.count_share = -1.0), "`count_share`"),
            (
                with(|config| {
                    config.strategy = Strategy::Steady(Steady { lower_band: 1.5, ..Steady::default() });
                }),
                "`lower_band`",
            ),
            (
                with(|config| {
                    config.strategy = Strategy::Greedy(Greedy { move_budget: 0.0, ..Greedy::default() });
                }),
                "`move_budget`",
            ),
            (
                with(|config| config.strategy = Strategy::Naive(Naive { max_deviation: 0.5 })),
                "`max_deviation`",
            ),
            (
                with(|config| {
                    config.quarantine = Some(Quarantine { losses: 1, ..Quarantine::default() });
                }),
                "`quarantine.losses`",
            ),
        ] {
            assert!(complaint.contains(about), "{complaint}");
        }
    }
}
