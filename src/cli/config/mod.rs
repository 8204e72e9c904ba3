//! `shardway config`: files of dynamic config, before they are put in force.

mod check;
mod keys;
mod report;

use clap::{Args, Subcommand};

use super::{console::Console, exit::Exit};

/// Check files of dynamic config, and list the keys there are.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shardway config check examples/dynamic.yaml
  shardway config keys")]
pub(super) struct Config {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Check(check::Check),
    Keys(keys::Keys),
}

impl Config {
    pub(super) fn run(self, console: &mut Console<'_>) -> anyhow::Result<Exit> {
        match self.what {
            What::Check(command) => command.run(console),
            What::Keys(command) => command.run(console),
        }
    }
}
