//! Commits: what becomes of them when answers are lost, leaders change, and stores take little at once.

use std::time::Duration;

use bytes::Bytes;
use proptest::{prelude::*, sample::select};

use super::{
    Entry, LoadError, Loaded, Log, LogError, Mismatch, Mode, OpenAs, Seen, State,
    test_store::{Fault, ROOMY, TestStore, items, rows},
};
use crate::{
    store::{Errand, Limits, Reply, Request, Revision, Step, StoreError, Transaction, Write},
    types::Version,
};

fn entry(texts: &[&str]) -> Entry {
    Entry { items: items(texts), ..Entry::default() }
}

/// All items that a loader sees, oldest first.
pub(super) fn all_items(loaded: &Loaded) -> Vec<Bytes> {
    let deltas = loaded.deltas.iter().flat_map(|delta| &delta.items);
    loaded.snapshot.iter().chain(deltas).cloned().collect()
}

pub(super) fn commit(store: &mut TestStore, log: &mut Log, texts: &[&str]) -> Result<Version, LogError> {
    log.begin(entry(texts))?;
    store.run(log)
}

#[test]
fn a_commit_is_one_transaction_and_is_read_back() {
    let mut store = TestStore::new(ROOMY);
    let mut log = store.open(1);
    assert_eq!(log.head().link.version, Version { incarnation: 1000, generation: 1 });
    let before = store.transactions;
    assert_eq!(commit(&mut store, &mut log, &["a", "b"]), Ok(Version { incarnation: 1000, generation: 2 }));
    assert_eq!(store.transactions, before + 1);
    let loaded = store.load().unwrap();
    assert_eq!(all_items(&loaded), items(&["a", "b"]));
    assert_eq!((&loaded.head, loaded.damage.len()), (log.head(), 0));
}

#[test]
fn before_the_first_commit_there_is_nothing() {
    assert_eq!(TestStore::new(ROOMY).load(), Err(LoadError::Nothing { revision: Revision(0) }));
}

#[test]
fn a_large_commit_is_seen_whole_or_not_at_all() {
    let mut store = TestStore::new(Limits { operations: 2, bytes: 1000, rows: 3 });
    let mut log = store.open(1);
    commit(&mut store, &mut log, &["small"]).unwrap();
    let large: Vec<String> = (0..40).map(|n| format!("{n}").repeat(200)).collect();
    let texts: Vec<&str> = large.iter().map(String::as_str).collect();
    log.begin(entry(&texts)).unwrap();
    let (mut reply, mut transactions) = (None, 0);
    loop {
        match log.next(reply) {
            Step::Ask(request) => reply = Some(store.answer(request)),
            Step::Pause(error) => panic!("{error}"),
            Step::Done(end) => break assert!(end.is_ok()),
        }
        transactions += 1;
        let seen = all_items(&store.load().unwrap()).len();
        assert!([1, 41].contains(&seen), "{seen} items after {transactions} transactions");
    }
    assert!(transactions > 10, "{transactions}");
    assert_eq!(all_items(&store.load().unwrap())[1..], items(&texts));
}

#[test]
fn lost_answers_are_settled_by_reading() {
    for faults in [
        &[Fault::ReplyLost][..],
        &[Fault::RequestLost],
        &[Fault::Late],
        &[Fault::Late, Fault::Late, Fault::ReplyLost],
        &[Fault::Unavailable, Fault::Late, Fault::RequestLost],
    ] {
        let mut store = TestStore::new(ROOMY);
        let mut log = store.open(1);
        store.faults.extend(faults);
        let version = commit(&mut store, &mut log, &["once"]).unwrap();
        assert_eq!(version.generation, 2);
        assert_eq!(commit(&mut store, &mut log, &["then"]).map(|version| version.generation), Ok(3));
        assert_eq!(all_items(&store.load().unwrap()), items(&["once", "then"]), "{faults:?}");
    }
}

