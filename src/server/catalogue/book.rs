//! The catalogue as a replica knows it: read once, then followed.

use std::collections::BTreeMap;

use crate::{
    engine::CatalogueEntry,
    journal::{Record, Unreadable},
    server::MAX_NAMESPACES,
    store::{Change, Key, Keys, Revision, Row},
    types::Namespace,
};

/// Entries that are known at the same time. Creation stops at half of it; this bounds what a store can make of that.
const MAX_ENTRIES: usize = 2 * MAX_NAMESPACES;

/// What is new.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::server) enum News {
    /// There is a namespace.
    Entered {
        /// Which.
        namespace: Namespace,
        /// What its row says.
        entry: CatalogueEntry,
        /// Whether it was known, and its row said something else.
        was_known: bool,
    },
    /// There is none any more.
    Removed(Namespace),
    /// This row cannot be read, and is passed over.
    Unreadable(Unreadable),
    /// There are more than are known at the same time: this one is passed over.
    TooMany(Namespace),
}

/// The catalogue as a replica knows it.
#[derive(Debug)]
pub(in crate::server) struct Book {
    keys: Keys,
    /// Who is in it, and since which revision.
    entries: BTreeMap<Namespace, Revision>,
    /// Who was removed, and when, as long as what is being read may be older. `None`: nothing is being read.
    removed: Option<BTreeMap<Namespace, Revision>>,
}

impl Book {
    pub(in crate::server) const fn new(keys: Keys) -> Self {
        Self { keys, entries: BTreeMap::new(), removed: None }
    }

    /// Whether there is this one.
    pub(in crate::server) fn contains(&self, namespace: &Namespace) -> bool {
        self.entries.contains_key(namespace)
    }

    /// The watch has missed something, or has just begun: all rows are being read.
    pub(in crate::server) fn reading(&mut self) {
        self.removed.get_or_insert_default();
    }

    /// All rows, as of a revision.
    pub(in crate::server) fn read(&mut self, rows: &[Row], revision: Revision) -> Vec<News> {
        let removed = self.removed.take().unwrap_or_default();
        let mut news = Vec::new();
        let mut present = BTreeMap::new();
        for row in rows {
            if let Some(Key::Catalogue(namespace)) = self.keys.parse(&row.key) {
                present.insert(namespace, row);
            }
        }
        let is_gone = |namespace: &Namespace, changed: Revision| {
            changed <= revision && !present.contains_key(namespace)
        };
        let gone: Vec<Namespace> = (self.entries.iter())
            .filter(|(namespace, changed)| is_gone(namespace, **changed))
            .map(|(namespace, _)| namespace.clone())
            .collect();
        for namespace in gone {
            self.entries.remove(&namespace);
            news.push(News::Removed(namespace));
        }
        for (namespace, row) in present {
            if removed.get(&namespace).is_none_or(|removed| *removed < row.changed) {
                news.extend(self.enter(namespace, row));
            }
        }
        news
    }

    /// What the watch tells, of whatever key.
    pub(in crate::server) fn watched(&mut self, change: &Change) -> Option<News> {
        let Some(Key::Catalogue(namespace)) = self.keys.parse(change.key()) else { return None };
        match change {
            Change::Put(row) => self.enter(namespace, row),
            Change::Deleted { at, .. } => {
                if let Some(removed) = &mut self.removed {
                    removed.insert(namespace.clone(), *at);
                }
                let is_known = self.entries.get(&namespace).is_some_and(|changed| changed < at);
                is_known.then(|| self.entries.remove(&namespace));
                is_known.then_some(News::Removed(namespace))
            }
        }
    }

