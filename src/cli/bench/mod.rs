//! `shardway bench`: what lookups, plans and a distributor cost on this machine.

mod distributor;
mod plan;

use std::io::{self, IsTerminal, Write};

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::{
    console::{Answer, Console},
    exit::Exit,
};
use crate::{
    bench::{
        keys::{KEYS_PER_PASS, KeyShape},
        lookup::{self, Mode, Setting, Surroundings},
        measure::Report,
        rounds::MIN_ROUNDS,
    },
    clock::SystemClock,
};

/// Measure what this machine can do.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shardway bench lookup
  shardway bench plan --shards 100000
  shardway bench distributor --shards 100000")]
pub(super) struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Lookup(Lookup),
    Plan(plan::Plan),
    Distributor(distributor::Distributor),
}

/// Measure lookups: every promised figure, or one setting in detail.
///
/// Without a setting, measures everything that is promised of lookups and shows each figure beside its goal. Figures
/// are ratios of best rounds within this process, so that they hold on a busy machine; most are relative to the floor:
/// one hash of the key and one read of a table as large as the ring.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shardway bench lookup
  shardway bench lookup --output json
  shardway bench lookup --check
  shardway bench lookup --members 1000 --key-shape uuid
  shardway bench lookup --threads 2 --writer --mode chain")]
struct Lookup {
    /// Exit with 1 when a goal is missed.
    #[arg(long)]
    check: bool,
    /// Rounds of each comparison; more rounds find better best ones.
    #[arg(long, default_value_t = 101, value_parser = clap::value_parser!(u16).range(MIN_ROUNDS as i64..))]
    rounds: u16,
    /// Members of the ring.
    #[arg(long, value_name = "N", help_heading = "One setting", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    members: Option<u16>,
    /// Points per member.
    #[arg(long, value_name = "N", help_heading = "One setting", value_parser = clap::value_parser!(u16).range(1..=1000))]
    points: Option<u16>,
    /// Keys: `uuid`, `decimal`, or a length in bytes.
    #[arg(long, value_name = "SHAPE", help_heading = "One setting")]
    key_shape: Option<KeyShape>,
    /// Whether a lookup waits for the one before.
    #[arg(long, value_enum, help_heading = "One setting")]
    mode: Option<ModeName>,
    /// Measure on 1 to N threads at once.
    #[arg(long, value_name = "N", help_heading = "One setting", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Also measure while another thread publishes a new ring each millisecond.
    #[arg(long, help_heading = "One setting")]
    writer: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ModeName {
    /// Calls are independent, and the processor overlaps them.
    Throughput,
    /// Each key depends on the last answer.
    Chain,
}

impl Bench {
    pub(super) fn run(self, console: &mut Console<'_>, allocations: fn() -> u64) -> anyhow::Result<Exit> {
        match self.what {
            What::Lookup(lookup) => lookup.run(console, allocations),
            What::Plan(plan) => plan.run(console),
            What::Distributor(distributor) => distributor.run(console),
        }
    }
}

impl Lookup {
    fn run(self, console: &mut Console<'_>, allocations: fn() -> u64) -> anyhow::Result<Exit> {
        let clock = SystemClock::new();
        let surroundings =
            Surroundings { clock: &clock, allocations, rounds: self.rounds.into(), keys: KEYS_PER_PASS };
        let report = match self.setting() {
            Some(setting) => lookup::run_one(&surroundings, &setting),
            None => lookup::run(&surroundings, &mut show_progress),
        };
        clear_progress();
        console.show(&report)?;
        Ok(if self.check && !report.is_met() { Exit::No } else { Exit::Ok })
    }

    /// What to measure when any of it was chosen.
    fn setting(&self) -> Option<Setting> {
        let chosen = self.members.is_some()
            || self.points.is_some()
            || self.key_shape.is_some()
            || self.mode.is_some()
            || self.threads.is_some()
            || self.writer;
        chosen.then(|| Setting {
            members: self.members.unwrap_or(100).into(),
            points_per_member: self.points.unwrap_or(100),
            key_shape: self.key_shape.unwrap_or(KeyShape::GOAL),
            mode: match self.mode {
                Some(ModeName::Chain) => Mode::Chain,
                Some(ModeName::Throughput) | None => Mode::Throughput,
            },
            threads: self.threads.unwrap_or(1).into(),
            writer: self.writer,
        })
    }
}

impl Answer for Report {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{self}")
    }
}

/// One line that replaces itself, for a person who waits.
fn show_progress(part: usize, parts: usize, what: &str) {
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K[{part}/{parts}] {what} ...");
    }
}

fn clear_progress() {
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
}
