//! Whatever leaders do to a history, what is loaded is what was committed.

use proptest::prelude::*;

use super::{
    Entry, Loaded, Log,
    test_store::{TestStore, items},
};
use crate::store::Limits;

#[derive(Clone, Debug)]
enum Act {
    /// Commits something of this length.
    Commit(usize),
    Snapshot,
    Collect,
    /// Another leader takes over.
    Lead,
}

fn any_acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (0..1_500_usize).prop_map(Act::Commit),
        2 => Just(Act::Snapshot),
        1 => Just(Act::Collect),
        1 => Just(Act::Lead),
    ];
    prop::collection::vec(act, 1..30)
}

fn any_limits() -> impl Strategy<Value = Limits> {
    let operations = prop_oneof![Just(2), Just(3), Just(4), Just(128)];
    (operations, 700..3_000_usize, 1..5_usize).prop_map(|(operations, bytes, rows)| Limits {
        operations,
        bytes,
        rows,
    })
}

struct History {
    store: TestStore,
    log: Log,
    term: u64,
    committed: Vec<String>,
}

impl History {
    fn new(limits: Limits) -> Self {
        let mut store = TestStore::new(limits);
        let log = store.open(1);
        Self { store, log, term: 1, committed: Vec::new() }
    }

    fn act(&mut self, act: &Act) {
        let texts: Vec<&str> = self.committed.iter().map(String::as_str).collect();
        match act {
            Act::Commit(length) => {
                let text = format!("{} {}", texts.len(), "x".repeat(*length));
                self.log.begin(Entry { items: items(&[&text]), ..Entry::default() }).unwrap();
                self.store.run(&mut self.log).unwrap();
                self.committed.push(text);
            }
            Act::Snapshot => {
                let mut snapshot = self.log.snapshot(&items(&texts)).unwrap();
                let link = self.store.run(&mut snapshot).unwrap();
                self.log.publish(link);
            }
            Act::Collect => {
                let mut collect = self.log.collect().unwrap();
                self.store.run(&mut collect).unwrap();
            }
            Act::Lead => {
                self.term += 1;
                self.log = self.store.open(self.term);
            }
        }
    }
}

fn texts(loaded: &Loaded) -> Vec<String> {
    let items = loaded.snapshot.iter().chain(loaded.deltas.iter().flat_map(|delta| &delta.items));
    items.map(|item| String::from_utf8(item.to_vec()).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn after_every_act_all_that_was_committed_is_loaded(acts in any_acts(), limits in any_limits()) {
        let mut history = History::new(limits);
        for act in &acts {
            history.act(act);
            let loaded = history.store.load().unwrap();
            prop_assert_eq!(&texts(&loaded), &history.committed, "after {:?}", act);
            prop_assert_eq!((loaded.damage.len(), loaded.mismatch), (0, None));
        }
    }

    /// One row that cannot be read is named if it counts, and costs what it holds and nothing else.
    #[test]
    fn a_damaged_row_is_named_and_stops_only_itself(
        acts in any_acts(), limits in any_limits(), row: prop::sample::Index, byte: prop::sample::Index,
    ) {
        let mut history = History::new(limits);
        acts.iter().for_each(|act| history.act(act));
        let mut keys = history.store.keys("delta");
        keys.extend(history.store.keys("snapshot"));
        let key = keys[row.index(keys.len())].clone();
        let mut value = history.store.kv.get(&key).unwrap().unwrap().value.to_vec();
        let at = byte.index(value.len());
        value[at] ^= 0x41;
        history.store.put(&key, value);
        let loaded = history.store.load().unwrap();
        let left = texts(&loaded);
        let mut all = history.committed.iter();
        prop_assert!(left.iter().all(|text| all.any(|committed| committed == text)), "something was made up");
        let is_named = loaded.damage.iter().any(|damage| damage.to_string().contains(&*key));
        prop_assert!(left == history.committed || is_named, "{key}: {:?}", loaded.damage);
        // A leader goes on from there, and what comes afterwards is there.
        history.act(&Act::Lead);
        history.act(&Act::Commit(3));
        let after = texts(&history.store.load().unwrap());
        prop_assert_eq!(after.last(), history.committed.last());
        prop_assert_eq!(after.len(), left.len() + 1);
    }
}
