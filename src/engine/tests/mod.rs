//! The engine and executors' sessions together. `sim` does the same with everything else as well; this is what is quick
//! to run and to read.

mod explain;
mod holes;
mod leaving;
mod requests;
mod shard_drain;
mod takeover;
pub(crate) mod world;

use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    session::{self, Profile, Session, ToLeader},
    types::ExecutorId,
};
use world::{MS, World, config};

fn id(name: &str) -> ExecutorId {
    ExecutorId::new(name).unwrap()
}

#[test]
fn executors_that_register_get_all_shards_evenly_and_nothing_moves_then() {
    let mut world = World::new(1, config(100), 5);
    world.run(10_000 * MS);
    let held = world.held();
    assert_eq!(held.iter().sum::<usize>(), 100, "{held:?}");
    assert!(held.iter().all(|&held| held > 5), "{held:?}");
    let commits = world.deltas.len();
    world.run(60_000 * MS);
    assert_eq!(world.deltas.len(), commits, "nothing happened, so nothing is written");
}

#[test]
fn a_crashed_executors_shards_are_held_by_others_after_a_lease() {
    let mut world = World::new(2, config(100), 5);
    world.run(10_000 * MS);
    let lost = world.held()[2];
    let commits = world.deltas.len();
    world.executors[2] = None;
    world.run(11_500 * MS);
    assert_eq!(world.held().iter().sum::<usize>(), 100);
    assert!(
        world
            .notices
            .iter()
            .any(|notice| matches!(notice, Notice::Expired { shards, .. } if *shards == lost))
    );
    assert_eq!(world.deltas[commits].changes.len(), lost + 1, "the lost shards, and the session's end");
}

#[test]
fn a_drained_executor_hands_over_and_can_leave() {
    let mut world = World::new(3, config(60), 4);
    world.run(10_000 * MS);
    let caller = world.ask(Request::Drain(id("e1")));
    world.run(5_000 * MS);
    assert!(matches!(world.answer(caller), Some(Ok(Answer::Done(_)))));
    assert_eq!((world.held()[1], world.held().iter().sum::<usize>()), (0, 60));
    let caller = world.ask(Request::Undrain(id("e1")));
    world.run(120_000 * MS);
    assert!(matches!(world.answer(caller), Some(Ok(Answer::Done(_)))));
    assert!(world.held()[1] > 0, "{:?}", world.held());
}

#[test]
fn a_restarted_process_is_a_new_session_and_the_old_ones_shards_wait_for_its_lease() {
    let mut world = World::new(4, config(40), 4);
    world.run(10_000 * MS);
    let had = world.held()[0];
    assert!(had > 0);
    let again = world.session("e0", 77);
    world.executors[0] = Some(again);
    world.run(3_000 * MS);
    assert_eq!(world.held().iter().sum::<usize>(), 40 - had, "nobody may have them yet");
    world.run(9_000 * MS);
    assert_eq!(world.held().iter().sum::<usize>(), 40);
}

#[test]
fn an_outage_of_any_length_moves_nothing_when_everybody_is_alive() {
    let mut world = World::new(5, config(50), 5);
    world.run(10_000 * MS);
    let (held, commits) = (world.held(), world.deltas.len());
    world.leader_is_cut = true;
    world.run(300_000 * MS);
    assert_eq!(world.held().iter().sum::<usize>(), 0, "leases have run out");
    world.leader_is_cut = false;
    world.run(15_000 * MS);
    assert_eq!(world.held(), held, "the same sessions, the same shards");
    assert_eq!(world.deltas.len(), commits, "nothing had to be decided");
}

#[test]
fn when_most_are_late_at_once_they_get_one_lease_more() {
    let mut world = World::new(6, config(50), 6);
    world.run(10_000 * MS);
    world.cut.extend(0..4);
    world.run(12_000 * MS);
    assert!(world.notices.iter().any(|notice| matches!(notice, Notice::Restrained { .. })));
    assert!(!world.notices.iter().any(|notice| matches!(notice, Notice::Expired { .. })));
    world.run(10_000 * MS);
    let expired = world.notices.iter().filter(|notice| matches!(notice, Notice::Expired { .. })).count();
    assert_eq!(expired, 4, "once an episode, not for ever");
    assert_eq!(world.held().iter().sum::<usize>(), 50);
}

