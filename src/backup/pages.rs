//! Reading all of a store, a piece at a time.

use super::{BATCH_BYTES, BackupError};
use crate::{
    store::{Errand, Key, Keys, Page, Range, Row, Step, Store, StoreError, after_prefix},
    types::Namespace,
};

/// Rows of a page, at most. A store has a bound for their bytes.
const PAGE_ROWS: usize = 256;

/// All rows below a root as of one revision, the present one of the first page.
pub(super) struct Pages<'a> {
    store: &'a dyn Store,
    next: Option<Range>,
}

impl<'a> Pages<'a> {
    pub(super) fn new(store: &'a dyn Store, keys: &Keys) -> Self {
        let next = Some(Range::prefix(&keys.all(), PAGE_ROWS.min(store.limits().rows)));
        Self { store, next }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Page>, BackupError> {
        let Some(range) = self.next.take() else { return Ok(None) };
        let at = range.at;
        let page = self.store.range(range.clone()).await.map_err(|error| match (error, at) {
            (StoreError::Compacted { .. }, Some(revision)) => BackupError::Overtaken { revision },
            (error, _) => error.into(),
        })?;
        self.next = range.behind(&page);
        Ok(Some(page))
    }
}

/// All namespaces that have rows, each as of when it is come to.
pub(super) struct Namespaces<'a> {
    store: &'a dyn Store,
    keys: &'a Keys,
    from: String,
}

impl<'a> Namespaces<'a> {
    pub(super) fn new(store: &'a dyn Store, keys: &'a Keys) -> Self {
        Self { store, keys, from: keys.namespaces() }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Namespace>, StoreError> {
        let until = after_prefix(&self.keys.namespaces());
        loop {
            let range = Range { from: self.from.clone(), until: until.clone(), at: None, rows: 1 };
            let Some(Row { key, .. }) = self.store.range(range).await?.rows.pop() else { return Ok(None) };
            if let Some(Key::Of(namespace, _)) = self.keys.parse(&key) {
                self.from = after_prefix(&self.keys.namespace(&namespace)).expect("a prefix ends with '/'");
                return Ok(Some(namespace));
            }
            // The first key that can be behind it.
            self.from = format!("{key} ");
        }
    }
}

/// Does an errand that only reads.
pub(crate) async fn run<E: Errand>(store: &dyn Store, errand: &mut E) -> Result<E::End, StoreError> {
    let mut reply = None;
    loop {
        match errand.next(reply.take()) {
            Step::Ask(request) => reply = Some(request.ask(store).await),
            Step::Pause(error) => return Err(error),
            Step::Done(end) => return Ok(end),
        }
    }
}

/// How much goes into one transaction of a store.
pub(super) fn batch_bytes(store: &dyn Store) -> usize {
    store.limits().bytes.min(BATCH_BYTES)
}
