//! Transactions: guards, all or nothing, limits.

use std::sync::Arc;

use bytes::Bytes;
use shardway::store::{Compare, Outcome, StoreError, Transaction, Write};

use super::{Case, cases};

cases![
    absent_holds_while_there_is_no_row,
    changed_holds_for_the_very_revision,
    value_holds_for_the_very_bytes,
    one_comparison_that_fails_stops_every_write,
    the_writes_of_a_transaction_share_a_revision,
    a_transaction_may_only_compare,
    what_changes_nothing_makes_no_revision,
    a_range_is_deleted_whole,
    a_key_is_not_written_twice,
    what_exceeds_a_limit_does_nothing,
];

async fn absent_holds_while_there_is_no_row(case: Case) {
    let create = || case.put("a", "1").when(Compare::Absent(case.key("a")));
    case.commit(create()).await;
    assert!(case.is_refused(create()).await);
    case.commit(case.delete("a")).await;
    case.commit(create()).await;
    case.commit(case.put("a", "")).await;
    assert!(case.is_refused(create()).await, "a row without bytes is a row");
}

async fn changed_holds_for_the_very_revision(case: Case) {
    let if_changed = |at| case.put("a", "next").when(Compare::Changed(case.key("a"), at));
    let first = case.commit(case.put("a", "1")).await;
    case.commit(case.put("unrelated", "1")).await;
    let second = case.commit(if_changed(first)).await;
    assert!(case.is_refused(if_changed(first)).await);
    case.commit(case.put("a", "next")).await;
    assert!(case.is_refused(if_changed(second)).await, "writing the same value again is a change");
    let deleted = case.commit(case.delete("a")).await;
    for at in [first, second, deleted, shardway::store::Revision(0)] {
        assert!(case.is_refused(if_changed(at)).await, "there is no row that changed at {at:?}");
    }
    case.commit(case.put("a", "1")).await;
    assert!(case.is_refused(if_changed(first)).await, "what was made again is another row");
}

async fn value_holds_for_the_very_bytes(case: Case) {
    let if_value = |value: &'static str| {
        case.put("b", "written").when(Compare::Value(case.key("a"), Bytes::from_static(value.as_bytes())))
    };
    assert!(case.is_refused(if_value("")).await, "no row is not an empty one");
    case.commit(case.put("a", "")).await;
    case.commit(if_value("")).await;
    case.commit(case.put("a", "one")).await;
    for other in ["", "on", "one ", "onf"] {
        assert!(case.is_refused(if_value(other)).await, "{other:?}");
    }
    case.commit(if_value("one")).await;
    let zeros: &[u8] = &[0, 255, 0];
    case.commit(case.put("a", zeros)).await;
    case.commit(case.put("b", "").when(Compare::Value(case.key("a"), Bytes::from_static(zeros)))).await;
}

async fn one_comparison_that_fails_stops_every_write(case: Case) {
    let at = case.commit(case.put("a", "1").write(Write::Put(case.key("b"), "1".into()))).await;
    let holds = [
        Compare::Changed(case.key("a"), at),
        Compare::Value(case.key("b"), "1".into()),
        Compare::Absent(case.key("c")),
    ];
    let fails = Compare::Absent(case.key("a"));
    for place in 0..=holds.len() {
        let mut compares = holds.to_vec();
        compares.insert(place, fails.clone());
        let transaction = Transaction {
            compares,
            writes: vec![
                Write::Put(case.key("a"), "2".into()),
                Write::Delete(case.key("b")),
                Write::Put(case.key("c"), "2".into()),
            ],
            ..Transaction::default()
        };
        assert!(case.is_refused(transaction).await);
    }
    assert_eq!(case.names().await, ["a", "b"]);
    assert_eq!(case.value("a").await.unwrap(), "1");
    let delete = case.delete("b");
    case.commit(holds.into_iter().fold(delete, Transaction::when)).await;
    assert_eq!(case.names().await, ["a"]);
}

async fn the_writes_of_a_transaction_share_a_revision(case: Case) {
    case.commit(case.put("old", "1")).await;
    let both =
        case.put("a", "1").write(Write::Put(case.key("b"), "1".into())).write(Write::Delete(case.key("old")));
    let at = case.commit(both).await;
    let page = case.page(case.all("")).await;
    assert_eq!(page.rows.iter().map(|row| row.changed).collect::<Vec<_>>(), [at, at]);
    assert!(page.revision >= at);
}

