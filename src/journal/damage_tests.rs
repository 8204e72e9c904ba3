//! Heads that cannot be read: what they stop, and what begins behind them.

use std::time::Duration;

use super::{
    LoadError, LogError, Mode, OpenAs, Seen,
    log_tests::{all_items, commit},
    test_store::{ROOMY, TestStore, items, rows},
};
use crate::types::Version;

#[test]
fn a_head_that_cannot_be_read_stops_its_namespace_until_it_is_reset() {
    let mut store = TestStore::new(ROOMY);
    store.open(1);
    store.put(rows().head(), "nonsense");
    let Err(LoadError::Unreadable { unreadable, .. }) = store.load() else { panic!() };
    assert_eq!(
        unreadable.to_string(),
        "the head in shardway/ns/matching/head is damaged: its checksum is wrong"
    );
    let wait = Duration::from_secs(3);
    for (term, mode) in [(2, Mode::Resume), (3, Mode::Adopt { wait })] {
        let log = &mut store.log(term, OpenAs { mode, ..OpenAs::default() });
        assert_eq!(store.run(log), Err(LogError::Unreadable(unreadable.clone())));
    }
    let seen = Some(Seen { version: Version { incarnation: 1000, generation: 1 }, lineage: None });
    let mut log = store.log(4, OpenAs { mode: Mode::Reset { wait }, seen, unix_millis: 0 });
    assert_eq!(store.run(&mut log), Ok(Version { incarnation: 1001, generation: 2 }));
    assert_eq!(log.head().wait, wait);
    commit(&mut store, &mut log, &["fresh"]).unwrap();
    assert_eq!(all_items(&store.load().unwrap()), items(&["fresh"]));
}

#[test]
fn what_begins_behind_a_head_that_cannot_be_read_is_above_all_that_it_granted() {
    let mut store = TestStore::new(ROOMY);
    let mut log = store.open(1);
    let granted = commit(&mut store, &mut log, &["granted"]).unwrap();
    store.put(rows().head(), "nonsense");
    // Whoever resets it has seen nothing of it, and the clock has gone back.
    let reset = OpenAs { mode: Mode::Reset { wait: Duration::ZERO }, seen: None, unix_millis: 5 };
    let mut log = store.log(2, reset);
    let begun = store.run(&mut log).unwrap();
    assert!(begun.incarnation > granted.incarnation, "{begun} after {granted}");
}

#[test]
fn a_head_that_the_store_cannot_read_stops_its_namespace_until_it_is_reset() {
    let mut store = TestStore::new(ROOMY);
    let mut log = store.open(1);
    let granted = commit(&mut store, &mut log, &["granted"]).unwrap();
    store.damaged = Some(rows().head().clone());
    let mut log = store.log(2, OpenAs::default());
    let Err(LogError::Unreadable(unreadable)) = store.run(&mut log) else {
        panic!("it does not wait for ever")
    };
    assert_eq!(unreadable.key, *rows().head());
    let reset = OpenAs { mode: Mode::Reset { wait: Duration::ZERO }, seen: None, unix_millis: 5 };
    let mut log = store.log(3, reset);
    assert!(store.run(&mut log).unwrap().incarnation > granted.incarnation);
    assert!(store.damaged.is_none());
    commit(&mut store, &mut log, &["fresh"]).unwrap();
    assert_eq!(all_items(&store.load().unwrap()), items(&["fresh"]));
    // Nothing can begin whose incarnation might have been another's.
    store.damaged = Some(rows().cluster());
    let mut log = store.log(4, reset);
    assert!(matches!(store.run(&mut log), Err(LogError::Unreadable(row)) if row.key == rows().cluster()));
}
