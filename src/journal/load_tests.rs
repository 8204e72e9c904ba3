//! Reading back: damage, orphans, snapshots, and readers that come late.

use bytes::Bytes;

use super::{
    Damage, Entry, Follow, Followed, Loaded, Log, LogError, Mismatch, Mode, OpenAs, Seen, State,
    test_store::{ROOMY, TestStore, items, rows},
};
use crate::{
    planted::{Planted, with},
    store::{Errand, Limits, Revision, Step, WatchError},
    types::Version,
};

const SMALL: Limits = Limits { operations: 3, bytes: 900, rows: 4 };

/// Commits the texts, each by itself.
fn commit_all(store: &mut TestStore, log: &mut Log, texts: &[&str]) {
    for text in texts {
        log.begin(Entry { items: items(&[text]), ..Entry::default() }).unwrap();
        store.run(log).unwrap();
    }
}

fn texts(loaded: &Loaded) -> Vec<String> {
    let deltas = loaded.deltas.iter().flat_map(|delta| &delta.items);
    let all = loaded.snapshot.iter().chain(deltas);
    all.map(|item| String::from_utf8(item.to_vec()).unwrap()).collect()
}

fn snapshot(store: &mut TestStore, log: &mut Log, texts: &[&str]) {
    let mut snapshot = log.snapshot(&items(texts)).unwrap();
    let link = store.run(&mut snapshot).unwrap();
    log.publish(link);
}

fn collect(store: &mut TestStore, log: &Log) -> Result<u64, LogError> {
    let mut collect = log.collect().unwrap();
    store.run(&mut collect)
}

/// Changes one byte of a row.
fn damage(store: &mut TestStore, key: &str) {
    let mut value = store.kv.get(key).unwrap().unwrap().value.to_vec();
    let middle = value.len() / 2;
    value[middle] ^= 1;
    store.put(key, value);
}

fn lost(damage: &[Damage]) -> Vec<String> {
    damage.iter().map(ToString::to_string).collect()
}

#[test]
fn a_damaged_chunk_costs_its_items_and_nothing_else() {
    let mut store = TestStore::new(SMALL);
    let mut log = store.open(1);
    let long = "x".repeat(400);
    log.begin(Entry { items: items(&[&long, &long, "b", &long, "c"]), ..Entry::default() }).unwrap();
    store.run(&mut log).unwrap();
    commit_all(&mut store, &mut log, &["after"]);
    let chunks = store.keys("delta");
    // The opening, three chunks, the last commit.
    assert_eq!(chunks.len(), 5, "{chunks:?}");
    damage(&mut store, &chunks[2]);
    let loaded = store.load().unwrap();
    assert_eq!(texts(&loaded), [&long, &long, "c", "after"].map(str::to_owned));
    assert_eq!(
        lost(&loaded.damage),
        [format!(
            "commit 1000.2 has lost items 1 to 2; the chunk in {} is damaged: its checksum is wrong",
            chunks[2]
        )]
    );
    assert_eq!(loaded.mismatch, None);
}

/// Not even what came before it stands in a commit that is gone altogether. The lineage proves it all the same.
#[test]
fn a_commit_that_is_gone_is_named_and_those_around_it_are_there() {
    for gone in [&[1][..], &[1, 2], &[0], &[0, 1, 2], &[2]] {
        let mut store = TestStore::new(ROOMY);
        let mut log = store.open(1);
        commit_all(&mut store, &mut log, &["a", "b", "c", "d"]);
        // Something that never counted, and must not be taken for what is gone.
        let orphan = store.keys("delta")[2].replace("00000000000000000001/0000", "00000000000000000007/0000");
        store.put(&orphan, "whatever");
        let chunks = store.keys("delta");
        assert_eq!(chunks.len(), 6);
        let commits: Vec<_> = chunks.iter().filter(|key| ***key != *orphan).skip(1).cloned().collect();
        for place in gone {
            store.delete(&commits[*place]);
        }
        let loaded = store.load().unwrap();
        let left = ["a", "b", "c", "d"].iter().enumerate().filter(|(place, _)| !gone.contains(place));
        assert_eq!(texts(&loaded), left.map(|(_, text)| (*text).to_owned()).collect::<Vec<_>>(), "{gone:?}");
        let named = lost(&loaded.damage).join("\n");
        for place in gone {
            assert!(named.contains(&format!("1000.{}", place + 2)), "{gone:?}: {named}");
        }
        assert_eq!(loaded.mismatch, None);
    }
}