#[test]
fn nobody_is_said_to_own_what_was_lost_before_it_was_stored() {
    let mut world = World::new(6, NamespaceConfig::new(Kind::Ephemeral), 1);
    world.run(5_000 * MS);
    let id = world.executors[0].as_ref().and_then(Session::id).unwrap();
    let stored = world.ask(Request::Ensure(ShardKey::new("stored").unwrap()));
    let lost = world.ask(Request::Ensure(ShardKey::new("lost").unwrap()));
    world.tell_engine(Event::Heard(Caller(77), ToLeader::Leave(id)));
    world.run(100 * MS);
    assert!(matches!(world.answer(stored), Some(Ok(Answer::Owner { session, .. })) if *session == id));
    assert_eq!(world.answer(lost), Some(&Err(RequestError::NobodyAvailable)));
}

#[test]
fn ephemeral_shards_are_made_when_asked_for_and_end_when_their_owner_says_so() {
    let mut world = World::new(7, NamespaceConfig::new(Kind::Ephemeral), 0);
    let key = ShardKey::new("list-7").unwrap();
    world.run(5 * MS);
    let early = world.ask(Request::Ensure(key.clone()));
    assert_eq!(world.answer(early), Some(&Err(RequestError::NobodyAvailable)));
    for _ in 0..3 {
        world.join();
    }
    world.run(4_000 * MS);
    let caller = world.ask(Request::Ensure(key.clone()));
    assert_eq!(world.answer(caller), None, "not before it is stored");
    world.run(100 * MS);
    let Some(Ok(Answer::Owner { executor, token, .. })) = world.answer(caller).cloned() else { panic!() };
    let number: usize = executor.as_str()[1..].parse().unwrap();
    world.run(1_000 * MS);
    assert_eq!(world.executors[number].as_ref().unwrap().holds(&key, world.now), Some(token));
    let again = world.ask(Request::Ensure(key.clone()));
    assert!(matches!(world.answer(again), Some(Ok(Answer::Owner { token: same, .. })) if *same == token));
    let (now, mut out) = (world.now, Vec::new());
    world.executors[number].as_mut().unwrap().done(now, &key, &mut out);
    world.carry_out(number, out);
    world.run(3_000 * MS);
    assert_eq!(world.engine.state().shard_count(), 0);
    assert!(world.executors[number].as_ref().unwrap().is_empty());
}

#[test]
fn a_longer_lease_is_promised_only_once_it_is_stored_and_a_shorter_one_at_once() {
    let mut world = World::new(9, config(4), 1);
    world.run(5_000 * MS);
    let mut acknowledged = |seconds: u64, stored: bool| {
        let lease = Duration::from_secs(seconds);
        let longer = NamespaceConfig { lease, ..world.engine.state().config().clone() };
        world.ask(Request::Configure(Box::new(longer)));
        if stored {
            world.run(3_000 * MS);
        }
        (world.engine.pace().answer_within * 3).as_secs_f64().round() as u64
    };
    assert_eq!(acknowledged(20, false), 10, "the next leader would not know");
    assert_eq!(acknowledged(20, true), 20);
    assert_eq!(acknowledged(12, false), 12);
    assert_eq!(world.engine.state().longest_lease().as_secs(), 20, "somebody may still believe in it");
    world.run(25_000 * MS);
    assert_eq!(world.engine.state().longest_lease().as_secs(), 12);
}

#[test]
fn whoever_is_on_trial_is_given_nothing_before_it_has_beaten() {
    let affinity = NamespaceConfig { ownership: Ownership::Affinity, ..config(4) };
    let mut world = World::new(10, affinity, 0);
    world.run(100 * MS);
    let echo = session::Register {
        executor: id("echo"),
        nonce: 5,
        attempt: 1,
        profile: Arc::new(Profile::default()),
        seen: Version::default(),
        by: session::By::UnaryBeat { active: true },
    };
    world.join();
    world.cut.insert(0);
    world.tell_engine(Event::Heard(Caller(0), ToLeader::Register(echo)));
    world.run(9_000 * MS);
    assert!(world.engine.state().shards().all(|shard| shard.owner.is_none()));
}