#[test]
fn a_lost_answer_is_asked_about_before_anything_else() {
    let mut store = TestStore::new(ROOMY);
    let mut log = store.open(1);
    log.begin(entry(&["a"])).unwrap();
    let Step::Ask(Request::Transact(_)) = log.next(None) else { panic!("a transaction comes first") };
    let lost = Reply::Outcome(Err(StoreError::Unknown { reason: "lost".into() }));
    let Step::Ask(Request::Get(key)) = log.next(Some(lost)) else { panic!("then a linearizable read") };
    assert_eq!(key, *rows().head());
    let head = store.answer(Request::Get(key));
    assert!(matches!(log.next(Some(head)), Step::Pause(StoreError::Unknown { .. })));
    assert_eq!(log.begin(entry(&["b"])), Err(LogError::Busy));
}

/// P12 on its own: the term's record has changed, nobody has touched the head yet.
#[test]
fn whoever_has_lost_the_term_writes_nothing() {
    let mut store = TestStore::new(ROOMY);
    let mut old = store.open(1);
    store.take_term(2);
    let before = store.kv.revision();
    assert_eq!(commit(&mut store, &mut old, &["late"]), Err(LogError::Deposed));
    assert_eq!(store.kv.revision(), before);
    assert_eq!(commit(&mut store, &mut old, &["later"]), Err(LogError::Deposed), "and it stays so");
}

/// Nor while it opens: an incarnation that nobody begins with would be one that everybody has to be above.
#[test]
fn whoever_has_lost_the_term_raises_no_incarnation() {
    let mut store = TestStore::new(ROOMY);
    let mut old = store.log(1, OpenAs::default());
    let mut reply = None;
    let raise = loop {
        match old.next(reply.take()) {
            Step::Ask(request @ Request::Transact(_)) => break request,
            Step::Ask(request) => reply = Some(store.answer(request)),
            other => panic!("{other:?}"),
        }
    };
    store.take_term(2);
    let before = store.kv.revision();
    let mut reply = Some(store.answer(raise));
    let end = loop {
        match old.next(reply.take()) {
            Step::Ask(request) => reply = Some(store.answer(request)),
            Step::Pause(error) => panic!("{error}"),
            Step::Done(end) => break end,
        }
    };
    assert_eq!((end, store.kv.revision()), (Err(LogError::Deposed), before));
}

#[test]
fn chunks_of_a_deposed_leader_are_refused_too() {
    for operations in [2, 3] {
        let mut store = TestStore::new(Limits { operations, bytes: 1000, rows: 100 });
        let mut old = store.open(1);
        let large = "x".repeat(5000);
        old.begin(entry(&[&large])).unwrap();
        let Step::Ask(request) = old.next(None) else { panic!() };
        let reply = store.answer(request);
        let mut new = store.open(2);
        commit(&mut store, &mut new, &["new"]).unwrap();
        let chunks = store.keys("delta").len();
        let Step::Ask(request) = old.next(Some(reply)) else { panic!() };
        store.answer(request);
        assert_eq!(store.keys("delta").len(), chunks, "a chunk was written with {operations} operations");
        assert_eq!(store.run(&mut old), Err(LogError::Deposed));
        assert_eq!(all_items(&store.load().unwrap()), items(&["new"]));
    }
}

/// P12 to the letter: there is no commit that does not compare its own term.
#[test]
fn a_store_that_cannot_compare_term_and_head_at_once_is_refused() {
    let mut store = TestStore::new(Limits { operations: 1, bytes: 4000, rows: 100 });
    let before = store.kv.revision();
    let mut log = store.log(1, OpenAs::default());
    let error = store.run(&mut log).unwrap_err();
    assert_eq!(error, LogError::TooFewOperations { limit: 1 });
    assert_eq!(error.to_string(), "the store takes 1 operations in a transaction, and at least 2 are needed");
    assert_eq!(store.kv.revision().0, before.0 + 1, "nothing but the term");
}

