//! Many at once: who wins, and what everybody else sees.

use std::{
    collections::BTreeSet,
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
};

use shardway::store::{Change, Compare, Outcome, Range, Write};

use super::{Case, cases, told_until};

cases![
    one_of_many_creates_a_row,
    each_revision_has_one_winner,
    a_read_sees_what_was_acknowledged_before_it,
    pages_are_whole_while_others_write,
    a_dropped_transaction_happens_or_not,
];

async fn one_of_many_creates_a_row(case: Case) {
    let creators: Vec<_> = (0..16)
        .map(|number: u32| {
            let case = case.clone();
            tokio::spawn(async move {
                let create = case.put("a", number.to_string()).when(Compare::Absent(case.key("a")));
                (!case.is_refused(create).await).then_some(number)
            })
        })
        .collect();
    let mut winners = Vec::new();
    for creator in creators {
        winners.extend(creator.await.unwrap());
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(case.value("a").await.unwrap(), winners[0].to_string());
}

/// Eight tasks count with compare-and-swap on the revision.
async fn each_revision_has_one_winner(case: Case) {
    const TASKS: usize = 8;
    const EACH: usize = 25;
    let start = case.commit(case.put("count", "0")).await;
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let case = case.clone();
            tokio::spawn(async move {
                let mut won = Vec::new();
                while won.len() < EACH {
                    let row = case.store.get(&case.key("count")).await.unwrap().unwrap();
                    let count: u64 = std::str::from_utf8(&row.value).unwrap().parse().unwrap();
                    let raise = case
                        .put("count", (count + 1).to_string())
                        .when(Compare::Changed(case.key("count"), row.changed));
                    if let Outcome::Committed(at) = case.store.transact(raise).await.unwrap() {
                        assert!(at > row.changed);
                        won.push(at);
                    }
                }
                won
            })
        })
        .collect();
    let mut won = BTreeSet::new();
    for task in tasks {
        for at in task.await.unwrap() {
            assert!(won.insert(at), "two winners of {at:?}");
        }
    }
    assert_eq!(case.value("count").await.unwrap(), (TASKS * EACH).to_string());
    let mut watch = case.watch(start.next()).await;
    let told = told_until(&mut *watch, *won.last().unwrap()).await;
    let at: BTreeSet<_> = told.changes.iter().map(Change::at).collect();
    assert_eq!(at, won, "everything that was won has happened, and nothing else");
}

async fn a_read_sees_what_was_acknowledged_before_it(case: Case) {
    const WRITES: u64 = 200;
    case.commit(case.put("a", "0")).await;
    let acknowledged = Arc::new(AtomicU64::new(0));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (case, acknowledged) = (case.clone(), acknowledged.clone());
            tokio::spawn(async move {
                let mut seen = 0;
                while seen < WRITES {
                    let before = acknowledged.load(Ordering::SeqCst);
                    let value = case.value("a").await.unwrap();
                    let value: u64 = std::str::from_utf8(&value).unwrap().parse().unwrap();
                    assert!(
                        value >= before.max(seen),
                        "read {value}, though {before} was acknowledged and {seen} seen"
                    );
                    seen = value;
                    // Where reads never wait, they would keep the writer from running.
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for number in 1..=WRITES {
        case.commit(case.put("a", number.to_string())).await;
        acknowledged.store(number, Ordering::SeqCst);
    }
    for reader in readers {
        reader.await.unwrap();
    }
}

/// A writer gives all rows the same new value at once; no reader of several pages ever sees two values.
async fn pages_are_whole_while_others_write(case: Case) {
    const ROWS: usize = 20;
    const WRITES: usize = 100;
    let write_all = |value: usize| {
        (0..ROWS).fold(case.put("head", value.to_string()), |all, row| {
            all.write(Write::Put(case.key(&format!("row/{row:02}")), value.to_string().into()))
        })
    };
    case.commit(write_all(0)).await;
    let reader = tokio::spawn({
        let case = case.clone();
        async move {
            loop {
                let mut values = Vec::new();
                let mut next = Some(Range { rows: 6, ..case.all("row/") });
                while let Some(range) = next {
                    let page = case.page(range.clone()).await;
                    values.extend(page.rows.iter().map(|row| row.value.clone()));
                    next = range.behind(&page);
                }
                assert_eq!(values.len(), ROWS);
                assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
                if values[0] == WRITES.to_string() {
                    return;
                }
                tokio::task::yield_now().await;
            }
        }
    });
    for value in 1..=WRITES {
        case.commit(write_all(value)).await;
    }
    reader.await.unwrap();
}

async fn a_dropped_transaction_happens_or_not(case: Case) {
    for number in 0..20 {
        let name = format!("{number:02}");
        let both = case.put(&name, "1").write(Write::Put(case.key(&format!("{name}+")), "1".into()));
        let mut transaction = pin!(case.store.transact(both));
        // Polled once, which sends it off, and dropped.
        std::future::poll_fn(|context| Poll::Ready(transaction.as_mut().poll(context).is_ready())).await;
    }
    // What comes behind is acknowledged as ever, and each of them has happened whole or not at all.
    case.commit(case.put("last", "1")).await;
    let names = case.names().await;
    for number in 0..20 {
        let has = |name: String| names.contains(&name);
        assert_eq!(has(format!("{number:02}")), has(format!("{number:02}+")));
    }
}
