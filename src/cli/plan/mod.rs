//! `shardway plan`: what the planner decided, and why.

mod replay;

use clap::{Args, Subcommand};

use super::{console::Console, exit::Exit};

/// Look at what the planner decided.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shardway plan replay round.txt")]
pub(super) struct PlanCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Replay(replay::Replay),
}

impl PlanCommand {
    pub(super) fn run(self, console: &mut Console<'_>) -> anyhow::Result<Exit> {
        match self.command {
            Command::Replay(command) => command.run(console),
        }
    }
}
