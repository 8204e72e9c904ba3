//! Executors that go, and what nobody is told or given before its time.

use std::collections::BTreeMap;

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
fn balance_leaves_a_shard_for_a_round_where_it_has_just_come() {
    let mut world = World::new(46, config(12), 2);
    world.run(10_000 * MS);
    world.answered(Request::Drain(id("e0"))).unwrap();
    let mut granted = BTreeMap::new();
    let mut commits = world.deltas.len();
    // Somebody comes while what was drained arrives elsewhere.
    let newcomer = world.join();
    for _ in 0..3_000 {
        world.run(MS);
        for delta in &world.deltas[commits..] {
            for change in &delta.changes {
                let Change::Shard(record) = change else { continue };
                if record.handover.is_none() {
                    granted.insert((record.key.clone(), record.token), world.now);
                } else if let Some(&then) = granted.get(&(record.key.clone(), record.token)) {
                    let lasted = world.now.since(then);
                    assert!(lasted >= config(1).round_every, "{record:?} leaves again after {lasted:?}");
                }
            }
        }
        commits = world.deltas.len();
    }
    world.run(60_000 * MS);
    assert!(world.held()[newcomer] >= 4, "{:?}", world.held());
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

#[test]
fn an_executor_can_be_drained_before_it_is_there() {
    let mut world = World::new(45, config(6), 2);
    world.run(10_000 * MS);
    assert!(matches!(world.answered(Request::Drain(id("e2"))), Ok(Answer::Done(_))));
    world.join();
    world.run(60_000 * MS);
    assert_eq!(world.held()[2], 0);
    world.answered(Request::Undrain(id("e2"))).unwrap();
    world.run(60_000 * MS);
    assert!(world.held()[2] > 0, "{:?}", world.held());
}

#[test]
fn drains_of_those_who_are_not_there_give_way_when_there_are_too_many() {
    let mut world = World::new(46, config(2), 1);
    world.run(5_000 * MS);
    world.answered(Request::Drain(id("e0"))).unwrap();
    let most = state::MAX_DRAINED;
    for number in 1..most + 5 {
        let drained =
            handled(&mut world, Event::Asked(Caller(1), Request::Drain(id(&format!("gone-{number}")))));
        assert!(!drained.iter().any(|effect| matches!(effect, Effect::Answer(_, Err(_)))), "{drained:?}");
    }
    assert_eq!(world.engine.state().drained().count(), most);
    assert!(world.engine.state().is_drained(&id("e0")), "it is there");
}

/// Who has an executor's id follows from what is stored, however it was read.
#[test]
fn a_state_that_is_read_back_knows_the_same_sessions_by_their_executors() {
    let mut world = World::new(47, config(12), 4);
    world.run(10_000 * MS);
    let same = |world: &World| {
        let state = world.engine.state();
        let changes: Vec<Change> = state.to_changes().collect();
        let read = State::from_changes(state.version(), &state.config().clone().into(), &changes);
        let sessions = |state: &State| {
            let of = |executor: &str| {
                let executor = id(executor);
                let record = |slot: Option<_>| Some(state.session(slot?)?.record.clone());
                (record(state.slot_of_executor(&executor)), record(state.pending_slot_of(&executor)))
            };
            ["e0", "e1", "e2", "e3"].map(of)
        };
        assert_eq!(sessions(&read), sessions(state));
        assert_eq!(read.executor_count(), state.executor_count());
    };
    // Removed, and not gone yet; replaced, and not gone yet; one that waits for its first beat.
    world.cut.extend([0, 1, 2]);
    handled(&mut world, Event::Asked(Caller(1), Request::Remove(id("e0"))));
    same(&world);
    let second = world.session("e1", 999);
    world.executors.push(Some(second));
    world.run(3_000 * MS);
    same(&world);
    let mut third = world.session("e2", 998);
    let (mut out, now) = (Vec::new(), world.now);
    third.wake(now, &mut out);
    for effect in out {
        if let crate::session::Effect::Send(message) = effect {
            handled(&mut world, Event::Heard(Caller(9), message));
        }
    }
    assert!(world.engine.state().pending_slot_of(&id("e2")).is_some());
    same(&world);
    // The new incarnation voids all of them.
    let backup: Vec<Change> = world.engine.state().to_changes().collect();
    world.adopt(&backup, 11_000 * MS);
    same(&world);
    world.run(30_000 * MS);
    same(&world);
}

#[test]
fn nobody_is_told_of_an_owner_in_a_namespace_that_ends_with_the_same_commit() {
    let config = NamespaceConfig { kind: Kind::Ephemeral, ..config(1) };
    let mut world = World::new(47, config, 2);
    world.run(10_000 * MS);
    world.store_is_silent = true;
    // A commit is on its way, so that what follows is stored together.
    world.ask(Request::Freeze(Freeze::Balance));
    let asked = world.ask(Request::Ensure(ShardKey::new("new").unwrap()));
    world.ask(Request::Delete);
    world.run(1_000 * MS);
    world.store_answers();
    world.run(1_000 * MS);
    assert_eq!(world.answer(asked), Some(&Err(RequestError::Deleted)));
}
