//! **Rule 8.** Executors apply only generations above the applied one; a token once revoked or released is never held
//! again, whatever arrives late. A stop because the lease lapsed is never a release.
//!
//! The holes: messages from before a handover arrive once more, behind it, and the old owner takes up again what it has
//! let go of. So it does when a store went back unnoticed and its leader still believes in the old owner. And an outage
//! in which all leases run out ends with everybody having given everything away.

use std::{sync::Arc, time::Duration};

use super::{
    needs,
    stage::{SECOND, held_by_two, id, one_shard, shard},
};
use crate::{
    engine::{
        Change, Engine, Freeze, Request, State,
        tests::world::{Broken, World},
    },
    planted::Planted,
    session::{Assigned, ToExecutor},
    types::Version,
};

#[test]
fn assignments_from_before_the_applied_version_change_nothing() {
    let schedule = || {
        let (mut world, owner) = World::settled(2);
        let other = 1 - owner;
        // The other one is told all that it has, which is nothing, because it has missed something.
        world.engine = Engine::take_over(world.follower.clone(), Duration::ZERO, world.now);
        world.run(SECOND * 5);
        let from = world.heard.len();
        world.answered_to(Request::Move(shard("0"), id(other))).unwrap();
        world.run(SECOND * 2);
        let granted = world.heard[from..].to_vec();
        world.answered_to(Request::Move(shard("0"), id(owner))).unwrap();
        world.run(SECOND * 2);
        // It all arrives once more: what it was told when it had nothing, and the grant behind it.
        let all = world.heard.clone();
        let is_all = |message: &&(usize, ToExecutor)| {
            let (to, message) = message;
            *to == other && matches!(message, ToExecutor::Assigned(Assigned { since: None, .. }))
        };
        let old = all.iter().filter(is_all).chain(granted.iter().filter(|(to, _)| *to == other));
        for (to, message) in old {
            world.tell_executor(*to, message.clone());
            world.audit();
        }
        world.broken()
    };
    needs(Planted::AppliesOlder, schedule, &held_by_two());
}

#[test]
fn what_was_let_go_of_is_never_held_again() {
    let schedule = || {
        let (mut world, owner) = World::settled(2);
        let other = 1 - owner;
        // So that nothing is granted but by us.
        world.answered_to(Request::Freeze(Freeze::All)).unwrap();
        let backup: Vec<Change> = world.engine.state().to_changes().collect();
        world.answered_to(Request::Move(shard("0"), id(other))).unwrap();
        world.run(SECOND * 2);
        // The store goes back, and on, and nobody notices.
        let now = world.engine.state().version();
        let version = Version { generation: now.generation + 1, ..now };
        let state = State::from_changes(version, &Arc::new(one_shard()), &backup);
        world.follower = state.clone();
        world.engine = Engine::take_over(state, Duration::ZERO, world.now);
        world.cut.insert(other);
        world.run(SECOND * 4);
        world.broken()
    };
    needs(Planted::RevokedHeldAgain, schedule, &held_by_two());
}

#[test]
fn to_stop_because_the_lease_ran_out_is_no_release() {
    let schedule = || {
        let (mut world, _) = World::settled(2);
        let token = world.token();
        world.leader_is_cut = true;
        world.run(SECOND * 60);
        world.leader_is_cut = false;
        world.run(SECOND * 15);
        world.broken_or_moved(token)
    };
    needs(Planted::LapseReleases, schedule, &Broken::MovedForNothing(shard("0")));
}
