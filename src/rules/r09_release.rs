//! **Rule 9.** A release is repeated until a generation above it shows that the executor is no longer owner; a revoke of
//! a token that is not held is answered "released".
//!
//! The holes: the one beat that names a release is lost, and the shard waits for ever between two owners. So it does
//! when a grant is lost and then revoked: its owner has never had it, and has nothing to let go of.

use super::{
    needs,
    stage::{SECOND, id, shard, unowned},
};
use crate::{
    engine::{
        Request,
        tests::world::{MS, World},
    },
    planted::Planted,
    session::{Beat, ToLeader},
};

#[test]
fn a_release_is_said_until_it_was_heard() {
    let schedule = || {
        let (mut world, owner) = World::settled(2);
        world.ask(Request::Move(shard("0"), id(1 - owner)));
        world.run(2 * MS);
        // The beats that name the release are lost.
        world.held_back.insert(owner);
        let names = |message: &ToLeader| matches!(message, ToLeader::Beat(Beat { released, .. }) if !released.is_empty());
        for message in std::mem::take(&mut world.kept_to_executor) {
            world.tell_executor(owner, message);
        }
        while !world.kept_to_engine.iter().any(names) {
            world.run(MS);
            for message in std::mem::take(&mut world.kept_to_executor) {
                world.tell_executor(owner, message);
            }
        }
        world.held_back.clear();
        world.run(SECOND * 10);
        world.broken_or_unowned()
    };
    needs(Planted::ReleaseSaidOnce, schedule, &unowned());
}

#[test]
fn that_an_executor_leaves_is_said_until_it_was_heard() {
    let schedule = || {
        let (mut world, owner) = World::settled(2);
        // It has stopped everything, and the one message in which it says that it goes is lost.
        world.held_back.insert(owner);
        let mut out = Vec::new();
        if let Some(session) = &mut world.executors[owner] {
            session.leave(&mut out);
        }
        world.carry_out(owner, out);
        world.run(SECOND);
        world.held_back.clear();
        world.run(SECOND * 5);
        world.broken_or_unowned()
    };
    needs(Planted::LeaveSaidOnce, schedule, &unowned());
}

#[test]
fn a_revoke_of_what_was_never_held_is_answered() {
    let schedule = || {
        let (mut world, owner) = World::settled(3);
        let (to, then) = ((owner + 1) % 3, (owner + 2) % 3);
        world.ask(Request::Move(shard("0"), id(to)));
        world.run(MS / 2);
        // The one that it goes to is not told that it has come: that is lost on the way.
        world.held_back.insert(to);
        while world.engine.state().shard("0").unwrap().handover.is_some() {
            world.run(MS);
        }
        world.run(10 * MS);
        world.held_back.clear();
        // Before it has missed that, it is to hand the shard on.
        world.ask(Request::Move(shard("0"), id(then)));
        world.run(SECOND * 8);
        world.broken_or_unowned()
    };
    needs(Planted::UnknownRevokeIgnored, schedule, &unowned());
}
