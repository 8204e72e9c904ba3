//! What operators ask for.

use std::{sync::Arc, time::Duration};

use super::{
    super::*,
    id,
    world::{MS, World, config},
};
use crate::{
    hash::shard_of,
    session::{self, By, Ending, Refusal, Session, ToExecutor, ToLeader},
    types::Version,
};

fn shard(key: &str) -> ShardKey {
    ShardKey::new(key).unwrap()
}

impl World {
    pub(super) fn answered(&mut self, request: Request) -> Result<Answer, RequestError> {
        let caller = self.ask(request);
        self.run(500 * MS);
        self.answer(caller).expect("every request is answered").clone()
    }

    fn holder(&self, key: &str) -> Option<usize> {
        self.executors.iter().position(|session| {
            session.as_ref().is_some_and(|session| session.holds(key, self.now).is_some())
        })
    }
}

#[test]
fn a_move_gives_a_shard_to_whom_it_was_meant_for() {
    let mut world = World::new(21, config(6), 3);
    world.run(10_000 * MS);
    let from = world.holder("3").unwrap();
    let to = (from + 1) % 3;
    assert!(matches!(world.answered(Request::Move(shard("3"), id(&format!("e{to}")))), Ok(Answer::Done(_))));
    world.run(1_000 * MS);
    assert_eq!(world.holder("3"), Some(to));
    let unknown = world.answered(Request::Move(shard("77"), id("e0")));
    assert_eq!(unknown, Err(RequestError::NoSuchShard(shard("77"))));
    let nobody = world.answered(Request::Move(shard("3"), id("e9")));
    assert_eq!(nobody, Err(RequestError::NoSuchExecutor(id("e9"))));
}

#[test]
fn a_move_keeps_to_what_an_executor_takes_with_what_is_on_its_way() {
    let mut world = World::new(23, config(6), 3);
    world.run(10_000 * MS);
    let from = world.holder("3").unwrap();
    let (to, third) = ((from + 1) % 3, (from + 2) % 3);
    let executor = id(&format!("e{to}"));
    let record =
        world.engine.state().sessions().find(|session| session.executor == executor).unwrap().clone();
    let has = world.held()[to] as u32;
    let limit = |world: &mut World, max_shards| {
        let profile = Arc::new(session::Profile { max_shards: Some(max_shards), ..Default::default() });
        world.engine.change(Change::Session(SessionRecord { profile, ..record.clone() }));
    };
    limit(&mut world, has);
    let full = |limit| Err(RequestError::NoRoom { executor: executor.clone(), limit });
    assert_eq!(world.answered(Request::Move(shard("3"), executor.clone())), full(has));
    limit(&mut world, has + 1);
    world.cut.insert(from);
    assert!(matches!(world.answered(Request::Move(shard("3"), executor.clone())), Ok(Answer::Done(_))));
    assert_eq!(
        world.engine.state().moving_to(world.engine.state().slot_of_executor(&executor).unwrap()).count(),
        1
    );
    let other = (0..6).map(|n| n.to_string()).find(|key| world.holder(key) == Some(third)).unwrap();
    assert_eq!(world.answered(Request::Move(shard(&other), executor.clone())), full(has + 1));
}

#[test]
fn a_move_ends_a_quarantine() {
    let mut world = World::new(24, config(6), 3);
    world.run(10_000 * MS);
    let record = world.engine.state().shard("3").unwrap();
    world.engine.change(Change::Shard(ShardRecord { quarantined: true, owner: None, ..record }));
    world.run(3_000 * MS);
    assert_eq!(world.engine.state().shard("3").unwrap().owner, None, "nobody is given it");
    world.answered(Request::Move(shard("3"), id("e1"))).unwrap();
    world.run(3_000 * MS);
    assert_eq!((world.holder("3"), world.engine.state().shard("3").unwrap().quarantined), (Some(1), false));
}

#[test]
fn a_pin_moves_a_shard_and_holds_it_until_it_is_lifted() {
    let mut world = World::new(22, config(6), 3);
    world.run(10_000 * MS);
    let to = (world.holder("3").unwrap() + 1) % 3;
    let executor = id(&format!("e{to}"));
    world.answered(Request::Pin(shard("3"), Some(executor.clone()))).unwrap();
    world.run(3_000 * MS);
    assert_eq!(world.holder("3"), Some(to));
    world.answered(Request::Drain(executor.clone())).unwrap();
    world.run(20_000 * MS);
    let held = world.held();
    assert!(held[to] <= 1, "only what is pinned there may be left: {held:?}");
    world.answered(Request::Pin(shard("3"), None)).unwrap();
    world.run(5_000 * MS);
    assert_eq!(world.held()[to], 0);
    assert!(world.holder("3").is_some_and(|holder| holder != to));
}

