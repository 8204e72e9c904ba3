//! The store in an etcd v3 cluster.
//!
//! A thin client of our own over gRPC: four services, six methods, the messages of `proto/etcd.proto`. It reads
//! linearizably. It repeats a call only when that cannot do it twice; what may or may not have happened is
//! [`StoreError::Unknown`]. It keeps to the endpoint that answers, and goes to the next one when it does not.
//!
//! What has to be known of etcd:
//!
//! - Its texts tell more than its codes (`fault`). *Unavailable* may mean that a write was proposed and will happen.
//! - A transaction that reads nothing linearizable is answered from one member's memory (`request`).
//! - *No space* may be said of a write that has happened: it was what filled the place (`refusal`).
//! - After a compaction at a revision, deletions at that very revision may be lost to watches that have not told them
//!   yet. So it is always compacted one revision earlier than asked, and nobody may watch from a compacted one.
//! - Before 3.4.25 and 3.5.8, what it answers when asked for a watch's progress may overtake events (`link`). What it
//!   says of its own accord does not.

mod client;
mod config;
mod fault;
mod link;
mod links;
mod refusal;
mod request;
mod told;
mod watch;
#[rustfmt::skip]
#[allow(missing_docs, unreachable_pub, clippy::use_self, clippy::derive_partial_eq_without_eq, reason = "generated")]
mod wire;

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{sync::Mutex, time::Instant};

pub use self::config::{EtcdConfig, EtcdConfigError, EtcdLogin, EtcdTls};
use self::{
    client::Client,
    fault::Fault,
    request::{Root, revision},
    watch::EtcdWatch,
};
use super::{
    Answer, Limits, Outcome, Page, Range, Revision, Row, Store, StoreError, StoreIdentity, Transaction,
    Usage, Watch, WatchError, transaction,
};

/// A store in an etcd v3 cluster, 3.4 or newer.
///
/// Connects when it is first asked something, and again when that is needed. Needs a tokio runtime with time and I/O
/// enabled. Its identity is the cluster's: endpoints that belong to another cluster than the first one that answered are
/// not spoken to.
///
/// Whoever runs the etcd should know:
///
/// - [`compact`](Store::compact) compacts the whole etcd, as its API has it. An etcd that is shared must be able to bear
///   that; if it compacts itself, watches and readers of the past that lag behind have to begin anew.
/// - Compaction makes room within etcd's file; only its `defrag` makes the file smaller. Once the quota was reached, etcd
///   takes no writes until the alarm `NOSPACE` is disarmed, and [`usage`](Store::usage) says that it is full.
/// - Before 3.4.25 and 3.5.8, etcd needs `--experimental-watch-progress-notify-interval=1s` to say how far a watch is to
///   whose keys nothing happens. What it answers when asked is not in order there, and not believed.
/// - With users, the one of this store needs read and write permission for everything below its keys' root.
pub struct EtcdStore {
    etcd: Arc<Etcd>,
}

/// What a store and its watches share.
struct Etcd {
    client: Client,
    root: Root,
    limits: Limits,
    quota: u64,
    progress_every: Duration,
    /// How long a watch may be silent while etcd goes on.
    silence: Duration,
    /// How a quiet watch last found out where etcd is, and when. Held by the one that does.
    asked: Mutex<Option<(Instant, Result<Revision, Fault>)>>,
}

impl EtcdStore {
    /// A store that is about to connect.
    pub fn new(config: EtcdConfig) -> Result<Self, EtcdConfigError> {
        let etcd = Etcd {
            root: Root::new(&config.root),
            limits: config.limits()?,
            quota: config.quota,
            progress_every: config.progress_every,
            silence: config.progress_every + config.call_timeout,
            client: Client::new(config)?,
            asked: Mutex::default(),
        };
        Ok(Self { etcd: Arc::new(etcd) })
    }
}

