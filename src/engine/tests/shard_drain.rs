//! Shards that an operator wants nobody to have.

use super::{
    super::*,
    world::{MS, World, config},
};

fn keys(keys: &[&str]) -> Vec<ShardKey> {
    keys.iter().map(|key| ShardKey::new(key).unwrap()).collect()
}

fn drained(state: &State) -> Vec<String> {
    state.shards().filter(|shard| shard.drained).map(|shard| shard.key.to_string()).collect()
}

#[test]
fn drained_shards_have_no_owner_until_they_are_undrained() {
    let mut world = World::new(51, config(6), 2);
    world.run(10_000 * MS);
    assert!(matches!(world.answered(Request::DrainShards(keys(&["1", "4"]))), Ok(Answer::Done(_))));
    world.run(3_000 * MS);
    let unowned = |world: &World| -> Vec<String> {
        let shards = world.engine.state().shards();
        shards.filter(|shard| shard.owner.is_none()).map(|shard| shard.key.to_string()).collect()
    };
    assert_eq!(unowned(&world), ["1", "4"]);
    assert_eq!(world.held().iter().sum::<usize>(), 4);
    assert_eq!(drained(&world.follower), ["1", "4"], "the next leader knows");
    let [to] = &keys(&["e0"])[..] else { unreachable!() };
    let moved = world.answered(Request::Move(keys(&["1"])[0].clone(), super::id(to)));
    assert_eq!(moved, Err(RequestError::ShardDrained(keys(&["1"])[0].clone())));
    // Nor when everybody has gone, and others have come.
    world.executors[0] = None;
    world.join();
    world.run(30_000 * MS);
    assert_eq!(unowned(&world), ["1", "4"]);

    let undrained = world.answered(Request::UndrainShards(keys(&["0", "1", "77"])));
    assert_eq!(undrained, Ok(Answer::Undrained(keys(&["1"]))));
    world.run(5_000 * MS);
    assert_eq!(unowned(&world), ["4"]);
}

#[test]
fn shards_are_drained_all_or_none() {
    let mut world = World::new(52, config(6), 1);
    world.run(10_000 * MS);
    let refused = world.answered(Request::DrainShards(keys(&["1", "77"])));
    assert_eq!(refused, Err(RequestError::NoSuchShard(keys(&["77"])[0].clone())));
    assert_eq!(drained(world.engine.state()), [""; 0]);
}

#[test]
fn a_shard_that_nobody_asked_for_can_be_drained_and_is_not_made_then() {
    let ephemeral = NamespaceConfig { max_shards: 3, ..NamespaceConfig::new(Kind::Ephemeral) };
    let mut world = World::new(53, ephemeral, 1);
    world.run(5_000 * MS);
    let [new, used] = [&keys(&["new"])[0], &keys(&["used"])[0]].map(ShardKey::clone);
    assert!(matches!(world.answered(Request::Ensure(used.clone())), Ok(Answer::Owner { .. })));
    world.answered(Request::DrainShards(keys(&["new", "used"]))).unwrap();
    world.run(3_000 * MS);
    for key in [&new, &used] {
        let refused = world.answered(Request::Ensure(key.clone()));
        assert_eq!(refused, Err(RequestError::ShardDrained(key.clone())));
    }
    let full = world.answered(Request::DrainShards(keys(&["a", "b"])));
    assert_eq!(full, Err(RequestError::TooManyShards { limit: 3 }));

    let undrained = world.answered(Request::UndrainShards(keys(&["new", "used"])));
    assert_eq!(undrained, Ok(Answer::Undrained(keys(&["new", "used"]))));
    world.run(5_000 * MS);
    assert!(world.engine.state().shard("new").is_none(), "nobody needs it");
    assert!(world.engine.state().shard("used").unwrap().owner.is_some());
}

#[test]
fn a_drained_shard_that_its_owner_is_done_with_stays_drained() {
    let mut world = World::new(54, NamespaceConfig::new(Kind::Ephemeral), 1);
    world.run(5_000 * MS);
    let key = &keys(&["list"])[0];
    world.answered(Request::Ensure(key.clone())).unwrap();
    world.run(1_000 * MS);
    let (now, mut out) = (world.now, Vec::new());
    world.executors[0].as_mut().unwrap().done(now, key, &mut out);
    world.carry_out(0, out);
    world.tell_engine(Event::Asked(Caller(99), Request::DrainShards(vec![key.clone()])));
    world.run(5_000 * MS);
    assert_eq!(drained(world.engine.state()), ["list"]);
    assert!(world.engine.state().shard("list").unwrap().owner.is_none());
}
