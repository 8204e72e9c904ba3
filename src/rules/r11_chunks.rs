//! **Rule 11.** Chunk keys carry generation, term and attempt; each chunk's transaction compares term and head; the head
//! names term, attempt, count and checksum. Orphans are collected; a reader that misses a delta restarts from the newest
//! snapshot.
//!
//! The holes: a chunk of an attempt that was given up arrives late and replaces one of the attempt that counts. A leader
//! that has lost its term writes on. A head that is moved before its chunks shows half a commit to whoever looks, and
//! one that does not know its chunks takes whatever lies there. What dead leaders left fills the store. And a reader
//! that was told of the third commit but not of the second believes in a state that never was.

use super::needs;
use crate::{
    engine::tests::world::Broken,
    journal::{
        Entry, Follow, Followed, Link, Loaded, Log, LogError,
        test_store::{ROOMY, TestStore, items, rows},
    },
    planted::Planted,
    store::{Errand, Limits, Reply, Step, StoreError},
};

const SMALL: Limits = Limits { operations: 2, bytes: 1000, rows: 100 };

fn begin(log: &mut Log, texts: &[&str]) {
    log.begin(Entry { items: items(texts), ..Entry::default() }).expect("it is open");
}

fn commit(store: &mut TestStore, log: &mut Log, texts: &[&str]) -> Result<(), LogError> {
    begin(log, texts);
    store.run(log).map(|_| ())
}

fn texts(loaded: &Loaded) -> Vec<String> {
    let deltas = loaded.deltas.iter().flat_map(|delta| &delta.items);
    let all = loaded.snapshot.iter().chain(deltas);
    all.map(|item| String::from_utf8_lossy(item).into_owned()).collect()
}

/// What is wrong with what a reader finds, given what was committed.
fn unless_read(store: &mut TestStore, committed: &[&str]) -> Vec<Broken> {
    let is_there = store.load().is_ok_and(|loaded| texts(&loaded) == committed && loaded.damage.is_empty());
    (!is_there).then_some(Broken::CommitLost).into_iter().collect()
}

/// The store takes less than it says, so a commit is cut anew; a chunk of the first attempt is on its way meanwhile.
#[test]
fn what_an_attempt_left_never_replaces_the_next_ones() {
    let schedule = || {
        let mut store = TestStore::new(SMALL);
        let mut log = store.open(1);
        let (one, two) = ("a".repeat(700), "b".repeat(700));
        begin(&mut log, &[&one, &two]);
        let Step::Ask(first) = log.next(None) else { panic!("a chunk is written") };
        let lost = Reply::Outcome(Err(StoreError::Unknown { reason: "late".into() }));
        assert!(matches!(log.next(Some(lost)), Step::Pause(_)));
        assert!(matches!(log.next(None), Step::Ask(_)), "it is written again");
        let large = StoreError::TooLarge { what: "bytes in a transaction", size: 900, limit: 500 };
        let mut reply = Some(Reply::Outcome(Err(large)));
        let (mut late, mut count) = (Some(first), 0);
        loop {
            match log.next(reply.take()) {
                Step::Ask(request) => {
                    reply = Some(store.answer(request));
                    count += 1;
                    // Behind the first chunk of the second attempt.
                    if count == 1
                        && let Some(late) = late.take()
                    {
                        store.answer(late);
                    }
                }
                Step::Pause(error) => panic!("{error}"),
                Step::Done(end) => break assert!(end.is_ok(), "{end:?}"),
            }
        }
        unless_read(&mut store, &[&one, &two])
    };
    needs(Planted::ChunksUnnamed, schedule, &Broken::CommitLost);
}

#[test]
fn who_has_lost_the_term_writes_nothing() {
    let schedule = || {
        let mut store = TestStore::new(ROOMY);
        let mut old = store.open(1);
        store.take_term(2);
        let accepted = commit(&mut store, &mut old, &["late"]).is_ok();
        accepted.then_some(Broken::StaleWrite).into_iter().collect()
    };
    needs(Planted::CommitUnguarded, schedule, &Broken::StaleWrite);
}

