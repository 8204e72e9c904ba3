//! What a leader knows that takes over from what it followed.

use std::time::Duration;

use super::super::{
    ensemble::Event,
    tests::world::{World, namespace},
};
use crate::{
    engine::{Caller, Change, Request, ShardTimes},
    types::{ExecutorId, ShardKey},
};

fn ages_and_times(world: &World, leader: usize) -> (Vec<Duration>, Vec<(ShardKey, ShardTimes)>) {
    let engine = world.replicas[leader].as_ref().unwrap().engine(&namespace()).unwrap();
    let (mut ages, mut times) = (Vec::new(), Vec::new());
    for change in engine.snapshot() {
        match change {
            Change::SessionAge(_, age) => ages.push(age),
            Change::ShardTimes(key, of) => times.push((key, of)),
            _ => {}
        }
    }
    (ages, times)
}

#[test]
fn a_leader_that_follows_goes_on_counting_how_long_ago_things_happened() {
    let second = Duration::from_secs(1);
    let mut world = World::new(2, 2);
    world.run(20 * second);
    let first = world.leader().unwrap();
    // Whoever has joined after the one that is to lead next has begun is as old as it has seen it.
    world.join();
    world.run(10 * second);
    let (key, to) = (ShardKey::new("7").unwrap(), ExecutorId::new("e2").unwrap());
    world.tell(first, Event::Asked(namespace(), Caller(9), Request::Move(key.clone(), to)));
    world.run(30 * second);
    assert!(world.held()[2].contains(&key));
    let before = ages_and_times(&world, first);
    world.history_reads = 0;
    world.replicas[first] = None;
    world.run(20 * second);
    let next = world.leader().unwrap();
    assert_ne!(next, first);
    assert_eq!(world.history_reads, 0);
    let after = ages_and_times(&world, next);
    assert_eq!(after.0.len(), 3);
    for (age, before) in after.0.iter().zip(&before.0) {
        let since = *age - *before;
        assert!((18 * second..=20 * second).contains(&since), "{:?} became {:?}", before, age);
    }
    let moved = |times: &[(ShardKey, ShardTimes)]| {
        times.iter().find(|(of, _)| *of == key).and_then(|(_, times)| times.moved_ago).expect("it was moved")
    };
    let since = moved(&after.1) - moved(&before.1);
    assert!((18 * second..=20 * second).contains(&since), "{since:?}");
    assert!(moved(&after.1) >= 48 * second, "{:?}", moved(&after.1));
}
