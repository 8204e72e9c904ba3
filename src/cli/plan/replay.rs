//! `shardway plan replay`.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::PathBuf,
};

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use crate::{
    cli::{
        console::{Answer, Console, printable, table},
        exit::Exit,
        input,
    },
    plan::{self, ExecutorSlot, Plan, Round, ShardSlot},
};

/// Largest text of a round that is read: more than a round that is kept can have.
const MAX_BYTES: usize = 64 << 20;

/// Decide a planning round again, from its text.
///
/// Prints what it moves and why, and whether this binary decides as the one did that held the round. Exits with 1 when
/// it decides otherwise, which another version may well do, and with 3 when the text cannot be read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shardway plan replay round.txt
  cat round.txt | shardway plan replay --output json -")]
pub(super) struct Replay {
    /// The round's text; `-`: standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Replay {
    pub(super) fn run(self, console: &mut Console<'_>) -> anyhow::Result<Exit> {
        let name = self.file.display();
        let text = String::from_utf8(input::read("round", &self.file, MAX_BYTES)?)
            .with_context(|| format!("round {name} is not text"))?;
        let round: Round = text.parse().with_context(|| format!("cannot read round {name}"))?;
        let again = plan::replay(&round).context("the round's text lacks what it was decided by")?;
        let report = Report::new(&round, &again);
        console.show(&report)?;
        Ok(if report.same { Exit::Ok } else { Exit::No })
    }
}

#[derive(Serialize)]
struct Report {
    /// Whether it was decided as it is decided now.
    same: bool,
    strategy: &'static str,
    /// Load of the fullest executor over the mean, when the round began.
    max_over_mean: f64,
    moves: Vec<Move>,
    /// Shards that nobody could be given, by reason.
    unplaced: BTreeMap<&'static str, u32>,
    /// What it decided when it was held, if that was something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<Vec<Move>>,
}

#[derive(Serialize)]
struct Move {
    shard: String,
    action: &'static str,
    to: Option<String>,
    reason: &'static str,
}

impl Report {
    fn new(round: &Round, again: &Plan) -> Self {
        let same = round.plan().moves == again.moves;
        let reasons = plan::NoRoom::ALL.into_iter().map(|why| (why.as_str(), again.report.unplaced(why)));
        Self {
            same,
            strategy: round.config().strategy.as_str(),
            max_over_mean: again.report.max_over_mean,
            moves: Move::all(round, again),
            unplaced: reasons.filter(|(_, shards)| *shards > 0).collect(),
            held: (!same).then(|| Move::all(round, round.plan())),
        }
    }
}

impl Move {
    fn all(round: &Round, plan: &Plan) -> Vec<Self> {
        let names: BTreeMap<ShardSlot, &str> = round.names().collect();
        let executors: BTreeMap<ExecutorSlot, &str> = round.executors().collect();
        let shard =
            |slot: ShardSlot| names.get(&slot).map_or_else(|| format!("#{slot}"), |name| (*name).into());
        let executor = |slot: ExecutorSlot| {
            executors.get(&slot).map_or_else(|| format!("#{slot}"), |name| (*name).into())
        };
        let told = plan.moves.iter().map(|change| Self {
            shard: shard(change.shard),
            action: change.action.as_str(),
            to: change.action.to().map(executor),
            reason: change.reason.as_str(),
        });
        told.collect()
    }
}

impl Answer for Report {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}, max/mean {:.3}, {} moves", self.strategy, self.max_over_mean, self.moves.len())?;
        write_moves(&self.moves, out)?;
        for (why, shards) in &self.unplaced {
            writeln!(out, "{shards} shards have no owner: {why}")?;
        }
        match &self.held {
            None => writeln!(out, "decided the same again"),
            Some(held) => {
                writeln!(out, "decided otherwise when it was held, {} moves:", held.len())?;
                write_moves(held, out)
            }
        }
    }
}

fn write_moves(moves: &[Move], out: &mut dyn Write) -> io::Result<()> {
    if moves.is_empty() {
        return Ok(());
    }
    let mut table = table(["shard", "action", "to", "reason"]);
    for it in moves {
        let to = it.to.as_deref().unwrap_or("nobody");
        table.add_row([printable(&it.shard), it.action.into(), printable(to), it.reason.into()]);
    }
    writeln!(out, "{table}")
}