/// The same of a chunk by itself, before any head is moved.
#[test]
fn not_even_a_chunk() {
    let schedule = || {
        let mut store = TestStore::new(SMALL);
        let mut old = store.open(1);
        begin(&mut old, &[&"x".repeat(5000)]);
        let Step::Ask(request) = old.next(None) else { panic!("a chunk is written") };
        let reply = store.answer(request);
        let Step::Ask(next) = old.next(Some(reply)) else { panic!("another chunk is written") };
        store.take_term(2);
        let before = store.keys("delta").len();
        store.answer(next);
        (store.keys("delta").len() > before).then_some(Broken::StaleWrite).into_iter().collect()
    };
    needs(Planted::CommitUnguarded, schedule, &Broken::StaleWrite);
}

#[test]
fn a_commit_is_seen_whole_or_not_at_all() {
    let schedule = || {
        let mut store = TestStore::new(SMALL);
        let mut log = store.open(1);
        let (one, two) = ("a".repeat(700), "b".repeat(700));
        begin(&mut log, &[&one, &two]);
        let (mut reply, mut broken) = (None, Vec::new());
        loop {
            match log.next(reply) {
                Step::Ask(request) => reply = Some(store.answer(request)),
                Step::Pause(error) => panic!("{error}"),
                Step::Done(_) => return broken,
            }
            let loaded = store.load().expect("it has been opened");
            if texts(&loaded).len() == 1 || !loaded.damage.is_empty() {
                broken = vec![Broken::CommitLost];
            }
        }
    };
    needs(Planted::HeadBeforeChunks, schedule, &Broken::CommitLost);
}

#[test]
fn only_the_chunks_that_the_head_means_count() {
    let schedule = || {
        let commits = |text: &str| {
            let mut store = TestStore::new(ROOMY);
            let mut log = store.open(1);
            commit(&mut store, &mut log, &[text]).expect("nobody else leads");
            store
        };
        // A row of another history, with the same key, and whole by itself.
        let (mut store, other) = (commits("the shard is e0's"), commits("the shard is e1's"));
        let key = store.keys("delta").pop().expect("a commit has a chunk");
        let row = other.kv.get(&key).expect("it is readable").expect("and there");
        store.put(&key, row.value);
        let is_believed = texts(&store.load().expect("it has been opened")) == ["the shard is e1's"];
        is_believed.then_some(Broken::WentBack).into_iter().collect()
    };
    needs(Planted::AnyChunkCounts, schedule, &Broken::WentBack);
}

#[test]
fn what_dead_leaders_left_is_removed() {
    let schedule = || {
        let mut store = TestStore::new(SMALL);
        let mut dead = store.open(1);
        begin(&mut dead, &[&"x".repeat(5000)]);
        let Step::Ask(request) = dead.next(None) else { panic!("a chunk is written") };
        store.answer(request);
        let mut log = store.open(2);
        commit(&mut store, &mut log, &["a"]).expect("nobody else leads");
        let mut snapshot = log.snapshot(&items(&["a"])).expect("it is open");
        let link: Link = store.run(&mut snapshot).expect("nobody else leads");
        log.publish(link);
        commit(&mut store, &mut log, &["b"]).expect("nobody else leads");
        let mut collect = log.collect().expect("it is open");
        store.run(&mut collect).expect("nobody else leads");
        let left = store.keys("delta").len();
        // The commit behind the snapshot.
        (left > 1).then_some(Broken::StoreGrows).into_iter().collect()
    };
    needs(Planted::OrphansStay, schedule, &Broken::StoreGrows);
}

#[test]
fn a_reader_that_missed_a_commit_begins_again() {
    let schedule = || {
        let mut store = TestStore::new(ROOMY);
        let mut log = store.open(1);
        let mut follower = Follow::new(rows(), ROOMY, None);
        let read = |store: &mut TestStore, follower: &mut Follow| loop {
            match store.run(follower) {
                Followed::UpToDate { .. } => return None,
                Followed::Advanced { deltas, .. } => return Some(deltas),
                _ => {}
            }
        };
        assert_eq!(read(&mut store, &mut follower), None);
        commit(&mut store, &mut log, &["missed"]).expect("nobody else leads");
        let from = store.kv.revision().next();
        commit(&mut store, &mut log, &["told"]).expect("nobody else leads");
        let batch = store.kv.batch(&rows().prefix(), from).expect("it is kept");
        follower.watched(batch.expect("there is a change"));
        let advanced = read(&mut store, &mut follower).is_some();
        advanced.then_some(Broken::WentBack).into_iter().collect()
    };
    needs(Planted::SkipMissedCommits, schedule, &Broken::WentBack);
}