    fn enter(&mut self, namespace: Namespace, row: &Row) -> Option<News> {
        let known = self.entries.get(&namespace);
        if known.is_some_and(|changed| *changed >= row.changed) {
            return None;
        }
        if known.is_none() && self.entries.len() >= MAX_ENTRIES {
            return Some(News::TooMany(namespace));
        }
        match CatalogueEntry::from_row(&row.key, &row.value) {
            Ok(entry) => {
                let was_known = self.entries.insert(namespace.clone(), row.changed).is_some();
                Some(News::Entered { namespace, entry, was_known })
            }
            Err(unreadable) => Some(News::Unreadable(unreadable)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use proptest::prelude::*;

    use super::*;
    use crate::{
        engine::{Kind, NamespaceConfig},
        types::Version,
    };

    fn namespace(number: usize) -> Namespace {
        Namespace::new(format!("n{number}")).unwrap()
    }

    fn row(number: usize, changed: u64) -> Row {
        let key = Keys::default().catalogue(&namespace(number));
        let entry = CatalogueEntry::new(Arc::new(NamespaceConfig::new(Kind::Ephemeral)), Version::default());
        Row { value: entry.to_row(&key), key, changed: Revision(changed) }
    }

    /// What everybody who hears the news believes.
    fn believe(believed: &mut BTreeSet<Namespace>, news: impl IntoIterator<Item = News>) {
        for news in news {
            match news {
                News::Entered { namespace, was_known, .. } => {
                    assert_eq!(was_known, !believed.insert(namespace));
                }
                News::Removed(namespace) => assert!(believed.remove(&namespace), "known before"),
                News::Unreadable(_) | News::TooMany(_) => panic!("{news:?}"),
            }
        }
    }

    proptest! {
        /// Rows come and go, readings begin and end in between, and some changes are missed before a reading begins.
        #[test]
        fn whatever_is_read_when_the_book_ends_as_the_store_is(
            steps in proptest::collection::vec((0..4_usize, 0..5_u8), 1..60)
        ) {
            let mut book = Book::new(Keys::default());
            let (mut store, mut believed) = (BTreeMap::new(), BTreeSet::new());
            let mut reading: Option<(Vec<Row>, Revision)> = None;
            book.reading();
            believe(&mut believed, book.read(&[], Revision(0)));
            for (revision, (number, action)) in (1..).zip(steps) {
                let key = Keys::default().catalogue(&namespace(number));
                match action {
                    0..=2 => {
                        let change = if action == 0 {
                            store.remove(&number);
                            Change::Deleted { key, at: Revision(revision) }
                        } else {
                            store.insert(number, revision);
                            Change::Put(row(number, revision))
                        };
                        believe(&mut believed, book.watched(&change));
                    }
                    3 if reading.is_none() => {
                        // A change that nobody hears of, and the watch that was opened after it.
                        store.insert(number, revision);
                        book.reading();
                        let rows = store.iter().map(|(number, changed)| row(*number, *changed)).collect();
                        reading = Some((rows, Revision(revision)));
                    }
                    _ => if let Some((rows, revision)) = reading.take() {
                        believe(&mut believed, book.read(&rows, revision));
                    }
                }
            }
            if let Some((rows, revision)) = reading.take() {
                believe(&mut believed, book.read(&rows, revision));
            }
            prop_assert_eq!(believed, store.keys().map(|number| namespace(*number)).collect());
        }
    }

    #[test]
    fn what_cannot_be_read_or_is_too_much_is_told_and_passed_over() {
        let mut book = Book::new(Keys::default());
        let damaged = Row { value: "?".into(), ..row(0, 1) };
        assert!(matches!(book.watched(&Change::Put(damaged)), Some(News::Unreadable(_))));
        for number in 0..MAX_ENTRIES {
            assert!(matches!(book.watched(&Change::Put(row(number, 2))), Some(News::Entered { .. })));
        }
        let more = book.watched(&Change::Put(row(MAX_ENTRIES, 3)));
        assert_eq!(more, Some(News::TooMany(namespace(MAX_ENTRIES))));
        assert_eq!(book.entries.len(), MAX_ENTRIES);
    }
}
