//! **Rule 7.** Any interval in which the leader could not acknowledge (store away, paused, its tick late by more than a
//! beat) restarts listening for all sessions; leader and executor both use a clock that counts suspend. Listening starts
//! once the leader can be reached; executors reconnect within TTL/4, with jitter.
//!
//! The holes: after an outage a leader finds that it has heard nobody for a lease, and expires everybody who was there
//! all the while. And a machine that was suspended for an hour wakes up with a lease that, by its clock, has just been
//! renewed.

use super::{
    needs,
    stage::{SECOND, held_by_two, shard},
};
use crate::{
    engine::tests::world::{Broken, World},
    planted::{Planted, is},
};

#[test]
fn a_leader_that_could_not_answer_listens_anew() {
    let schedule = || {
        let (mut world, _) = World::settled(2);
        let token = world.token();
        world.leader_is_cut = true;
        world.run(SECOND * 300);
        world.leader_is_cut = false;
        world.run(SECOND * 15);
        world.broken_or_moved(token)
    };
    needs(Planted::NoListeningAgain, schedule, &Broken::MovedForNothing(shard("0")));
}

#[test]
fn a_leader_that_was_paused_listens_anew() {
    let schedule = || {
        let (mut world, _) = World::settled(2);
        let token = world.token();
        // Nothing of the leader runs, not even the proof that it leads; what arrives meanwhile is lost.
        world.leader_is_cut = true;
        let asleep = world.now + SECOND * 12;
        world.sleeps_until = Some(asleep);
        world.run(SECOND * 12);
        world.leader_is_cut = false;
        world.run(SECOND * 15);
        world.broken_or_moved(token)
    };
    needs(Planted::NoListeningAgain, schedule, &Broken::MovedForNothing(shard("0")));
}

#[test]
fn an_executor_that_was_suspended_knows_how_long() {
    let schedule = || {
        let (mut world, owner) = World::settled(2);
        let suspended = world.executors[owner].take();
        world.run(SECOND * 15);
        world.executors[owner] = suspended;
        if is(Planted::ClockMissesSuspend) {
            world.behind.insert(owner, SECOND * 15);
        }
        // In the very first moment, before anything else of it runs.
        world.audit();
        world.broken()
    };
    needs(Planted::ClockMissesSuspend, schedule, &held_by_two());
}
