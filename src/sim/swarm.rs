//! What one seed is like: sizes, lengths, rates, and which bad things can happen.
//!
//! Each seed enables a few hazards only: what many of them together hide, some few together show.

use std::{fmt, time::Duration};

use super::{
    hazards::Hazard,
    network::Weather,
    node::MAX_EXECUTORS,
    random::{MILLION, Random},
};
use crate::{
    election::ElectionConfig,
    engine::{Kind, NamespaceConfig, Ownership},
    lease::ClockRates,
    plan::{self, Strategy},
    replica::ReplicaConfig,
    session::OnStuck,
    store::{Limits, kv::Retention},
};

/// All parameters of a run.
#[derive(Clone, Debug)]
pub struct Swarm {
    pub(super) seed: u64,
    /// How long it runs. Two thirds of it are bad.
    pub(super) length: Duration,
    pub(super) replicas: u8,
    pub(super) executors: u8,
    pub(super) routers: u8,
    pub(super) config: NamespaceConfig,
    /// The longest that some distributor has.
    pub(super) leader_lease: Duration,
    /// Each distributor's.
    pub(super) elections: Vec<ElectionConfig>,
    /// How long a distributor must have been up before any other hands over to it.
    pub(super) settle: Duration,
    pub(super) replica: ReplicaConfig,
    /// What the store takes at once, and how much it remembers.
    pub(super) limits: Limits,
    pub(super) retention: Retention,
    pub(super) clock_ppm: i64,
    pub(super) weather: Weather,
    pub(super) hazards: Vec<Hazard>,
    /// How long from one to the next.
    pub(super) hazard_every: Duration,
    /// How long from one of the operator's doings to the next.
    pub(super) operation_every: Duration,
    pub(super) on_stuck: OnStuck,
    pub(super) stop_within: Duration,
    /// How long a shard takes to stop, at the most, when it does.
    pub(super) stops_within: Duration,
    /// How long from one thing that a process, or a router, does to the next.
    pub(super) work_every: Duration,
    /// How late, at the most, a distributor's parts hear what they tell each other, while all is bad: it has much to do.
    pub(super) lag: Duration,
    /// Whether clocks keep within their bound. If not, nobody promises that two never believe.
    pub(super) clocks_are_sound: bool,
}

impl Swarm {
    /// The parameters of a seed.
    pub(super) fn new(seed: u64, length: Duration) -> Self {
        let random = &mut Random::new(seed, 1);
        let ms = Duration::from_millis;
        let executors = random.range(3, 9) as u8;
        let lease = random.pick(&[ms(2_000), ms(4_000), ms(6_000), ms(10_000), ms(10_000), ms(15_000)]);
        let beat_every = lease / random.pick(&[4, 6, 8, 10, 10]);
        let hazards = hazards(random);
        let clocks_are_sound = !hazards.contains(&Hazard::StandStill);
        let config = config(random, lease, beat_every);
        let weather = Weather {
            least: random.pick(&[ms(0), ms(1), ms(20)]) + Duration::from_micros(100),
            most: random.pick(&[ms(2), ms(5), ms(50), ms(200)]) + ms(20),
            loss_ppm: random.pick(&[0, 0, 0, 1_000, 20_000, 100_000]),
            repeat_ppm: random.pick(&[0, 0, 10_000, 100_000]),
            detour_ppm: random.pick(&[0, 0, 5_000, 50_000]),
            detour: random.pick(&[lease / 4, lease, lease * 2]),
            is_ordered: random.happens(MILLION / 2),
        };
        let stop_within = lease / random.pick(&[1, 2, 4]);
        let leader_lease = random.pick(&[lease / 4, lease / 2, lease]).max(ms(1_000));
        let settle = leader_lease * random.pick(&[1, 1, 2]);
        let lag = Random::new(seed, 7).pick(&[ms(0), ms(0), ms(0), ms(5), ms(50), ms(300)]);
        // Of its own, so that every other draw of a seed is what it was.
        let replicas = Random::new(seed, 5).pick(&[1, 3, 3, 3, 3, 3, 3, 5]);
        let leader_leases = leader_leases(&mut Random::new(seed, 8), replicas, lease, leader_lease);
        let election = election(random, leader_lease, settle, config.rates);
        let with_lease = |lease| election.with_lease(lease).expect("a lease that executors have, too");
        let longest = leader_leases.iter().copied().max().expect("there is a replica");
        Self {
            elections: leader_leases.into_iter().map(with_lease).collect(),
            settle: settle.max(longest),
            replica: replica(random),
            limits: Limits {
                operations: random.pick(&[2, 3, 4, 128, 128]),
                bytes: random.pick(&[1_000, 2_000, 1 << 20, 1 << 20]),
                rows: random.pick(&[2, 10, 1_000]),
            },
            retention: Retention { steps: random.pick(&[50, 200, 10_000]), bytes: 64 << 20 },
            seed,
            length,
            replicas,
            executors: executors.min(MAX_EXECUTORS / 2),
            routers: random.range(1, 3) as u8,
            leader_lease: longest,
            clock_ppm: random.pick(&[0, 1_000, 9_900, 9_900]),
            weather,
            hazards,
            hazard_every: random.pick(&[lease / 2, lease, lease * 2, lease * 4]),
            operation_every: random.pick(&[lease / 4, lease, lease * 4]),
            on_stuck: random.pick(&[OnStuck::Release, OnStuck::Release, OnStuck::Hold, OnStuck::Abort]),
            stop_within,
            stops_within: random.pick(&[ms(20), ms(200), stop_within / 2]),
            work_every: random.pick(&[ms(800), ms(1_500), ms(3_000)]),
            lag,
            clocks_are_sound,
            config,
        }
    }

