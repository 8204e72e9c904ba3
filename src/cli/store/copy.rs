//! `shardway store copy`.

use std::io::{self, Write};

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::{
    super::{
        console::{Answer, Console},
        exit::Exit,
        place::{Access, Place},
    },
    block_on, listed,
    restore::Put,
};
use crate::backup::{Seal, copy};

/// Copy all that a store holds into an empty one, be it of another kind.
///
/// With --seal it is a move: in the first store nothing is ever decided again, so that nothing has two owners. Stop its
/// distributors before. If it ends in the middle, run it again with the same two stores. What is copied grants nothing
/// until it is adopted. Exits with 1 when some rows or some namespaces' heads cannot be read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shardway store copy data etcd://10.0.0.1:2379,10.0.0.2:2379,10.0.0.3:2379 --seal
  shardway store copy etcd://10.0.0.1:2379 data --etcd-ca ca.pem --seal --output json")]
pub(super) struct Copy {
    /// The store that is read.
    #[arg(value_name = "FROM")]
    from: Place,
    /// The store that is filled; a folder is made if it is not there.
    #[arg(value_name = "TO")]
    to: Place,
    /// Seal the first store for good.
    #[arg(long)]
    seal: bool,
    #[command(flatten)]
    access: Access,
}

impl Copy {
    pub(super) fn run(self, console: &mut Console<'_>) -> anyhow::Result<Exit> {
        let seal = if self.seal { Seal::Source } else { Seal::Nothing };
        let copied = block_on(async {
            let (from, keys) = (self.access.open(&self.from)?, self.access.keys()?);
            let to = self.access.open_or_make(&self.to)?;
            let copied = copy(&*from, &*to, &keys, seal).await;
            copied.with_context(|| format!("cannot copy {} to {}", self.from, self.to))
        })?;
        let report = Report {
            from: self.from.to_string(),
            to: self.to.to_string(),
            revision: copied.revision.0,
            sealed: self.seal,
            damaged: copied.damaged,
            filled: Put::from(copied.filled),
        };
        console.show(&report)?;
        Ok(if report.damaged.is_empty() { report.filled.exit() } else { Exit::No })
    }
}

#[derive(Serialize)]
struct Report {
    from: String,
    to: String,
    /// Of the first store, that was read.
    revision: u64,
    sealed: bool,
    /// Rows that the first store has and cannot read.
    damaged: Vec<String>,
    #[serde(flatten)]
    filled: Put,
}

impl Answer for Report {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        self.filled.write_text(&self.to, out)?;
        if self.sealed {
            writeln!(out, "{} is sealed: nothing is ever decided there again", self.from)?;
        }
        if !self.damaged.is_empty() {
            let (count, from) = (self.damaged.len(), &self.from);
            write!(
                out,
                "{count} rows of {from} cannot be read and were not copied:\n{}",
                listed(&self.damaged)
            )?;
        }
        Ok(())
    }
}
