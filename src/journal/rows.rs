//! Where one namespace's rows are.

use std::sync::Arc;

use crate::{
    store::{Chunk, Key, Keys, Range, Record},
    types::Namespace,
};

/// The keys of one namespace. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    keys: Keys,
    namespace: Namespace,
    head: Arc<str>,
    term: Arc<str>,
}

/// The two kinds of rows that come in chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Delta,
    Snapshot,
}

impl Rows {
    /// The keys of the namespace.
    pub fn new(keys: &Keys, namespace: &Namespace) -> Self {
        Self {
            head: keys.head(namespace),
            term: keys.term(namespace),
            keys: keys.clone(),
            namespace: namespace.clone(),
        }
    }

    /// Whose they are.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// What all of them begin with.
    pub fn prefix(&self) -> String {
        self.keys.namespace(&self.namespace)
    }

    pub(super) fn head(&self) -> &Arc<str> {
        &self.head
    }

    pub(super) fn term(&self) -> &Arc<str> {
        &self.term
    }

    pub(super) fn cluster(&self) -> Arc<str> {
        self.keys.cluster()
    }

    pub(super) fn chunk(&self, kind: Kind, chunk: Chunk) -> Arc<str> {
        match kind {
            Kind::Delta => self.keys.delta(&self.namespace, chunk),
            Kind::Snapshot => self.keys.snapshot(&self.namespace, chunk),
        }
    }

    /// Which chunk of this namespace a key is the key of.
    pub(super) fn chunk_of(&self, key: &str) -> Option<(Kind, Chunk)> {
        match self.keys.parse(key) {
            Some(Key::Of(namespace, record)) if namespace == self.namespace => match record {
                Record::Delta(chunk) => Some((Kind::Delta, chunk)),
                Record::Snapshot(chunk) => Some((Kind::Snapshot, chunk)),
                _ => None,
            },
            _ => None,
        }
    }

    /// What the chunks of a generation begin with; all chunks from one generation up to another are the range between
    /// the two.
    pub(super) fn generation(&self, kind: Kind, generation: u64) -> String {
        match kind {
            Kind::Delta => self.keys.deltas_of(&self.namespace, generation),
            Kind::Snapshot => self.keys.snapshots_of(&self.namespace, generation),
        }
    }
}

/// The range that holds one key and nothing else. Unlike a get, its answer tells the revision that it is of.
pub(super) fn alone(key: &str) -> Range {
    // Keys are printable ASCII, and '!' is the first of it.
    Range { from: key.to_owned(), until: Some(format!("{key}!")), at: None, rows: 1 }
}