#[test]
fn an_executor_that_only_beats_may_say_something_else_of_itself() {
    let affinity = NamespaceConfig { ownership: Ownership::Affinity, ..config(4) };
    let mut world = World::new(12, affinity, 0);
    world.run(100 * MS);
    let described = |attempt, build: &str| {
        let profile = Profile { build: build.into(), ..Profile::default() };
        let (executor, by) = (id("go"), session::By::UnaryBeat { active: true });
        let (profile, seen) = (Arc::new(profile), Version::default());
        ToLeader::Register(session::Register { executor, nonce: 5, attempt, profile, seen, by })
    };
    let build = |world: &World| world.engine.state().session_of(&id("go")).unwrap().profile.build.clone();
    world.executors.push(None);
    world.tell_engine(Event::Heard(Caller(0), described(1, "one")));
    world.run(500 * MS);
    let first = world.engine.state().session_of(&id("go")).unwrap().id;
    let beat = |seq| {
        let (applied, seen, loads, released, done) = Default::default();
        ToLeader::Beat(session::Beat {
            session: first,
            seq,
            applied,
            seen,
            draining: false,
            loads,
            released,
            done,
        })
    };
    world.tell_engine(Event::Heard(Caller(0), beat(1)));
    world.tell_engine(Event::Heard(Caller(0), described(2, "two")));
    world.run(500 * MS);
    assert_eq!(build(&world), "two");
    world.tell_engine(Event::Heard(Caller(0), described(1, "one")));
    world.run(500 * MS);
    assert_eq!(build(&world), "two", "an older attempt changes nothing");
    let state = world.engine.state();
    assert_eq!(state.session_of(&id("go")).unwrap().id, first, "it is the same session");
    assert_eq!(state.shards_of(first).count(), 4, "with the same shards");
}

#[test]
fn what_shards_weigh_survives_in_a_snapshot() {
    let mut world = World::new(11, config(4), 1);
    world.run(5_000 * MS);
    world.executors[0].as_mut().unwrap().measure("2", 7.5);
    world.run(3_000 * MS);
    let snapshot: Vec<_> =
        world.engine.snapshot().map(|change| Change::decode(&change.encode()).unwrap()).collect();
    let version = world.engine.state().version();
    let state = State::from_changes(version, &Arc::new(config(1)), &snapshot);
    let next = Engine::take_over(state, Duration::ZERO, world.now);
    assert_eq!(next.snapshot().collect::<Vec<_>>(), snapshot);
    assert!(
        snapshot
            .iter()
            .any(|change| matches!(change, Change::Load(key, load) if &**key == "2" && *load == 7.5))
    );
}

#[test]
fn what_a_later_binary_has_said_is_written_again() {
    let record = ShardRecord { quarantined: true, ..ShardRecord::new(ShardKey::new("7").unwrap()) };
    let known = Change::Shard(record).encode();
    // Field 99 of the shard, and a change of kind 77.
    let inner = [&known[2..], &[0x9a, 0x06, 0x02, b'h', b'i']].concat();
    let later = bytes::Bytes::from([&[0x3a, inner.len() as u8][..], &inner].concat());
    let stranger = bytes::Bytes::from_static(&[0xea, 0x04, 0x01, 0x00]);
    let mut state = State::new(Version::default(), Arc::new(config(1)));
    for bytes in [&later, &stranger] {
        state.apply_change(&Change::decode(bytes).unwrap());
    }
    let again: Vec<_> = state.to_changes().map(|change| change.encode()).collect();
    assert!(again.contains(&later) && again.contains(&stranger), "{again:?}");
}

#[test]
fn what_a_later_binary_says_within_profiles_and_handovers_is_kept() {
    let version = Version { incarnation: 1, generation: 4 };
    let session = SessionId { began: version, ordinal: 0 };
    let mut inner = crate::journal::Encoder::default();
    // Fields of today: the key, the owner, the token; and a handover with a field 99.
    let id = |out: &mut crate::journal::Encoder| {
        out.number(1, session.began.incarnation);
        out.number(2, session.began.generation);
    };
    inner.message(7, |out| {
        out.bytes(1, b"7");
        out.message(2, id);
        out.number(3, 1);
        out.number(4, 4);
        out.message(5, |out| {
            out.number(2, 1);
            out.number(3, 5);
            out.bytes(99, b"hi");
        });
    });
    let mut executor = crate::journal::Encoder::default();
    executor.message(5, |out| {
        out.message(1, id);
        out.bytes(2, b"e0");
        out.fixed(3, 9);
        out.message(6, |out| {
            out.bytes(5, b"v1");
            out.bytes(99, b"ho");
        });
    });
    let mut state = State::new(version, Arc::new(config(1)));
    let said = [executor.finish(), inner.finish()];
    for bytes in &said {
        state.apply_change(&Change::decode(bytes).unwrap());
    }
    let again: Vec<_> = state.to_changes().map(|change| change.encode()).collect();
    for bytes in &said {
        assert!(again.contains(bytes), "{bytes:?} in {again:?}");
    }
}

