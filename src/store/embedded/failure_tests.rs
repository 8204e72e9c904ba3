//! Disks that are full or broken: what was acknowledged stays readable, nothing is invented, and it mends itself.

use super::{
    crash_disk::{CrashDisk, Faults, Survival, split_mix},
    *,
};
use crate::store::{Change, Write};

const HEALTHY: Faults = Faults { blocks: None, writes: false, lie: None, syncs: 0, names: false };

fn open(disk: &CrashDisk) -> EmbeddedStore {
    EmbeddedStore::on(Box::new(disk.clone()), EmbeddedOptions::default()).unwrap()
}

fn put(key: &str, bytes: usize) -> Transaction {
    Transaction::default().write(Write::Put(key.into(), vec![7; bytes].into()))
}

/// A store with one row, at revision 1.
async fn with_a_row(disk: &CrashDisk) -> EmbeddedStore {
    let store = open(disk);
    assert_eq!(store.transact(put("a", 10)).await, Ok(Outcome::Committed(Revision(1))));
    store
}

async fn keys(store: &EmbeddedStore) -> Vec<String> {
    let page = store.range(Range::prefix("", 1_000)).await.unwrap();
    page.rows.iter().map(|row| row.key.to_string()).collect()
}

/// What the disk holds, whether or not it crashes now, in the best and in the worst case.
async fn assert_durable(disk: &CrashDisk, expected: &[&str]) {
    for image in [Survival::Nothing, Survival::Everything, Survival::Some(1), Survival::Some(2)]
        .map(|survival| disk.crash(disk.operations(), survival).0)
        .into_iter()
        .chain([disk.image()])
    {
        assert_eq!(keys(&open(&CrashDisk::of(image))).await, expected);
    }
}

