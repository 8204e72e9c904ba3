//! One row, ranges, pages, and the past.

use shardway::store::{Compare, Range, Revision, StoreError, Transaction, Write};

use super::{Case, cases};

cases![
    a_row_that_was_never_written_is_not_there,
    what_was_written_is_read,
    values_are_any_bytes_up_to_the_limit,
    keys_that_are_none_are_refused,
    a_range_holds_what_is_in_it,
    pages_follow_one_another_without_gap,
    the_past_stays_as_it_was,
    what_is_compacted_is_refused_and_the_present_stays,
    a_store_is_the_same_one_throughout,
];

async fn a_row_that_was_never_written_is_not_there(case: Case) {
    assert_eq!(case.value("never").await, None);
    assert!(case.names().await.is_empty());
}

async fn what_was_written_is_read(case: Case) {
    let first = case.commit(case.put("a", "1")).await;
    let second = case.commit(case.put("a", "2")).await;
    assert!(first < second);
    let row = case.store.get(&case.key("a")).await.unwrap().unwrap();
    assert_eq!((row.key, row.value, row.changed), (case.key("a"), "2".into(), second));
    let deleted = case.commit(case.delete("a")).await;
    assert!(second < deleted);
    assert_eq!(case.value("a").await, None);
}

async fn values_are_any_bytes_up_to_the_limit(case: Case) {
    let every_byte: Vec<u8> = (0..=255).collect();
    for value in [Vec::new(), every_byte, vec![0xff; 1 << 16]] {
        case.commit(case.put("any", &value)).await;
        assert_eq!(case.value("any").await.unwrap(), value);
    }
    let most = case.store.limits().bytes - case.key("big").len();
    case.commit(case.put("big", vec![7; most])).await;
    assert_eq!(case.value("big").await.unwrap().len(), most);
    let page = case.page(case.all("big")).await;
    assert_eq!(page.rows[0].value.len(), most);
}

async fn keys_that_are_none_are_refused(case: Case) {
    case.commit(case.put("a", "1")).await;
    let too_long = "k".repeat(2049);
    for bad in ["", "a\n", "\u{7f}", "\u{0}", "\u{e4}", &too_long] {
        let refused = |error: StoreError| matches!(error, StoreError::BadKey { .. });
        assert!(refused(case.store.get(bad).await.unwrap_err()), "get {bad:?}");
        for transaction in [
            Transaction::default().write(Write::Put(bad.into(), "v".into())),
            Transaction::default().write(Write::Delete(bad.into())),
            Transaction::default().when(Compare::Absent(bad.into())),
        ] {
            let with_good = transaction.clone().write(Write::Delete(case.key("a")));
            assert!(refused(case.store.transact(with_good).await.unwrap_err()), "{transaction:?}");
        }
    }
    assert_eq!(case.value("a").await.unwrap(), "1", "a refused transaction does nothing");
    let longest = format!("{}{}", case.prefix, "k".repeat(2048 - case.prefix.len()));
    case.commit(Transaction::default().write(Write::Put(longest.as_str().into(), "v".into()))).await;
    assert_eq!(case.store.get(&longest).await.unwrap().unwrap().value, "v");
}

async fn a_range_holds_what_is_in_it(case: Case) {
    for name in ["a", "b", "b/1", "b/2", "b0", "c", "~"] {
        case.commit(case.put(name, name)).await;
    }
    case.commit(case.delete("b/2")).await;
    let range = |from: &str, until: Option<&str>| Range {
        from: case.key(from).to_string(),
        until: until.map(|until| case.key(until).to_string()),
        at: None,
        rows: 100,
    };
    for (from, until, names) in [
        ("b", Some("c"), &["b", "b/1", "b0"][..]),
        ("b/", Some("b0"), &["b/1"]),
        ("b", Some("b"), &[]),
        ("c", Some("a"), &[]),
        ("bb", Some("bz"), &[]),
    ] {
        let page = case.page(range(from, until)).await;
        let found: Vec<_> = page.rows.iter().map(|row| case.name(&row.key)).collect();
        assert_eq!((found.as_slice(), page.more), (names, false), "{from}..{until:?}");
        assert!(page.rows.iter().all(|row| row.value == case.name(&row.key)));
    }
    assert_eq!(case.names().await, ["a", "b", "b/1", "b0", "c", "~"]);
    let to_the_end = case.page(range("c", None)).await;
    assert!(to_the_end.rows.len() >= 2, "without an end, other keys may follow: {to_the_end:?}");
    let of_all = case.page(Range { from: String::new(), until: None, at: None, rows: 1 }).await;
    assert_eq!((of_all.rows.len(), of_all.more), (1, true));
}

