//! `shardway store restore`.

use std::{
    fs::File,
    io::{self, Write},
    path::PathBuf,
};

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::{
    super::{
        console::{Answer, Console},
        exit::Exit,
        place::{EtcdAccess, Place},
    },
    block_on, listed,
};
use crate::backup::{Filled, restore};

/// Put a backup into an empty store.
///
/// The file is read through first, so that one that is damaged puts nothing in. If it ends in the middle, run it again: it
/// begins from the start. Start distributors once it is done. What is restored grants nothing until it is adopted.
/// Exits with 1 when the heads of some namespaces cannot be read; all others are as they should be.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shardway store restore monday.backup data
  shardway store restore monday.backup etcd://10.0.0.1:2379 --etcd-ca ca.pem --output json")]
pub(super) struct Restore {
    /// The backup.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The store; a folder is made if it is not there.
    #[arg(value_name = "STORE")]
    to: Place,
    #[command(flatten)]
    etcd: EtcdAccess,
}

impl Restore {
    pub(super) fn run(self, console: &mut Console<'_>) -> anyhow::Result<Exit> {
        let name = self.file.display().to_string();
        let file = File::open(&self.file).with_context(|| format!("cannot open backup {name}"))?;
        let restored = block_on(async {
            let store = self.etcd.open(&self.to, true)?;
            restore(file, &*store).await.with_context(|| format!("cannot restore {name} to {}", self.to))
        })?;
        let report = Report {
            store: self.to.to_string(),
            of: restored.header.identity,
            made_unix_ms: restored.header.unix_millis,
            filled: Put::from(restored.filled),
        };
        console.show(&report)?;
        Ok(report.filled.exit())
    }
}

#[derive(Serialize)]
struct Report {
    store: String,
    /// The identity of the store that the backup is of.
    of: String,
    /// When the backup was begun, by the clock of whoever made it.
    made_unix_ms: u64,
    #[serde(flatten)]
    filled: Put,
}

/// What was put into a store.
#[derive(Serialize)]
pub(super) struct Put {
    rows: u64,
    bytes: u64,
    /// How many have to be adopted.
    namespaces: u64,
    /// Heads that cannot be read.
    unreadable: Vec<String>,
}

impl From<Filled> for Put {
    fn from(Filled { rows, bytes, namespaces, unreadable }: Filled) -> Self {
        Self { rows, bytes, namespaces, unreadable }
    }
}

impl Put {
    pub(super) fn exit(&self) -> Exit {
        if self.unreadable.is_empty() { Exit::Ok } else { Exit::No }
    }

    pub(super) fn write_text(&self, store: &str, out: &mut dyn Write) -> io::Result<()> {
        let Self { rows, bytes, namespaces, unreadable } = self;
        writeln!(out, "{store} holds {rows} rows, {bytes} bytes, and {namespaces} namespaces to adopt")?;
        if !unreadable.is_empty() {
            write!(out, "{} heads cannot be read:\n{}", unreadable.len(), listed(unreadable))?;
        }
        Ok(())
    }
}

impl Answer for Report {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        self.filled.write_text(&self.store, out)
    }
}