#[tokio::test]
async fn a_full_disk_fails_writes_and_keeps_reads() {
    let disk = CrashDisk::default();
    let store = with_a_row(&disk).await;
    let mut watch = store.watch("", Revision(2)).await.unwrap();
    disk.set_faults(Faults { blocks: Some(disk.blocks() + 20), ..HEALTHY });
    let mut written = 1;
    let error = loop {
        match store.transact(put(&format!("b{written:03}"), 5_000)).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, StoreError::Full { reason } if reason.contains("a disk")), "{error}");
    // No space for another file either.
    disk.set_faults(Faults { blocks: Some(disk.blocks()), ..HEALTHY });
    for _ in 0..3 {
        let again = store.transact(put("big", 500_000)).await;
        assert!(matches!(again, Err(StoreError::Full { .. })), "{again:?}");
        assert_eq!(keys(&store).await.len(), written);
        assert_eq!(store.get("a").await.unwrap().unwrap().changed, Revision(1));
        assert_eq!(store.get("big").await, Ok(None));
    }
    let mut told = 0;
    while told < written - 1 {
        told += watch.next().await.unwrap().changes.len();
    }
    disk.set_faults(HEALTHY);
    let next = Revision(written as u64 + 1);
    assert_eq!(store.transact(put("z", 500_000)).await, Ok(Outcome::Committed(next)));
    let told = watch.next().await.unwrap();
    assert_eq!((told.changes.len(), told.revision), (1, next), "what failed was never told");
    let all = keys(&store).await;
    assert_durable(&disk, &all.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_disk_that_takes_no_writes_fails_them_and_keeps_reads() {
    let disk = CrashDisk::default();
    let store = with_a_row(&disk).await;
    // The fuller the file, the earlier it fails: some of these already when the file is to grow.
    for written in 1..8 {
        disk.set_faults(Faults { writes: true, ..HEALTHY });
        for bytes in [100_000, 10] {
            let answer = store.transact(put("b", bytes)).await;
            assert!(matches!(answer, Err(StoreError::Unavailable { .. })), "{answer:?}");
            assert_eq!(keys(&store).await.len(), written);
        }
        disk.set_faults(HEALTHY);
        let next = Ok(Outcome::Committed(Revision(written as u64 + 1)));
        assert_eq!(store.transact(put(&format!("a{written}"), 100_000)).await, next);
    }
    assert_durable(&disk, &["a", "a1", "a2", "a3", "a4", "a5", "a6", "a7"]).await;
}

#[tokio::test]
async fn after_a_failed_sync_everything_is_written_anew() {
    let disk = CrashDisk::default();
    let store = with_a_row(&disk).await;
    disk.set_faults(Faults { syncs: 1, ..HEALTHY });
    let answer = store.transact(put("b", 10)).await;
    assert!(
        matches!(answer, Err(StoreError::Unavailable { .. })),
        "nothing was written, for sure: {answer:?}"
    );
    assert_eq!(keys(&store).await, ["a"]);
    assert_durable(&disk, &["a"]).await;
    assert_eq!(store.transact(put("c", 10)).await, Ok(Outcome::Committed(Revision(2))));
    assert_durable(&disk, &["a", "c"]).await;
}

/// The file is opened again after a write that failed, and that fails to sync: it is never trusted again either.
#[tokio::test]
async fn a_sync_that_fails_while_mending_is_remembered() {
    let disk = CrashDisk::default();
    let store = with_a_row(&disk).await;
    let file = disk.file(FILE);
    disk.set_faults(Faults { blocks: Some(disk.blocks()), syncs: 1, ..HEALTHY });
    assert!(store.transact(put("big", 500_000)).await.is_err());
    disk.set_faults(HEALTHY);
    assert_eq!(store.transact(put("c", 10)).await, Ok(Outcome::Committed(Revision(2))));
    assert_ne!(disk.file(FILE), file, "another file has taken its place");
    assert_durable(&disk, &["a", "c"]).await;
}

/// A write that was done although it was said to have failed must not bring back what was said not to have happened.
#[tokio::test]
async fn a_commit_that_is_there_though_it_failed_is_undone() {
    let mut failed = 0;
    for writes in 0..30 {
        let disk = CrashDisk::default();
        let store = with_a_row(&disk).await;
        disk.set_faults(Faults { lie: Some(writes), ..HEALTHY });
        let answer = store.transact(put("b", 10)).await;
        disk.set_faults(HEALTHY);
        let expected = if answer.is_ok() { vec!["a", "b"] } else { vec!["a"] };
        assert_eq!(keys(&store).await, expected);
        drop(store);
        assert_durable(&disk, &expected).await;
        failed += usize::from(answer.is_err());
    }
    assert!((3..30).contains(&failed), "some failed, later ones came too late: {failed}");
}

/// Nobody is told that a transaction has not happened while a crash could still make it have happened.
#[tokio::test]
async fn while_a_commit_is_in_doubt_the_present_is_not_told() {
    let disk = CrashDisk::default();
    let store = with_a_row(&disk).await;
    let mut watch = store.watch("", Revision(1)).await.unwrap();
    for broken in [Faults { syncs: 9, ..HEALTHY }, Faults { syncs: 1, names: true, ..HEALTHY }] {
        disk.set_faults(broken);
        let before = disk.operations();
        let answer = store.transact(put("b", 10)).await;
        assert!(matches!(answer, Err(StoreError::Unknown { .. })), "{answer:?}");
        let mut may_be = Vec::new();
        for cut in before..=disk.operations() {
            let (image, _) = disk.crash(cut, Survival::Everything);
            may_be.push(keys(&open(&CrashDisk::of(image))).await.len());
        }
        assert!(may_be.contains(&2), "a crash could have brought it back, or the doubt is idle: {may_be:?}");

        assert!(matches!(store.get("b").await, Err(StoreError::Unavailable { .. })));
        assert!(matches!(store.range(Range::prefix("", 9)).await, Err(StoreError::Unavailable { .. })));
        let past = Range { at: Some(Revision(1)), ..Range::prefix("", 9) };
        assert_eq!(store.range(past).await.unwrap().rows.len(), 1, "the past is as it was");
        let answer = store.transact(put("c", 10)).await;
        assert!(matches!(answer, Err(StoreError::Unavailable { .. })), "not even tried: {answer:?}");

        disk.set_faults(HEALTHY);
        assert_eq!(store.transact(Transaction::default()).await, Ok(Outcome::Committed(Revision(1))));
        assert_eq!(keys(&store).await, ["a"]);
        assert_durable(&disk, &["a"]).await;
    }
    assert_eq!(store.transact(put("d", 10)).await, Ok(Outcome::Committed(Revision(2))));
    assert_durable(&disk, &["a", "d"]).await;
    let mut told = Vec::new();
    while told.len() < 2 {
        told.extend(watch.next().await.unwrap().changes.iter().map(|change| change.key().to_string()));
    }
    assert_eq!(told, ["a", "d"], "what was in doubt was never told");
}

#[tokio::test]
async fn all_that_wait_together_share_the_fate_of_the_commit() {
    let disk = CrashDisk::default();
    let store = Arc::new(with_a_row(&disk).await);
    disk.set_faults(Faults { writes: true, ..HEALTHY });
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let (store, key) = (store.clone(), format!("b{number}"));
            tokio::spawn(async move { store.transact(put(&key, 10)).await })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap().is_err());
    }
    disk.set_faults(HEALTHY);
    assert_eq!(keys(&store).await, ["a"]);
    assert_eq!(
        store.transact(put("c", 1)).await,
        Ok(Outcome::Committed(Revision(2))),
        "no revision was used up"
    );
}