#[test]
fn chunks_that_no_commit_names_do_not_count() {
    let mut store = TestStore::new(SMALL);
    let mut old = store.open(1);
    let long = "x".repeat(2000);
    old.begin(Entry { items: items(&["dead", &long]), ..Entry::default() }).unwrap();
    let Step::Ask(first) = old.next(None) else { panic!() };
    store.answer(first);
    drop(old);
    let mut new = store.open(2);
    commit_all(&mut store, &mut new, &["alive"]);
    let loaded = store.load().unwrap();
    assert_eq!((texts(&loaded), loaded.damage.len()), (vec!["alive".to_owned()], 0));
}

#[test]
fn a_snapshot_counts_once_a_commit_names_it_and_then_replaces_the_commits() {
    let mut store = TestStore::new(SMALL);
    let mut log = store.open(1);
    commit_all(&mut store, &mut log, &["a", "b"]);
    let long = "s".repeat(3000);
    snapshot(&mut store, &mut log, &["state", &long]);
    assert_eq!(texts(&store.load().unwrap()), ["a", "b"], "not yet");
    assert_eq!(collect(&mut store, &log), Ok(0));
    commit_all(&mut store, &mut log, &["c"]);
    assert_eq!(texts(&store.load().unwrap()), ["state", &long, "c"]);
    let before = store.keys("delta").len();
    assert!(collect(&mut store, &log).unwrap() > 0);
    assert_eq!(store.keys("delta").len(), before - 3, "the opening and two commits are gone");
    assert_eq!(texts(&store.load().unwrap()), ["state", &long, "c"]);

    commit_all(&mut store, &mut log, &["d"]);
    snapshot(&mut store, &mut log, &["newer state"]);
    commit_all(&mut store, &mut log, &["e"]);
    collect(&mut store, &log).unwrap();
    assert_eq!(texts(&store.load().unwrap()), ["newer state", "e"]);
    assert_eq!((store.keys("snapshot").len(), store.keys("delta").len()), (1, 1));
    // A new leader finds it too, and what it has of a snapshot by somebody else it does not mistake for its own.
    let mut next = store.open(2);
    snapshot(&mut store, &mut next, &["newest state"]);
    commit_all(&mut store, &mut next, &["f"]);
    assert_eq!(texts(&store.load().unwrap()), ["newest state", "f"]);
}

#[test]
fn a_deposed_leader_neither_snapshots_nor_collects() {
    let mut store = TestStore::new(ROOMY);
    let mut old = store.open(1);
    commit_all(&mut store, &mut old, &["a"]);
    snapshot(&mut store, &mut old, &["state"]);
    commit_all(&mut store, &mut old, &["b"]);
    let mut writing = old.snapshot(&items(&["late"])).unwrap();
    store.open(2);
    let before = store.kv.revision();
    assert_eq!(store.run(&mut writing), Err(LogError::Deposed));
    assert_eq!(collect(&mut store, &old), Err(LogError::Deposed));
    assert_eq!(store.kv.revision(), before);
}

#[test]
fn of_a_deleted_namespace_only_the_head_stays() {
    let mut store = TestStore::new(ROOMY);
    let mut log = store.open(1);
    commit_all(&mut store, &mut log, &["a"]);
    snapshot(&mut store, &mut log, &["state"]);
    log.begin(Entry { state: State::Deleted, ..Entry::default() }).unwrap();
    store.run(&mut log).unwrap();
    collect(&mut store, &log).unwrap();
    assert_eq!((store.keys("snapshot").len(), store.keys("delta").len()), (0, 0));
    assert_eq!(store.load().unwrap().head.state, State::Deleted);
}