/// An old leader commits between a new one's look at the head and its first move: as long as the term is its own.
#[test]
fn who_opens_begins_behind_what_was_committed_meanwhile() {
    let mut store = TestStore::new(Limits { operations: 2, bytes: 4000, rows: 100 });
    let mut old = store.open(1);
    commit(&mut store, &mut old, &["a"]).unwrap();
    let mut new = store.log(2, OpenAs::default());
    let Step::Ask(identity) = new.next(None) else { panic!() };
    let Step::Ask(head) = new.next(Some(store.answer(identity))) else { panic!() };
    let head = store.answer(head);
    assert_eq!(commit(&mut store, &mut old, &["b"]), Err(LogError::Deposed));
    let Step::Ask(request) = new.next(Some(head)) else { panic!() };
    let mut reply = Some(store.answer(request));
    let version = loop {
        match new.next(reply.take()) {
            Step::Ask(request) => reply = Some(store.answer(request)),
            Step::Pause(_) => {}
            Step::Done(end) => break end.unwrap(),
        }
    };
    assert_eq!(version.generation, 3);
    assert_eq!(all_items(&store.load().unwrap()), items(&["a"]));
}

#[test]
fn a_store_that_takes_less_than_it_says_gets_smaller_chunks() {
    let mut store = TestStore::new(Limits { operations: 4, bytes: 1500, rows: 100 });
    let term = store.take_term(1);
    let mut log = Log::new(rows(), ROOMY, term, OpenAs::default());
    store.run(&mut log).unwrap();
    let large = "x".repeat(20_000);
    commit(&mut store, &mut log, &["a", &large, "b"]).unwrap();
    assert_eq!(all_items(&store.load().unwrap()), items(&["a", &large, "b"]));
    assert!(log.head().link.attempt > 0, "what an attempt left behind is never mistaken for the next one's");
}

#[test]
fn limits_that_hold_no_chunk_are_an_error_and_not_a_loop() {
    for bytes in 0..700 {
        let mut store = TestStore::new(Limits { operations: 2, bytes, rows: 1 });
        let term = super::Term { number: 1, record: Bytes::from_static(b"term") };
        // Where this does not fit, nothing that compares it does.
        let write = Write::Put(rows().term().clone(), term.record.clone());
        let _ = store.kv.apply(Transaction::default().write(write));
        let mut log = Log::new(rows(), store.kv.limits(), term, OpenAs::default());
        // Not even the cluster's record fits the smallest; then the store says so and the log waits.
        let mut reply = None;
        let end = loop {
            match log.next(reply) {
                Step::Ask(request) => reply = Some(store.answer(request)),
                Step::Pause(error) => break Err(error.to_string()),
                Step::Done(end) => break end.map_err(|error| error.to_string()),
            }
        };
        match end {
            Ok(_) => return assert!(bytes > 300),
            Err(error) => assert!(error.contains("limit") || error.contains("needed"), "{bytes}: {error}"),
        }
    }
    panic!("700 bytes must do");
}

#[test]
fn a_term_opens_its_log_once() {
    let mut store = TestStore::new(ROOMY);
    let log = store.open(1);
    let again = &mut store.log(1, OpenAs::default());
    assert_eq!(store.run(again), Err(LogError::Outranked { by: 1 }));
    drop(log);
    store.open(3);
    let older = &mut store.log(2, OpenAs::default());
    assert_eq!(store.run(older), Err(LogError::Outranked { by: 3 }));
}

#[test]
fn a_sealed_namespace_takes_nothing_ever_again() {
    let mut store = TestStore::new(ROOMY);
    let mut log = store.open(1);
    log.begin(Entry { state: State::Sealed, ..entry(&["last"]) }).unwrap();
    store.run(&mut log).unwrap();
    assert_eq!(log.begin(entry(&["more"])), Err(LogError::Sealed));
    let wait = Duration::from_secs(1);
    for (term, mode) in [(2, Mode::Resume), (3, Mode::Adopt { wait }), (4, Mode::Reset { wait })] {
        let log = &mut store.log(term, OpenAs { mode, ..OpenAs::default() });
        assert_eq!(store.run(log), Err(LogError::Sealed), "{mode:?}");
    }
    assert_eq!(all_items(&store.load().unwrap()), items(&["last"]), "what was there can be read and moved");
}