#[tokio::test]
async fn rows_beyond_the_quota_are_refused_and_fewer_are_not() {
    let disk = CrashDisk::default();
    let options = EmbeddedOptions { max_bytes: 1_000, ..EmbeddedOptions::default() };
    let store = EmbeddedStore::on(Box::new(disk.clone()), options).unwrap();
    store.transact(put("a", 500)).await.unwrap();
    store.transact(put("b", 400)).await.unwrap();
    let too_much = store.transact(put("c", 200)).await;
    assert!(matches!(too_much, Err(StoreError::Full { .. })), "{too_much:?}");
    assert_eq!(keys(&store).await, ["a", "b"]);
    store.transact(put("a", 500)).await.expect("as much as before");
    store.transact(put("c", 200).write(Write::Delete("b".into()))).await.expect("less than before");
    // One that is lowered below what is there lets rows shrink.
    drop(store);
    let options = EmbeddedOptions { max_bytes: 100, ..options };
    let store = EmbeddedStore::on(Box::new(disk), options).unwrap();
    store.transact(put("a", 300)).await.expect("less than before");
    assert!(store.transact(put("d", 1)).await.is_err());
}

/// What keeps a full store going, and what makes room in it, goes on.
#[tokio::test]
async fn a_full_store_takes_what_keeps_it_going_from_its_reserve() {
    let disk = CrashDisk::default();
    let options = EmbeddedOptions { max_bytes: 1_000, ..EmbeddedOptions::default() };
    let store = EmbeddedStore::on(Box::new(disk.clone()), options).unwrap();
    store.transact(put("proof-of-life", 10)).await.unwrap();
    store.transact(put("a", 900)).await.unwrap();
    let counted = Usage { bytes: 13 + 10 + 1 + 900, quota: Some(1_000) };
    assert_eq!(store.usage().await, Ok(counted), "what the refusal counts");
    let refused = store.transact(put("commit", 71)).await;
    assert!(
        matches!(&refused, Err(StoreError::Full { reason }) if reason.contains("max_bytes")),
        "{refused:?}"
    );
    store.transact(put("commit", 70)).await.expect("the last that fits");
    assert!(store.transact(put("b", 1)).await.is_err());
    // Rows that are there may grow, and what makes room may come, up to twice the quota.
    store.transact(put("proof-of-life", 11)).await.unwrap();
    store.transact(put("snapshot", 900).using_reserve()).await.unwrap();
    let refused = store.transact(put("another", 200).using_reserve()).await;
    assert!(
        matches!(&refused, Err(StoreError::Full { reason }) if reason.contains("reserve")),
        "{refused:?}"
    );
    assert!(store.transact(put("b", 1)).await.is_err(), "it is still full");
    store.transact(put("snapshot", 990)).await.expect("even now rows that are there may grow");
    assert_eq!(keys(&store).await, ["a", "commit", "proof-of-life", "snapshot"]);
    // Two ways out: something is deleted, or it may hold more.
    drop(store);
    let more = EmbeddedOptions { max_bytes: 3_000, ..options };
    let store = EmbeddedStore::on(Box::new(disk.clone()), more).unwrap();
    store.transact(put("b", 1)).await.expect("it may hold more");
    drop(store);
    let store = EmbeddedStore::on(Box::new(disk), options).unwrap();
    assert!(store.transact(put("c", 1)).await.is_err());
    let less =
        Transaction::default().write(Write::Delete("snapshot".into())).write(Write::Delete("b".into()));
    store.transact(less.write(Write::Delete("commit".into()))).await.expect("it holds less");
    store.transact(put("c", 1)).await.unwrap();
}

