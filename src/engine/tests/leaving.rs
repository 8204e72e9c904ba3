//! Executors that go, and what nobody is told or given before its time.

use super::{
    super::*,
    id,
    world::{MS, World, config},
};
use crate::{
    engine::Kind,
    session::{Ending, ToExecutor, ToLeader},
    types::{ShardKey, Version},
};

fn handled(world: &mut World, event: Event) -> Vec<Effect> {
    let mut out = Vec::new();
    world.engine.handle(world.now, event, &mut out);
    out
}

fn committed(effects: &[Effect]) -> Option<&Delta> {
    effects.iter().find_map(|effect| match effect {
        Effect::Commit(delta) => Some(delta),
        _ => None,
    })
}

#[test]
fn whoever_leaves_is_told_so_when_its_end_is_stored_and_not_before() {
    const LEAVER: Caller = Caller(77);
    let mut world = World::new(41, config(6), 3);
    world.run(10_000 * MS);
    let pin = Request::Pin(ShardKey::new("3").unwrap(), Some(id("e1")));
    let before = handled(&mut world, Event::Asked(Caller(76), pin));
    let in_flight = committed(&before).expect("a commit is on its way").version;
    let session = world.executors[2].as_ref().unwrap().id().unwrap();
    let is_told = |effects: &[Effect]| {
        let told = |effect: &Effect| {
            matches!(effect, Effect::Reply(LEAVER, ToExecutor::Ended { why: Ending::Left, .. }))
        };
        effects.iter().any(told)
    };
    assert!(!is_told(&handled(&mut world, Event::Heard(LEAVER, ToLeader::Leave(session)))));
    let after = handled(&mut world, Event::Committed(in_flight));
    assert!(!is_told(&after), "its end is not stored yet: {after:?}");
    let delta = committed(&after).expect("its end is");
    assert!(
        delta.changes.iter().any(|change| matches!(change, Change::SessionEnded(id, _) if *id == session))
    );
    let version = delta.version;
    assert!(is_told(&handled(&mut world, Event::Committed(version))));
}

#[test]
fn an_operator_gives_nothing_back_to_an_executor_that_is_about_to_stop() {
    let mut world = World::new(42, config(12), 3);
    world.run(10_000 * MS);
    world.answered(Request::Drain(id("e1"))).unwrap();
    world.run(5_000 * MS);
    let mut out = Vec::new();
    let now = world.now;
    world.executors[1].as_mut().unwrap().drain(now, true, &mut out);
    world.carry_out(1, out);
    world.run(3_000 * MS);
    let commits = world.deltas.len();
    world.answered(Request::Undrain(id("e1"))).unwrap();
    world.run(10_000 * MS);
    let session = world.executors[1].as_ref().unwrap().id();
    let gives = |change: &Change| matches!(change, Change::Shard(record) if record.owner == session);
    assert!(!world.deltas[commits..].iter().flat_map(|delta| &delta.changes).any(gives));
    // It has changed its mind, and nobody else minds.
    let (mut out, now) = (Vec::new(), world.now);
    world.executors[1].as_mut().unwrap().drain(now, false, &mut out);
    world.carry_out(1, out);
    world.run(60_000 * MS);
    assert!(world.held()[1] > 0);
}

#[test]
fn nothing_is_made_in_a_namespace_that_is_frozen() {
    let config = NamespaceConfig { kind: Kind::Ephemeral, ..config(1) };
    let mut world = World::new(43, config, 2);
    world.run(10_000 * MS);
    let key = ShardKey::new("new").unwrap();
    world.answered(Request::Freeze(Freeze::All)).unwrap();
    assert_eq!(world.answered(Request::Ensure(key.clone())), Err(RequestError::Frozen));
    world.answered(Request::Freeze(Freeze::Balance)).unwrap();
    assert!(matches!(world.answered(Request::Ensure(key)), Ok(Answer::Owner { .. })));
}

#[test]
fn a_version_that_nobody_can_have_seen_stops_nothing() {
    let mut world = World::new(44, config(6), 2);
    world.run(10_000 * MS);
    let known = world.engine.state().version();
    for seen in [
        Version { generation: u64::MAX, ..known },
        Version { incarnation: u64::MAX, generation: 0 },
        Version { incarnation: known.incarnation + 1, generation: u64::MAX },
    ] {
        let told = handled(&mut world, Event::Seen(seen));
        assert!(told.contains(&Effect::Notice(Notice::Absurd { seen })), "{told:?}");
    }
    // Grants go on.
    world.join();
    world.run(60_000 * MS);
    assert!(world.held()[2] > 0, "{:?}", world.held());
}
