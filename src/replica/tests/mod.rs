//! The simulation puts replicas through every fault; here is what a reader needs to see once: a leader is found, works,
//! and is followed by another one that knows what it knew.

mod damage;
mod ending;
mod late;
mod taking_over;
pub(crate) mod world;

use std::{collections::BTreeSet, time::Duration};

use self::world::{MS, World, namespace};
use super::{ensemble::Event, *};
use crate::{
    election::{ReplicaRecord, TermRecord},
    engine::{self, Caller},
    journal::{LogError, Mismatch, Mode, OpenAs, Record as _},
    store::{Transaction, Write},
    types::{ExecutorId, ShardKey},
};

/// An operator pins shards, so many times one after the other.
fn pin(world: &mut World, leader: usize, times: usize) {
    for number in 0..times {
        let shard = ShardKey::new((number % 30).to_string()).unwrap();
        let nobody = ExecutorId::new(format!("nobody-{number}")).unwrap();
        let request = engine::Request::Pin(shard, Some(nobody));
        world.tell(leader, Event::Asked(namespace(), Caller(0), request));
        world.run(20 * MS);
    }
}

/// How many rows below the namespace's prefix are deltas, and how many are of snapshots.
fn rows_of(world: &World) -> (usize, usize) {
    let range = crate::store::Range::prefix(&Keys::default().namespace(&namespace()), 1000);
    let rows = world.kv.range(&range).unwrap().rows;
    let count = |kind: &str| rows.iter().filter(|row| row.key.contains(kind)).count();
    (count("/delta/"), count("/snapshot/"))
}

fn all(held: &[BTreeSet<ShardKey>]) -> usize {
    held.iter().map(BTreeSet::len).sum()
}

#[test]
fn a_replica_is_elected_and_its_executors_get_all_shards() {
    let mut world = World::new(3, 4);
    world.run(20_000 * MS);
    assert!(world.leader().is_some());
    assert_eq!(all(&world.held()), 30);
    assert_eq!(world.trouble, []);
}

#[test]
fn the_next_leader_knows_what_the_last_one_knew_and_moves_nothing() {
    let mut world = World::new(3, 4);
    world.run(30_000 * MS);
    let (first, held) = (world.leader().unwrap(), world.held());
    world.replicas[first] = None;
    world.run(9_000 * MS);
    assert!(world.leader().is_some_and(|second| second != first), "{:?}", world.leader());
    world.run(5_000 * MS);
    assert_eq!(world.held(), held, "nobody was asked to move");
    world.start(first, 77);
    world.run(60_000 * MS);
    assert_eq!(all(&world.held()), 30);
    assert_eq!(world.trouble, []);
}

#[test]
fn a_leader_that_leaves_is_followed_within_a_second() {
    let mut world = World::new(3, 2);
    world.run(30_000 * MS);
    let first = world.leader().unwrap();
    world.tell(first, Event::Leaving);
    world.run(1_000 * MS);
    assert!(world.leader().is_some_and(|second| second != first));
}

#[test]
fn nobody_leads_while_a_backup_is_being_put_in_or_after_the_store_has_moved() {
    for mark in [Keys::default().restoring(), Keys::default().moved()] {
        let mut world = World::new(0, 1);
        let put = Transaction::default().write(Write::Put(mark.clone(), "by somebody".into()));
        world.kv.apply(put).unwrap();
        for number in 0..2 {
            world.replicas.push(None);
            world.start(number, number as u64 + 1);
        }
        world.run(20_000 * MS);
        assert_eq!(world.leader(), None);
        assert!(world.calls < 400, "{} calls: nobody asks all the time", world.calls);
        world.kv.apply(Transaction::default().write(Write::Delete(mark))).unwrap();
        world.run(10_000 * MS);
        assert!(world.leader().is_some());
    }
}

