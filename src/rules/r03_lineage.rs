//! **Rule 3.** The head carries a lineage hash of its predecessor and the store's identity. A mismatch refuses grants
//! until adopted; replicas and clients report a head below theirs. (A rollback that nobody can notice stays a stated
//! limit.)
//!
//! The holes: a copy of a store is started beside it or after it, and grants under tokens that were given already. A
//! store goes back, as a disk does that is put back from a picture of it, and the same happens under the same identity:
//! only who was there remembers. And two histories that have counted to the same number are taken for one.

use super::{
    needs,
    stage::{SECOND, shard},
};
use crate::{
    engine::tests::world::Broken,
    journal::{
        Entry, Follow, Followed,
        test_store::{ROOMY, TestStore, items, rows},
    },
    planted::Planted,
    replica::tests::world::World,
};

/// A fleet whose shard has moved several times since the backup.
fn moved_on() -> (World, crate::store::kv::Kv) {
    let mut world = World::scripted(2, 2);
    world.run(SECOND * 20);
    let owner = world.owner().expect("somebody is given it");
    let backup = world.backup();
    for to in [1 - owner, owner, 1 - owner, owner, 1 - owner] {
        world.move_to(to);
    }
    (world, backup)
}

#[test]
fn a_copy_of_a_store_is_not_that_store() {
    let schedule = || {
        let (mut world, backup) = moved_on();
        world.restore(backup, "a copy");
        // Nobody is there who has seen more.
        world.cut_all();
        world.join();
        world.run(SECOND * 40);
        world.broken()
    };
    needs(Planted::CopyBelieved, schedule, &Broken::TokenStands(shard("0")));
}

#[test]
fn executors_tell_a_leader_that_its_store_went_back() {
    let schedule = || {
        let (mut world, backup) = moved_on();
        world.restore(backup, "here");
        world.run(SECOND * 2);
        // Those who have seen more are heard once, and then no more.
        world.run(SECOND * 5);
        world.cut_all();
        world.join();
        world.run(SECOND * 40);
        world.broken()
    };
    needs(Planted::SeenForgotten, schedule, &Broken::TokenStands(shard("0")));
}

#[test]
fn a_replica_knows_a_store_that_went_back() {
    let schedule = || {
        let (mut world, backup) = moved_on();
        let leader = world.leader().expect("somebody leads");
        // The leader dies, the other replica goes on, with a store that has gone back.
        world.replicas[leader] = None;
        world.kv = backup;
        world.cut_all();
        world.join();
        world.run(SECOND * 60);
        world.broken()
    };
    needs(Planted::SeenForgotten, schedule, &Broken::TokenStands(shard("0")));
}

#[test]
fn two_histories_of_one_version_are_told_apart() {
    let schedule = || {
        let mut store = TestStore::new(ROOMY);
        let mut log = store.open(1);
        let backup = store.kv.clone();
        let commit = |store: &mut TestStore, log: &mut crate::journal::Log, text| {
            log.begin(Entry { items: items(&[text]), ..Entry::default() }).expect("it is open");
            store.run(log).expect("nobody else leads");
        };
        commit(&mut store, &mut log, "the shard is e0's");
        commit(&mut store, &mut log, "and so on");
        let mut follower = Follow::new(rows(), ROOMY, None);
        while !matches!(store.run(&mut follower), Followed::UpToDate { .. }) {}
        // The store goes back, and another leader counts to the same number with something else.
        store.kv = backup;
        let mut other = store.open(2);
        commit(&mut store, &mut other, "the shard is e1's");
        assert_eq!(other.head().link.version, log.head().link.version);
        follower.restart();
        let believed = matches!(store.run(&mut follower), Followed::Loaded(_));
        believed.then_some(Broken::WentBack).into_iter().collect()
    };
    needs(Planted::ForkBelieved, schedule, &Broken::WentBack);
}
