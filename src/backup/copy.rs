//! Moving from one store to another.

use super::{
    BackupError, Filled,
    fill::{Fill, transact},
    marks::{Moved, travels},
    pages::{Namespaces, Pages},
};
use crate::{
    journal::{Head, Record, State},
    planted::{Planted, is},
    store::{
        Compare, Key, Keys, Outcome, Record as Kind, Revision, Row, Store, StoreIdentity, Transaction, Write,
        after_prefix,
    },
    types::Namespace,
};

/// How often to try to seal a namespace that is committed to meanwhile.
const SEALS: usize = 100;

/// What becomes of the store that is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seal {
    /// It goes on. The copy is as good as a backup of it.
    #[default]
    Nothing,
    /// Nothing is ever committed there again: each of its namespaces is sealed before it is copied.
    Source,
}

/// What a copy was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The revision that the rows are of.
    pub revision: Revision,
    /// What was put in.
    pub filled: Filled,
    /// Rows that the source could not read. They were not copied.
    pub damaged: Vec<String>,
}

/// Copies all rows below the root into a store that has nothing there. The copy grants nothing until it is adopted.
///
/// With [`Seal::Source`] the source comes to say for good where it was moved to. That can be run again until it
/// succeeds, to the same destination, and to no other: a namespace must not live on twice.
pub async fn copy(from: &dyn Store, to: &dyn Store, keys: &Keys, seal: Seal) -> Result<Copied, BackupError> {
    if from.get(&keys.restoring()).await?.is_some() {
        return Err(BackupError::Unfinished);
    }
    let seal = if is(Planted::SourceUnsealed) { Seal::Nothing } else { seal };
    let destination = to.identity().await?;
    let mut fill = Fill::begin(to, keys).await?;
    if seal == Seal::Source {
        leave(from, keys, &destination).await?;
        seal_all(from, keys).await?;
    }
    let mut pages = Pages::new(from, keys);
    let mut revision = Revision::default();
    while let Some(page) = pages.next().await? {
        revision = page.revision;
        for row in page.rows.into_iter().filter(|row| travels(keys, &row.key)) {
            let row = if seal == Seal::Source { opened(row, keys)? } else { row };
            fill.row((row.key, row.value)).await?;
        }
    }
    if seal == Seal::Source {
        check_sealed(from, keys).await?;
    }
    let damaged = super::save::damaged_below(from, keys);
    Ok(Copied { revision, filled: fill.finish().await?, damaged })
}

/// Says in the source where it goes to, if it does not say that it has gone elsewhere.
async fn leave(from: &dyn Store, keys: &Keys, to: &StoreIdentity) -> Result<(), BackupError> {
    let key = keys.moved();
    let value = Moved { to: to.0.clone(), ..Moved::default() }.to_row(&key);
    let leave =
        Transaction::default().when(Compare::Absent(key.clone())).write(Write::Put(key.clone(), value));
    // A store that is full can be left all the same.
    if let Outcome::Committed(_) = transact(from, leave.using_reserve()).await? {
        return Ok(());
    }
    match from.get(&key).await? {
        Some(row) => match Moved::from_row(&key, &row.value).map_err(BackupError::Unreadable)? {
            moved if moved.to == to.0 => Ok(()),
            moved => Err(BackupError::Moved { to: moved.to }),
        },
        None => Err(BackupError::Superseded),
    }
}

/// Seals every namespace, and then ends the leases of all replicas: a leader that has nothing to commit would not
/// notice, and go on to acknowledge beats. Whoever leads next finds the seal first.
async fn seal_all(from: &dyn Store, keys: &Keys) -> Result<(), BackupError> {
    let mut namespaces = Namespaces::new(from, keys);
    while let Some(namespace) = namespaces.next().await? {
        seal_one(from, keys, namespace).await?;
    }
    let replicas = keys.replicas();
    let end = after_prefix(&replicas).expect("it ends with '/'");
    let evict = Transaction::default().write(Write::DeleteRange(replicas.into(), end.into()));
    transact(from, evict).await?;
    Ok(())
}

async fn seal_one(from: &dyn Store, keys: &Keys, namespace: Namespace) -> Result<(), BackupError> {
    for _ in 0..SEALS {
        let Some((row, head)) = live_head(from, keys, &namespace).await? else { return Ok(()) };
        let sealed = Head { state: State::Sealed, ..head }.to_row(&row.key);
        let seal = Transaction::default()
            .when(Compare::Changed(row.key.clone(), row.changed))
            .write(Write::Put(row.key, sealed));
        // What is refused was committed to meanwhile, or sealed by ourselves without our hearing of it.
        transact(from, seal).await?;
    }
    Err(BackupError::StillServed { namespace })
}

/// Notices what was founded behind our back.
async fn check_sealed(from: &dyn Store, keys: &Keys) -> Result<(), BackupError> {
    let mut namespaces = Namespaces::new(from, keys);
    while let Some(namespace) = namespaces.next().await? {
        if live_head(from, keys, &namespace).await?.is_some() {
            return Err(BackupError::StillServed { namespace });
        }
    }
    Ok(())
}

/// The head, if it can be committed to. Behind one that cannot be read, nobody can commit.
async fn live_head(
    from: &dyn Store,
    keys: &Keys,
    namespace: &Namespace,
) -> Result<Option<(Row, Head)>, BackupError> {
    let Some(row) = from.get(&keys.head(namespace)).await? else { return Ok(None) };
    let head = Head::from_row(&row.key, &row.value).ok().filter(|head| head.state == State::Live);
    Ok(head.map(|head| (row, head)))
}

/// The row as it was before we sealed it.
fn opened(row: Row, keys: &Keys) -> Result<Row, BackupError> {
    let Some(Key::Of(namespace, Kind::Head)) = keys.parse(&row.key) else { return Ok(row) };
    match Head::from_row(&row.key, &row.value) {
        Ok(Head { state: State::Live, .. }) => Err(BackupError::StillServed { namespace }),
        Ok(head @ Head { state: State::Sealed, .. }) => {
            let value = Head { state: State::Live, ..head }.to_row(&row.key);
            Ok(Row { value, ..row })
        }
        _ => Ok(row),
    }
}
