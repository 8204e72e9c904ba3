//! `shardway store reset`.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;

use super::{
    super::{
        console::{Answer, Console},
        exit::Exit,
        place::{Access, Place},
    },
    block_on,
    lead::{Lead, Left, Purpose, heads, lease, namespace},
    open,
    others::refuse_others,
};
use crate::{
    backup::run,
    engine::{CatalogueEntry, Change, NamespaceConfig, State},
    journal::{Load, Mode, Record, Rows},
    lease::MAX_LEASE,
    store::{Compare, Keys, Store, Transaction, Write as Put},
    types::Namespace,
};

/// Begin a namespace anew, without its history.
///
/// For one whose history cannot be read or continued. Lost are all of its sessions, owners, pins, drains and its policy;
/// kept is how it is run: as its history says, or else as it was founded. What begins is above all that was ever granted,
/// and grants nothing as long as anybody may hold what was: for a whole lease, after a leader's. Stop the distributors
/// first; start them when it is done. Exits with 1 when some could not be reset: they are named, with the reason.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shardway store reset data --namespace orders --yes
  shardway store reset etcd://10.0.0.1:2379,10.0.0.2:2379 --namespace orders --longest-lease 1m --yes")]
pub(super) struct Reset {
    /// The store.
    #[arg(value_name = "STORE")]
    store: Place,
    /// The namespace; may be repeated.
    #[arg(long, value_name = "NAMESPACE", value_parser = namespace, required = true)]
    namespace: Vec<Namespace>,
    /// The longest lease that its executors had. [default: what its history says, and the longest that there is, 1h, where
    /// that cannot be read]
    #[arg(long, value_name = "DURATION", value_parser = lease)]
    longest_lease: Option<Duration>,
    /// The leader lease of the distributors that were there before, if the store does not know it. [default: the longest that
    /// it knows of, and never less than 5s]
    #[arg(long, value_name = "DURATION", value_parser = lease, default_value = "5s", hide_default_value = true)]
    leader_lease: Duration,
    /// Do it: what was there is lost.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    access: Access,
}

#[derive(Debug, Serialize)]
struct Begun {
    namespace: String,
    at: String,
    /// Nothing is granted for so long.
    wait_ms: u64,
}

#[derive(Debug, Default, Serialize)]
struct Report {
    store: String,
    reset: Vec<Begun>,
    /// Those that were left as they are.
    not_reset: Vec<Left>,
}

impl Answer for Report {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        for Begun { namespace, at, wait_ms } in &self.reset {
            writeln!(out, "{namespace}: begins anew at {at}, grants nothing for {wait_ms} ms")?;
        }
        self.not_reset.iter().try_for_each(|left| left.write_text("reset", out))
    }
}

impl Reset {
    pub(super) fn run(self, console: &mut Console<'_>) -> anyhow::Result<Exit> {
        if !self.yes {
            bail!(
                "this loses all sessions, owners, pins, drains and the policy of what it resets, and nothing brings them \
                 back but a backup: say --yes if that is meant"
            );
        }
        let report = block_on(self.reset())?;
        console.show(&report)?;
        Ok(if report.not_reset.is_empty() { Exit::Ok } else { Exit::No })
    }

    async fn reset(&self) -> anyhow::Result<Report> {
        let (store, keys) = open(&self.access, &self.store).await?;
        let stored = heads(&*store, &keys).await.with_context(|| format!("cannot read {}", self.store))?;
        let mut known = BTreeMap::new();
        for namespace in &self.namespace {
            if !stored.contains_key(namespace) {
                bail!("{} has no namespace \"{namespace}\"", self.store);
            }
            known.insert(namespace.clone(), Known::read(&*store, &keys, namespace).await?);
        }
        let mut report = Report { store: self.store.to_string(), ..Report::default() };
        let founded = known.iter().map(|(name, known)| (name.clone(), known.config.clone())).collect();
        let instead = "have them delete it and create it again, by DeleteNamespace and CreateNamespace of the Admin service";
        let leases = refuse_others((&*store, &keys), &self.store, self.leader_lease, instead).await?;
        let lead = Lead::start(store.clone(), keys.clone(), leases, founded).await?;
        let left = lead.settle(known.keys().cloned(), Purpose::Reset).await?;
        for (namespace, known) in &known {
            if left.iter().any(|left| left.namespace == namespace.as_str()) {
                continue;
            }
            let wait = known.wait(self.longest_lease, lead.longest_leader_lease(namespace).await?);
            match lead.open(namespace, Mode::Reset { wait }).await? {
                Ok(at) => {
                    known.enter(&*store, &keys, namespace).await?;
                    report.reset.push(Begun {
                        namespace: namespace.to_string(),
                        at: at.to_string(),
                        wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                    });
                }
                Err(left) => report.not_reset.push(left),
            }
        }
        report.not_reset.extend(left);
        lead.end().await;
        Ok(report)
    }
}

