//! Schedules that once broke a promise, each found by somebody who looked for one.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    super::*,
    id,
    world::{MS, World, config},
};
use crate::{
    plan::{Quarantine, Rollout},
    session::{self, By, Profile, ToLeader},
    types::Mono,
};

fn register(name: &str, nonce: u64, attempt: u32, on_trial: bool, profile: Profile) -> ToLeader {
    let by = if on_trial { By::UnaryBeat { active: true } } else { By::Request };
    let (executor, profile, seen) = (id(name), Arc::new(profile), Version::default());
    ToLeader::Register(session::Register { executor, nonce, attempt, profile, seen, by })
}

fn shard(key: &str) -> ShardKey {
    ShardKey::new(key).unwrap()
}

impl World {
    /// The store goes back to these changes, and an operator adopts it.
    pub(super) fn adopt(&mut self, changes: &[Change], wait: Duration) {
        let generation = self.engine.state().version().generation + 1;
        let state =
            State::from_changes(Version { incarnation: 2, generation }, &Arc::new(config(1)), changes);
        self.follower = state.clone();
        self.engine = Engine::take_over(state, wait, self.now);
    }

    fn restart(&mut self, number: usize, nonce: u64) {
        self.executors[number] = Some(self.session(&format!("e{number}"), nonce));
    }

    fn owned(&self) -> usize {
        self.engine.state().shards().filter(|shard| shard.owner.is_some()).count()
    }

    /// How long until executors hold so many shards together, up to a minute.
    fn until_held(&mut self, shards: usize) -> Option<Duration> {
        let began = self.now;
        (0..600).find_map(|_| {
            self.run(100 * MS);
            (self.held().iter().sum::<usize>() == shards).then(|| self.now.since(began))
        })
    }

    fn was_restrained(&self) -> bool {
        self.notices.iter().any(|notice| matches!(notice, Notice::Restrained { .. }))
    }
}

#[test]
fn a_voided_session_is_brought_back_by_nobody() {
    for undrain in [true, false] {
        let mut world = World::new(2, config(4), 2);
        world.run(10_000 * MS);
        let from = usize::from(world.executors[0].as_ref().unwrap().holds("0", world.now).is_none());
        let to = 1 - from;
        let backup: Vec<Change> = world.engine.state().to_changes().collect();
        world.ask(Request::Pin(shard("0"), Some(id(&format!("e{to}")))));
        world.run(5_000 * MS);
        assert!(world.executors[to].as_ref().unwrap().holds("0", world.now).is_some());
        world.adopt(&backup, 11_000 * MS);
        world.cut.extend([0, 1]);
        world.run(2_000 * MS);
        let executor = id(&format!("e{from}"));
        let caller = world.ask(if undrain { Request::Undrain(executor) } else { Request::Drain(executor) });
        world.run(100 * MS);
        let answer = world.answer(caller);
        if undrain {
            assert!(matches!(answer, Some(Err(RequestError::NoSuchExecutor(_)))), "{answer:?}");
        } else {
            assert!(matches!(answer, Some(Ok(Answer::Done(_)))), "its next session is drained: {answer:?}");
        }
        world.cut.remove(&from);
        // The audit would find two holders.
        world.run(6_000 * MS);
        world.cut.clear();
        assert!(world.until_held(4).is_some());
    }
}

#[test]
fn one_unreadable_configuration_loses_nothing_else() {
    let mut world = World::new(1, config(10), 2);
    world.run(10_000 * MS);
    let is_readable = |change: &Change| !matches!(change, Change::Config(_));
    let changes: Vec<Change> = world.engine.state().to_changes().filter(is_readable).collect();
    let fallback = Arc::new(NamespaceConfig::new(Kind::Ephemeral));
    let state = State::from_changes(world.engine.state().version(), &fallback, &changes);
    assert_eq!(state.shards().collect::<Vec<_>>(), world.engine.state().shards().collect::<Vec<_>>());
    assert_eq!(state.sessions().count(), 2);
    assert_eq!(state.config(), &*fallback);
}

#[test]
fn a_configuration_that_could_not_be_read_back_is_refused() {
    let with = |spoil: fn(&mut NamespaceConfig)| {
        let mut config = config(3);
        spoil(&mut config);
        config.check().map_err(|error| error.setting)
    };
    assert_eq!(with(|config| config.restrain_from = usize::MAX), Err("restrain_from"));
    let long: fn(&mut NamespaceConfig) =
        |config| config.plan.rollout = Rollout::Retiring([Arc::<str>::from("v".repeat(257))].into());
    assert_eq!(with(long), Err("rollout"));
    let many: fn(&mut NamespaceConfig) = |config| {
        let builds: BTreeSet<Arc<str>> = (0..65).map(|build| Arc::from(build.to_string())).collect();
        config.plan.rollout = Rollout::Retiring(builds);
    };
    assert_eq!(with(many), Err("rollout"));
    let losses: fn(&mut NamespaceConfig) = |config| {
        config.plan.quarantine = Some(Quarantine { losses: usize::MAX, ..Quarantine::default() });
    };
    assert_eq!(with(losses), Err("quarantine.losses"));
}

