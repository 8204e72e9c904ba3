//! Backups and moves between stores in memory, with real logs in them, and with answers that get lost.

use std::{
    io::Cursor,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::runtime::Builder;

pub(crate) use super::pages::run;
use super::{fill::Fill, *};
use crate::{
    election::{ReplicaRecord, TermRecord},
    engine::{CatalogueEntry, Change, Kind, NamespaceConfig, PolicyText},
    journal::{Entry, Load, Log, LogError, Mode, OpenAs, Record, Rows, State, Term},
    store::{
        Answer, Chunk, Keys, Limits, MemoryStore, Outcome, Page, Range, Revision, Row, Store, StoreError,
        StoreIdentity, Transaction, Usage, Watch, WatchError, Write, kv::Retention,
    },
    types::{Namespace, Version},
};

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}

async fn put(store: &dyn Store, key: impl Into<Arc<str>>, value: impl Into<Bytes>) {
    store.transact(Transaction::default().write(Write::Put(key.into(), value.into()))).await.unwrap();
}

fn namespace(name: &str) -> Namespace {
    Namespace::new(name).unwrap()
}

/// A leader's log in a term that it takes; not yet open.
pub(crate) async fn lead(store: &dyn Store, name: &str, term: u64, mode: Mode) -> Log {
    let keys = Keys::default();
    let key = keys.term(&namespace(name));
    let record = TermRecord { number: term, ..TermRecord::default() }.to_row(&key);
    put(store, key, record.clone()).await;
    let with = OpenAs { mode, seen: None, unix_millis: 1_000 };
    Log::new(Rows::new(&keys, &namespace(name)), store.limits(), Term { number: term, record }, with)
}

pub(crate) async fn commit(store: &dyn Store, log: &mut Log, state: State) -> Result<Version, LogError> {
    let policy = PolicyText { epoch: 7, text: "7".repeat(1_980).into() };
    log.begin(Entry { items: vec![Change::Policy(policy).encode(); 3], state, ..Entry::default() })?;
    run(store, log).await.unwrap()
}

/// A store as a running control plane leaves it.
pub(crate) async fn populated() -> MemoryStore {
    let (store, keys) = (MemoryStore::new(), Keys::default());
    for (name, last) in [("a", State::Live), ("b", State::Live), ("gone", State::Deleted)] {
        let mut log = lead(&store, name, 1, Mode::Resume).await;
        run(&store, &mut log).await.unwrap().unwrap();
        commit(&store, &mut log, State::Live).await.unwrap();
        commit(&store, &mut log, last).await.unwrap();
    }
    let key = keys.catalogue(&namespace("never-founded"));
    let config = Arc::new(NamespaceConfig::new(Kind::Ephemeral));
    put(&store, key.clone(), CatalogueEntry::new(config, Version::default()).to_row(&key)).await;
    let key = keys.replica("r1").unwrap();
    put(&store, key.clone(), ReplicaRecord::default().to_row(&key)).await;
    put(&store, "shardway/ns/a/later", "of a later version").await;
    put(&store, "shardway-eu/cluster", "of another root").await;
    store
}

async fn rows_of(store: &dyn Store) -> Vec<(Arc<str>, Bytes)> {
    let page = store.range(Range::prefix("", 1_000)).await.unwrap();
    page.rows.into_iter().map(|row| (row.key, row.value)).collect()
}

async fn saved(store: &dyn Store) -> Vec<u8> {
    let mut file = Vec::new();
    save(store, &Keys::default(), &mut file).await.unwrap();
    file
}

async fn restored(file: &[u8]) -> MemoryStore {
    let store = MemoryStore::new();
    restore(Cursor::new(file), &store).await.unwrap();
    store
}

/// All that a namespace's leader would read, but the head.
async fn history(store: &dyn Store, name: &str) -> (Vec<Bytes>, usize) {
    let mut load = Load::new(Rows::new(&Keys::default(), &namespace(name)), store.limits());
    let loaded = run(store, &mut load).await.unwrap().unwrap();
    assert!(loaded.damage.is_empty() && loaded.mismatch.is_none());
    (loaded.deltas.iter().flat_map(|delta| delta.items.clone()).collect(), loaded.deltas.len())
}

