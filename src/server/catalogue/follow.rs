//! The catalogue followed by a replica: what has to be read, written and removed, and what comes of it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::task::JoinSet;

use super::{Book, Catalogue, News, rows::Settled};
use crate::{
    engine::NamespaceConfig,
    store::{Batch, Revision, Row},
    types::Namespace,
};

/// A namespace that is to begin anew is looked at again after this, until it has.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The catalogue as the desk follows it.
#[derive(Debug)]
pub(in crate::server) struct Following {
    book: Book,
    catalogue: Catalogue,
    /// Those that the settings file names, until they have been seen to.
    named: BTreeMap<Namespace, Arc<NamespaceConfig>>,
    errands: JoinSet<Done>,
}

/// What a task has done.
#[derive(Debug)]
pub(in crate::server) enum Done {
    Read(Vec<Row>, Revision),
    Ensured,
    Settled(Namespace, Settled),
}

/// What the desk has to do.
#[derive(Debug, PartialEq)]
pub(in crate::server) enum Todo {
    /// Hear of these.
    Hear(Vec<News>),
    /// Begin this one anew, if it is led here and not run.
    BeginAnew(Namespace),
}

impl Following {
    pub(in crate::server) fn new(
        catalogue: Catalogue,
        named: BTreeMap<Namespace, Arc<NamespaceConfig>>,
    ) -> Self {
        Self { book: Book::new(catalogue.keys().clone()), catalogue, named, errands: JoinSet::new() }
    }

    /// A watch is open: from now on nothing is missed, but something may have been.
    pub(in crate::server) fn opened(&mut self) {
        self.book.reading();
        let catalogue = self.catalogue.clone();
        self.errands.spawn(async move {
            let (rows, revision) = catalogue.read().await;
            Done::Read(rows, revision)
        });
    }

    /// What the watch tells.
    pub(in crate::server) fn watched(&mut self, batch: &Batch) -> Vec<News> {
        batch.changes.iter().filter_map(|change| self.book.watched(change)).collect()
    }

    /// A namespace's history says that it is deleted.
    pub(in crate::server) fn deleted(&mut self, namespace: Namespace) {
        self.settle(namespace, Duration::ZERO);
    }

    /// Waits for a task to be done; there may be none.
    pub(in crate::server) async fn done(&mut self) -> Option<Done> {
        self.errands.join_next().await?.ok()
    }

    /// What follows from what a task has done.
    pub(in crate::server) fn hear(&mut self, done: Done) -> Option<Todo> {
        match done {
            Done::Ensured | Done::Settled(_, Settled::Done) => None,
            Done::Read(rows, revision) => {
                let news = self.book.read(&rows, revision);
                self.ensure_named();
                Some(Todo::Hear(news))
            }
            Done::Settled(namespace, Settled::BeginsAnew) => {
                self.settle(namespace.clone(), LOOK_AGAIN);
                Some(Todo::BeginAnew(namespace))
            }
        }
    }

    /// Once: what is deleted while this replica runs stays deleted.
    fn ensure_named(&mut self) {
        for (namespace, founding) in std::mem::take(&mut self.named) {
            if !self.book.contains(&namespace) {
                let catalogue = self.catalogue.clone();
                self.errands.spawn(async move {
                    catalogue.ensure(&namespace, &founding).await;
                    Done::Ensured
                });
            }
        }
    }

    fn settle(&mut self, namespace: Namespace, after: Duration) {
        let catalogue = self.catalogue.clone();
        self.errands.spawn(async move {
            tokio::time::sleep(after).await;
            let settled = catalogue.settle(&namespace).await;
            Done::Settled(namespace, settled)
        });
    }
}