/// Whoever opens a store that holds more than it may, with another limit than its own, can end what was begun in it.
#[tokio::test]
async fn a_store_that_holds_more_than_it_may_has_a_reserve_too() {
    let disk = CrashDisk::default();
    let store = EmbeddedStore::on(Box::new(disk.clone()), EmbeddedOptions::default()).unwrap();
    store.transact(put("a", 5_000)).await.unwrap();
    drop(store);
    let options = EmbeddedOptions { max_bytes: 1_000, ..EmbeddedOptions::default() };
    let store = EmbeddedStore::on(Box::new(disk), options).unwrap();
    assert!(store.transact(put("b", 1)).await.is_err());
    store.transact(put("snapshot", 4_000).using_reserve()).await.unwrap();
    store.transact(put("a", 5_001)).await.unwrap();
    assert!(store.transact(put("another", 4_000).using_reserve()).await.is_err());
}

/// Rows come and go in all sizes, as many as the quota allows; the file does not grow beyond what is documented.
#[tokio::test]
async fn the_file_stays_within_four_times_the_quota() {
    const QUOTA: usize = 1 << 20;
    let disk = CrashDisk::default();
    let options = EmbeddedOptions { max_bytes: QUOTA, ..EmbeddedOptions::default() };
    let store = EmbeddedStore::on(Box::new(disk.clone()), options).unwrap();
    let (mut full, mut largest) = (0, 0);
    for number in 0..500 {
        let random = split_mix(number) as usize;
        let key = format!("{:03}", random % 300);
        match store.transact(put(&key, (random >> 32) % 20_000)).await {
            Ok(_) => {}
            Err(StoreError::Full { .. }) => {
                full += 1;
                let some = Write::DeleteRange("0".into(), format!("{:03}", random % 100).into());
                store.transact(Transaction::default().write(some)).await.unwrap();
            }
            Err(error) => panic!("{error}"),
        }
        largest = largest.max(disk.blocks() * 4096);
    }
    assert!(full > 5, "the quota was reached {full} times");
    assert!(largest < 4 * QUOTA, "{largest}");
}

#[tokio::test]
async fn a_watch_of_before_a_restart_is_told_that_the_past_is_forgotten() {
    let disk = CrashDisk::default();
    drop(with_a_row(&disk).await);
    let store = open(&disk);
    let forgotten = store.watch("", Revision(1)).await.err();
    assert_eq!(forgotten, Some(WatchError::Compacted { oldest: Revision(2) }));
    let mut watch = store.watch("", Revision(2)).await.unwrap();
    store.transact(put("b", 1)).await.unwrap();
    assert_eq!(watch.next().await.unwrap().changes.iter().map(Change::at).collect::<Vec<_>>(), [Revision(2)]);
    // An older copy of the store is noticed by who has seen more.
    drop(store);
    let asked = Revision(9);
    let now = Revision(2);
    assert_eq!(open(&disk).watch("", asked).await.err(), Some(WatchError::WentBack { asked, now }));
}
