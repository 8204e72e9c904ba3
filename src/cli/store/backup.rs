//! `shardway store backup`.

use std::{
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
        place::{Access, Place},
    },
    block_on, listed,
};
use crate::backup::{Saved, save_to};

/// Write all that a store holds to a file.
///
/// The file is of one moment, whatever is written meanwhile. It appears when it is whole, and is never written over.
/// Exits with 1 when the store has rows that it cannot read: those are named, and all others are in the file.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shardway store backup data monday.backup
  shardway store backup embedded:///var/lib/shardway monday.backup --output json
  shardway store backup etcd://10.0.0.1:2379,10.0.0.2:2379 monday.backup --etcd-ca ca.pem")]
pub(super) struct Backup {
    /// The store.
    #[arg(value_name = "STORE")]
    from: Place,
    /// The file, which must not be there yet.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    access: Access,
}

impl Backup {
    pub(super) fn run(self, console: &mut Console<'_>) -> anyhow::Result<Exit> {
        let saved = block_on(async {
            let (store, keys) = (self.access.open(&self.from)?, self.access.keys()?);
            let saved = save_to(&*store, &keys, &self.file).await;
            saved.with_context(|| format!("cannot back {} up", self.from))
        })?;
        let exit = if saved.damaged.is_empty() { Exit::Ok } else { Exit::No };
        console.show(&Report::new(self.file.display().to_string(), saved))?;
        Ok(exit)
    }
}

#[derive(Serialize)]
struct Report {
    file: String,
    /// Of the store: who it is, what kind it is of, and the revision that was read.
    identity: String,
    kind: String,
    root: String,
    revision: u64,
    rows: u64,
    bytes: u64,
    /// Rows that the store has and cannot read.
    damaged: Vec<String>,
}

impl Report {
    fn new(file: String, Saved { header, rows, bytes, damaged }: Saved) -> Self {
        let (identity, kind, root) = (header.identity, header.kind, header.root);
        Self { file, identity, kind, root, revision: header.revision.0, rows, bytes, damaged }
    }
}

impl Answer for Report {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { file, identity, kind, revision, rows, bytes, damaged, .. } = self;
        writeln!(
            out,
            "{file} holds {rows} rows, {bytes} bytes, of revision {revision} of {kind} store {identity}"
        )?;
        if !damaged.is_empty() {
            write!(out, "{} rows cannot be read and are not in it:\n{}", damaged.len(), listed(damaged))?;
        }
        Ok(())
    }
}
