//! A store, and what it is asked.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;

use crate::{
    clock::Clock,
    store::{
        Answer, Batch, Change, Limits, Outcome, Page, Range, Revision, Row, Store, StoreError, StoreIdentity,
        Transaction, Usage, Watch, WatchError,
    },
    telemetry::{Histogram, Recorder, metric},
};

#[derive(Clone, Copy, Debug)]
enum Operation {
    Get,
    Range,
    Transact,
    Watch,
    Compact,
    Usage,
}

const OPERATIONS: [(Operation, &str); 6] = [
    (Operation::Get, "get"),
    (Operation::Range, "range"),
    (Operation::Transact, "transact"),
    (Operation::Watch, "watch"),
    (Operation::Compact, "compact"),
    (Operation::Usage, "usage"),
];

#[derive(Clone, Copy, Debug)]
enum End {
    Ok,
    Refused,
    Unavailable,
    Unknown,
    Full,
    Failed,
}

const ENDS: [(End, &str); 6] = [
    (End::Ok, "ok"),
    (End::Refused, "refused"),
    (End::Unavailable, "unavailable"),
    (End::Unknown, "unknown"),
    (End::Full, "full"),
    (End::Failed, "failed"),
];

/// What a store was asked, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct StoreFigures {
    seconds: [Histogram; OPERATIONS.len()],
    ends: [[AtomicU64; ENDS.len()]; OPERATIONS.len()],
    read: AtomicU64,
    written: AtomicU64,
    watched: AtomicU64,
    /// Why the last call failed that did.
    last_failure: Mutex<Option<String>>,
}

impl StoreFigures {
    /// Why the store was last found away, for those who wait for it.
    pub(crate) fn last_failure(&self) -> Option<String> {
        self.last_failure.lock().clone()
    }

    fn failed(&self, error: impl ToString) {
        *self.last_failure.lock() = Some(error.to_string());
    }

    pub(super) fn record(&self, to: &dyn Recorder) {
        for (operation, name) in OPERATIONS {
            let of = ("operation", name);
            to.histogram(metric::STORE_SECONDS, &[of], &self.seconds[operation as usize].buckets());
            for (end, name) in ENDS {
                let count = self.ends[operation as usize][end as usize].load(Ordering::Relaxed);
                to.counter(metric::STORE_CALLS, &[of, ("outcome", name)], count);
            }
        }
        for (direction, bytes) in
            [("read", &self.read), ("written", &self.written), ("watched", &self.watched)]
        {
            to.counter(metric::STORE_BYTES, &[("direction", direction)], bytes.load(Ordering::Relaxed));
        }
    }
}

/// Passes everything on, and counts it.
pub(crate) struct MeteredStore {
    inner: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    figures: Arc<StoreFigures>,
}

impl MeteredStore {
    pub(crate) fn new(inner: Arc<dyn Store>, clock: Arc<dyn Clock>, figures: Arc<StoreFigures>) -> Self {
        Self { inner, clock, figures }
    }

    async fn meter<T>(
        &self,
        operation: Operation,
        call: Answer<'_, T>,
        end: impl FnOnce(&T) -> (End, u64),
    ) -> Result<T, StoreError> {
        let began = self.clock.now();
        let result = call.await;
        self.figures.seconds[operation as usize].observe(self.clock.now().since(began));
        let (end, bytes) = match &result {
            Ok(value) => end(value),
            Err(error) => {
                self.figures.failed(error);
                (of_error(error), 0)
            }
        };
        self.figures.ends[operation as usize][end as usize].fetch_add(1, Ordering::Relaxed);
        self.figures.read.fetch_add(bytes, Ordering::Relaxed);
        result
    }
}

fn of_error(error: &StoreError) -> End {
    match error {
        StoreError::Unavailable { .. } => End::Unavailable,
        StoreError::Unknown { .. } => End::Unknown,
        StoreError::Full { .. } => End::Full,
        _ => End::Failed,
    }
}

fn size(row: &Row) -> u64 {
    (row.key.len() + row.value.len()) as u64
}

impl Store for MeteredStore {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    fn identity(&self) -> Answer<'_, StoreIdentity> {
        self.inner.identity()
    }

    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Row>> {
        let bytes = |row: &Option<Row>| (End::Ok, row.as_ref().map_or(0, size));
        Box::pin(self.meter(Operation::Get, self.inner.get(key), bytes))
    }

    fn range(&self, range: Range) -> Answer<'_, Page> {
        let bytes = |page: &Page| (End::Ok, page.rows.iter().map(size).sum());
        Box::pin(self.meter(Operation::Range, self.inner.range(range), bytes))
    }

    fn transact(&self, transaction: Transaction) -> Answer<'_, Outcome> {
        let bytes = transaction.bytes() as u64;
        let end = move |outcome: &Outcome| match outcome {
            Outcome::Committed(_) => {
                self.figures.written.fetch_add(bytes, Ordering::Relaxed);
                (End::Ok, 0)
            }
            Outcome::Refused => (End::Refused, 0),
        };
        Box::pin(self.meter(Operation::Transact, self.inner.transact(transaction), end))
    }

    fn watch(&self, prefix: &str, from: Revision) -> Answer<'_, Box<dyn Watch>, WatchError> {
        let call = self.inner.watch(prefix, from);
        Box::pin(async move {
            let result = call.await;
            let end = if result.is_ok() { End::Ok } else { End::Failed };
            self.figures.ends[Operation::Watch as usize][end as usize].fetch_add(1, Ordering::Relaxed);
            let inner = result.inspect_err(|error| self.figures.failed(error))?;
            Ok(Box::new(MeteredWatch { inner, figures: self.figures.clone() }) as Box<dyn Watch>)
        })
    }

    fn compact(&self, before: Revision) -> Answer<'_, ()> {
        Box::pin(self.meter(Operation::Compact, self.inner.compact(before), |()| (End::Ok, 0)))
    }

    fn usage(&self) -> Answer<'_, Usage> {
        Box::pin(self.meter(Operation::Usage, self.inner.usage(), |_| (End::Ok, 0)))
    }

    fn damaged(&self) -> Vec<Arc<str>> {
        self.inner.damaged()
    }
}

struct MeteredWatch {
    inner: Box<dyn Watch>,
    figures: Arc<StoreFigures>,
}

impl Watch for MeteredWatch {
    fn next(&mut self) -> Answer<'_, Batch, WatchError> {
        let (call, figures) = (self.inner.next(), &self.figures);
        Box::pin(async move {
            let batch = call.await.inspect_err(|error| figures.failed(error))?;
            let bytes = batch.changes.iter().map(|change| match change {
                Change::Put(row) => size(row),
                Change::Deleted { key, .. } => key.len() as u64,
            });
            figures.watched.fetch_add(bytes.sum(), Ordering::Relaxed);
            Ok(batch)
        })
    }
}
