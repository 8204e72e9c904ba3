//! `shardway store verify`.

use std::{
    fs::File,
    io::{self, BufReader, Write},
};

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::{
    super::{
        console::{Answer, Console, printable, table},
        exit::Exit,
        place::{Access, Place},
    },
    block_on, listed,
};
use crate::{
    backup::{FileReport, NamespaceReport, StoreReport, check_file, check_store},
    journal::State,
};

/// Read a backup or a store from end to end, and tell what is wrong with it.
///
/// Of a backup, every byte is checked. Of a store, each namespace's history is put together as its leader would, too.
/// Changes nothing. Exits with 1 when something cannot be read, and with 3 when nothing of it can be used.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shardway store verify monday.backup
  shardway store verify data --output json
  shardway store verify etcd://10.0.0.1:2379 --etcd-ca ca.pem")]
pub(super) struct Verify {
    /// The backup's file, or the store.
    #[arg(value_name = "FILE or STORE")]
    what: Place,
    #[command(flatten)]
    access: Access,
}

impl Verify {
    pub(super) fn run(self, console: &mut Console<'_>) -> anyhow::Result<Exit> {
        let name = self.what.to_string();
        let report = match &self.what {
            Place::Folder(path, _) if path.is_file() => {
                let file = File::open(path).with_context(|| format!("cannot open backup {name}"))?;
                let report =
                    check_file(BufReader::new(file)).with_context(|| format!("cannot read {name}"))?;
                Report::of_file(name, report)
            }
            place => {
                let report = block_on(async {
                    let (store, keys) = (self.access.open(place)?, self.access.keys()?);
                    check_store(&*store, &keys).await.with_context(|| format!("cannot read {name}"))
                })?;
                Report::of_store(name, report)
            }
        };
        console.show(&report)?;
        Ok(if report.sound { Exit::Ok } else { Exit::No })
    }
}

#[derive(Serialize)]
struct Report {
    name: String,
    /// Whether it is a backup, and not a store.
    is_backup: bool,
    sound: bool,
    /// Of the store, or of the one that the backup is of.
    identity: String,
    /// When the backup was begun.
    made_unix_ms: Option<u64>,
    rows: u64,
    bytes: u64,
    /// A restore or a copy into it was not finished.
    unfinished: bool,
    /// The identity of the store that it was moved to.
    moved_to: Option<String>,
    /// Rows that the store has and cannot read.
    damaged: Vec<String>,
    problems: Vec<String>,
    namespaces: Vec<Told>,
}

#[derive(Serialize)]
struct Told {
    namespace: String,
    version: Option<String>,
    state: &'static str,
    /// Why it has to be adopted before anything is granted.
    adopt: Option<String>,
    problems: Vec<String>,
}

impl Report {
    fn of_file(name: String, report: FileReport) -> Self {
        Self {
            name,
            is_backup: true,
            sound: report.is_sound(),
            identity: report.header.identity,
            made_unix_ms: Some(report.header.unix_millis),
            rows: report.rows,
            bytes: report.bytes,
            unfinished: false,
            moved_to: None,
            damaged: report.damaged,
            problems: report.problems,
            namespaces: report.namespaces.into_iter().map(Told::from).collect(),
        }
    }

    fn of_store(name: String, report: StoreReport) -> Self {
        Self {
            name,
            is_backup: false,
            sound: report.is_sound(),
            identity: report.identity.0,
            made_unix_ms: None,
            rows: report.rows,
            bytes: report.bytes,
            unfinished: report.is_unfinished,
            moved_to: report.moved_to,
            damaged: report.damaged,
            problems: report.problems,
            namespaces: report.namespaces.into_iter().map(Told::from).collect(),
        }
    }
}

impl From<NamespaceReport> for Told {
    fn from(report: NamespaceReport) -> Self {
        Self {
            namespace: report.namespace.to_string(),
            version: report.version.map(|version| version.to_string()),
            state: match report.state {
                State::Live => "live",
                State::Sealed => "sealed",
                State::Deleted => "deleted",
            },
            adopt: report.adopt.map(|mismatch| mismatch.to_string()),
            problems: report.problems,
        }
    }
}

impl Answer for Report {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { name, rows, bytes, identity, .. } = self;
        let (verdict, of) = (
            if self.sound { "sound" } else { "not sound" },
            if self.is_backup { "of store" } else { "store" },
        );
        writeln!(out, "{name} is {verdict}: {rows} rows, {bytes} bytes, {of} {identity}")?;
        if self.unfinished {
            writeln!(out, "a restore into it was not finished: run it again")?;
        }
        if let Some(to) = &self.moved_to {
            writeln!(out, "it was moved to store {to}")?;
        }
        if !self.damaged.is_empty() {
            write!(out, "{} rows cannot be read:\n{}", self.damaged.len(), listed(&self.damaged))?;
        }
        if !self.problems.is_empty() {
            write!(out, "{} problems:\n{}", self.problems.len(), listed(&self.problems))?;
        }
        if self.namespaces.is_empty() {
            return Ok(());
        }
        let mut table = table(vec!["namespace", "version", "state", "adopt", "problems"]);
        for Told { namespace, version, state, adopt, problems } in &self.namespaces {
            table.add_row(vec![
                namespace.clone(),
                version.clone().unwrap_or_else(|| "unknown".to_owned()),
                (*state).to_owned(),
                if adopt.is_some() { "yes" } else { "no" }.to_owned(),
                printable(&problems.join("; ")),
            ]);
        }
        writeln!(out, "{}", table.trim_fmt())
    }
}
