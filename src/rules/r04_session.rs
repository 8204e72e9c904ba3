//! **Rule 4.** A session is (incarnation, generation). Registration carries a process nonce and attempt: the same nonce
//! gets the same session, an older attempt changes nothing. Registering an id again ends renewals of its old session
//! only; that one's shards stay held until named releases or full expiry.
//!
//! The holes: a process whose answer was lost asks again and is taken for its own successor, so that what it was given
//! waits for the end of a session that is nobody's. A copy of its first request, years late, keeps a dead one alive. A
//! process that lives on behind a partition still holds what its successor's arrival has freed. And where sessions are
//! known by the id of their executor, a process that has died is kept alive by its successor.

use super::{
    needs,
    stage::{SECOND, held_by_two, one_shard, unowned},
};
use crate::{
    engine::{Caller, Event, tests::world::World},
    planted::Planted,
    session::OnLeaseLoss,
};

#[test]
fn the_same_nonce_gets_the_same_session() {
    let schedule = || {
        let mut world = World::scripted(one_shard(), 1);
        // The answer to the first attempt is lost.
        world.held_back.insert(0);
        world.run(SECOND / 2);
        let first = world.kept_to_engine.remove(0);
        world.tell_engine(Event::Heard(Caller(0), first));
        world.run(SECOND * 2);
        world.held_back.clear();
        world.run(SECOND * 4);
        world.broken_or_unowned()
    };
    needs(Planted::NonceForgotten, schedule, &unowned());
}

#[test]
fn an_older_attempt_is_no_sign_of_life() {
    let schedule = || {
        let mut world = World::scripted(one_shard(), 1);
        world.held_back.insert(0);
        world.run(SECOND / 2);
        let first = world.kept_to_engine.remove(0);
        world.held_back.clear();
        world.run(SECOND * 5);
        // It dies, and a copy of its first attempt arrives when its lease is almost over.
        world.executors[0] = None;
        world.join();
        world.run(SECOND * 8);
        world.tell_engine(Event::Heard(Caller(0), first));
        world.run(SECOND * 4);
        world.broken_or_unowned()
    };
    needs(Planted::OldAttemptCounts, schedule, &unowned());
}

#[test]
fn whoever_is_replaced_keeps_what_it_holds_until_it_can_have_heard_of_it() {
    let schedule = || {
        let (mut world, owner) = World::settled(2);
        world.cut.insert(owner);
        world.start(owner, 77, OnLeaseLoss::Fence);
        world.run(SECOND * 5);
        world.broken()
    };
    needs(Planted::SupersededLetsGo, schedule, &held_by_two());
}

#[test]
fn a_beat_counts_for_its_own_session_alone() {
    let schedule = || {
        let mut world = World::scripted(one_shard(), 2);
        let owner = loop {
            world.run(SECOND / 100);
            if let Some(owner) = world.owner() {
                break owner;
            }
        };
        world.executors[owner] = None;
        world.start(owner, 77, OnLeaseLoss::Fence);
        // Its lease, and three seconds for the rest.
        world.run(SECOND * 13);
        world.broken_or_unowned()
    };
    needs(Planted::IdInsteadOfSession, schedule, &unowned());
}
