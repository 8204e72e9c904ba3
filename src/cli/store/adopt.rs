//! `shardway store adopt`.

use std::{
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
    backup::check_namespace,
    engine::{Kind, NamespaceConfig},
    journal::{self, LogError, Mode},
    store::{Keys, Store},
    types::Namespace,
};

/// Let a store that was restored, copied or set back grant shards again.
///
/// Those of its namespaces that need it go on under an incarnation above everything that was ever stored or seen. All of
/// their sessions are void, and for a whole lease, after a leader's, nothing is granted: others may still hold what this store
/// knows nothing of. Those that need no adoption are left as they are. Stop the distributors first; start them when it is
/// done. Exits with 1 when some namespaces could not be adopted: they are named, with the reason and what to do, and all
/// others are.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shardway store adopt data --yes
  shardway store adopt data --longest-lease 1m --yes
  shardway store adopt etcd://10.0.0.1:2379,10.0.0.2:2379 --namespace orders --yes --output json")]
pub(super) struct Adopt {
    /// The store.
    #[arg(value_name = "STORE")]
    store: Place,
    /// Only this namespace; may be repeated. [default: all that the store has]
    #[arg(long, value_name = "NAMESPACE", value_parser = namespace)]
    namespace: Vec<Namespace>,
    /// The longest lease of an executor since the backup was made. Needed if it was raised since: what was granted then
    /// is held for longer than this store knows. [default: the longest that the store knows of]
    #[arg(long, value_name = "DURATION", value_parser = lease, default_value = "0s", hide_default_value = true)]
    longest_lease: Duration,
    /// The leader lease of the distributors that were there before, if it was raised since the backup was made. [default: the
    /// longest that the store knows of, and never less than 5s]
    #[arg(long, value_name = "DURATION", value_parser = lease, default_value = "5s", hide_default_value = true)]
    leader_lease: Duration,
    /// Adopt also what needs no adoption, as far as this store can tell.
    #[arg(long)]
    force: bool,
    /// Do it: all sessions of what is adopted are lost.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    access: Access,
}

/// Namespaces that are named before they are adopted, at most.
const MAX_NAMED: usize = 20;

#[derive(Debug, Serialize)]
struct Adopted {
    namespace: String,
    from: String,
    to: String,
    /// Nothing is granted for so long.
    wait_ms: u64,
}

#[derive(Debug, Default, Serialize)]
struct Report {
    store: String,
    adopted: Vec<Adopted>,
    /// Those that go on as they are.
    need_no_adoption: Vec<String>,
    /// Those that were left as they are.
    not_adopted: Vec<Left>,
}

impl Answer for Report {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        for Adopted { namespace, from, to, wait_ms } in &self.adopted {
            writeln!(
                out,
                "{namespace}: adopted at {from}, goes on from {to}, grants nothing for {wait_ms} ms"
            )?;
        }
        for namespace in &self.need_no_adoption {
            writeln!(out, "{namespace}: needs no adoption")?;
        }
        self.not_adopted.iter().try_for_each(|left| left.write_text("adopted", out))
    }
}

impl Adopt {
    pub(super) fn run(self, console: &mut Console<'_>) -> anyhow::Result<Exit> {
        let report = block_on(self.adopt())?;
        console.show(&report)?;
        Ok(if report.not_adopted.is_empty() { Exit::Ok } else { Exit::No })
    }

    async fn adopt(&self) -> anyhow::Result<Report> {
        let (store, keys) = open(&self.access, &self.store).await?;
        let stored = heads(&*store, &keys).await.with_context(|| format!("cannot read {}", self.store))?;
        if let Some(missing) = self.namespace.iter().find(|name| !stored.contains_key(*name)) {
            bail!("{} has no namespace \"{missing}\"", self.store);
        }
        let mut report = Report { store: self.store.to_string(), ..Report::default() };
        let mut meant = Vec::new();
        for (namespace, head) in stored {
            if !self.namespace.is_empty() && !self.namespace.contains(&namespace) {
                continue;
            }
            match head {
                Err(row) => report.not_adopted.push(Left::unreadable(&namespace, &row)),
                Ok(head) if head.state == journal::State::Sealed => {
                    report.not_adopted.push(Left::troubled(&namespace, &LogError::Sealed));
                }
                Ok(_) if self.force || needs_adoption(&*store, &keys, &namespace).await? => {
                    meant.push(namespace);
                }
                Ok(_) => report.need_no_adoption.push(namespace.to_string()),
            }
        }
        if !meant.is_empty() {
            self.check_that_it_is_meant(&meant)?;
            let instead = "have them adopt it, by AdoptNamespace of the Admin service";
            let leases = refuse_others((&*store, &keys), &self.store, self.leader_lease, instead).await?;
            // What is stored says how they are run.
            let founding = Arc::new(NamespaceConfig::new(Kind::Ephemeral));
            let founded = meant.iter().map(|name| (name.clone(), founding.clone()));
            let lead = Lead::start(store, keys, leases, founded.collect()).await?;
            self.adopt_with(&lead, meant, &mut report).await?;
            lead.end().await;
        }
        Ok(report)
    }

    fn check_that_it_is_meant(&self, namespaces: &[Namespace]) -> anyhow::Result<()> {
        if self.yes {
            return Ok(());
        }
        let mut names: Vec<_> = namespaces.iter().take(MAX_NAMED).map(|name| format!("\"{name}\"")).collect();
        let more = namespaces.len() - names.len();
        names.extend((more > 0).then(|| format!("{more} more")));
        bail!("this voids all sessions of {}: say --yes if that is meant", names.join(", "));
    }

    async fn adopt_with(
        &self,
        lead: &Lead,
        namespaces: Vec<Namespace>,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let left = lead.settle(namespaces.iter().cloned(), Purpose::Adopt).await?;
        let is_left = |namespace: &Namespace| left.iter().any(|left| left.namespace == namespace.as_str());
        for namespace in namespaces.iter().filter(|namespace| !is_left(namespace)) {
            let leader_lease = lead.longest_leader_lease(namespace).await?;
            let known = |state: &crate::engine::State| {
                (state.version(), state.adoption_wait(self.longest_lease, leader_lease))
            };
            let (from, wait) = lead.read(namespace, known).context("it was read just now")?;
            match lead.open(namespace, Mode::Adopt { wait }).await? {
                Ok(to) => report.adopted.push(Adopted {
                    namespace: namespace.to_string(),
                    from: from.to_string(),
                    to: to.to_string(),
                    wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                }),
                Err(left) => report.not_adopted.push(left),
            }
        }
        report.not_adopted.extend(left);
        Ok(())
    }
}

/// Whether nothing is granted there before somebody has adopted it.
async fn needs_adoption(store: &dyn Store, keys: &Keys, namespace: &Namespace) -> anyhow::Result<bool> {
    Ok(check_namespace(store, keys, namespace).await?.is_some_and(|report| report.adopt.is_some()))
}