#[test]
fn an_identity_that_no_ring_member_may_have_is_refused() {
    let mut world = World::new(1, config(4), 0);
    world.run(10 * MS);
    world.join();
    world.cut.insert(0);
    for identity in ["host 7", "host\n7", "\u{85}"] {
        let profile = Profile { identity: identity.into(), ..Profile::default() };
        assert!(!profile.is_within_bounds());
        world.tell_engine(Event::Heard(Caller(0), register("a", 1, 1, false, profile)));
        assert_eq!(world.engine.state().sessions().count(), 0);
    }
}

/// It took 40 s when each late session looked at all the others.
#[test]
fn ten_thousand_that_fall_silent_together_are_judged_together() {
    let mut now = Mono::from_nanos(1_000_000_000);
    let config = NamespaceConfig { max_sessions: 20_000, ..config(10) };
    let version = Version { incarnation: 1, generation: 0 };
    let mut engine = Engine::found(Arc::new(config), version, Duration::ZERO, now);
    let mut out = Vec::new();
    engine.handle(now, Event::Leads { until: now + Duration::from_secs(1000) }, &mut out);
    for number in 0..10_000_u64 {
        let message = register(&format!("e{number}"), number, 1, false, Profile::default());
        engine.handle(now, Event::Heard(Caller(number), message), &mut out);
    }
    for _ in 0..30 {
        let stored: Vec<Version> = out
            .iter()
            .filter_map(|effect| if let Effect::Commit(delta) = effect { Some(delta.version) } else { None })
            .collect();
        let is_restrained = |effect: &Effect| matches!(effect, Effect::Notice(Notice::Restrained { .. }));
        if out.iter().any(is_restrained) {
            return;
        }
        out.clear();
        for version in stored {
            engine.handle(now, Event::Committed(version), &mut out);
        }
        engine.handle(now, Event::Woke, &mut out);
        now = now + 500 * MS;
    }
    panic!("expiries are held back when everybody is late");
}

#[test]
fn allowing_expiry_when_nothing_is_held_back_says_nothing_about_later() {
    let mut world = World::new(6, config(50), 6);
    world.run(10_000 * MS);
    world.ask(Request::AllowExpiry);
    world.run(60_000 * MS);
    world.cut.extend(0..4);
    world.run(12_000 * MS);
    assert!(world.was_restrained());
    assert!(!world.notices.iter().any(|notice| matches!(notice, Notice::Expired { .. })));
    world.ask(Request::AllowExpiry);
    world.run(2_000 * MS);
    assert_eq!(world.notices.iter().filter(|notice| matches!(notice, Notice::Expired { .. })).count(), 4);
}

#[test]
fn a_real_mass_failure_recovers_one_lease_later_and_not_two() {
    let mut world = World::new(12, config(60), 6);
    world.run(10_000 * MS);
    for number in 0..4 {
        world.executors[number] = None;
    }
    let took = world.until_held(60).expect("those that are left take over");
    assert!(took > 18_000 * MS && took < 22_000 * MS, "{took:?}");
}

#[test]
fn whoever_left_in_order_does_not_make_the_others_failure_smaller() {
    let mut world = World::new(12, config(60), 8);
    world.run(10_000 * MS);
    let (one, two) = (world.ask(Request::Remove(id("e6"))), world.ask(Request::Remove(id("e7"))));
    world.run(1_000 * MS);
    for caller in [one, two] {
        assert!(world.answer(caller).is_some_and(|answer| answer.is_ok()));
    }
    world.executors.truncate(6);
    // Four of the six that are left, and only four of the eight that were there a lease ago.
    world.cut.extend(0..4);
    world.run(8_000 * MS);
    assert!(world.was_restrained());
}

#[test]
fn a_few_failures_while_a_fleet_starts_are_no_mass_failure() {
    let mut world = World::new(12, config(60), 12);
    world.run(3_000 * MS);
    assert!(world.held().iter().all(|held| *held > 0), "all are there, and none was a lease ago");
    for number in 0..4 {
        world.executors[number] = None;
    }
    assert!(world.until_held(60).expect("the others take over") < 13_000 * MS);
    assert!(!world.was_restrained());
}

#[test]
fn the_echo_of_a_registration_is_given_nothing_however_often_it_comes() {
    for (attempts, moved) in [(2, false), (1, true)] {
        let affinity = NamespaceConfig { ownership: Ownership::Affinity, ..config(4) };
        let mut world = World::new(10, affinity, 0);
        world.run(100 * MS);
        world.join();
        world.cut.insert(0);
        for attempt in 1..=attempts {
            let echo = register("echo", 5, attempt, true, Profile::default());
            world.tell_engine(Event::Heard(Caller(0), echo));
            world.run(300 * MS);
        }
        if moved {
            let caller = world.ask(Request::Move(shard("0"), id("echo")));
            world.run(300 * MS);
            assert!(matches!(world.answer(caller), Some(Err(RequestError::NotReceiving(_)))));
        }
        world.run(1_000 * MS);
        assert_eq!(world.owned(), 0);
    }
}

