//! What every store does, whatever kind it is. A kind's own tests call [`run`] with a way to make a store.
//!
//! The store need not be empty, and may be the same one for all cases: each case keeps to keys of its own. But nobody
//! else may write to it meanwhile.

mod racing;
mod reading;
mod watching;
mod writing;

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use shardway::store::{
    Batch, Outcome, Page, Range, Revision, Store, Transaction, Watch, WatchError, Write, after_prefix,
};

/// Longer than any case takes on a machine that does something else besides.
const DEADLINE: Duration = Duration::from_secs(60);

type Test = fn(Case) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs every case on the stores that `make` makes, and names all that fail.
pub(crate) async fn run(make: impl AsyncFn() -> Arc<dyn Store>) {
    let mut failed = Vec::new();
    for (name, test) in [reading::CASES, writing::CASES, watching::CASES, racing::CASES].concat() {
        let case = Case::of(make().await);
        let run = tokio::spawn(tokio::time::timeout(DEADLINE, test(case)));
        match run.await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => failed.push(format!("{name} takes longer than {DEADLINE:?}")),
            Err(panic) => failed.push(format!("{name}: {panic}")),
        }
    }
    assert!(failed.is_empty(), "cases that failed:\n{}", failed.join("\n"));
}

/// Lists a file's cases by name.
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        pub(super) const CASES: &[(&str, super::Test)] =
            &[$((stringify!($case), |case| Box::pin($case(case)))),*];
    };
}
use cases;

/// A store, and keys in it that no other case has.
#[derive(Clone)]
struct Case {
    store: Arc<dyn Store>,
    prefix: String,
}

impl Case {
    fn of(store: Arc<dyn Store>) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self { store, prefix: format!("conformance/{}-{number}/", std::process::id()) }
    }

    fn key(&self, name: &str) -> Arc<str> {
        format!("{}{name}", self.prefix).into()
    }

    fn put(&self, name: &str, value: impl AsRef<[u8]>) -> Transaction {
        let value = Bytes::copy_from_slice(value.as_ref());
        Transaction::default().write(Write::Put(self.key(name), value))
    }

    fn delete(&self, name: &str) -> Transaction {
        Transaction::default().write(Write::Delete(self.key(name)))
    }

    /// The keys between two names.
    fn delete_range(&self, from: &str, until: &str) -> Transaction {
        Transaction::default().write(Write::DeleteRange(self.key(from), self.key(until)))
    }

    /// Does what must succeed.
    async fn commit(&self, transaction: Transaction) -> Revision {
        match self.store.transact(transaction).await.unwrap() {
            Outcome::Committed(revision) => revision,
            Outcome::Refused => panic!("the comparisons must hold"),
        }
    }

    async fn is_refused(&self, transaction: Transaction) -> bool {
        self.store.transact(transaction).await.unwrap() == Outcome::Refused
    }

    async fn value(&self, name: &str) -> Option<Bytes> {
        self.store.get(&self.key(name)).await.unwrap().map(|row| row.value)
    }

    /// All of the case's rows, or those of which the names begin so.
    fn all(&self, name: &str) -> Range {
        Range::prefix(&self.key(name), self.store.limits().rows)
    }

    async fn page(&self, range: Range) -> Page {
        self.store.range(range).await.unwrap()
    }

    /// The names of all of the case's rows.
    async fn names(&self) -> Vec<String> {
        self.page(self.all("")).await.rows.iter().map(|row| self.name(&row.key).to_owned()).collect()
    }

    fn name<'a>(&self, key: &'a str) -> &'a str {
        key.strip_prefix(&self.prefix).expect("only this case's keys were asked for")
    }

    async fn revision(&self) -> Revision {
        self.page(self.all("")).await.revision
    }

    async fn watch(&self, from: Revision) -> Box<dyn Watch> {
        self.store.watch(&self.prefix, from).await.unwrap()
    }

    /// Why a watch fails that cannot be, at once or at its first batch.
    async fn watch_error(&self, from: Revision) -> WatchError {
        match self.store.watch(&self.prefix, from).await {
            Err(error) => error,
            Ok(mut watch) => watch.next().await.expect_err("what is forgotten cannot be told"),
        }
    }

    fn behind(&self, name: &str) -> String {
        after_prefix(&self.key(name)).unwrap()
    }
}

/// All that a watch tells up to a revision, one batch.
async fn told_until(watch: &mut dyn Watch, until: Revision) -> Batch {
    let mut all = Batch { changes: Vec::new(), revision: Revision(0) };
    while all.revision < until {
        let batch = watch.next().await.unwrap();
        assert!(
            batch.revision > all.revision,
            "a watch goes forward: {} after {}",
            batch.revision.0,
            all.revision.0
        );
        let is_new = |at: Revision| all.revision < at && at <= batch.revision;
        assert!(
            batch.changes.iter().all(|change| is_new(change.at())),
            "each batch tells what is new: {batch:?}"
        );
        all.changes.extend(batch.changes);
        all.revision = batch.revision;
    }
    all
}
