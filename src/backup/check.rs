//! Reading a backup, or a store, from end to end, and telling what is wrong with it.

use std::{collections::BTreeSet, io::Read, sync::Arc};

use bytes::Bytes;

use super::{
    BackupError, Header,
    file::{FileReader, Pair},
    marks::{Moved, Restoring},
    pages::{Namespaces, Pages, run},
    restore::keys_of,
    save::damaged_below,
};
use crate::{
    election::{ReplicaRecord, TermRecord},
    engine::{CatalogueEntry, Change},
    journal::{
        Cluster, Head, Load, LoadError, Loaded, Mismatch, Record, Rows, State, Unreadable, check_chunk,
    },
    store::{Key, Keys, Record as Kind, Store, StoreIdentity},
    types::{Namespace, Version},
};

/// Changes of a namespace that make no sense, of which each is named.
const MAX_SENSELESS: usize = 100;

/// A backup that was read through: it is as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// What it says of itself.
    pub header: Header,
    /// Rows in it.
    pub rows: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// Rows that the store could not read when it was made. They are not in it.
    pub damaged: Vec<String>,
    /// The namespaces that have a head.
    pub namespaces: Vec<NamespaceReport>,
    /// Records that make no sense, though they are as the store had them.
    pub problems: Vec<String>,
}

/// A store that was read through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreReport {
    /// Who it is.
    pub identity: StoreIdentity,
    /// Rows below the root.
    pub rows: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// Rows that it has and cannot read.
    pub damaged: Vec<String>,
    /// It is being filled, or that was never finished.
    pub is_unfinished: bool,
    /// The identity of the store that it was moved to.
    pub moved_to: Option<String>,
    /// The namespaces that have a head, or should.
    pub namespaces: Vec<NamespaceReport>,
    /// What is wrong beside that.
    pub problems: Vec<String>,
}

/// What is stored of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceReport {
    /// Which.
    pub namespace: Namespace,
    /// The newest commit; `None`: its head cannot be read.
    pub version: Option<Version>,
    /// Whether it goes on.
    pub state: State,
    /// Why nothing is granted there before it is adopted, if so. Always so after a restore.
    pub adopt: Option<Mismatch>,
    /// What of its history cannot be read.
    pub problems: Vec<String>,
}

impl FileReport {
    /// Whether all is well.
    pub fn is_sound(&self) -> bool {
        self.damaged.is_empty() && self.problems.is_empty() && are_sound(&self.namespaces)
    }
}

impl StoreReport {
    /// Whether all is well. A store that has to be adopted is; one that is not whole is not.
    pub fn is_sound(&self) -> bool {
        self.damaged.is_empty()
            && self.problems.is_empty()
            && !self.is_unfinished
            && are_sound(&self.namespaces)
    }
}

fn are_sound(namespaces: &[NamespaceReport]) -> bool {
    namespaces.iter().all(|namespace| namespace.problems.is_empty())
}

/// Reads a backup through. An error says that it cannot be put in; problems were the store's own, and can.
pub fn check_file(input: impl Read) -> Result<FileReport, BackupError> {
    let mut file = FileReader::open(input)?;
    let keys = keys_of(file.header())?;
    let (mut namespaces, mut problems) = (Vec::new(), Vec::new());
    while let Some(rows) = file.next()? {
        for (key, value) in rows {
            match keys.parse(&key) {
                Some(Key::Of(namespace, Kind::Head)) => {
                    namespaces.push(match Head::from_row(&key, &value) {
                        Ok(head) => NamespaceReport::of_head(namespace, &head),
                        Err(unreadable) => NamespaceReport::unreadable(namespace, unreadable),
                    });
                }
                parsed => {
                    let unreadable = unreadable(parsed.as_ref(), &key, &value);
                    problems.extend(unreadable.map(|unreadable| unreadable.to_string()));
                    problems.extend(parsed.is_none().then(|| unknown(&key)));
                }
            }
        }
    }
    let (header, end) = file.into_end();
    Ok(FileReport { header, rows: end.rows, bytes: end.bytes, damaged: end.damaged, namespaces, problems })
}

/// Reads a store through, and puts each namespace together as its leader would. Changes nothing.
pub async fn check_store(store: &dyn Store, keys: &Keys) -> Result<StoreReport, BackupError> {
    let mut report = StoreReport {
        identity: store.identity().await?,
        rows: 0,
        bytes: 0,
        damaged: Vec::new(),
        is_unfinished: false,
        moved_to: None,
        namespaces: Vec::new(),
        problems: Vec::new(),
    };
    let mut pages = Pages::new(store, keys);
    let mut chunks = Vec::new();
    while let Some(page) = pages.next().await? {
        for row in page.rows {
            chunks.extend(report.row(keys, &(row.key, row.value)));
        }
    }
    let mut named = BTreeSet::new();
    let mut namespaces = Namespaces::new(store, keys);
    while let Some(namespace) = namespaces.next().await? {
        let mut load = Load::new(Rows::new(keys, &namespace), store.limits());
        let loaded = run(store, &mut load).await?;
        let damage = loaded.iter().flat_map(|loaded| &loaded.damage);
        named.extend(damage.flat_map(|damage| &damage.rows).map(|row| row.key.clone()));
        report.namespaces.extend(NamespaceReport::of_loaded(namespace, loaded, &report.identity));
    }
    // Those that no history needs are named as well.
    chunks.retain(|row: &Unreadable| !named.contains(&row.key));
    report.problems.extend(chunks.iter().map(ToString::to_string));
    report.damaged = damaged_below(store, keys);
    Ok(report)
}