#[test]
fn who_keeps_up_is_told_changes_and_never_everything() {
    let mut world = World::new(7, NamespaceConfig::new(Kind::Ephemeral), 3);
    // What overtakes is lost, and has to be told again.
    world.max_delay = 1;
    world.run(5_000 * MS);
    world.told_everything = 0;
    for number in 0..1000 {
        world.ask(Request::Ensure(shard(&format!("s{number}"))));
        world.run(20 * MS);
    }
    assert_eq!(world.told_everything, 0);
    assert_eq!(world.held().iter().sum::<usize>(), 1000);
}

#[test]
fn a_fixed_shard_that_is_called_done_finds_an_owner_again() {
    let mut world = World::new(7, config(4), 2);
    world.run(10_000 * MS);
    let number = usize::from(world.executors[0].as_ref().unwrap().holds("0", world.now).is_none());
    let (now, mut out) = (world.now, Vec::new());
    world.executors[number].as_mut().unwrap().done(now, "0", &mut out);
    world.carry_out(number, out);
    world.run(3_000 * MS);
    assert_eq!(world.held().iter().sum::<usize>(), 4);
}

#[test]
fn a_version_that_is_years_ahead_is_not_believed() {
    let mut world = World::new(7, config(4), 1);
    world.run(5_000 * MS);
    let seen = Version { incarnation: u64::MAX, generation: 1 };
    let claim = session::Register {
        executor: id("liar"),
        nonce: 1,
        attempt: 1,
        profile: Arc::default(),
        seen,
        by: By::UnaryBeat { active: true },
    };
    world.cut.insert(world.executors.len());
    world.executors.push(None);
    world.tell_engine(Event::Heard(Caller(1), ToLeader::Register(claim)));
    assert!(world.notices.contains(&Notice::Absurd { seen }));
    world.join();
    world.run(5_000 * MS);
    assert!(world.held()[2] > 0, "grants go on");
}

#[test]
fn processes_that_are_replaced_or_voided_are_no_mass_failure() {
    let mut world = World::new(3, config(60), 6);
    world.run(10_000 * MS);
    for number in 0..4 {
        world.restart(number, 77 + number as u64);
    }
    assert!(world.until_held(60).unwrap() < 12_000 * MS);
    assert!(!world.was_restrained());

    let mut world = World::new(3, config(60), 6);
    world.run(10_000 * MS);
    let changes: Vec<Change> = world.engine.state().to_changes().collect();
    world.adopt(&changes, 10_500 * MS);
    assert!(world.until_held(60).unwrap() < 13_000 * MS);
    assert!(!world.was_restrained());
}

#[test]
fn a_full_namespace_lets_processes_be_replaced() {
    let mut world = World::new(4, NamespaceConfig { max_sessions: 4, ..config(40) }, 4);
    world.run(10_000 * MS);
    world.restart(0, 77);
    world.run(2_000 * MS);
    assert!(world.executors[0].as_ref().unwrap().id().is_some());
    world.join();
    world.run(5_000 * MS);
    assert_eq!(world.executors[4].as_ref().unwrap().id(), None, "but nobody else in");
}

#[test]
fn an_operators_drain_outlives_the_process() {
    let mut world = World::new(3, config(60), 4);
    world.run(10_000 * MS);
    world.ask(Request::Drain(id("e1")));
    world.run(5_000 * MS);
    assert_eq!(world.held()[1], 0);
    world.restart(1, 77);
    world.run(30_000 * MS);
    assert_eq!(world.held()[1], 0);
}

#[test]
fn a_process_that_was_replaced_hands_its_shards_over_at_once() {
    let mut world = World::new(4, config(40), 4);
    world.run(10_000 * MS);
    let again = world.session("e0", 77);
    world.executors.push(Some(again));
    world.run(2_000 * MS);
    assert!(world.executors[0].as_ref().unwrap().is_over());
    assert!(world.until_held(40).unwrap() < 1_000 * MS);
}

#[test]
fn what_is_only_decided_is_told_to_nobody() {
    let mut world = World::new(3, config(6), 2);
    world.run(10_000 * MS);
    let (now, mut out) = (world.now, Vec::new());
    world.engine.handle(now, Event::Asked(Caller(7), Request::Remove(id("e1"))), &mut out);
    let executor = world.executors[1].as_ref().unwrap();
    let (session, applied) = (executor.id().unwrap(), executor.applied().unwrap());
    let beat = session::Beat {
        session,
        seq: 1000,
        applied,
        seen: applied,
        draining: false,
        loads: Vec::new(),
        released: Vec::new(),
        done: Vec::new(),
    };
    world.engine.handle(now, Event::Heard(Caller(1), ToLeader::Beat(beat)), &mut out);
    out.retain(|effect| *effect != Effect::Notice(Notice::Planned));
    assert!(matches!(&out[..], [Effect::Commit(_)]), "{out:?}");
}
