//! A store that is full: what goes on all the same, and how a history that is made shorter lets it go on for good.

use super::{
    Entry, Log, OpenAs, State, WriteSnapshot,
    log::MAX_PRESSED,
    log_tests::{all_items, commit},
    test_store::{ROOMY, TestStore, items, rows},
};
use crate::store::{Errand, Reply, Request, Step, StoreError, Write};

/// Runs an errand at a store that takes deletions and what may use its reserve; `None` when it gets nowhere.
fn run_in_full<E: Errand>(store: &mut TestStore, errand: &mut E) -> Option<E::End> {
    let (mut reply, mut pauses) = (None, 0);
    while pauses < 3 {
        reply = match errand.next(reply) {
            Step::Ask(Request::Transact(transaction))
                if !transaction.uses_reserve
                    && transaction.writes.iter().any(|write| matches!(write, Write::Put(..))) =>
            {
                let reason = "no room".to_owned();
                Some(Reply::Outcome(Err(StoreError::Full { reason })))
            }
            Step::Ask(request) => Some(store.answer(request)),
            Step::Pause(_) => {
                pauses += 1;
                None
            }
            Step::Done(end) => return Some(end),
        };
    }
    None
}

fn commit_in_full(store: &mut TestStore, log: &mut Log, text: &str) -> bool {
    log.begin(Entry { items: items(&[text]), ..Entry::default() }).unwrap();
    run_in_full(store, log).is_some_and(|made| made.is_ok())
}

#[test]
fn a_few_commits_go_on_until_a_snapshot_is_named_by_the_one_that_is_stuck() {
    let mut store = TestStore::new(ROOMY);
    let mut log = store.open(1);
    commit(&mut store, &mut log, &["before"]).unwrap();
    assert!(!log.is_pressed());
    for number in 0..MAX_PRESSED {
        assert!(commit_in_full(&mut store, &mut log, &number.to_string()), "{number}");
        assert!(log.is_pressed());
    }
    let mut snapshot = log.snapshot(&items(&["all of it"])).unwrap();
    assert!(!commit_in_full(&mut store, &mut log, "stuck"));
    assert!(log.is_pressed());
    let written = run_in_full(&mut store, &mut snapshot).unwrap().unwrap();
    log.publish(written);
    assert_eq!(run_in_full(&mut store, &mut log).unwrap().unwrap(), log.head().link.version);
    assert_eq!((log.head().snapshot, log.is_pressed()), (Some(written), false));
    assert_eq!(all_items(&store.load().unwrap()), items(&["all of it", "stuck"]));
    // That makes room, and needs none.
    run_in_full(&mut store, &mut log.collect().unwrap()).unwrap().unwrap();
    assert_eq!(store.keys("delta").len(), 1);
    assert!(commit_in_full(&mut store, &mut log, "it may be pressed again"));
}

#[test]
fn a_store_that_has_room_again_is_found_so() {
    let mut store = TestStore::new(ROOMY);
    let mut log = store.open(1);
    assert!(commit_in_full(&mut store, &mut log, "full"));
    commit(&mut store, &mut log, &["room"]).unwrap();
    assert!(!log.is_pressed());
}

#[test]
fn who_begins_to_lead_and_who_ends_a_namespace_needs_no_room() {
    let mut store = TestStore::new(ROOMY);
    drop(store.open(1));
    let mut log = store.log(2, OpenAs::default());
    run_in_full(&mut store, &mut log).unwrap().unwrap();
    assert!(!log.is_pressed());
    log.begin(Entry { state: State::Deleted, ..Entry::default() }).unwrap();
    run_in_full(&mut store, &mut log).unwrap().unwrap();
    assert!(!log.is_pressed());
    assert_eq!(log.head().state, State::Deleted);
}

/// A process that dies again and again while it writes a snapshot leaves one of them, not many.
#[test]
fn what_was_left_of_earlier_snapshots_goes_before_the_next_is_written() {
    let mut store = TestStore::new(ROOMY);
    let mut log = store.open(1);
    commit(&mut store, &mut log, &["a"]).unwrap();
    let mut named = log.snapshot(&items(&["a"])).unwrap();
    let named = store.run(&mut named).unwrap();
    log.publish(named);
    commit(&mut store, &mut log, &["b"]).unwrap();
    let begin = |store: &mut TestStore, log: &mut Log| -> WriteSnapshot {
        let mut snapshot = log.snapshot(&items(&["a", "b"])).unwrap();
        let Step::Ask(request) = snapshot.next(None) else { panic!("it has something to write") };
        store.answer(request);
        snapshot
    };
    begin(&mut store, &mut log);
    for term in 2..6 {
        let mut log = store.open(term);
        begin(&mut store, &mut log);
        let left = store.keys("snapshot");
        assert_eq!(left.len(), 2, "the one that counts, and the newest: {left:?}");
        assert_eq!(all_items(&store.load().unwrap()), items(&["a", "b"]));
        // In one term nobody dies: what it is writing stays.
        commit(&mut store, &mut log, &[]).unwrap();
        begin(&mut store, &mut log);
        assert_eq!(store.keys("snapshot").len(), 3);
    }
    assert!(store.keys("snapshot")[0].starts_with(&rows().prefix()));
}
