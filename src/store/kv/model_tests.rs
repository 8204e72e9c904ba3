//! The map against a naive one that keeps a full copy for each revision.

use std::collections::BTreeMap;

use proptest::{prelude::*, sample::select};

use super::*;

/// Key to value and revision.
type Whole = BTreeMap<String, (Vec<u8>, u64)>;

struct Model {
    /// One for each revision, 0 first.
    versions: Vec<Whole>,
    settled: usize,
    forgotten: usize,
}

impl Model {
    fn new() -> Self {
        Self { versions: vec![Whole::new()], settled: 0, forgotten: 0 }
    }

    fn newest(&self) -> &Whole {
        self.versions.last().unwrap()
    }

    fn stage(&mut self, transaction: &Transaction) -> Outcome {
        let holds = transaction.compares.iter().all(|compare| {
            let row = self.newest().get(&**compare.key());
            match compare {
                Compare::Absent(_) => row.is_none(),
                Compare::Changed(_, at) => row.is_some_and(|(_, changed)| *changed == at.0),
                Compare::Value(_, wanted) => row.is_some_and(|(value, _)| value[..] == wanted[..]),
            }
        });
        if !holds {
            return Outcome::Refused;
        }
        let at = self.versions.len() as u64;
        let mut next = self.newest().clone();
        for write in &transaction.writes {
            match write {
                Write::Put(key, value) => {
                    next.insert(key.to_string(), (value.to_vec(), at));
                }
                Write::Delete(key) => {
                    next.remove(&**key);
                }
                Write::DeleteRange(from, until) => {
                    next.retain(|key, _| !(&**from <= key.as_str() && key.as_str() < &**until));
                }
            }
        }
        if next == *self.newest() {
            return Outcome::Committed(Revision(at - 1));
        }
        self.versions.push(next);
        Outcome::Committed(Revision(at))
    }

    /// What happened at a revision below a prefix, in order of keys.
    fn step(&self, at: usize, prefix: &str) -> Vec<(String, Option<Vec<u8>>)> {
        let (before, after) = (&self.versions[at - 1], &self.versions[at]);
        let puts = after.iter().filter(|(key, row)| before.get(*key) != Some(row));
        let deleted = before.keys().filter(|key| !after.contains_key(*key));
        let mut step: Vec<_> = puts.map(|(key, (value, _))| (key.clone(), Some(value.clone()))).collect();
        step.extend(deleted.map(|key| (key.clone(), None)));
        step.retain(|(key, _)| key.starts_with(prefix));
        step.sort();
        step
    }
}

#[derive(Clone, Debug)]
enum Op {
    Apply(Transaction),
    Stage(Transaction),
    Settle,
    Discard,
    /// Forgets all but so many of the newest revisions.
    Compact(u64),
}

const KEYS: [&str; 7] = ["a", "a/1", "a/2", "a0", "b", "b/1", "c"];

fn any_key() -> impl Strategy<Value = Arc<str>> {
    select(KEYS.to_vec()).prop_map(Into::into)
}

fn any_value() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        Just(Bytes::new()),
        Just(Bytes::from_static(b"x")),
        any::<[u8; 3]>().prop_map(|v| v.to_vec().into())
    ]
}

fn any_transaction() -> impl Strategy<Value = Transaction> {
    let compare = prop_oneof![
        any_key().prop_map(Compare::Absent),
        (any_key(), 0..20u64).prop_map(|(key, at)| Compare::Changed(key, Revision(at))),
        (any_key(), any_value()).prop_map(|(key, value)| Compare::Value(key, value)),
    ];
    let write = prop_oneof![
        3 => (any_key(), any_value()).prop_map(|(key, value)| Write::Put(key, value)),
        1 => any_key().prop_map(Write::Delete),
        1 => (any_key(), any_key()).prop_map(|(from, until)| Write::DeleteRange(from, until)),
    ];
    (proptest::option::weighted(0.2, compare), proptest::collection::vec(write, 0..4)).prop_map(
        |(compare, writes)| Transaction {
            compares: compare.into_iter().collect(),
            writes,
            ..Transaction::default()
        },
    )
}

fn any_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => any_transaction().prop_map(Op::Apply),
        4 => any_transaction().prop_map(Op::Stage),
        2 => Just(Op::Settle),
        1 => Just(Op::Discard),
        1 => (0..6u64).prop_map(Op::Compact),
    ]
}

