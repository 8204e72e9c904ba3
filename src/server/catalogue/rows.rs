//! The catalogue in the store: read, extended, and cleared of what was deleted.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    engine::{CatalogueEntry, NamespaceConfig},
    journal::{Head, Record, State, Unreadable},
    store::{
        Compare, Keys, Outcome, Range, Revision, Row, Store, StoreError, Transaction, Write, after_prefix,
    },
    types::{Namespace, Version},
};

/// Between tries, doubled from the first to the last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How often creation looks again when somebody else has written in between.
const MAX_RACES: usize = 8;
/// Rows that are read at once.
const PAGE_ROWS: usize = 500;

/// The catalogue in the store. Cheap to clone.
#[derive(Clone)]
pub(in crate::server) struct Catalogue {
    store: Arc<dyn Store>,
    keys: Keys,
}

/// Why a namespace was not created.
#[derive(Debug)]
pub(in crate::server) enum CreateError {
    /// There is one of this name.
    Exists,
    /// There is a history of this name that is not deleted, and nobody runs it.
    HasHistory,
    /// The row that says so, or the history's head, cannot be read.
    Unreadable(Unreadable),
    /// Others kept writing in between.
    Raced,
    /// The store.
    Store(StoreError),
}

/// What became of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Settled {
    /// Nothing is left to do.
    Done,
    /// The namespace was created after it was deleted: whoever leads it begins it anew.
    BeginsAnew,
}

/// A namespace's rows that say whether it is there, as they are in the store.
struct Stored {
    entry: Option<(CatalogueEntry, Revision)>,
    head: Option<(Head, Revision)>,
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogue").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl Catalogue {
    pub(in crate::server) fn new(store: Arc<dyn Store>, keys: Keys) -> Self {
        Self { store, keys }
    }