#[test]
fn what_is_restored_is_what_was_saved_but_for_what_speaks_of_processes_and_places() {
    block_on(async {
        let (store, keys) = (populated().await, Keys::default());
        let file = saved(&store).await;
        let again = restored(&file).await;
        let is_head = |key: &str| key.ends_with("/head");
        let mut expected = rows_of(&store).await;
        expected
            .retain(|(key, _)| !key.starts_with("shardway/replicas/") && !key.starts_with("shardway-eu/"));
        let there = rows_of(&again).await;
        assert_eq!(there.len(), expected.len());
        for (expected, there) in expected.iter().zip(&there) {
            assert_eq!(there.0, expected.0);
            assert_eq!(there.1 == expected.1, !is_head(&there.0), "{}", there.0);
        }
        assert_eq!(history(&again, "a").await, history(&store, "a").await);
        assert_eq!(history(&again, "a").await.1, 3);

        let report = check_file(&file[..]).unwrap();
        assert_eq!((report.rows, report.namespaces.len()), (there.len() as u64, 3));
        assert_eq!(report.problems, ["the row shardway/ns/a/later is nothing that this version writes"]);
        let report = check_store(&again, &keys).await.unwrap();
        assert!(report.damaged.is_empty() && !report.is_unfinished && report.moved_to.is_none());
        let told: Vec<_> = (report.namespaces.iter())
            .map(|report| (&*report.namespace, report.state, report.adopt.is_some()))
            .collect();
        assert_eq!(
            told,
            [("a", State::Live, true), ("b", State::Live, true), ("gone", State::Deleted, true)]
        );
        let before = check_store(&store, &keys).await.unwrap();
        assert!(before.namespaces.iter().all(|namespace| namespace.adopt.is_none()));
    });
}

/// Be it put into the very store that it is from: what was granted after it was made must not be granted again.
#[test]
fn nothing_is_granted_before_a_restored_store_is_adopted_and_then_above_all_that_was() {
    block_on(async {
        let store = populated().await;
        let file = saved(&store).await;
        let mut log = lead(&store, "a", 2, Mode::Resume).await;
        let highest = run(&store, &mut log).await.unwrap().unwrap();
        let wipe = Transaction::default().write(Write::DeleteRange("shardway/".into(), "shardway0".into()));
        store.transact(wipe).await.unwrap();
        restore(Cursor::new(&file), &store).await.unwrap();
        // A copy of a copy has to be adopted as well.
        let copy = restored(&saved(&store).await).await;
        for store in [&store, &copy] {
            let mut log = lead(store, "a", 2, Mode::Resume).await;
            let refused = run(store, &mut log).await.unwrap();
            assert!(matches!(refused, Err(LogError::NeedsAdoption(_))), "{refused:?}");
            let mut log = lead(store, "a", 3, Mode::Adopt { wait: Duration::from_secs(10) }).await;
            let adopted = run(store, &mut log).await.unwrap().unwrap();
            assert!(adopted > highest && adopted.incarnation > highest.incarnation);
            commit(store, &mut log, State::Live).await.unwrap();
            let mut next = lead(store, "a", 4, Mode::Resume).await;
            run(store, &mut next).await.unwrap().unwrap();
        }
    });
}

#[test]
fn a_store_that_has_something_is_left_alone() {
    block_on(async {
        let file = saved(&populated().await).await;
        let store = MemoryStore::new();
        put(&store, "shardway/cluster", "mine").await;
        let before = rows_of(&store).await;
        let error = restore(Cursor::new(&file), &store).await.unwrap_err();
        assert!(
            matches!(&error, BackupError::Exists { name } if name == "the row shardway/cluster"),
            "{error}"
        );
        assert_eq!(rows_of(&store).await, before);
        // Other roots are nobody's business.
        let store = MemoryStore::new();
        put(&store, "shardway-eu/cluster", "theirs").await;
        restore(Cursor::new(&file), &store).await.unwrap();
        assert_eq!(store.get("shardway-eu/cluster").await.unwrap().unwrap().value, "theirs");
    });
}

