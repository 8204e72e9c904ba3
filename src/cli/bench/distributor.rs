//! `shardway bench distributor`: what a distributor does for executors and routers.

use std::{io, path::PathBuf, sync::Arc};

use anyhow::Context;
use clap::Args;

use super::{clear_progress, show_progress};
use crate::{
    bench::distributor::{self, Surroundings},
    cli::{
        console::Console,
        exit::Exit,
        place::{Access, Place},
    },
    clock::BootClock,
};

/// Measure a distributor: joins, drains, crashes, and what changes cost those who watch.
///
/// A replica is started in this process, and executors and watchers speak to it over real sockets. Without a store it
/// has a folder of its own, which is removed afterwards. An etcd should have nothing else to do; what is below the root is
/// left there.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shardway bench distributor
  shardway bench distributor --shards 100000 --output json
  shardway bench distributor --store etcd://127.0.0.1:2379 --root bench-1 --check")]
pub(super) struct Distributor {
    /// A folder that is not there yet, or etcd://host:port[,host:port]. [default: a folder for temporary files]
    #[arg(long, value_name = "STORE")]
    store: Option<Place>,
    /// Shards of the largest namespace that is watched.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1000..=1_000_000))]
    shards: u32,
    /// Exit with 1 when a goal is missed.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    access: Access,
}

impl Distributor {
    pub(super) fn run(self, console: &mut Console<'_>) -> anyhow::Result<Exit> {
        let scratch = Scratch::new();
        let place = self.store.clone().unwrap_or_else(|| Place::Folder(scratch.0.clone(), None));
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let report = runtime.context("no runtime to work with")?.block_on(async {
            let store = self.access.open_or_make(&place).with_context(|| format!("cannot open {place}"))?;
            let surroundings = Surroundings {
                store: store.into(),
                keys: self.access.keys()?,
                clock: Arc::new(BootClock::new()),
                most_watched: self.shards,
            };
            let report = distributor::run(surroundings, &mut show_progress).await;
            report.map_err(anyhow::Error::from_boxed)
        })?;
        clear_progress();
        console.show(&report)?;
        Ok(if self.check && !report.is_met() { Exit::No } else { Exit::Ok })
    }
}

/// A folder that is removed when it is not needed any more.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("shardway-bench-{:016x}", rand::random::<u64>())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        match std::fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, folder = %self.0.display(), "cannot be removed");
            }
            _ => {}
        }
    }
}