impl Store for EtcdStore {
    fn kind(&self) -> &'static str {
        "etcd"
    }

    fn limits(&self) -> Limits {
        self.etcd.limits
    }

    fn identity(&self) -> Answer<'_, StoreIdentity> {
        Box::pin(async {
            let status = self.etcd.client.read(wire::StatusRequest {}).await.map_err(Fault::of_read)?;
            let cluster = status.header.unwrap_or_default().cluster_id;
            self.etcd.client.links.check_cluster(cluster).map_err(Fault::of_read)?;
            // Stores below different roots of one cluster are different ones.
            let root = self.etcd.root.as_str();
            let separator = if root.is_empty() { "" } else { "/" };
            Ok(StoreIdentity(format!("etcd-{cluster:016x}{separator}{root}")))
        })
    }

    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Row>> {
        Box::pin(self.etcd.get(key))
    }

    fn range(&self, range: Range) -> Answer<'_, Page> {
        Box::pin(self.etcd.range(range))
    }

    fn transact(&self, transaction: Transaction) -> Answer<'_, Outcome> {
        Box::pin(self.etcd.transact(transaction))
    }

    fn watch(&self, prefix: &str, from: Revision) -> Answer<'_, Box<dyn Watch>, WatchError> {
        let (etcd, prefix) = (self.etcd.clone(), prefix.to_owned());
        Box::pin(async move {
            let watch = EtcdWatch::open(etcd, &prefix, from).await?;
            Ok(Box::new(watch) as Box<dyn Watch>)
        })
    }

    fn compact(&self, before: Revision) -> Answer<'_, ()> {
        Box::pin(self.etcd.compact(before))
    }

    fn usage(&self) -> Answer<'_, Usage> {
        Box::pin(self.etcd.usage())
    }
}

impl fmt::Debug for EtcdStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdStore").field("root", &self.etcd.root).finish_non_exhaustive()
    }
}

impl Etcd {
    async fn get(&self, key: &str) -> Result<Option<Row>, StoreError> {
        transaction::check_key(key)?;
        let seen = self.client.seen();
        let answer = self.client.read(self.root.get(key)).await.map_err(Fault::of_read)?;
        self.client.check(answer.header.unwrap_or_default(), seen).map_err(Fault::of_read)?;
        Ok(answer.kvs.into_iter().find_map(|row| self.root.row(row)))
    }

    async fn range(&self, mut range: Range) -> Result<Page, StoreError> {
        transaction::check_bounds(&range.from, range.until.as_deref())?;
        if range.until.as_ref().is_some_and(|until| *until < range.from) {
            // etcd would take an empty end for none.
            range.until = Some(range.from.clone());
        }
        let most = range.rows.min(self.limits.rows);
        let mut request = self.root.range(&range, most);
        loop {
            let seen = self.client.seen();
            let answer = match self.client.read(request.clone()).await {
                Ok(answer) => answer,
                // The rows are larger than most are. A smaller page tells where it ends, like any other.
                Err(Fault::LargeAnswer) if request.limit > 1 => {
                    request.limit = (request.limit / 4).max(1);
                    continue;
                }
                Err(fault) => return Err(self.why_not_read(fault, request).await),
            };
            let now = self.client.check(answer.header.unwrap_or_default(), seen).map_err(Fault::of_read)?;
            let at = range.at.unwrap_or(now);
            let last = answer.kvs.last().map(|row| row.key.clone());
            let mut page = self.root.page(answer, at);
            match last {
                // All of them are somebody else's, and there are more: a page must not end before it has begun.
                Some(last) if page.rows.is_empty() && page.more => {
                    request.key = [&last[..], &[0]].concat().into();
                    request.revision = request::number(at);
                }
                _ => {
                    page.more |= page.rows.len() > most;
                    page.rows.truncate(most);
                    return Ok(page);
                }
            }
        }
    }