#[test]
fn a_damaged_snapshot_names_the_items_that_it_lost() {
    let mut store = TestStore::new(SMALL);
    let mut log = store.open(1);
    let long = "s".repeat(300);
    snapshot(&mut store, &mut log, &["a", &long, &long, &long, "b"]);
    commit_all(&mut store, &mut log, &["c"]);
    let chunks = store.keys("snapshot");
    damage(&mut store, &chunks[1]);
    let loaded = store.load().unwrap();
    assert!(loaded.damage[0].in_snapshot);
    assert_eq!(
        loaded.snapshot.len() + loaded.damage[0].items.iter().map(|range| range.len()).sum::<usize>(),
        5
    );
    assert_eq!(texts(&loaded).last().unwrap(), "c");
}

/// Two halves of different histories, put together by hand or by a bad restore.
#[test]
fn commits_that_do_not_continue_each_other_are_noticed_until_adopted() {
    let mut store = TestStore::new(ROOMY);
    let mut log = store.open(1);
    commit_all(&mut store, &mut log, &["a", "b"]);
    let fork = store.kv.clone();
    commit_all(&mut store, &mut log, &["c"]);
    let head = store.kv.get(rows().head()).unwrap().unwrap();
    let newest = store.keys("delta").pop().unwrap();
    let delta = store.kv.get(&newest).unwrap().unwrap();
    // The same generations with another content, and then the head and the last commit of the first history.
    store.kv = fork;
    store.delete(rows().head());
    for key in store.keys("delta") {
        store.delete(&key);
    }
    let mut other = store.log(1, OpenAs { unix_millis: 1000, ..OpenAs::default() });
    store.run(&mut other).unwrap();
    commit_all(&mut store, &mut other, &["A", "B"]);
    store.put(&newest, delta.value);
    store.put(rows().head(), head.value);
    let loaded = store.load().unwrap();
    let broken = Mismatch::Broken { at: Version { incarnation: 1000, generation: 4 } };
    let damaged = lost(&loaded.damage).join("\n");
    assert!(damaged.contains("1000.3") || loaded.mismatch == Some(broken), "{damaged} {:?}", loaded.mismatch);
}

fn follow(store: &mut TestStore, follow: &mut Follow) -> Vec<Followed> {
    let mut told = Vec::new();
    loop {
        match store.run(follow) {
            Followed::UpToDate { .. } => return told,
            other => told.push(other),
        }
    }
}

/// Gives the follower what the watch tells from the revision on; where to go on.
fn watch(store: &TestStore, follow: &mut Follow, from: Revision) -> Revision {
    match store.kv.batch(&rows().prefix(), from).unwrap() {
        Some(batch) => {
            let next = batch.revision.next();
            follow.watched(batch);
            next
        }
        None => from,
    }
}

fn told(followed: &[Followed]) -> Vec<Vec<Bytes>> {
    let items = |followed: &Followed| match followed {
        Followed::Loaded(loaded) => texts(loaded).into_iter().map(Bytes::from).collect(),
        Followed::Advanced { deltas, .. } => deltas.iter().flat_map(|delta| delta.items.clone()).collect(),
        other => panic!("{other:?}"),
    };
    followed.iter().map(items).collect()
}

#[test]
fn a_follower_is_told_each_commit_from_the_watch_alone() {
    let mut store = TestStore::new(SMALL);
    let mut log = store.open(1);
    commit_all(&mut store, &mut log, &["a"]);
    let mut follower = Follow::new(rows(), SMALL, None);
    assert_eq!(told(&follow(&mut store, &mut follower)), [items(&["a"])]);
    let mut from = store.kv.revision().next();
    let long = "x".repeat(2000);
    for texts in [&["b"][..], &["c", "d"], &[&long]] {
        commit_all(&mut store, &mut log, texts);
        from = watch(&store, &mut follower, from);
        // Without a word to the store.
        let Step::Done(followed) = follower.next(None) else { panic!("{texts:?} had to be read") };
        assert_eq!(told(&[followed]), [items(texts)]);
        assert!(follow(&mut store, &mut follower).is_empty());
    }
    assert_eq!(follower.seen(), Some(log.head().seen()));
}