    /// The seed.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// For how long a leader that crashes is gone: longer than others wait for it.
    pub(super) fn leader_is_gone_for(&self) -> Duration {
        self.leader_lease * 3 / 2 + Duration::from_secs(2)
    }

    /// Without this hazard, to see whether a violation needs it.
    pub(super) fn without(mut self, hazard: Hazard) -> Self {
        self.hazards.retain(|other| *other != hazard);
        self
    }

    pub(super) const fn rates(&self) -> ClockRates {
        self.config.rates
    }

    pub(super) fn is_exclusive(&self) -> bool {
        self.config.ownership == Ownership::Exclusive
    }

    pub(super) fn is_ephemeral(&self) -> bool {
        self.config.kind == Kind::Ephemeral
    }
}

fn hazards(random: &mut Random) -> Vec<Hazard> {
    let share = random.pick(&[0, 150_000, 300_000, 300_000, 600_000]);
    let enabled = Hazard::ALL.into_iter().filter(|hazard| {
        random.happens(match hazard {
            // Rare, because it excuses what is most worth seeing, ...
            Hazard::StandStill => 30_000,
            // ... and because nothing grows old where they strike.
            Hazard::Reset | Hazard::Delete => share / 3,
            _ => share,
        })
    });
    enabled.collect()
}

/// All distributors have the same one, or a change of it is being rolled out.
fn leader_leases(random: &mut Random, replicas: u8, lease: Duration, usual: Duration) -> Vec<Duration> {
    let differ = random.happens(MILLION / 3);
    let any = |random: &mut Random| random.pick(&[lease / 4, lease / 2, lease]).max(Duration::from_secs(1));
    (0..replicas).map(|_| if differ { any(random) } else { usual }).collect()
}

fn election(random: &mut Random, lease: Duration, settle: Duration, rates: ClockRates) -> ElectionConfig {
    let patience = random.pick(&[Duration::ZERO, Duration::from_millis(200), Duration::from_millis(500)]);
    let config = ElectionConfig::default().with_lease(lease).and_then(|config| config.with_settle(settle));
    let config = config.and_then(|config| config.with_patience(patience.min(lease)));
    config.expect("settings within their bounds").with_rates(rates)
}

fn replica(random: &mut Random) -> ReplicaConfig {
    let ms = Duration::from_millis;
    ReplicaConfig {
        call_within: random.pick(&[ms(500), ms(1_000), ms(2_000)]),
        pause_from: ms(50),
        pause_to: random.pick(&[ms(500), ms(2_000)]),
        snapshot_after_bytes: random.pick(&[2_000, 20_000, 256 << 10]),
        snapshot_after_commits: random.pick(&[20, 200, 4_096]),
    }
}

fn config(random: &mut Random, lease: Duration, beat_every: Duration) -> NamespaceConfig {
    let shards = random.range(8, 40) as u32;
    let kind = if random.happens(MILLION / 5) { Kind::Ephemeral } else { Kind::Fixed { shards } };
    let second = Duration::from_secs(1);
    let mut config = NamespaceConfig::new(kind);
    if random.happens(MILLION / 10) {
        config.ownership = Ownership::Affinity;
    }
    (config.lease, config.beat_every) = (lease, beat_every);
    config.round_every = random.pick(&[second, second, 3 * second]);
    config.gather = random.pick(&[Duration::ZERO, lease / 4, lease]);
    config.restrain_from = random.pick(&[3, 3, 3, 0]);
    if random.happens(MILLION / 3) {
        config.plan.placement = plan::Placement::Even;
    }
    if let Strategy::Steady(steady) = &mut config.plan.strategy {
        steady.cooldown = random.pick(&[second, 10 * second, 60 * second]);
        steady.settling = random.pick(&[20 * second, 60 * second, 300 * second]);
        steady.smoothing = random.pick(&[second, 5 * second, 30 * second]);
        steady.move_budget = random.pick(&[0.01, 0.1, 0.3]);
    }
    config
}

impl fmt::Display for Swarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { config, weather, .. } = self;
        writeln!(
            f,
            "{} replicas, {} executors, {} routers, {:?}, {:?}",
            self.replicas, self.executors, self.routers, config.kind, config.ownership
        )?;
        writeln!(
            f,
            "lease {:?}, beat {:?}, leader's lease {:?}, clocks off by up to {} ppm{}",
            config.lease,
            config.beat_every,
            self.leader_lease,
            self.clock_ppm,
            if self.clocks_are_sound { "" } else { " and worse" }
        )?;
        writeln!(
            f,
            "the store takes {} operations and {} bytes at once, and remembers {} steps",
            self.limits.operations, self.limits.bytes, self.retention.steps
        )?;
        writeln!(
            f,
            "messages take {:?} to {:?}, {} ppm are lost, {} ppm repeated, {} ppm take up to {:?} more",
            weather.least,
            weather.most,
            weather.loss_ppm,
            weather.repeat_ppm,
            weather.detour_ppm,
            weather.detour
        )?;
        writeln!(
            f,
            "shards stop within {:?}, or after {:?}: {:?}; an operation every {:?}; replicas hear themselves within {:?}",
            self.stops_within, self.stop_within, self.on_stuck, self.operation_every, self.lag
        )?;
        write!(f, "every {:?} one of: ", self.hazard_every)?;
        for (at, hazard) in self.hazards.iter().enumerate() {
            write!(f, "{}{hazard}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
