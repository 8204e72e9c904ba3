//! `shardway store`: backups of the distributor's store, and moves from one store to another.

mod adopt;
mod backup;
mod copy;
mod lead;
mod others;
mod reset;
mod restore;
mod verify;

use std::{future::Future, sync::Arc};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use super::{
    console::Console,
    exit::Exit,
    place::{Access, Place},
};
use crate::{
    backup::closed,
    store::{Keys, Store},
};

/// Back up, restore, verify, mend or move what a distributor has stored.
///
/// A STORE is a folder, by its path or as `embedded:///folder` (with `?max_bytes=8GiB` if it may take more or less than 4 GiB), or
/// an etcd cluster, as `etcd://host:port[,host:port]`.
/// A folder can be open once, so a distributor that uses it has to be stopped first; an etcd is read while it runs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shardway store backup data monday.backup
  shardway store verify monday.backup
  shardway store restore monday.backup etcd://10.0.0.1:2379
  shardway store adopt etcd://10.0.0.1:2379 --yes
  shardway store copy data etcd://10.0.0.1:2379,10.0.0.2:2379 --seal")]
pub(super) struct StoreCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Adopt(adopt::Adopt),
    Backup(backup::Backup),
    Copy(copy::Copy),
    Reset(reset::Reset),
    Restore(restore::Restore),
    Verify(verify::Verify),
}

impl StoreCommand {
    pub(super) fn run(self, console: &mut Console<'_>) -> anyhow::Result<Exit> {
        match self.what {
            What::Adopt(command) => command.run(console),
            What::Backup(command) => command.run(console),
            What::Copy(command) => command.run(console),
            What::Reset(command) => command.run(console),
            What::Restore(command) => command.run(console),
            What::Verify(command) => command.run(console),
        }
    }
}

/// Opens a store whose namespaces are to be led for a moment.
async fn open(access: &Access, place: &Place) -> anyhow::Result<(Arc<dyn Store>, Keys)> {
    let (store, keys) = (access.open(place)?, access.keys()?);
    let is_closed = closed(&*store, &keys).await.with_context(|| format!("cannot read {place}"))?;
    if let Some(closed) = is_closed {
        bail!("{place} is not to be led: {closed}");
    }
    Ok((store.into(), keys))
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("no runtime to work with")?.block_on(work)
}

/// Keys, one a line and at most a hundred of them; people get the number of the others.
fn listed(keys: &[String]) -> String {
    const SHOWN: usize = 100;
    let mut text: String =
        keys.iter().take(SHOWN).map(|key| format!("  {}\n", super::console::printable(key))).collect();
    if keys.len() > SHOWN {
        text += &format!("  and {} more\n", keys.len() - SHOWN);
    }
    text
}
