//! `shardway sim`: whether the protocol keeps its promises when everything goes wrong.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, IsTerminal, Write},
    panic,
    time::Duration,
};

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::{
    console::{Answer, Console},
    exit::Exit,
};
use crate::{
    clock::{Clock, SystemClock},
    sim::{self, Failure, Tally},
};

/// Run the distributor, its executors and their callers on a virtual network, from seeds.
///
/// Each seed is one world in which messages are lost, late and repeated, machines crash and pause, clocks drift, and
/// the store is away, as often and as long as the seed says; then all is well, and everything must come right. The same
/// seed always runs the same way. Ends with 1 when a promise was broken, or when the seeds, of which there were enough,
/// have not met every event that matters.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shardway sim
  shardway sim --seeds 10000 --output json
  shardway sim --seeds 1 --first-seed 4711 --history 200")]
pub(super) struct Sim {
    /// How many seeds to run.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first of them.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    first_seed: u64,
    /// Virtual minutes of each.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
    minutes: u64,
    /// Lines of the story of the first seed that fails.
    #[arg(long, value_name = "LINES", default_value_t = 40)]
    history: usize,
}

/// From so many seeds on, every event must have been met.
const SEEDS_FOR_COVERAGE: u64 = 100;
/// Failing seeds that are named.
const MAX_NAMED: usize = 20;

impl Sim {
    pub(super) fn run(self, console: &mut Console<'_>) -> anyhow::Result<Exit> {
        let Some(last_seed) = self.first_seed.checked_add(self.seeds - 1) else {
            bail!(
                "there are no {} seeds from {} on: the last one is {}",
                self.seeds,
                self.first_seed,
                u64::MAX
            );
        };
        let clock = SystemClock::new();
        let began = cpu_time(&clock);
        let length = Duration::from_secs(self.minutes * 60);
        let mut tally = Tally::default();
        for seed in self.first_seed..=last_seed {
            show_progress(tally.seeds, self.seeds, tally.failures.len());
            tally.add(&sim::run(seed, length));
        }
        clear_progress();
        let cpu = cpu_time(&clock).saturating_sub(began);
        let report = Report::new(&self, &tally, cpu);
        console.show(&report)?;
        if let Some(failure) = tally.failures.first() {
            self.tell(failure, length)?;
        }
        Ok(if report.is_fine() { Exit::Ok } else { Exit::No })
    }

    fn tell(&self, failure: &Failure, length: Duration) -> io::Result<()> {
        // The seed is run again and again, to tell its story briefly; if it panics, it has said where.
        let tells = panic::take_hook();
        panic::set_hook(Box::new(|_| {}));
        let run = sim::story(failure.seed, length);
        panic::set_hook(tells);
        let mut err = io::stderr().lock();
        writeln!(err, "seed {}\n{}", failure.seed, run.swarm)?;
        for line in run.ending(self.history) {
            writeln!(err, "{line}")?;
        }
        if let Some(violation) = &run.violation {
            writeln!(err, "{violation}")?;
        }
        Ok(())
    }

    fn replay(&self, seed: u64) -> String {
        format!("shardway sim --seeds 1 --first-seed {seed} --minutes {}", self.minutes)
    }
}

#[derive(Debug, Serialize)]
struct Report {
    seeds: u64,
    violations: usize,
    events: u64,
    cpu_seconds: f64,
    trace: String,
    coverage: BTreeMap<&'static str, u64>,
    /// What was never met although there were seeds enough.
    missing: Vec<&'static str>,
    failures: Vec<Failed>,
}

#[derive(Debug, Serialize)]
struct Failed {
    seed: u64,
    violation: String,
    replay: String,
}

impl Report {
    fn new(sim: &Sim, tally: &Tally, cpu: Duration) -> Self {
        let is_enough = tally.seeds >= SEEDS_FOR_COVERAGE;
        let missing = tally.coverage.missing().map(sim::Met::as_str).filter(|_| is_enough);
        let failed = |failure: &Failure| Failed {
            seed: failure.seed,
            violation: failure.violation.to_string(),
            replay: sim.replay(failure.seed),
        };
        Self {
            seeds: tally.seeds,
            violations: tally.failures.len(),
            events: tally.events,
            cpu_seconds: (cpu.as_secs_f64() * 1000.0).round() / 1000.0,
            trace: tally.hash.to_string(),
            coverage: tally.coverage.counts().map(|(met, count)| (met.as_str(), count)).collect(),
            missing: missing.collect(),
            failures: tally.failures.iter().take(MAX_NAMED).map(failed).collect(),
        }
    }

    fn is_fine(&self) -> bool {
        self.violations == 0 && self.missing.is_empty()
    }
}

impl Answer for Report {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        for Failed { seed, violation, replay } in &self.failures {
            writeln!(out, "seed {seed}: {violation}\n  replay: {replay}")?;
        }
        for (met, count) in &self.coverage {
            writeln!(out, "{met:<28} {count:>12}")?;
        }
        if !self.missing.is_empty() {
            writeln!(out, "never met: {}", self.missing.join(", "))?;
        }
        writeln!(
            out,
            "{} seeds, {} events, {} violations, {:.1} s of CPU, trace {}",
            self.seeds, self.events, self.violations, self.cpu_seconds, self.trace
        )
    }
}

/// How long this thread has run on a processor; where nobody says, how long it took.
fn cpu_time(clock: &SystemClock) -> Duration {
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = schedstat.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.map_or_else(|| Duration::from_nanos(clock.now().as_nanos()), Duration::from_nanos)
}

fn show_progress(done: u64, of: u64, failed: usize) {
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K[{done}/{of}] {failed} failed ...");
    }
}

fn clear_progress() {
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
}