#[test]
fn a_namespace_that_comes_again_is_above_what_was_deleted() {
    let mut store = TestStore::new(ROOMY);
    let mut log = store.open(1);
    commit(&mut store, &mut log, &["gone"]).unwrap();
    let wait = Duration::from_secs(11);
    log.begin(Entry { state: State::Deleted, wait: Some(wait), ..Entry::default() }).unwrap();
    let deleted = store.run(&mut log).unwrap();
    assert_eq!(log.begin(entry(&["more"])), Err(LogError::Deleted));
    assert_eq!(all_items(&store.load().unwrap()), items(&[]));
    let log = &mut store.log(2, OpenAs::default());
    assert_eq!(store.run(log), Err(LogError::Deleted), "it does not come again by itself");

    // The clock has gone back meanwhile.
    let reset = OpenAs { mode: Mode::Reset { wait: Duration::ZERO }, seen: None, unix_millis: 5 };
    let log = &mut store.log(3, reset);
    assert!(store.run(log).unwrap() > deleted);
    assert!(log.head().link.version.incarnation > deleted.incarnation);
    assert_eq!(log.head().wait, wait, "nobody may still hold what the deleted one granted");
    assert_eq!(commit(&mut store, log, &["fresh"]).map(|version| version.incarnation), Ok(1001));
    assert_eq!(all_items(&store.load().unwrap()), items(&["fresh"]));
}

#[test]
fn only_what_was_deleted_is_revived() {
    let revive = OpenAs { mode: Mode::Revive, seen: None, unix_millis: 5 };
    let mut store = TestStore::new(ROOMY);
    let mut log = store.log(1, revive);
    store.run(&mut log).unwrap();
    commit(&mut store, &mut log, &["kept"]).unwrap();
    let log = &mut store.log(2, revive);
    let continued = store.run(log).unwrap();
    commit(&mut store, log, &["more"]).unwrap();
    assert_eq!(all_items(&store.load().unwrap()), items(&["kept", "more"]), "it is alive");
    let wait = Duration::from_secs(11);
    log.begin(Entry { state: State::Deleted, wait: Some(wait), ..Entry::default() }).unwrap();
    store.run(log).unwrap();
    let log = &mut store.log(3, revive);
    assert!(store.run(log).unwrap().incarnation > continued.incarnation);
    assert_eq!(log.head().wait, wait, "nobody may still hold what the deleted one granted");
    assert_eq!(all_items(&store.load().unwrap()), items(&[]));
}

#[test]
fn what_begins_later_never_gets_a_smaller_incarnation() {
    let mut store = TestStore::new(ROOMY);
    store.open(1);
    let other = crate::types::Namespace::new("history").unwrap();
    let other = super::Rows::new(&crate::store::Keys::default(), &other);
    let term = super::Term { number: 1, record: Bytes::from_static(b"t") };
    store.put(other.term(), term.record.clone());
    let mut log = Log::new(other, ROOMY, term, OpenAs { unix_millis: 3, ..OpenAs::default() });
    assert_eq!(store.run(&mut log), Ok(Version { incarnation: 1000, generation: 1 }));
}

/// Another store, a store that went back, another history: nothing is committed until somebody adopts it, and what is
/// adopted is above everything that anyone has seen.
#[test]
fn a_restored_store_must_be_adopted() {
    let mut store = TestStore::new(ROOMY);
    let mut log = store.open(1);
    commit(&mut store, &mut log, &["kept"]).unwrap();
    let backup = store.kv.clone();
    commit(&mut store, &mut log, &["lost"]).unwrap();
    let seen = log.head().seen();
    store.kv = backup;

    let refusals: [(&str, Option<Seen>, &str); 3] = [
        ("elsewhere", None, "it was written in store here and found in elsewhere"),
        ("here", Some(seen), "it is at 1000.2, and 1000.3 was seen before"),
        (
            "here",
            Some(Seen { version: Version { incarnation: 1000, generation: 2 }, lineage: Some(7) }),
            "its history up to 1000.2 is not the one that was seen before",
        ),
    ];
    for (term, (identity, seen, why)) in (2..).zip(refusals) {
        store.identity = identity.into();
        let log = &mut store.log(term, OpenAs { seen, ..OpenAs::default() });
        let Err(LogError::NeedsAdoption(mismatch)) = store.run(log) else { panic!("{why}") };
        assert_eq!(mismatch.to_string(), why);
    }

    let wait = Duration::from_secs(10);
    let seen = Some(Seen { version: Version { incarnation: 5000, generation: 1 }, lineage: None });
    store.identity = "elsewhere".into();
    let mut adopted = store.log(9, OpenAs { mode: Mode::Adopt { wait }, seen, unix_millis: 2000 });
    assert_eq!(store.run(&mut adopted), Ok(Version { incarnation: 5001, generation: 3 }));
    assert_eq!(adopted.head().wait, wait);
    assert_eq!(all_items(&store.load().unwrap()), items(&["kept"]));
    assert_eq!(commit(&mut store, &mut log, &["from the lost future"]), Err(LogError::Deposed));
    let waited = Entry { wait: Some(Duration::ZERO), ..entry(&["granted"]) };
    adopted.begin(waited).unwrap();
    store.run(&mut adopted).unwrap();
    let next = store.open(10);
    assert_eq!((next.head().wait, next.head().link.version.incarnation), (Duration::ZERO, 5001));
}