#[test]
fn a_frozen_namespace_repairs_or_not_as_it_was_told() {
    for (freeze, is_repaired) in [(Freeze::Balance, true), (Freeze::All, false)] {
        let mut world = World::new(23, config(12), 3);
        world.run(10_000 * MS);
        world.answered(Request::Freeze(freeze)).unwrap();
        world.executors[0] = None;
        world.run(30_000 * MS);
        assert_eq!(world.held().iter().sum::<usize>() == 12, is_repaired, "{freeze:?}: {:?}", world.held());
        world.answered(Request::Freeze(Freeze::Off)).unwrap();
        world.run(5_000 * MS);
        assert_eq!(world.held().iter().sum::<usize>(), 12);
    }
}

#[test]
fn a_removed_executor_loses_what_it_has_and_is_told_why() {
    let mut world = World::new(24, config(12), 3);
    world.run(10_000 * MS);
    world.answered(Request::Remove(id("e1"))).unwrap();
    let again = world.answered(Request::Undrain(id("e1")));
    assert_eq!(again, Err(RequestError::NoSuchExecutor(id("e1"))));
    world.run(4_000 * MS);
    assert!(world.executors[1].as_ref().unwrap().is_over());
    assert_eq!(world.held().iter().sum::<usize>(), 12);
    let was_removed = |delta: &Delta| {
        delta.changes.iter().any(|change| matches!(change, Change::SessionEnded(_, Ending::Removed)))
    };
    assert!(world.deltas.iter().any(was_removed));
}

#[test]
fn whoever_leaves_hands_over_at_once_and_is_no_loss() {
    let mut world = World::new(25, config(12), 3);
    world.run(10_000 * MS);
    let mut out = Vec::new();
    world.executors[2].as_mut().unwrap().leave(&mut out);
    world.carry_out(2, out);
    world.run(1_000 * MS);
    assert_eq!(world.held().iter().sum::<usize>(), 12);
    assert!(!world.notices.iter().any(|notice| matches!(notice, Notice::Expired { .. })));
}

#[test]
fn a_policy_gets_the_next_epoch_and_a_bound() {
    let mut world = World::new(26, config(2), 1);
    world.run(3_000 * MS);
    for epoch in 1..=2 {
        let Ok(Answer::Policy(policy)) = world.answered(Request::SetPolicy("mode: hash_ring".into())) else {
            panic!("a policy is answered by a policy");
        };
        assert_eq!(policy.epoch, epoch);
    }
    let long = world.answered(Request::SetPolicy("x".repeat((64 << 10) + 1)));
    assert_eq!(long, Err(RequestError::PolicyTooLong { limit: 64 << 10 }));
    assert_eq!(world.engine.state().policy().epoch, 2);
}

#[test]
fn affinity_becomes_exclusive_only_when_nothing_is_held_without_tokens() {
    let affinity = NamespaceConfig { ownership: Ownership::Affinity, ..config(2) };
    let mut world = World::new(27, affinity.clone(), 1);
    world.run(5_000 * MS);
    let exclusive = NamespaceConfig { ownership: Ownership::Exclusive, ..affinity };
    let refused = world.answered(Request::Configure(Box::new(exclusive.clone())));
    assert!(matches!(refused, Err(RequestError::StillUnfenced { .. })));
    world.answered(Request::Freeze(Freeze::All)).unwrap();
    world.executors[0] = None;
    world.run(15_000 * MS);
    world.answered(Request::Configure(Box::new(exclusive))).unwrap();
    assert_eq!(world.engine.state().config().ownership, Ownership::Exclusive);
}

