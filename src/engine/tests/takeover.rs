//! What the planner must not forget when another replica takes over.

use std::{sync::Arc, time::Duration};

use super::{
    super::*,
    id,
    world::{MS, World, config},
};
use crate::session::{Beat, ToLeader};

/// The namespace as whoever reads this snapshot has it, on a machine that has been up for a day.
fn taken_over(engine: &Engine) -> (Engine, Mono) {
    let snapshot: Vec<_> =
        engine.snapshot().map(|change| Change::decode(&change.encode()).unwrap()).collect();
    let state = State::from_changes(engine.state().version(), &Arc::new(config(1)), &snapshot);
    let now = Mono::from_nanos(86_400_000_000_000);
    (Engine::take_over(state, Duration::ZERO, now), now)
}

fn times_of(engine: &Engine, name: &str) -> Option<ShardTimes> {
    engine.snapshot().find_map(|change| match change {
        Change::ShardTimes(key, times) if key.as_str() == name => Some(times),
        _ => None,
    })
}

#[test]
fn cooldowns_and_ages_go_on_under_the_next_leader() {
    let mut world = World::new(41, config(6), 3);
    world.run(10_000 * MS);
    let owner = world.engine.state().shard("3").unwrap().owner;
    let elsewhere = world.engine.state().sessions().find(|session| Some(session.id) != owner).unwrap();
    let to = elsewhere.executor.clone();
    world.answered(Request::Move(ShardKey::new("3").unwrap(), to)).unwrap();
    world.run(20_000 * MS);
    let times = times_of(&world.engine, "3").unwrap();
    let ago = times.moved_ago.unwrap();
    assert!((19..=21).contains(&ago.as_secs()), "{ago:?}");
    let (next, _) = taken_over(&world.engine);
    // A sixteenth of a second is as exact as moves are remembered.
    assert!(ago - times_of(&next, "3").unwrap().moved_ago.unwrap() <= Duration::from_secs(1));
    assert_eq!(times_of(&next, "4"), times_of(&world.engine, "4"));
    let ages = |engine: &Engine| -> Vec<Change> {
        engine.snapshot().filter(|change| matches!(change, Change::SessionAge(..))).collect()
    };
    assert_eq!(ages(&next), ages(&world.engine));
    assert!(ages(&next).iter().all(|age| matches!(age, Change::SessionAge(_, age) if age.as_secs() >= 25)));
    // Whoever has only heard of the move, and not when it was, lets the shard rest.
    let known = world.follower.clone();
    let next = Engine::take_over(known, Duration::ZERO, world.now);
    assert_eq!(times_of(&next, "3").unwrap().moved_ago, Some(Duration::ZERO));
}

/// A beat that went by way of another replica may be older than what the last leader has stored.
#[test]
fn the_first_beat_that_a_new_leader_hears_does_not_take_a_drain_back() {
    let mut world = World::new(43, config(6), 2);
    world.run(10_000 * MS);
    world.held_back.insert(0);
    let record =
        world.engine.state().sessions().find(|session| session.executor == id("e0")).unwrap().clone();
    let draining = Standing::Draining { by_operator: false };
    let mut known = world.follower.clone();
    let version = Version { generation: known.version().generation + 1, ..known.version() };
    let change = Change::Session(SessionRecord { standing: draining, ..record.clone() });
    known.apply(&Delta { version, changes: vec![change] });
    let mut engine = Engine::take_over(known, Duration::ZERO, world.now);
    let mut out = Vec::new();
    engine.handle(world.now, Event::Leads { until: world.now + Duration::from_secs(10) }, &mut out);
    let beat = |engine: &mut Engine, seq| {
        let (applied, seen, lists) = (version, version, (Vec::new(), Vec::new(), Vec::new()));
        let (loads, released, done) = lists;
        let beat = Beat { session: record.id, seq, applied, seen, draining: false, loads, released, done };
        engine.handle(world.now, Event::Heard(Caller(1), ToLeader::Beat(beat)), &mut Vec::new());
        engine.state().session_record(record.id).unwrap().standing
    };
    assert_eq!(beat(&mut engine, 5), draining, "it may be late");
    assert_eq!(beat(&mut engine, 5), draining, "and come twice");
    assert_eq!(beat(&mut engine, 6), Standing::Active);
}

#[test]
fn a_quarantine_ends_when_it_would_have() {
    let mut world = World::new(42, config(6), 3);
    world.run(10_000 * MS);
    let record = world.engine.state().shard("3").unwrap();
    world.engine.change(Change::Shard(ShardRecord { quarantined: true, ..record }));
    world.run(600_000 * MS);
    let left = times_of(&world.engine, "3").unwrap().quarantined_for.unwrap();
    assert!((2995..=3001).contains(&left.as_secs()), "an hour less ten minutes: {left:?}");
    let (next, _) = taken_over(&world.engine);
    assert_eq!(times_of(&next, "3").unwrap().quarantined_for, Some(left));
}

#[test]
fn many_sessions_end_with_many_moves_under_way_in_steps_that_follow_what_is_theirs() {
    let (sessions, shards) = (100, 1000);
    let version = Version { incarnation: 1, generation: 1 };
    let mut state = State::new(version, Arc::new(config(shards)));
    let session = |number: u32| SessionId { began: version, ordinal: number };
    for number in 0..=sessions {
        let record = SessionRecord {
            id: session(number),
            executor: id(&format!("e{number}")),
            nonce: number.into(),
            past_nonces: Vec::new(),
            attempt: 1,
            profile: Arc::default(),
            standing: Standing::Active,
            unfenced: false,
            profile_extra: Extra::default(),
            extra: Extra::default(),
        };
        state.apply_change(&Change::Session(record));
    }
    let token = crate::types::Token { incarnation: 1, generation: 1 };
    for number in 0..shards {
        let key = ShardKey::new(number.to_string()).unwrap();
        let handover = Some(Handover { to: Some(session(1 + number % sessions)), since: version });
        let owner = Some(session(0));
        state.apply_change(&Change::Shard(ShardRecord { owner, token, handover, ..ShardRecord::new(key) }));
    }
    let mut steps = 0;
    for number in 1..=sessions {
        steps += state.moving_to(state.slot_of(session(number)).unwrap()).count();
        state.apply_change(&Change::SessionEnded(session(number), crate::session::Ending::Expired));
    }
    assert_eq!(steps, shards as usize, "each move is looked at once, not once for every session");
    assert!(state.shards().all(|shard| shard.handover.is_some_and(|handover| handover.to.is_none())));
    assert_eq!(state.moving().count(), shards as usize);
}
