//! Whether anybody runs on a store.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::bail;

use super::super::{console::printable, place::Place};
use crate::{
    clock::{BootClock, Clock},
    store::{Key, Keys, Range, Revision, Store, StoreError},
};

/// Replicas that are looked at, at most: more are not needed to know that there are some.
const MAX_OTHERS: usize = 100;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Refuses when replicas run on the store, and names them. One that does renews its liveness record every third of its
/// leader lease.
pub(super) async fn refuse_others(
    (store, keys): (&dyn Store, &Keys),
    place: &Place,
    leader_lease: Duration,
    instead: &str,
) -> anyhow::Result<()> {
    let others = who_renews(store, keys, leader_lease / 2).await?;
    if others.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = others.iter().map(|name| printable(name)).collect();
    bail!("these replicas run on {place}: {}. Stop all of them first; or {instead}", names.join(", "))
}

/// Whose records change within the time.
async fn who_renews(
    store: &dyn Store,
    keys: &Keys,
    within: Duration,
) -> Result<BTreeSet<String>, StoreError> {
    let clock = BootClock::new();
    let until = clock.now() + within;
    let (mut still, mut renewed) = (records(store, keys).await?, BTreeSet::new());
    while !still.is_empty() && clock.now() < until {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = records(store, keys).await?;
        still.retain(|name, changed| {
            let is_still = now.get(name) == Some(changed);
            if !is_still && now.contains_key(name) {
                renewed.insert(name.clone());
            }
            is_still
        });
    }
    Ok(renewed)
}

/// Who has a record, and when it changed.
async fn records(store: &dyn Store, keys: &Keys) -> Result<BTreeMap<String, Revision>, StoreError> {
    let rows = Range::prefix(&keys.replicas(), store.limits().rows.min(MAX_OTHERS));
    let named = |key: &str| match keys.parse(key) {
        Some(Key::Replica(name)) => Some(name),
        _ => None,
    };
    let page = store.range(rows).await?;
    Ok(page.rows.iter().filter_map(|row| Some((named(&row.key)?, row.changed))).collect())
}