#[test]
fn nothing_of_a_damaged_backup_or_of_one_that_does_not_fit_is_put_in() {
    block_on(async {
        let store = populated().await;
        let mut file = saved(&store).await;
        let small = MemoryStore::with(Limits { bytes: 3_000, ..Limits::default() }, Retention::default());
        let error = restore(Cursor::new(&file), &small).await.unwrap_err();
        assert!(matches!(error, BackupError::Store(StoreError::TooLarge { .. })), "{error}");
        let last = file.len() - 20;
        file[last] ^= 1;
        let empty = MemoryStore::new();
        let error = restore(Cursor::new(&file), &empty).await.unwrap_err();
        assert!(matches!(error, BackupError::Damaged { .. }), "{error}");
        assert!(rows_of(&empty).await.is_empty() && rows_of(&small).await.is_empty());
    });
}

#[test]
fn a_restore_that_was_not_finished_is_marked_and_begun_anew() {
    block_on(async {
        let (file, keys) = (saved(&populated().await).await, Keys::default());
        let store = MemoryStore::new();
        let mut first = Fill::begin(&store, &keys).await.unwrap();
        first.row((keys.catalogue(&namespace("left-over")), "x".into())).await.unwrap();
        assert!(check_store(&store, &keys).await.unwrap().is_unfinished);
        assert!(matches!(save(&store, &keys, Vec::new()).await, Err(BackupError::Unfinished)));
        restore(Cursor::new(&file), &store).await.unwrap();
        assert_eq!(rows_of(&store).await, rows_of(&restored(&file).await).await, "nothing is left over");
        assert!(
            matches!(first.finish().await, Err(BackupError::Superseded)),
            "the earlier one writes no more"
        );
        assert_eq!(rows_of(&store).await, rows_of(&restored(&file).await).await);
    });
}

#[test]
fn a_replica_that_serves_too_early_is_noticed() {
    block_on(async {
        let (store, keys) = (MemoryStore::new(), Keys::default());
        let fill = Fill::begin(&store, &keys).await.unwrap();
        put(&store, keys.replica("early").unwrap(), "alive").await;
        assert!(matches!(fill.finish().await, Err(BackupError::InUse { .. })));
        assert!(check_store(&store, &keys).await.unwrap().is_unfinished);
    });
}

#[test]
fn a_move_seals_what_it_leaves_and_can_be_finished_only_where_it_began() {
    block_on(async {
        let (source, keys) = (populated().await, Keys::default());
        let mut leader = lead(&source, "a", 2, Mode::Resume).await;
        let highest = run(&source, &mut leader).await.unwrap().unwrap();
        let (destination, other) = (MemoryStore::new(), MemoryStore::new());
        let copied = copy(&source, &destination, &keys, Seal::Source).await.unwrap();
        assert_eq!(copied.filled.namespaces, 3);
        assert_eq!(commit(&source, &mut leader, State::Live).await, Err(LogError::Deposed));
        for mode in [Mode::Resume, Mode::Adopt { wait: Duration::ZERO }] {
            let mut log = lead(&source, "b", 9, mode).await;
            assert_eq!(run(&source, &mut log).await.unwrap(), Err(LogError::Sealed));
        }
        assert!(source.get(&keys.replica("r1").unwrap()).await.unwrap().is_none(), "leases end");
        let report = check_store(&source, &keys).await.unwrap();
        assert_eq!(report.moved_to, Some(destination.identity().await.unwrap().0));

        assert_eq!(history(&destination, "a").await, history(&source, "a").await);
        let mut log = lead(&destination, "a", 3, Mode::Adopt { wait: Duration::ZERO }).await;
        assert!(run(&destination, &mut log).await.unwrap().unwrap().incarnation > highest.incarnation);
        let report = check_store(&destination, &keys).await.unwrap();
        let states: Vec<_> = report.namespaces.iter().map(|namespace| namespace.state).collect();
        assert_eq!((states, report.moved_to), (vec![State::Live, State::Live, State::Deleted], None));

        let error = copy(&source, &other, &keys, Seal::Source).await.unwrap_err();
        assert!(matches!(error, BackupError::Moved { .. }), "{error}");
        let wipe = Transaction::default().write(Write::DeleteRange("shardway/".into(), "shardway0".into()));
        destination.transact(wipe).await.unwrap();
        copy(&source, &destination, &keys, Seal::Source).await.unwrap();
    });
}