async fn a_transaction_may_only_compare(case: Case) {
    let at = case.commit(case.put("a", "1")).await;
    assert_eq!(case.commit(Transaction::default()).await, at, "the present revision");
    let compare = Transaction::default().when(Compare::Value(case.key("a"), "1".into()));
    assert_eq!(case.commit(compare).await, at);
    assert!(case.is_refused(Transaction::default().when(Compare::Absent(case.key("a")))).await);
}

async fn what_changes_nothing_makes_no_revision(case: Case) {
    let at = case.commit(case.put("b", "1")).await;
    assert_eq!(case.commit(case.delete("a")).await, at);
    assert_eq!(case.commit(case.delete_range("c", "d")).await, at);
    let next = case.commit(case.delete("a").write(Write::Put(case.key("b"), "1".into()))).await;
    assert!(next > at, "the same value again is a change");
}

async fn a_range_is_deleted_whole(case: Case) {
    for name in ["a", "b", "b/1", "b/2", "b0", "c"] {
        case.commit(case.put(name, name)).await;
    }
    case.commit(case.delete_range("c", "a").write(Write::Put(case.key("d"), "d".into()))).await;
    assert_eq!(case.names().await.len(), 7, "what ends before it begins deletes nothing");
    let guarded = case.delete_range("b/", "b0").when(Compare::Absent(case.key("a")));
    assert!(case.is_refused(guarded).await);
    assert_eq!(case.names().await.len(), 7);
    case.commit(case.delete_range("b/", "b0")).await;
    assert_eq!(case.names().await, ["a", "b", "b0", "c", "d"]);
    let all = Write::DeleteRange(case.prefix.as_str().into(), case.behind("").into());
    case.commit(Transaction::default().write(all)).await;
    assert!(case.names().await.is_empty());
}

async fn a_key_is_not_written_twice(case: Case) {
    case.commit(case.put("b", "1")).await;
    let (put, delete) = (case.put("b", "2"), case.delete("b"));
    let range = case.delete_range("a", "c");
    for (one, other) in [(&put, &put), (&put, &delete), (&delete, &delete), (&put, &range), (&range, &delete)]
    {
        for writes in [[one, other], [other, one]] {
            let writes = writes.iter().flat_map(|transaction| transaction.writes.clone()).collect();
            let answer = case.store.transact(Transaction { writes, ..Transaction::default() }).await;
            assert!(matches!(answer, Err(StoreError::WrittenTwice { .. })), "{answer:?}");
        }
    }
    assert_eq!(case.value("b").await.unwrap(), "1");
    case.commit(case.delete_range("a", "b").write(Write::Put(case.key("b"), "2".into()))).await;
    assert_eq!(case.value("b").await.unwrap(), "2", "a range ends before its end");
}

async fn what_exceeds_a_limit_does_nothing(case: Case) {
    let limits = case.store.limits();
    let key = |number: usize| -> Arc<str> { case.key(&format!("{number:06}")) };
    let with = |compares: usize, writes: usize| Transaction {
        compares: (0..compares).map(|number| Compare::Absent(key(1_000 + number))).collect(),
        writes: (0..writes).map(|number| Write::Put(key(number), "v".into())).collect(),
        ..Transaction::default()
    };
    let too_big = case.put("000000", vec![0; limits.bytes]);
    for transaction in [with(limits.operations + 1, 1), with(1, limits.operations + 1), too_big] {
        let answer = case.store.transact(transaction).await;
        assert!(matches!(answer, Err(StoreError::TooLarge { .. })), "{answer:?}");
    }
    assert!(case.names().await.is_empty());
    let most = with(limits.operations, limits.operations);
    assert!(matches!(case.store.transact(most).await, Ok(Outcome::Committed(_))));
    assert_eq!(case.names().await.len(), limits.operations);
    let page = case.page(shardway::store::Range { rows: usize::MAX, ..case.all("") }).await;
    assert_eq!(
        page.rows.len(),
        limits.operations.min(limits.rows),
        "too many rows are not refused, but paged"
    );
}