#[test]
fn an_empty_store_is_refused_by_whoever_has_seen_more() {
    let mut store = TestStore::new(ROOMY);
    let seen = Some(Seen { version: Version { incarnation: 7, generation: 3 }, lineage: None });
    let log = &mut store.log(1, OpenAs { seen, ..OpenAs::default() });
    let went_back = Mismatch::WentBack { seen: Version { incarnation: 7, generation: 3 }, stored: None };
    assert_eq!(store.run(log), Err(LogError::NeedsAdoption(went_back)));
    let wait = Duration::from_secs(1);
    let log = &mut store.log(2, OpenAs { mode: Mode::Adopt { wait }, seen, unix_millis: 0 });
    assert_eq!(store.run(log), Ok(Version { incarnation: 8, generation: 4 }));
}

fn any_fault() -> impl Strategy<Value = Fault> {
    select(vec![
        Fault::None,
        Fault::None,
        Fault::None,
        Fault::ReplyLost,
        Fault::RequestLost,
        Fault::Late,
        Fault::Unavailable,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// Whatever is lost or late, whatever the limits, whoever leads: what was acknowledged is there, once, in order, and
    /// between it only what was begun.
    #[test]
    fn commits_form_one_chain_in_which_nothing_acknowledged_is_lost(
        operations in 2..5_usize, bytes in 600..3000_usize, page in 1..10_usize,
        entries in prop::collection::vec((prop::collection::vec(0..2000_usize, 0..6), any::<bool>()), 1..12),
        faults in prop::collection::vec(any_fault(), 0..60),
    ) {
        let mut store = TestStore::new(Limits { operations, bytes, rows: page });
        store.faults.extend(faults);
        let mut term = 1;
        let mut log = store.open(term);
        let mut expected = Vec::new();
        let mut generation = 1;
        for (number, (sizes, new_leader)) in entries.into_iter().enumerate() {
            if new_leader {
                term += 1;
                log = store.open(term);
                generation += 1;
            }
            let entry: Vec<Bytes> = sizes.into_iter().map(|size| vec![number as u8; size].into()).collect();
            expected.extend(entry.clone());
            log.begin(Entry { items: entry, ..Entry::default() }).unwrap();
            generation += 1;
            prop_assert_eq!(store.run(&mut log).unwrap().generation, generation);
        }
        store.deliver();
        let loaded = store.load().unwrap();
        prop_assert_eq!(&loaded.damage, &[]);
        prop_assert_eq!(&loaded.mismatch, &None);
        prop_assert_eq!(&loaded.head, log.head());
        prop_assert_eq!(all_items(&loaded), expected);
    }
}

/// What the tests above are worth: a leader that does not compare the term overwrites its successor.
#[test]
fn without_the_terms_comparison_an_old_leader_would_write() {
    let mut store = TestStore::new(ROOMY);
    let mut old = store.open(1);
    store.take_term(2);
    old.begin(entry(&["late"])).unwrap();
    let Step::Ask(Request::Transact(transaction)) = old.next(None) else { panic!() };
    let transaction: Transaction = super::test_store::without_term(transaction);
    assert!(
        matches!(store.answer(Request::Transact(transaction)), Reply::Outcome(Ok(outcome)) if outcome != crate::store::Outcome::Refused)
    );
}