#[test]
fn a_restored_store_grants_nothing_until_it_is_adopted_and_then_waits() {
    let mut world = World::new(1, 2);
    world.run(20_000 * MS);
    assert_eq!(all(&world.held()), 30);
    world.replicas[0] = None;
    world.identity = "a copy".into();
    world.start(0, 9);
    world.run(30_000 * MS);
    assert!(
        matches!(world.trouble[..], [Trouble::Log(LogError::NeedsAdoption(_)), ..]),
        "{:?}",
        world.trouble
    );
    assert_eq!(all(&world.held()), 0, "nobody answers beats");
    let wait = Duration::from_secs(11);
    let adopt = OpenAs { mode: Mode::Adopt { wait }, seen: None, unix_millis: 1 };
    world.tell(0, Event::Open(namespace(), adopt));
    world.run(8_000 * MS);
    assert_eq!(all(&world.held()), 0, "what was granted before may still be held");
    world.run(15_000 * MS);
    assert_eq!(all(&world.held()), 30);
    let tokens = world.executors[0].held(world.now).map(|(_, token)| token).collect::<Vec<_>>();
    assert!(tokens.iter().all(|token| token.incarnation > 1_700_000_000_000), "{tokens:?}");

    // It is adopted once, not whenever this replica is elected again.
    let now = world.now;
    world.replicas[0].as_mut().unwrap().replica.election.renew(now, &namespace(), 0);
    world.tell(0, Event::Woke);
    world.run(15_000 * MS);
    let after = world.executors[0].held(world.now).map(|(_, token)| token).collect::<Vec<_>>();
    assert_eq!(after, tokens);
}

#[test]
fn a_history_stays_short_and_leads_to_the_same_state() {
    let mut world = World::new(2, 4);
    world.config = ReplicaConfig { snapshot_after_bytes: 1, ..ReplicaConfig::default() };
    (0..2).for_each(|number| world.start(number, number as u64 + 10));
    world.run(30_000 * MS);
    let first = world.leader().unwrap();
    pin(&mut world, first, 300);
    let is_done = |answer: &&Result<_, _>| matches!(answer, Ok(engine::Answer::Done(_)));
    assert_eq!(world.answers.iter().filter(is_done).count(), 300);
    let (deltas, snapshots) = rows_of(&world);
    assert!(
        deltas < 150 && (1..=2).contains(&snapshots),
        "{deltas} commits, {snapshots} chunks of snapshots"
    );
    // What is counted from when a snapshot is made differs between any two.
    let is_timeless = |change: &engine::Change| {
        !matches!(change, engine::Change::SessionAge(..) | engine::Change::ShardTimes(..))
    };
    let snapshot_of = |world: &World, replica: usize| -> Vec<_> {
        let engine = world.replicas[replica].as_ref().unwrap().engine(&namespace()).unwrap();
        engine.snapshot().filter(is_timeless).collect()
    };
    let state = snapshot_of(&world, first);
    let held = world.held();
    world.tell(first, Event::Leaving);
    world.run(2_000 * MS);
    let second = world.leader().unwrap();
    assert_ne!(second, first);
    assert_eq!(snapshot_of(&world, second), state);
    assert_eq!((world.held(), &world.trouble[..]), (held, &[][..]));
}

#[test]
fn every_replica_knows_what_is_committed_and_the_next_leader_reads_no_history() {
    let mut world = World::new(3, 4);
    world.run(20_000 * MS);
    let first = world.leader().unwrap();
    pin(&mut world, first, 20);
    let states = world.states();
    assert_eq!(states.len(), 3);
    assert!(states.iter().all(|state| *state == states[0] && state.len() > 30), "{states:?}");
    world.history_reads = 0;
    world.tell(first, Event::Leaving);
    world.run(1_000 * MS);
    let second = world.leader().unwrap();
    assert_ne!(second, first);
    pin(&mut world, second, 5);
    assert_eq!(world.history_reads, 0, "it knew the state already");
    let states = world.states();
    assert!(states.iter().all(|state| *state == states[0]), "{states:?}");
    assert_eq!((all(&world.held()), &world.trouble[..]), (30, &[][..]));
}

#[test]
fn a_replica_that_missed_commits_reads_them_and_tells_that_there_is_a_gap() {
    let mut world = World::new(2, 4);
    world.run(20_000 * MS);
    let first = world.leader().unwrap();
    let other = 1 - first;
    let before = world.told[&other];
    world.deaf = Some(other);
    pin(&mut world, first, 20);
    world.run(100 * MS);
    assert_eq!(world.told[&other], before);
    world.deaf = None;
    world.tell(other, Event::WatchBroke);
    world.run(100 * MS);
    assert_eq!(world.told[&other], world.told[&first]);
    // A watch that skips what it should have told is noticed by the next commit.
    world.deaf = Some(other);
    pin(&mut world, first, 3);
    world.deaf = None;
    pin(&mut world, first, 1);
    let states = world.states();
    assert_eq!(states[0], states[1]);
    assert_eq!(world.trouble, []);
}