#[test]
fn a_copy_without_a_seal_leaves_the_source_as_it_is() {
    block_on(async {
        let (source, keys, destination) = (populated().await, Keys::default(), MemoryStore::new());
        let before = rows_of(&source).await;
        copy(&source, &destination, &keys, Seal::Nothing).await.unwrap();
        assert_eq!(rows_of(&source).await, before);
        assert_eq!(rows_of(&destination).await, rows_of(&restored(&saved(&source).await).await).await);
    });
}

#[test]
fn a_head_that_cannot_be_read_is_named_and_stops_nobody_else() {
    block_on(async {
        let (store, keys) = (populated().await, Keys::default());
        let key = keys.head(&namespace("b"));
        put(&store, key.clone(), "nonsense").await;
        let file = saved(&store).await;
        assert!(!check_file(&file[..]).unwrap().is_sound());
        let again = MemoryStore::new();
        let restored = restore(Cursor::new(&file), &again).await.unwrap();
        assert_eq!((restored.filled.namespaces, restored.filled.unreadable), (2, vec![key.to_string()]));
        let report = check_store(&again, &keys).await.unwrap();
        assert!(!report.is_sound() && report.namespaces[0].problems.is_empty());
        assert!(report.namespaces[1].version.is_none() && report.namespaces[1].problems.len() == 1);
        copy(&store, &MemoryStore::new(), &keys, Seal::Source).await.unwrap();
    });
}

#[test]
fn a_lost_chunk_is_told() {
    block_on(async {
        let (store, keys) = (populated().await, Keys::default());
        let chunks = store.range(Range::prefix(&keys.deltas(&namespace("a")), 10)).await.unwrap().rows;
        let lose = Transaction::default().write(Write::Delete(chunks[1].key.clone()));
        store.transact(lose).await.unwrap();
        let report = check_store(&store, &keys).await.unwrap();
        let told: Vec<_> = report.namespaces.iter().map(|namespace| namespace.problems.is_empty()).collect();
        assert_eq!((told, report.is_sound()), (vec![false, true, true], false));
    });
}

#[test]
fn whatever_kind_a_row_is_of_it_is_named_when_it_cannot_be_read() {
    block_on(async {
        let (keys, a) = (Keys::default(), namespace("a"));
        let orphan = Chunk { generation: 9_000, ..Chunk::default() };
        for key in [
            keys.cluster(),
            keys.moved(),
            keys.restoring(),
            keys.replica("r1").unwrap(),
            keys.catalogue(&a),
            keys.term(&a),
            keys.head(&a),
            keys.delta(&a, orphan),
            keys.snapshot(&a, orphan),
        ] {
            let store = populated().await;
            store
                .transact(Transaction::default().write(Write::Delete("shardway/ns/a/later".into())))
                .await
                .unwrap();
            put(&store, key.clone(), "nonsense").await;
            let report = check_store(&store, &keys).await.unwrap();
            let of_namespaces = report.namespaces.iter().flat_map(|namespace| &namespace.problems);
            let told: Vec<_> = report.problems.iter().chain(of_namespaces).collect();
            assert!(told.len() == 1 && told[0].contains(&*key), "{key}: {told:?}");
            assert!(!report.is_sound());
            if !key.contains("/moved") && !key.contains("/restoring") && !key.contains("/replicas/") {
                assert!(!check_file(&saved(&store).await[..]).unwrap().is_sound(), "{key}");
            }
        }
        assert!(check_store(&MemoryStore::new(), &keys).await.unwrap().is_sound());
    });
}