#[test]
fn what_a_follower_missed_it_loads() {
    let mut store = TestStore::new(ROOMY);
    let mut log = store.open(1);
    let mut follower = Follow::new(rows(), ROOMY, None);
    follow(&mut store, &mut follower);
    // The watch tells of the second commit and not of the first.
    commit_all(&mut store, &mut log, &["a"]);
    let from = store.kv.revision().next();
    commit_all(&mut store, &mut log, &["b"]);
    watch(&store, &mut follower, from);
    let mut careless = follower.clone();
    let skipped = with(Some(Planted::SkipMissedCommits), || follow(&mut store, &mut careless));
    assert_eq!(told(&skipped), [items(&["b"])], "what the rule is for");
    assert_eq!(told(&follow(&mut store, &mut follower)), [items(&["a", "b"])]);
    // The watch ends because the store has forgotten.
    commit_all(&mut store, &mut log, &["c"]);
    follower.watch_ended(&WatchError::Compacted { oldest: Revision(1) });
    assert_eq!(told(&follow(&mut store, &mut follower)), [items(&["a", "b", "c"])]);
}

#[test]
fn a_follower_never_goes_back() {
    let mut store = TestStore::new(ROOMY);
    let mut log = store.open(1);
    commit_all(&mut store, &mut log, &["a"]);
    let backup = store.kv.clone();
    commit_all(&mut store, &mut log, &["b"]);
    let mut follower = Follow::new(rows(), ROOMY, None);
    follow(&mut store, &mut follower);
    let seen = follower.seen().unwrap();

    store.kv = backup;
    follower.watch_ended(&WatchError::WentBack { asked: Revision(9), now: Revision(5) });
    let went_back = |stored| Followed::Mismatch(Mismatch::WentBack { seen: seen.version, stored });
    let stored = Some(Version { incarnation: 1000, generation: 2 });
    assert_eq!(follow(&mut store, &mut follower), [went_back(stored)]);
    // The restored store goes on by itself to the same version: still another history.
    let mut other = store.open(2);
    assert_eq!(other.head().link.version, seen.version);
    follower.restart();
    assert_eq!(
        follow(&mut store, &mut follower),
        [Followed::Mismatch(Mismatch::Forked { at: seen.version })]
    );
    commit_all(&mut store, &mut other, &["x"]);
    // Only what an operator adopts, above all that was seen, is believed again.
    let wait = std::time::Duration::from_secs(1);
    let adopt = OpenAs { mode: Mode::Adopt { wait }, seen: Some(seen), unix_millis: 0 };
    let mut adopted = store.log(3, adopt);
    store.run(&mut adopted).unwrap();
    follower.restart();
    assert_eq!(told(&follow(&mut store, &mut follower)), [items(&["a", "x"])]);
    assert!(follower.seen().unwrap().version.incarnation > seen.version.incarnation);

    let mut store = TestStore::new(ROOMY);
    follower.restart();
    let gone = Mismatch::WentBack { seen: follower.seen().unwrap().version, stored: None };
    assert_eq!(follow(&mut store, &mut follower), [Followed::Mismatch(gone)]);
}

#[test]
fn a_follower_of_nothing_waits_for_the_first_commit() {
    let mut store = TestStore::new(ROOMY);
    let mut follower = Follow::new(rows(), ROOMY, None);
    assert!(follow(&mut store, &mut follower).is_empty());
    let from = store.kv.revision().next();
    let mut log = store.open(1);
    commit_all(&mut store, &mut log, &["a"]);
    watch(&store, &mut follower, from);
    assert_eq!(told(&follow(&mut store, &mut follower)), [items(&["a"])]);
}

#[test]
fn an_executors_token_counts_as_seen() {
    let mut store = TestStore::new(ROOMY);
    store.open(1);
    let above = Seen { version: Version { incarnation: 1000, generation: 50 }, lineage: None };
    let mut log = store.log(2, OpenAs { seen: Some(above), ..OpenAs::default() });
    assert!(matches!(store.run(&mut log), Err(LogError::NeedsAdoption(Mismatch::WentBack { .. }))));
}