    pub(in crate::server) const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// All rows, as of one revision; as soon as the store can be read.
    pub(in crate::server) async fn read(&self) -> (Vec<Row>, Revision) {
        let mut pause = PAUSES.0;
        loop {
            match self.try_read().await {
                Ok(read) => return read,
                Err(error) => tracing::warn!(%error, "the catalogue cannot be read; it is tried again"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn try_read(&self) -> Result<(Vec<Row>, Revision), StoreError> {
        let rows = self.store.limits().rows.min(PAGE_ROWS);
        let mut next = Some(Range::prefix(&self.keys.catalogues(), rows));
        let (mut all, mut revision) = (Vec::new(), Revision::default());
        while let Some(range) = next {
            let page = self.store.range(range.clone()).await?;
            revision = page.revision;
            next = range.behind(&page);
            all.extend(page.rows);
        }
        Ok((all, revision))
    }

    /// Creates a namespace.
    pub(in crate::server) async fn create(
        &self,
        namespace: &Namespace,
        founding: &Arc<NamespaceConfig>,
    ) -> Result<(), CreateError> {
        let mut may_be_ours = false;
        for _ in 0..MAX_RACES {
            let stored = self.stored(namespace).await?;
            let after = match &stored.head {
                Some((head, _)) if head.state == State::Deleted => head.link.version,
                Some(_) if stored.entry.is_none() => return Err(CreateError::HasHistory),
                _ => Version::default(),
            };
            match &stored.entry {
                // The store did not say what had become of it.
                Some((entry, _)) if may_be_ours && entry.founding == *founding => return Ok(()),
                Some(_) => return Err(CreateError::Exists),
                None => {}
            }
            match self.enter(namespace, CatalogueEntry::new(founding.clone(), after), &stored).await {
                Ok(Outcome::Committed(_)) => return Ok(()),
                Ok(Outcome::Refused) => {}
                Err(StoreError::Unknown { .. }) => may_be_ours = true,
                Err(error) => return Err(CreateError::Store(error)),
            }
        }
        Err(CreateError::Raced)
    }

    /// Sees to it that a namespace that a settings file names is in the catalogue, as soon as the store takes it.
    pub(in crate::server) async fn ensure(&self, namespace: &Namespace, founding: &Arc<NamespaceConfig>) {
        let mut pause = PAUSES.0;
        loop {
            match self.try_ensure(namespace, founding).await {
                Ok(Outcome::Committed(_)) => return,
                Ok(Outcome::Refused) => {}
                Err(error) => {
                    tracing::warn!(%namespace, %error, "cannot be put in the catalogue; it is tried again");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn try_ensure(
        &self,
        namespace: &Namespace,
        founding: &Arc<NamespaceConfig>,
    ) -> Result<Outcome, CreateError> {
        let stored = self.stored(namespace).await?;
        if let Some((_, changed)) = stored.entry {
            return Ok(Outcome::Committed(changed));
        }
        // A history that is there goes on.
        let deleted = stored.head.as_ref().filter(|(head, _)| head.state == State::Deleted);
        let after = deleted.map_or_else(Version::default, |(head, _)| head.link.version);
        let entry = CatalogueEntry::new(founding.clone(), after);
        self.enter(namespace, entry, &stored).await.map_err(CreateError::Store)
    }

    async fn enter(
        &self,
        namespace: &Namespace,
        entry: CatalogueEntry,
        stored: &Stored,
    ) -> Result<Outcome, StoreError> {
        let key = self.keys.catalogue(namespace);
        let head = self.keys.head(namespace);
        let head = match &stored.head {
            // One that goes on changes all the time, and is not what the entry speaks of.
            Some((found, _)) if found.state != State::Deleted => None,
            Some((_, changed)) => Some(Compare::Changed(head, *changed)),
            None => Some(Compare::Absent(head)),
        };
        let put = Write::Put(key.clone(), entry.to_row(&key));
        let compares = [Compare::Absent(key)].into_iter().chain(head).collect();
        self.store.transact(Transaction { compares, writes: vec![put], ..Transaction::default() }).await
    }

    /// Removes a deleted namespace from the catalogue, with what its history leaves; the head stays, so that what comes
    /// again under its name comes above it.
    pub(in crate::server) async fn settle(&self, namespace: &Namespace) -> Settled {
        let mut pause = PAUSES.0;
        loop {
            match self.try_settle(namespace).await {
                Ok(Some(settled)) => return settled,
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%namespace, %error, "was deleted, and what it leaves cannot be removed yet");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// `None`: somebody has written in between.
    async fn try_settle(&self, namespace: &Namespace) -> Result<Option<Settled>, CreateError> {
        let Stored { entry, head } = self.stored(namespace).await?;
        let (Some((entry, entered)), Some((head, deleted))) = (entry, head) else {
            return Ok(Some(Settled::Done));
        };
        if head.state != State::Deleted {
            return Ok(Some(Settled::Done));
        }
        if entry.after >= head.link.version {
            return Ok(Some(Settled::BeginsAnew));
        }
        let key = self.keys.catalogue(namespace);
        let below = |prefix: String| {
            let until = after_prefix(&prefix).expect("it does not end with the last character there is");
            Write::DeleteRange(prefix.into(), until.into())
        };
        let transaction = Transaction::default()
            .when(Compare::Changed(key.clone(), entered))
            .when(Compare::Changed(self.keys.head(namespace), deleted))
            .write(Write::Delete(key))
            .write(below(self.keys.deltas(namespace)))
            .write(below(self.keys.snapshots(namespace)));
        match self.store.transact(transaction).await.map_err(CreateError::Store)? {
            Outcome::Committed(_) => Ok(Some(Settled::Done)),
            Outcome::Refused => Ok(None),
        }
    }

    /// The last version of a deleted namespace, if it can be read.
    pub(in crate::server) async fn deleted_at(&self, namespace: &Namespace) -> Option<Version> {
        let (head, _) = self.stored(namespace).await.ok()?.head?;
        (head.state == State::Deleted).then_some(head.link.version)
    }

    async fn stored(&self, namespace: &Namespace) -> Result<Stored, CreateError> {
        let row = async |key: Arc<str>| self.store.get(&key).await.map_err(CreateError::Store);
        let head = row(self.keys.head(namespace)).await?;
        let entry = row(self.keys.catalogue(namespace)).await?;
        Ok(Stored { entry: entry.map(read).transpose()?, head: head.map(read).transpose()? })
    }
}

fn read<T: Record>(row: Row) -> Result<(T, Revision), CreateError> {
    let record = T::from_row(&row.key, &row.value).map_err(CreateError::Unreadable)?;
    Ok((record, row.changed))
}

impl fmt::Display for CreateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => f.write_str("there is a namespace of this name"),
            Self::HasHistory => f.write_str("there is a history of this name that nobody has deleted"),
            Self::Unreadable(unreadable) => unreadable.fmt(f),
            Self::Raced => f.write_str("others kept creating and deleting it at the same time"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::Kind, journal::Link, store::MemoryStore};

    fn namespace() -> Namespace {
        Namespace::new("carts").unwrap()
    }

    fn config(shards: u32) -> Arc<NamespaceConfig> {
        Arc::new(NamespaceConfig::new(Kind::Fixed { shards }))
    }

    fn catalogue() -> Catalogue {
        Catalogue::new(Arc::new(MemoryStore::new()), Keys::default())
    }

    /// A history, and what it leaves.
    async fn history(catalogue: &Catalogue, state: State, generation: u64) -> Version {
        let (keys, namespace) = (Keys::default(), namespace());
        let version = Version { incarnation: 5, generation };
        let head = Head { link: Link { version, ..Link::default() }, state, ..Head::default() };
        let key = keys.head(&namespace);
        let delta = keys.delta(&namespace, crate::store::Chunk { generation, ..Default::default() });
        let transaction = Transaction::default()
            .write(Write::Put(key.clone(), head.to_row(&key)))
            .write(Write::Put(delta, "delta".into()));
        catalogue.store.transact(transaction).await.unwrap();
        version
    }

    async fn entry(catalogue: &Catalogue) -> Option<CatalogueEntry> {
        Some(catalogue.stored(&namespace()).await.unwrap().entry?.0)
    }

    async fn count(catalogue: &Catalogue) -> usize {
        catalogue.store.range(Range::prefix(&Keys::default().all(), 100)).await.unwrap().rows.len()
    }

    #[tokio::test]
    async fn a_namespace_is_created_once_and_comes_after_its_deletion() {
        let catalogue = catalogue();
        catalogue.create(&namespace(), &config(3)).await.unwrap();
        assert_eq!(entry(&catalogue).await, Some(CatalogueEntry::new(config(3), Version::default())));
        let exists = catalogue.create(&namespace(), &config(3)).await;
        assert!(matches!(exists, Err(CreateError::Exists)), "{exists:?}");
        history(&catalogue, State::Live, 7).await;
        assert_eq!(catalogue.settle(&namespace()).await, Settled::Done);
        assert!(entry(&catalogue).await.is_some(), "it is not deleted");

        let deleted = history(&catalogue, State::Deleted, 8).await;
        assert_eq!(catalogue.settle(&namespace()).await, Settled::Done);
        assert_eq!((entry(&catalogue).await, count(&catalogue).await), (None, 1), "the head alone is left");
        catalogue.create(&namespace(), &config(4)).await.unwrap();
        assert_eq!(entry(&catalogue).await, Some(CatalogueEntry::new(config(4), deleted)));
        assert_eq!(catalogue.settle(&namespace()).await, Settled::BeginsAnew);
        assert!(entry(&catalogue).await.is_some(), "that deletion was before it");
        history(&catalogue, State::Deleted, 9).await;
        assert_eq!(catalogue.settle(&namespace()).await, Settled::Done);
        assert_eq!(entry(&catalogue).await, None, "this one was not");
    }

    #[tokio::test]
    async fn a_history_without_an_entry_goes_on_only_where_settings_name_it() {
        let catalogue = catalogue();
        history(&catalogue, State::Live, 7).await;
        let refused = catalogue.create(&namespace(), &config(3)).await;
        assert!(matches!(refused, Err(CreateError::HasHistory)), "{refused:?}");
        catalogue.ensure(&namespace(), &config(3)).await;
        assert_eq!(entry(&catalogue).await, Some(CatalogueEntry::new(config(3), Version::default())));
        catalogue.ensure(&namespace(), &config(4)).await;
        assert_eq!(entry(&catalogue).await, Some(CatalogueEntry::new(config(3), Version::default())), "once");
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_said_and_left_alone() {
        let catalogue = catalogue();
        let key = Keys::default().catalogue(&namespace());
        let put = Transaction::default().write(Write::Put(key.clone(), "?".into()));
        catalogue.store.transact(put).await.unwrap();
        let refused = catalogue.create(&namespace(), &config(3)).await;
        assert!(matches!(refused, Err(CreateError::Unreadable(_))), "{refused:?}");
        assert_eq!(catalogue.read().await.0.len(), 1, "whoever reads them all decides for himself");
    }
}