#[test]
fn a_store_that_went_back_is_refused_by_who_has_seen_more() {
    let mut world = World::new(2, 2);
    world.run(20_000 * MS);
    let backup = world.kv.clone();
    let first = world.leader().unwrap();
    pin(&mut world, first, 10);
    let seen = world.told[&(1 - first)];
    // The identity is the same, so that only what was seen tells.
    world.kv = backup;
    world.replicas[first] = None;
    world.tell(1 - first, Event::WatchBroke);
    world.run(30_000 * MS);
    let refused = |trouble: &Trouble| matches!(trouble, Trouble::Log(LogError::NeedsAdoption(Mismatch::WentBack { seen: newest, .. })) if *newest == seen);
    assert!(world.trouble.iter().any(refused), "{:?}", world.trouble);
    assert_eq!(world.replicas[1 - first].as_ref().unwrap().engine(&namespace()).map(|_| ()), None);
    assert_eq!(all(&world.held()), 0);
    let adopt = OpenAs { mode: Mode::Adopt { wait: 11_000 * MS }, seen: None, unix_millis: 1 };
    world.tell(1 - first, Event::Open(namespace(), adopt));
    world.run(40_000 * MS);
    assert!(world.told[&(1 - first)].incarnation > seen.incarnation);
    assert_eq!(all(&world.held()), 30);
}

/// What an operator says to a leader is for that one's next term. Nobody else may come in between.
#[test]
fn an_adoption_that_another_leader_came_before_is_not_made_up_for() {
    let adopt = OpenAs { mode: Mode::Adopt { wait: Duration::from_secs(11) }, seen: None, unix_millis: 1 };
    let mut world = World::new(2, 2);
    world.run(40_000 * MS);
    let (first, before) = (world.leader().unwrap(), world.held());
    let second = 1 - first;
    world.tell(second, Event::Open(namespace(), adopt));

    // The term becomes the other one's right when this one is about to take another.
    world.tell(first, Event::Open(namespace(), adopt));
    let keys = Keys::default();
    let row = |key: &str| world.kv.get(key).unwrap().unwrap();
    let (term, other) = (row(&keys.term(&namespace())), row(&keys.replica(&format!("r{second}")).unwrap()));
    let term = TermRecord::from_row(&term.key, &term.value).unwrap();
    let other = ReplicaRecord::from_row(&other.key, &other.value).unwrap();
    let taken =
        TermRecord { number: term.number + 1, replica: format!("r{second}"), session: other.session, ..term };
    let key = keys.term(&namespace());
    let value = taken.to_row(&key);
    world.kv.apply(Transaction::default().write(Write::Put(key, value))).unwrap();
    let batch = world.kv.batch(&keys.all(), world.kv.revision()).unwrap().unwrap();
    world.tell(second, Event::Watched(batch));
    world.run(200 * MS);
    assert_eq!(world.leader(), Some(second));
    world.tell(second, Event::Leaving);
    world.run(5_000 * MS);
    assert_eq!(world.leader(), Some(first));
    world.run(20_000 * MS);
    assert_eq!((world.held(), &world.trouble[..]), (before, &[][..]));
    let incarnations = world.told.values().map(|version| version.incarnation);
    assert_eq!(incarnations.collect::<BTreeSet<_>>().len(), 1, "nobody has begun another one");
}

/// Whoever leads next would have to listen for a whole lease, from its beginning.
#[test]
fn leadership_is_not_handed_over_while_a_lease_is_running_out() {
    let mut world = World::new(2, 3);
    world.run(60_000 * MS);
    let preferred = world.leader().unwrap();
    world.replicas[preferred] = None;
    world.run(20_000 * MS);
    let second = world.leader().unwrap();
    world.start(preferred, 77);
    world.run(26_000 * MS);
    assert_eq!(world.leader(), Some(second), "the other one has not been up for long enough");
    world.cut.insert(0);
    world.run(8_000 * MS);
    assert_eq!(world.leader(), Some(second), "it is time, and somebody is late");
    world.run(4_000 * MS);
    assert_eq!(all(&world.held()), 30, "nobody else had to listen first");
    world.run(5_000 * MS);
    assert_eq!(world.leader(), Some(preferred));
}

#[test]
fn what_the_watch_tells_before_the_store_has_answered_is_told_once() {
    let mut world = World::new(2, 4);
    world.answers_late = true;
    world.run(20_000 * MS);
    let first = world.leader().unwrap();
    pin(&mut world, first, 10);
    world.history_reads = 0;
    world.tell(first, Event::Leaving);
    world.run(1_000 * MS);
    let second = world.leader().unwrap();
    assert_ne!(second, first);
    pin(&mut world, second, 5);
    assert_eq!(world.history_reads, 0, "it knew the state already");
    let states = world.states();
    assert_eq!(states[0], states[1]);
    assert_eq!(world.trouble, []);
}
