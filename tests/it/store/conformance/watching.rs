//! Watches: order, no gap, whole transactions, from where one left off.

use std::{collections::BTreeMap, future::Future, pin::pin, task::Poll};

use bytes::Bytes;
use shardway::store::{Batch, Change, Revision, Row, Watch, WatchError, Write};

use super::{Case, cases, told_until};

cases![
    a_watch_tells_what_happens,
    a_watch_tells_what_happened,
    a_watch_tells_of_its_keys_only,
    deletions_are_told,
    transactions_are_told_whole_and_in_order,
    a_watch_goes_on_where_another_left_off,
    a_watch_says_how_far_it_is_when_nothing_happens_to_its_keys,
    a_dropped_wait_loses_nothing,
    a_watch_that_lags_is_told_everything,
    a_watch_from_a_forgotten_revision_is_refused,
    a_watch_from_a_revision_that_never_was_is_refused,
    many_watches_are_told_the_same,
];

fn put(case: &Case, name: &str, value: &str, changed: Revision) -> Change {
    Change::Put(Row { key: case.key(name), value: Bytes::copy_from_slice(value.as_bytes()), changed })
}

async fn a_watch_tells_what_happens(case: Case) {
    let mut watch = case.watch(case.revision().await.next()).await;
    for value in ["1", "2", "2"] {
        let at = case.commit(case.put("a", value)).await;
        assert_eq!(told_until(&mut *watch, at).await.changes, [put(&case, "a", value, at)]);
    }
}

async fn a_watch_tells_what_happened(case: Case) {
    let mut at = Vec::new();
    for value in ["1", "2", "3"] {
        at.push(case.commit(case.put("a", value)).await);
    }
    let mut watch = case.watch(at[1]).await;
    let told = told_until(&mut *watch, at[2]).await;
    assert_eq!(told.changes, [put(&case, "a", "2", at[1]), put(&case, "a", "3", at[2])], "from and with it");
    let fourth = case.commit(case.delete("a")).await;
    assert_eq!(told_until(&mut *watch, fourth).await.changes.len(), 1);
}

async fn a_watch_tells_of_its_keys_only(case: Case) {
    let from = case.revision().await.next();
    let mut watch = case.store.watch(&case.key("b/"), from).await.unwrap();
    let mut of_all = case.store.watch("", from).await.unwrap();
    let mixed = ["a", "b", "b/1", "b0"].map(|name| Write::Put(case.key(name), "v".into()));
    let at = case
        .commit(
            mixed
                .into_iter()
                .fold(Default::default(), |all: shardway::store::Transaction, write| all.write(write)),
        )
        .await;
    assert_eq!(told_until(&mut *watch, at).await.changes, [put(&case, "b/1", "v", at)]);
    assert_eq!(told_until(&mut *of_all, at).await.changes.len(), 4);
}

async fn deletions_are_told(case: Case) {
    let first = case.commit(case.put("a", "1").write(Write::Put(case.key("b"), "1".into()))).await;
    let mut watch = case.watch(first.next()).await;
    let second = case.commit(case.delete("a")).await;
    let third = case.commit(case.delete_range("a", "z").write(Write::Put(case.key("z"), "1".into()))).await;
    let deleted = |name, at| Change::Deleted { key: case.key(name), at };
    let mut told = told_until(&mut *watch, third).await.changes;
    told.sort_by_key(|change| (change.at(), change.key().clone()));
    assert_eq!(told, [deleted("a", second), deleted("b", third), put(&case, "z", "1", third)]);
}

/// Writers change two or three rows at once; whoever replays the watch sees, after each batch, what was there then.
async fn transactions_are_told_whole_and_in_order(case: Case) {
    const EACH: usize = 50;
    let from = case.revision().await.next();
    let mut watch = case.watch(from).await;
    let writers: Vec<_> = (0..3)
        .map(|writer| {
            let case = case.clone();
            tokio::spawn(async move {
                let mut last = Revision(0);
                for number in 0..EACH {
                    let value = Bytes::from(format!("{writer}.{number}"));
                    let transaction = case
                        .put("both", &value)
                        .write(Write::Put(case.key(&format!("own/{writer}")), value.clone()))
                        .write(if number % 3 == 0 {
                            Write::Delete(case.key("sometimes"))
                        } else {
                            Write::Put(case.key("sometimes"), value)
                        });
                    last = case.commit(transaction).await;
                }
                last
            })
        })
        .collect();
    let mut replayed: BTreeMap<String, Row> = BTreeMap::new();
    let mut seen = 0;
    while seen < 3 * EACH {
        let batch = watch.next().await.unwrap();
        for change in &batch.changes {
            match change {
                Change::Put(row) => drop(replayed.insert(row.key.to_string(), row.clone())),
                Change::Deleted { key, .. } => {
                    drop(replayed.remove(&**key).expect("what was there is deleted"))
                }
            }
        }
        seen += batch.changes.iter().filter(|change| change.key().ends_with("/both")).count();
        let range = shardway::store::Range { at: Some(batch.revision), ..case.all("") };
        assert!(case.page(range).await.rows.iter().eq(replayed.values()), "as of {:?}", batch.revision);
    }
    for writer in writers {
        assert!(writer.await.unwrap() > from);
    }
}