#[test]
fn changes_that_make_no_sense_are_told() {
    block_on(async {
        let (store, keys) = (populated().await, Keys::default());
        let mut log = lead(&store, "a", 2, Mode::Resume).await;
        run(&store, &mut log).await.unwrap().unwrap();
        log.begin(Entry { items: vec!["no change".into(); 200], ..Entry::default() }).unwrap();
        let at = run(&store, &mut log).await.unwrap().unwrap();
        let report = check_store(&store, &keys).await.unwrap();
        let told = &report.namespaces[0].problems;
        assert_eq!((told.len(), told[100].as_str()), (101, "and 100 more"));
        assert!(told[0].starts_with(&format!("a change in commit {at} makes no sense: ")), "{}", told[0]);
        assert!(!report.is_sound());
    });
}

/// A store of which every third transaction is lost, or its answer is.
#[derive(Debug)]
struct Lossy(MemoryStore, AtomicUsize);

impl Store for Lossy {
    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    fn limits(&self) -> Limits {
        Limits { operations: 4, ..self.0.limits() }
    }

    fn identity(&self) -> Answer<'_, StoreIdentity> {
        self.0.identity()
    }

    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Row>> {
        self.0.get(key)
    }

    fn range(&self, range: Range) -> Answer<'_, Page> {
        self.0.range(range)
    }

    fn transact(&self, transaction: Transaction) -> Answer<'_, Outcome> {
        Box::pin(async move {
            let number = self.1.fetch_add(1, Ordering::Relaxed);
            let unknown = Err(StoreError::Unknown { reason: "lost".into() });
            match number % 5 {
                0 => self.0.transact(transaction).await.and(unknown),
                3 => unknown,
                _ => self.0.transact(transaction).await,
            }
        })
    }

    fn watch(&self, prefix: &str, from: Revision) -> Answer<'_, Box<dyn Watch>, WatchError> {
        self.0.watch(prefix, from)
    }

    fn compact(&self, before: Revision) -> Answer<'_, ()> {
        self.0.compact(before)
    }

    fn usage(&self) -> Answer<'_, Usage> {
        self.0.usage()
    }

    fn damaged(&self) -> Vec<Arc<str>> {
        vec!["shardway/ns/a/config".into(), "shardway-eu/cluster".into()]
    }
}

#[test]
fn rows_that_the_store_cannot_read_are_named() {
    block_on(async {
        let (store, keys) = (Lossy(populated().await, AtomicUsize::new(1)), Keys::default());
        let named = ["shardway/ns/a/config"];
        let mut file = Vec::new();
        assert_eq!(save(&store, &keys, &mut file).await.unwrap().damaged, named);
        assert_eq!(check_file(&file[..]).unwrap().damaged, named);
        assert_eq!(check_store(&store, &keys).await.unwrap().damaged, named);
        assert_eq!(copy(&store, &MemoryStore::new(), &keys, Seal::Nothing).await.unwrap().damaged, named);
    });
}

#[test]
fn lost_answers_change_nothing() {
    block_on(async {
        let keys = Keys::default();
        for phase in 0..5 {
            let source = Lossy(populated().await, AtomicUsize::new(phase));
            let file = saved(&source).await;
            let expected = rows_of(&restored(&file).await).await;
            let destinations =
                [phase, phase + 1].map(|phase| Lossy(MemoryStore::new(), AtomicUsize::new(phase)));
            restore(Cursor::new(&file), &destinations[0]).await.unwrap();
            copy(&source, &destinations[1], &keys, Seal::Source).await.unwrap();
            for destination in &destinations {
                assert!(rows_of(&destination.0).await == expected, "phase {phase}");
            }
        }
    });
}