/// What is stored of one namespace, put together as its leader would. `None`: nothing was ever committed there.
#[cfg(feature = "cli")]
pub(crate) async fn check_namespace(
    store: &dyn Store,
    keys: &Keys,
    namespace: &Namespace,
) -> Result<Option<NamespaceReport>, BackupError> {
    let identity = store.identity().await?;
    let loaded = run(store, &mut Load::new(Rows::new(keys, namespace), store.limits())).await?;
    Ok(NamespaceReport::of_loaded(namespace.clone(), loaded, &identity))
}

impl StoreReport {
    /// A chunk that cannot be read is handed back: its namespace's history may name it.
    fn row(&mut self, keys: &Keys, (key, value): &Pair) -> Option<Unreadable> {
        self.rows += 1;
        self.bytes += (key.len() + value.len()) as u64;
        let parsed = keys.parse(key);
        match &parsed {
            Some(Key::Restoring) => self.is_unfinished = true,
            Some(Key::Moved) => {
                self.moved_to = Moved::from_row(key, value).ok().map(|moved| moved.to);
            }
            // Told with its namespace.
            Some(Key::Of(_, Kind::Head)) => return None,
            None => self.problems.push(unknown(key)),
            Some(_) => {}
        }
        let unreadable = unreadable(parsed.as_ref(), key, value)?;
        if let Some(Key::Of(_, Kind::Delta(_) | Kind::Snapshot(_))) = parsed {
            return Some(unreadable);
        }
        self.problems.push(unreadable.to_string());
        None
    }
}

fn unknown(key: &str) -> String {
    format!("the row {key} is nothing that this version writes")
}

/// What is wrong with a row by itself.
fn unreadable(key: Option<&Key>, name: &Arc<str>, value: &Bytes) -> Option<Unreadable> {
    fn of<R: Record>(name: &Arc<str>, value: &Bytes) -> Option<Unreadable> {
        R::from_row(name, value).err()
    }
    match key? {
        Key::Cluster => of::<Cluster>(name, value),
        Key::Moved => of::<Moved>(name, value),
        Key::Restoring => of::<Restoring>(name, value),
        Key::Replica(_) => of::<ReplicaRecord>(name, value),
        Key::Catalogue(_) => of::<CatalogueEntry>(name, value),
        Key::Of(_, Kind::Head) => of::<Head>(name, value),
        Key::Of(_, Kind::Term) => of::<TermRecord>(name, value),
        Key::Of(_, Kind::Delta(_) | Kind::Snapshot(_)) => check_chunk(name, value),
    }
}

/// The changes of a history that make no sense to this version, each with the commit or the snapshot that it is in.
fn senseless(loaded: &Loaded) -> Vec<String> {
    let of_snapshot = loaded.head.snapshot.map(|link| ("snapshot", link.version, &loaded.snapshot));
    let of_deltas = loaded.deltas.iter().map(|delta| ("commit", delta.link.version, &delta.items));
    let all = of_snapshot.into_iter().chain(of_deltas);
    let mut wrong = all.flat_map(|(kind, version, items)| {
        let errors = items.iter().filter_map(|item| Change::decode(item).err());
        errors.map(move |error| format!("a change in {kind} {version} makes no sense: {error}"))
    });
    let mut named: Vec<_> = wrong.by_ref().take(MAX_SENSELESS).collect();
    let more = wrong.count();
    named.extend((more > 0).then(|| format!("and {more} more")));
    named
}

impl NamespaceReport {
    fn of_head(namespace: Namespace, head: &Head) -> Self {
        let version = Some(head.link.version);
        Self { namespace, version, state: head.state, adopt: None, problems: Vec::new() }
    }

    fn unreadable(namespace: Namespace, error: impl ToString) -> Self {
        Self { namespace, version: None, state: State::Live, adopt: None, problems: vec![error.to_string()] }
    }

    fn of_loaded(
        namespace: Namespace,
        loaded: Result<Box<Loaded>, LoadError>,
        identity: &StoreIdentity,
    ) -> Option<Self> {
        match loaded {
            Ok(loaded) => {
                let mut problems: Vec<_> = loaded.damage.iter().map(ToString::to_string).collect();
                problems.extend(senseless(&loaded));
                let adopt = loaded.mismatch.or_else(|| loaded.head.mismatch(identity, None));
                Some(Self { adopt, problems, ..Self::of_head(namespace, &loaded.head) })
            }
            // Settings alone, and no commit yet.
            Err(LoadError::Nothing { .. }) => None,
            Err(error) => Some(Self::unreadable(namespace, error)),
        }
    }
}
