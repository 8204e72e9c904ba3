//! Leading namespaces for a moment, to open their histories as an operator says.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use serde::Serialize;

use super::{super::console::printable, others::Leases};
use crate::{
    clock::{BootClock, unix_millis},
    election::ElectionConfig,
    engine::{self, NamespaceConfig},
    journal::{Flaw, Head, LogError, Mode, OpenAs, Record, State, Unreadable},
    lease::MAX_LEASE,
    replica::ReplicaConfig,
    server::{DeskError, Host, HostConfig, Rings, Room, Standing, remove_damaged_leases},
    store::{Key, Keys, Range, Record as Kind, Store, StoreError},
    types::{Namespace, Version, duration},
};

/// Rows that are read at once.
const PAGE_ROWS: usize = 1000;
/// How long it may take until all are led, beside what whoever led them before, and was killed just now, is waited for.
const LED_WITHIN: Duration = Duration::from_mins(1);
/// How long a single history may then take to be opened.
const OPENED_WITHIN: Duration = Duration::from_secs(30);
/// How often to look how far it has come.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often to say again what to open a history as: a term that ends meanwhile takes what was said along.
const SAY_EVERY: Duration = Duration::from_secs(5);
/// How long it may take to stop leading.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

/// A replica that lives as long as the command.
pub(super) struct Lead {
    host: Host,
    led_within: Duration,
}

/// What namespaces are led for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Adopt,
    Reset,
}

/// A namespace that was left as it is.
#[derive(Debug, Serialize)]
pub(super) struct Left {
    pub(super) namespace: String,
    why: String,
    remedy: &'static str,
}

impl Left {
    pub(super) fn unreadable(namespace: &Namespace, row: &Unreadable) -> Self {
        let remedy =
            "put the row back from a backup, or begin anew without what was there: shardway store reset";
        Self { namespace: namespace.to_string(), why: row.to_string(), remedy }
    }

    pub(super) fn troubled(namespace: &Namespace, error: &LogError) -> Self {
        let remedy = match error {
            LogError::Unreadable(row) => return Self::unreadable(namespace, row),
            LogError::Sealed => "adopt it in the store that it has moved to",
            LogError::Deleted => "create it again, if it is to be there",
            _ => "look at what the store allows",
        };
        Self { namespace: namespace.to_string(), why: error.to_string(), remedy }
    }

    fn led_elsewhere(namespace: &Namespace, within: Duration) -> Self {
        let why = format!(
            "it was not to be led within {within:?}: another replica leads it, or did until just now"
        );
        Self { namespace: namespace.to_string(), why, remedy: "stop all distributors, then run this again" }
    }

    fn late(namespace: &Namespace) -> Self {
        let why = format!("it was not opened within {OPENED_WITHIN:?}");
        Self { namespace: namespace.to_string(), why, remedy: "run this again" }
    }

    pub(super) fn write_text(&self, undone: &str, out: &mut dyn Write) -> io::Result<()> {
        let Self { namespace, why, remedy } = self;
        writeln!(out, "{namespace}: not {undone}: {}\n  {remedy}", printable(why))
    }
}

/// The heads of all namespaces that are not deleted, as far as they can be read.
pub(super) async fn heads(
    store: &dyn Store,
    keys: &Keys,
) -> Result<BTreeMap<Namespace, Result<Head, Unreadable>>, StoreError> {
    let mut found = BTreeMap::new();
    let mut range = Some(Range::prefix(&keys.all(), store.limits().rows.min(PAGE_ROWS)));
    while let Some(next) = range {
        let page = store.range(next.clone()).await?;
        for row in &page.rows {
            if let Some(Key::Of(namespace, Kind::Head)) = keys.parse(&row.key) {
                found.insert(namespace, Head::from_row(&row.key, &row.value));
            }
        }
        range = next.behind(&page);
    }
    // What the store itself cannot read stands in no page.
    for key in store.damaged() {
        if let Some(Key::Of(namespace, Kind::Head)) = keys.parse(&key) {
            found.insert(namespace, Err(Unreadable { key, what: Head::WHAT, flaw: Flaw::Checksum }));
        }
    }
    found.retain(|_, head| head.as_ref().map_or(true, |head| head.state != State::Deleted));
    Ok(found)
}

impl Lead {
    /// Contends for these, and for no others. Whoever has led them is heard out for the leader lease, or for its own if that
    /// is longer.
    pub(super) async fn start(
        store: Arc<dyn Store>,
        keys: Keys,
        Leases { assumed, stated }: Leases,
        namespaces: Vec<(Namespace, Arc<NamespaceConfig>)>,
    ) -> anyhow::Result<Self> {
        remove_damaged_leases(&*store, &keys).await?;
        let session = rand::random();
        let election = ElectionConfig::default();
        let election = election.with_lease(assumed.max(election.lease()))?;
        let config = HostConfig {
            name: format!("store-{session}"),
            // What it leads for a moment is nobody else's to ask for, and nobody hands anything over to it.
            address: String::new(),
            keys,
            election,
            replica: ReplicaConfig::default(),
            session,
            namespaces,
            rings: Rings::default(),
        };
        let host = Host::start_alone(store, Arc::new(BootClock::new()), config)?;
        Ok(Self { host, led_within: LED_WITHIN + 2 * stated.max(election.lease()) })
    }

