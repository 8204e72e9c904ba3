//! `shardway bench plan`: what the planner's rounds cost.

use std::io::{self, Write};

use clap::Args;
use serde::Serialize;

use super::{clear_progress, show_progress};
use crate::{
    bench::plan::{self, Size, compare},
    cli::{
        console::{Answer, Console, table},
        exit::Exit,
    },
    clock::SystemClock,
};

/// Measure the planner: what its rounds cost at a size, or how its strategies do.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shardway bench plan
  shardway bench plan --shards 1000000 --executors 1000 --output json
  shardway bench plan --shards 100000 --check
  shardway bench plan --traces")]
pub(super) struct Plan {
    /// Shards of the namespace. Smaller namespaces are measured on the way, to show how costs grow.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    shards: u32,
    /// Executors.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    executors: u32,
    /// How often each kind of round is timed; the middle one counts.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    repeats: u16,
    /// Exit with 1 when a goal is missed.
    #[arg(long)]
    check: bool,
    /// Compare the strategies on made-up loads instead: balance, moves, rounds to rest. Counts, which are the same on
    /// every machine.
    #[arg(long, conflicts_with_all = ["shards", "executors", "repeats", "check"])]
    traces: bool,
}

/// The strategies' table.
#[derive(Serialize)]
struct Traces {
    rows: Vec<compare::Row>,
}

impl Plan {
    pub(super) fn run(self, console: &mut Console<'_>) -> anyhow::Result<Exit> {
        if self.traces {
            let rows = compare::table(&mut show_progress);
            clear_progress();
            console.show(&Traces { rows })?;
            return Ok(Exit::Ok);
        }
        let size = Size {
            shards: self.shards as usize,
            executors: self.executors as usize,
            repeats: self.repeats.into(),
        };
        let report = plan::run(&SystemClock::new(), size, &mut show_progress);
        clear_progress();
        console.show(&report)?;
        Ok(if self.check && !report.is_met() { Exit::No } else { Exit::Ok })
    }
}

impl Answer for Traces {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut table =
            table(["trace", "strategy", "band", "max/mean", "at the end", "moves", "rounds to rest"]);
        for row in &self.rows {
            table.add_row([
                row.trace.to_owned(),
                row.strategy.to_owned(),
                row.upper_band.map_or_else(String::new, |band| format!("{band}")),
                format!("{:.3}", row.max_over_mean),
                format!("{:.3}", row.max_over_mean_at_end),
                format!("{:.1}", row.moves),
                format!("{:.0}", row.rounds_to_rest),
            ]);
        }
        writeln!(out, "{table}")
    }
}