/// Does the same to both, and expects the same answer.
fn run(kv: &mut Kv, model: &mut Model, op: Op) {
    let is_stage = matches!(op, Op::Stage(_));
    match op {
        Op::Apply(transaction) | Op::Stage(transaction) => {
            if transaction.check(kv.limits()).is_err() {
                assert!(kv.stage(transaction).is_err());
                return;
            }
            let expected = model.stage(&transaction);
            let outcome = if is_stage { kv.stage(transaction) } else { kv.apply(transaction) };
            assert_eq!(outcome, Ok(expected));
            // A refusal is decided without touching what was staged before; but applying settles all of it.
            if !is_stage {
                model.settled = model.versions.len() - 1;
            }
        }
        Op::Settle => {
            kv.settle();
            model.settled = model.versions.len() - 1;
        }
        Op::Discard => {
            kv.discard();
            model.versions.truncate(model.settled + 1);
        }
        Op::Compact(keep) => {
            let before = (model.settled + 1).saturating_sub(usize::try_from(keep).unwrap());
            kv.compact(Revision(before as u64));
            model.forgotten = model.forgotten.max(before.saturating_sub(1));
        }
    }
}

fn assert_same(kv: &Kv, model: &Model) {
    assert_eq!((kv.revision().0, kv.oldest().0), (model.settled as u64, model.forgotten as u64));
    assert_eq!(kv.staged().count(), {
        (model.settled + 1..model.versions.len()).map(|at| model.step(at, "").len()).sum::<usize>()
    });
    for at in 0..model.versions.len() + 1 {
        assert_same_rows(kv, model, at);
        assert_same_steps(kv, model, at);
    }
    let size = |whole: &Whole| whole.iter().map(|(key, (value, _))| key.len() + value.len()).sum::<usize>();
    assert_eq!(kv.live_bytes(), size(model.newest()));
    let present: Vec<_> =
        kv.rows().map(|row| (row.key.to_string(), (row.value.to_vec(), row.changed.0))).collect();
    assert!(present.iter().cloned().eq(model.versions[model.settled].clone()));
    for key in KEYS {
        assert_eq!(kv.get(key).unwrap(), present.iter().find(|(of, _)| of == key).map(row));
    }
}

fn row((key, (value, changed)): &(String, (Vec<u8>, u64))) -> Row {
    Row { key: key.as_str().into(), value: value.clone().into(), changed: Revision(*changed) }
}

fn assert_same_rows(kv: &Kv, model: &Model, at: usize) {
    for (from, until, rows) in
        [("", None, 100), ("a/", Some("b/"), 2), ("a", Some("a0"), 1), ("b", Some("a"), 9)]
    {
        let revision = Revision(at as u64);
        let range =
            Range { from: from.to_owned(), until: until.map(str::to_owned), at: Some(revision), rows };
        let page = kv.range(&range);
        if at < model.forgotten {
            assert_eq!(page, Err(StoreError::Compacted { oldest: Revision(model.forgotten as u64) }));
        } else if at > model.settled {
            assert!(matches!(page, Err(StoreError::Unavailable { .. })), "{page:?}");
        } else {
            let inside = |key: &str| from <= key && until.is_none_or(|until| key < until);
            let whole = model.versions[at].clone().into_iter().filter(|(key, _)| inside(key));
            let mut expected: Vec<_> = whole.map(|entry| row(&entry)).collect();
            let more = expected.len() > rows;
            expected.truncate(rows);
            assert_eq!(page, Ok(Page { rows: expected, revision, more }));
        }
    }
}

fn assert_same_steps(kv: &Kv, model: &Model, from: usize) {
    for prefix in ["", "a/", "b"] {
        let batch = kv.batch(prefix, Revision(from as u64));
        if from.max(1) <= model.forgotten {
            assert_eq!(batch, Err(WatchError::Compacted { oldest: Revision(model.forgotten as u64 + 1) }));
        } else if from > model.settled + 1 {
            let (asked, now) = (Revision(from as u64), Revision(model.settled as u64));
            assert_eq!(batch, Err(WatchError::WentBack { asked, now }));
        } else if from.max(1) == model.settled + 1 {
            assert_eq!(batch, Ok(None));
        } else {
            let batch = batch.unwrap().unwrap();
            assert_eq!(batch.revision, kv.revision(), "so few steps fit one batch");
            let mut told: BTreeMap<u64, Vec<_>> = BTreeMap::new();
            assert!(batch.changes.is_sorted_by_key(Change::at));
            for change in batch.changes {
                let value = match &change {
                    Change::Put(row) => Some(row.value.to_vec()),
                    Change::Deleted { .. } => None,
                };
                told.entry(change.at().0).or_default().push((change.key().to_string(), value));
            }
            for at in from.max(1)..=model.settled {
                let mut step = told.remove(&(at as u64)).unwrap_or_default();
                step.sort();
                assert_eq!(step, model.step(at, prefix));
            }
            assert!(told.is_empty(), "steps of revisions that were not asked for: {told:?}");
        }
    }
}