    /// Waits until all are led here, and it is known what there is to open. Tells of those that are not to be had.
    pub(super) async fn settle(
        &self,
        namespaces: impl IntoIterator<Item = Namespace>,
        purpose: Purpose,
    ) -> anyhow::Result<Vec<Left>> {
        let (mut pending, mut left): (BTreeSet<_>, _) = (namespaces.into_iter().collect(), Vec::new());
        let settling = async {
            while !pending.is_empty() {
                for namespace in pending.clone() {
                    let Some(is_to_be_had) = self.is_to_be_had(&namespace, purpose).await? else { continue };
                    left.extend(is_to_be_had.err());
                    pending.remove(&namespace);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
            Ok::<_, DeskError>(())
        };
        if let Ok(settled) = tokio::time::timeout(self.led_within, settling).await {
            settled?;
        }
        left.extend(pending.iter().map(|namespace| Left::led_elsewhere(namespace, self.led_within)));
        Ok(left)
    }

    /// `None`: that is not known yet.
    async fn is_to_be_had(
        &self,
        namespace: &Namespace,
        purpose: Purpose,
    ) -> Result<Option<Result<(), Left>>, DeskError> {
        let Standing { is_led_here, trouble, .. } = self.host.desk().standing(namespace).await?;
        if !is_led_here {
            return Ok(None);
        }
        Ok(match (trouble, purpose) {
            // What was there is not asked after.
            (Some(LogError::NeedsAdoption(_) | LogError::Unreadable(_)), Purpose::Reset) => Some(Ok(())),
            (None | Some(LogError::NeedsAdoption(_)), _) => self.read(namespace, |_| ()).map(Ok),
            (Some(error), _) => Some(Err(Left::troubled(namespace, &error))),
        })
    }

    /// The longest leader lease of a namespace that is led here, as far as its records say.
    pub(super) async fn longest_leader_lease(&self, namespace: &Namespace) -> Result<Duration, DeskError> {
        Ok(self.host.desk().standing(namespace).await?.longest_leader_lease)
    }

    /// Reads from what is known of a namespace, if anything is.
    pub(super) fn read<T>(&self, namespace: &Namespace, read: impl FnOnce(&engine::State) -> T) -> Option<T> {
        self.room(namespace)?.read(|state| state.map(read))
    }

    fn room(&self, namespace: &Namespace) -> Option<Arc<Room>> {
        self.host.rooms().get(namespace)
    }

    /// Opens the history of a namespace that is led here, or is going to be. The version that it then begins with.
    pub(super) async fn open(
        &self,
        namespace: &Namespace,
        mode: Mode,
    ) -> anyhow::Result<Result<Version, Left>> {
        let room = self.room(namespace).context("it was contended for")?;
        let from = (*room.versions().borrow()).map_or(0, |version| version.incarnation);
        let before = self.host.desk().standing(namespace).await?;
        let opening = async {
            let mut say_in = Duration::ZERO;
            loop {
                let version = *room.versions().borrow();
                if let Some(version) = version.filter(|version| version.incarnation > from) {
                    return Ok::<_, DeskError>(Ok(version));
                }
                match self.host.desk().standing(namespace).await?.trouble {
                    // What kept it from being run keeps it from that until it is opened.
                    error if error == before.trouble => {}
                    None | Some(LogError::NeedsAdoption(_)) => {}
                    Some(error) => return Ok(Err(Left::troubled(namespace, &error))),
                }
                if say_in.is_zero() {
                    let open_as = OpenAs { mode, seen: None, unix_millis: unix_millis() };
                    self.host.desk().open(namespace, open_as)?;
                    say_in = SAY_EVERY;
                }
                tokio::time::sleep(LOOK_EVERY).await;
                say_in = say_in.saturating_sub(LOOK_EVERY);
            }
        };
        match tokio::time::timeout(OPENED_WITHIN, opening).await {
            Ok(opened) => Ok(opened?),
            Err(_) => Ok(Err(Left::late(namespace))),
        }
    }

    /// Leads nothing any more.
    pub(super) async fn end(self) {
        self.host.leave(LEAVE_WITHIN).await;
    }
}

pub(super) fn lease(text: &str) -> Result<Duration, String> {
    duration::parse(text).filter(|lease| *lease <= MAX_LEASE).ok_or_else(|| {
        format!("is not a time of up to {} h, as 500ms, 10s, 1m30s", MAX_LEASE.as_secs() / 3600)
    })
}

pub(super) fn namespace(text: &str) -> Result<Namespace, String> {
    Namespace::new(text).map_err(|error| error.to_string())
}