#[test]
fn a_fixed_namespace_grows_and_keeps_its_kind() {
    let mut world = World::new(28, config(4), 2);
    world.run(5_000 * MS);
    let with = |kind| Request::Configure(Box::new(NamespaceConfig { kind, ..config(4) }));
    world.answered(with(Kind::Fixed { shards: 7 })).unwrap();
    world.run(3_000 * MS);
    assert_eq!(world.held().iter().sum::<usize>(), 7);
    let shrinks = RequestError::Shrinks { from: 7, to: 3 };
    assert_eq!(world.answered(with(Kind::Fixed { shards: 3 })), Err(shrinks));
    assert_eq!(world.answered(with(Kind::Ephemeral)), Err(RequestError::KindChange));
}

#[test]
fn hashed_keys_stay_hashed_as_they_are() {
    let hashed = NamespaceConfig { keys: Keying::Hashed, ..config(4) };
    let mut world = World::new(31, hashed.clone(), 1);
    world.run(5_000 * MS);
    for key in ["order-17", "3", "größe"] {
        let owned = world.answered(Request::Ensure(shard(key)));
        assert!(matches!(owned, Ok(Answer::Owner { .. })), "{key}: {owned:?}");
        let named = world.engine.state().shard_of(&shard(key));
        assert_eq!(named.as_str(), shard_of(key.as_bytes(), 4).to_string());
    }
    for config in [
        NamespaceConfig { kind: Kind::Fixed { shards: 5 }, ..hashed.clone() },
        NamespaceConfig { keys: Keying::Named, ..hashed.clone() },
    ] {
        assert_eq!(world.answered(Request::Configure(Box::new(config))), Err(RequestError::Rehashes));
    }
    world.answered(Request::Configure(Box::new(NamespaceConfig { restrain_from: 7, ..hashed }))).unwrap();
    assert_eq!(world.engine.state().config().keys, Keying::Hashed);
}

#[test]
fn an_ephemeral_namespace_has_a_bound_and_hears_done_from_owners_alone() {
    let bounded =
        NamespaceConfig { max_shards: 2, gather: Duration::ZERO, ..NamespaceConfig::new(Kind::Ephemeral) };
    let mut world = World::new(29, bounded, 2);
    world.run(3_000 * MS);
    for key in ["a", "b"] {
        assert!(matches!(world.answered(Request::Ensure(shard(key))), Ok(Answer::Owner { .. })));
    }
    assert_eq!(world.answered(Request::Ensure(shard("c"))), Err(RequestError::TooManyShards { limit: 2 }));
    let owner = world.holder("a").unwrap();
    let (now, mut out) = (world.now, Vec::new());
    world.executors[1 - owner].as_mut().unwrap().done(now, "a", &mut out);
    world.carry_out(1 - owner, out);
    world.run(2_000 * MS);
    assert!(world.engine.state().shard("a").is_some(), "it was not its owner who said so");
    let (now, mut out) = (world.now, Vec::new());
    world.executors[owner].as_mut().unwrap().done(now, "a", &mut out);
    world.carry_out(owner, out);
    world.run(2_000 * MS);
    assert!(world.engine.state().shard("a").is_none());
}

#[test]
fn an_operators_drain_outlives_the_session_and_ends_with_its_undrain() {
    let mut world = World::new(30, config(6), 3);
    world.run(10_000 * MS);
    world.answered(Request::Drain(id("e1"))).unwrap();
    world.executors[1] = None;
    world.run(20_000 * MS);
    assert_eq!(world.engine.state().sessions().count(), 2, "it has expired");
    let again = world.session("e1", 77);
    world.executors[1] = Some(again);
    world.run(10_000 * MS);
    assert_eq!(world.held()[1], 0);
    // Whoever takes the namespace over knows it too, from its history or from a snapshot.
    let drained = |state: &State| state.drained().cloned().collect::<Vec<_>>();
    let changes: Vec<Change> =
        world.engine.snapshot().map(|change| Change::decode(&change.encode()).unwrap()).collect();
    let state = State::from_changes(world.engine.state().version(), &Arc::new(config(1)), &changes);
    for state in [&state, &world.follower] {
        assert_eq!(drained(state), [id("e1")]);
    }
    world.answered(Request::Undrain(id("e1"))).unwrap();
    assert_eq!(drained(world.engine.state()), []);
    world.run(30_000 * MS);
    assert!(world.held()[1] > 0, "{:?}", world.held());
    let unknown = world.answered(Request::Undrain(id("e9")));
    assert_eq!(unknown, Err(RequestError::NoSuchExecutor(id("e9"))));
}