async fn pages_follow_one_another_without_gap(case: Case) {
    for number in 0..25 {
        case.commit(case.put(&format!("{number:02}"), "before")).await;
    }
    let mut next = Some(Range { rows: 10, ..case.all("") });
    let mut seen = Vec::new();
    while let Some(range) = next {
        let page = case.page(range.clone()).await;
        assert!(page.rows.len() <= 10);
        seen.extend(page.rows.iter().map(|row| (case.name(&row.key).to_owned(), row.value.clone())));
        // What is written between two pages is not seen.
        case.commit(case.put("24", "after").write(Write::Put(case.key("99"), "after".into()))).await;
        case.commit(case.delete("23")).await;
        next = range.behind(&page);
    }
    let expected: Vec<_> = (0..25).map(|number| (format!("{number:02}"), "before".into())).collect();
    assert_eq!(seen, expected);
    let exactly = case.page(Range { rows: 25, ..case.all("") }).await;
    assert_eq!((exactly.rows.len(), exactly.more), (25, false), "24 and 99 are there, 23 is not");
}

async fn the_past_stays_as_it_was(case: Case) {
    let first = case.commit(case.put("a", "1").write(Write::Put(case.key("b"), "1".into()))).await;
    let second = case.commit(case.put("a", "2")).await;
    let third = case.commit(case.delete("b")).await;
    for (at, rows) in [
        (first, vec![("a", "1"), ("b", "1")]),
        (second, vec![("a", "2"), ("b", "1")]),
        (third, vec![("a", "2")]),
    ] {
        let page = case.page(Range { at: Some(at), ..case.all("") }).await;
        assert_eq!(page.revision, at, "a page tells the revision that it was asked for");
        let found: Vec<_> = page.rows.iter().map(|row| (case.name(&row.key), row.value.clone())).collect();
        let expected: Vec<_> = rows.into_iter().map(|(name, value)| (name, value.into())).collect();
        assert_eq!(found, expected);
    }
    let to_come = case.store.range(Range { at: Some(Revision(third.0 + 1_000)), ..case.all("") }).await;
    assert!(matches!(to_come, Err(StoreError::Unavailable { .. })), "{to_come:?}");
}

async fn what_is_compacted_is_refused_and_the_present_stays(case: Case) {
    let first = case.commit(case.put("a", "1")).await;
    case.commit(case.put("a", "2")).await;
    case.commit(case.put("gone", "1")).await;
    case.commit(case.delete("gone")).await;
    let last = case.commit(case.put("b", "1")).await;
    for before in [last, last, first, Revision(0)] {
        case.store.compact(before).await.unwrap();
        let past = case.store.range(Range { at: Some(first), ..case.all("") }).await;
        let Err(StoreError::Compacted { oldest }) = past else { panic!("{first:?} is forgotten: {past:?}") };
        assert!(first < oldest && oldest <= last, "{oldest:?}");
        assert_eq!(case.page(Range { at: Some(last), ..case.all("") }).await.rows.len(), 2);
        assert_eq!(case.names().await, ["a", "b"]);
    }
    // Of what is still to come, nothing is forgotten.
    case.store.compact(Revision(last.0 + 1_000)).await.unwrap();
    let mut watch = case.watch(last.next()).await;
    let next = case.commit(case.put("c", "1")).await;
    assert_eq!(super::told_until(&mut *watch, next).await.changes.len(), 1);
    assert_eq!(case.names().await, ["a", "b", "c"]);
}

async fn a_store_is_the_same_one_throughout(case: Case) {
    let identity = case.store.identity().await.unwrap();
    assert!(!identity.0.is_empty());
    case.commit(case.put("a", vec![0; 1_000])).await;
    assert_eq!(case.store.identity().await.unwrap(), identity);
    let usage = case.store.usage().await.unwrap();
    assert!(usage.bytes >= 1_000 && usage.quota.is_none_or(|quota| quota > usage.bytes), "{usage:?}");
    assert!(case.store.kind().bytes().all(|byte| byte.is_ascii_lowercase()));
}
