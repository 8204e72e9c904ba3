//! Why nobody may serve from a store.

use std::{fmt, sync::Arc};

use super::marks::Moved;
use crate::{
    journal::Record,
    store::{Keys, Store, StoreError},
};

/// Why nobody may serve from a store: whoever tries is refused by the store itself, whatever it has read before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// A backup or another store is being put into it, or that was never finished.
    Unfinished,
    /// It was moved, and nothing is ever decided here again.
    Moved {
        /// The identity of the store that it was moved to, if that can be read.
        to: Option<String>,
    },
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfinished => f.write_str(
                "a restore or a copy into it was not finished: run that again, it begins from the start",
            ),
            Self::Moved { to } => write!(
                f,
                "it was moved to store {} and is sealed for good: use that one, or restore a backup into a new one",
                to.as_deref().unwrap_or("unknown")
            ),
        }
    }
}

/// Whether somebody may serve from the store, and why not.
pub async fn closed(store: &dyn Store, keys: &Keys) -> Result<Option<Closed>, StoreError> {
    let damaged = store.damaged();
    let row = async |key: Arc<str>| {
        if damaged.contains(&key) {
            // It is there, whatever it says.
            return Ok::<_, StoreError>(Some(None));
        }
        Ok(store.get(&key).await?.map(Some))
    };
    if let Some(row) = row(keys.moved()).await? {
        let moved = row.and_then(|row| Moved::from_row(&row.key, &row.value).ok());
        return Ok(Some(Closed::Moved { to: moved.map(|moved| moved.to) }));
    }
    Ok(row(keys.restoring()).await?.map(|_| Closed::Unfinished))
}