#[test]
fn every_configuration_is_read_as_it_was_written() {
    use crate::plan::{Greedy, Naive, Placement, Rollout, Strategy};
    let mut config = config(5);
    for strategy in
        [Strategy::default(), Strategy::Naive(Naive::default()), Strategy::Greedy(Greedy::default())]
    {
        for rollout in [Rollout::Detect, Rollout::Off, Rollout::Retiring(["v1".into(), "v2".into()].into())] {
            config.plan.strategy = strategy;
            config.plan.rollout = rollout;
            config.plan.placement = Placement::LeastLoaded;
            config.plan.quarantine = config.plan.quarantine.xor(Some(Default::default()));
            (config.gather, config.restrain_from) = (Duration::ZERO, 0);
            let change = Change::Config(Arc::new(config.clone()));
            assert_eq!(Change::decode(&change.encode()).unwrap(), change);
        }
    }
}

#[test]
fn a_store_that_went_back_in_time_grants_nothing() {
    let mut world = World::new(8, config(10), 2);
    world.run(10_000 * MS);
    let late = session::Register {
        executor: id("late"),
        nonce: 5,
        attempt: 1,
        profile: Arc::new(Profile::default()),
        seen: Version { incarnation: 1, generation: 1000 },
        by: session::By::Request,
    };
    world.tell_engine(Event::Heard(Caller(0), ToLeader::Register(late)));
    world.executors[0] = None;
    world.run(15_000 * MS);
    assert!(world.notices.iter().any(|notice| matches!(notice, Notice::Behind { .. })));
    let held = world.held();
    assert!(held[1] < 10 && held[1] > 0, "{held:?}: what was lost is granted to nobody");
}

#[test]
fn whatever_is_lost_late_or_repeated_a_shard_has_one_holder_and_in_the_end_all_have_one() {
    for seed in 0..60 {
        let mut world = World::new(seed, config(40), 6);
        world.loss_percent = seed % 30;
        world.max_delay = 1 + seed * 37 % 4_000;
        for step in 0..30 {
            let victim = world.random.next(6) as usize;
            match world.random.next(6) {
                0 => world.executors[victim] = None,
                1 => {
                    let nonce = world.random.next(u64::MAX);
                    world.executors[victim] = Some(world.session(&format!("e{victim}"), nonce));
                }
                2 => drop(world.cut.insert(victim)),
                3 => drop(world.cut.remove(&victim)),
                4 => drop(world.ask(Request::Drain(id(&format!("e{victim}"))))),
                _ => world.leader_is_cut = step % 5 == 0,
            }
            let length = MS * (1 + world.random.next(8_000) as u32);
            world.run(length);
        }
        (world.loss_percent, world.max_delay, world.leader_is_cut) = (0, 5, false);
        world.cut.clear();
        for number in 0..6 {
            if world.executors[number].as_ref().is_none_or(Session::is_over) {
                let nonce = world.random.next(u64::MAX);
                world.executors[number] = Some(world.session(&format!("e{number}"), nonce));
            }
            world.ask(Request::Undrain(id(&format!("e{number}"))));
        }
        world.run(60_000 * MS);
        let quarantined = world.engine.state().shards().filter(|shard| shard.quarantined).count();
        assert_eq!(world.held().iter().sum::<usize>(), 40 - quarantined, "seed {seed}: {:?}", world.held());
        let ours: Vec<_> = world.engine.state().shards().collect();
        assert_eq!(
            ours,
            world.follower.shards().collect::<Vec<_>>(),
            "who follows the history knows the state"
        );
    }
}

/// What one sample says may be a moment's noise, and a new leader has nothing else.
#[test]
fn a_leader_that_knows_no_loads_measures_before_it_balances() {
    let mut world = World::new(48, config(12), 3);
    world.run(20_000 * MS);
    let measure = |world: &mut World| {
        for (number, session) in world.executors.iter_mut().flatten().enumerate() {
            let held: Vec<ShardKey> = session.held(world.now).map(|(shard, _)| shard.clone()).collect();
            for shard in held {
                session.measure(&shard, if number == 0 { 100.0 } else { 1.0 });
            }
        }
    };
    let state = world.engine.state().clone();
    world.engine = Engine::take_over(state, Duration::ZERO, world.now);
    world.at(world.now, world::Arrival::Led);
    let commits = world.deltas.len();
    let moves = |world: &World| {
        let changes = world.deltas[commits..].iter().flat_map(|delta| &delta.changes);
        changes.filter(|change| matches!(change, Change::Shard(shard) if shard.handover.is_some())).count()
    };
    for _ in 0..55 {
        measure(&mut world);
        world.run(1_000 * MS);
    }
    assert_eq!(moves(&world), 0);
    for _ in 0..30 {
        measure(&mut world);
        world.run(1_000 * MS);
    }
    assert!(moves(&world) > 0, "it knows by now");
}
