//! Loads of many shards over time: made up, but the same on every machine.

use crate::bench::random::Random;

/// What a fleet is put through. Loads are those of every second; each has up to a fifth of noise.
#[derive(Clone, Copy, Debug)]
pub struct Trace {
    /// Its name in tables.
    pub name: &'static str,
    /// How long it takes, in seconds.
    pub seconds: u64,
    /// When what it is about begins: balance is looked at from here on.
    pub from: u64,
    /// With this upper band, *steady* is as even as *greedy* with its defaults, or evener.
    pub band_of_greedy: f64,
    load: fn(&Shard, u64) -> f64,
}

/// The executors of each trace.
pub const EXECUTORS: usize = 20;
/// The shards of each trace.
pub const SHARDS: usize = 2000;

/// All of them.
pub const TRACES: &[Trace] = &[
    // Popularity as it is everywhere: the most popular shard alone has four fifths of an executor's fair share.
    Trace { name: "zipf", seconds: 1200, from: 300, band_of_greedy: 1.17, load: |shard, _| shard.popularity },
    // One shard in a hundred becomes forty times as popular for ten minutes.
    Trace {
        name: "flash crowd",
        seconds: 2400,
        from: 600,
        band_of_greedy: 1.158,
        load: |shard, second| {
            let is_crowded = shard.draw < 0.01 && (600..1200).contains(&second);
            (0.5 + shard.share) * if is_crowded { 40.0 } else { 1.0 }
        },
    },
    // A day in an hour, twice: every shard has its own noon, and those of one region nearly the same.
    Trace {
        name: "diurnal",
        seconds: 7200,
        from: 600,
        band_of_greedy: 1.143,
        load: |shard, second| {
            let region = (shard.draw * 3.0).floor() / 3.0;
            let turn = second as f64 / 3600.0 + region + 0.1 * shard.share;
            (0.2 + shard.popularity.min(4.0)) * (1.0 + 0.8 * (turn * std::f64::consts::TAU).sin())
        },
    },
];

/// What is particular to a shard.
#[derive(Clone, Copy, Debug)]
struct Shard {
    popularity: f64,
    /// Both uniform from 0 to 1.
    draw: f64,
    share: f64,
}

/// The shards of one trace, with their noise.
#[derive(Clone, Debug)]
pub struct Loads {
    trace: Trace,
    shards: Vec<Shard>,
    noise: Random,
}

impl Loads {
    /// The shards of this seed.
    pub fn new(trace: Trace, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut ranks: Vec<usize> = (1..=SHARDS).collect();
        for at in (1..SHARDS).rev() {
            ranks.swap(at, random.below(at + 1));
        }
        let popularity = |rank: usize| 60.0 / (rank as f64).powf(0.75);
        let shard =
            |rank| Shard { popularity: popularity(rank), draw: unit(&mut random), share: unit(&mut random) };
        let shards = ranks.into_iter().map(shard).collect();
        Self { trace, shards, noise: random }
    }

    /// The same without noise.
    pub fn expected(&self, second: u64) -> Vec<f64> {
        self.shards.iter().map(|shard| (self.trace.load)(shard, second)).collect()
    }

    /// The loads of a second, which are expected to be these, with noise.
    pub fn noisy(&mut self, expected: &[f64]) -> Vec<f64> {
        expected.iter().map(|load| load * (0.8 + 0.4 * unit(&mut self.noise))).collect()
    }
}

fn unit(random: &mut Random) -> f64 {
    (random.next() >> 11) as f64 / (1_u64 << 53) as f64
}