#[test]
fn a_deleted_namespace_answers_nothing_more_and_tells_its_executors() {
    let mut world = World::new(31, config(6), 2);
    world.run(10_000 * MS);
    assert!(matches!(world.answered(Request::Delete), Ok(Answer::Done(_))));
    assert_eq!(world.held(), [0, 0], "they are told to go");
    world.run(20_000 * MS);
    assert!(world.executors.iter().flatten().all(Session::is_over));
    assert_eq!(world.answered(Request::Freeze(Freeze::All)), Err(RequestError::Deleted));
    assert_eq!((world.follower.shard_count(), world.follower.sessions().count()), (0, 0));
}

#[test]
fn an_executor_that_only_beats_is_let_in_where_ownership_is_not_promised() {
    let beats = |active| {
        let (executor, profile) = (id("go"), Arc::default());
        let by = By::UnaryBeat { active };
        ToLeader::Register(session::Register {
            executor,
            nonce: 7,
            attempt: 1,
            profile,
            seen: Version::default(),
            by,
        })
    };
    for (ownership, allow_unfenced, active, refused) in [
        (Ownership::Exclusive, false, true, Some(Refusal::NeedsSessions)),
        (Ownership::Exclusive, true, true, None),
        (Ownership::Affinity, false, true, None),
        (Ownership::Affinity, false, false, Some(Refusal::NotActive)),
    ] {
        let mut world = World::new(32, NamespaceConfig { ownership, allow_unfenced, ..config(2) }, 1);
        world.run(3_000 * MS);
        assert_eq!(world.engine.state().is_exclusive(), ownership == Ownership::Exclusive && !allow_unfenced);
        world.executors.push(None);
        let (now, mut out) = (world.now, Vec::new());
        world.engine.handle(now, Event::Heard(Caller(1), beats(active)), &mut out);
        let answer = out.iter().find_map(|effect| match effect {
            Effect::Reply(_, ToExecutor::Refused { why, .. }) => Some(*why),
            _ => None,
        });
        assert_eq!(answer, refused);
    }
}

#[test]
fn exclusion_is_promised_again_when_nobody_serves_without_a_lease() {
    let allowing = NamespaceConfig { allow_unfenced: true, gather: Duration::ZERO, ..config(1) };
    let mut world = World::new(33, allowing.clone(), 1);
    world.run(3_000 * MS);
    let exclusive = NamespaceConfig { allow_unfenced: false, ..allowing };
    world.answered(Request::Configure(Box::new(exclusive))).unwrap();
    assert!(world.engine.state().is_exclusive(), "its owner knows sessions");
}

#[test]
fn what_moves_cost_is_measured() {
    let mut world = World::new(34, config(1), 2);
    world.run(5_000 * MS);
    let owner = world.holder("0").unwrap();
    assert_eq!(world.engine.moves().moves, 0, "to be given a shard for the first time is no move");
    world.answered(Request::Move(shard("0"), id(&format!("e{}", 1 - owner)))).unwrap();
    world.run(2_000 * MS);
    let handed_over = *world.engine.moves();
    assert_eq!((handed_over.moves, handed_over.overlaps), (1, 0));
    assert!(handed_over.gap_max > Duration::ZERO && handed_over.gap_max < 300 * MS, "{handed_over:?}");
    // Its next owner expires, and is heard again long after another has the shard.
    world.cut.insert(1 - owner);
    world.run(20_000 * MS);
    assert_eq!(world.holder("0"), Some(owner));
    world.cut.clear();
    world.run(5_000 * MS);
    let expired = *world.engine.moves();
    assert_eq!((expired.moves, expired.overlaps, expired.unmeasured), (2, 1, 0));
    assert!(expired.overlap_max > 5_000 * MS && expired.overlap_max < 15_000 * MS, "{expired:?}");
    assert_eq!(expired.overlap_total, expired.overlap_max);
}

#[test]
fn whoever_is_drained_and_undrained_in_one_commit_keeps_what_is_on_its_way_to_it() {
    let mut world = World::new(35, config(1), 2);
    world.run(5_000 * MS);
    let owner = world.holder("0").unwrap();
    let to = id(&format!("e{}", 1 - owner));
    world.ask(Request::Move(shard("0"), to.clone()));
    // What follows waits for that commit, and is decided together.
    world.ask(Request::Drain(to.clone()));
    world.ask(Request::Undrain(to));
    world.run(2_000 * MS);
    assert_eq!(world.holder("0"), Some(1 - owner));
}
