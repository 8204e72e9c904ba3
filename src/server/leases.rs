//! Leases of processes that are gone, where a folder cannot read them any more.

use std::sync::Arc;

use crate::store::{Key, Keys, Record, Store, StoreError, Transaction, Write};

/// Removes the terms and the replicas' liveness records that the store itself cannot read, and tells which.
///
/// Only a store that one process has for itself finds damage by itself, so whoever wrote them is gone. Nothing is lost
/// with them: which terms there were is also said by the heads, and who begins with too small a term takes another.
pub async fn remove_damaged_leases(store: &dyn Store, keys: &Keys) -> Result<Vec<Arc<str>>, StoreError> {
    let is_lease =
        |key: &Arc<str>| matches!(keys.parse(key), Some(Key::Replica(_) | Key::Of(_, Record::Term)));
    let damaged: Vec<Arc<str>> = store.damaged().into_iter().filter(is_lease).collect();
    for key in &damaged {
        store.transact(Transaction::default().write(Write::Delete(key.clone()))).await?;
    }
    Ok(damaged)
}
