//! Rows that cannot be read: what they stop, and what mends them.

use std::time::Duration;

use super::super::{
    Trouble,
    ensemble::Event,
    tests::world::{MS, World, namespace},
};
use crate::{
    journal::{LogError, Mode, OpenAs},
    store::{Keys, Transaction, Write},
};

fn put(world: &mut World, key: std::sync::Arc<str>, value: bytes::Bytes) {
    world.kv.apply(Transaction::default().write(Write::Put(key, value))).unwrap();
}

/// A replica that has led stops, and the head is damaged. What it was comes back.
fn damage_head(world: &mut World) -> bytes::Bytes {
    world.run(20_000 * MS);
    world.replicas[0] = None;
    let key = Keys::default().head(&namespace());
    let before = world.kv.get(&key).unwrap().unwrap().value;
    put(world, key, "damaged".into());
    before
}

fn runs(world: &World) -> bool {
    world.replicas[0].as_ref().unwrap().engine(&namespace()).is_some()
}

fn is_unreadable(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Log(LogError::Unreadable(_)))
}

#[test]
fn a_namespace_is_run_as_soon_as_its_head_is_put_back() {
    let mut world = World::new(1, 2);
    let head = damage_head(&mut world);
    world.start(0, 50);
    world.run(20_000 * MS);
    assert!(!runs(&world) && world.trouble.iter().all(is_unreadable), "{:?}", world.trouble);
    world.write(Keys::default().head(&namespace()), head);
    world.run(100 * MS);
    assert!(runs(&world));
    world.run(20_000 * MS);
    assert_eq!(world.held().iter().map(|held| held.len()).sum::<usize>(), 30);
}

#[test]
fn a_head_that_was_put_back_unheard_is_looked_at_every_half_minute() {
    let mut world = World::new(1, 2);
    let head = damage_head(&mut world);
    world.deaf = Some(0);
    world.start(0, 50);
    world.run(20_000 * MS);
    world.trouble.clear();
    world.run(600_000 * MS);
    assert!((19..=21).contains(&world.trouble.len()), "it was looked at {} times", world.trouble.len());
    assert!(!runs(&world));
    world.write(Keys::default().head(&namespace()), head);
    world.run(31_000 * MS);
    assert!(runs(&world));
}

#[test]
fn a_namespace_whose_head_is_lost_begins_anew_when_an_operator_says_so() {
    let mut world = World::new(1, 2);
    damage_head(&mut world);
    let tokens: Vec<_> = world.executors[0].held(world.now).map(|(_, token)| token).collect();
    world.start(0, 50);
    world.run(20_000 * MS);
    let wait = Duration::from_secs(16);
    let reset = OpenAs { mode: Mode::Reset { wait }, seen: None, unix_millis: 1 };
    world.tell(0, Event::Open(namespace(), reset));
    world.run(15_000 * MS);
    assert!(runs(&world));
    assert_eq!(world.held(), [[].into(), [].into()], "what was granted before may still be held");
    world.run(20_000 * MS);
    assert_eq!(world.held().iter().map(|held| held.len()).sum::<usize>(), 30);
    assert!(!tokens.is_empty());
    for (_, token) in world.executors[0].held(world.now) {
        assert!(tokens.iter().all(|before| token > *before), "{token:?} after {tokens:?}");
    }
}

/// A replica that has led stops, and one of the commits behind the newest snapshot is damaged: which one is the test's to
/// say.
fn damage_delta(world: &mut World, generation_back: u64) {
    world.run(20_000 * MS);
    let head = world.replicas[0].as_ref().unwrap().state(&namespace()).unwrap().version();
    world.replicas[0] = None;
    let from = Keys::default().deltas_of(&namespace(), head.generation - generation_back);
    let row = world.kv.range(&crate::store::Range::prefix(&from, 1)).unwrap().rows.remove(0);
    put(world, row.key, "damaged".into());
}

fn damaged_rows(world: &World) -> usize {
    let replica = world.replicas[0].as_ref().unwrap();
    replica.damaged(&namespace()).map_or(0, |damaged| damaged.rows.len())
}

#[test]
fn what_cannot_be_read_is_named_and_done_without_until_a_snapshot_has_healed_it() {
    let mut world = World::new(1, 3);
    damage_delta(&mut world, 1);
    world.start(0, 50);
    world.run(9_000 * MS);
    assert!(matches!(&world.trouble[..], [Trouble::Damaged(rows)] if rows.len() == 1), "{:?}", world.trouble);
    assert!(runs(&world) && damaged_rows(&world) == 1);
    let (_, snapshots) = super::rows_of(&world);
    assert_eq!(snapshots, 0, "somebody may hold what is lost");
    world.run(30_000 * MS);
    super::pin(&mut world, 0, 3);
    let (deltas, snapshots) = super::rows_of(&world);
    assert!(deltas <= 3 && snapshots >= 1, "{deltas} commits, {snapshots} snapshots");
    assert_eq!(damaged_rows(&world), 0);

    // Whoever leads next reads nothing that is damaged, and waits for nothing.
    world.trouble.clear();
    world.replicas[0] = None;
    world.start(0, 60);
    world.run(10_000 * MS);
    assert!(runs(&world) && damaged_rows(&world) == 0 && world.trouble.is_empty(), "{:?}", world.trouble);
    world.run(30_000 * MS);
    assert_eq!(world.held().iter().map(|held| held.len()).sum::<usize>(), 30);
}

#[test]
fn a_follower_reads_again_what_its_leader_has_healed() {
    let mut world = World::new(1, 3);
    damage_delta(&mut world, 1);
    world.start(0, 50);
    world.replicas.push(None);
    world.start(1, 70);
    world.run(9_000 * MS);
    let damaged = |world: &World| -> Vec<bool> {
        let is_damaged = |replica: &crate::replica::Ensemble| replica.damaged(&namespace()).is_some();
        world.replicas.iter().flatten().map(is_damaged).collect()
    };
    assert_eq!(damaged(&world), [true, true]);
    // The other one may lead in between, and waits from the beginning.
    world.run(90_000 * MS);
    let leader = world.leader().unwrap();
    super::pin(&mut world, leader, 3);
    assert_eq!(damaged(&world), [false, false]);
    let states = world.states();
    assert_eq!(states[0], states[1]);
}

#[test]
fn what_a_later_version_wrote_is_not_done_without_for_good() {
    let mut world = World::new(1, 3);
    world.run(20_000 * MS);
    let head = world.replicas[0].as_ref().unwrap().state(&namespace()).unwrap().version();
    world.replicas[0] = None;
    let from = Keys::default().deltas_of(&namespace(), head.generation - 1);
    let row = world.kv.range(&crate::store::Range::prefix(&from, 1)).unwrap().rows.remove(0);
    // Its format is the first field of a record.
    let later: Vec<u8> =
        row.value.iter().enumerate().map(|(at, byte)| if at == 1 { 2 } else { *byte }).collect();
    put(&mut world, row.key, later.into());
    world.start(0, 50);
    world.run(60_000 * MS);
    super::pin(&mut world, 0, 3);
    assert_eq!((damaged_rows(&world), super::rows_of(&world).1), (1, 0));
}
