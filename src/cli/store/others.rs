//! Whether anybody runs on a store.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::bail;

use super::super::{console::printable, place::Place};
use crate::{
    clock::{BootClock, Clock},
    election::ReplicaRecord,
    journal::Record,
    store::{Key, Keys, Range, Revision, Store, StoreError},
};

/// Replicas that are looked at, at most: more are not needed to know that there are some.
const MAX_OTHERS: usize = 100;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The leader leases of those who ran on a store until just now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leases {
    /// As the operator says: of those whose records do not.
    pub(super) assumed: Duration,
    /// The longest that a record says.
    pub(super) stated: Duration,
}

/// Who has a record.
struct Other {
    changed: Revision,
    lease: Duration,
}

/// Refuses when replicas run on the store, and names them. One that does renews its liveness record every third of its
/// leader lease.
pub(super) async fn refuse_others(
    (store, keys): (&dyn Store, &Keys),
    place: &Place,
    leader_lease: Duration,
    instead: &str,
) -> anyhow::Result<Leases> {
    let others = records(store, keys).await?;
    let stated = others.values().map(|other| other.lease).max().unwrap_or_default();
    let renewing = who_renews(store, keys, others, stated.max(leader_lease) / 2).await?;
    if renewing.is_empty() {
        return Ok(Leases { assumed: leader_lease, stated });
    }
    let names: Vec<_> = renewing.iter().map(|name| printable(name)).collect();
    bail!("these replicas run on {place}: {}. Stop all of them first; or {instead}", names.join(", "))
}

/// Whose records change within the time.
async fn who_renews(
    store: &dyn Store,
    keys: &Keys,
    mut still: BTreeMap<String, Other>,
    within: Duration,
) -> Result<BTreeSet<String>, StoreError> {
    let clock = BootClock::new();
    let until = clock.now() + within;
    let mut renewing = BTreeSet::new();
    while !still.is_empty() && clock.now() < until {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = records(store, keys).await?;
        still.retain(|name, before| {
            let is_still = now.get(name).is_some_and(|now| now.changed == before.changed);
            if !is_still && now.contains_key(name) {
                renewing.insert(name.clone());
            }
            is_still
        });
    }
    Ok(renewing)
}

async fn records(store: &dyn Store, keys: &Keys) -> Result<BTreeMap<String, Other>, StoreError> {
    let rows = Range::prefix(&keys.replicas(), store.limits().rows.min(MAX_OTHERS));
    let others = store.range(rows).await?.rows.into_iter().filter_map(|row| {
        let Some(Key::Replica(name)) = keys.parse(&row.key) else { return None };
        let lease =
            ReplicaRecord::from_row(&row.key, &row.value).map_or(Duration::ZERO, |record| record.lease);
        Some((name, Other { changed: row.changed, lease }))
    });
    Ok(others.collect())
}