    async fn transact(&self, transaction: Transaction) -> Result<Outcome, StoreError> {
        transaction.check(self.limits)?;
        let request = self.root.transaction(&transaction);
        let seen = self.client.seen();
        let answer = if transaction.writes.is_empty() {
            self.client.read(request).await.map_err(Fault::of_read)?
        } else {
            match self.client.write(request).await {
                Ok(answer) => answer,
                Err(fault) => return Err(self.why_not_written(fault, &transaction, seen).await),
            }
        };
        let at = self.client.check(answer.header.unwrap_or_default(), seen).map_err(Fault::of_write)?;
        Ok(if answer.succeeded { Outcome::Committed(at) } else { Outcome::Refused })
    }

    async fn compact(&self, before: Revision) -> Result<(), StoreError> {
        // One earlier than asked, so that what was deleted at `before` can still be told.
        let mut at = Revision(before.0.saturating_sub(1));
        loop {
            if at.0 == 0 {
                return Ok(());
            }
            let fault =
                match self.client.read(wire::CompactionRequest { revision: request::number(at) }).await {
                    // Somebody else may have done it, even we ourselves.
                    Ok(_) | Err(Fault::Compacted) => return Ok(()),
                    Err(fault) => fault,
                };
            let Fault::Future = fault else { return Err(fault.of_read()) };
            // Of what is still to come, what there is. A member that lags behind tells less, which is as good.
            let status = self.client.read(wire::StatusRequest {}).await.map_err(Fault::of_read)?;
            at = at.min(revision(status.header.unwrap_or_default().revision));
        }
    }

    async fn usage(&self) -> Result<Usage, StoreError> {
        let status = self.client.read(wire::StatusRequest {}).await.map_err(Fault::of_read)?;
        let told = u64::try_from(status.db_size_quota).unwrap_or_default();
        let quota = if told > 0 { told } else { self.quota };
        let bytes = u64::try_from(status.db_size).unwrap_or_default();
        // With the alarm on, etcd takes no writes, however much was freed since.
        let is_full = status.errors.iter().any(|error| error.contains("NOSPACE"));
        Ok(Usage { bytes: if is_full { bytes.max(quota) } else { bytes }, quota: Some(quota) })
    }

    /// Where etcd is now. The key is any that we may read.
    async fn now(&self, key: Bytes) -> Result<Revision, Fault> {
        let seen = self.client.seen();
        let request = wire::RangeRequest { key, keys_only: true, ..Default::default() };
        let answer = self.client.read(request).await?;
        self.client.check(answer.header.unwrap_or_default(), seen)
    }

    /// Where etcd was not long ago, at the least: quiet watches ask together, however many they are.
    async fn recently(&self, key: Bytes) -> Result<Revision, Fault> {
        let mut asked = self.asked.lock().await;
        match &*asked {
            Some((at, answer)) if at.elapsed() < self.progress_every => {
                answer.as_ref().map(|_| self.client.seen()).map_err(Fault::clone)
            }
            _ => {
                let answer = self.now(key).await;
                *asked = Some((Instant::now(), answer.clone()));
                answer
            }
        }
    }

    /// Refuses to watch from what is forgotten, or from what never was.
    async fn check_watchable(&self, key: Bytes, from: Revision) -> Result<(), WatchError> {
        let now = self.now(key.clone()).await.map_err(Fault::of_watch)?;
        if from > now.next() {
            return Err(WatchError::WentBack { asked: from, now });
        }
        // From the compacted revision itself, etcd lets us watch, but no longer knows what was deleted there.
        let before = Revision(from.0 - 1).max(Revision(1));
        if before >= now {
            return Ok(());
        }
        let revision = request::number(before);
        let request =
            wire::RangeRequest { key: key.clone(), revision, keys_only: true, ..Default::default() };
        match self.client.read(request).await {
            Ok(_) => Ok(()),
            Err(Fault::Compacted) => {
                let at = self.compacted_at(key).await.unwrap_or(from);
                Err(WatchError::Compacted { oldest: at.next() })
            }
            Err(fault) => Err(fault.of_watch()),
        }
    }
}