proptest! {
    #[test]
    fn it_does_what_full_copies_do(ops in proptest::collection::vec(any_op(), 1..40)) {
        let (mut kv, mut model) = (Kv::new(Limits::default(), Retention::default()), Model::new());
        for op in ops {
            run(&mut kv, &mut model, op);
            assert_same(&kv, &model);
        }
    }

    #[test]
    fn what_is_forgotten_holds_no_memory(ops in proptest::collection::vec(any_op(), 1..60)) {
        let (mut kv, mut model) = (Kv::new(Limits::default(), Retention::default()), Model::new());
        for op in ops {
            run(&mut kv, &mut model, op);
        }
        kv.discard();
        kv.compact(Revision(u64::MAX));
        let rows: Vec<_> = kv.rows().collect();
        prop_assert_eq!(kv.rows.len(), rows.len(), "no deletion is remembered");
        prop_assert!(kv.rows.values().all(Versions::is_alone));
        prop_assert_eq!((kv.log.len(), kv.held_bytes(), kv.oldest()), (0, kv.live_bytes(), kv.revision()));
        // What is loaded anew is the same map.
        let again = Kv::of(kv.limits(), kv.retention, kv.revision(), rows);
        prop_assert_eq!((again.live_bytes(), again.held_bytes()), (kv.live_bytes(), kv.held_bytes()));
    }

    #[test]
    fn the_past_stays_within_its_bounds(ops in proptest::collection::vec(any_op(), 1..60)) {
        let retention = Retention { steps: 5, bytes: 12 };
        let mut kv = Kv::new(Limits::default(), retention);
        for op in ops {
            match op {
                Op::Apply(transaction) => drop(kv.apply(transaction)),
                Op::Stage(transaction) => drop(kv.stage(transaction)),
                Op::Discard => kv.discard(),
                Op::Settle | Op::Compact(_) => kv.settle(),
            }
            if kv.staged().next().is_none() {
                prop_assert!(kv.log.len() <= retention.steps);
                prop_assert!(kv.held_bytes() - kv.live_bytes() <= retention.bytes);
            }
        }
    }
}

#[test]
fn a_long_past_is_told_in_pieces_of_whole_transactions() {
    let mut kv = Kv::new(Limits::default(), Retention::default());
    for number in 0..3_000u32 {
        let put = |name: &str| Write::Put(format!("{name}/{number}").into(), Bytes::from_static(b"v"));
        kv.apply(Transaction::default().write(put("a")).write(put("a2")).write(put("b"))).unwrap();
    }
    let (mut from, mut told, mut pieces) = (Revision(1), 0, 0);
    while let Some(batch) = kv.batch("a", from).unwrap() {
        assert!(batch.changes.len() <= 1_002);
        assert_eq!(batch.changes.len() as u64, 2 * (batch.revision.0 + 1 - from.0), "whole transactions");
        told += batch.changes.len();
        pieces += 1;
        from = batch.revision.next();
    }
    assert_eq!((told, from), (6_000, Revision(3_001)));
    assert!(pieces >= 6);
}

#[test]
fn a_row_that_is_rewritten_for_ever_costs_no_more_with_time() {
    let retention = Retention { steps: 100, bytes: 1 << 20 };
    let mut kv = Kv::new(Limits::default(), retention);
    for number in 0..10_000u32 {
        let value = Bytes::copy_from_slice(&number.to_be_bytes());
        kv.apply(Transaction::default().write(Write::Put("beat".into(), value))).unwrap();
    }
    assert_eq!(kv.held_bytes(), 101 * 8, "the present version, and one for each step that is remembered");
    assert_eq!(kv.oldest(), Revision(9_900));
}
