//! `shardway store adopt`.

use std::{
    collections::BTreeSet,
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
};
use crate::{
    clock::{BootClock, unix_millis},
    election::ElectionConfig,
    engine::{Kind, NamespaceConfig},
    journal::{Head, Mode, OpenAs, Record as _, State},
    lease::MAX_LEASE,
    replica::ReplicaConfig,
    server::{Host, HostConfig, Rings},
    store::{Key, Keys, Range, Record, Store},
    types::{Namespace, Version, duration},
};

/// How long one store's namespaces may take together.
const WITHIN: Duration = Duration::from_mins(2);
/// How often to look how far it has come.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Rows that are read at once.
const PAGE_ROWS: usize = 1000;

/// Let a store that was restored, copied or set back grant shards again.
///
/// Its namespaces go on under an incarnation above everything that was ever stored or seen. All sessions are void, and for
/// a whole lease, after a leader's, nothing is granted: others may still hold what this store knows nothing of. Stop the
/// distributors first; start them when it is done.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  shardway store adopt data
  shardway store adopt data --longest-lease 1m
  shardway store adopt etcd://10.0.0.1:2379,10.0.0.2:2379 --namespace orders --output json")]
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
    /// The leader lease of the distributors that were there before, if their settings set one.
    #[arg(long, value_name = "DURATION", value_parser = lease, default_value = "5s")]
    leader_lease: Duration,
    #[command(flatten)]
    access: Access,
}

#[derive(Debug, Serialize)]
struct Adopted {
    namespace: String,
    from: String,
    to: String,
    /// Nothing is granted for so long.
    wait_ms: u64,
}

#[derive(Debug, Serialize)]
struct Report {
    store: String,
    adopted: Vec<Adopted>,
}

impl Answer for Report {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        for Adopted { namespace, from, to, wait_ms } in &self.adopted {
            writeln!(
                out,
                "{namespace}: adopted at {from}, goes on from {to}, grants nothing for {wait_ms} ms"
            )?;
        }
        Ok(())
    }
}

impl Adopt {
    pub(super) fn run(self, console: &mut Console<'_>) -> anyhow::Result<Exit> {
        let adopted = block_on(async {
            let (store, keys) = (self.access.open(&self.store)?, self.access.keys()?);
            let store: Arc<dyn Store> = store.into();
            let stored =
                namespaces(&*store, &keys).await.with_context(|| format!("cannot read {}", self.store))?;
            if let Some(missing) = self.namespace.iter().find(|name| !stored.contains(*name)) {
                bail!("{} has no namespace \"{missing}\"", self.store);
            }
            let is_meant = |name: &Namespace| self.namespace.is_empty() || self.namespace.contains(name);
            let meant: Vec<Namespace> = stored.into_iter().filter(is_meant).collect();
            let work = adopt(store, keys, meant, (self.longest_lease, self.leader_lease));
            let late =
                || format!("not done within {WITHIN:?}: are all distributors of {} stopped?", self.store);
            tokio::time::timeout(WITHIN, work).await.with_context(late)?
        })?;
        console.show(&Report { store: self.store.to_string(), adopted })?;
        Ok(Exit::Ok)
    }
}

/// The namespaces of a store.
async fn namespaces(store: &dyn Store, keys: &Keys) -> anyhow::Result<BTreeSet<Namespace>> {
    let mut found = BTreeSet::new();
    let mut range = Some(Range::prefix(&keys.all(), store.limits().rows.min(PAGE_ROWS)));
    while let Some(next) = range {
        let page = store.range(next.clone()).await?;
        for row in &page.rows {
            // One that was deleted is left as it is; one that cannot be read is somebody's to look at.
            let is_deleted =
                || Head::from_row(&row.key, &row.value).is_ok_and(|head| head.state == State::Deleted);
            if let Some(Key::Of(namespace, Record::Head)) = keys.parse(&row.key)
                && !is_deleted()
            {
                found.insert(namespace);
            }
        }
        range = next.behind(&page);
    }
    Ok(found)
}

/// Leads each namespace for a moment, and opens it as its operator says.
async fn adopt(
    store: Arc<dyn Store>,
    keys: Keys,
    namespaces: Vec<Namespace>,
    leases: (Duration, Duration),
) -> anyhow::Result<Vec<Adopted>> {
    let session = rand::random();
    // What is stored says how they are run.
    let founding = Arc::new(NamespaceConfig::new(Kind::Ephemeral));
    let config = HostConfig {
        name: format!("adopt-{session}"),
        address: "nowhere".into(),
        keys,
        election: ElectionConfig::default(),
        replica: ReplicaConfig::default(),
        session,
        namespaces: namespaces.iter().map(|name| (name.clone(), founding.clone())).collect(),
        rings: Rings::default(),
    };
    let host = Host::start_alone(store, Arc::new(BootClock::new()), config)?;
    let mut adopted = Vec::new();
    for namespace in namespaces {
        adopted.push(adopt_one(&host, namespace, leases).await?);
    }
    host.leave(WITHIN).await;
    Ok(adopted)
}

async fn adopt_one(
    host: &Host,
    namespace: Namespace,
    (longest_lease, leader_lease): (Duration, Duration),
) -> anyhow::Result<Adopted> {
    let room = host.rooms().get(&namespace).context("a namespace that was just read")?;
    let (from, wait) = loop {
        let is_here = host.desk().leader(&namespace).await?.is_some_and(|leader| leader.is_here);
        let known = room.read(|state| {
            let state = state?;
            Some((state.version(), state.adoption_wait(longest_lease, leader_lease)))
        });
        match known {
            Some(known) if is_here => break known,
            _ => tokio::time::sleep(LOOK_EVERY).await,
        }
    };
    host.desk()
        .open(&namespace, OpenAs { mode: Mode::Adopt { wait }, seen: None, unix_millis: unix_millis() })?;
    let mut versions = room.versions();
    let is_new =
        |version: &Option<Version>| version.is_some_and(|version| version.incarnation > from.incarnation);
    let to = versions.wait_for(is_new).await?.context("it has a version")?;
    Ok(Adopted {
        namespace: namespace.to_string(),
        from: from.to_string(),
        to: to.to_string(),
        wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
    })
}

fn lease(text: &str) -> Result<Duration, String> {
    duration::parse(text).filter(|lease| *lease <= MAX_LEASE).ok_or_else(|| {
        format!("is not a time of up to {} h, as 500ms, 10s, 1m30s", MAX_LEASE.as_secs() / 3600)
    })
}

fn namespace(text: &str) -> Result<Namespace, String> {
    Namespace::new(text).map_err(|error| error.to_string())
}