/// What is known of a namespace that is to begin anew.
struct Known {
    config: Arc<NamespaceConfig>,
    /// The longest lease that its history knows of, if all of that can be read.
    longest_lease: Option<Duration>,
    /// Its row in the catalogue is there, and cannot be read: what has to be so still when it is written over.
    mend: Option<Transaction>,
}

impl Known {
    async fn read(store: &dyn Store, keys: &Keys, namespace: &Namespace) -> anyhow::Result<Self> {
        let key = keys.catalogue(namespace);
        let is_damaged = store.damaged().contains(&key);
        let row = if is_damaged { None } else { store.get(&key).await? };
        let entry = row.as_ref().map(|row| CatalogueEntry::from_row(&row.key, &row.value));
        let mend = match (&row, &entry) {
            (Some(row), Some(Err(_))) => {
                Some(Transaction::default().when(Compare::Changed(key.clone(), row.changed)))
            }
            // Nothing can be compared with what cannot be read at all. Only a store that one process has for itself says so.
            _ => is_damaged.then(Transaction::default),
        };
        let founding = entry.and_then(Result::ok).map(|entry| entry.founding);

        let mut load = Load::new(Rows::new(keys, namespace), store.limits());
        let loaded = run(store, &mut load).await?.ok();
        let (mut is_whole, mut changes) = (false, Vec::new());
        if let Some(loaded) = &loaded {
            let items: Vec<_> =
                loaded.snapshot.iter().chain(loaded.deltas.iter().flat_map(|delta| &delta.items)).collect();
            changes = items.iter().filter_map(|item| Change::decode(item).ok()).collect();
            is_whole = loaded.damage.is_empty() && changes.len() == items.len();
        }
        let is_config = |change: &&Change| matches!(change, Change::Config(_));
        let config = changes.iter().rev().find(is_config).map(|change| match change {
            Change::Config(config) => config.clone(),
            _ => unreachable!("only configurations were looked for"),
        });
        let Some(config) = config.or(founding) else {
            bail!(
                "neither the history of namespace \"{namespace}\" nor its row in the catalogue says how it was run: put \
                 one of the rows {} and {key} back from a backup",
                keys.head(namespace)
            );
        };
        let version = loaded.map_or_else(Default::default, |loaded| loaded.head.link.version);
        let longest_lease = is_whole.then(|| State::from_changes(version, &config, &changes).longest_lease());
        Ok(Self { config, longest_lease, mend })
    }

    /// For how long others may hold what was granted before.
    fn wait(&self, longest_lease: Option<Duration>, leader_lease: Duration) -> Duration {
        let longest = longest_lease.max(self.longest_lease).unwrap_or(MAX_LEASE);
        self.config.rates.listening(longest) + self.config.rates.listening(leader_lease)
    }

    /// In the catalogue again, if its row there could not be read. Refused, somebody else has written it since.
    async fn enter(&self, store: &dyn Store, keys: &Keys, namespace: &Namespace) -> anyhow::Result<()> {
        if let Some(mend) = self.mend.clone() {
            let key = keys.catalogue(namespace);
            let entry = CatalogueEntry::new(self.config.clone(), Default::default()).to_row(&key);
            store.transact(mend.write(Put::Put(key, entry))).await?;
        }
        Ok(())
    }
}
