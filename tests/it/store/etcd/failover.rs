//! Members that die, stop, and come back.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use shardway::store::{Change, WatchError};
use tokio::time::Instant;

use super::*;

/// How many transactions each phase waits for.
const PHASE: usize = 40;
const WRITERS: usize = 4;
/// Longer than etcd needs for another leader, and a call that was caught in between for its timeout, on a machine that
/// does something else besides.
const LONGEST_GAP: Duration = Duration::from_secs(10);

/// What writers were told, and when they were told last.
struct Ledger {
    acknowledged: Mutex<BTreeMap<String, Revision>>,
    last: Mutex<Instant>,
    longest_gap: Mutex<Duration>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_outlives_leaders_and_happens_once() {
    let mut cluster = Cluster::start(3, &[]).await;
    let leader = cluster.leader().await;
    // The one that is about to die is asked first.
    let config = cluster.config_of([leader, (leader + 1) % 3, (leader + 2) % 3]);
    let store = Arc::new(open(config));
    let start = commit(&store, put("count", "0")).await;
    let ledger = Arc::new(Ledger {
        acknowledged: Mutex::default(),
        last: Mutex::new(Instant::now()),
        longest_gap: Mutex::default(),
    });
    let writers: Vec<_> =
        (0..WRITERS).map(|writer| tokio::spawn(write(store.clone(), ledger.clone(), writer))).collect();
    let watcher = tokio::spawn(watch(store.clone(), start.next()));

    ledger.wait_for(PHASE).await;
    cluster.kill(leader);
    ledger.wait_for(PHASE).await;
    cluster.restart(leader).await;
    let paused = cluster.pause(cluster.leader().await).await;
    ledger.wait_for(PHASE).await;
    drop(paused);
    ledger.wait_for(PHASE).await;
    for writer in writers {
        writer.abort();
        let _ = writer.await;
    }

    // One more commit, behind which nothing of them can happen: it changes what all of them compare.
    let count = retried(|| store.get("count")).await.unwrap();
    let last = insist(&store, put("count", count.value)).await;
    let mut rows = BTreeMap::new();
    let mut next = Some(Range { at: Some(last), ..Range::prefix("entry/", 1_000) });
    while let Some(range) = next {
        let page = retried(|| store.range(range.clone())).await;
        rows.extend(page.rows.iter().map(|row| (row.key.to_string(), row.changed)));
        next = range.behind(&page);
    }
    let count = retried(|| store.get("count")).await.unwrap().value;
    assert_eq!(count, rows.len().to_string(), "each entry was counted once");
    for (entry, at) in ledger.acknowledged.lock().iter() {
        assert_eq!(rows.get(entry), Some(at), "{entry} was acknowledged");
    }
    insist(&store, put("entry/end", "")).await;
    let told = timeout(DEADLINE, watcher).await.expect("the watch sees the end").unwrap();
    assert_eq!(told, rows, "the watch has told of each entry, and of nothing else");
    let gap = *ledger.longest_gap.lock();
    assert!(gap < LONGEST_GAP, "{gap:?} without an answer");
}

impl Ledger {
    /// Waits for so many more acknowledgements.
    async fn wait_for(&self, more: usize) {
        let until = self.acknowledged.lock().len() + more;
        let waiting = async {
            while self.acknowledged.lock().len() < until {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(DEADLINE, waiting).await.expect("writers go on");
    }

    fn acknowledge(&self, entry: String, at: Revision) {
        let gap = std::mem::replace(&mut *self.last.lock(), Instant::now()).elapsed();
        let mut longest = self.longest_gap.lock();
        *longest = gap.max(*longest);
        let before = self.acknowledged.lock().insert(entry.clone(), at);
        assert_eq!(before, None, "{entry} was acknowledged twice");
    }
}

/// Does what may be done twice until it was done.
async fn insist(store: &EtcdStore, transaction: Transaction) -> Revision {
    let tries = async {
        loop {
            match store.transact(transaction.clone()).await {
                Ok(Outcome::Committed(at)) => return at,
                Err(StoreError::Unavailable { .. } | StoreError::Unknown { .. }) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    timeout(DEADLINE, tries).await.expect("the store serves again")
}

/// Counts, and makes an entry with each count, until it is ended.
async fn write(store: Arc<EtcdStore>, ledger: Arc<Ledger>, writer: usize) {
    let mut number = 0;
    loop {
        let count = retried(|| store.get("count")).await.expect("it is never deleted");
        let next: u64 = std::str::from_utf8(&count.value).unwrap().parse::<u64>().unwrap() + 1;
        let entry = format!("entry/{writer}-{number}");
        let transaction = put("count", next.to_string())
            .write(Write::Put(entry.as_str().into(), next.to_string().into()))
            .when(Compare::Changed("count".into(), count.changed))
            .when(Compare::Absent(entry.as_str().into()));
        match store.transact(transaction).await {
            Ok(Outcome::Committed(at)) => {
                ledger.acknowledge(entry, at);
                number += 1;
            }
            Ok(Outcome::Refused) | Err(StoreError::Unavailable { .. }) => {}
            // It may even happen later, but not any more once somebody else has counted. So this entry is given up.
            Err(StoreError::Unknown { .. }) => number += 1,
            Err(error) => panic!("{error}"),
        }
    }
}

/// All entries that watches tell of, one beginning where another broke off, until the last one.
async fn watch(store: Arc<EtcdStore>, mut from: Revision) -> BTreeMap<String, Revision> {
    let mut told = BTreeMap::new();
    loop {
        let mut watch = match store.watch("entry/", from).await {
            Ok(watch) => watch,
            Err(WatchError::Broken { .. }) => continue,
            Err(error) => panic!("{error}"),
        };
        while let Ok(batch) = watch.next().await {
            assert!(batch.revision >= from, "watches go forward");
            from = batch.revision.next();
            for change in batch.changes {
                let Change::Put(row) = change else { panic!("nothing is deleted") };
                if &*row.key == "entry/end" {
                    return told;
                }
                let before = told.insert(row.key.to_string(), row.changed);
                assert_eq!(before, None, "{} is told twice", row.key);
            }
        }
    }
}