async fn a_watch_goes_on_where_another_left_off(case: Case) {
    let mut from = case.revision().await.next();
    let mut told = Vec::new();
    for number in 0..20 {
        let at = case.commit(case.put("a", number.to_string())).await;
        if number % 3 == 0 {
            let mut watch = case.watch(from).await;
            let Batch { changes, revision } = told_until(&mut *watch, at).await;
            told.extend(changes);
            from = revision.next();
        }
    }
    let mut watch = case.watch(from).await;
    told.extend(told_until(&mut *watch, case.revision().await).await.changes);
    let mut values = Vec::new();
    for change in told {
        let Change::Put(row) = change else { panic!("nothing is deleted here") };
        values.push(String::from_utf8(row.value.to_vec()).unwrap());
    }
    assert_eq!(values, (0..20).map(|number| number.to_string()).collect::<Vec<_>>());
}

async fn a_watch_says_how_far_it_is_when_nothing_happens_to_its_keys(case: Case) {
    let mut watch = case.store.watch(&case.key("quiet/"), case.revision().await.next()).await.unwrap();
    for _ in 0..2 {
        let at = case.commit(case.put("loud", "1")).await;
        let told = told_until(&mut *watch, at).await;
        assert!(told.changes.is_empty() && told.revision >= at);
    }
    let at = case.commit(case.put("quiet/a", "1")).await;
    assert_eq!(told_until(&mut *watch, at).await.changes, [put(&case, "quiet/a", "1", at)]);
}

async fn a_dropped_wait_loses_nothing(case: Case) {
    let mut watch = case.watch(case.revision().await.next()).await;
    let mut told = Vec::new();
    let mut last = Revision(0);
    for number in 0..30 {
        // Polled once or twice and dropped, whether or not something has come.
        for _ in 0..number % 3 {
            if let Some(batch) = polled_once(&mut *watch).await {
                last = batch.revision;
                told.extend(batch.changes);
            }
        }
        case.commit(case.put("a", number.to_string())).await;
    }
    let until = case.revision().await;
    if last < until {
        told.extend(told_until(&mut *watch, until).await.changes);
    }
    let at: Vec<_> = told.iter().map(Change::at).collect();
    assert!(at.len() == 30 && at.is_sorted_by(|one, next| one < next), "{at:?}");
}

async fn polled_once(watch: &mut dyn Watch) -> Option<Batch> {
    let mut next = pin!(watch.next());
    std::future::poll_fn(|context| match next.as_mut().poll(context) {
        Poll::Ready(batch) => Poll::Ready(Some(batch.unwrap())),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

async fn a_watch_that_lags_is_told_everything(case: Case) {
    const WRITERS: usize = 30;
    const EACH: usize = 50;
    let mut watch = case.watch(case.revision().await.next()).await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let case = case.clone();
            tokio::spawn(async move {
                for number in 0..EACH {
                    case.commit(case.put(&format!("{writer}/{}", number % 7), "v")).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let at = case.revision().await;
    assert_eq!(told_until(&mut *watch, at).await.changes.len(), WRITERS * EACH);
}

async fn a_watch_from_a_forgotten_revision_is_refused(case: Case) {
    let first = case.commit(case.put("a", "1")).await;
    for value in ["2", "3", "4"] {
        case.commit(case.put("a", value)).await;
    }
    let last = case.revision().await;
    case.store.compact(last).await.unwrap();
    let WatchError::Compacted { oldest } = case.watch_error(first).await else { panic!("a typed error") };
    assert!(first < oldest && oldest <= last);
    for from in [oldest, last] {
        let mut watch = case.watch(from).await;
        let told = told_until(&mut *watch, last).await.changes;
        assert_eq!(told.last(), Some(&put(&case, "a", "4", last)), "what is not forgotten is told");
    }
}

async fn a_watch_from_a_revision_that_never_was_is_refused(case: Case) {
    let now = case.commit(case.put("a", "1")).await;
    let asked = Revision(now.0 + 1_000);
    assert_eq!(case.watch_error(asked).await, WatchError::WentBack { asked, now });
    // The next one is what everybody waits for who has seen all.
    let mut watch = case.watch(now.next()).await;
    let next = case.commit(case.put("a", "2")).await;
    assert_eq!(told_until(&mut *watch, next).await.changes.len(), 1);
}

async fn many_watches_are_told_the_same(case: Case) {
    const WATCHES: usize = 100;
    const CHANGES: usize = 30;
    let from = case.revision().await.next();
    let mut watches = Vec::new();
    for _ in 0..WATCHES {
        let mut watch = case.watch(from).await;
        watches.push(tokio::spawn(async move {
            let mut told = Vec::new();
            while told.len() < CHANGES {
                told.extend(watch.next().await.unwrap().changes);
            }
            told
        }));
    }
    let mut expected = Vec::new();
    for number in 0..CHANGES {
        let value = number.to_string();
        let at = case.commit(case.put("a", &value)).await;
        expected.push(put(&case, "a", &value, at));
    }
    for watch in watches {
        assert_eq!(watch.await.unwrap(), expected);
    }
}
